import { afterEach, describe, expect, test, vi } from 'vitest';
import { type Engine, openEngine, type Query, SegmentdError } from '../../src/index.js';
import { bitmapOf, bothOf, unionOf } from '../../src/store/bitmap.js';
import type { FlagColumn } from '../../src/store/flag-column.js';
import { Holds } from '../model/audience-holds.js';
import { codeOf } from '../support/code-of.js';

afterEach(() => {
  vi.restoreAllMocks();
});

const EVERYTHING = 'member and (vip or city in (Rome, Oslo)) and age >= 3 and not @northern';

/** Twenty users: all have a flag, a city and an age; every other one is a VIP. */
function filled(options?: Parameters<typeof openEngine>[0]): Engine {
  const engine = openEngine(options);
  engine.declareTag('member', { kind: 'flag' });
  engine.declareTag('vip', { kind: 'flag' });
  engine.declareTag('city', { kind: 'enum' });
  engine.declareTag('age', { kind: 'number' });
  for (let i = 0; i < 20; i++) {
    const city = ['Rome', 'Paris', 'Oslo'][i % 3]!;
    engine.setTags(`u${i}`, { member: true, city, age: i, ...(i % 2 === 0 ? { vip: true } : {}) });
  }
  engine.audiences.save('northern', 'city = Oslo and not vip');
  engine.audiences.save('wanted', EVERYTHING);
  return engine;
}

/** Every kind of query; each takes several steps. */
const ASKED: Readonly<Record<string, (engine: Engine) => Query<unknown>>> = {
  count: ({ audiences }) => audiences.queries.count(EVERYTHING),
  'limited count': ({ audiences }) => audiences.queries.count(EVERYTHING, { limit: 3 }),
  page: ({ audiences }) => audiences.queries.page(EVERYTHING, { count: 3 }),
  users: ({ audiences }) => audiences.queries.users(EVERYTHING),
  overlap: ({ audiences }) => audiences.queries.overlap([EVERYTHING, 'vip', '@northern']),
  reach: ({ audiences }) => audiences.queries.reach([EVERYTHING, 'vip', '@northern']),
  explain: ({ audiences }) => audiences.queries.explain(EVERYTHING),
  distribution: ({ audiences }) => audiences.queries.distribution('city', { of: EVERYTHING }),
  statistics: ({ audiences }) => audiences.queries.statistics('age', { of: EVERYTHING }),
  freeze: ({ audiences }) => audiences.freezeQuery('frozen', EVERYTHING),
  combination: ({ audiences }) =>
    audiences.queries.combination(['wanted', bitmapOf([1, 2, 3]), 'northern'], unionOf, ({ size }) => size),
};

/** What everybody reads, and is copied by a write only if somebody holds it. */
function bitmapsOf({ store }: Engine): unknown[] {
  const flags = ['member', 'vip'].map((tag) => (store.catalog.require(tag).column as FlagColumn).members());
  return [store.users.now, ...flags];
}

/** Does a write to the users and two flags go to copies? */
function copies(engine: Engine): boolean {
  const before = bitmapsOf(engine);
  engine.setTags('somebody', { member: true, vip: true });
  const isCopied = bitmapsOf(engine).map((bitmap, i) => bitmap !== before[i]);
  engine.eraseUser('somebody');
  expect(new Set(isCopied).size).toBe(1);
  return isCopied[0]!;
}

describe.each(Object.entries(ASKED))('a query for %s', (_, ask) => {
  test('holds what it reads until it is answered', () => {
    const engine = filled();
    const holds = new Holds();
    const query = ask(engine);
    expect(copies(engine)).toBe(true);
    expect(holds.open).toBeGreaterThan(3);
    let steps = 1;
    while (!query.advance(-1)) steps++;
    expect(steps).toBeGreaterThan(2);
    expect(holds.open).toBe(0);
    expect(copies(engine)).toBe(false);
    expect(query.advance(0)).toBe(true);
  });

  test('lets go when it is cancelled, and is over', () => {
    const engine = filled();
    const holds = new Holds();
    for (const steps of [0, 1, 2]) {
      const query = ask(engine);
      for (let i = 0; i < steps; i++) query.advance(-1);
      query.cancel();
      query.cancel();
      expect(holds.open).toBe(0);
      expect(copies(engine)).toBe(false);
      expect(() => query.advance(0)).toThrow('the query was cancelled');
      expect(() => query.now()).toThrow('the query was cancelled');
    }
    expect(engine.store.audiences.drafts).toEqual([]);
  });

  test('lets go when it takes too long, and says so again', () => {
    const engine = filled({ queryTimeout: 1000 });
    const holds = new Holds();
    const clock = new FakeClock();
    const query = ask(engine);
    query.advance(-1);
    clock.now += 1001;
    const message = 'the query took longer than 1000 ms: ask for less, or raise query-timeout';
    expect(() => query.advance(-1)).toThrow(message);
    expect(() => query.advance(-1)).toThrow(message);
    expect(codeOf(() => query.now())).toBe('QUERY_TIMEOUT');
    expect(holds.open).toBe(0);
    expect(copies(engine)).toBe(false);
  });
});

/** Time that stands still but for who sets it. */
class FakeClock {
  now = 5000;
  /** Milliseconds that go by whenever somebody looks. */
  perLook = 0;

  constructor() {
    vi.spyOn(performance, 'now').mockImplementation(() => {
      this.now += this.perLook;
      return this.now;
    });
  }
}

describe('time', () => {
  test('a query has as long as its call says, or else the engine', () => {
    const engine = filled({ queryTimeout: 1000 });
    const clock = new FakeClock();
    const takes = (milliseconds: number, timeout?: number): unknown => {
      const query = engine.audiences.queries.count(EVERYTHING, timeout === undefined ? {} : { timeout });
      query.advance(-1);
      clock.now += milliseconds;
      try {
        return query.now();
      } catch (error) {
        expect(error).toBeInstanceOf(SegmentdError);
        return (error as SegmentdError).message;
      }
    };
    const count = takes(0);
    expect(count).toBe(engine.audiences.count(EVERYTHING));
    expect(takes(1000)).toBe(count);
    expect(takes(1001)).toBe('the query took longer than 1000 ms: ask for less, or raise query-timeout');
    expect(takes(50, 50)).toBe(count);
    expect(takes(51, 50)).toBe('the query took longer than 50 ms: ask for less, or raise query-timeout');
    expect(takes(5000, 10_000)).toBe(count);
    expect(takes(1e12, 0)).toBe(count);
  });

  test('an engine without a timeout waits for ever', () => {
    const engine = filled({ queryTimeout: 0 });
    const clock = new FakeClock();
    clock.perLook = 1e9;
    expect(engine.audiences.count('vip and age > 3')).toBe(8);
  });

  test('a question that is answered at once takes no longer than it may either', () => {
    const engine = filled({ queryTimeout: 10 });
    const clock = new FakeClock();
    clock.perLook = 4;
    expect(codeOf(() => engine.audiences.count(EVERYTHING))).toBe('QUERY_TIMEOUT');
    expect(codeOf(() => [...engine.audiences.ids(EVERYTHING)])).toBe('QUERY_TIMEOUT');
    expect(codeOf(() => engine.audiences.freeze('frozen', EVERYTHING))).toBe('QUERY_TIMEOUT');
    expect(engine.audiences.get('frozen')).toBeUndefined();
    expect(engine.audiences.count(EVERYTHING, { timeout: 1e6 })).toBeGreaterThan(0);
  });

  test('advance goes on for about as long as it is told', () => {
    const clock = new FakeClock();
    const query = filled().audiences.queries.count(EVERYTHING);
    clock.perLook = 1;
    let turns = 1;
    while (!query.advance(3)) turns++;
    const slower = filled().audiences.queries.count(EVERYTHING);
    let steps = 1;
    while (!slower.advance(0)) steps++;
    expect(turns).toBeGreaterThan(1);
    expect(steps).toBeGreaterThan(2 * turns);
  });

  test('what explain measures is work, not the pauses', () => {
    const clock = new FakeClock();
    const query = filled().audiences.queries.explain(EVERYTHING, { timeout: 0 });
    while (!query.advance(-1)) clock.now += 1e6;
    expect(query.result.milliseconds).toBe(0);
    const working = filled().audiences.queries.explain(EVERYTHING);
    clock.perLook = 1;
    expect(working.now().milliseconds).toBeGreaterThan(5);
  });

  test('later lets others have a turn', async () => {
    const engine = filled();
    const clock = new FakeClock();
    clock.perLook = 2;
    let turns = 0;
    let isOver = false;
    const turn = () => {
      turns++;
      if (!isOver) setImmediate(turn);
    };
    setImmediate(turn);
    const count = await engine.audiences.queries.count(EVERYTHING).later();
    isOver = true;
    vi.restoreAllMocks();
    expect(count).toBe(engine.audiences.count(EVERYTHING));
    expect(turns).toBeGreaterThan(3);
  });

  test('later throws as now does', async () => {
    const engine = filled({ queryTimeout: 10 });
    const holds = new Holds();
    const clock = new FakeClock();
    clock.perLook = 4;
    await expect(engine.audiences.queries.count(EVERYTHING).later()).rejects.toThrow('longer than 10 ms');
    expect(holds.open).toBe(0);
  });
});

describe('what changes while a query goes on', () => {
  test('is not in the answer', () => {
    const engine = filled();
    const before = engine.audiences.count(EVERYTHING);
    const query = engine.audiences.queries.count(EVERYTHING);
    engine.clear();
    expect(query.now()).toBe(before);
    expect(codeOf(() => engine.audiences.count(EVERYTHING))).toBe('UNKNOWN_TAG');
  });

  test('a user who takes an erased one’s place is not taken for that one', () => {
    const engine = filled();
    const { queries } = engine.audiences;
    const page = queries.page('vip', { count: 3 });
    const users = queries.users('vip');
    engine.eraseUser('u2');
    engine.setTags('other', { city: 'Rome' });
    expect(engine.store.records.ordinalAt(engine.store.find('other'))).toBe(2);
    expect(page.now()).toMatchObject({ ids: ['u0', 'u4'].map((id) => Buffer.from(id)), cursor: 6 });
    expect([...users.now()]).toEqual([0, 4, 6, 8, 10, 12, 14, 16, 18]);
  });

  test('a user who comes back is left out of lists, and counted', () => {
    const engine = filled();
    const { queries } = engine.audiences;
    const asked = [queries.page('vip', { count: 2 }), queries.count('vip')] as const;
    engine.eraseUser('u0');
    engine.setTags('u0', { vip: true });
    expect(asked[0].now()).toMatchObject({ ids: [Buffer.from('u2')], cursor: 4 });
    expect(asked[1].now()).toBe(10);
  });

  test('everybody may go', () => {
    const engine = filled();
    const { queries } = engine.audiences;
    const asked = [queries.page('vip'), queries.users('vip'), queries.reach(['vip'])] as const;
    engine.clear();
    expect(asked[0].now()).toEqual({ ids: [], cursor: 0 });
    expect([...asked[1].now()]).toEqual([]);
    expect(asked[2].now()).toEqual([10, 10]);
  });

  test('is not in what is made of audiences and other sets', () => {
    const engine = filled();
    const { queries } = engine.audiences;
    const own = bitmapOf([1, 2, 4, 5, 11, 17]);
    const both = queries.combination(
      ['northern', own],
      ([a, b]) => bothOf(a!, b!),
      (users) => [...users],
    );
    const either = queries.combination([own, 'northern'], unionOf, (users) => users.size);
    engine.eraseUser('u11');
    engine.setTags('other', { city: 'Oslo' });
    engine.setTags('u5', { vip: true });
    expect(both.now()).toEqual([5, 17]);
    expect(either.now()).toBe(5);
    expect([...own]).toEqual([1, 2, 4, 5, 11, 17]);
    expect(codeOf(() => queries.combination(['nowhere', own], unionOf, () => 0))).toBe('UNKNOWN_AUDIENCE');
  });

  test('a tag may become one of another kind', () => {
    const engine = openEngine();
    engine.declareTag('size', { kind: 'enum' });
    engine.declareTag('flag', { kind: 'flag' });
    engine.setTags('u', { size: '40', flag: true });
    engine.setTags('v', { size: '42' });
    const { queries } = engine.audiences;
    const counts = ['size', 'size = 40', 'size != 40', 'not size', 'at least 2 of (size, flag, none)'];
    const asked = counts.map((text) => queries.count(text));
    const sizes = queries.distribution('size', { of: 'size' });
    const flags = queries.distribution('flag');
    const wrong = queries.statistics('size');
    engine.declareTag('size', { kind: 'number' });
    engine.declareTag('flag', { kind: 'enum' });
    expect(asked.map((query) => query.now())).toEqual([2, 1, 1, 0, 1]);
    expect(sizes.now()).toMatchObject({
      kind: 'enum',
      values: [{ value: '40' }, { value: '42' }],
      ranges: [],
    });
    expect(flags.now()).toMatchObject({ kind: 'flag', values: [{ value: true, users: 1 }], missing: 1 });
    expect(() => wrong.now()).toThrow('tag "size" is an enum: only numbers have statistics');
    expect(queries.statistics('size').now().sum).toBe(82);
  });

  test('saved audiences are those of the start', () => {
    const engine = filled();
    engine.audiences.save('young', 'age < 3');
    engine.audiences.freeze('fixed', 'age < 5');
    const { queries } = engine.audiences;
    const asked = [queries.count('@young'), queries.count('@fixed'), queries.count('@young or @fixed')];
    engine.audiences.save('young', 'age < 10');
    engine.audiences.addUsers('fixed', ['u19']);
    engine.audiences.rename('fixed', 'other');
    engine.audiences.drop('other');
    expect(asked.map((query) => query.now())).toEqual([3, 5, 5]);
    expect(engine.audiences.count('@young')).toBe(10);
  });

  test('bitmaps may be compacted', () => {
    const engine = filled();
    const query = engine.audiences.queries.count('@northern or vip');
    query.advance(-1);
    engine.compact();
    expect(query.now()).toBe(13);
    expect(engine.audiences.count('@northern')).toBe(3);
  });
});

describe('freezing in several batches', () => {
  function large(): Engine {
    const engine = openEngine();
    const users = Array.from({ length: 25_000 }, (_, i) => `u${i}`);
    engine.addUsers('flag', users);
    return engine;
  }

  /** Steps until a part of the users is in a draft. */
  function begun(engine: Engine, name: string): Query<number> {
    const query = engine.audiences.freezeQuery(name, 'flag', { owner: 'anna' });
    while (engine.store.audiences.drafts.length === 0) expect(query.advance(-1)).toBe(false);
    return query;
  }

  test('shows nothing until all are there, and leaves out who was erased', () => {
    const engine = large();
    const query = begun(engine, 'all of them');
    expect(engine.audiences.list()).toEqual([]);
    engine.eraseUser('u7');
    engine.eraseUser('u24999');
    engine.setTags('new one', { flag: true });
    expect(query.now()).toBe(24_998);
    expect(engine.store.audiences.drafts).toEqual([]);
    expect(engine.audiences.get('all of them')).toMatchObject({
      kind: 'fixed',
      users: 24_998,
      owner: 'anna',
      expression: 'flag',
    });
    expect(engine.audiences.test('@`all of them`', ['u7', 'u8', 'u24998', 'new one'])).toEqual([
      false,
      true,
      true,
      false,
    ]);
    expect(engine.check().problems).toEqual([]);
  });

  test('leaves nothing behind when it is cancelled or refused', () => {
    const engine = large();
    begun(engine, 'x').cancel();
    expect(engine.store.audiences.drafts).toEqual([]);
    const query = begun(engine, 'x');
    engine.audiences.save('x', 'flag');
    expect(() => query.now()).toThrow(
      'audience "x" is dynamic: drop it first, or take another name for the fixed one',
    );
    expect(engine.store.audiences.drafts).toEqual([]);
    expect(engine.check().problems).toEqual([]);
  });

  test('two at a time do not meet', () => {
    const engine = large();
    const [first, second] = [begun(engine, 'a'), begun(engine, 'b')];
    engine.eraseUser('u0');
    expect([second!.now(), first!.now()]).toEqual([24_999, 24_999]);
    expect(engine.check().problems).toEqual([]);
  });
});
