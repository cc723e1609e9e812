/** A piece of a long body, filled row by row and then given away. */

/** Bytes after which a piece is full. Twice as many are no faster to send, and keep others waiting twice as long. */
export const PIECE_BYTES = 32 * 1024;
/** Room behind that, so that the last row seldom makes the piece grow. */
const SPARE_BYTES = 1024;

export class Piece {
  /** To be written to directly once there is room: see `reserve`. */
  bytes: Buffer = Buffer.alloc(0);
  length = 0;

  get isFull(): boolean {
    return this.length >= PIECE_BYTES;
  }

  /** Makes room for so many bytes more. */
  reserve(count: number): void {
    if (this.bytes.length - this.length < count) this.#grow(count);
  }

  byte(value: number): void {
    this.reserve(1);
    this.bytes[this.length++] = value;
  }

  /** Some bytes; faster than `set` for a handful. */
  put(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    const target = this.bytes;
    let at = this.length;
    for (let i = 0; i < bytes.length; i++) target[at++] = bytes[i]!;
    this.length = at;
  }

  text(text: string): void {
    this.reserve(text.length * 3); // UTF-8 of a UTF-16 unit has at most so many bytes.
    this.length += this.bytes.write(text, this.length);
  }

  /** A whole number from 0 on as decimal digits. */
  digits(value: number): void {
    let count = 1;
    for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) count++;
    this.reserve(count);
    this.length += count;
    let at = this.length;
    for (let rest = value; count > 0; count--, rest = Math.floor(rest / 10))
      this.bytes[--at] = 0x30 + (rest % 10);
  }

  /** Gives away what was written, and begins anew. */
  take(): Uint8Array {
    const taken = this.bytes.subarray(0, this.length);
    this.bytes = Buffer.alloc(0);
    this.length = 0;
    return taken;
  }

  #grow(count: number): void {
    const size = Math.max(PIECE_BYTES + SPARE_BYTES, this.bytes.length * 2, this.length + count);
    const grown = Buffer.allocUnsafeSlow(size);
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }
}
