import { type Cells, Format, MAX_VECTOR_WORDS } from './cells.js';

/**
 * Users with up to so many tags have lists. For them bits would take less than 40 ns off a query of ten tags (measured by
 * `npm run bench -- vectors`), and most users are such, so that their bytes count for more.
 */
const SHORT_LIST = 16;
/**
 * Bits are taken when they need at most so many times the bytes of the list. For a user with 200 of 2,000 tags they take 255
 * bytes instead of 204, and a query of ten tags 40 ns instead of 300 to 400.
 */
const BITS_PREFERENCE = 2;

/** The greatest count that fits the record's header. */
const MAX_COUNT = 255;

/** Encodes cells into words of its own; see cells.ts for what they mean. */
export class CellEncoder {
  words = new Int32Array(1024);
  wordCount = 0;
  format: number = Format.LIST;
  /** What the record's header holds: the length of a short list, or of that behind bits; else 0. */
  headerCount = 0;
  readonly #shortList: number;
  readonly #bitsPreference: number;
  #bytes = new Uint8Array(this.words.buffer);

  /** Other limits than these are for measuring what they should be. */
  constructor(shortList: number = SHORT_LIST, bitsPreference: number = BITS_PREFERENCE) {
    this.#shortList = shortList;
    this.#bitsPreference = bitsPreference;
  }

  /** Encodes into `words`, `wordCount` and `format`. False when the vector is larger than MAX_VECTOR_WORDS. */
  encode(cells: Cells): boolean {
    const { count, tags, codes } = cells;
    let listBytes = 0;
    let coded = 0;
    let codedBytes = 0;
    let previous = -1;
    let previousCoded = -1;
    for (let i = 0; i < count; i++) {
      const tag = tags[i]!;
      const code = codes[i]!;
      listBytes += varintLength((tag - previous - 1) * 2);
      previous = tag;
      if (code === 0) continue;
      listBytes += varintLength(code);
      codedBytes += varintLength((tag - previousCoded - 1) * 2) + varintLength(code);
      previousCoded = tag;
      coded++;
    }
    const presence = (previous >>> 5) + 1;
    const bitsWords = 1 + presence + ((codedBytes + 3) >>> 2);
    const prefersBits = count > this.#shortList && bitsWords * 4 <= listBytes * this.#bitsPreference;
    if (prefersBits && coded <= MAX_COUNT && bitsWords <= MAX_VECTOR_WORDS) {
      this.#begin(Format.BITS, bitsWords, presence, coded);
      this.#encodeBits(cells, presence, coded);
      return true;
    }
    const isLong = count > MAX_COUNT;
    const listWords = (listBytes + (isLong ? 4 : 2) + 3) >>> 2;
    if (listWords > MAX_VECTOR_WORDS) return false;
    if (isLong) this.#begin(Format.LONG_LIST, listWords, count, 0);
    else this.#begin(Format.LIST, listWords, 0, count);
    this.#encodeList(cells, isLong ? 4 : 2, false);
    return true;
  }

  /** Makes room for a vector; `upperHalf` is that of its first word. */
  #begin(format: number, wordCount: number, upperHalf: number, headerCount: number): void {
    if (wordCount > this.words.length) {
      this.words = new Int32Array(wordCount * 2);
      this.#bytes = new Uint8Array(this.words.buffer);
    }
    this.format = format;
    this.wordCount = wordCount;
    this.headerCount = headerCount;
    // A list may fill the last word by half.
    this.words[wordCount - 1] = 0;
    this.words[0] = upperHalf << 16;
  }

  #encodeBits(cells: Cells, presence: number, coded: number): void {
    const { count, tags } = cells;
    const words = this.words;
    words.fill(0, 1, 1 + presence);
    for (let i = 0; i < count; i++) {
      const tag = tags[i]!;
      words[1 + (tag >>> 5)]! |= 1 << (tag & 31);
    }
    if (coded > 0) this.#encodeList(cells, (1 + presence) * 4, true);
  }

  /** Writes a list from byte `at` on; with `onlyCoded`, of the cells whose code is not 0. */
  #encodeList({ count, tags, codes }: Cells, at: number, onlyCoded: boolean): void {
    const out = this.#bytes;
    let previous = -1;
    for (let i = 0; i < count; i++) {
      const tag = tags[i]!;
      const code = codes[i]!;
      if (code === 0) {
        if (onlyCoded) continue;
        at = writeVarint(out, at, (tag - previous - 1) * 2);
      } else {
        at = writeVarint(out, at, (tag - previous - 1) * 2 + 1);
        at = writeVarint(out, at, code);
      }
      previous = tag;
    }
  }
}

function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) length++;
  return length;
}

function writeVarint(out: Uint8Array, at: number, value: number): number {
  let rest = value;
  while (rest >= 128) {
    out[at++] = (rest % 128) | 128;
    rest = Math.floor(rest / 128);
  }
  out[at++] = rest;
  return at;
}
