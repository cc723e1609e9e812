import { type Bitmap, bitmapBytes, bitmapOf, differenceOf } from './bitmap.js';

/** A bitmap as it was when it was held. Nobody changes it, not even its representation, until it is released. */
export interface HeldBitmap {
  readonly bitmap: Bitmap;
  /** Ends it; the bitmap is not to be read any more. A second call does nothing. */
  release(): void;
}

/** A bitmap that several have: who holds it, and the live ones whose content it is. It goes with the last of them. */
interface Sharing {
  sharers: number;
}

/**
 * A bitmap that is written to while others read an earlier state of it: a write to a held bitmap goes to a copy, which is the
 * live one from then on. So a question that is answered bit by bit, with writes in between, is answered as of its start, and
 * who asks nothing for long pays nothing. A fork shares the bitmap in the same way until one of both is written to.
 */
export class LiveBitmap {
  #now: Bitmap;
  /** Of `#now`; undefined when nobody else ever had it. */
  #sharing: Sharing | undefined;
  #version = 0;

  /** With this content, which is its own from now on. */
  constructor(bitmap = bitmapOf()) {
    this.#now = bitmap;
  }

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

  /** Takes the bitmap as its content; for one that is empty and that nobody holds. */
  adopt(bitmap: Bitmap): void {
    this.#now = bitmap;
    this.#version++;
  }

  /** The bitmap as it is now, to keep for good; `hold` is cheaper as long as nothing is written. */
  clone(): Bitmap {
    return this.#now.clone();
  }

  has(ordinal: number): boolean {
    return this.#now.has(ordinal);
  }

  add(ordinal: number): void {
    if (this.#sharing !== undefined) this.#unshare();
    this.#version++;
    this.#now.add(ordinal);
  }

  remove(ordinal: number): void {
    if (this.#sharing !== undefined) this.#unshare();
    this.#version++;
    this.#now.remove(ordinal);
  }

  /** Adds all of `ordinals`. */
  addAll(ordinals: Bitmap): void {
    if (ordinals.isEmpty) return;
    if (this.#sharing !== undefined) this.#unshare();
    this.#version++;
    this.#now.orInPlace(ordinals);
  }

  /** Removes all of `ordinals`. */
  removeAll(ordinals: Bitmap): void {
    if (!this.#now.intersects(ordinals)) return;
    const rest = differenceOf(this.#now, ordinals);
    this.#version++;
    this.#replace(rest);
  }

  clear(): void {
    this.#version++;
    this.#replace(bitmapOf());
  }

  /** Keeps the bitmap as it is now until it is released. */
  hold(): HeldBitmap {
    const bitmap = this.#now;
    const sharing = this.#share();
    let released = false;
    return {
      bitmap,
      release: () => {
        if (released) return;
        released = true;
        leave(bitmap, sharing);
      },
    };
  }

  /** Another live bitmap with the same content, which costs nothing until one of both is written to. */
  fork(): LiveBitmap {
    const fork = new LiveBitmap(this.#now);
    fork.#sharing = this.#share();
    fork.#version = this.#version;
    return fork;
  }

  /** Lets go of the content, which is given back at once if nobody else has it. Ends this object. */
  dispose(): void {
    this.#replace(NOTHING);
    this.#sharing = EVERYBODY;
  }

  /** Gives back memory held in reserve; a held bitmap is left, because iterators on it would read freed memory. */
  shrink(): void {
    if (!this.#isShared) this.#now.shrinkToFit();
  }

  /** As `shrink`, and stores runs as runs: in a copy if the bitmap is held. */
  compact(): void {
    if (this.#sharing !== undefined) this.#unshare();
    this.#now.runOptimize();
    this.#now.shrinkToFit();
  }

  get #isShared(): boolean {
    return this.#sharing !== undefined && this.#sharing.sharers > 1;
  }

  /** Counts one who has the bitmap besides. */
  #share(): Sharing {
    this.#sharing ??= { sharers: 1 };
    this.#sharing.sharers++;
    return this.#sharing;
  }

  /** Makes the bitmap this one's own, so that it can be written to. */
  #unshare(): void {
    if (this.#isShared) this.#replace(this.#now.clone());
    else this.#sharing = undefined;
  }

  #replace(next: Bitmap): void {
    leave(this.#now, this.#sharing);
    this.#sharing = undefined;
    this.#now = next;
  }
}

/** What is left of those that have ended, and is never given back. */
const NOTHING = bitmapOf();
const EVERYBODY: Sharing = { sharers: Number.POSITIVE_INFINITY };

/** One who had the bitmap does not need it any more. */
function leave(bitmap: Bitmap, sharing: Sharing | undefined): void {
  if (sharing !== undefined && --sharing.sharers > 0) return;
  bitmap.dispose();
}

/** A small object's header and its three fields. */
const OBJECT_BYTES = 48;
