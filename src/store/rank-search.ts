/**
 * Numbers by rank in a bit-sliced index. From the highest bit down: as many users lack the bit as there are smaller numbers,
 * which tells whether the wanted one has it, and leaves fewer candidates for the next bit. Ranks that agree so far share them.
 */
import { areDense, type Bitmap, bitmapOf, differenceOf } from './bitmap.js';
import type { Steps } from './steps.js';
import { WorkingBitmap } from './working-bitmap.js';

/** Users whose numbers agree in the bits seen so far. */
interface Candidates {
  countIn(slice: Bitmap): number;
  keepThoseWith(bit: BitSplit): void;
  keepThoseWithout(bit: BitSplit): void;
  copy(): Candidates;
  dispose(): void;
}

/** What is sought among the same candidates. */
interface Search {
  readonly candidates: Candidates;
  readonly count: number;
  /** The bits found so far. */
  readonly value: number;
  /** Ranks among the candidates, each with its position in the result. */
  readonly wanted: readonly { readonly rank: number; readonly position: number }[];
}

/** The numbers of `users` at these ranks, the least has rank 1. The slices may hold `everyone`, that is, others as well. */
export function* valuesAtRanks(
  ranks: readonly number[],
  users: Bitmap,
  everyone: Bitmap,
  slices: readonly Bitmap[],
): Steps<number[]> {
  const values = new Array<number>(ranks.length).fill(0);
  if (ranks.length === 0) return values;
  const candidates = areDense(slices)
    ? CandidateComplement.of(users, everyone)
    : new CandidateSet(new WorkingBitmap(users));
  const wanted = ranks.map((rank, position) => ({ rank, position }));
  let searches: Search[] = [{ candidates, count: users.size, value: 0, wanted }];
  for (let bit = slices.length - 1; bit >= 0; bit--) {
    const split = new BitSplit(2 ** bit, slices[bit]!, everyone);
    const next: Search[] = [];
    for (const search of searches) next.push(...(yield* divided(search, split)));
    split.dispose();
    searches = next;
  }
  for (const search of searches) {
    for (const { position } of search.wanted) values[position] = search.value;
    search.candidates.dispose();
  }
  return values;
}

/** The search, one bit further: one or two. */
function* divided({ candidates, count, value, wanted }: Search, bit: BitSplit): Steps<Search[]> {
  const ones = candidates.countIn(bit.slice);
  const zeros = count - ones;
  yield;
  const lower = wanted.filter(({ rank }) => rank <= zeros);
  const upper = wanted
    .filter(({ rank }) => rank > zeros)
    .map(({ rank, position }) => ({ rank: rank - zeros, position }));
  const result: Search[] = [];
  if (lower.length > 0) {
    const those = upper.length > 0 ? candidates.copy() : candidates;
    if (ones > 0) those.keepThoseWithout(bit);
    result.push({ candidates: those, count: zeros, value, wanted: lower });
    yield;
  }
  if (upper.length > 0) {
    if (zeros > 0) candidates.keepThoseWith(bit);
    result.push({ candidates, count: ones, value: value + bit.value, wanted: upper });
    yield;
  }
  return result;
}

/** A bit's slice, and its complement once somebody needs it. */
class BitSplit {
  readonly value: number;
  readonly slice: Bitmap;
  readonly #everyone: Bitmap;
  #others: Bitmap | undefined;

  constructor(value: number, slice: Bitmap, everyone: Bitmap) {
    this.value = value;
    this.slice = slice;
    this.#everyone = everyone;
  }

  get others(): Bitmap {
    this.#others ??= differenceOf(this.#everyone, this.slice);
    return this.#others;
  }

  dispose(): void {
    this.#others?.dispose();
  }
}

/** Candidates as they are: best in sparse slices, where fewer are faster. */
class CandidateSet implements Candidates {
  readonly #users: WorkingBitmap;

  constructor(users: WorkingBitmap) {
    this.#users = users;
  }

  countIn(slice: Bitmap): number {
    return this.#users.now.andCardinality(slice);
  }

  keepThoseWith({ slice }: BitSplit): void {
    this.#users.and(slice);
  }

  keepThoseWithout({ slice }: BitSplit): void {
    this.#users.andNot(slice);
  }

  copy(): Candidates {
    return new CandidateSet(this.#users.copy());
  }

  dispose(): void {
    this.#users.dispose();
  }
}

/**
 * Candidates by those who are none. In dense slices that stays dense, so every operation is one on plain bits; the candidates
 * themselves become sparse after a few bits, and what takes 0.05 ms on plain bits of 10 million users takes up to 1.3 ms then.
 */
class CandidateComplement implements Candidates {
  readonly #decided: WorkingBitmap;

  private constructor(decided: WorkingBitmap) {
    this.#decided = decided;
  }

  static of(users: Bitmap, everyone: Bitmap): CandidateComplement {
    const others = users === everyone ? bitmapOf() : differenceOf(everyone, users);
    return new CandidateComplement(new WorkingBitmap(others, true));
  }

  countIn(slice: Bitmap): number {
    return slice.andNotCardinality(this.#decided.now);
  }

  keepThoseWith({ others }: BitSplit): void {
    this.#decided.or(others);
  }

  keepThoseWithout({ slice }: BitSplit): void {
    this.#decided.or(slice);
  }

  copy(): Candidates {
    return new CandidateComplement(this.#decided.copy());
  }

  dispose(): void {
    this.#decided.dispose();
  }
}
