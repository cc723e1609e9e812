import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Engine, type Mutation, openEngine } from '../../src/index.js';
import { crc32c } from '../../src/persistence/crc32c.js';
import { codeOf } from '../support/code-of.js';
import { TestFolder } from '../support/test-folder.js';

const HEADER_BYTES = 16;

let folder: TestFolder;

beforeEach(() => {
  folder = new TestFolder();
});

afterEach(() => {
  folder.remove();
});

/** Everything an engine knows, as plain data. */
function contentOf(engine: Engine): unknown {
  const { problems, sound, ...counts } = engine.check();
  expect(problems).toEqual([]);
  expect(sound).toBe(true);
  const ids = new Map<string, Uint8Array>();
  const tags = engine.tags().map(({ bytes, ...info }) => {
    const members = [...engine.memberBytes(info.name)];
    for (const id of members) ids.set(Buffer.from(id).toString('hex'), id);
    return { ...info, members: members.map((id) => Buffer.from(id).toString('hex')).sort() };
  });
  const users = [...ids].sort().map(([hex, id]) => [hex, new Map([...engine.getAll(id)!].sort())]);
  return { counts, tags, users };
}

/** Bytes that are no UTF-8, among them a zero. */
const BINARY = Uint8Array.of(0xff, 0, 0xc3, 0x28, 10);
const LONGEST = 'ü'.repeat(127);

const EVERY_KIND: Mutation[] = [
  { type: 'declareTag', tag: 'price', declaration: { kind: 'number', scale: 2, description: 'in €' } },
  { type: 'declareTag', tag: 'gone', declaration: { kind: 'flag' } },
  { type: 'declareTag', tag: 'empty', declaration: { kind: 'enum', description: '' } },
  { type: 'setTags', user: 'anna', tags: ['sports', 'city'], values: [true, 'Köln'] },
  { type: 'setTags', user: 'anna', tags: ['city', 'price', 'gone'], values: ['Berlin', -1.25, '1'] },
  { type: 'setTags', user: BINARY, tags: ['sports', 'age', 'price'], values: [1, 42, '1000000.5'] },
  { type: 'setTags', user: LONGEST, tags: ['t'.repeat(255)], values: ['v'.repeat(16_384)] },
  {
    type: 'setTags',
    user: 'x'.repeat(255),
    tags: ['s'.repeat(40), 'odd'],
    values: ['w'.repeat(63), '\ud800 😀'],
  },
  { type: 'setTags', user: 'numbers', tags: ['price'], values: [12_345_678_901.25] },
  { type: 'increment', user: 'anna', tag: 'visits', by: 2 ** 40 },
  { type: 'increment', user: BINARY, tag: 'visits', by: -7 },
  { type: 'increment', user: BINARY, tag: 'visits', by: 1_000 },
  { type: 'addUsers', tag: 'sports', value: undefined, users: ['bert', BINARY, 'carl', 'bert'] },
  { type: 'addUsers', tag: 'city', value: 'Paris', users: ['bert', 'carl', 'anna'] },
  {
    type: 'addUsers',
    tag: 'many',
    value: true,
    users: Array.from({ length: 40 }, (_, i) => Uint8Array.of(i, 200)),
  },
  { type: 'removeUsers', tag: 'sports', value: undefined, users: ['carl', 'nobody'] },
  { type: 'removeUsers', tag: 'city', value: 'Paris', users: ['bert', 'anna'] },
  { type: 'removeTags', user: 'anna', tags: ['price', 'no such tag'] },
  { type: 'eraseUser', user: 'x'.repeat(255) },
  { type: 'eraseUser', user: Uint8Array.of(3, 200) },
  { type: 'dropTag', tag: 'gone' },
  { type: 'clearTag', tag: 'age' },
];

describe('a journal', () => {
  test('brings back everything', () => {
    const engine = folder.open();
    const plain = openEngine();
    for (const mutation of EVERY_KIND) expect(engine.apply(mutation)).toBe(plain.apply(mutation));
    const content = contentOf(engine);
    expect(content).toEqual(contentOf(plain));
    const again = folder.reopen(engine);
    expect(contentOf(again)).toEqual(content);
    expect(again.persistence).toMatchObject({ replayed: EVERY_KIND.length, torn: 0, failure: undefined });
    again.setTags('later', { sports: true });
    expect(folder.reopen(again).has('later')).toBe(true);
  });

  test.each(EVERY_KIND.map((mutation, i) => [i, mutation.type] as const))(
    'brings back the state after change %i, %s',
    (i) => {
      const engine = folder.open();
      for (const mutation of EVERY_KIND.slice(0, i + 1)) engine.apply(mutation);
      const content = contentOf(engine);
      expect(contentOf(folder.reopen(engine))).toEqual(content);
    },
  );

  test('forgets what was cleared', () => {
    const engine = folder.open();
    for (const mutation of EVERY_KIND) engine.apply(mutation);
    engine.clear();
    engine.setTags('new', { sports: true });
    const again = folder.reopen(engine);
    expect(again.stats()).toMatchObject({ users: 1, tags: 1, pairs: 1 });
  });

  test('begins a new file when a large one is cleared', () => {
    const engine = folder.open();
    const value = 'v'.repeat(16_000);
    for (let i = 0; i < 100; i++) engine.setTags(`user ${i}`, { text: `${value}${i}` });
    engine.flush();
    expect(engine.persistence!.size).toBeGreaterThan(1_600_000);
    engine.setTags('not yet written', { text: 'x' });
    engine.clear();
    expect(engine.persistence).toMatchObject({ size: HEADER_BYTES, file: 'journal-000003.log' });
    expect(readdirSync(folder.path).sort()).toEqual(['LOCK', 'MANIFEST', 'journal-000003.log']);
    engine.setTags('new', { sports: true });
    const again = folder.reopen(engine);
    expect(again.stats()).toMatchObject({ users: 1, tags: 1 });
    again.setTags('newer', { sports: true });
    expect(folder.reopen(again).count('sports')).toBe(2);
  });

  test('does not keep what was refused or changed nothing', () => {
    const engine = folder.open();
    engine.declareTag('age', { kind: 'number' });
    engine.setTags('anna', { age: 1, sports: true });
    engine.flush();
    const { size } = engine.persistence!;
    expect(codeOf(() => engine.setTags('anna', { fresh: true, age: 'old' }))).toBe('INVALID_VALUE');
    expect(codeOf(() => engine.setTags('', { age: 1 }))).toBe('INVALID_USER_ID');
    expect(codeOf(() => engine.setTags('anna', { age: undefined as never }))).toBe('INVALID_VALUE');
    expect(codeOf(() => engine.increment('anna', 'age', 0.5))).toBe('NOT_AN_INTEGER');
    expect(() => engine.setTags(undefined as never, { age: 1 })).toThrow(TypeError);
    engine.removeTags('anna', ['none']);
    engine.eraseUser('nobody');
    engine.dropTag('none');
    engine.flush();
    expect(engine.persistence!.size).toBe(size);
    expect(folder.reopen(engine).getAll('anna')).toEqual(
      new Map<string, unknown>([
        ['age', 1],
        ['sports', true],
      ]),
    );
  });

  test('reads ids when they are given, since their buffer may be used again', () => {
    const engine = folder.open();
    const buffer = Buffer.from('anna');
    engine.setTags(buffer, { sports: true });
    buffer.write('bert');
    engine.setTags(buffer, { music: true });
    const again = folder.reopen(engine);
    expect([[...again.members('sports')], [...again.members('music')]]).toEqual([['anna'], ['bert']]);
  });

  test('is written before the event loop goes on, without flush', async () => {
    const engine = folder.open();
    engine.setTags('anna', { sports: true });
    expect(statSync(folder.journal).size).toBe(HEADER_BYTES);
    await nextTurn();
    expect(statSync(folder.journal).size).toBeGreaterThan(HEADER_BYTES);
  });

  test('is written in between when much comes at once', () => {
    const engine = folder.open();
    const value = 'v'.repeat(16_000);
    for (let i = 0; i < 100; i++) engine.setTags(`user ${i}`, { text: `${value}${i}` });
    expect(statSync(folder.journal).size).toBeGreaterThan(2 ** 20);
    expect(folder.reopen(engine).stats().users).toBe(100);
  });

  test('takes one change that is larger than a batch', () => {
    const engine = folder.open();
    const users = Array.from({ length: 30_000 }, (_, i) => `${'u'.repeat(80)}${i}`);
    engine.addUsers('sports', users);
    expect(folder.reopen(engine).count('sports')).toBe(30_000);
  });

  test('of an engine that was not strict is replayed by one that is', () => {
    const before = folder.open();
    before.setTags('anna', { sports: true });
    before.close();
    const engine = folder.open({ strict: true });
    expect(engine.count('sports')).toBe(1);
    expect(codeOf(() => engine.setTags('anna', { music: true }))).toBe('UNDECLARED_TAG');
  });

  test('that other options do not allow says so', () => {
    const engine = folder.open();
    engine.setTags('a', { city: 'x' });
    engine.setTags('b', { city: 'y' });
    engine.close();
    expect(codeOf(() => folder.open({ maxEnumValues: 1 }))).toBe('DATA_CORRUPT');
    expect(() => folder.open({ maxEnumValues: 1 })).toThrow('with the options that it was written with');
    expect(folder.open().count('city')).toBe(2); // The lock is free.
  });

  test('lies in a folder that nobody else may read, which is made', () => {
    const inner = join(folder.path, 'a', 'b');
    folder.open({ dataDir: inner });
    expect(statSync(inner).mode & 0o777).toBe(0o700);
  });

  test('cannot lie in a file', () => {
    const file = join(folder.path, 'file');
    writeFileSync(file, '');
    expect(codeOf(() => folder.open({ dataDir: file }))).toBe('PERSISTENCE_FAILED');
    expect(() => folder.open({ dataDir: file })).toThrow(file);
  });
});

describe('crc32c', () => {
  // RFC 3720, appendix B.4, and the check value of the catalogues of checksums.
  test.each([
    [Buffer.from('123456789'), 0xe3069283],
    [Buffer.alloc(0), 0],
    [Buffer.alloc(32), 0x8a9136aa],
    [Buffer.alloc(32, 0xff), 0x62a8ab43],
    [Buffer.from(Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e],
    [Buffer.from(Array.from({ length: 32 }, (_, i) => 31 - i)), 0x113fdb5c],
  ])('of %o', (bytes, sum) => {
    expect(crc32c(bytes)).toBe(sum);
    const inside = Buffer.concat([Buffer.from('abc'), bytes, Buffer.from('d')]);
    expect(crc32c(inside, 3, 3 + bytes.length)).toBe(sum);
  });
});
