/** RESP2 and RESP3 replies, written into one growing buffer that is sent once. */

const LF = 10;
const CR = 13;
const DOLLAR = 36;
const PERCENT = 37;
const STAR = 42;
const MINUS = 45;
const ZERO = 48;
const COLON = 58;
const EQUALS = 61;
const GREATER = 62;
const UNDERSCORE = 95;
const TILDE = 126;

/** A new writer's capacity, and the capacity after a huge reply was sent, in bytes. */
const INITIAL_CAPACITY = 16_384;
/** A buffer above this size is not kept, so that one big reply does not stay in memory. */
const RETAINED_CAPACITY = 1_048_576;
/** Up to about this many bytes a loop beats the fixed cost of a native copy (bench resp-codec). */
const LOOP_COPY = 48;
/** The same for text, whose native encoding also needs a pass to learn the length. */
const LOOP_TEXT = 40;
/** Room for any header and trailer: a marker, 20 digits or a sign, "\r\n" twice and "txt:". */
const OVERHEAD = 32;

/**
 * Writes replies one after the other into `buffer`, of which the first `length` bytes are valid. The buffer
 * is replaced when it grows. What promises elements (`array`, `map`, `set`, `push`) is followed by them.
 */
export class RespWriter {
  /** The version of the protocol that the next replies are written in. */
  protocol: 2 | 3 = 2;
  /** The output; valid up to `length`. */
  buffer: Buffer = Buffer.allocUnsafeSlow(INITIAL_CAPACITY);
  /** Bytes written since the last `reset` or `detach`; setting it back takes replies back. */
  length = 0;

  /** Forgets what was written; gives a huge buffer back. */
  reset(): void {
    this.length = 0;
    if (this.buffer.length > RETAINED_CAPACITY) this.buffer = Buffer.allocUnsafeSlow(INITIAL_CAPACITY);
  }

  /** What was written, without a copy: valid until the next write, or for good after `detach`. */
  view(): Buffer {
    return this.buffer.subarray(0, this.length);
  }

  /**
   * Leaves the buffer to whoever still reads what `view` gave out, and returns it; the writer goes on, empty, with
   * `spare`, or with a new buffer.
   */
  detach(spare?: Buffer): Buffer {
    const { buffer } = this;
    const capacity = buffer.length > RETAINED_CAPACITY ? INITIAL_CAPACITY : buffer.length;
    this.buffer = spare ?? Buffer.allocUnsafeSlow(capacity);
    this.length = 0;
    return buffer;
  }

  /** Makes room for `size` more bytes. */
  ensure(size: number): void {
    const needed = this.length + size;
    if (needed <= this.buffer.length) return;
    const bigger = Buffer.allocUnsafeSlow(Math.max(needed, this.buffer.length * 2));
    this.buffer.copy(bigger, 0, 0, this.length);
    this.buffer = bigger;
  }

  /** Bytes that already are a reply. */
  raw(bytes: Uint8Array): void {
    const size = bytes.length;
    if (this.length + size > this.buffer.length) this.ensure(size);
    this.length = copyInto(this.buffer, this.length, bytes, 0, size);
  }

  /** A status such as OK; `ascii` has no line breaks. */
  simple(ascii: string): void {
    this.#line('+', ascii);
  }

  /** An error; line breaks in it would end the reply, so they become spaces. Text that quotes any bytes is Latin-1. */
  error(text: string, encoding: 'utf8' | 'latin1' = 'utf8'): void {
    this.#line('-', text.replace(/[\r\n]/g, ' '), encoding);
  }

  /** An integer of 64 bits. */
  integer(value: number | bigint): void {
    if (this.length + OVERHEAD > this.buffer.length) this.ensure(OVERHEAD);
    const buffer = this.buffer;
    buffer[this.length] = COLON;
    this.#endLine(putNumber(buffer, this.length + 1, value));
  }

  /** A text as UTF-8. */
  bulkString(text: string): void {
    const size = text.length;
    if (size <= LOOP_TEXT) {
      if (this.length + size + OVERHEAD > this.buffer.length) this.ensure(size + OVERHEAD);
      const buffer = this.buffer;
      let at = putSize(buffer, this.length, DOLLAR, size);
      let seen = 0;
      for (let i = 0; i < size; i++) {
        const code = text.charCodeAt(i);
        buffer[at++] = code;
        seen |= code;
      }
      if (seen < 128) {
        buffer[at] = CR;
        buffer[at + 1] = LF;
        this.length = at + 2;
        return;
      }
    }
    // Not short or not ASCII: `length` has not moved, so whatever the loop wrote is written over.
    const bytes = Buffer.byteLength(text);
    this.ensure(bytes + OVERHEAD);
    const at = putSize(this.buffer, this.length, DOLLAR, bytes);
    this.buffer.write(text, at, 'utf8');
    this.#endLine(at + bytes);
  }

  /** The bytes from `start` to `end` (exclusive); the source may be a view on shared memory. */
  bulkBytes(bytes: Uint8Array, start = 0, end = bytes.length): void {
    const size = end - start;
    if (this.length + size + OVERHEAD > this.buffer.length) this.ensure(size + OVERHEAD);
    const buffer = this.buffer;
    let at = putSize(buffer, this.length, DOLLAR, size);
    at = copyInto(buffer, at, bytes, start, end);
    buffer[at] = CR;
    buffer[at + 1] = LF;
    this.length = at + 2;
  }

  /** Begins a bulk string of `size` bytes, for which it makes room; whoever writes them ends it with `endBulk`. */
  beginBulk(size: number): void {
    this.ensure(size + OVERHEAD);
    this.length = putSize(this.buffer, this.length, DOLLAR, size);
  }

  /** Ends a bulk string whose last byte was written before `end`. */
  endBulk(end: number): void {
    this.#endLine(end);
  }

  /** An integer as a bulk string, as Redis stores numbers in hashes. */
  bulkInteger(value: number | bigint): void {
    if (typeof value === 'bigint' || value <= -1e8 || value >= 1e9) {
      this.bulkString(String(value));
      return;
    }
    // At most nine characters, so the length is one digit and the number can be written before its length.
    if (this.length + OVERHEAD > this.buffer.length) this.ensure(OVERHEAD);
    const buffer = this.buffer;
    const start = this.length;
    const end = putNumber(buffer, start + 4, value);
    putSize(buffer, start, DOLLAR, end - start - 4);
    this.#endLine(end);
  }

  /** No value. */
  null(): void {
    this.#null(DOLLAR);
  }

  /** No array; RESP3 has one null for all. */
  nullArray(): void {
    this.#null(STAR);
  }

  /** The header of an array of `size` replies. */
  array(size: number): void {
    this.#header(STAR, size);
  }

  /** The header of `pairs` pairs of replies: key, value, key, value. RESP2 has a flat array instead. */
  map(pairs: number): void {
    if (this.protocol === 3) this.#header(PERCENT, pairs);
    else this.#header(STAR, pairs * 2);
  }

  /** The header of a set of `size` replies; an array in RESP2. */
  set(size: number): void {
    this.#header(this.protocol === 3 ? TILDE : STAR, size);
  }

  /** The header of an out-of-band message of `size` replies; an array in RESP2. */
  push(size: number): void {
    this.#header(this.protocol === 3 ? GREATER : STAR, size);
  }

  /** A float in the fewest digits that read back as the same number; a bulk string in RESP2. */
  double(value: number): void {
    const text = formatDouble(value);
    if (this.protocol === 3) this.#line(',', text);
    else this.bulkString(text);
  }

  /** Yes or no; 1 or 0 in RESP2. */
  boolean(value: boolean): void {
    if (this.protocol === 3) this.#line('#', value ? 't' : 'f');
    else this.integer(value ? 1 : 0);
  }

  /** A text for people, with its format of three letters; a bulk string in RESP2. */
  verbatim(text: string, format: 'txt' | 'mkd'): void {
    if (this.protocol === 2) {
      this.bulkString(text);
      return;
    }
    const bytes = Buffer.byteLength(text);
    this.#header(EQUALS, bytes + 4);
    this.ensure(bytes + OVERHEAD);
    this.buffer.write(`${format}:`, this.length, 'latin1');
    this.buffer.write(text, this.length + 4, 'utf8');
    this.#endLine(this.length + 4 + bytes);
  }

  /** An integer of any size; a bulk string in RESP2. */
  bigNumber(value: bigint): void {
    if (this.protocol === 3) this.#line('(', String(value));
    else this.bulkString(String(value));
  }

  #null(marker: number): void {
    if (this.length + OVERHEAD > this.buffer.length) this.ensure(OVERHEAD);
    const buffer = this.buffer;
    let at = this.length;
    if (this.protocol === 3) {
      buffer[at++] = UNDERSCORE;
    } else {
      buffer[at++] = marker;
      buffer[at++] = MINUS;
      buffer[at++] = ZERO + 1;
    }
    buffer[at] = CR;
    buffer[at + 1] = LF;
    this.length = at + 2;
  }

  #header(marker: number, value: number): void {
    if (this.length + OVERHEAD > this.buffer.length) this.ensure(OVERHEAD);
    this.length = putSize(this.buffer, this.length, marker, value);
  }

  #line(marker: string, text: string, encoding: 'utf8' | 'latin1' = 'utf8'): void {
    const line = marker + text;
    // No character takes more than three bytes of UTF-8 for each of its UTF-16 units.
    this.ensure(line.length * 3 + OVERHEAD);
    this.#endLine(this.length + this.buffer.write(line, this.length, encoding));
  }

  #endLine(at: number): void {
    this.buffer[at] = CR;
    this.buffer[at + 1] = LF;
    this.length = at + 2;
  }
}

/** A text as the bytes of a bulk string, to keep and to write again and again with `raw`. */
export function encodeBulk(text: string): Uint8Array {
  const body = Buffer.from(text);
  return Buffer.concat([Buffer.from(`$${body.length}\r\n`), body, Buffer.from('\r\n')]);
}

/** Writes a marker, a size and a line end; the caller made room. Returns the offset behind them. */
function putSize(buffer: Buffer, at: number, marker: number, size: number): number {
  buffer[at] = marker;
  if (size < 10) {
    buffer[at + 1] = ZERO + size;
    at += 2;
  } else if (size < 100) {
    const tens = (size / 10) | 0;
    buffer[at + 1] = ZERO + tens;
    buffer[at + 2] = ZERO + size - tens * 10;
    at += 3;
  } else {
    at = putNumber(buffer, at + 1, size);
  }
  buffer[at] = CR;
  buffer[at + 1] = LF;
  return at + 2;
}

/** Writes the digits of any integer. */
function putNumber(buffer: Buffer, at: number, value: number | bigint): number {
  if (typeof value === 'bigint' || value < -0x7fffffff || value > 0x7fffffff) {
    return at + buffer.write(String(value), at, 'latin1');
  }
  if (value < 0) buffer[at++] = MINUS;
  let rest = Math.abs(value) | 0;
  let digits = 1;
  for (let power = 10; power <= rest; power *= 10) digits++;
  for (let i = at + digits - 1; i >= at; i--) {
    const quotient = (rest / 10) | 0;
    buffer[i] = ZERO + rest - quotient * 10;
    rest = quotient;
  }
  return at + digits;
}

/** Copies source[start, end) to target at `at`; the caller made room. Returns the offset behind the copy. */
function copyInto(target: Buffer, at: number, source: Uint8Array, start: number, end: number): number {
  const size = end - start;
  if (size > LOOP_COPY) {
    target.set(size === source.length ? source : source.subarray(start, end), at);
    return at + size;
  }
  const shift = at - start;
  let i = start;
  for (; i + 4 <= end; i += 4) {
    target[i + shift] = source[i]!;
    target[i + shift + 1] = source[i + 1]!;
    target[i + shift + 2] = source[i + 2]!;
    target[i + shift + 3] = source[i + 3]!;
  }
  for (; i < end; i++) target[i + shift] = source[i]!;
  return at + size;
}

/** A float as Redis writes it: "inf", "-inf", "nan", or the shortest digits, with the sign of zero. */
function formatDouble(value: number): string {
  if (Number.isFinite(value)) return Object.is(value, -0) ? '-0' : String(value);
  if (Number.isNaN(value)) return 'nan';
  return value > 0 ? 'inf' : '-inf';
}
