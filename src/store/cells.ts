/**
 * A user's vector, as words: which tags the user has, and with which code. A code says what value the tag has for the
 * user, by the tag's kind (see columns); code 0 is the most frequent and takes no room, so a flag costs its presence only.
 *
 * Two encodings, chosen by what fits the user:
 *
 * list    its length n is in the record's header, or, above 255, in a word of its own. Bytes in the order of tag ids:
 *         varint(gap << 1 | hasCode) [varint(code)] …       gap = tag id − the previous one's − 1
 * blocks  word 0: mask words m | non-empty blocks b << 16; m words: which blocks of 64 tags are not empty; b × 2 words:
 *         the tags of each; if any code is not 0, b words: where the block's codes begin (words from here, 0 = none),
 *         and there 2 words: which tags have a code, then their varints.
 *
 * Probing a list walks it (about 1 ns a tag), probing blocks is a population count and a bit test; see
 * `npm run bench -- vectors`.
 */
import { SegmentdError } from '../errors.js';

/** Lists up to this length are always lists: walking one costs no more than finding a block. */
const SHORT_LIST = 24;
/** Blocks are taken when they need at most this many times the bytes of the list. */
const BLOCK_PREFERENCE = 2;
export const MAX_VECTOR_WORDS = 12_000;

/** Longest list whose length fits the record's header. */
const MAX_SHORT_COUNT = 255;

export const Format = { LIST: 0, BLOCKS: 1, BLOCKS_WITH_CODES: 2, LONG_LIST: 3 } as const;

/** A user's cells in the order of tag ids, to be read, changed and encoded. One object serves many users in turn. */
export class Cells {
  tags = new Int32Array(256);
  codes = new Float64Array(256);
  count = 0;

  clear(): void {
    this.count = 0;
  }

  /** Appends a cell; its tag must be greater than the last one's. */
  push(tag: number, code: number): void {
    if (this.count === this.tags.length) this.#widen();
    this.tags[this.count] = tag;
    this.codes[this.count++] = code;
  }

  /** Where the tag is, or where it would have to be inserted, as -1 - index. */
  indexOf(tag: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.tags[middle]! < tag) low = middle + 1;
      else high = middle;
    }
    return low < this.count && this.tags[low] === tag ? low : -1 - low;
  }

  /** The tag's code, or -1 when the user does not have it. */
  codeOf(tag: number): number {
    const at = this.indexOf(tag);
    return at < 0 ? -1 : this.codes[at]!;
  }

  /** Gives the tag a code. Returns the code before, or -1 when the tag is new. */
  put(tag: number, code: number): number {
    const at = this.indexOf(tag);
    if (at >= 0) {
      const before = this.codes[at]!;
      this.codes[at] = code;
      return before;
    }
    if (this.count === this.tags.length) this.#widen();
    const index = -1 - at;
    this.tags.copyWithin(index + 1, index, this.count);
    this.codes.copyWithin(index + 1, index, this.count);
    this.tags[index] = tag;
    this.codes[index] = code;
    this.count++;
    return -1;
  }

  /** Takes the tag away. Returns its code before, or -1 when the user did not have it. */
  delete(tag: number): number {
    const at = this.indexOf(tag);
    if (at < 0) return -1;
    const before = this.codes[at]!;
    this.tags.copyWithin(at, at + 1, this.count);
    this.codes.copyWithin(at, at + 1, this.count);
    this.count--;
    return before;
  }

  #widen(): void {
    const tags = new Int32Array(this.tags.length * 2);
    const codes = new Float64Array(this.codes.length * 2);
    tags.set(this.tags);
    codes.set(this.codes);
    this.tags = tags;
    this.codes = codes;
  }
}

/** Encodes cells into words of its own. */
export class CellEncoder {
  words = new Int32Array(1024);
  wordCount = 0;
  format: number = Format.LIST;
  /** The list's length where the record's header holds it, else 0. */
  headerCount = 0;
  #bytes = new Uint8Array(this.words.buffer);

  /** Encodes into `words`, `wordCount` and `format`. False when the vector is larger than MAX_VECTOR_WORDS. */
  encode(cells: Cells): boolean {
    const { count, tags, codes } = cells;
    let listBytes = 0;
    let codeBytes = 0;
    let blocks = 0;
    let lastBlock = -1;
    let previous = -1;
    for (let i = 0; i < count; i++) {
      const tag = tags[i]!;
      const gap = tag - previous - 1;
      previous = tag;
      listBytes += gap < 64 ? 1 : varintLength(gap * 2);
      const code = codes[i]!;
      if (code !== 0) codeBytes += code < 128 ? 1 : varintLength(code);
      if (tag >>> 6 !== lastBlock) {
        lastBlock = tag >>> 6;
        blocks++;
      }
    }
    listBytes += codeBytes;
    if (count > SHORT_LIST) {
      const maskWords = (lastBlock >>> 5) + 1;
      // With codes: a word for the offset, two for the mask, and up to three bytes of padding for each block.
      const blockBytes = 4 * (1 + maskWords + blocks * 2) + (codeBytes === 0 ? 0 : blocks * 14 + codeBytes);
      const preferred = blockBytes <= listBytes * BLOCK_PREFERENCE && blocks < 0x10000;
      if (preferred && this.#encodeBlocks(cells, maskWords, blocks, codeBytes)) return true;
    }
    return this.#encodeList(cells, listBytes);
  }

  #encodeList(cells: Cells, bytes: number): boolean {
    const { count, tags, codes } = cells;
    const long = count > MAX_SHORT_COUNT;
    const wordCount = ((bytes + 3) >>> 2) + (long ? 1 : 0);
    if (wordCount > MAX_VECTOR_WORDS) return false;
    this.#reserve(wordCount);
    if (wordCount > 0) this.words[wordCount - 1] = 0;
    const out = this.#bytes;
    let at = 0;
    if (long) {
      this.words[0] = count;
      at = 4;
    }
    let previous = -1;
    for (let i = 0; i < count; i++) {
      const tag = tags[i]!;
      const code = codes[i]!;
      const gap = tag - previous - 1;
      previous = tag;
      const token = gap * 2 + (code === 0 ? 0 : 1);
      if (token < 128) out[at++] = token;
      else at = writeVarint(out, at, token);
      if (code !== 0) {
        if (code < 128) out[at++] = code;
        else at = writeVarint(out, at, code);
      }
    }
    this.wordCount = wordCount;
    this.format = long ? Format.LONG_LIST : Format.LIST;
    this.headerCount = long ? 0 : count;
    return true;
  }

  #encodeBlocks(cells: Cells, maskWords: number, blocks: number, codeBytes: number): boolean {
    const presence = 1 + maskWords;
    const offsets = presence + blocks * 2;
    const bound = offsets + (codeBytes === 0 ? 0 : blocks * 4 + ((codeBytes + 3) >>> 2));
    if (bound > MAX_VECTOR_WORDS) return false;
    this.#reserve(bound);
    const words = this.words;
    words.fill(0, 0, bound);
    words[0] = maskWords | (blocks << 16);
    const { count, tags, codes } = cells;
    let block = -1;
    let rank = -1;
    let codesAt = offsets + blocks;
    let byteAt = 0;
    let hasCodes = false;
    for (let i = 0; i < count; i++) {
      const tag = tags[i]!;
      const code = codes[i]!;
      if (tag >>> 6 !== block) {
        if (hasCodes) codesAt = (byteAt + 3) >>> 2;
        hasCodes = false;
        block = tag >>> 6;
        rank++;
        words[1 + (block >>> 5)]! |= 1 << (block & 31);
      }
      const half = (tag >>> 5) & 1;
      words[presence + rank * 2 + half]! |= 1 << (tag & 31);
      if (code === 0) continue;
      if (!hasCodes) {
        hasCodes = true;
        words[offsets + rank] = codesAt;
        byteAt = (codesAt + 2) * 4;
      }
      words[codesAt + half]! |= 1 << (tag & 31);
      byteAt = writeVarint(this.#bytes, byteAt, code);
    }
    this.wordCount = codeBytes === 0 ? offsets : hasCodes ? (byteAt + 3) >>> 2 : codesAt;
    this.format = codeBytes === 0 ? Format.BLOCKS : Format.BLOCKS_WITH_CODES;
    this.headerCount = 0;
    return true;
  }

  #reserve(words: number): void {
    if (words <= this.words.length) return;
    this.words = new Int32Array(words * 2);
    this.#bytes = new Uint8Array(this.words.buffer);
  }
}

/**
 * Fills `cells` from a vector: its words start at `start`; `count` is what the record's header says of a list. A reader that
 * was overtaken by the writer may find anything there, so what no vector can be is refused before it takes memory.
 */
export function decodeCells(
  words: Int32Array,
  start: number,
  format: number,
  count: number,
  cells: Cells,
): void {
  cells.clear();
  if (format === Format.LIST) decodeList(words, start, count, cells);
  else if (format === Format.LONG_LIST) decodeList(words, start + 1, words[start]!, cells);
  else decodeBlocks(words, start, format, cells);
}

function notAVector(): SegmentdError {
  return new SegmentdError('INTERNAL', 'what a record holds is not a vector');
}

function decodeBlocks(words: Int32Array, start: number, format: number, cells: Cells): void {
  const maskWords = words[start]! & 0xffff;
  const blocks = words[start]! >>> 16;
  const presence = start + 1 + maskWords;
  if (1 + maskWords + blocks * 2 > MAX_VECTOR_WORDS) throw notAVector();
  let rank = 0;
  for (let m = 0; m < maskWords; m++) {
    for (let mask = words[start + 1 + m]!; mask !== 0; mask &= mask - 1) {
      if (rank === blocks) throw notAVector();
      const block = m * 32 + trailingZeros(mask);
      const codesAt = format === Format.BLOCKS ? 0 : words[presence + blocks * 2 + rank]!;
      if (codesAt !== 0) cursor.open(words, start + codesAt + 2);
      for (let half = 0; half < 2; half++) {
        const coded = codesAt === 0 ? 0 : words[start + codesAt + half]!;
        for (let bits = words[presence + rank * 2 + half]!; bits !== 0; bits &= bits - 1) {
          const low = bits & -bits;
          cells.push(block * 64 + half * 32 + trailingZeros(bits), (coded & low) === 0 ? 0 : cursor.varint());
        }
      }
      rank++;
    }
  }
}

function decodeList(words: Int32Array, start: number, count: number, cells: Cells): void {
  if (count > MAX_VECTOR_WORDS * 4) throw notAVector();
  cursor.open(words, start);
  let tag = -1;
  for (let i = 0; i < count; i++) {
    const token = cursor.varint();
    tag += 1 + (token >>> 1);
    cells.push(tag, (token & 1) === 0 ? 0 : cursor.varint());
  }
}

/** The code of one tag in a vector, or -1 when the user does not have it. Arguments as for `decodeCells`. */
export function probeCell(
  words: Int32Array,
  start: number,
  format: number,
  count: number,
  tag: number,
): number {
  if (format === Format.LIST) return probeList(words, start, count, tag);
  if (format === Format.LONG_LIST) return probeList(words, start + 1, words[start]!, tag);
  const maskWords = words[start]! & 0xffff;
  const block = tag >>> 6;
  const maskWord = block >>> 5;
  if (maskWord >= maskWords) return -1;
  const mask = words[start + 1 + maskWord]!;
  const bit = 1 << (block & 31);
  if ((mask & bit) === 0) return -1;
  let rank = populationCount(mask & (bit - 1));
  for (let m = 0; m < maskWord; m++) rank += populationCount(words[start + 1 + m]!);
  const presence = start + 1 + maskWords;
  const half = (tag >>> 5) & 1;
  const tagBit = 1 << (tag & 31);
  if ((words[presence + rank * 2 + half]! & tagBit) === 0) return -1;
  if (format === Format.BLOCKS) return 0;
  const codesAt = words[presence + (words[start]! >>> 16) * 2 + rank]!;
  if (codesAt === 0) return 0;
  const coded = words[start + codesAt + half]!;
  if ((coded & tagBit) === 0) return 0;
  let before = populationCount(coded & (tagBit - 1));
  if (half === 1) before += populationCount(words[start + codesAt]!);
  cursor.open(words, start + codesAt + 2);
  cursor.skip(before);
  return cursor.varint();
}

function probeList(words: Int32Array, start: number, count: number, wanted: number): number {
  let word = 0;
  let left = 0;
  let at = start;
  let tag = -1;
  let value = 0;
  let scale = 1;
  let coded = false;
  for (let i = 0; i < count; ) {
    if (left === 0) {
      word = words[at++]!;
      left = 4;
    }
    const byte = word & 0xff;
    word >>>= 8;
    left--;
    if (byte >= 128) {
      value += (byte & 127) * scale;
      scale *= 128;
      continue;
    }
    value += byte * scale;
    scale = 1;
    if (coded) {
      if (tag === wanted) return value;
      coded = false;
      i++;
    } else {
      tag += 1 + (value >>> 1);
      if (tag > wanted) return -1;
      if ((value & 1) === 1) coded = true;
      else {
        if (tag === wanted) return 0;
        i++;
      }
    }
    value = 0;
  }
  return -1;
}

/** Reads varints out of words. Module-level and single: decoding is never re-entered. */
const cursor = {
  words: new Int32Array(1) as Int32Array,
  at: 0,

  /** Starts at the first byte of word `index`. */
  open(words: Int32Array, index: number): void {
    this.words = words;
    this.at = index * 4;
  },

  byte(): number {
    const at = this.at++;
    return (this.words[at >>> 2]! >>> ((at & 3) * 8)) & 0xff;
  },

  varint(): number {
    let byte = this.byte();
    if (byte < 128) return byte;
    let value = byte & 127;
    for (let scale = 128; byte >= 128 && scale < 2 ** 56; scale *= 128) {
      byte = this.byte();
      value += (byte & 127) * scale;
    }
    return value;
  },

  skip(varints: number): void {
    let left = varints;
    while (left > 0) if (this.byte() < 128) left--;
  },
};

function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) length++;
  return length;
}

function writeVarint(out: Uint8Array, at: number, value: number): number {
  let rest = value;
  let index = at;
  while (rest >= 128) {
    out[index++] = (rest % 128) | 128;
    rest = Math.floor(rest / 128);
  }
  out[index++] = rest;
  return index;
}

function populationCount(bits: number): number {
  let x = bits - ((bits >>> 1) & 0x55555555);
  x = (x & 0x33333333) + ((x >>> 2) & 0x33333333);
  return Math.imul((x + (x >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

function trailingZeros(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}
