import { describe, expect, test } from 'vitest';
import { type Engine, openEngine, type PolicyChanges, type VersionEvent } from '../../src/index.js';
import { openEngineOn } from '../../src/open.js';
import { MemoryStorage } from '../../src/persistence/storage-memory.js';
import { codeOf } from '../support/code-of.js';

const range = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => `user ${from + i}`);
const membersOf = (engine: Engine, tag: string): number => engine.count(tag);
const listOf = (from: number, to: number): { users: string[] }[] => [{ users: range(from, to) }];

/** Nothing is left of what was prepared. */
function expectNoDrafts(engine: Engine): void {
  expect([...engine.store.versions.drafts.all()]).toEqual([]);
  expect(engine.store.versions.isWatching).toBe(false);
  engine.versions.settle();
  expect(engine.check().problems).toEqual([]);
}

describe('a list', () => {
  test('is published when nothing of it breaks the gate', () => {
    const engine = openEngine();
    engine.addUsers('sports', range(0, 100));
    engine.versions.setPolicy('sports', { maxGrowth: 0.1 });
    const list = [{ users: [...range(5, 110), 'user 7'] }];
    const options = { release: 'tonight', source: 'a file', at: 5 };
    expect(engine.versions.replace('sports', list, options).now()).toEqual({
      state: 'published',
      release: 'tonight',
      tags: [
        {
          ...{ draft: 1, tag: 'sports', listed: 106, unknown: 10, duplicates: 1, users: 105, before: 100 },
          ...{ entered: 10, left: 5, changed: 0, version: 1, breaches: [] },
        },
      ],
    });
    expect(engine.versions.releases()).toMatchObject([{ release: 'tonight', source: 'a file', at: 5 }]);
    expectNoDrafts(engine);
    engine.close();
  });

  test('is held when something breaks it, and the tag stays as it is', () => {
    const engine = openEngine();
    engine.versions.replace('sports', listOf(0, 100)).now();
    engine.versions.setPolicy('sports', { maxShrinkage: 0.1, minUsers: 80 });
    const { state, release, tags } = engine.versions.replace('sports', listOf(0, 50), { at: 9 }).now();
    expect([state, release]).toEqual(['held', '2']);
    expect(tags).toMatchObject([{ version: undefined, left: 50, users: 50 }]);
    expect(tags[0]!.breaches.map(({ limit }) => limit)).toEqual(['minUsers', 'maxShrinkage']);
    expect(engine.versions.held()).toMatchObject([
      {
        ...{ tag: 'sports', draft: tags[0]!.draft, release: '2', at: 9 },
        reason:
          'it has 50 users, and should have at least 80; it has 50 users, 50 % fewer than the 100 before, and may shrink by 10 %',
      },
    ]);
    expect([membersOf(engine, 'sports'), engine.versions.list('sports')]).toMatchObject([100, { length: 2 }]);
    // Whoever is asked says yes.
    engine.versions.publishHeld(tags[0]!.draft).now();
    expect([membersOf(engine, 'sports'), engine.versions.held()]).toEqual([50, []]);
    expectNoDrafts(engine);
    engine.close();
  });

  test('that breaks the gate is published when it is forced, which is told', () => {
    const engine = openEngine();
    engine.versions.replace('sports', listOf(0, 10)).now();
    engine.versions.setPolicy('sports', { maxUsers: 10 });
    const { state, tags } = engine.versions.replace('sports', listOf(0, 11), { force: true }).now();
    expect([state, tags[0]!.version, tags[0]!.breaches]).toMatchObject([
      'published',
      2,
      [{ limit: 'maxUsers', measured: 11, allowed: 10 }],
    ]);
    engine.close();
  });

  test('can be judged without being published', () => {
    const engine = openEngine();
    engine.declareTag('sports', { kind: 'flag' });
    engine.versions.setPolicy('sports', { maxUnknown: 0 });
    const prepared = engine.versions.prepare('sports', listOf(0, 3)).now();
    expect(engine.versions.check(prepared)).toMatchObject([{ limit: 'maxUnknown', measured: 1 }]);
    engine.versions.setPolicy('sports', { maxUnknown: null });
    expect(engine.versions.check(prepared)).toEqual([]);
    expect(engine.versions.submit([prepared]).now()).toMatchObject({ state: 'published' });
    engine.close();
  });

  test('counts what was written meanwhile', () => {
    const engine = openEngine();
    engine.addUsers('sports', range(0, 10));
    const query = engine.versions.replace('sports', listOf(0, 20));
    engine.removeUsers('sports', ['user 0']);
    engine.addUsers('sports', ['somebody']);
    expect(query.now().tags).toMatchObject([{ users: 20, entered: 10, left: 0 }]);
    expect([engine.get('user 0', ['sports'])[0], engine.get('somebody', ['sports'])[0]]).toEqual([
      null,
      true,
    ]);
    engine.close();
  });
});

/** Two tags, of which the second lets no list of fewer than three pass. */
function twoTags(): Engine {
  const engine = openEngine();
  for (const tag of ['a', 'b', 'c']) engine.addUsers(tag, range(0, 4));
  engine.versions.setPolicy('b', { minUsers: 3 });
  return engine;
}

describe('several lists', () => {
  const lists = [
    { tag: 'a', list: listOf(0, 5) },
    { tag: 'b', list: listOf(0, 2) },
    { tag: 'c', list: listOf(0, 6) },
  ];

  test('are one release', () => {
    const engine = twoTags();
    engine.versions.setPolicy('b', { minUsers: null });
    expect(engine.versions.replaceAll(lists, { release: 'r' }).now()).toMatchObject({
      ...{ state: 'published', release: 'r' },
      tags: [
        { tag: 'a', version: 1, users: 5 },
        { tag: 'b', version: 1, users: 2 },
        { tag: 'c', version: 1, users: 6 },
      ],
    });
    engine.versions.rollBackRelease('r').now();
    expect(['a', 'b', 'c'].map((tag) => membersOf(engine, tag))).toEqual([4, 4, 4]);
    engine.close();
  });

  test('are held all if one of them breaks its gate, and published all', () => {
    const engine = twoTags();
    const { state, tags } = engine.versions.replaceAll(lists, { release: 'r', source: 's' }).now();
    expect([state, tags.map(({ breaches }) => breaches.length)]).toEqual(['held', [0, 1, 0]]);
    expect(['a', 'b', 'c'].map((tag) => membersOf(engine, tag))).toEqual([4, 4, 4]);
    const held = engine.versions.held();
    expect(held.map(({ reason }) => reason)).toEqual([
      'held with tag "b" of the same release, which breaks its gate',
      'it has 2 users, and should have at least 3',
      'held with tag "b" of the same release, which breaks its gate',
    ]);
    expect(new Set(held.map(({ group }) => group)).size).toBe(1);
    // Another one of the same name is another group.
    const other = engine.versions.prepare('d', listOf(0, 1)).now();
    engine.versions.hold(other, 'for fun', { release: 'r' });
    expect(engine.versions.publishHeld(tags[2]!.draft).now()).toMatchObject({
      ...{ release: 'r', source: 's', state: 'published' },
      tags: [{ tag: 'a' }, { tag: 'b' }, { tag: 'c' }],
    });
    expect(['a', 'b', 'c'].map((tag) => membersOf(engine, tag))).toEqual([5, 2, 6]);
    expect(engine.versions.held().map(({ tag }) => tag)).toEqual(['d']);
    engine.close();
  });

  test('that are held are published without those that are discarded, and not if one cannot be', () => {
    const engine = twoTags();
    const [a, b, c] = engine.versions
      .replaceAll(lists)
      .now()
      .tags.map(({ draft }) => draft);
    engine.versions.replace('c', listOf(0, 1)).now();
    expect(codeOf(() => engine.versions.publishHeld(a!).now())).toBe('VERSION_CONFLICT');
    expect(['a', 'b', 'c'].map((tag) => membersOf(engine, tag))).toEqual([4, 4, 1]);
    expect(engine.versions.discard(c!)).toBe(true);
    engine.versions.publishHeld(b!).now();
    expect(['a', 'b', 'c'].map((tag) => membersOf(engine, tag))).toEqual([5, 2, 1]);
    expectNoDrafts(engine);
    engine.close();
  });

  test('leave nothing when one of them is refused, or all are given up, at whatever step', () => {
    const wrong = [lists[0]!, { tag: 'b', list: [{ users: ['user 3', ''] }] }];
    const engine = twoTags();
    expect(codeOf(() => engine.versions.replaceAll(wrong).now())).toBe('INVALID_USER_ID');
    expectNoDrafts(engine);
    const conflict = [lists[0]!, { ...lists[1]!, declaration: { kind: 'enum' } as const }];
    expect(codeOf(() => engine.versions.replaceAll(conflict))).toBe('TAG_CONFLICT');
    expectNoDrafts(engine);
    let steps = 0;
    for (let isDone = false; !isDone; steps++) {
      const query = engine.versions.replaceAll(lists, { force: true });
      for (let i = 0; i < steps && !isDone; i++) isDone = query.advance(-1);
      query.cancel();
      expectNoDrafts(engine);
      expect(engine.store.writeWatch).toBeUndefined();
      if (!isDone) expect(['a', 'b', 'c'].map((tag) => membersOf(engine, tag))).toEqual([4, 4, 4]);
    }
    expect(steps).toBeGreaterThan(15);
    expect(['a', 'b', 'c'].map((tag) => membersOf(engine, tag))).toEqual([5, 2, 6]);
    engine.close();
  });

  test('are refused before they are read when the release cannot be', () => {
    const engine = twoTags();
    engine.versions.replace('a', listOf(0, 1), { release: 'taken' }).now();
    const list = {
      [Symbol.iterator]: (): never => {
        throw new Error('it was read');
      },
    };
    const refusal = (tags: readonly string[], options: object): unknown =>
      codeOf(() =>
        engine.versions
          .replaceAll(
            tags.map((tag) => ({ tag, list })),
            options,
          )
          .now(),
      );
    expect(refusal(['a'], { release: 'taken' })).toBe('VERSION_CONFLICT');
    expect(refusal(['a'], { release: '' })).toBe('INVALID_ARGUMENT');
    expect(refusal(['a'], { source: 'x'.repeat(5000) })).toBe('INVALID_ARGUMENT');
    expect(refusal([], {})).toBe('INVALID_ARGUMENT');
    expect(refusal(['a', 'b', 'a'], {})).toBe('INVALID_ARGUMENT');
    expectNoDrafts(engine);
    engine.close();
  });
});

describe('a policy', () => {
  const all = {
    ...{ maxGrowth: 2.5, maxShrinkage: 0.25, minUsers: 0, maxUsers: 2 ** 32, maxUnknown: 1, maxChanged: 0.1 },
    ...{ automatic: true, maxAge: 86_400 },
  };

  test('changes only in what is given', () => {
    const engine = openEngine();
    expect(codeOf(() => engine.versions.setPolicy('sports', {}))).toBe('UNKNOWN_TAG');
    expect(codeOf(() => engine.versions.policy('sports'))).toBe('UNKNOWN_TAG');
    engine.addUsers('sports', ['a']);
    expect(engine.versions.policy('sports')).toEqual({});
    expect(engine.versions.setPolicy('sports', { maxGrowth: 1, automatic: true })).toEqual({
      ...{ maxGrowth: 1, automatic: true },
    });
    const next = engine.versions.setPolicy('sports', { maxAge: 5, automatic: false, minUsers: undefined });
    expect(next).toEqual({ maxGrowth: 1, maxAge: 5 });
    expect(engine.versions.setPolicy('sports', { maxGrowth: null, maxAge: null })).toEqual({});
    // The tag is there to stay.
    engine.removeUsers('sports', ['a']);
    expect(engine.tag('sports')).toMatchObject({ declared: true, users: 0 });
    engine.close();
  });

  test.each<[changes: object, message: string]>([
    [{ maxGrowth: -0.1 }, 'tag "t": maxGrowth is a share, 0.2 for 20 %, from 0 to 1000000, not -0.1'],
    [{ maxGrowth: Number.NaN }, 'not NaN'],
    [{ maxGrowth: Number.POSITIVE_INFINITY }, 'not Infinity'],
    [{ maxShrinkage: 1.01 }, 'maxShrinkage is a share, 0.2 for 20 %, from 0 to 1, not 1.01'],
    [{ maxUnknown: 20 }, 'maxUnknown is a share'],
    [{ maxChanged: '0.1' }, 'maxChanged is a share'],
    [{ minUsers: 1.5 }, 'minUsers is a whole number from 0 to 4294967296, not 1.5'],
    [{ maxUsers: -1 }, 'maxUsers is a whole number'],
    [{ minUsers: 3, maxUsers: 2 }, 'minUsers 3 is more than maxUsers 2: no list could be published'],
    [{ automatic: 1 }, 'automatic is on or off, not 1'],
    [{ maxAge: 0 }, 'maxAge is a whole number from 1 to 1000000000, not 0'],
    [{ maxSize: 3 }, 'there is no limit "maxSize"'],
    [JSON.parse('{"__proto__": 3, "toString": 3}'), 'there is no limit'],
  ])('is refused: %o', (changes, message) => {
    const engine = openEngine();
    engine.declareTag('t', { kind: 'flag' });
    engine.versions.setPolicy('t', { minUsers: 1 });
    const set = () => engine.versions.setPolicy('t', changes as PolicyChanges);
    expect(set).toThrow(message);
    expect(codeOf(set)).toBe('INVALID_ARGUMENT');
    expect(engine.versions.policy('t')).toEqual({ minUsers: 1 });
    engine.close();
  });

  test('stays when the folder is opened again, from the journal and from a snapshot, with what is held', () => {
    const storage = new MemoryStorage();
    const open = (): Engine => openEngineOn({ dataDir: '/data' }, storage);
    let engine = open();
    for (const tag of ['a', 'b', 'c']) engine.addUsers(tag, range(0, 4));
    expect(engine.versions.setPolicy('a', all)).toEqual(all);
    engine.versions.setPolicy('b', { maxUsers: 1 });
    engine.versions.setPolicy('c', { maxUsers: 1, maxAge: 1 });
    engine.dropTag('c');
    const [first] = engine.versions
      .replaceAll([
        { tag: 'a', list: listOf(0, 4) },
        { tag: 'b', list: listOf(0, 5) },
      ])
      .now().tags;
    const told = (): unknown => {
      const { policies, drafts } = engine.store.versions;
      const groups = [...drafts.all()].map(({ number }) => engine.store.versions.heldWith(number));
      return [policies.image(), engine.versions.held(), groups];
    };
    const expected = told();
    expect(engine.store.versions.heldWith(first!.draft)).toHaveLength(2);
    for (const byWhat of ['journal', 'snapshot']) {
      if (byWhat === 'snapshot') engine.snapshotNow();
      engine.close();
      engine = open();
      expect(told()).toEqual(expected);
    }
    expect(engine.persistence!.replayed).toBe(0);
    engine.versions.publishHeld(first!.draft).now();
    expect([membersOf(engine, 'a'), membersOf(engine, 'b')]).toEqual([4, 5]);
    engine.clear();
    expect(engine.store.versions.policies.image()).toEqual([]);
    engine.close();
  });
});

describe('freshness', () => {
  const SECOND = 1000;

  /** The policy is set at 100 s, as the journal would have it. */
  function aged(maxAge: number): Engine {
    const engine = openEngine();
    engine.addUsers('sports', range(0, 4));
    engine.apply({ type: 'setPolicy', tag: 'sports', policy: { maxAge }, at: 100 * SECOND });
    return engine;
  }

  const load = (engine: Engine, seconds: number, users = 4) =>
    engine.versions.replace('sports', listOf(0, users), { at: seconds * SECOND }).now();
  const ageAt = (engine: Engine, seconds: number) => engine.versions.stale(seconds * SECOND)[0]?.age;

  test('counts from when the tag got a greatest age, and then from each list', () => {
    const engine = aged(10);
    expect([ageAt(engine, 110), ageAt(engine, 110.5), ageAt(engine, 90)]).toEqual([
      undefined,
      10.5,
      undefined,
    ]);
    expect(engine.versions.stale(200 * SECOND)).toEqual([
      { tag: 'sports', age: 100, maxAge: 10, loadedAt: undefined },
    ]);
    load(engine, 300);
    expect([ageAt(engine, 310), ageAt(engine, 311)]).toEqual([undefined, 11]);
    expect(engine.versions.stale(311 * SECOND)[0]!.loadedAt).toBe(300 * SECOND);
    // A later write is no list.
    engine.addUsers('sports', ['somebody']);
    expect(ageAt(engine, 311)).toBe(11);
    engine.close();
  });

  test('is not had from a list of before the greatest age, nor from another greatest age', () => {
    const engine = openEngine();
    load(engine, 1);
    engine.apply({ type: 'setPolicy', tag: 'sports', policy: { maxAge: 10 }, at: 100 * SECOND });
    expect([ageAt(engine, 110), ageAt(engine, 111)]).toEqual([undefined, 11]);
    engine.apply({ type: 'setPolicy', tag: 'sports', policy: { maxAge: 20, minUsers: 1 }, at: 115 * SECOND });
    expect([ageAt(engine, 120), ageAt(engine, 121)]).toEqual([undefined, 21]);
    engine.apply({ type: 'setPolicy', tag: 'sports', policy: { minUsers: 1 }, at: 116 * SECOND });
    expect(ageAt(engine, 1000)).toBeUndefined();
    engine.apply({ type: 'setPolicy', tag: 'sports', policy: { maxAge: 20 }, at: 1000 * SECOND });
    expect([ageAt(engine, 1020), ageAt(engine, 1021)]).toEqual([undefined, 21]);
    engine.close();
  });

  test('is not had from what is held; going back makes a tag as old as what it goes back to', () => {
    const engine = aged(10);
    load(engine, 200);
    engine.versions.setPolicy('sports', { maxUsers: 4 });
    const [held] = load(engine, 220, 5).tags;
    expect(ageAt(engine, 225)).toBe(25);
    engine.versions.publishHeld(held!.draft, { at: 221 * SECOND }).now();
    expect(ageAt(engine, 225)).toBeUndefined();
    engine.versions.rollBack('sports').now();
    expect(ageAt(engine, 225)).toBe(25);
    engine.close();
  });

  test('is told with the tag', () => {
    const engine = openEngine();
    engine.addUsers('sports', range(0, 4));
    const told = (): object => {
      const { version, loadedAt, maxAge, stale } = engine.tag('sports')!;
      return { version, loadedAt, maxAge, stale };
    };
    const nothing = { version: undefined, loadedAt: undefined, maxAge: undefined, stale: undefined };
    expect(told()).toEqual(nothing);
    engine.versions.setPolicy('sports', { maxAge: 3600 });
    expect(told()).toEqual({ ...nothing, maxAge: 3600, stale: false });
    load(engine, 7);
    expect(told()).toEqual({ version: 1, loadedAt: 7000, maxAge: 3600, stale: false });
    engine.versions.setPolicy('sports', { maxAge: null });
    engine.apply({ type: 'setPolicy', tag: 'sports', policy: { maxAge: 3600 }, at: 1 });
    expect(engine.tags()).toMatchObject([{ version: 1, loadedAt: 7000, maxAge: 3600, stale: true }]);
    engine.versions.rollBack('sports').now();
    expect(told()).toEqual({ version: 0, loadedAt: undefined, maxAge: 3600, stale: true });
    engine.close();
  });
});

test('what happens is told and counted, later than it happens and without ids', async () => {
  const engine = twoTags();
  const events: VersionEvent[] = [];
  const end = engine.versions.onEvent((event) => events.push(event));
  const seen = async (): Promise<VersionEvent[]> => {
    await Promise.resolve();
    return events.splice(0);
  };
  engine.versions.replace('a', listOf(2, 7), { release: 'r' }).now();
  expect(events).toEqual([]);
  const told = { draft: 0, changed: 0, reason: '' };
  expect(await seen()).toEqual([
    { ...told, type: 'published', tag: 'a', release: 'r', version: 1, users: 5, entered: 3, left: 2 },
  ]);
  engine.versions.rollBack('a').now();
  expect(await seen()).toEqual([
    { ...told, type: 'rolled back', tag: 'a', release: 'r', version: 0, users: 4, entered: 2, left: 3 },
  ]);
  const lists = ['a', 'b'].map((tag) => ({ tag, list: listOf(0, 1) }));
  const [a, b] = engine.versions
    .replaceAll(lists, { release: 's' })
    .now()
    .tags.map(({ draft }) => draft) as [number, number];
  const held = { type: 'held', release: 's', users: 1, entered: 0, left: 3, changed: 0 };
  expect(await seen()).toEqual([
    {
      ...{ ...held, tag: 'a', version: 0, draft: a },
      reason: 'held with tag "b" of the same release, which breaks its gate',
    },
    { ...held, tag: 'b', version: -1, draft: b, reason: 'it has 1 user, and should have at least 3' },
  ]);
  engine.versions.discard(a);
  expect(await seen()).toEqual([{ ...held, type: 'discarded', tag: 'a', version: 0, draft: a, reason: '' }]);
  // A preparation that is given up was never held.
  engine.versions.prepare('c', listOf(0, 1)).cancel();
  engine.versions.discard(engine.versions.prepare('c', listOf(0, 1)).now().draft);
  engine.versions.publishHeld(b).now();
  expect(await seen()).toMatchObject([{ type: 'published', tag: 'b', release: 's', version: 1, users: 1 }]);
  end();
  engine.versions.rollBackRelease('s').now();
  expect(await seen()).toEqual([]);
  expect(engine.versions.eventCounts).toEqual({ published: 2, held: 2, 'rolled back': 2, discarded: 1 });
  engine.close();
});
