import { type Bitmap, bitmapOf, bothOf } from './bitmap.js';
import { Magnitudes } from './magnitudes.js';
import type { Steps } from './steps.js';
import { WorkingBitmap } from './working-bitmap.js';

/**
 * A bit-sliced index to ask: whole numbers of users as a bitmap for each bit of the magnitude, one for the sign, and one of
 * the users who have a number (O'Neil and Quass, "Improved query performance with variant indexes", SIGMOD 1997; Rinfret,
 * O'Neil and O'Neil, "Bit-sliced index arithmetic", SIGMOD 2001). Numbers of a scale are asked for as scaled integers.
 *
 * Every question takes steps, during which the bitmaps must not change. With `within`, only users in it are looked at; there
 * may be others in it, who have no number.
 */
export class BitSlices {
  /** Users who have a number. */
  readonly exists: Bitmap;
  readonly #negative: Bitmap;
  readonly #slices: readonly Bitmap[];

  /** `negative` and the slices, by bit from the lowest, hold users of `exists` only; nobody has −0. */
  constructor(exists: Bitmap, negative: Bitmap, slices: readonly Bitmap[]) {
    this.exists = exists;
    this.#negative = negative;
    this.#slices = slices;
  }

  /** The users with low ≤ number ≤ high, as a new bitmap; ±Infinity for an open end. */
  *inRange(low: number, high: number, within?: Bitmap): Steps<Bitmap> {
    if (this.#spans(low, high)) {
      return within === undefined ? this.exists.clone() : bothOf(within, this.exists);
    }
    let result: Bitmap | undefined;
    for (const sign of this.#signsIn(low, high)) {
      const [least, most] = magnitudesOf(sign, low, high);
      const numbers = yield* this.#numbers(sign, within);
      const found = yield* numbers.inRange(least, most);
      numbers.dispose();
      if (result === undefined) {
        result = found;
      } else {
        result.orInPlace(found);
        found.dispose();
      }
      yield;
    }
    return result ?? bitmapOf();
  }

  /** How many users have a number with low ≤ number ≤ high; ±Infinity for an open end. */
  *countInRange(low: number, high: number, within?: Bitmap): Steps<number> {
    if (this.#spans(low, high)) return within?.andCardinality(this.exists) ?? this.exists.size;
    let count = 0;
    for (const sign of this.#signsIn(low, high)) {
      const [least, most] = magnitudesOf(sign, low, high);
      const numbers = yield* this.#numbers(sign, within);
      count += yield* numbers.countInRange(least, most);
      numbers.dispose();
    }
    return count;
  }

  *sum(within?: Bitmap): Steps<bigint> {
    let sum = 0n;
    for (const sign of this.#signsIn(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)) {
      const numbers = yield* this.#numbers(sign, within);
      sum += BigInt(sign) * (yield* numbers.sum());
      numbers.dispose();
    }
    return sum;
  }

  /** The least number; undefined when nobody has one. */
  *minimum(within?: Bitmap): Steps<number | undefined> {
    return (yield* this.quantiles([0], within))[0];
  }

  /** The greatest number; undefined when nobody has one. */
  *maximum(within?: Bitmap): Steps<number | undefined> {
    return (yield* this.quantiles([1], within))[0];
  }

  /**
   * A number for each fraction from 0 to 1, exact, by nearest rank: the least number that at least ⌈fraction × n⌉ of all n
   * users have or stay below, so 0 gives the minimum and 1 the maximum. Empty when nobody has a number.
   */
  *quantiles(fractions: readonly number[], within?: Bitmap): Steps<number[]> {
    const negative = yield* this.#numbers(-1, within);
    const positive = yield* this.#numbers(1, within);
    const below = negative.count;
    const count = below + positive.count;
    const ranks = count === 0 ? [] : fractions.map((fraction) => rankOf(fraction, count));
    const isNegative = (rank: number) => rank <= below;
    // The least negative number has the greatest magnitude.
    const magnitudes = yield* negative.atRanks(ranks.filter(isNegative).map((rank) => below + 1 - rank));
    const numbers = yield* positive.atRanks(
      ranks.filter((rank) => !isNegative(rank)).map((rank) => rank - below),
    );
    negative.dispose();
    positive.dispose();
    return ranks.map((rank) => (isNegative(rank) ? -magnitudes.shift()! : numbers.shift()!));
  }

  /** How many users have a number from each of the ascending bounds to below the next: one count less than bounds. */
  *histogram(bounds: readonly number[], within?: Bitmap): Steps<number[]> {
    const negative = yield* this.#numbers(-1, within);
    const positive = yield* this.#numbers(1, within);
    const counts: number[] = [];
    for (const bound of bounds) {
      // As many as are not below the bound.
      if (bound > 0) counts.push(yield* positive.countInRange(bound, Number.POSITIVE_INFINITY));
      else counts.push(positive.count + (yield* negative.countInRange(0, -bound)));
    }
    negative.dispose();
    positive.dispose();
    return counts.slice(1).map((count, i) => counts[i]! - count);
  }

  /** Does the range hold every number that there can be? */
  #spans(low: number, high: number): boolean {
    const most = 2 ** this.#slices.length - 1;
    return high >= most && low <= (this.#negative.isEmpty ? 0 : -most);
  }

  /** The signs of the numbers that may be in the range; 0 counts as positive. */
  #signsIn(low: number, high: number): Sign[] {
    if (!(low <= high)) return [];
    const signs: Sign[] = [];
    if (low < 0 && !this.#negative.isEmpty) signs.push(-1);
    if (high >= 0) signs.push(1);
    return signs;
  }

  /** The magnitudes of the numbers of one sign. To be disposed of. */
  *#numbers(sign: Sign, within: Bitmap | undefined): Steps<Magnitudes> {
    const users = new WorkingBitmap(sign < 0 ? this.#negative : this.exists);
    if (within !== undefined) {
      users.and(within);
      yield;
    }
    if (sign > 0 && !this.#negative.isEmpty) {
      users.andNot(this.#negative);
      yield;
    }
    return yield* Magnitudes.of(users, this.exists, this.#slices);
  }
}

type Sign = 1 | -1;

/** The magnitudes that numbers of a sign have in a range. */
function magnitudesOf(sign: Sign, low: number, high: number): [low: number, high: number] {
  return sign > 0 ? [low, high] : [-high, -low];
}

/** The nearest rank. A product that misses a whole number by rounding alone is that number: 0.07 × 100 is 7. */
function rankOf(fraction: number, count: number): number {
  const product = fraction * count;
  const whole = Math.round(product);
  const rank = Math.abs(product - whole) <= whole * 2 ** -50 ? whole : Math.ceil(product);
  return Math.min(Math.max(rank, 1), count);
}
