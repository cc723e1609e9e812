/** Reads back what `MsgpackWriter` writes, and nothing else; what it does not know is an error. */
import { UTF16_EXTENSION } from './msgpack-writer.js';

/** Strings that were read lately, by hash of their bytes: tags and values come again and again. */
const RECENT = 4096;
/** Longer strings are not looked for among them. */
const SHORT = 64;

export class MsgpackReader {
  /** Where the next byte is. */
  at = 0;
  #buffer: Buffer = Buffer.alloc(0);
  readonly #recent = new Array<string>(RECENT).fill('');

  /** Bytes that are left. */
  get left(): number {
    return this.#buffer.length - this.at;
  }

  /** Reads from the beginning of `buffer` from now on. */
  open(buffer: Buffer): void {
    this.#buffer = buffer;
    this.at = 0;
  }

  /** Begins an array; its items are read next. */
  array(): number {
    const type = this.#byte();
    if ((type & 0xf0) === 0x90) return type & 0x0f;
    if (type === 0xdd) return this.#uint32();
    throw unexpected('an array', type);
  }

  number(): number {
    const type = this.#byte();
    if (type < 0x80) return type;
    if (type >= 0xe0) return type - 0x100;
    if (type === 0xd2) return this.#buffer.readInt32BE(this.#skip(4));
    if (type === 0xcb) return this.#buffer.readDoubleBE(this.#skip(8));
    throw unexpected('a number', type);
  }

  string(): string {
    const type = this.#byte();
    if ((type & 0xe0) === 0xa0) return this.#text(type & 0x1f);
    if (type === 0xd9) return this.#text(this.#byte());
    if (type === 0xdb) return this.#text(this.#uint32());
    if (type !== 0xc9) throw unexpected('a string', type);
    const length = this.#uint32();
    const extension = this.#byte();
    if (extension !== UTF16_EXTENSION) throw new Error(`extension ${extension} is not known`);
    const start = this.#skip(length);
    return this.#buffer.toString('utf16le', start, start + length);
  }

  /** Bytes; only valid as long as the buffer that is read. */
  binary(): Uint8Array {
    const type = this.#byte();
    if (type !== 0xc4 && type !== 0xc6) throw unexpected('bytes', type);
    const length = type === 0xc4 ? this.#byte() : this.#uint32();
    const start = this.#skip(length);
    return this.#buffer.subarray(start, start + length);
  }

  /** `undefined` for nil, `true`, a number or a string. */
  scalar(): undefined | true | number | string {
    const type = this.#buffer[this.at]!;
    if (type === 0xc0 || type === 0xc3) {
      this.at++;
      return type === 0xc0 ? undefined : true;
    }
    const isNumber = type < 0x80 || type >= 0xe0 || type === 0xd2 || type === 0xcb;
    return isNumber ? this.number() : this.string();
  }

  #byte(): number {
    return this.#buffer[this.#skip(1)]!;
  }

  #uint32(): number {
    return this.#buffer.readUInt32BE(this.#skip(4));
  }

  /** Moves behind `bytes` bytes; returns where they begin. */
  #skip(bytes: number): number {
    const start = this.at;
    if (start + bytes > this.#buffer.length) throw new Error('it ends too early');
    this.at = start + bytes;
    return start;
  }

  #text(length: number): string {
    const start = this.#skip(length);
    const end = this.at;
    const buffer = this.#buffer;
    if (length > SHORT) return buffer.toString('utf8', start, end);
    let hash = length;
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ buffer[i]!, 0x01000193);
    const slot = (hash ^ (hash >>> 15)) & (RECENT - 1);
    const known = this.#recent[slot]!;
    if (known.length === length && isAsciiOf(known, buffer, start)) return known;
    const text = buffer.toString('utf8', start, end);
    this.#recent[slot] = text;
    return text;
  }
}

function isAsciiOf(text: string, bytes: Uint8Array, start: number): boolean {
  for (let i = 0; i < text.length; i++) {
    const byte = bytes[start + i]!;
    if (byte > 0x7f || text.charCodeAt(i) !== byte) return false;
  }
  return true;
}

function unexpected(wanted: string, type: number): Error {
  return new Error(`${wanted} should begin where byte 0x${type.toString(16)} is`);
}
