/** Questions about numbers by bit slices against the same questions about plain arrays. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Random } from '../../bench/support/random.js';
import type { BitSlices } from '../../src/store/bit-slices.js';
import { areDense, type Bitmap, bitmapOf } from '../../src/store/bitmap.js';
import { NumberColumn } from '../../src/store/number-column.js';
import { MAX_NUMBER, numberToCode } from '../../src/store/numbers.js';
import { finish } from '../../src/store/steps.js';

const OPEN = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];

/** Users' numbers by ordinal, as plain as can be, and the answers they give. */
class PlainNumbers {
  readonly numbers: Map<number, number>;

  constructor(numbers: ReadonlyMap<number, number>, within?: ReadonlySet<number>) {
    this.numbers = new Map([...numbers].filter(([ordinal]) => within?.has(ordinal) ?? true));
  }

  inRange(low: number, high: number): number[] {
    const found = [...this.numbers].filter(([, number]) => low <= number && number <= high);
    return found.map(([ordinal]) => ordinal).sort((a, b) => a - b);
  }

  sum(): bigint {
    return [...this.numbers.values()].reduce((sum, number) => sum + BigInt(number), 0n);
  }

  quantiles(fractions: readonly number[]): number[] {
    const sorted = Float64Array.from(this.numbers.values()).sort();
    if (sorted.length === 0) return [];
    return fractions.map((fraction) => sorted[Math.max(Math.ceil(fraction * sorted.length), 1) - 1]!);
  }

  histogram(bounds: readonly number[]): number[] {
    const all = [...this.numbers.values()];
    return bounds
      .slice(1)
      .map((next, i) => all.filter((number) => bounds[i]! <= number && number < next).length);
  }
}

interface Questions {
  readonly ranges: readonly (readonly [number, number])[];
  readonly fractions: readonly number[];
  readonly bounds: readonly number[];
}

/** Asks everything of both. */
function assertSame(
  slices: BitSlices,
  numbers: ReadonlyMap<number, number>,
  { ranges, fractions, bounds }: Questions,
  within?: ReadonlySet<number>,
): void {
  const plain = new PlainNumbers(numbers, within);
  const set: Bitmap | undefined = within === undefined ? undefined : bitmapOf(within);
  for (const [low, high] of ranges) {
    const expected = plain.inRange(low, high);
    const found = finish(slices.inRange(low, high, set));
    assert.ok(found.isEqual(bitmapOf(expected)), `from ${low} to ${high}`);
    assert.equal(finish(slices.countInRange(low, high, set)), expected.length, `from ${low} to ${high}`);
  }
  assert.equal(finish(slices.sum(set)), plain.sum());
  assert.deepEqual(finish(slices.quantiles(fractions, set)), plain.quantiles(fractions));
  const ends = plain.quantiles([0, 1]);
  assert.deepEqual([finish(slices.minimum(set)), finish(slices.maximum(set))], [ends[0], ends[1]]);
  assert.deepEqual(finish(slices.histogram(bounds, set)), plain.histogram(bounds));
  if (set !== undefined) assert.ok(set.isEqual(bitmapOf(within)), 'the set is left as it was');
}

function fill(column: NumberColumn, numbers: ReadonlyMap<number, number>): void {
  for (const [ordinal, number] of numbers) column.add(ordinal, numberToCode(number));
}

const number = fc.oneof(
  fc.integer({ min: 0, max: 100 }),
  fc.integer({ min: -20, max: 20 }),
  fc.constantFrom(0, 1, -1, 63, 64, 65, 127, 128, -127, -128, MAX_NUMBER, -MAX_NUMBER, MAX_NUMBER - 1),
  fc.maxSafeInteger().filter((value) => Math.abs(value) <= MAX_NUMBER),
);
const bound = fc.oneof({ arbitrary: number, weight: 8 }, fc.constantFrom(...OPEN));
/** Ordinals that meet in a container, and some far away. */
const ordinal = fc.oneof(fc.nat({ max: 200 }), fc.nat({ max: 2 ** 32 - 1 }));
const numbersOf = (value: fc.Arbitrary<number>) =>
  fc.array(fc.tuple(ordinal, value), { maxLength: 150 }).map((pairs) => new Map(pairs));
const within = fc.option(
  fc.array(ordinal, { maxLength: 120 }).map((list) => new Set(list)),
  { nil: undefined },
);
const questions: fc.Arbitrary<Questions> = fc.record({
  ranges: fc.array(fc.tuple(bound, bound), { minLength: 1, maxLength: 6 }),
  // Halves of halves: a product with a count is exact, so that the plain answer is right as well.
  fractions: fc.array(
    fc.nat({ max: 64 }).map((n) => n / 64),
    { maxLength: 8 },
  ),
  bounds: fc.array(bound, { maxLength: 8 }).map((list) => [...new Set(list)].sort((a, b) => a - b)),
});

test('few users with numbers of all sizes', () => {
  const kinds = fc.oneof(numbersOf(number), numbersOf(fc.integer({ min: 0, max: 9 })));
  fc.assert(
    fc.property(kinds, questions, within, (numbers, asked, set) => {
      const column = new NumberColumn(0);
      fill(column, numbers);
      const { slices, release } = column.hold();
      assertSame(slices, numbers, asked, set);
      // Ranges that begin and end with somebody's number.
      const values = [...numbers.values()].slice(0, 4);
      const ranges = values.flatMap((low) => values.map((high) => [low, high] as const));
      assertSame(slices, numbers, { ...asked, ranges }, set);
      release();
    }),
    { numRuns: 600 },
  );
});

test('columns are held, written and released in any order', () => {
  const change = fc.record({
    type: fc.constantFrom('set', 'set', 'set', 'remove', 'hold', 'release', 'compact'),
    ordinal: fc.nat({ max: 40 }),
    number,
  });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 80 }), questions, within, (changes, asked, set) => {
      const column = new NumberColumn(0);
      const numbers = new Map<number, number>();
      const held: { by: ReturnType<NumberColumn['hold']>; numbers: Map<number, number> }[] = [];
      for (const { type, ordinal, number } of changes) {
        const { version } = column;
        const before = numbers.get(ordinal);
        let isChange = false;
        if (type === 'hold') held.push({ by: column.hold(), numbers: new Map(numbers) });
        else if (type === 'release') held.splice(ordinal % (held.length + 1), 1)[0]?.by.release();
        else if (type === 'compact') column.compact();
        else if (type === 'remove') {
          isChange = before !== undefined;
          if (isChange) column.remove(ordinal, numberToCode(before!));
          numbers.delete(ordinal);
        } else {
          isChange = before !== number;
          if (before === undefined) column.add(ordinal, numberToCode(number));
          else column.change(ordinal, numberToCode(before), numberToCode(number));
          numbers.set(ordinal, number);
        }
        assert.equal(column.version > version, isChange);
      }
      for (const { by, numbers: then } of held) assertSame(by.slices, then, asked, set);
      const now = column.hold();
      assertSame(now.slices, numbers, asked, set);
      for (const [ordinal, number] of numbers) {
        assert.ok(column.holds(ordinal, numberToCode(number)));
        assert.ok(column.membersWith(numberToCode(number)).has(ordinal));
      }
      assert.deepEqual(column.audit(), { count: numbers.size, problems: [] });
    }),
    { numRuns: 250 },
  );
});

/** How many ordinals have a number, what numbers, and how many of the ordinals a set is made of. */
const CROWDS: readonly { share: number; least: number; most: number; sets: readonly number[] }[] = [
  { share: 1, least: 0, most: 100, sets: [0.5, 0.01, 0.0001] },
  { share: 1, least: -50, most: 50, sets: [0.5, 0.001] },
  { share: 0.5, least: -300, most: -100, sets: [0.9] },
  { share: 0.1, least: 0, most: 100, sets: [0.5, 0.02] },
  { share: 0.02, least: -1000, most: 100_000, sets: [0.5, 0.02] },
  { share: 0.9, least: 4095, most: 4097, sets: [0.3] },
  { share: 0.3, least: 0, most: 0, sets: [0.3] },
];

test.each(CROWDS)('many users: %o', ({ share, least, most, sets }) => {
  const random = new Random(most + share * 1000);
  const isIn = (part: number) => random.below(1_000_000) < part * 1_000_000;
  const one = () => least + random.below(most - least + 1);
  const numbers = new Map<number, number>();
  for (let ordinal = 0; ordinal < 140_000; ordinal++) if (isIn(share)) numbers.set(ordinal, one());
  const column = new NumberColumn(0);
  fill(column, numbers);
  const { slices, release } = column.hold();
  const asked: Questions = {
    ranges: [...Array.from({ length: 8 }, () => [one(), one()] as const), [one(), OPEN[1]!], [OPEN[0]!, 0]],
    fractions: [0.5, 0, 0.0625, 0.25, 1, 0.5, 0.9375],
    bounds: [OPEN[0]!, ...new Set(Array.from({ length: 9 }, one).sort((a, b) => a - b)), OPEN[1]!],
  };
  assertSame(slices, numbers, asked);
  for (const part of sets) {
    const set = new Set<number>();
    for (let ordinal = 0; ordinal < 150_000; ordinal++) if (isIn(part)) set.add(ordinal);
    assertSame(slices, numbers, asked, set);
  }
  // A whole container's worth, as runs and as nothing but gaps.
  assertSame(slices, numbers, asked, new Set(Array.from({ length: 65_536 }, (_, i) => i + 1000)));
  release();
});

test('slices are searched both ways: dense ones by who is decided, sparse ones by who is left', () => {
  const every = (n: number) => bitmapOf(Uint32Array.from({ length: 10_000 }, (_, i) => i * n));
  expect([areDense([every(2)]), areDense([every(40)]), areDense([])]).toEqual([true, false, false]);
});
