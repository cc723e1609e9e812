/** What is told about audiences and tags besides who is in them. */
import { describe, expect, test } from 'vitest';
import { niceBounds } from '../../src/audience/tag-report.js';
import {
  type Engine,
  type ExplainedPart,
  explanationLines,
  openEngine,
  type TagStatistics,
} from '../../src/index.js';

/** Ten users, of whom the first six have a city and an age; balances are of scale 2. */
function filled(): Engine {
  const engine = openEngine();
  engine.declareTag('vip', { kind: 'flag' });
  engine.declareTag('city', { kind: 'enum' });
  engine.declareTag('age', { kind: 'number' });
  engine.declareTag('balance', { kind: 'number', scale: 2 });
  engine.declareTag('empty', { kind: 'number' });
  const cities = ['Rome', 'Paris', 'Rome', 'Oslo', 'Paris', 'Rome'];
  const balances = [-12.5, 0, 0.01, 7.25, -0.75, 1000];
  for (let i = 0; i < 10; i++) {
    const more = i < 6 ? { city: cities[i]!, age: 20 + i * 7, balance: balances[i]! } : {};
    engine.setTags(`u${i}`, { vip: true, ...more });
  }
  engine.removeTags('u0', ['vip']);
  return engine;
}

describe('overlap', () => {
  const { audiences } = filled();

  test('compares each with each', () => {
    expect(audiences.overlap(['vip', 'city = Rome', 'age > 30'])).toEqual({
      users: [
        [9, 2, 4],
        [2, 3, 2],
        [4, 2, 4],
      ],
      jaccard: [
        [1, 0.2, 4 / 9],
        [0.2, 1, 0.4],
        [4 / 9, 0.4, 1],
      ],
      containment: [
        [1, 2 / 9, 4 / 9],
        [2 / 3, 1, 2 / 3],
        [1, 0.5, 1],
      ],
    });
  });

  test('of nobody: two empty sets are the same, and in everything', () => {
    expect(audiences.overlap(['none', 'age > 1000', 'vip'])).toEqual({
      users: [
        [0, 0, 0],
        [0, 0, 0],
        [0, 0, 9],
      ],
      jaccard: [
        [1, 1, 0],
        [1, 1, 0],
        [0, 0, 1],
      ],
      containment: [
        [1, 1, 1],
        [1, 1, 1],
        [0, 0, 1],
      ],
    });
  });

  test('of the same twice, and of parts of each other', () => {
    const { users } = audiences.overlap(['vip', 'vip and city', 'vip', 'not (vip and city)']);
    expect(users).toEqual([
      [9, 5, 9, 4],
      [5, 5, 5, 0],
      [9, 5, 9, 4],
      [4, 0, 4, 5],
    ]);
    expect(audiences.overlap([])).toEqual({ users: [], jaccard: [], containment: [] });
  });

  test('reach counts users by how many have them, also none', () => {
    expect(audiences.reach(['vip', 'city = Rome', 'age > 30'])).toEqual([0, 6, 2, 2]);
    expect(audiences.reach(['city = Rome', 'city = Oslo'])).toEqual([6, 4, 0]);
    expect(audiences.reach(['vip', 'vip', 'vip', 'vip'])).toEqual([1, 0, 0, 0, 9]);
    expect(audiences.reach(['none'])).toEqual([10, 0]);
    expect(audiences.reach([])).toEqual([10]);
    expect(openEngine().audiences.reach(['all', 'none'])).toEqual([0, 0, 0]);
  });
});

describe('a distribution', () => {
  const { audiences } = filled();

  test('of an enum has its values, the most frequent first', () => {
    expect(audiences.distribution('city')).toEqual({
      tag: 'city',
      kind: 'enum',
      users: 6,
      missing: 4,
      values: [
        { value: 'Rome', users: 3 },
        { value: 'Paris', users: 2 },
        { value: 'Oslo', users: 1 },
      ],
      ranges: [],
    });
    const among = audiences.distribution('city', { of: 'age > 30 or not city' });
    expect(among).toMatchObject({ users: 4, missing: 4 });
    expect(among.values.map(({ value, users }) => [value, users])).toEqual([
      ['Rome', 2],
      ['Oslo', 1],
      ['Paris', 1],
    ]);
  });

  test('of a flag has one value', () => {
    expect(audiences.distribution('vip')).toMatchObject({
      users: 9,
      missing: 1,
      values: [{ value: true, users: 9 }],
    });
    expect(audiences.distribution('vip', { of: 'users(u0, u1)' })).toMatchObject({ users: 1, missing: 1 });
    expect(audiences.distribution('vip', { of: 'users(u0)' })).toMatchObject({
      users: 0,
      missing: 1,
      values: [],
    });
  });

  test('of a number has ranges of round numbers', () => {
    const { ranges, ...rest } = audiences.distribution('age', { ranges: 4 });
    expect(rest).toEqual({ tag: 'age', kind: 'number', users: 6, missing: 4, values: [] });
    expect(ranges).toEqual([
      { from: 20, to: 30, users: 2 },
      { from: 30, to: 40, users: 1 },
      { from: 40, to: 50, users: 2 },
      { from: 50, to: 60, users: 1 },
    ]);
    expect(audiences.distribution('age', { ranges: 1000 }).ranges.length).toBe(36);
    expect(audiences.distribution('balance', { ranges: 3, of: 'balance < 10' }).ranges).toEqual([
      { from: -20, to: -10, users: 1 },
      { from: -10, to: 0, users: 1 },
      { from: 0, to: 10, users: 3 },
    ]);
  });

  test('has one range if one is asked for, whatever the signs', () => {
    expect(audiences.distribution('age', { ranges: 1 }).ranges).toEqual([{ from: 20, to: 60, users: 6 }]);
    expect(audiences.distribution('balance', { ranges: 1 }).ranges).toEqual([
      { from: -2000, to: 2000, users: 6 },
    ]);
    expect(audiences.distribution('balance', { ranges: 1, of: 'balance < 0' }).ranges).toEqual([
      { from: -20, to: 0, users: 2 },
    ]);
  });

  test('of nobody is empty', () => {
    const nothing = { users: 0, missing: 0, values: [], ranges: [] };
    for (const tag of ['vip', 'city', 'age']) {
      expect(audiences.distribution(tag, { of: 'none' })).toMatchObject(nothing);
    }
    expect(audiences.distribution('empty')).toMatchObject({ ...nothing, missing: 10 });
  });

  test('of an audience that is saved', () => {
    const engine = filled();
    engine.audiences.save('romans', 'city = Rome');
    engine.audiences.freeze('some', 'age < 30');
    expect(engine.audiences.distribution('age', { of: '@romans and not @some', ranges: 2 }).ranges).toEqual([
      { from: 20, to: 40, users: 1 },
      { from: 40, to: 60, users: 1 },
    ]);
  });
});

describe('bounds', () => {
  test.each([
    [0, 0, 1, [0, 1]],
    [7, 7, 5, [7, 8]],
    [0, 99, 10, [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]],
    [0, 100, 10, [0, 20, 40, 60, 80, 100, 120]],
    [-3, 3, 7, [-3, -2, -1, 0, 1, 2, 3, 4]],
    [-3, 3, 6, [-4, -2, 0, 2, 4]],
    [-1, 0, 1, [-1, 1]],
    [-1, 1, 2, [-2, 0, 2]],
    [-(2 ** 52), 2 ** 52, 2, [-5e15, 0, 5e15]],
    [-(2 ** 52), 2 ** 52, 1, [-5e15, 5e15]],
    [2 ** 52, 2 ** 52, 3, [2 ** 52, 2 ** 52 + 1]],
  ])('from %d to %d for %d ranges', (least, greatest, ranges, bounds) => {
    expect(niceBounds(least, greatest, ranges).map((bound) => bound + 0)).toEqual(bounds);
  });
});

describe('statistics', () => {
  const { audiences } = filled();

  test('of a number tag', () => {
    expect(audiences.statistics('balance')).toEqual({
      tag: 'balance',
      count: 6,
      missing: 4,
      sum: 994.01,
      average: 994.01 / 6,
      minimum: -12.5,
      maximum: 1000,
      quantiles: new Map([
        [0.01, -12.5],
        [0.05, -12.5],
        [0.25, -0.75],
        [0.5, 0],
        [0.75, 7.25],
        [0.95, 1000],
        [0.99, 1000],
      ]),
    });
  });

  test('among the users of an audience', () => {
    const found = audiences.statistics('balance', { of: 'balance < 0 or not city' });
    expect(found).toMatchObject({
      count: 2,
      missing: 4,
      sum: -13.25,
      average: -6.625,
      minimum: -12.5,
      maximum: -0.75,
    });
    expect(found.quantiles.get(0.5)).toBe(-12.5);
    expect(audiences.statistics('age', { of: 'city = Oslo' })).toMatchObject({
      count: 1,
      minimum: 41,
      maximum: 41,
    });
  });

  test('of nobody', () => {
    const nothing: Partial<TagStatistics> = {
      count: 0,
      sum: 0,
      average: undefined,
      minimum: undefined,
      maximum: undefined,
      quantiles: new Map(),
    };
    expect(audiences.statistics('empty')).toEqual({ tag: 'empty', missing: 10, ...nothing });
    expect(audiences.statistics('age', { of: 'not age' })).toEqual({ tag: 'age', missing: 4, ...nothing });
  });

  test('are exact for the greatest numbers', () => {
    const engine = openEngine();
    engine.declareTag('n', { kind: 'number' });
    engine.addUsers('n', ['a', 'b'], 2 ** 52);
    engine.addUsers('n', ['c'], -(2 ** 52));
    engine.addUsers('n', ['d'], -1);
    expect(engine.audiences.statistics('n')).toMatchObject({
      sum: 2 ** 52 - 1,
      minimum: -(2 ** 52),
      maximum: 2 ** 52,
    });
    expect(engine.audiences.statistics('n').quantiles.get(0.5)).toBe(-1);
  });

  test('are for numbers only', () => {
    const only = 'only numbers have statistics; TAG.DISTRIBUTION counts its values';
    expect(() => audiences.statistics('city')).toThrow(`tag "city" is an enum: ${only}`);
    expect(() => audiences.statistics('vip', { of: 'all' })).toThrow(`tag "vip" is a flag: ${only}`);
  });
});

/** The operations of a plan, each with the users found and what it is made of. */
function outline({ operation, actual, parts }: ExplainedPart): unknown[] {
  return [operation, actual, ...parts.map(outline)];
}

describe('explain', () => {
  test('tells what was done, in that order', () => {
    const { audiences } = filled();
    const found = audiences.explain('vip and city = Rome and age between 25 and 60');
    expect(found.users).toBe(2);
    expect(outline(found.plan)).toEqual([
      'and',
      2,
      ['city = Rome', 3],
      ['vip', 2],
      ['age between 25 and 60', 2],
    ]);
    expect(found.plan).toMatchObject({
      estimated: 1,
      parts: [{ estimated: 3 }, { estimated: 9 }, { estimated: 2 }],
    });
  });

  test.each<[text: string, outline: unknown[]]>([
    ['all', ['all', 10]],
    ['age > 1 and age < 0', ['none', 0]],
    ['vip', ['vip', 9]],
    ['city', ['city', 6]],
    ['city = "New York"', ['city = "New York"', 0]],
    ['age >= 25 and age < 40', ['age between 25 and 39', 2]],
    ['balance > 0.005', ['balance >= 0.01', 3]],
    ['balance <= -0.75', ['balance <= -0.75', 2]],
    ['age = 27', ['age = 27', 1]],
    ['users(u1)', ['1 user', 1]],
    ['users(u1, u2, nobody, u1)', ['3 users', 2]],
    ['not vip', ['all', 1, ['not vip', 9]]],
    ['city and not vip', ['and', 1, ['city', 6], ['not vip', 5]]],
    ['city in (Rome, Oslo)', ['or', 4, ['city = Rome', 3], ['city = Oslo', 1]]],
    ['at least 2 of (vip, city, age > 50)', ['at least 2', 5, ['vip', 9], ['city', 6], ['age >= 51', 1]]],
    ['@`the romans`', ['@`the romans`', 3, ['city = Rome', 3]]],
    ['@some', ['@some', 2]],
    ['city = Oslo and city = Rome', ['none', 0]],
    ['empty and vip and city', ['and', 0, ['empty', 0], ['vip', undefined], ['city', undefined]]],
  ])('%s', (text, expected) => {
    const engine = filled();
    engine.audiences.save('the romans', 'city = Rome');
    engine.audiences.freeze('some', 'age < 30');
    const { users, plan } = engine.audiences.explain(text);
    expect(outline(plan)).toEqual(expected);
    expect(users).toBe(engine.audiences.count(text));
  });

  test('tells nothing of what a kept result is made of', () => {
    const engine = filled();
    engine.audiences.save('romans', 'vip and city = Rome');
    const before = engine.audiences.explain('@romans').plan;
    expect(outline(before)).toEqual(['@romans', 2, ['and', 2, ['city = Rome', 3], ['vip', 2]]]);
    expect(outline(engine.audiences.explain('@romans').plan)).toEqual(['@romans', 2]);
  });

  test('tells what a part is made of once', () => {
    const engine = filled();
    engine.audiences.save('romans', 'vip and city = Rome');
    const { plan } = engine.audiences.explain('(@romans and age > 40) or (@romans and age < 30)');
    const whole = ['@romans', 2, ['and', 2, ['city = Rome', 3], ['vip', 2]]];
    expect(outline(plan)).toEqual([
      'or',
      1,
      ['and', 0, whole, ['age <= 29', 0]],
      ['and', 1, ['@romans', 2], ['age >= 41', 1]],
    ]);
  });

  test('as lines of text', () => {
    const { audiences } = filled();
    const lines = explanationLines(audiences.explain('empty and not vip and age > 30'));
    const withoutTimes = lines.map((line) => line.replace(/in \d+(\.\d+)? ms/, 'in … ms'));
    expect(withoutTimes).toEqual([
      '0 users in … ms',
      '  and: 0 users in … ms (about 0 expected)',
      '    empty: 0 users in … ms (about 0 expected)',
      '    not vip: not needed (about 9 expected)',
      '    age >= 31: not needed (about 2 expected)',
    ]);
  });

  test('measures', () => {
    const { milliseconds, plan } = filled().audiences.explain('vip and city and age > 25');
    expect(milliseconds).toBeGreaterThan(0);
    expect(plan.milliseconds).toBeLessThanOrEqual(milliseconds);
    for (const part of plan.parts) expect(part.milliseconds).toBeLessThanOrEqual(plan.milliseconds!);
  });
});
