/**
 * A body while it comes, in one piece from the start: a client may send it a byte at a time, and a list of such pieces takes two
 * hundred times as much memory as the body.
 */

const EMPTY = Buffer.alloc(0);

export class BodyBuffer {
  #bytes = EMPTY;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Adds a copy of what has come. */
  add(piece: Uint8Array): void {
    const length = this.#length + piece.length;
    if (length > this.#bytes.length) this.#grow(length);
    this.#bytes.set(piece, this.#length);
    this.#length = length;
  }

  /** Drops what has come so far. */
  clear(): void {
    this.#bytes = EMPTY;
    this.#length = 0;
  }

  /** All that has come; nothing must be added any more. */
  take(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** The first piece is most often all. */
  #grow(least: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(least, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}
