/**
 * The part of MessagePack that the journal needs, written straight into one growing buffer: every mutation passes here, and
 * a library that makes a buffer for each costs more than the write to the store.
 */

/** Strings shorter than this are copied character by character: a call into C++ takes longer. */
const SHORT = 64;
/** Extension type of a string that is not well-formed, and therefore has no UTF-8: its UTF-16, little-endian. */
export const UTF16_EXTENSION = 1;

export class MsgpackWriter {
  buffer: Buffer;
  /** Where the next byte goes. */
  at = 0;

  constructor(capacity: number) {
    this.buffer = Buffer.allocUnsafeSlow(capacity);
  }

  nil(): void {
    this.#reserve(1);
    this.buffer[this.at++] = 0xc0;
  }

  true(): void {
    this.#reserve(1);
    this.buffer[this.at++] = 0xc3;
  }

  /** Begins an array of `length` items, which are written next. */
  array(length: number): void {
    this.#reserve(5);
    const { buffer } = this;
    if (length < 16) buffer[this.at++] = 0x90 | length;
    else {
      buffer[this.at] = 0xdd;
      buffer.writeUInt32BE(length, this.at + 1);
      this.at += 5;
    }
  }

  number(value: number): void {
    this.#reserve(9);
    const { buffer } = this;
    if ((value | 0) !== value || Object.is(value, -0)) {
      buffer[this.at] = 0xcb;
      buffer.writeDoubleBE(value, this.at + 1);
      this.at += 9;
    } else if (value >= -32 && value < 128) buffer[this.at++] = value & 0xff;
    else {
      buffer[this.at] = 0xd2;
      buffer.writeInt32BE(value, this.at + 1);
      this.at += 5;
    }
  }

  string(text: string): void {
    const { length } = text;
    this.#reserve(5 + length);
    if (length < 32) {
      this.buffer[this.at] = 0xa0 | length;
      if (this.#copyAscii(text, this.at + 1)) return;
    } else if (length < SHORT) {
      this.buffer[this.at] = 0xd9;
      this.buffer[this.at + 1] = length;
      if (this.#copyAscii(text, this.at + 2)) return;
    }
    if (text.isWellFormed()) {
      const bytes = Buffer.byteLength(text);
      this.#header(0xdb, bytes);
      this.at += this.buffer.write(text, this.at, bytes, 'utf8');
    } else {
      this.#header(0xc9, length * 2, UTF16_EXTENSION);
      this.at += this.buffer.write(text, this.at, length * 2, 'utf16le');
    }
  }

  /** Bytes, or the UTF-8 of a string as bytes. */
  binary(data: string | Uint8Array): void {
    const { length } = data;
    if (length < SHORT) {
      this.#reserve(2 + SHORT);
      const { buffer } = this;
      buffer[this.at] = 0xc4;
      buffer[this.at + 1] = length;
      if (typeof data !== 'string') {
        for (let i = 0, at = this.at + 2; i < length; i++, at++) buffer[at] = data[i]!;
        this.at += 2 + length;
        return;
      }
      if (this.#copyAscii(data, this.at + 2)) return;
    }
    if (typeof data === 'string') {
      const bytes = Buffer.byteLength(data);
      this.#header(0xc6, bytes);
      this.at += this.buffer.write(data, this.at, bytes, 'utf8');
    } else {
      this.#header(0xc6, length);
      this.buffer.set(data, this.at);
      this.at += length;
    }
  }

  /** Writes the text's characters at `start` if all are ASCII, and moves behind them; if not, nothing is written. */
  #copyAscii(text: string, start: number): boolean {
    const { buffer } = this;
    let at = start;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) return false;
      buffer[at++] = code;
    }
    this.at = at;
    return true;
  }

  /** A type, a length of 32 bits, and for an extension its type; makes room for the bytes that follow. */
  #header(type: number, length: number, extension?: number): void {
    this.#reserve(6 + length);
    this.buffer[this.at] = type;
    this.buffer.writeUInt32BE(length, this.at + 1);
    this.at += 5;
    if (extension !== undefined) this.buffer[this.at++] = extension;
  }

  #reserve(bytes: number): void {
    if (this.at + bytes > this.buffer.length) this.#grow(bytes);
  }

  #grow(bytes: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(this.at + bytes, this.buffer.length * 2));
    this.buffer.copy(grown, 0, 0, this.at);
    this.buffer = grown;
  }
}
