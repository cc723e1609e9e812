import { expect, test } from 'vitest';
import { attachLookup, type Engine, openEngine, type UserId } from '../../src/index.js';
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

test('a preparation that is cancelled, at whatever step, leaves nothing', () => {
  for (let steps = 0; steps < 12; steps++) {
    const engine = openEngine();
    engine.addUsers('other', range(0, 5));
    const before = engine.stats();
    const query = engine.versions.prepare('sports', [{ users: range(3, 900) }, { users: range(900, 1500) }]);
    for (let i = 0; i < steps && !query.advance(-1); i++);
    query.cancel();
    for (const { number } of [...engine.store.versions.drafts.all()]) engine.versions.discard(number);
    engine.versions.settle();
    expect(engine.store.versions.isWatching).toBe(false);
    expect(engine.store.dormant.size).toBe(0);
    expect(engine.tag('sports')).toBeUndefined();
    expect(engine.stats()).toMatchObject({ users: 5, pairs: 5, tags: 1 });
    expect(engine.stats().bytes.versions).toBe(before.bytes.versions);
    expect(engine.check().problems).toEqual([]);
    engine.close();
  }
});

test('a publication that is cancelled, at whatever step, leaves nothing', () => {
  for (let steps = 0; steps < 12; steps++) {
    const engine = openEngine();
    engine.addUsers('other', range(0, 5));
    load(engine, 'sports', range(0, 3));
    const { draft } = engine.versions.prepare('sports', [{ users: range(2, 9) }]).now();
    const query = engine.versions.publish([draft]);
    let isDone = false;
    for (let i = 0; i < steps && !isDone; i++) isDone = query.advance(-1);
    if (isDone) break;
    query.cancel();
    expect(engine.store.writeWatch).toBeUndefined();
    expect(sorted(engine, 'sports')).toEqual(range(0, 3));
    engine.versions.publish([draft]).now();
    expect(sorted(engine, 'sports')).toEqual(range(2, 9));
    expect(engine.store.versions.isWatching).toBe(false);
    engine.close();
  }
});

test('what is written between the plan and the last step counts, also if it changes nothing', () => {
  const engine = openEngine();
  load(engine, 'sports', range(0, 6));
  engine.audiences.freeze('fixed', 'sports');
  const { draft } = engine.versions.prepare('sports', [{ users: ids(0, 9) }]).now();
  const query = engine.versions.publish([draft]);
  // The last step is the one that publishes.
  for (let steps = 0; steps < 8; steps++) expect(query.advance(-1)).toBe(false);
  engine.addUsers('sports', ids(1));
  engine.setTags('user 2', { other: true });
  engine.removeUsers('sports', ids(0));
  engine.eraseUser('user 3');
  query.now();
  expect(sorted(engine, 'sports')).toEqual(ids(1, 9));
  expect(engine.getAll('user 2')).toEqual(new Map([['other', true]]));
  expect(engine.has('user 0')).toBe(false);
  // Who was there all the time stays in the audience.
  expect([...engine.audiences.ids('@fixed')].sort()).toEqual(ids(1, 2));
  expect(engine.check().problems).toEqual([]);
  expect(engine.versions.list('sports').at(-1)).toMatchObject({ users: 2, entered: 1, left: 3 });
  engine.close();
});

test('a user who would get too many tags is named, and nothing is published', () => {
  const engine = openEngine();
  const names = Array.from({ length: 5_400 }, (_, i) => `number ${i}`);
  for (const name of names) engine.declareTag(name, { kind: 'number' });
  const big = new Map(names.map((name) => [name, 2 ** 52] as const));
  for (;;) {
    try {
      engine.setTags('big', big);
      break;
    } catch {
      big.delete([...big.keys()].at(-1)!);
    }
  }
  engine.setTags('small', { other: true });
  // Each of them fits, all together do not.
  const drafts = Array.from({ length: 40 }, (_, i) => {
    return engine.versions.prepare(`flag ${i}`, [{ users: ['small', 'big'] }]).now().draft;
  });
  expect(() => engine.versions.publish(drafts).now()).toThrow('user "big" would have');
  expect(codeOf(() => engine.versions.publish(drafts).now())).toBe('VECTOR_TOO_LARGE');
  expect(engine.tag('flag 0')).toBeUndefined();
  engine.removeTags('big', [...big.keys()].slice(0, 20));
  engine.versions.publish(drafts).now();
  engine.versions.settle();
  expect(engine.count('flag 39')).toBe(2);
  expect(engine.check().problems).toEqual([]);
  engine.close();
});

test('an attached reader sees each user before the publication or after it, never another value', () => {
  const engine = openEngine();
  const lookup = attachLookup(engine.share());
  const users = range(0, 40);
  const list = (values: readonly string[]): void => {
    const { draft } = engine.versions.prepare('city', [{ users, values }]).now();
    engine.versions.publish([draft]).now();
  };
  engine.declareTag('city', { kind: 'enum' });
  const seen = (): unknown[] => users.map((id) => lookup.get(id, ['city'])[0]);
  list(users.map((_, i) => `first ${i % 5}`));
  engine.versions.settle();
  expect(seen()).toEqual(users.map((_, i) => `first ${i % 5}`));
  // All values go, and as many come, whose codes must not be those of vectors that are not rewritten yet.
  list(users.map((_, i) => `second ${i % 7}`));
  engine.setTags('late', { city: 'third' });
  for (let rewritten = 0; ; rewritten += 3) {
    expect(seen()).toEqual(users.map((_, i) => (i < rewritten ? `second ${i % 7}` : `first ${i % 5}`)));
    if (!engine.store.rewrite(3)) break;
  }
  expect(seen()).toEqual(users.map((_, i) => `second ${i % 7}`));
  // Somebody who was prepared, and is no user, is none there either.
  engine.versions.prepare('city', [{ users: ['new'], values: ['fourth'] }]).now();
  expect([lookup.getAll('new'), lookup.get('new', ['city'])]).toEqual([undefined, [null]]);
  lookup.close();
  engine.close();
});

test('two publications that are planned at once know of each other', () => {
  const engine = openEngine();
  load(engine, 'a', ids(1, 2));
  load(engine, 'b', ids(1, 3));
  const drafts = ['a', 'b'].map((tag) => engine.versions.prepare(tag, [{ users: ids(5) }]).now().draft);
  const [first, second] = drafts.map((draft) => engine.versions.publish([draft], { release: `r${draft}` }));
  for (let steps = 0; steps < 10; steps++) {
    expect([first!.advance(-1), second!.advance(-1)]).toEqual([false, false]);
  }
  first!.now();
  expect(engine.has('user 1')).toBe(true);
  second!.now();
  // The first took one of the user's tags, the second the other.
  expect(engine.has('user 1')).toBe(false);
  expect(engine.stats().users).toBe(1);
  expect(engine.check().problems).toEqual([]);
  engine.close();
});

test('a tag that gets the number of a dropped one gets none of its users', () => {
  const engine = openEngine();
  engine.addUsers('other', range(0, 9));
  load(engine, 'sports', range(0, 9));
  load(engine, 'sports', ids(0));
  expect(engine.versions.pending).toBeGreaterThan(0);
  const { id } = engine.store.catalog.require('sports');
  engine.dropTag('sports');
  engine.addUsers('new', ids(20));
  expect(engine.store.catalog.require('new').id).toBe(id);
  expect(range(0, 9).map((user) => engine.get(user, ['new'])[0])).toEqual(range(0, 9).map(() => null));
  // A reader in another thread knows nothing but the vectors.
  const lookup = attachLookup(engine.share());
  expect(range(0, 9).map((user) => lookup.get(user, ['new'])[0])).toEqual(range(0, 9).map(() => null));
  lookup.close();
  expect(engine.check().problems).toEqual([]);
  engine.close();
});

test('a value that a list leaves to nobody, and a late write to one, keeps its code', () => {
  const engine = openEngine();
  engine.setTags('a', { city: 'Rome', other: true });
  engine.setTags('b', { city: 'Oslo' });
  const { draft } = engine.versions.prepare('city', [{ users: ['b', 'c'], values: ['Bern', 'Graz'] }]).now();
  const query = engine.versions.publish([draft]);
  for (let steps = 0; steps < 12; steps++) expect(query.advance(-1)).toBe(false);
  engine.setTags('a', { city: 'Rome' });
  query.now();
  expect(['a', 'b', 'c'].map((user) => engine.get(user, ['city'])[0])).toEqual(['Rome', 'Bern', 'Graz']);
  engine.versions.settle();
  expect(['a', 'b', 'c'].map((user) => engine.get(user, ['city'])[0])).toEqual(['Rome', 'Bern', 'Graz']);
  expect(engine.check().problems).toEqual([]);
  engine.close();
});

test('who gets the ordinal of somebody erased, at whatever step, gets nothing else', () => {
  for (let steps = 0; steps <= 10; steps++) {
    const engine = openEngine();
    load(engine, 'sports', ids(1));
    const { draft } = engine.versions.prepare('sports', [{ users: ['new'] }]).now();
    const query = engine.versions.publish([draft]);
    for (let i = 0; i < steps; i++) expect(query.advance(-1)).toBe(false);
    expect(engine.eraseUser('new')).toBe(true);
    const other = engine.versions.prepare('other', [{ users: ['next'] }]);
    other.advance(-1);
    expect(engine.store.records.ordinalLimit).toBe(2);
    query.now();
    expect([engine.has('next'), engine.count('sports'), engine.stats().users]).toEqual([false, 0, 0]);
    expect(engine.check().problems).toEqual([]);
    other.cancel();
    engine.close();
  }
});
