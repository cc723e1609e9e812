import { type Bitmap, bitmapBytes, bitmapOf } from './bitmap.js';

/** A bitmap as it was when it was held. Nobody changes it, not even its representation, until it is released. */
export interface HeldBitmap {
  readonly bitmap: Bitmap;
  /** Ends it; the bitmap is not to be read any more. A second call does nothing. */
  release(): void;
}

/** Those who hold the same state of a bitmap. */
interface Holding {
  holders: number;
  /** Has the bitmap been replaced by a copy? Then it goes with its last holder. */
  replaced: boolean;
}

/**
 * A bitmap that is written to while others read an earlier state of it: a write to a held bitmap goes to a copy, which is the
 * live one from then on. So a question that is answered bit by bit, with writes in between, is answered as of its start, and
 * who asks nothing for long pays nothing.
 */
export class LiveBitmap {
  #now = bitmapOf();
  /** Of `#now`; undefined when nobody holds it. */
  #holding: Holding | undefined;
  #version = 0;

  /** The bitmap as it is now: to be read at once, and not to be changed. */
  get now(): Bitmap {
    return this.#now;
  }

  get size(): number {
    return this.#now.size;
  }

  /** Counts the changes. */
  get version(): number {
    return this.#version;
  }

  get bytes(): number {
    return bitmapBytes(this.#now) + OBJECT_BYTES;
  }

  [Symbol.iterator](): Iterator<number> {
    return this.#now[Symbol.iterator]();
  }

  /** The bitmap as it is now, to keep for good; `hold` is cheaper as long as nothing is written. */
  clone(): Bitmap {
    return this.#now.clone();
  }

  has(ordinal: number): boolean {
    return this.#now.has(ordinal);
  }

  add(ordinal: number): void {
    if (this.#holding !== undefined) this.#replace(this.#now.clone());
    this.#version++;
    this.#now.add(ordinal);
  }

  remove(ordinal: number): void {
    if (this.#holding !== undefined) this.#replace(this.#now.clone());
    this.#version++;
    this.#now.remove(ordinal);
  }

  clear(): void {
    this.#version++;
    if (this.#holding !== undefined) this.#replace(bitmapOf());
    else this.#now.clear();
  }

  /** Keeps the bitmap as it is now until it is released. */
  hold(): HeldBitmap {
    const bitmap = this.#now;
    this.#holding ??= { holders: 0, replaced: false };
    const holding = this.#holding;
    holding.holders++;
    let released = false;
    return {
      bitmap,
      release: () => {
        if (released) return;
        released = true;
        holding.holders--;
        if (holding.holders > 0) return;
        if (holding.replaced) bitmap.dispose();
        else this.#holding = undefined;
      },
    };
  }

  /** Gives back memory held in reserve; a held bitmap is left, because iterators on it would read freed memory. */
  shrink(): void {
    if (this.#holding === undefined) this.#now.shrinkToFit();
  }

  /** As `shrink`, and stores runs as runs: in a copy if the bitmap is held. */
  compact(): void {
    if (this.#holding !== undefined) this.#replace(this.#now.clone());
    this.#now.runOptimize();
    this.#now.shrinkToFit();
  }

  #replace(next: Bitmap): void {
    this.#holding!.replaced = true;
    this.#holding = undefined;
    this.#now = next;
  }
}

/** A small object's header and its three fields. */
const OBJECT_BYTES = 48;
