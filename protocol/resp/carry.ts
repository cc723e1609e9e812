/** The least room of a carry, in bytes. */
const MIN_CAPACITY = 1_024;
/** A carry above this size is given back once its command is done. */
const RETAINED_CAPACITY = 16_384;

const NO_BYTES = Buffer.alloc(0);

/** The reader's own copy of one unfinished command, from its first byte on. */
export class Carry {
  /** The bytes; valid up to `length`, replaced when they grow. */
  buffer: Buffer = NO_BYTES;
  /** Bytes in use; 0 when no command is carried. */
  length = 0;
  /** Bytes copied so far, those of growing included. */
  copied = 0;

  /**
   * Appends chunk[start, end).
   *
   * @param announcedEnd where the argument that is being received will end, if that is known; else 0
   * @param limit the most bytes that may ever be carried
   */
  append(chunk: Buffer, start: number, end: number, announcedEnd: number, limit: number): void {
    const needed = this.length + end - start;
    if (needed > this.buffer.length) {
      // What was announced fits exactly, unless that is more than twice what has come. The bytes behind it do
      // not fit, and double the room, so copying stays linear.
      const exact = announcedEnd >= needed && announcedEnd <= needed * 2;
      const capacity = exact ? announcedEnd : Math.max(this.buffer.length * 2, MIN_CAPACITY);
      const bigger = Buffer.allocUnsafeSlow(Math.max(needed, Math.min(capacity, limit)));
      this.buffer.copy(bigger, 0, 0, this.length);
      this.copied += this.length;
      this.buffer = bigger;
    }
    chunk.copy(this.buffer, this.length, start, end);
    this.copied += end - start;
    this.length = needed;
  }

  /** Forgets the command. Its bytes stay as they are in the buffer that was in use. */
  clear(): void {
    this.length = 0;
    if (this.buffer.length > RETAINED_CAPACITY) this.buffer = NO_BYTES;
  }
}
