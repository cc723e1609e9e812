import { describe, expect, test } from 'vitest';
import { BitSlices } from '../../src/store/bit-slices.js';
import { bitmapOf } from '../../src/store/bitmap.js';
import { finish, type Steps } from '../../src/store/steps.js';

const { POSITIVE_INFINITY: MOST, NEGATIVE_INFINITY: LEAST } = Number;

/** Slices of numbers; the user with number `i` of the list has ordinal 10 × i. */
function slicesOf(...numbers: number[]): BitSlices {
  const ordinals = (test: (magnitude: number, number: number) => boolean): number[] =>
    numbers.flatMap((number, i) => (test(Math.abs(number), number) ? [i * 10] : []));
  const greatest = Math.max(0, ...numbers.map(Math.abs));
  const slices = [];
  for (let bit = 0; 2 ** bit <= greatest; bit++) {
    slices.push(bitmapOf(ordinals((magnitude) => Math.floor(magnitude / 2 ** bit) % 2 === 1)));
  }
  return new BitSlices(bitmapOf(ordinals(() => true)), bitmapOf(ordinals((_, number) => number < 0)), slices);
}

/** Places in the list of those in the range, which must be counted right, too. */
function inRange(slices: BitSlices, low: number, high: number): number[] {
  const found = [...finish(slices.inRange(low, high))].map((ordinal) => ordinal / 10);
  expect(finish(slices.countInRange(low, high))).toBe(found.length);
  return found;
}

describe('a range', () => {
  const ages = slicesOf(0, 25, 39, 40, 41, 100, 7, 64, 63);

  test.each<[low: number, high: number, found: number[]]>([
    [25, 40, [1, 2, 3]],
    [26, 39, [2]],
    [40, 40, [3]],
    [42, 62, []],
    [0, 0, [0]],
    [1, 127, [1, 2, 3, 4, 5, 6, 7, 8]],
    // The ends are whole powers of two, or one less.
    [0, 63, [0, 1, 2, 3, 4, 6, 8]],
    [64, 127, [5, 7]],
    [63, 64, [7, 8]],
    [0, 7, [0, 6]],
    // Beyond the numbers there are, and beyond the bits.
    [101, 127, []],
    [128, 1000, []],
    [100, 2 ** 52, [5]],
    [2 ** 52, MOST, []],
    [90, MOST, [5]],
    [LEAST, 25, [0, 1, 6]],
    [LEAST, MOST, [0, 1, 2, 3, 4, 5, 6, 7, 8]],
    [LEAST, -1, []],
    [-5, 0, [0]],
    [-0, 0, [0]],
    // Ends that are no whole numbers: those between.
    [24.5, 39.9, [1, 2]],
    [39.1, 39.9, []],
    [-0.5, 0.5, [0]],
    // Nothing between.
    [40, 25, []],
    [Number.NaN, 40, []],
    [0, Number.NaN, []],
  ])('of ages from %d to %d', (low, high, found) => {
    expect(inRange(ages, low, high)).toEqual(found);
  });

  const degrees = slicesOf(-3, 0, 5, -8, -1, 8, 3, -7);

  test.each<[low: number, high: number, found: number[]]>([
    [-3, 3, [0, 1, 4, 6]],
    [-3, -3, [0]],
    [-8, -3, [0, 3, 7]],
    [-2, 0, [1, 4]],
    [0, 0, [1]],
    [0, MOST, [1, 2, 5, 6]],
    [1, 5, [2, 6]],
    [LEAST, -4, [3, 7]],
    [LEAST, -9, []],
    [LEAST, 0, [0, 1, 3, 4, 7]],
    [-7, MOST, [0, 1, 2, 4, 5, 6, 7]],
    [-15, 15, [0, 1, 2, 3, 4, 5, 6, 7]],
    [-15, 8, [0, 1, 2, 3, 4, 5, 6, 7]],
    [LEAST, MOST, [0, 1, 2, 3, 4, 5, 6, 7]],
    [-3.5, -0.5, [0, 4]],
  ])('of degrees from %d to %d', (low, high, found) => {
    expect(inRange(degrees, low, high)).toEqual(found);
  });

  test('of numbers as large as there are', () => {
    const slices = slicesOf(2 ** 52, -(2 ** 52), 2 ** 52 - 1, 1, 0);
    expect(inRange(slices, 2 ** 52, MOST)).toEqual([0]);
    expect(inRange(slices, LEAST, -(2 ** 52))).toEqual([1]);
    expect(inRange(slices, 2, 2 ** 52 - 1)).toEqual([2]);
    expect(inRange(slices, -(2 ** 52), 2 ** 52)).toEqual([0, 1, 2, 3, 4]);
  });

  test('of nobody, and of nothing but zeros', () => {
    expect(inRange(slicesOf(), LEAST, MOST)).toEqual([]);
    expect(inRange(slicesOf(), 0, 0)).toEqual([]);
    expect(inRange(slicesOf(0, 0), 0, 0)).toEqual([0, 1]);
    expect(inRange(slicesOf(0, 0), 1, 1)).toEqual([]);
    expect(inRange(slicesOf(0, 0), -1, 5)).toEqual([0, 1]);
  });

  test('is the caller’s own: the slices stay as they are', () => {
    for (const [low, high] of [
      [LEAST, MOST],
      [0, 127],
      [64, MOST],
      [1, 1],
      [LEAST, 0],
    ] as const) {
      finish(ages.inRange(low, high)).clear();
      expect(inRange(ages, LEAST, MOST)).toHaveLength(9);
      expect(finish(ages.sum())).toBe(379n);
    }
  });
});

test('a sum is exact beyond what a double holds', () => {
  expect(finish(slicesOf(2 ** 52, 2 ** 52, 2 ** 52, 1).sum())).toBe(3n * 2n ** 52n + 1n);
  expect(finish(slicesOf(-3, 5, -8).sum())).toBe(-6n);
  expect(finish(slicesOf().sum())).toBe(0n);
});

describe('ranks', () => {
  test('the least and the greatest', () => {
    const ends = (...numbers: number[]) => {
      const slices = slicesOf(...numbers);
      return [finish(slices.minimum()), finish(slices.maximum())];
    };
    expect(ends(5, 3, 9)).toEqual([3, 9]);
    expect(ends(5, -3, 0)).toEqual([-3, 5]);
    expect(ends(-5, -3, -9)).toEqual([-9, -3]);
    expect(ends(0, -1)).toEqual([-1, 0]);
    expect(ends(0)).toEqual([0, 0]);
    expect(ends(2 ** 52, -(2 ** 52))).toEqual([-(2 ** 52), 2 ** 52]);
    expect(ends()).toEqual([undefined, undefined]);
  });

  test('quantiles are the nearest ranks, in the order they are asked for', () => {
    const slices = slicesOf(40, 10, 30, 20);
    expect(finish(slices.quantiles([0.5, 0, 1, 0.25, 0.26, 0.75, 0.76, 0.5]))).toEqual([
      20, 10, 40, 10, 20, 30, 40, 20,
    ]);
    expect(finish(slicesOf(-2, -1, 0, 1, 2).quantiles([0.2, 0.4, 0.5, 0.6, 0.8, 0.81]))).toEqual([
      -2, -1, 0, 0, 1, 2,
    ]);
    expect(finish(slicesOf(7, 7, 7).quantiles([0.1, 0.9]))).toEqual([7, 7]);
    expect(finish(slices.quantiles([]))).toEqual([]);
    expect(finish(slicesOf().quantiles([0.5]))).toEqual([]);
  });

  test('a fraction that is a whole percent means that rank, though 0.07 × 100 is a little more than 7', () => {
    const slices = slicesOf(...Array.from({ length: 100 }, (_, i) => i + 1));
    const percents = Array.from({ length: 101 }, (_, percent) => percent);
    expect(finish(slices.quantiles(percents.map((percent) => percent / 100)))).toEqual([
      1,
      ...percents.slice(1),
    ]);
  });
});

test('a histogram counts from each bound to below the next', () => {
  const slices = slicesOf(-10, -5, -5, 0, 1, 5, 9, 10, 20);
  const histogram = (...bounds: number[]) => finish(slices.histogram(bounds));
  expect(histogram(-10, 0, 10, 20)).toEqual([3, 4, 1]);
  expect(histogram(-5, -4, 5, 6)).toEqual([2, 2, 1]);
  expect(histogram(LEAST, 0, MOST)).toEqual([3, 6]);
  expect(histogram(-100, -50, 50, 100)).toEqual([0, 9, 0]);
  expect(histogram(0.5, 1.5)).toEqual([1]);
  expect(histogram(3)).toEqual([]);
  expect(histogram()).toEqual([]);
});

test('only users within a set are looked at, and those in it without a number are not', () => {
  const slices = slicesOf(5, -3, 9, 0, -7, 20);
  const within = bitmapOf([0, 10, 20, 40, 5, 7_000_000]);
  expect([...finish(slices.inRange(-3, 9, within))]).toEqual([0, 10, 20]);
  expect([...finish(slices.inRange(LEAST, MOST, within))]).toEqual([0, 10, 20, 40]);
  expect(finish(slices.countInRange(LEAST, MOST, within))).toBe(4);
  expect(finish(slices.countInRange(1, 8, within))).toBe(1);
  expect(finish(slices.sum(within))).toBe(4n);
  expect(finish(slices.minimum(within))).toBe(-7);
  expect(finish(slices.maximum(within))).toBe(9);
  expect(finish(slices.quantiles([0.5], within))).toEqual([-3]);
  expect(finish(slices.histogram([-7, 0, 9, 10], within))).toEqual([2, 1, 1]);
  expect(finish(slices.minimum(bitmapOf([5])))).toBe(undefined);
  expect(finish(slices.sum(bitmapOf()))).toBe(0n);
  expect([...within]).toEqual([0, 5, 10, 20, 40, 7_000_000]);
});

test('every question takes steps, a few for each bit at most', () => {
  const slices = slicesOf(...Array.from({ length: 1000 }, (_, i) => (i * 7919) % 1024), -1);
  const questions: Steps<unknown>[] = [
    slices.inRange(100, 900),
    slices.countInRange(-1, 900),
    slices.sum(),
    slices.quantiles([0.5]),
    slices.histogram([0, 500]),
  ];
  for (const steps of questions) {
    let count = 0;
    while (steps.next().done !== true) count++;
    expect(count).toBeGreaterThanOrEqual(10);
    expect(count).toBeLessThanOrEqual(60);
  }
});
