/**
 * A user's id ready for look-up: its bytes packed into 32-bit little-endian words (the last one padded with zeros), their
 * length and hash. One object is filled again and again, so that looking a user up allocates nothing.
 */
import { SegmentdError } from '../errors.js';

/** A user's external id: 1 to 255 bytes; a string stands for its UTF-8 bytes. */
export type UserId = string | Uint8Array;

export const MAX_ID_BYTES = 255;

const encoder = new TextEncoder();
const encoded = new Uint8Array(3 * (MAX_ID_BYTES + 1));

export class UserKey {
  readonly words = new Int32Array(64);
  /** Bytes. */
  length = 0;
  /** Words that hold the bytes. */
  wordCount = 0;
  /** 32 bits, signed; the top 8 choose the directory's shard. */
  hash = 0;
  readonly #seed: number;

  /** `seed` makes the hashes of one store differ from another's, so that nobody can prepare ids that collide. */
  constructor(seed: number) {
    this.#seed = seed | 0;
  }

  /** Takes an id of either form. Throws INVALID_USER_ID for a wrong length. */
  set(id: UserId): this {
    return typeof id === 'string' ? this.setString(id) : this.setBytes(id, 0, id.length);
  }

  /** Takes bytes `start` to `end` of `bytes`. Throws INVALID_USER_ID for a wrong length. */
  setBytes(bytes: Uint8Array, start: number, end: number): this {
    const length = end - start;
    if (length < 1 || length > MAX_ID_BYTES) throw invalidLength(length);
    const words = this.words;
    let count = 0;
    let at = start;
    for (; at + 4 <= end; at += 4) {
      words[count++] = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    }
    if (at < end) {
      let word = bytes[at]!;
      if (at + 1 < end) word |= bytes[at + 1]! << 8;
      if (at + 2 < end) word |= bytes[at + 2]! << 16;
      words[count++] = word;
    }
    return this.#finish(length, count);
  }

  /** Takes the UTF-8 bytes of `id`. Throws INVALID_USER_ID for a wrong length. */
  setString(id: string): this {
    const length = id.length;
    if (length < 1 || length > MAX_ID_BYTES) throw invalidLength(Buffer.byteLength(id));
    const words = this.words;
    let count = 0;
    let at = 0;
    let seen = 0;
    for (; at + 4 <= length; at += 4) {
      const a = id.charCodeAt(at);
      const b = id.charCodeAt(at + 1);
      const c = id.charCodeAt(at + 2);
      const d = id.charCodeAt(at + 3);
      seen |= a | b | c | d;
      words[count++] = a | (b << 8) | (c << 16) | (d << 24);
    }
    if (at < length) {
      let word = 0;
      for (let shift = 0; at < length; at++, shift += 8) {
        const code = id.charCodeAt(at);
        seen |= code;
        word |= code << shift;
      }
      words[count++] = word;
    }
    if (seen > 0x7f) {
      const { written } = encoder.encodeInto(id, encoded);
      return this.setBytes(encoded, 0, written);
    }
    return this.#finish(length, count);
  }

  /** Takes the id of a record: `length` bytes in the words from `start` of `source`. */
  setWords(source: Int32Array, start: number, length: number): this {
    const count = (length + 3) >>> 2;
    for (let i = 0; i < count; i++) this.words[i] = source[start + i]!;
    return this.#finish(length, count);
  }

  #finish(length: number, wordCount: number): this {
    this.length = length;
    this.wordCount = wordCount;
    this.hash = hashOf(this.words, length, this.#seed);
    return this;
  }

  /** The id's bytes, as a new array. */
  toBytes(): Uint8Array {
    const bytes = new Uint8Array(this.length);
    for (let i = 0; i < this.length; i++) bytes[i] = this.words[i >>> 2]! >>> ((i & 3) * 8);
    return bytes;
  }
}

/**
 * HalfSipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012; the hash of Linux's tables on 32-bit
 * machines). Anything simpler has pairs of ids that collide under every seed, from which whole families can be made.
 */
function hashOf(words: Int32Array, length: number, seed: number): number {
  // `| 0` tells the compiler that sums of it fit integer instructions: without it they are made as doubles, at half the speed.
  let v0 = seed | 0;
  let v1 = Math.imul(seed, 0x9e3779b1);
  let v2 = seed ^ 0x6c796765;
  let v3 = v1 ^ 0x74656462;
  const whole = length >>> 2;
  const last = (length << 24) | ((length & 3) === 0 ? 0 : words[whole]!);
  for (let i = 0; i < whole + 4; i++) {
    // The words, then the last bytes with the length, then three rounds that only mix.
    const word = i < whole ? words[i]! : i === whole ? last : 0;
    if (i === whole + 1) v2 ^= 0xff;
    v3 ^= word;
    v0 = (v0 + v1) | 0;
    v2 = (v2 + v3) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (((v0 << 16) | (v0 >>> 16)) + v3) | 0;
    v2 = (v2 + v1) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    v0 ^= word;
  }
  return v1 ^ v3;
}

/** Throws INVALID_USER_ID unless the id is of 1 to 255 bytes. */
export function checkUserId(id: UserId): void {
  const { length } = id;
  const bytes = typeof id === 'string' && length * 3 > MAX_ID_BYTES ? Buffer.byteLength(id) : length;
  if (bytes < 1 || bytes > MAX_ID_BYTES) throw invalidLength(bytes);
}

function invalidLength(bytes: number): SegmentdError {
  return new SegmentdError(
    'INVALID_USER_ID',
    `a user id has 1 to ${MAX_ID_BYTES} bytes, this one has ${bytes}`,
  );
}
