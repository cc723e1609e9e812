/** Reading vectors where they lie, as cells.ts describes them: one tag, several tags, or all. */
import { SegmentdError } from '../errors.js';
import { type Cells, Format, MAX_VECTOR_WORDS } from './cells.js';

/** A bit for each of four bytes of a list that make it other than four cells of one byte without a code. */
const NOT_FOUR_CELLS = 0x81818181 | 0;
const FOUR_GAPS = 0x3f3f3f3f;

/** Tags whose codes are wanted of one user after the other, and the answer for the last one. */
export class CellQuery {
  /** By position: the tag's id, or -1 for a tag that nobody has. */
  readonly tags: Int32Array;
  /** The answer, by position: the user's code of the tag, or -1. */
  readonly codes: Float64Array;
  /** `codes` and, behind them, a place for what was not asked for: a walk writes every cell somewhere and never branches. */
  readonly #answers: Float64Array;
  /** By tag id, to the greatest one asked for: where in `#answers` its code goes. Made when a list is first walked. */
  #places: Uint16Array | Int32Array | undefined;
  /** Positions of tags that were asked for before, each with the position where that was. */
  readonly #repeats: number[] = [];

  constructor(tags: readonly number[]) {
    this.tags = Int32Array.from(tags);
    this.#answers = new Float64Array(tags.length + 1);
    this.codes = this.#answers.subarray(0, tags.length);
  }

  /** Answers -1 throughout. */
  readNothing(): void {
    const { codes } = this;
    for (let i = 0; i < codes.length; i++) codes[i] = -1;
  }

  /** Answers from bits: presence in the `count` words from `start`. */
  readBits(words: Int32Array, start: number, count: number): void {
    const { tags, codes } = this;
    for (let i = 0; i < tags.length; i++) {
      const tag = tags[i]!;
      const word = tag >>> 5;
      codes[i] = word < count ? ((words[start + word]! >>> (tag & 31)) & 1) - 1 : -1;
    }
  }

  /** Answers from a list of `count` cells from byte `start`, leaving the answers for tags that are not in it. */
  readList(words: Int32Array, start: number, count: number): void {
    const codes = this.#answers;
    this.#places ??= this.#findPlaces();
    const places = this.#places;
    const last = places.length - 1;
    let tag = -1;
    let at = start;
    for (let left = count; left > 0; ) {
      if (left >= 4 && (at & 3) === 0) {
        const word = words[at >>> 2]!;
        const a = tag + 1 + ((word >>> 1) & 0x3f);
        const b = a + 1 + ((word >>> 9) & 0x3f);
        const c = b + 1 + ((word >>> 17) & 0x3f);
        const d = c + 1 + ((word >>> 25) & 0x3f);
        if ((word & NOT_FOUR_CELLS) === 0 && d <= last) {
          codes[places[a]!] = 0;
          codes[places[b]!] = 0;
          codes[places[c]!] = 0;
          codes[places[d]!] = 0;
          tag = d;
          at += 4;
          left -= 4;
          continue;
        }
      }
      let token = byteAt(words, at++);
      if (token > 127) {
        token = varintAt(words, at - 1);
        at = varintEnd;
      }
      tag += 1 + (token >>> 1);
      if (tag > last) break;
      let code = 0;
      if ((token & 1) === 1) {
        code = byteAt(words, at++);
        if (code > 127) {
          code = varintAt(words, at - 1);
          at = varintEnd;
        }
      }
      codes[places[tag]!] = code;
      left--;
    }
    const repeats = this.#repeats;
    for (let i = 0; i < repeats.length; i += 2) codes[repeats[i]!] = codes[repeats[i + 1]!]!;
  }

  #findPlaces(): Uint16Array | Int32Array {
    const { tags } = this;
    const nowhere = tags.length;
    const length = tags.reduce((greatest, tag) => Math.max(greatest, tag), -1) + 1;
    const places = nowhere < 2 ** 16 ? new Uint16Array(length) : new Int32Array(length);
    places.fill(nowhere);
    for (const [position, tag] of tags.entries()) {
      if (tag < 0) continue;
      if (places[tag] === nowhere) places[tag] = position;
      else this.#repeats.push(position, places[tag]!);
    }
    return places;
  }
}

/**
 * Answers a query from a vector: its words start at `start`; `count` is what the record's header says. A reader that was
 * overtaken by the writer may find anything there, here and in the other functions.
 */
export function queryCells(
  words: Int32Array,
  start: number,
  format: number,
  count: number,
  query: CellQuery,
): void {
  const upperHalf = words[start]! >>> 16;
  if (format === Format.BITS) {
    query.readBits(words, start + 1, upperHalf);
    if (count > 0) query.readList(words, (start + 1 + upperHalf) * 4, count);
    return;
  }
  query.readNothing();
  if (format === Format.LIST) query.readList(words, start * 4 + 2, count);
  else query.readList(words, start * 4 + 4, upperHalf);
}

/** The code of one tag in a vector, or -1 when the user does not have it. Arguments as for `queryCells`. */
export function probeCell(
  words: Int32Array,
  start: number,
  format: number,
  count: number,
  tag: number,
): number {
  if (format === Format.LIST) return probeList(words, start * 4 + 2, count, tag);
  const upperHalf = words[start]! >>> 16;
  if (format === Format.LONG_LIST) return probeList(words, start * 4 + 4, upperHalf, tag);
  const word = tag >>> 5;
  if (word >= upperHalf || ((words[start + 1 + word]! >>> (tag & 31)) & 1) === 0) return -1;
  return count === 0 ? 0 : Math.max(0, probeList(words, (start + 1 + upperHalf) * 4, count, tag));
}

function probeList(words: Int32Array, start: number, count: number, wanted: number): number {
  let tag = -1;
  let at = start;
  for (let left = count; left > 0; ) {
    if (left >= 4 && (at & 3) === 0) {
      const word = words[at >>> 2]!;
      // The multiplication adds the four gaps up in the top byte.
      const last = tag + 4 + (Math.imul((word >>> 1) & FOUR_GAPS, 0x01010101) >>> 24);
      if ((word & NOT_FOUR_CELLS) === 0 && last < wanted) {
        tag = last;
        at += 4;
        left -= 4;
        continue;
      }
    }
    let token = byteAt(words, at++);
    if (token > 127) {
      token = varintAt(words, at - 1);
      at = varintEnd;
    }
    tag += 1 + (token >>> 1);
    if (tag > wanted) return -1;
    if ((token & 1) === 1) {
      const code = varintAt(words, at);
      if (tag === wanted) return code;
      at = varintEnd;
    } else if (tag === wanted) return 0;
    left--;
  }
  return -1;
}

/** Fills `cells` with all of a vector. Arguments as for `queryCells`; refuses what would take unlimited memory. */
export function decodeCells(
  words: Int32Array,
  start: number,
  format: number,
  count: number,
  cells: Cells,
): void {
  const upperHalf = words[start]! >>> 16;
  cells.clear();
  if (format === Format.LIST) decodeList(words, start * 4 + 2, count, cells);
  else if (format === Format.LONG_LIST) decodeList(words, start * 4 + 4, upperHalf, cells);
  else decodeBits(words, start + 1, upperHalf, count, cells);
}

function decodeList(words: Int32Array, start: number, count: number, cells: Cells): void {
  if (count > MAX_VECTOR_WORDS * 4) throw notAVector();
  let tag = -1;
  let at = start;
  for (let i = 0; i < count; i++) {
    let token = byteAt(words, at++);
    if (token > 127) {
      token = varintAt(words, at - 1);
      at = varintEnd;
    }
    tag += 1 + (token >>> 1);
    let code = 0;
    if ((token & 1) === 1) {
      code = varintAt(words, at);
      at = varintEnd;
    }
    cells.push(tag, code);
  }
}

function decodeBits(words: Int32Array, start: number, presence: number, coded: number, cells: Cells): void {
  if (presence > MAX_VECTOR_WORDS) throw notAVector();
  for (let i = 0; i < presence; i++) {
    for (let bits = words[start + i]!; bits !== 0; bits &= bits - 1) {
      cells.push(i * 32 + 31 - Math.clz32(bits & -bits), 0);
    }
  }
  let tag = -1;
  let index = 0;
  let at = (start + presence) * 4;
  for (let i = 0; i < coded; i++) {
    tag += 1 + (varintAt(words, at) >>> 1);
    while (index < cells.count && cells.tags[index]! < tag) index++;
    if (index === cells.count) throw notAVector();
    cells.codes[index] = varintAt(words, varintEnd);
    at = varintEnd;
  }
}

function notAVector(): SegmentdError {
  return new SegmentdError('INTERNAL', 'what a record holds is not a vector');
}

/** Byte `at` of the words. A shift looks at the lowest five bits of its right side only. */
function byteAt(words: Int32Array, at: number): number {
  return (words[at >>> 2]! >>> (at << 3)) & 0xff;
}

/** Where the varint that `varintAt` read last ended, in bytes. */
let varintEnd = 0;

function varintAt(words: Int32Array, at: number): number {
  let byte = byteAt(words, at++);
  let value = byte & 127;
  for (let scale = 128; byte > 127 && scale < 2 ** 56; scale *= 128) {
    byte = byteAt(words, at++);
    value += (byte & 127) * scale;
  }
  varintEnd = at;
  return value;
}
