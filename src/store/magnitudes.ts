import { type Bitmap, bitmapOf, bothOf, weightOf } from './bitmap.js';
import { valuesAtRanks } from './rank-search.js';
import type { Steps } from './steps.js';
import { WorkingBitmap } from './working-bitmap.js';

/**
 * Users this many times lighter than an average slice get slices of their own. Measured with 10 million users: from 4 to 13
 * is alike, and with 1.5 dense slices are taken apart for nothing.
 */
const LIGHT = 4;

/** Users and two bounds, of which all bits are equal but those that the users' slices have. */
interface Range {
  readonly within: Magnitudes;
  readonly low: number;
  readonly high: number;
}

/**
 * Numbers from 0 up, by bit: the part of a bit-sliced index that is the same for positive and negative numbers. The slices
 * may hold users who are not meant; it takes less time to leave those out at the end than to make dense slices without them.
 */
export class Magnitudes {
  /** Whose numbers are meant. */
  readonly #users: WorkingBitmap;
  /** All users whom slices may hold: those who are meant, and others. */
  readonly #everyone: Bitmap;
  /** By bit, from the lowest. */
  readonly #slices: readonly Bitmap[];
  readonly #ownsSlices: boolean;

  private constructor(
    users: WorkingBitmap,
    everyone: Bitmap,
    slices: readonly Bitmap[],
    ownsSlices: boolean,
  ) {
    this.#users = users;
    this.#everyone = everyone;
    this.#slices = slices;
    this.#ownsSlices = ownsSlices;
  }

  /** The numbers of `users`, out of `everyone` whom the slices may hold. `users` is its own from now on. */
  static *of(users: WorkingBitmap, everyone: Bitmap, slices: readonly Bitmap[]): Steps<Magnitudes> {
    const total = slices.reduce((sum, slice) => sum + weightOf(slice), 0);
    if (weightOf(users.now) * slices.length * LIGHT >= total) {
      return new Magnitudes(users, everyone, slices, false);
    }
    const own: Bitmap[] = [];
    for (const slice of slices) {
      own.push(bothOf(users.now, slice));
      yield;
    }
    return new Magnitudes(users, users.now, own, true);
  }

  get count(): number {
    return this.#users.now.size;
  }

  /** The users with numbers from `low` to `high`, both included, as a new bitmap. */
  *inRange(low: number, high: number): Steps<Bitmap> {
    const range = yield* this.#narrowed(low, high);
    if (range === undefined) return bitmapOf();
    const result = yield* range.within.#build(range.low, range.high);
    if (range.within !== this) range.within.dispose();
    return result;
  }

  *countInRange(low: number, high: number): Steps<number> {
    const range = yield* this.#narrowed(low, high);
    if (range === undefined) return 0;
    const { within } = range;
    const count = (yield* within.#countFrom(range.low)) - (yield* within.#countFrom(range.high + 1));
    if (within !== this) within.dispose();
    return count;
  }

  *sum(): Steps<bigint> {
    let sum = 0n;
    for (const [bit, slice] of this.#slices.entries()) {
      sum += BigInt(this.#countOf(slice)) << BigInt(bit);
      yield;
    }
    return sum;
  }

  /** The numbers at these ranks, where the least has rank 1. There must be so many. */
  atRanks(ranks: readonly number[]): Steps<number[]> {
    return valuesAtRanks(ranks, this.#users.now, this.#everyone, this.#slices);
  }

  dispose(): void {
    this.#users.dispose();
    if (this.#ownsSlices) for (const slice of this.#slices) slice.dispose();
  }

  get #isExact(): boolean {
    return this.#users.now === this.#everyone;
  }

  /** The highest bits that both bounds share are the same for all users in between: one walk over them serves both. */
  *#narrowed(low: number, high: number): Steps<Range | undefined> {
    low = Math.max(Math.ceil(low), 0);
    high = Math.min(Math.floor(high), 2 ** this.#slices.length - 1);
    if (!(low <= high)) return undefined;
    let bits = this.#slices.length;
    while (bits > 1 && bitOf(low, bits - 1) === bitOf(high, bits - 1)) bits--;
    const within = yield* this.#withHighBits(high, bits);
    return { within, low: low % 2 ** bits, high: high % 2 ** bits };
  }

  /** The lowest `bits` bits of the users whose higher bits are those of `value`. */
  *#withHighBits(value: number, bits: number): Steps<Magnitudes> {
    if (bits === this.#slices.length) return this;
    const users = new WorkingBitmap(this.#users.now);
    for (let bit = this.#slices.length - 1; bit >= bits; bit--) {
      if (bitOf(value, bit) === 1) users.and(this.#slices[bit]!);
      else users.andNot(this.#slices[bit]!);
      yield;
    }
    return yield* Magnitudes.of(users, this.#everyone, this.#slices.slice(0, bits));
  }

  *#build(low: number, high: number): Steps<Bitmap> {
    const result = yield* this.#atLeast(low);
    if (!this.#isExact && low > 0) {
      result.and(this.#users.now);
      yield;
    }
    if (high + 1 < 2 ** this.#slices.length) {
      const above = yield* this.#atLeast(high + 1);
      result.andNot(above.now);
      above.dispose();
      yield;
    }
    return result.take();
  }

  *#countFrom(low: number): Steps<number> {
    if (low === 0) return this.count;
    if (low >= 2 ** this.#slices.length) return 0;
    const users = yield* this.#atLeast(low);
    const count = this.#countOf(users.now);
    users.dispose();
    yield;
    return count;
  }

  /** How many of the users who are meant are in a bitmap made of slices. */
  #countOf(bitmap: Bitmap): number {
    return this.#isExact ? bitmap.size : bitmap.andCardinality(this.#users.now);
  }

  /**
   * Users, meant or not, with numbers of at least `low`, which has no more bits than there are slices. Where `low` has a 1 a
   * number must have one too, where it has a 0 a number with a 1 is greater whatever the lower bits are: from the lowest bit
   * up that is one operation a bit (Chan and Ioannidis, "Bitmap index design and evaluation", SIGMOD 1998, RangeEval-Opt),
   * and what lies below the lowest 1 does not matter. From the highest bit down it would be three, on ever sparser bitmaps.
   */
  *#atLeast(low: number): Steps<WorkingBitmap> {
    let result: WorkingBitmap | undefined;
    for (const [bit, slice] of this.#slices.entries()) {
      const isOne = bitOf(low, bit) === 1;
      if (result === undefined) {
        if (isOne) result = new WorkingBitmap(slice);
        continue;
      }
      if (isOne) result.and(slice);
      else result.or(slice);
      yield;
    }
    return result ?? new WorkingBitmap(this.#users.now);
  }
}

/** Bit `bit` of a number up to 2^53. */
function bitOf(value: number, bit: number): number {
  return Math.floor(value / 2 ** bit) % 2;
}
