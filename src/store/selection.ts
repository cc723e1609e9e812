/**
 * A list of tags that is asked for again and again: the names are looked up once, and sorted, so that a user's vector is
 * walked once for all of them.
 */
import { Format, probeCell } from './cells.js';
import type { SegmentStore } from './segment-store.js';
import type { Tag } from './tag-catalog.js';

/** A prepared list of tag names; made by `engine.select`. */
export class Selection {
  readonly names: readonly string[];
  /** By position: the code that `read` found, or -1 where the user does not have the tag. */
  readonly codes: Float64Array;
  readonly #store: SegmentStore;
  #tags: (Tag | undefined)[] = [];
  #version = -1;
  /** Ids of the known tags in ascending order, and the positions of their names. */
  #ids = new Int32Array(0);
  #positions = new Int32Array(0);

  constructor(store: SegmentStore, names: readonly string[]) {
    this.names = [...names];
    this.codes = new Float64Array(names.length);
    this.#store = store;
  }

  /** By position: the tag now behind the name. */
  get tags(): readonly (Tag | undefined)[] {
    if (this.#store.catalog.version !== this.#version) this.#resolve();
    return this.#tags;
  }

  /** Fills `codes` for the user whose record is at `address`; 0 means that there is no such user. */
  read(address: number): void {
    const { codes } = this;
    if (this.#store.catalog.version !== this.#version) this.#resolve();
    if (address === 0) codes.fill(-1);
    else {
      const { records } = this.#store;
      if (this.#ids.length < codes.length) codes.fill(-1); // Unknown names are not probed.
      probeSorted(
        records.wordsAt(address),
        records.vectorStart(address),
        records.format(address),
        records.listLength(address),
        this.#ids,
        this.#positions,
        codes,
      );
    }
  }

  #resolve(): void {
    const { catalog } = this.#store;
    this.#tags = this.names.map((name) => catalog.find(name));
    this.#version = catalog.version;
    const known = [...this.#tags.keys()].filter((position) => this.#tags[position] !== undefined);
    known.sort((a, b) => this.#tags[a]!.id - this.#tags[b]!.id);
    this.#positions = Int32Array.from(known);
    this.#ids = this.#positions.map((position) => this.#tags[position]!.id);
  }
}

/** Probes a vector for ascending tag ids; the code of `ids[i]`, or -1, goes to `codes[positions[i]]`. */
function probeSorted(
  words: Int32Array,
  start: number,
  format: number,
  count: number,
  ids: Int32Array,
  positions: Int32Array,
  codes: Float64Array,
): void {
  if (format === Format.LIST) {
    probeListSorted(words, start, count, ids, positions, codes);
    return;
  }
  for (let i = 0; i < ids.length; i++) codes[positions[i]!] = probeCell(words, start, format, count, ids[i]!);
}

/** One walk over a list (see cells) beside one over the ids. */
function probeListSorted(
  words: Int32Array,
  start: number,
  count: number,
  ids: Int32Array,
  positions: Int32Array,
  codes: Float64Array,
): void {
  const wanted = ids.length;
  let next = 0;
  let at = start;
  let word = 0;
  let bytesLeft = 0;
  let tag = -1;
  for (let i = 0; i < count && next < wanted; i++) {
    let token = 0;
    for (let shift = 0; ; shift += 7) {
      if (bytesLeft === 0) {
        word = words[at++]!;
        bytesLeft = 4;
      }
      const byte = word & 0xff;
      word >>>= 8;
      bytesLeft--;
      token |= (byte & 127) << shift;
      if (byte < 128) break;
    }
    tag += 1 + (token >>> 1);
    let code = 0;
    if ((token & 1) === 1) {
      for (let scale = 1; ; scale *= 128) {
        if (bytesLeft === 0) {
          word = words[at++]!;
          bytesLeft = 4;
        }
        const byte = word & 0xff;
        word >>>= 8;
        bytesLeft--;
        code += (byte & 127) * scale;
        if (byte < 128) break;
      }
    }
    while (next < wanted && ids[next]! < tag) codes[positions[next++]!] = -1;
    while (next < wanted && ids[next]! === tag) codes[positions[next++]!] = code;
  }
  while (next < wanted) codes[positions[next++]!] = -1;
}
