/**
 * MessagePack that comes from outside: what JSON can say, and bytes. Read by our own reader, because a length that is only
 * claimed must not make it take memory, and numbers that JavaScript cannot hold must not be changed.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import { ContentError } from './content-error.js';

/**
 * The value of a MessagePack text with at most so many arrays and maps in each other, and values and keys in all. Throws a
 * `ContentError`.
 */
export function parseMsgpack(bytes: Buffer, maxDepth: number, maxValues = Number.POSITIVE_INFINITY): unknown {
  const reader = new Reader(bytes, maxDepth, maxValues);
  const value = reader.value();
  reader.checkEnd();
  return value;
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;
  #depthLeft: number;
  #valuesLeft: number;

  constructor(bytes: Buffer, maxDepth: number, maxValues: number) {
    this.#bytes = bytes;
    this.#depthLeft = maxDepth;
    this.#valuesLeft = maxValues;
  }

  value(): unknown {
    const start = this.#at;
    if (--this.#valuesLeft < 0) throw new ContentError('there are too many values', start);
    const type = this.#unsigned(1);
    if (type < 0x80) return type;
    if (type < 0x90) return this.#map(type & 0x0f, start);
    if (type < 0xa0) return this.#array(type & 0x0f, start);
    if (type < 0xc0) return this.#string(type & 0x1f);
    if (type >= 0xe0) return type - 0x100;
    switch (type) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#take(this.#unsigned(1 << (type - 0xc4)));
      case 0xca:
        return this.#finite(this.#bytes.readFloatBE(this.#skip(4)), start);
      case 0xcb:
        return this.#finite(this.#bytes.readDoubleBE(this.#skip(8)), start);
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#unsigned(1 << (type - 0xcc));
      case 0xcf:
        return this.#exact(this.#bytes.readBigUInt64BE(this.#skip(8)), start);
      case 0xd0:
      case 0xd1:
      case 0xd2: {
        const length = 1 << (type - 0xd0);
        return this.#bytes.readIntBE(this.#skip(length), length);
      }
      case 0xd3:
        return this.#exact(this.#bytes.readBigInt64BE(this.#skip(8)), start);
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#string(this.#unsigned(1 << (type - 0xd9)));
      case 0xdc:
      case 0xdd:
        return this.#array(this.#unsigned(type === 0xdc ? 2 : 4), start);
      case 0xde:
      case 0xdf:
        return this.#map(this.#unsigned(type === 0xde ? 2 : 4), start);
      default:
        throw new ContentError('a type that is not known', start);
    }
  }

  checkEnd(): void {
    if (this.#at < this.#bytes.length) throw new ContentError('the end should be', this.#at);
  }

  #array(length: number, start: number): unknown[] {
    this.#enter(start);
    const items: unknown[] = [];
    for (let i = 0; i < length; i++) items.push(this.value());
    this.#depthLeft++;
    return items;
  }

  #map(length: number, start: number): Record<string, unknown> {
    this.#enter(start);
    const map: Record<string, unknown> = {};
    for (let i = 0; i < length; i++) {
      const at = this.#at;
      const key = this.value();
      if (typeof key !== 'string') throw new ContentError('a key that is no string', at);
      const value = this.value();
      // Assigned, this one would change what the map inherits.
      if (key !== '__proto__') map[key] = value;
      else Object.defineProperty(map, key, { value, enumerable: true, writable: true, configurable: true });
    }
    this.#depthLeft++;
    return map;
  }

  #enter(start: number): void {
    if (--this.#depthLeft < 0) throw new ContentError('arrays and maps are too deep in each other', start);
  }

  #string(length: number): string {
    const start = this.#at;
    const bytes = this.#take(length);
    if (isAscii(bytes)) return bytes.toString('latin1');
    if (!isUtf8(bytes)) throw new ContentError('a string that is not UTF-8', start);
    return bytes.toString();
  }

  #finite(value: number, start: number): number {
    if (!Number.isFinite(value)) throw new ContentError('a number that is not finite', start);
    return value;
  }

  #exact(value: bigint, start: number): number {
    const number = Number(value);
    if (Number.isSafeInteger(number)) return number;
    throw new ContentError('a number too large to be exact (send it as a string, if that will do)', start);
  }

  #unsigned(length: number): number {
    return this.#bytes.readUIntBE(this.#skip(length), length);
  }

  #take(length: number): Buffer {
    const start = this.#skip(length);
    return this.#bytes.subarray(start, this.#at);
  }

  /** Goes `length` bytes on, and says from where. */
  #skip(length: number): number {
    const start = this.#at;
    if (length > this.#bytes.length - start)
      throw new ContentError('it ends in the middle of a value', this.#bytes.length);
    this.#at += length;
    return start;
  }
}
