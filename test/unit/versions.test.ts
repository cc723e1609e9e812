import { expect, test } from 'vitest';
import { type Engine, openEngine, type UserId } from '../../src/index.js';
import { openEngineOn } from '../../src/open.js';
import { readSnapshot, writeSnapshot } from '../../src/persistence/snapshot.js';
import { MemoryStorage } from '../../src/persistence/storage-memory.js';
import { codeOf } from '../support/code-of.js';

const ids = (...numbers: number[]): string[] => numbers.map((number) => `user ${number}`);
const range = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => `user ${from + i}`);
const sorted = (engine: Engine, tag: string): string[] => [...engine.members(tag)].sort();

function load(engine: Engine, tag: string, users: readonly UserId[], release?: string): number {
  const { draft } = engine.versions.prepare(tag, [{ users }]).now();
  engine.versions.publish([draft], release === undefined ? {} : { release, source: 'a file', at: 5 }).now();
  return engine.versions.list(tag).at(-1)!.number;
}

const idsAt = (engine: Engine, tag: string, version: number): string[] =>
  [...engine.versions.usersAt(tag, version)].map((ordinal) => engine.store.idOf(ordinal).toString()).sort();

test('a list is compared with what the tag has, and counted', () => {
  const engine = openEngine();
  engine.addUsers('sports', range(0, 10));
  engine.addUsers('other', range(0, 20));
  const list = [{ users: [...range(5, 15), ...ids(7)] }, { users: ids(90, 91, 90, 14) }];
  const prepared = engine.versions.prepare('sports', list).now();
  expect(prepared).toEqual({
    draft: 1,
    tag: 'sports',
    listed: 15,
    unknown: 2,
    duplicates: 3,
    users: 12,
    before: 10,
    entered: 7,
    left: 5,
    changed: 0,
  });
  expect([engine.count('sports'), engine.has('user 90'), engine.stats().users]).toEqual([10, false, 20]);
  expect(engine.getAll('user 90')).toBeUndefined();
  const release = engine.versions.publish([prepared.draft], { release: 'r', source: 'a file', at: 5 }).now();
  expect(release).toEqual({
    release: 'r',
    source: 'a file',
    at: 5,
    state: 'published',
    tags: [{ tag: 'sports', version: 1 }],
  });
  expect(sorted(engine, 'sports')).toEqual([...range(5, 15), ...ids(90, 91)].sort());
  expect(engine.getAll('user 90')).toEqual(new Map([['sports', true]]));
  const nothing = { release: '', source: '', at: 0, entered: 0, left: 0, changed: 0 };
  expect(engine.versions.list('sports')).toEqual([
    { number: 0, users: 10, ...nothing, state: 'kept', previous: -1 },
    ...[{ number: 1, users: 12, release: 'r', source: 'a file', at: 5, entered: 7, left: 5, changed: 0 }].map(
      (version) => ({ ...version, state: 'current', previous: 0 }),
    ),
  ]);
  engine.close();
});

test('of a user who is listed twice the last value counts', () => {
  const engine = openEngine();
  engine.setTags('a', { city: 'Rome' });
  engine.setTags('b', { city: 'Rome' });
  const prepared = engine.versions
    .prepare('city', [{ users: ['a', 'a', 'b', 'b', 'c'], values: ['Oslo', 'Rome', 'Rome', 'Bern', 'Rome'] }])
    .now();
  expect(prepared).toMatchObject({ duplicates: 2, unknown: 1, entered: 1, left: 0, changed: 1 });
  engine.versions.publish([prepared.draft]).now();
  expect(['a', 'b', 'c'].map((id) => engine.get(id, ['city'])[0])).toEqual(['Rome', 'Bern', 'Rome']);
  engine.close();
});

test('unknown ids can be left out, and nothing of them is kept', () => {
  const engine = openEngine();
  engine.addUsers('other', ids(1, 2));
  const prepared = engine.versions.prepare('sports', [{ users: ids(1, 8, 9, 8) }], { unknown: 'skip' }).now();
  expect(prepared).toMatchObject({ unknown: 2, duplicates: 1, users: 1, entered: 1 });
  engine.versions.publish([prepared.draft]).now();
  engine.versions.settle();
  expect(sorted(engine, 'sports')).toEqual(ids(1));
  expect([engine.stats().users, engine.store.dormant.size]).toEqual([2, 0]);
  engine.close();
});

test('several tags become visible together, and go back together', () => {
  const engine = openEngine();
  load(engine, 'a', range(0, 4));
  const drafts = [
    engine.versions.prepare('a', [{ users: range(2, 6) }]).now().draft,
    engine.versions.prepare('b', [{ users: range(4, 8) }]).now().draft,
  ];
  engine.versions.publish(drafts, { release: 'both' }).now();
  expect([sorted(engine, 'a'), sorted(engine, 'b')]).toEqual([range(2, 6), range(4, 8)]);
  expect(engine.has('user 0')).toBe(false);
  expect(engine.versions.rollBackRelease('both').now().state).toBe('rolled back');
  expect([sorted(engine, 'a'), sorted(engine, 'b')]).toEqual([range(0, 4), []]);
  expect([engine.has('user 0'), engine.has('user 7'), engine.stats().users]).toEqual([true, false, 4]);
  expect(codeOf(() => engine.versions.rollBackRelease('both').now())).toBe('VERSION_CONFLICT');
  // And forward again.
  engine.versions.rollBack('b', 1).now();
  expect(sorted(engine, 'b')).toEqual(range(4, 8));
  engine.close();
});

test('a release cannot be taken back when a tag of it has another version since', () => {
  const engine = openEngine();
  const drafts = ['a', 'b'].map((tag) => engine.versions.prepare(tag, [{ users: ids(1) }]).now().draft);
  engine.versions.publish(drafts, { release: 'both' }).now();
  load(engine, 'b', ids(2));
  expect(() => engine.versions.rollBackRelease('both')).toThrow('tag "b" has version 2 since');
  expect([sorted(engine, 'a'), sorted(engine, 'b')]).toEqual([ids(1), ids(2)]);
  engine.close();
});

test('going back undoes what was written to the tag since, and nothing else', () => {
  const engine = openEngine();
  load(engine, 'sports', range(0, 4));
  engine.addUsers('sports', ids(7));
  load(engine, 'sports', range(0, 2));
  engine.addUsers('sports', ids(8));
  engine.setTags('user 3', { other: true });
  engine.eraseUser('user 2');
  expect(engine.versions.rollBack('sports').now()).toMatchObject({ number: 1, state: 'current' });
  expect(sorted(engine, 'sports')).toEqual(ids(0, 1, 3, 7));
  expect(engine.getAll('user 3')).toEqual(
    new Map([
      ['sports', true],
      ['other', true],
    ]),
  );
  expect(engine.versions.list('sports').map(({ state }) => state)).toEqual([
    'kept',
    'current',
    'rolled back',
  ]);
  engine.close();
});

test('as many versions are kept as the tag says', () => {
  const engine = openEngine();
  for (let version = 1; version <= 4; version++) load(engine, 'sports', ids(version));
  expect(engine.versions.list('sports').map(({ state }) => state)).toEqual([
    ...['dropped', 'dropped', 'kept', 'kept', 'current'],
  ]);
  expect(idsAt(engine, 'sports', 2)).toEqual(ids(2));
  expect(() => engine.versions.usersAt('sports', 1)).toThrow(
    'version 1 of tag "sports" is not kept any more',
  );
  expect(() => engine.versions.usersAt('sports', 9)).toThrow('has no version 9');
  engine.versions.settle();
  expect([engine.stats().users, engine.store.directory.size]).toEqual([1, 3]);
  engine.versions.keep('sports', 0);
  engine.versions.settle();
  expect([engine.versions.kept('sports'), engine.store.directory.size]).toEqual([0, 1]);
  expect(codeOf(() => engine.versions.rollBack('sports').now())).toBe('UNKNOWN_VERSION');
  for (const wrong of [-1, 1.5, 101])
    expect(codeOf(() => engine.versions.keep('sports', wrong))).toBe('INVALID_ARGUMENT');
  engine.close();
});

test('versions are compared', () => {
  const engine = openEngine();
  const list = (users: readonly string[], values: readonly number[]): void => {
    engine.versions.publish([engine.versions.prepare('age', [{ users, values }]).now().draft]).now();
  };
  engine.declareTag('age', { kind: 'number' });
  list(ids(1, 2, 3), [10, 20, 30]);
  list(ids(2, 3, 4), [20, 31, 40]);
  const { entered, left, changed } = engine.versions.difference('age', 1, 2).now();
  const named = [entered, left, changed].map((set) =>
    [...set].map((ordinal) => engine.store.idOf(ordinal).toString()),
  );
  expect(named).toEqual([ids(4), ids(1), ids(3)]);
  engine.close();
});

test('an erased user leaves every version, and a draft', () => {
  const engine = openEngine();
  load(engine, 'sports', range(0, 4));
  load(engine, 'sports', range(2, 4));
  const { draft } = engine.versions.prepare('sports', [{ users: range(0, 4) }]).now();
  expect(engine.has('user 0')).toBe(false);
  expect(engine.eraseUser('user 0')).toBe(true);
  expect(engine.eraseUser('user 0')).toBe(false);
  expect(engine.eraseUser('user 3')).toBe(true);
  expect(idsAt(engine, 'sports', 1)).toEqual(ids(1, 2));
  // The next user gets the ordinal, and is in none of them.
  engine.setTags('somebody else', { other: true });
  expect(idsAt(engine, 'sports', 1)).toEqual(ids(1, 2));
  engine.versions.publish([draft]).now();
  expect(sorted(engine, 'sports')).toEqual(ids(1, 2));
  expect(engine.check().problems).toEqual([]);
  engine.close();
});

test.each([
  ['the tag is dropped', (engine: Engine) => engine.dropTag('sports'), 'VERSION_CONFLICT'],
  ['the tag is converted', (engine: Engine) => engine.declareTag('sports', { kind: 'enum' }), 'TAG_CONFLICT'],
  ['another version is published', (engine: Engine) => load(engine, 'sports', ids(9)), 'VERSION_CONFLICT'],
  [
    'the tag is rolled back',
    (engine: Engine) => engine.versions.rollBack('sports').now(),
    'VERSION_CONFLICT',
  ],
  ['everything is cleared', (engine: Engine) => engine.clear(), 'INVALID_ARGUMENT'],
])('a draft is refused when meanwhile %s', (_, meddle, code) => {
  const engine = openEngine();
  load(engine, 'sports', range(0, 4));
  const { draft } = engine.versions.prepare('sports', [{ users: range(1, 6) }]).now();
  meddle(engine);
  const members = sorted(engine, 'sports');
  expect(codeOf(() => engine.versions.publish([draft]).now())).toBe(code);
  expect(sorted(engine, 'sports')).toEqual(members);
  engine.versions.discard(draft);
  expect(engine.store.versions.isWatching).toBe(false);
  expect(engine.check().problems).toEqual([]);
  engine.close();
});

test('a list that does not fit the tag is refused, and leaves nothing', () => {
  const engine = openEngine();
  engine.declareTag('age', { kind: 'number' });
  const refused = (tag: string, users: readonly UserId[], values?: readonly (string | number)[]): string => {
    const batch = values === undefined ? { users } : { users, values };
    return codeOf(() => engine.versions.prepare(tag, [batch]).now())!;
  };
  expect(refused('age', ids(1))).toBe('INVALID_ARGUMENT');
  expect(refused('age', ids(1, 2), [1])).toBe('INVALID_ARGUMENT');
  expect(refused('age', ids(1), ['old'])).toBe('INVALID_VALUE');
  expect(refused('age', [''], [1])).toBe('INVALID_USER_ID');
  expect(refused('a=b', ids(1))).toBe('INVALID_TAG_NAME');
  expect(codeOf(() => engine.versions.prepare('age', [], { declaration: { kind: 'flag' } }))).toBe(
    'TAG_CONFLICT',
  );
  expect(engine.store.versions.isWatching).toBe(false);
  const strict = openEngine({ strict: true });
  expect(codeOf(() => strict.versions.prepare('sports', []))).toBe('UNDECLARED_TAG');
  engine.close();
  strict.close();
});

test('a release is refused when its name is taken, a tag comes twice, or there is nothing in it', () => {
  const engine = openEngine();
  load(engine, 'sports', ids(1), 'r');
  const drafts = [1, 2].map(() => engine.versions.prepare('sports', [{ users: ids(2) }]).now().draft);
  const publish = (numbers: readonly number[], release: string): string =>
    codeOf(() => engine.versions.publish(numbers, { release }).now())!;
  expect(publish([drafts[0]!], 'r')).toBe('VERSION_CONFLICT');
  expect(publish([drafts[0]!], '')).toBe('INVALID_ARGUMENT');
  expect(publish([drafts[0]!], 'a\nb')).toBe('INVALID_ARGUMENT');
  expect(publish(drafts, 'twice')).toBe('INVALID_ARGUMENT');
  expect(publish([], 'none')).toBe('INVALID_ARGUMENT');
  expect(publish([99], 'unknown')).toBe('INVALID_ARGUMENT');
  expect(sorted(engine, 'sports')).toEqual(ids(1));
  engine.close();
});

test('values of an enum are not more than there may be', () => {
  const engine = openEngine({ maxEnumValues: 3 });
  engine.setTags('a', { city: 'Rome' });
  engine.setTags('b', { city: 'Oslo' });
  const { draft } = engine.versions
    .prepare('city', [{ users: ['a', 'c', 'd'], values: ['Rome', 'x', 'y'] }])
    .now();
  engine.setTags('b', { city: 'Bern' });
  expect(() => engine.versions.publish([draft]).now()).toThrow('tag "city" already has 3 values');
  expect(engine.count('city')).toBe(2);
  expect(engine.has('c')).toBe(false);
  engine.removeTags('b', ['city']);
  engine.versions.publish([draft]).now();
  expect(engine.count('city')).toBe(3);
  expect(engine.check().problems).toEqual([]);
  engine.close();
});

test('what is put aside stays, also when the folder is opened again; other drafts do not', () => {
  const storage = new MemoryStorage();
  let engine = openEngineOn({ dataDir: '/data' }, storage);
  load(engine, 'sports', range(0, 3));
  const prepared = engine.versions.prepare('sports', [{ users: [...ids(1), 'new'] }]).now();
  engine.versions.prepare('other', [{ users: ids(1, 50) }]).now();
  const held = engine.versions.hold(prepared, 'too few', { release: 'tonight', source: 'a file', at: 7 });
  expect(held).toEqual({
    ...prepared,
    reason: 'too few',
    release: 'tonight',
    source: 'a file',
    at: 7,
    group: 1,
    obstacle: '',
  });
  // Also what is written later on counts.
  engine.addUsers('sports', ids(2));
  engine.close();
  engine = openEngineOn({ dataDir: '/data' }, storage);
  expect(engine.versions.held()).toEqual([held]);
  expect([...engine.store.versions.drafts.all()]).toHaveLength(1);
  expect([engine.versions.held('other'), engine.has('new'), engine.has('user 50')]).toEqual([
    [],
    false,
    false,
  ]);
  expect(engine.versions.publishHeld(prepared.draft).now()).toMatchObject({
    release: 'tonight',
    source: 'a file',
  });
  expect(sorted(engine, 'sports')).toEqual(['new', ...ids(1, 2)]);
  expect(engine.versions.held()).toEqual([]);
  engine.close();
});

test('a snapshot has versions, drafts and releases, and nothing that is pending', () => {
  const engine = openEngine();
  engine.versions
    .publish([
      engine.versions
        .prepare('city', [{ users: range(0, 9), values: range(0, 9) }], { declaration: { kind: 'enum' } })
        .now().draft,
    ])
    .now();
  load(engine, 'sports', range(0, 6));
  load(engine, 'sports', range(3, 9));
  const prepared = engine.versions.prepare('sports', [{ users: ids(0, 77) }]).now();
  engine.versions.hold(prepared, 'too few', { release: 'later', at: 3 });
  engine.addUsers('sports', ids(4));
  const storage = new MemoryStorage();
  writeSnapshot(engine.store, storage, '/data/snapshot');
  const restored = readSnapshot(storage, '/data/snapshot', { strict: false, maxEnumValues: 65_535 });
  const content = ({ versions }: typeof restored): unknown => {
    const bitmaps: string[] = [];
    const image = versions.image((bitmap) => bitmaps.push([...bitmap].join()));
    return { image, bitmaps };
  };
  expect(content(restored)).toEqual(content(engine.store));
  expect(
    restored.versions.names(restored.records.ordinalAt(restored.directory.find(keyOf(restored, 'user 77')))),
  ).toBe(true);
  expect(restored.find('user 77')).toBe(0);
  engine.close();
});

function keyOf(store: Engine['store'], id: string): Parameters<Engine['store']['findKey']>[0] {
  const { keys } = store.readAhead(1);
  return keys[0]!.set(id);
}

test('that somebody is not to have a tag is kept, though it changed nothing when it was said', () => {
  const storage = new MemoryStorage();
  let engine = openEngineOn({ dataDir: '/data' }, storage);
  engine.addUsers('other', ids(1, 2, 3));
  const { draft } = engine.versions.prepare('sports', [{ users: ids(1, 2, 3) }]).now();
  expect(engine.removeUsers('sports', ids(1))).toBe(0);
  expect(engine.removeTags('user 2', ['sports'])).toBe(0);
  engine.versions.publish([draft]).now();
  expect(sorted(engine, 'sports')).toEqual(ids(3));
  engine.close();
  engine = openEngineOn({ dataDir: '/data' }, storage);
  expect(sorted(engine, 'sports')).toEqual(ids(3));
  engine.close();
});
