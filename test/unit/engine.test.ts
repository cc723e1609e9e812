import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from 'vitest';
import { type Engine, openEngine, SegmentdError, type TagValue } from '../../src/index.js';
import { codeOf } from '../support/code-of.js';

/** All that can be asked of an engine, to see that nothing changed. */
function stateOf(engine: Engine): unknown {
  const users = [...engine.store.users].map((ordinal) => engine.store.idOf(ordinal).toString());
  const tags = engine.tags().map(({ bytes, ...info }) => ({
    ...info,
    members: [...engine.members(info.name)],
  }));
  return {
    users: new Map(users.map((user) => [user, engine.getAll(user)])),
    tags,
    pairs: engine.stats().pairs,
  };
}

/** Runs what must throw, and asserts that it changed nothing. Returns the error's code. */
function refused(engine: Engine, run: () => unknown): string | undefined {
  const before = stateOf(engine);
  const code = codeOf(run);
  const after = stateOf(engine);
  // Equal states are many and large; only others are worth a report.
  if (!isDeepStrictEqual(after, before)) expect(after).toEqual(before);
  expect(engine.check().problems).toEqual([]);
  return code;
}

/**
 * Gives the user `full` numbers of which each takes many bytes, then numbers of one byte, until the next one is refused;
 * see MAX_VECTOR_BYTES. Returns the name of a tag that is then too much.
 */
function fill(engine: Engine): string {
  const names = Array.from({ length: 5600 }, (_, i) => `n${i}`);
  for (const name of names) engine.declareTag(name, { kind: 'number' });
  engine.setTags('full', new Map(names.slice(0, 5300).map((name) => [name, 2 ** 52])));
  let count = 5300;
  for (const value of [2 ** 52, 1]) {
    while (codeOf(() => engine.setTags('full', { [names[count]!]: value })) === undefined) count++;
  }
  expect(count).toBeLessThan(5900);
  expect(codeOf(() => engine.setTags('full', { [names[count]!]: 1 }))).toBe('VECTOR_TOO_LARGE');
  return names[count]!;
}

describe('reading', () => {
  test('a user has values of the kinds of the tags', () => {
    const engine = openEngine();
    engine.declareTag('age', { kind: 'number' });
    engine.declareTag('score', { kind: 'number', scale: 2 });
    const tags = { sports: true, city: 'Rome', age: 42, score: '1.50', one: '1', empty: '' } as const;
    expect(engine.setTags('u1', tags)).toBe(6);
    expect(engine.setTags('u1', tags)).toBe(0);
    const values = { sports: true, city: 'Rome', age: 42, score: 1.5, one: true, empty: '' };
    expect(engine.getAll('u1')).toEqual(new Map(Object.entries(values)));
    expect(engine.get('u1', ['score', 'nothing', 'city', 'score'])).toEqual([1.5, null, 'Rome', 1.5]);
    expect(engine.get('u2', ['score', 'nothing'])).toEqual([null, null]);
    expect(engine.getAll('u2')).toBeUndefined();
    expect([engine.has('u1'), engine.has('u2')]).toEqual([true, false]);
  });

  test('a selection follows its names', () => {
    const engine = openEngine();
    const selection = engine.select(['a', 'b']);
    expect(engine.get('u', selection)).toEqual([null, null]);
    engine.setTags('u', new Map<string, TagValue>(Object.entries({ b: 'x', a: 1 })));
    expect(engine.get('u', selection)).toEqual([true, 'x']);
    engine.setTags('u', { a: 'y' });
    expect(engine.get('u', selection)).toEqual(['y', 'x']);
    engine.dropTag('a');
    engine.setTags('u', { c: 'z' });
    expect(engine.get('u', selection)).toEqual([null, 'x']);
    expect(engine.getMany(['u', 'v', 'u'], selection)).toEqual([
      [null, 'x'],
      [null, null],
      [null, 'x'],
    ]);
  });

  test('getMany reads many more users than it looks ahead for', () => {
    const engine = openEngine();
    const users = Array.from({ length: 1000 }, (_, i) => `user ${i}`);
    users.forEach((user, i) => {
      if (i % 3 > 0) engine.setTags(user, { n: `value ${i}` });
    });
    const expected = users.map((_, i) => [i % 3 > 0 ? `value ${i}` : null]);
    expect(engine.getMany(users, ['n'])).toEqual(expected);
    expect(engine.getMany([], ['n'])).toEqual([]);
  });

  test('tags are listed in order of their names, all or those that match', () => {
    const engine = openEngine();
    for (const name of ['b', 'a:2', 'a:1', 'B', 'é']) engine.declareTag(name, { kind: 'flag' });
    expect(engine.tags().map(({ name }) => name)).toEqual(['B', 'a:1', 'a:2', 'b', 'é']);
    expect(engine.tags('a:*').map(({ name }) => name)).toEqual(['a:1', 'a:2']);
    expect(engine.tags('[').map(({ name }) => name)).toEqual([]);
  });

  test('values are counted, and members named, by value', () => {
    const engine = openEngine();
    engine.addUsers('city', ['a', 'b'], 'Rome');
    engine.addUsers('city', ['c'], 'Paris');
    engine.addUsers('flag', ['c']);
    engine.declareTag('n', { kind: 'number', scale: 1 });
    engine.addUsers('n', ['a', 'c'], -1.5);
    expect([...engine.members('city', 'Rome')]).toEqual(['a', 'b']);
    expect([...engine.members('n', '-1.50')]).toEqual(['a', 'c']);
    expect([engine.count('city'), engine.count('city', 'Paris'), engine.count('city', 'x')]).toEqual([
      3, 1, 0,
    ]);
    expect([engine.count('n', -1.5), engine.count('n', 1.5), engine.count('n', 'x')]).toEqual([2, 0, 0]);
    expect([engine.count('flag', true), engine.count('flag', '1'), engine.count('flag', 'x')]).toEqual([
      1, 1, 0,
    ]);
    expect([engine.count('none'), [...engine.members('none', 'x')]]).toEqual([0, []]);
    expect(engine.tag('city')).toMatchObject({ kind: 'enum', users: 3, values: 2, declared: false });
    expect(engine.tag('n')).toMatchObject({ kind: 'number', scale: 1, users: 2, values: 0, declared: true });
  });

  test('ids that are no UTF-8 are told as bytes', () => {
    const engine = openEngine();
    const ids = [Uint8Array.of(0xff, 0xfe), Uint8Array.of(0), Uint8Array.of(0, 0)];
    engine.addUsers('t', ids);
    expect([...engine.memberBytes('t')].map((id) => [...id])).toEqual(ids.map((id) => [...id]));
    expect(engine.has(Buffer.from([0xff, 0xfe]))).toBe(true);
    expect(engine.has('\0\0')).toBe(true);
  });
});

describe('writing', () => {
  test('of a tag named twice, the last value counts', () => {
    const engine = openEngine();
    const set = (user: string, ...cells: [string, TagValue][]) =>
      engine.apply({
        type: 'setTags',
        user,
        tags: cells.map(([tag]) => tag),
        values: cells.map(([, v]) => v),
      });
    expect(set('u', ['city', 'Rome'])).toBe(1);
    // The only user of "Rome" goes away from it and comes back.
    expect(set('u', ['city', 'Paris'], ['city', 'Rome'])).toBe(0);
    expect(engine.getAll('u')).toEqual(new Map([['city', 'Rome']]));
    expect(set('u', ['f', 1], ['city', 'x'], ['f', 'y'], ['city', 'Oslo'])).toBe(1);
    expect(engine.getAll('u')).toEqual(new Map(Object.entries({ city: 'Oslo', f: 'y' })));
    expect(engine.tag('city')).toMatchObject({ users: 1, values: 1 });
    expect(engine.check().problems).toEqual([]);
  });

  test.each([
    ['a value that is none', 'INVALID_VALUE', { a: 'x', city: 'Rome', late: undefined }],
    ['null', 'INVALID_VALUE', { fresh: null }],
    ['false', 'INVALID_VALUE', { fresh: false }],
    ['an object', 'INVALID_VALUE', { fresh: { toString: () => 'text' } }],
    ['NaN', 'INVALID_VALUE', { fresh: Number.NaN }],
    ['a declared flag', 'INVALID_VALUE', { a: 'x', flag: 'not 1' }],
    ['a declared number', 'INVALID_VALUE', { fresh: 'x', age: 'old' }],
    ['a long value', 'INVALID_VALUE', { fresh: 'x', town: 'v'.repeat(16_385) }],
    ['a long value of a new tag', 'INVALID_VALUE', { fresh: 'v'.repeat(16_385) }],
    ['a long value of a flag', 'INVALID_VALUE', { a: 'v'.repeat(16_385) }],
    ['a great number', 'OUT_OF_RANGE', { fresh: 1, age: 2 ** 53 }],
    ['a name', 'INVALID_TAG_NAME', { fresh: 1, a: 'widened', 'a=b': 1 }],
    ['one value more', 'TOO_MANY_VALUES', { fresh: 1, a: 'widened', city: 'one too many' }],
    ['a third value for a number', 'TAG_CONFLICT', { a: 'widened', made: 'not a number' }],
  ])('what is refused for %s changes nothing', (_, code, tags) => {
    const engine = openEngine({ maxEnumValues: 2 });
    engine.declareTag('age', { kind: 'number' });
    engine.declareTag('flag', { kind: 'flag' });
    engine.addUsers('a', ['u', 'v']);
    engine.addUsers('town', ['u'], 'Rome');
    engine.addUsers('city', ['u'], 'Rome');
    engine.addUsers('city', ['v'], 'Paris');
    for (const user of ['u', 'v', 'w']) engine.increment(user, 'made', user.charCodeAt(0));
    for (const user of ['u', 'new']) {
      expect(refused(engine, () => engine.setTags(user, tags as Record<string, TagValue>))).toBe(code);
    }
  });

  test('of fewer values than tags is refused', () => {
    const engine = openEngine();
    const mutation = { type: 'setTags', user: 'u', tags: ['a', 'b'], values: ['x'] } as const;
    expect(refused(engine, () => engine.apply(mutation))).toBe('INVALID_VALUE');
  });

  test('a wrong id anywhere in a list changes nothing', () => {
    const engine = openEngine();
    engine.addUsers('t', ['a', 'b']);
    expect(refused(engine, () => engine.addUsers('t', ['c', '', 'd']))).toBe('INVALID_USER_ID');
    expect(refused(engine, () => engine.addUsers('new', ['x'.repeat(256)]))).toBe('INVALID_USER_ID');
    expect(refused(engine, () => engine.removeUsers('t', ['a', '']))).toBe('INVALID_USER_ID');
    expect(refused(engine, () => engine.removeUsers('none', ['']))).toBe('INVALID_USER_ID');
    for (const run of [() => engine.has(''), () => engine.getAll(''), () => engine.eraseUser('')]) {
      expect(refused(engine, run)).toBe('INVALID_USER_ID');
    }
  });

  test('a set write to a declared enum or number needs a value, unless all have one', () => {
    const engine = openEngine({ maxEnumValues: 1 });
    engine.declareTag('city', { kind: 'enum' });
    engine.declareTag('age', { kind: 'number' });
    engine.addUsers('city', ['a', 'b'], 'Rome');
    engine.addUsers('age', ['a'], 7);
    expect(refused(engine, () => engine.addUsers('city', ['a', 'c']))).toBe('INVALID_VALUE');
    expect(() => engine.addUsers('city', ['c'])).toThrow(
      'tag "city" is an enum and needs a value: name one, as in city=VALUE',
    );
    expect(() => engine.addUsers('age', ['c'])).toThrow(
      'tag "age" is a number and needs a value: set it by user',
    );
    expect(engine.addUsers('city', ['a', 'b', 'a'])).toBe(0);
    expect(engine.addUsers('age', ['a'])).toBe(0);
    expect(engine.get('a', ['city', 'age'])).toEqual(['Rome', 7]);
  });

  test('users change over to a value once, whatever the list repeats', () => {
    const engine = openEngine();
    expect(engine.addUsers('city', ['a', 'b', 'a'], 'Rome')).toBe(2);
    expect(engine.addUsers('city', ['a', 'b', 'c', 'c'], 'Oslo')).toBe(3);
    expect(engine.removeUsers('city', ['a', 'a'], 'Rome')).toBe(0);
    expect(engine.removeUsers('city', ['a', 'a'], 'Oslo')).toBe(1);
    expect(engine.removeUsers('city', ['a', 'b', 'c', 'd'])).toBe(2);
    expect(engine.tag('city')).toBeUndefined();
    expect(engine.stats()).toMatchObject({ users: 0, tags: 0, pairs: 0 });
  });

  test('increment counts in the kind that the tag has', () => {
    const engine = openEngine();
    engine.declareTag('score', { kind: 'number', scale: 2 });
    engine.setTags('u', { score: '1.25', text: '41', flag: 1, word: 'x' });
    expect(engine.increment('u', 'score', 2)).toBe(3.25);
    expect(engine.increment('u', 'text', 1)).toBe('42');
    expect(engine.increment('u', 'flag', 4)).toBe('5');
    expect(engine.increment('u', 'fresh', -3)).toBe(-3);
    expect(engine.tag('fresh')).toMatchObject({ kind: 'number', declared: false });
    expect(refused(engine, () => engine.increment('u', 'word', 1))).toBe('NOT_AN_INTEGER');
    for (const by of [0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(refused(engine, () => engine.increment('u', 'fresh', by))).toBe('NOT_AN_INTEGER');
      expect(refused(engine, () => engine.increment('new', 'newer', by))).toBe('NOT_AN_INTEGER');
    }
    expect(refused(engine, () => engine.increment('u', 'fresh', 2 ** 53))).toBe('OUT_OF_RANGE');
    expect(refused(engine, () => engine.increment('u', 'newer', 2 ** 53))).toBe('OUT_OF_RANGE');
  });

  test('a user whose tags need too much room is refused, and nothing of the mutation stays', () => {
    const engine = openEngine();
    engine.addUsers('flag', ['a', 'b', 'full']);
    engine.declareTag('score', { kind: 'number' });
    for (const user of ['a', 'full']) engine.increment(user, 'made', 7);
    for (const user of ['a', 'b', 'full']) engine.setTags(user, { city: 'Rome', score: 3 });
    engine.setTags('a', { city: 'Oslo' });
    // The code of a value that is not among the first 128 takes a byte more.
    for (let i = 0; i < 200; i++) engine.setTags(`user ${i}`, { city: `city ${i}` });
    const next = fill(engine);
    const convert = () => engine.declareTag('score', { kind: 'number', scale: 9 });
    for (const run of [
      () => engine.setTags('full', { 'new ü': 'x', [next]: 2 ** 52 }),
      () => engine.setTags('full', { flag: 'widened', made: 'widened', [next]: 2 ** 52 }),
      () => engine.addUsers(next, ['a', 'b', 'full', 'c'], 2 ** 52),
      () => engine.addUsers('made', ['a', 'c', 'full'], 2 ** 52),
      () => engine.addUsers('city', ['b', 'user 7', 'c', 'a', 'full', 'd'], 'Paris'),
      () => engine.increment('full', next, 2 ** 52),
      convert,
    ]) {
      expect(refused(engine, run)).toBe('VECTOR_TOO_LARGE');
    }
    expect(engine.removeTags('full', ['n0', 'n1'])).toBe(2);
    expect(convert()).toMatchObject({ scale: 9, users: 3 });
    expect(engine.setTags('full', { [next]: 2 ** 52 })).toBe(1);
    expect(engine.get('full', ['score', next, 'city'])).toEqual([3, 2 ** 52, 'Rome']);
    expect(engine.check().problems).toEqual([]);
  });
});

describe('declaring', () => {
  test('a tag converts when every value allows it', () => {
    const engine = openEngine();
    engine.setTags('a', { t: '1' });
    engine.setTags('b', { t: '2.50' });
    expect(refused(engine, () => engine.declareTag('t', { kind: 'flag' }))).toBe('TAG_CONFLICT');
    expect(() => engine.declareTag('t', { kind: 'number' })).toThrow('a user has the value "2.50"');
    expect(engine.declareTag('t', { kind: 'number', scale: 2, description: 'points' })).toEqual({
      ...{ name: 't', kind: 'number', scale: 2, description: 'points', declared: true, users: 2, values: 0 },
      bytes: expect.any(Number),
    });
    expect(engine.get('b', ['t'])).toEqual([2.5]);
    expect(engine.declareTag('t', { kind: 'number' })).toMatchObject({ scale: 2, description: 'points' });
    expect(engine.declareTag('t', { kind: 'enum' })).toMatchObject({ kind: 'enum', values: 2 });
    expect(engine.get('b', ['t'])).toEqual(['2.5']);
    engine.eraseUser('b');
    expect(engine.declareTag('t', { kind: 'flag', description: '' })).toMatchObject({
      description: '',
      users: 1,
    });
    expect(engine.check().problems).toEqual([]);
  });

  test('a declared tag stays without users, another goes with its last', () => {
    const engine = openEngine();
    engine.declareTag('declared', { kind: 'flag' });
    engine.setTags('u', { declared: 1, written: 1 });
    engine.eraseUser('u');
    expect(engine.tags().map(({ name }) => name)).toEqual(['declared']);
    expect([engine.dropTag('declared'), engine.dropTag('declared')]).toEqual([true, false]);
  });
});

describe('the engine', () => {
  test('says what it holds, and compacts', () => {
    const engine = openEngine();
    expect(engine.stats()).toMatchObject({ users: 0, tags: 0, pairs: 0 });
    const users = Array.from({ length: 5000 }, (_, i) => `user ${i}`);
    engine.addUsers('all', users);
    engine.addUsers('city', users, 'Rome');
    engine.declareTag('n', { kind: 'number' });
    engine.addUsers('n', users, 12_345);
    const before = engine.stats();
    expect(before).toMatchObject({ users: 5000, tags: 3, pairs: 15_000 });
    const { total, ...parts } = before.bytes;
    expect(parts.directory + parts.ordinals + parts.records + parts.slack + parts.bitmaps).toBe(total);
    engine.compact();
    expect(engine.stats().bytes.bitmaps).toBeLessThan(before.bytes.bitmaps);
    expect(engine.check()).toEqual({ sound: true, users: 5000, tags: 3, pairs: 15_000, problems: [] });
    engine.clear();
    expect(engine.stats()).toMatchObject({ users: 0, tags: 0, pairs: 0, bytes: { records: 0, ordinals: 0 } });
  });

  test('refuses what it does not know', () => {
    expect(codeOf(() => openEngine({ maxEnumValues: 0 }))).toBe('INVALID_OPTION');
    expect(codeOf(() => openEngine({ nonsense: 1 } as object))).toBe('INVALID_OPTION');
    expect(openEngine({ strict: true }).options).toMatchObject({ strict: true, maxEnumValues: 65_535 });
    expect(Object.isFrozen(openEngine().options)).toBe(true);
  });

  test('answers nothing once it is closed', () => {
    const engine = openEngine();
    engine.setTags('u', { t: 1 });
    const members = engine.members('t');
    engine.close();
    engine.close();
    const calls: (() => unknown)[] = [
      () => engine.store,
      () => engine.has('u'),
      () => engine.get('u', ['t']),
      () => engine.getMany([], []),
      () => engine.getAll('u'),
      () => engine.tag('t'),
      () => engine.tags(),
      () => engine.count('t'),
      () => [...members],
      () => engine.setTags('u', { t: 1 }),
      () => engine.declareTag('t', { kind: 'flag' }),
      () => engine.clear(),
      () => engine.stats(),
      () => engine.check(),
      () => engine.compact(),
      () => engine.select([]),
      () => engine.share(),
    ];
    expect(calls.map(codeOf)).toEqual(calls.map(() => 'ENGINE_CLOSED'));
  });

  test('throws errors that name what and where', () => {
    const engine = openEngine();
    engine.declareTag('age', { kind: 'number' });
    try {
      engine.setTags('u', { age: 'old' });
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(SegmentdError);
      expect((error as SegmentdError).toResp()).toBe('ERR tag "age" is a number: "old" is not an integer');
    }
  });
});
