/**
 * The end of a command, from its third word on, to recognise it when it comes again: ad servers ask the same of one user after
 * the other, and comparing bytes four at a time costs less than parsing them.
 */

/** Shorter tails are parsed as fast. */
const MIN_BYTES = 16;

let kept = 0;

export class Tail {
  /** Words of the whole command; 0 while nothing is kept. */
  words = 0;
  /** Where the tail starts in the buffer that it was kept for, and its length in bytes. */
  start = 0;
  length = 0;
  #buffer: Buffer | undefined;
  #view: DataView | undefined;

  /** Keeps the tail between `start` and `end` of a command with so many words. Returns a number that no other tail has. */
  keep(buffer: Buffer, words: number, start: number, end: number): number {
    if (end - start < MIN_BYTES) return this.skip();
    if (buffer !== this.#buffer) {
      this.#buffer = buffer;
      this.#view = undefined;
    }
    this.words = words;
    this.start = start;
    this.length = end - start;
    return ++kept;
  }

  /** Keeps nothing of a command. Returns a number that no tail has. */
  skip(): number {
    this.words = 0;
    return ++kept;
  }

  /** To be called before the bytes that were kept change. */
  forget(): void {
    this.words = 0;
    this.#buffer = undefined;
    this.#view = undefined;
  }

  /** Do the same bytes begin at `at`, and end before `end`? */
  isAt(buffer: Buffer, at: number, end: number): boolean {
    const { length, start } = this;
    if (buffer !== this.#buffer || at + length > end) return false;
    this.#view ??= new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
    const view = this.#view;
    const last = length - 4;
    if (view.getInt32(at + last) !== view.getInt32(start + last)) return false;
    for (let i = 0; i < last; i += 4) if (view.getInt32(at + i) !== view.getInt32(start + i)) return false;
    return true;
  }
}
