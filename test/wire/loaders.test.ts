/** Files with mistakes, loaded over the protocol into a running server: what it refuses is told by line, the rest is there. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { LOAD_EXIT, type LoadOptions, runLoad } from '../../loaders/run.js';
import { SegmentdError } from '../../src/index.js';
import { startTestServer, type TestServer } from '../support/server.js';

let folder: string;
let server: TestServer;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'segmentd-loaders-'));
});
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(async () => {
  server = await startTestServer();
  server.engine.setTags('before', { sports: true });
});
afterEach(async () => {
  expect(server.engine.check().problems).toEqual([]);
  expect(server.engine.get('before', ['sports'])).toEqual([true]);
  await server.close();
});

function file(content: string | Buffer, name = 'people.csv'): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** Loads a file; gives the exit code and what was printed, without the time it took. */
async function load(
  content: string | Buffer,
  options: Partial<LoadOptions> = {},
): Promise<[number, string[]]> {
  const printed: string[] = [];
  const files = [file(content)];
  const exit = await runLoad({ files, port: server.port, ...options }, (text) => printed.push(text));
  return [
    exit,
    printed
      .join('\n')
      .replace(/ in [\d.]+ s$/m, ' in N s')
      .split('\n'),
  ];
}

async function failure(content: string | Buffer, options: Partial<LoadOptions> = {}): Promise<string> {
  try {
    const [exit, lines] = await load(content, options);
    return `exit ${exit}: ${lines.join('\n')}`;
  } catch (error) {
    expect(error).toBeInstanceOf(SegmentdError);
    expect((error as SegmentdError).code).toBe('LOAD_FAILED');
    return (error as Error).message;
  }
}

describe('a load over the protocol', () => {
  it('tells the refusals of the server and its own by line, and takes the rest', async () => {
    const rows = [
      'id,age,score,city,vip',
      'u1,39,1.25,Oslo,1',
      'u2,old,1,Oslo,0',
      `${'x'.repeat(256)},40,1,Oslo,0`,
      `${'x'.repeat(255)},40,1,Oslo,0`,
      'u5,41,1.255,Oslo,1',
      'u6,4503599627370497,1,Oslo,1',
      'u7,42,1,Oslo',
      'u1,43,1,Rome,1',
      'u9,44,1,"two\nlines",y',
      ',45,1,Oslo,1',
      'u11,46,1,"quoted"x,1',
      'u12,?,,,',
      'u13,47,1,Århus,perhaps',
      'u14,48,0.5,Århus,true',
    ];
    const bad = Buffer.concat([
      Buffer.from(rows.join('\n')),
      Buffer.from('\nu15,49,1,K\xf8ln,1\n', 'latin1'),
    ]);
    const options = { number: ['age', 'score:2'], flag: ['vip'], missing: ['?'] };
    const [exit, lines] = await load(bad, options);
    expect(exit).toBe(LOAD_EXIT.loaded);
    expect(lines).toEqual([
      'people.csv: 15 rows read, 5 taken, 10 refused, in N s',
      '  line 3: tag "age" is a number: "old" is not an integer',
      '  line 4: a user id has 1 to 255 bytes, this one has 256',
      '  line 6: tag "score" is a number: "1.255" is not a decimal with at most 2 digits after the point',
      '  line 7: tag "age": 4503599627370497 is out of range (±2^52 at scale 0)',
      '  line 8: 4 fields, but the header has 5',
      '  line 9: the id "u1" is already on line 2',
      '  line 12: the id is empty',
      '  line 13: text follows the closing quote of field 4',
      expect.stringMatching(/^ {2}line 15: vip: "perhaps" is neither yes/),
      '  line 17: field 4 is not valid UTF-8',
    ]);
    const { engine } = server;
    const names = ['age', 'score', 'city', 'vip'];
    expect(engine.get('u1', names)).toEqual([39, 1.25, 'Oslo', true]);
    expect(engine.get('u9', names)).toEqual([44, 1, 'two\nlines', true]);
    expect(engine.get('u14', names)).toEqual([48, 0.5, 'Århus', true]);
    expect([...engine.members('age')].sort()).toEqual(['u1', 'u14', 'u9', 'x'.repeat(255)].sort());
    expect(engine.tags().map(({ name, kind, scale, declared }) => [name, kind, scale, declared])).toEqual([
      ['age', 'number', 0, true],
      ['city', 'enum', 0, true],
      ['score', 'number', 2, true],
      ['sports', 'flag', 0, false],
      ['vip', 'flag', 0, true],
    ]);
  });

  it('keeps the first twenty refusals', async () => {
    const rows = Array.from({ length: 3_000 }, (_, i) => `u${i},${i % 100 === 7 ? 'old' : i}`);
    const [exit, lines] = await load(`id,age\n${rows.join('\n')}\n`, { number: ['age'] });
    expect(exit).toBe(LOAD_EXIT.loaded);
    expect(lines[0]).toBe('people.csv: 3,000 rows read, 2,970 taken, 30 refused, in N s');
    expect(lines.slice(1, 21).map((line) => line.split(':')[0])).toEqual(
      Array.from({ length: 20 }, (_, i) => `  line ${100 * i + 7 + 2}`),
    );
    expect(lines.slice(21)).toEqual(['  and 10 refusals more']);
    expect(server.engine.count('age')).toBe(2_970);
  });

  it('reports failure when every row is refused', async () => {
    const [exit, lines] = await load('id,age\nu1,old\nu2,older\n', { number: ['age'] });
    expect(exit).toBe(LOAD_EXIT.failed);
    expect(lines[0]).toBe('people.csv: 2 rows read, 0 taken, 2 refused, in N s');
  });

  it('takes what was written before it, and its declarations', async () => {
    server.engine.setTags('u1', { city: 'Oslo', extra: true });
    server.engine.declareTag('age', { kind: 'number', description: 'in years' });
    expect((await load(gzipSync('id,age,city\nu1,39,Rome\n')))[0]).toBe(LOAD_EXIT.loaded);
    expect(server.engine.get('u1', ['age', 'city', 'extra'])).toEqual([39, 'Rome', true]);
    expect(server.engine.tag('age')).toMatchObject({ kind: 'number', description: 'in years' });
    expect(server.engine.tag('city')).toMatchObject({ kind: 'enum', declared: false });
  });

  it('goes to other prefixes, and with a password', async () => {
    await server.close();
    server = await startTestServer({ userPrefix: 'p/', password: 'sésame' });
    server.engine.setTags('before', { sports: true });
    const csv = 'id,city\nu1,Oslo\n';
    expect(await failure(csv, { userPrefix: 'p/' })).toContain('give it with --password');
    expect(await failure(csv, { userPrefix: 'p/', password: 'wrong' })).toContain('WRONGPASS');
    expect((await load(csv, { userPrefix: 'p/', password: 'sésame' }))[0]).toBe(LOAD_EXIT.loaded);
    const [exit, lines] = await load(csv, { password: 'sésame' });
    expect(exit).toBe(LOAD_EXIT.failed);
    expect(lines[1]).toBe(
      '  line 2: key "user:u1" has no known prefix: users are p/ID, tags tag:NAME, audiences audience:NAME',
    );
  });

  it('cannot go on without what it needs', async () => {
    const age = { number: ['age'] };
    expect(await failure('id,city\nu1,Oslo\n', age)).toBe(
      'people.csv: there is no column "age"; the header has "id", "city"',
    );
    expect(await failure('name,age\nu1,39\n', age)).toContain('people.csv: there is no column "id"');
    expect(await failure('id,age,age\nu1,39,39\n')).toContain('has the column "age" twice');
    expect(await failure('')).toBe('people.csv is empty; its first line should name the columns');
    expect(await failure('id,"age\nu1,39\n')).toContain('people.csv: line 1, the header:');
    expect(await failure(Buffer.from('id,\xe5ge\nu1,39\n', 'latin1'))).toContain('line 1, the header:');
    expect(await failure('id,a=b\nu1,39\n')).toContain('people.csv: the column "a=b" cannot be a tag:');
    expect(await failure('id,sports\nu1,39\n', { number: ['sports:99'] })).toContain('cannot be a tag:');
    server.engine.setTags('before', { city: 'Oslo' });
    expect(await failure('id,city\nu1,1\n', { number: ['city'] })).toContain(
      'the column "city" cannot be a tag: tag "city" stays enum: a user has the value "Oslo"',
    );
    expect(await failure('', { files: [join(folder, 'nosuch.csv')] })).toContain('nosuch.csv');
    expect(await failure('', { files: [folder] })).toContain('segmentd-loaders-');
    expect(await failure(Buffer.concat([gzipSync('id,age\nu1,39\n').subarray(0, 20)]))).toContain(
      'people.csv',
    );
    expect(server.engine.has('u1')).toBe(false);
  });

  it('says so when nobody answers, or the server goes away', async () => {
    const port = server.port;
    const rows = Array.from({ length: 50_000 }, (_, i) => `u${i},${i}`);
    const loading = failure(`id,n\n${rows.join('\n')}\n`);
    while (server.engine.count('n') === 0) await new Promise((resolve) => setImmediate(resolve));
    await server.close();
    expect(await loading).toMatch(new RegExp(`^127\\.0\\.0\\.1:${port}`));
    expect(await failure('id,age\nu1,39\n')).toBe(
      `no server answers at 127.0.0.1:${port}; start one with "segmentd serve", or name it with --host and --resp-port`,
    );
    server = await startTestServer();
    server.engine.setTags('before', { sports: true });
  });
});
