import { describe, expect, test } from 'vitest';
import type { ListCounts, TagPolicy, VersionInfo } from '../../src/index.js';
import { breachesOf, median, usualRange } from '../../src/versions/gate.js';

/** Counts of a list that shares with the tag whom it can. */
function counts(before: number, users: number, rest: Partial<ListCounts> = {}): ListCounts {
  const [entered, left] = [Math.max(0, users - before), Math.max(0, before - users)];
  return { listed: users, unknown: 0, duplicates: 0, users, before, entered, left, changed: 0, ...rest };
}

function limits(policy: TagPolicy, list: ListCounts, past: readonly VersionInfo[] = []): string[] {
  return breachesOf(list, policy, past).map(({ limit }) => limit);
}

describe('each limit holds back what is beyond it, and not what is exactly at it', () => {
  test.each<[name: keyof TagPolicy, limit: number, at: ListCounts, beyond: ListCounts]>([
    ['maxGrowth', 0.1, counts(30, 33), counts(30, 34)],
    ['maxGrowth', 0, counts(30, 30), counts(30, 31)],
    ['maxGrowth', 2.5, counts(4, 14), counts(4, 15)],
    ['maxShrinkage', 0.1, counts(30, 27), counts(30, 26)],
    ['maxShrinkage', 0, counts(30, 30), counts(30, 29)],
    ['minUsers', 5, counts(0, 5), counts(0, 4)],
    ['minUsers', 1, counts(9, 1), counts(9, 0)],
    ['maxUsers', 5, counts(0, 5), counts(0, 6)],
    ['maxUsers', 0, counts(9, 0), counts(9, 1)],
    ['maxUnknown', 0.3, counts(0, 10, { unknown: 3 }), counts(0, 10, { unknown: 4 })],
    ['maxUnknown', 0, counts(0, 10), counts(0, 10, { unknown: 1 })],
    // Of an id that is listed again, it only counts that it is there.
    ['maxUnknown', 0.5, counts(0, 4, { listed: 9, duplicates: 5, unknown: 2 }), counts(0, 3, { unknown: 2 })],
    // 10 before, 2 enter, 2 leave, 2 are changed: 6 of 12.
    [
      'maxChanged',
      0.5,
      counts(10, 10, { entered: 2, left: 2, changed: 2 }),
      counts(10, 10, { entered: 2, left: 2, changed: 3 }),
    ],
    ['maxChanged', 0, counts(10, 10), counts(10, 10, { changed: 1 })],
  ])('%s %d', (name, limit, at, beyond) => {
    expect(limits({ [name]: limit }, at)).toEqual([]);
    expect(limits({ [name]: limit }, beyond)).toEqual([name]);
    expect(limits({}, beyond)).toEqual([]);
  });

  test('the share of a limit is not rounded', () => {
    for (let before = 1; before <= 80; before++) {
      for (let more = 0; more <= before; more++) {
        expect(limits({ maxGrowth: more / before }, counts(before, before + more))).toEqual([]);
        expect(limits({ maxShrinkage: more / before }, counts(before, before - more))).toEqual([]);
      }
    }
  });
});

test('a tag without users is compared with nothing', () => {
  const policy: TagPolicy = { maxGrowth: 0, maxShrinkage: 0, maxChanged: 0, automatic: true };
  expect(limits(policy, counts(0, 1_000_000), loads(Array<number>(30).fill(10)))).toEqual([]);
  expect(limits(policy, counts(0, 0))).toEqual([]);
  expect(limits({ ...policy, minUsers: 1 }, counts(0, 0))).toEqual(['minUsers']);
});

test('an empty list loses everybody', () => {
  expect(limits({ maxShrinkage: 1, maxChanged: 1, maxUnknown: 0, maxUsers: 0 }, counts(9, 0))).toEqual([]);
  expect(limits({ maxShrinkage: 0.99, maxChanged: 0.99 }, counts(9, 0))).toEqual([
    'maxShrinkage',
    'maxChanged',
  ]);
});

test('what is broken is measured, and said in words', () => {
  const policy: TagPolicy = { maxShrinkage: 0.2, minUsers: 60, maxUnknown: 0.01, maxChanged: 0.5 };
  const list = counts(100, 50, { listed: 60, duplicates: 10, unknown: 5, left: 60, entered: 10 });
  expect(breachesOf(list, policy, [])).toEqual([
    {
      ...{ limit: 'minUsers', measured: 50, allowed: 60 },
      message: 'it has 50 users, and should have at least 60',
    },
    {
      ...{ limit: 'maxUnknown', measured: 0.1, allowed: 0.01 },
      message: '5 of its 50 ids (10 %) are no users, and 1 % may be',
    },
    {
      ...{ limit: 'maxShrinkage', measured: 0.5, allowed: 0.2 },
      message: 'it has 50 users, 50 % fewer than the 100 before, and may shrink by 20 %',
    },
    {
      ...{ limit: 'maxChanged', measured: 70 / 110, allowed: 0.5 },
      message: '10 users enter, 60 leave and 0 get another value: that is 63.6364 %, and may be 50 %',
    },
  ]);
  expect(breachesOf(counts(100, 130), { maxGrowth: 0.25, maxUsers: 129 }, [])).toMatchObject([
    { message: 'it has 130 users, and should have at most 129' },
    { message: 'it has 130 users, 30 % more than the 100 before, and may grow by 25 %' },
  ]);
});

test('median and MAD, worked out by hand', () => {
  expect(median([3])).toBe(3);
  expect(median([3, 1])).toBe(2);
  expect(median([9, 1, 5])).toBe(5);
  expect(median([10, 9, 1, 2])).toBe(5.5);
  // In their order 0.1, 0.2, 0.3, 0.5, 0.8: the median is 0.3. Distances 0, 0.1, 0.2, 0.2, 0.5: the MAD is 0.2.
  const { least, most } = usualRange([0.1, 0.3, 0.2, 0.5, 0.8]);
  expect(most).toBeCloseTo(0.3 + 3.5 * 1.4826 * 0.2, 12);
  expect(least).toBeCloseTo(0.3 - 3.5 * 1.4826 * 0.2, 12);
  // Median 2.5, distances 1.5, 0.5, 0.5, 97.5; MAD 1.
  expect(usualRange([1, 2, 3, 100])).toEqual({ least: 2.5 - 3.5 * 1.4826, most: 2.5 + 3.5 * 1.4826 });
  // All the same: the MAD is 0, and the floor counts.
  expect(usualRange([0.25, 0.25, 0.25])).toEqual({ least: 0.2, most: 0.3 });
});

/** Versions of these sizes, one after the other; each keeps whom it can. The first size is what was there before. */
function loads(sizes: readonly number[]): VersionInfo[] {
  const rest = { release: '', source: '', at: 0, changed: 0, state: 'dropped' } as const;
  return sizes.map((users, number) => {
    const before = number === 0 ? users : sizes[number - 1]!;
    const [entered, left] = [Math.max(0, users - before), Math.max(0, before - users)];
    return { number, users, entered, left, previous: number - 1, ...rest };
  });
}

describe('the automatic gate', () => {
  const automatic: TagPolicy = { automatic: true };

  test('waits for five changes, and only counts those of something', () => {
    const outlier = counts(100, 1);
    expect(limits(automatic, outlier, loads([100, 100, 100, 100, 100]))).toEqual([]);
    expect(limits(automatic, outlier, loads([100, 100, 100, 100, 100, 100]))).toEqual([
      'automatic',
      'automatic',
    ]);
    // The first list of a new tag is no change of anything.
    expect(limits(automatic, outlier, loads([0, 100, 100, 100, 100, 100]))).toEqual([]);
    expect(limits({}, outlier, loads(Array<number>(20).fill(100)))).toEqual([]);
  });

  test('allows five percent where nothing ever changes', () => {
    const past = loads(Array<number>(10).fill(100));
    expect(limits(automatic, counts(100, 105), past)).toEqual([]);
    expect(limits(automatic, counts(100, 95), past)).toEqual([]);
    expect(limits(automatic, counts(1000, 1051), past)).toEqual(['automatic']);
    expect(limits(automatic, counts(1000, 949), past)).toEqual(['automatic', 'automatic']);
  });

  test('sees that the users are other ones, though they are as many', () => {
    const past = loads(Array<number>(10).fill(100));
    expect(limits(automatic, counts(100, 100, { entered: 50, left: 50 }), past)).toEqual(['automatic']);
    expect(limits(automatic, counts(100, 100, { changed: 6 }), past)).toEqual(['automatic']);
    expect(limits(automatic, counts(100, 100, { changed: 5 }), past)).toEqual([]);
  });

  test('follows a trend', () => {
    const past = loads([100, 200, 400, 800, 1600, 3200]);
    // It doubles each time: half of those in it are new.
    expect(limits(automatic, counts(3200, 6400), past)).toEqual([]);
    expect(limits(automatic, counts(3200, 6560), past)).toEqual([]);
    expect(limits(automatic, counts(3200, 6561), past)).toEqual(['automatic']);
    expect(limits(automatic, counts(3200, 6239), past)).toEqual(['automatic']);
    // That nothing changes is unusual too.
    expect(limits(automatic, counts(3200, 3200), past)).toEqual(['automatic']);
  });

  test('does not learn from outliers, as long as they are fewer than half', () => {
    const sizes = (broken: number): number[] => {
      const all = Array<number>(8).fill(100);
      for (let i = 0; i < broken; i++) all.push(1, 100);
      return all;
    };
    // 7 changes of nothing; each broken version makes two outliers.
    expect(limits(automatic, counts(100, 106), loads(sizes(3)))).toEqual(['automatic', 'automatic']);
    expect(limits(automatic, counts(100, 106), loads(sizes(4)))).toEqual([]);
  });

  test('only looks back at twenty', () => {
    const wild = [100, 1, 100, 1, 100, 1, 100, 1, 100, 1, 100];
    expect(limits(automatic, counts(100, 120), loads([...wild, ...Array<number>(9).fill(100)]))).toEqual([]);
    expect(limits(automatic, counts(100, 120), loads([...wild, ...Array<number>(20).fill(100)]))).toEqual([
      'automatic',
      'automatic',
    ]);
    const told = (versions: number): string =>
      breachesOf(counts(100, 200), automatic, loads(Array<number>(1 + versions).fill(100)))[0]!.message;
    expect([19, 20, 21].map((versions) => /last \d+/.exec(told(versions))![0])).toEqual([
      'last 19',
      'last 20',
      'last 20',
    ]);
  });

  test('is wider where changes are wide', () => {
    // 10 % more, 10 % fewer, 20 % more, the same, 25 % more: the median is 10 %, the MAD 10 %, so 51.891 % more than that pass.
    const past = loads([1000, 1100, 990, 1188, 1188, 1485]);
    expect(limits(automatic, counts(1000, 1618), past)).toEqual([]);
    expect(limits(automatic, counts(1000, 1619), past)).toEqual(['automatic']);
    expect(limits(automatic, counts(1000, 582), past)).toEqual([]);
    expect(limits(automatic, counts(1000, 581), past)).toEqual(['automatic']);
  });

  test('says what would be usual', () => {
    const past = loads(Array<number>(7).fill(100));
    const messages = breachesOf(counts(1000, 100), automatic, past).map(({ message }) => message);
    expect(messages).toEqual([
      'it has 100 users, 90 % fewer than the 1000 before; from -5 % to 5 % is what is usual of the last 6 versions',
      '0 users enter, 900 leave and 0 get another value: that is 90 %, and up to 5 % is what is usual of the last 6 versions',
    ]);
  });
});
