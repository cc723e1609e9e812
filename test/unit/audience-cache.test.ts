/** Results of saved audiences, kept until something that they rest on changes. */
import { describe, expect, test } from 'vitest';
import { type Engine, openEngine } from '../../src/index.js';
import { bitmapBytes, bitmapOf } from '../../src/store/bitmap.js';

function filled(audienceCacheBytes?: number): Engine {
  const engine = openEngine(audienceCacheBytes === undefined ? {} : { audienceCacheBytes });
  engine.declareTag('vip', { kind: 'flag' });
  engine.declareTag('city', { kind: 'enum' });
  engine.declareTag('age', { kind: 'number' });
  engine.declareTag('other', { kind: 'flag' });
  for (let i = 0; i < 12; i++) {
    engine.setTags(`u${i}`, {
      city: ['Rome', 'Paris'][i % 2]!,
      age: i * 5,
      ...(i % 3 === 0 ? { vip: true } : {}),
    });
  }
  return engine;
}

/** Asks for the audience; returns the count and whether it was kept. */
function asked(engine: Engine, name: string): [count: number, kept: boolean] {
  const { cache } = engine.audiences.queries;
  const { hits } = cache;
  const count = engine.audiences.count(`@${name}`);
  // Nobody's vector knows anything of what is kept.
  const ids = [...engine.audiences.ids('all')];
  expect(engine.audiences.test(`@${name}`, ids).filter(Boolean).length).toBe(count);
  return [count, cache.hits > hits];
}

/** Each: an expression, its count, a change that matters to it, and the count then. */
const CHANGES: Readonly<
  Record<string, [text: string, count: number, (engine: Engine) => void, after: number]>
> = {
  'a flag': ['vip', 4, (engine) => engine.setTags('u1', { vip: true }), 5],
  'a value': ['city = Rome', 6, (engine) => engine.setTags('u0', { city: 'Oslo' }), 5],
  'a value that nobody had': ['city = Oslo', 0, (engine) => engine.setTags('u0', { city: 'Oslo' }), 1],
  'an enum': ['city', 12, (engine) => engine.removeTags('u0', ['city']), 11],
  'other values of an enum': ['city != Oslo', 12, (engine) => engine.setTags('u0', { city: 'Oslo' }), 11],
  'a range': ['age > 30', 5, (engine) => engine.increment('u6', 'age', 1), 6],
  'a range whose users go': ['age > 30', 5, (engine) => engine.eraseUser('u11'), 4],
  'a number': ['age', 12, (engine) => engine.removeTags('u0', ['age']), 11],
  'one part of several': [
    'vip and city = Rome and age < 50',
    2,
    (engine) => engine.removeTags('u0', ['vip']),
    1,
  ],
  'what is excluded': ['city = Rome and not vip', 4, (engine) => engine.removeTags('u0', ['vip']), 5],
  'new users, with not': ['not vip', 8, (engine) => engine.setTags('new', { other: true }), 9],
  'users who go, with not': ['not vip', 8, (engine) => engine.eraseUser('u1'), 7],
  'new users, with all': ['all', 12, (engine) => engine.setTags('new', { other: true }), 13],
  'new users, with all inside': [
    'at least 2 of (all, vip, all)',
    12,
    (engine) => engine.setTags('new', { other: true }),
    13,
  ],
  'a user who is named': ['users(u1, new)', 1, (engine) => engine.setTags('new', { other: true }), 2],
  'a user who is named and goes': ['users(u1, new)', 1, (engine) => engine.eraseUser('u1'), 0],
  'a tag of at least': [
    'at least 2 of (vip, city = Rome, age > 20)',
    5,
    (engine) => engine.setTags('u1', { vip: true, age: 30 }),
    6,
  ],
  'members who are added': ['@fixed or vip', 6, (engine) => engine.audiences.addUsers('fixed', ['u4']), 7],
  'members who are taken out': [
    '@fixed or vip',
    6,
    (engine) => engine.audiences.removeUsers('fixed', ['u1']),
    5,
  ],
  'members who go': ['@fixed', 3, (engine) => engine.eraseUser('u1'), 2],
  'other members': ['@fixed', 3, (engine) => engine.audiences.freeze('fixed', 'age = 0'), 1],
  'what a child rests on': ['@child and vip', 2, (engine) => engine.setTags('u3', { city: 'Rome' }), 3],
  'a child’s expression': ['@child and vip', 2, (engine) => engine.audiences.save('child', 'all'), 4],
  'a grandchild’s expression': ['not @parent', 6, (engine) => engine.audiences.save('child', 'none'), 12],
  'a grandchild’s users': ['not @parent', 6, (engine) => engine.setTags('u0', { city: 'Oslo' }), 7],
  'a scale, which lets a number be asked for': [
    'age = 0.5',
    0,
    (engine) => {
      engine.declareTag('age', { kind: 'number', scale: 1 });
      engine.setTags('u0', { age: 0.5 });
    },
    1,
  ],
  'a scale, for one part of several': [
    'vip or (age > 55 and age < 56)',
    4,
    (engine) => {
      engine.declareTag('age', { kind: 'number', scale: 2 });
      engine.setTags('u11', { age: 55.5 });
    },
    5,
  ],
  'a scale, for what is excluded': [
    'city and not (age = 0.5)',
    12,
    (engine) => {
      engine.declareTag('age', { kind: 'number', scale: 1 });
      engine.setTags('u0', { age: 0.5 });
    },
    11,
  ],
  'a scale, for a child': [
    '@half or vip',
    4,
    (engine) => {
      engine.declareTag('age', { kind: 'number', scale: 1 });
      engine.setTags('u1', { age: 0.5 });
    },
    5,
  ],
};

describe('a result', () => {
  test.each(Object.entries(CHANGES))(
    'is found anew when these change: %s',
    (_, [text, count, change, after]) => {
      const engine = filled();
      engine.audiences.freeze('fixed', 'users(u0, u1, u2)');
      engine.audiences.save('child', 'city = Rome');
      engine.audiences.save('parent', '@child');
      engine.audiences.save('half', 'age = 0.5');
      engine.audiences.save('asked', text);
      expect(asked(engine, 'asked')).toEqual([count, false]);
      expect(asked(engine, 'asked')).toEqual([count, true]);
      expect(engine.audiences.get('asked')!.users).toBe(count);
      change(engine);
      expect(engine.audiences.get('asked')!.users).toBeUndefined();
      expect(engine.audiences.count('@asked')).toBe(after);
      expect(asked(engine, 'asked')).toEqual([after, true]);
      expect(engine.audiences.get('asked')!.users).toBe(after);
    },
  );

  test('stays when nothing changes that it rests on', () => {
    const engine = filled();
    engine.audiences.freeze('fixed', 'users(u0)');
    engine.audiences.save('asked', 'vip and (city = Rome or age > 30)');
    expect(asked(engine, 'asked')).toEqual([3, false]);
    const harmless: (() => void)[] = [
      () => {},
      () => engine.setTags('new', { other: true }),
      () => engine.setTags('u1', { other: true, unheard: 'of' }),
      () => engine.eraseUser('new'),
      () => engine.setTags('u0', { vip: true, city: 'Rome', age: 0 }),
      () => engine.audiences.addUsers('fixed', ['u5']),
      () => engine.audiences.describe('asked', { description: 'what it is for' }),
      () => engine.declareTag('vip', { kind: 'flag', description: 'who pays' }),
      () => engine.declareTag('another', { kind: 'enum' }),
      () => engine.compact(),
    ];
    for (const change of harmless) {
      change();
      expect(asked(engine, 'asked')).toEqual([3, true]);
    }
  });

  test('is of the audience’s own expression', () => {
    const engine = filled();
    engine.audiences.save('asked', 'vip');
    engine.audiences.save('same', 'vip');
    expect(asked(engine, 'asked')).toEqual([4, false]);
    expect(asked(engine, 'same')).toEqual([4, false]);
    engine.audiences.save('asked', 'age > 30');
    expect(asked(engine, 'asked')).toEqual([5, false]);
    engine.audiences.drop('asked');
    engine.audiences.save('asked', 'age > 50');
    expect(asked(engine, 'asked')).toEqual([1, false]);
  });

  test('serves all that is asked, and who uses the audience', () => {
    const engine = filled();
    engine.audiences.save('asked', 'vip and city = Rome');
    engine.audiences.save('parent', '@asked or age > 50');
    const { cache } = engine.audiences.queries;
    expect(engine.audiences.count('@parent')).toBe(3);
    expect([cache.hits, cache.misses, cache.size]).toEqual([0, 2, 2]);
    expect(engine.audiences.count('@asked and all')).toBe(2);
    expect([...engine.audiences.ids('@asked')]).toEqual(['u0', 'u6']);
    expect(engine.audiences.page('@asked').ids.length).toBe(2);
    expect(engine.audiences.count('@asked', { limit: 1 })).toBe(1);
    expect(engine.audiences.overlap(['@asked', '@parent']).users).toEqual([
      [2, 2],
      [2, 3],
    ]);
    expect([cache.hits, cache.misses]).toEqual([6, 2]);
  });

  test('of pages and limited counts is not kept, since it is a part', () => {
    const engine = filled();
    engine.audiences.save('asked', 'vip and city = Rome');
    engine.audiences.page('@asked', { count: 1 });
    engine.audiences.count('@asked', { limit: 1 });
    expect(engine.audiences.queries.cache.size).toBe(0);
    expect(engine.audiences.get('asked')!.users).toBeUndefined();
  });

  test('that was begun before a change is not kept after it', () => {
    const engine = filled();
    engine.audiences.save('asked', 'vip and age >= 0');
    const query = engine.audiences.queries.count('@asked');
    engine.setTags('u1', { vip: true });
    expect(query.now()).toBe(4);
    expect(engine.audiences.queries.cache.size).toBe(0);
    expect(asked(engine, 'asked')).toEqual([5, false]);
  });

  test('is nobody’s bitmap: what is written later does not show in it', () => {
    const engine = filled();
    engine.audiences.save('asked', 'other and vip');
    // Asked for twice, `other and vip` is a result of its own, and it is nobody, as `other` is.
    expect(engine.audiences.overlap(['other and vip', '@asked']).users[0]).toEqual([0, 0]);
    const query = engine.audiences.queries.count('@asked');
    engine.setTags('u1', { other: true });
    expect(query.now()).toBe(0);
    expect(engine.audiences.count('@asked')).toBe(0);
  });

  test('that is a column as it is outlives the column', () => {
    const engine = filled();
    engine.audiences.save('asked', 'vip');
    const first = engine.audiences.queries.count('@asked or other');
    expect(first.now()).toBe(4);
    const second = engine.audiences.queries.users('@asked');
    for (let i = 0; i < 12; i++) engine.removeTags(`u${i}`, ['vip']);
    expect([...second.now()]).toEqual([0, 3, 6, 9]);
    expect(engine.audiences.count('@asked')).toBe(0);
  });
});

test('results of audiences that are no more are not kept', () => {
  const engine = filled();
  const { cache } = engine.audiences.queries;
  for (const name of ['a', 'b', 'c']) {
    engine.audiences.save(name, 'vip');
    engine.audiences.count(`@${name}`);
    expect(cache.size).toBe(1);
  }
  engine.audiences.count('@a or @b');
  expect(cache.size).toBe(3);
  engine.clear();
  engine.setTags('u', { vip: true });
  engine.audiences.save('d', 'vip');
  expect(engine.audiences.count('@d')).toBe(1);
  expect([cache.size, cache.bytes]).toEqual([1, bitmapBytes(bitmapOf([0]))]);
});

describe('the room for results', () => {
  /** Audiences of so many users each, with what a result of them takes. */
  function several(room: number): { engine: Engine; bytes: number } {
    const bytes = bitmapBytes(bitmapOf([0, 3, 6, 9]));
    const engine = filled(room * bytes);
    for (const name of ['a', 'b', 'c']) engine.audiences.save(name, 'vip');
    return { engine, bytes };
  }

  test('is kept to: the one that was used longest ago goes first', () => {
    const { engine, bytes } = several(2);
    const { cache } = engine.audiences.queries;
    for (const name of ['a', 'b', 'a', 'c']) engine.audiences.count(`@${name}`);
    expect([cache.size, cache.bytes]).toEqual([2, 2 * bytes]);
    expect(['a', 'c', 'b'].map((name) => asked(engine, name)[1])).toEqual([true, true, false]);
    expect(asked(engine, 'c')).toEqual([4, true]);
    expect(asked(engine, 'a')).toEqual([4, false]);
  });

  test('holds one of just its size, and none of one byte more', () => {
    expect(several(1).engine.audiences.count('@a')).toBe(4);
    const { engine, bytes } = several(1);
    engine.audiences.count('@a');
    expect(engine.audiences.queries.cache.bytes).toBe(bytes);
    engine.setTags('u1', { vip: true });
    expect(engine.audiences.count('@a')).toBe(5);
    expect([engine.audiences.queries.cache.size, engine.audiences.queries.cache.bytes]).toEqual([0, 0]);
  });

  test('may be none', () => {
    const engine = filled(0);
    engine.audiences.save('asked', 'vip');
    expect(asked(engine, 'asked')).toEqual([4, false]);
    expect(asked(engine, 'asked')).toEqual([4, false]);
    engine.setTags('u1', { vip: true });
    expect(asked(engine, 'asked')).toEqual([5, false]);
    expect(engine.audiences.queries.cache).toMatchObject({ size: 0, bytes: 0, hits: 0 });
    expect(engine.audiences.get('asked')!.users).toBeUndefined();
  });
});
