/**
 * Cells that users have by the columns, and not yet by their vectors. A version is published by exchanging columns, at once for
 * all users; their vectors are rewritten one after the other, and until then this says what they do not.
 */
import { type Bitmap, bitmapOf } from './bitmap.js';
import type { Cells } from './cells.js';

/** The codes that a tag has for some users since one publication. */
export interface PendingCodes {
  /** Whose codes they are. */
  readonly users: Bitmap;
  /** The code of one of them; -1 when the user does not have the tag any more. */
  codeOf(ordinal: number): number;
}

/** What is pending, of all tags. */
export class PendingCells {
  /** By tag id; the newest publication comes first and counts. */
  readonly #tags = new Map<number, PendingCodes[]>();
  /** Whose vectors are to be rewritten. */
  readonly #users = bitmapOf();

  get isEmpty(): boolean {
    return this.#users.isEmpty;
  }

  /** Users who are to be rewritten. */
  get size(): number {
    return this.#users.size;
  }

  /** Adds the codes of a publication of the tag; they are its own from now on. */
  add(tag: number, codes: PendingCodes): void {
    if (codes.users.isEmpty) return;
    const layers = this.#tags.get(tag);
    if (layers === undefined) this.#tags.set(tag, [codes]);
    else layers.unshift(codes);
    this.#users.orInPlace(codes.users);
  }

  /** The code of a cell of which the vector says `code`. */
  codeOf(ordinal: number, tag: number, code: number): number {
    const layers = this.#users.has(ordinal) ? this.#tags.get(tag) : undefined;
    return layers === undefined ? code : newest(layers, ordinal, code);
  }

  /** Corrects codes that were read from the user's vector, by the tags they are of. */
  correct(ordinal: number, tags: Int32Array, codes: Float64Array): void {
    if (!this.#users.has(ordinal)) return;
    for (let i = 0; i < tags.length; i++) {
      const layers = this.#tags.get(tags[i]!);
      if (layers !== undefined) codes[i] = newest(layers, ordinal, codes[i]!);
    }
  }

  /** Corrects all cells of the user. */
  correctAll(ordinal: number, cells: Cells): void {
    if (!this.#users.has(ordinal)) return;
    for (const [tag, layers] of this.#tags) {
      const code = newest(layers, ordinal, NOTHING);
      if (code === NOTHING) continue;
      if (code < 0) cells.delete(tag);
      else cells.put(tag, code);
    }
  }

  /** The next users to be rewritten, in the order of their ordinals, which is about that of their records in memory. */
  next(most: number): Uint32Array {
    return this.#users.rangeUint32Array(new Uint32Array(most), 0, most);
  }

  /** To be called when a user's vector says all that was pending, or the user is no more. */
  done(ordinal: number): void {
    if (!this.#users.delete(ordinal)) return;
    for (const layers of this.#tags.values()) for (const { users } of layers) users.delete(ordinal);
  }

  /** As `done`, for many. Returns the tags of which nothing is pending any more. */
  doneAll(ordinals: Uint32Array): number[] {
    const done = bitmapOf(ordinals);
    this.#users.andNotInPlace(done);
    const finished: number[] = [];
    for (const [tag, layers] of this.#tags) {
      for (const { users } of layers) users.andNotInPlace(done);
      const left = layers.filter(({ users }) => !users.isEmpty);
      if (left.length > 0) this.#tags.set(tag, left);
      else finished.push(tag);
    }
    for (const tag of finished) this.#tags.delete(tag);
    return finished;
  }

  /** Does somebody wait for the tag's codes? */
  has(tag: number): boolean {
    return this.#tags.has(tag);
  }
}

const NOTHING = -2;

function newest(layers: readonly PendingCodes[], ordinal: number, otherwise: number): number {
  for (const layer of layers) if (layer.users.has(ordinal)) return layer.codeOf(ordinal);
  return otherwise;
}
