import { type Bitmap, bothOf, differenceOf, unionOf } from './bitmap.js';

/** A bitmap that becomes a result, one operation after the other: somebody else's until the first, its own from then on. */
export class WorkingBitmap {
  #now: Bitmap;
  #isOwn: boolean;

  /** Starts with `bitmap`, which stays as it is unless it is the new one's `own`. */
  constructor(bitmap: Bitmap, own = false) {
    this.#now = bitmap;
    this.#isOwn = own;
  }

  /** To be read at once. */
  get now(): Bitmap {
    return this.#now;
  }

  and(other: Bitmap): void {
    if (this.#isOwn) this.#now.andInPlace(other);
    else this.#become(bothOf(this.#now, other));
  }

  or(other: Bitmap): void {
    if (this.#isOwn) this.#now.orInPlace(other);
    else this.#become(unionOf([this.#now, other]));
  }

  /** Not in place: between two sparse bitmaps that takes eight times as long (CRoaring 4.5 does it without SIMD). */
  andNot(other: Bitmap): void {
    this.#become(differenceOf(this.#now, other));
  }

  copy(): WorkingBitmap {
    return new WorkingBitmap(this.#now.clone(), true);
  }

  /** The result, the caller's own. Ends this object. */
  take(): Bitmap {
    return this.#isOwn ? this.#now : this.#now.clone();
  }

  /** Gives back its memory. Ends this object. */
  dispose(): void {
    if (this.#isOwn) this.#now.dispose();
  }

  #become(next: Bitmap): void {
    this.dispose();
    this.#now = next;
    this.#isOwn = true;
  }
}
