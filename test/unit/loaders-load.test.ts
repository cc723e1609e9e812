import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lineNumbers } from '../../loaders/line-numbers.js';
import { formatReport, loadCsv } from '../../loaders/load.js';
import type { Mapping, UserTags } from '../../loaders/mapping.js';
import { LOAD_EXIT, runLoad } from '../../loaders/run.js';
import { loadSample, samplePath } from '../../loaders/sample.js';
import type { LoadTarget, TagDeclaration, UserRow } from '../../loaders/target.js';
import { SegmentdError } from '../../src/errors.js';

/** A target that remembers what it was given, and refuses the user `bad`. */
class MemoryTarget implements LoadTarget {
  readonly declared = new Map<string, TagDeclaration>();
  readonly users = new Map<string, UserTags>();
  closed = false;

  async hasTag(name: string): Promise<boolean> {
    return this.declared.has(name);
  }
  async declareTag(name: string, declaration: TagDeclaration): Promise<void> {
    if (name.includes('=')) throw new SegmentdError('INVALID_TAG_NAME', 'a tag name has no "="');
    this.declared.set(name, declaration);
  }
  async writeUsers(users: readonly UserRow[]): Promise<(string | undefined)[]> {
    return users.map(({ id, tags }) => {
      if (id === 'bad') return 'the target refuses';
      this.users.set(id, tags);
      return undefined;
    });
  }
  async close(): Promise<void> {
    this.closed = true;
  }
}

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'segmentd-load-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(content: string | Buffer, name = 'people.csv'): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const mapping: Mapping = {
  id: { column: 'id' },
  missing: ['?'],
  tags: [
    { column: 'age', tag: 'age', kind: 'number' },
    { column: 'score', tag: 'score', kind: 'number', scale: 2 },
    { column: 'city', tag: 'town', kind: 'enum', description: 'where' },
    { column: 'vip', tag: 'vip', kind: 'flag' },
  ],
};

async function load(content: string | Buffer, target = new MemoryTarget()) {
  const report = await loadCsv(file(content), () => mapping, target);
  return { report, target };
}

describe('a load', () => {
  const good = 'id,age,score,city,vip\nu1,39,1.5,Oslo,1\nu2,?,-0.25,,no\n';

  test.each([
    ['plain', Buffer.from(good)],
    ['gzip', gzipSync(good)],
    ['with a byte order mark', Buffer.from(`\uFEFF${good}`)],
    ['gzip with a byte order mark', gzipSync(`\uFEFF${good}`)],
    ['with CRLF', Buffer.from(good.replaceAll('\n', '\r\n'))],
  ])('of a file that is %s', async (_, content) => {
    const { report, target } = await load(content);
    expect(report).toMatchObject({ rowsRead: 2, rowsTaken: 2, rowsRefused: 0, refusals: [] });
    expect(Object.fromEntries(target.users)).toEqual({
      u1: { age: '39', score: '1.5', town: 'Oslo', vip: true },
      u2: { score: '-0.25' },
    });
    expect(target.declared.get('town')).toEqual({ kind: 'enum', description: 'where' });
    expect(target.declared.get('score')).toEqual({ kind: 'number', scale: 2 });
  });

  test('of a header alone takes no rows', async () => {
    const { report } = await load('id,age,score,city,vip\n');
    expect(report).toMatchObject({ rowsRead: 0, rowsTaken: 0, rowsRefused: 0 });
  });

  test('goes on over bad rows and names their lines', async () => {
    const rows: [row: string | Buffer, reason: string | undefined][] = [
      ['u1,1,1,"two\r\nlines",1', undefined],
      ['u2,1,1,x', '4 fields, but the header has 5'],
      ['u3,1,1,x,1,1', '6 fields, but the header has 5'],
      [',1,1,x,1', 'the id is empty'],
      ['u1,2,2,y,1', 'the id "u1" is already on line 2'],
      ['u4,1,1,x,?', undefined],
      ['u8,1,1,x,maybe', 'vip: "maybe" is neither yes (1, true, yes, y, t) nor no (0, false, no, n, f)'],
      [Buffer.from('u9,1,1,\xff,1', 'latin1'), 'field 4 is not valid UTF-8'],
      ['bad,1,1,x,1', 'the target refuses'],
      ['u"10,1,1,x,1', 'a quote stands inside the unquoted field 1'],
      ['u11,1,1,x,1', undefined],
      ['u8,?,?,,0', undefined],
    ];
    const content = Buffer.concat(
      ['id,age,score,city,vip', ...rows.map(([row]) => row)].flatMap((row) => [
        Buffer.from(row),
        Buffer.from('\n'),
      ]),
    );
    const { report, target } = await load(content);
    // The first row takes the lines 2 and 3.
    const expected = rows.flatMap(([, reason], index) => (reason ? [{ line: index + 3, reason }] : []));
    expect(report.refusals).toEqual(expected);
    expect(report).toMatchObject({ rowsRead: 12, rowsTaken: 4, rowsRefused: 8 });
    expect([...target.users.keys()]).toEqual(['u1', 'u4', 'u11']);
    expect(target.users.get('u1')).toEqual({ age: '1', score: '1', town: 'two\r\nlines', vip: true });
  });

  test('finds a second row of an id far away from the first', async () => {
    const ids = Array.from({ length: 20_000 }, (_, index) => `user-number-${index}`);
    const content = ['id,age,score,city,vip', ...ids, ids[0]].map((id, n) =>
      n === 0 ? id : `${id},1,1,x,1`,
    );
    const { report } = await load(content.join('\n'));
    expect(report.refusals).toEqual([
      { line: 20_002, reason: 'the id "user-number-0" is already on line 2' },
    ]);
  });

  test('keeps the first 20 refusals and counts the others', async () => {
    const { report } = await load(`id,age,score,city,vip\n${'x\n'.repeat(25)}`);
    expect(report.refusals.map(({ line }) => line)).toEqual(
      Array.from({ length: 20 }, (_, index) => index + 2),
    );
    const lines = formatReport({ ...report, seconds: 0.04 }).split('\n');
    expect(lines[0]).toBe('people.csv: 25 rows read, 0 taken, 25 refused, in 0.0 s');
    expect(lines[1]).toBe('  line 2: 1 field, but the header has 5');
    expect(lines[21]).toBe('  and 5 refusals more');
    expect(lines).toHaveLength(22);
  });

  test('takes any name for a column', async () => {
    const target = new MemoryTarget();
    const proto: Mapping = {
      id: { column: 'id' },
      missing: [],
      tags: [{ column: '__proto__', tag: '__proto__', kind: 'enum' }],
    };
    await loadCsv(file('id,__proto__\nu1,x\n'), () => proto, target);
    expect(Object.entries(target.users.get('u1')!)).toEqual([['__proto__', 'x']]);
  });
});

describe('a load ends at once', () => {
  test.each([
    ['an empty file', '', 'people.csv is empty; its first line should name the columns'],
    [
      'a missing column',
      'id,age,score,vip\n',
      'people.csv: there is no column "city"; the header has "id", "age", "score", "vip"',
    ],
    ['a column twice', 'id,age,score,city,vip,age\n', 'people.csv: the header has the column "age" twice'],
    [
      'a bad header',
      Buffer.from('id,\xff\n', 'latin1'),
      'people.csv: line 1, the header: field 2 is not valid UTF-8',
    ],
    ['UTF-16', Buffer.from('\uFEFFid,age', 'utf16le'), /people\.csv: is UTF-16; save it as UTF-8/],
    [
      'a gzip file that is cut',
      gzipSync('id,age,score,city,vip\n').subarray(0, -9),
      /people\.csv: the gzip file ends too early/,
    ],
    [
      'a damaged gzip file',
      Buffer.from([0x1f, 0x8b, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
      /people\.csv: the gzip file is damaged/,
    ],
  ])('for %s', async (_, content, message) => {
    await expect(load(content)).rejects.toThrow(message);
    await expect(load(content)).rejects.toMatchObject({ code: 'LOAD_FAILED' });
  });

  test('for a file that is not there, or is a folder', async () => {
    const target = new MemoryTarget();
    await expect(loadCsv(join(folder, 'no.csv'), () => mapping, target)).rejects.toThrow(
      /no\.csv: there is no such file/,
    );
    await expect(loadCsv(folder, () => mapping, target)).rejects.toThrow(/is a directory/);
  });

  test('for a column whose tag the target refuses', async () => {
    const bad: Mapping = { ...mapping, tags: [{ column: 'a=b', tag: 'a=b', kind: 'enum' }] };
    await expect(loadCsv(file('id,a=b\n1,2\n'), () => bad, new MemoryTarget())).rejects.toThrow(
      'people.csv: the column "a=b" cannot be a tag: a tag name has no "="',
    );
  });
});

describe('runLoad', () => {
  async function run(content: string, options: object, target = new MemoryTarget()) {
    const printed: string[] = [];
    const path = file(content);
    const exit = await runLoad(
      { files: [path], ...options },
      (text) => printed.push(text),
      async () => target,
    );
    return { exit, printed, target };
  }

  test('loads what the options name, and every other column as an enum', async () => {
    const { exit, printed, target } = await run('who,a,b,c,d,e\nu1,1.5,gold,x,-,z\n', {
      id: 'who',
      number: ['a:1'],
      flag: ['b=gold'],
      skip: ['c'],
      missing: ['-'],
    });
    expect(exit).toBe(LOAD_EXIT.loaded);
    expect(printed[0]).toMatch(/^people\.csv: 1 row read, 1 taken, 0 refused, in /);
    expect(target.users.get('u1')).toEqual({ a: '1.5', b: true, e: 'z' });
    expect(Object.fromEntries(target.declared)).toEqual({
      a: { kind: 'number', scale: 1 },
      b: { kind: 'flag' },
      d: { kind: 'enum' },
      e: { kind: 'enum' },
    });
    expect(target.closed).toBe(true);
  });

  test('leaves a tag that exists as it is, unless an option names its kind', async () => {
    const target = new MemoryTarget();
    target.declared.set('a', { kind: 'number' });
    target.declared.set('b', { kind: 'number' });
    await run('id,a,b\nu1,1,2\n', { enum: ['b'] }, target);
    expect(target.declared.get('a')).toEqual({ kind: 'number' });
    expect(target.declared.get('b')).toEqual({ kind: 'enum' });
  });

  test('fails when every row is refused, not when some are', async () => {
    expect((await run('id,a\nbad,1\nbad,1\n', {})).exit).toBe(LOAD_EXIT.failed);
    expect((await run('id,a\nbad,1\ngood,1\n', {})).exit).toBe(LOAD_EXIT.loaded);
    expect((await run('id,a\n', {})).exit).toBe(LOAD_EXIT.loaded);
  });

  test('asks for the id column when there is none of that name', async () => {
    await expect(run('who,a\nu1,1\n', {})).rejects.toThrow(
      'people.csv: there is no column "id"; say which column holds the users\' ids with --id; the header has "who", "a"',
    );
    await expect(run('who,a\nu1,1\n', { id: 'whom' })).rejects.toThrow('there is no column "whom"');
  });

  test('refuses a column that is named twice, before it connects', async () => {
    const options = { files: ['x'], number: ['a'], skip: ['a'] };
    const connect = async (): Promise<LoadTarget> => expect.fail('should not connect');
    await expect(runLoad(options, () => {}, connect)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });
});

describe('the sample', () => {
  test('is 48,842 people with their tags', async () => {
    expect(samplePath()).toMatch(/loaders.sample.adult\.csv\.gz$/);
    const target = new MemoryTarget();
    const report = await loadSample(target);
    expect(report).toMatchObject({ rowsRead: 48_842, rowsTaken: 48_842, rowsRefused: 0 });
    expect(target.users.get('p1')).toEqual({
      age: '39',
      workclass: 'State-gov',
      fnlwgt: '77516',
      education: 'Bachelors',
      'education-num': '13',
      'marital-status': 'Never-married',
      occupation: 'Adm-clerical',
      relationship: 'Not-in-family',
      race: 'White',
      sex: 'Male',
      'capital-gain': '2174',
      'capital-loss': '0',
      'hours-per-week': '40',
      'native-country': 'United-States',
    });
    // p15 is the first person without a native country.
    expect(target.users.get('p15')).toMatchObject({ 'high-income': true, occupation: 'Craft-repair' });
    expect(target.users.get('p15')).not.toHaveProperty('native-country');
    expect([...target.users.values()].filter((tags) => tags['high-income']).length).toBe(11_687);
    expect([...target.declared.values()].every(({ description }) => description !== undefined)).toBe(true);
  });
});

test('lineNumbers remembers more ids than one Map takes', () => {
  const lines = lineNumbers(3);
  for (let line = 1; line <= 10; line++) expect(lines.add(`u${line}`, line)).toBeUndefined();
  for (let line = 1; line <= 10; line++) expect(lines.add(`u${line}`, 99)).toBe(line);
});
