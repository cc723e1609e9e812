/**
 * User records in shared memory: the id and the vector of a user side by side, because a look-up needs both and memory
 * latency is most of its cost (one miss instead of two).
 *
 *   word 0   id length (8 bits) | format (2) | count of cells (8) | words of the record (14)
 *   …        the id, padded with zeros to whole words
 *   …        the vector (see cells); in the lower half of its first word, the lower half of the ordinal
 *
 * A change writes the new vector over the old one where it fits, and readers of the user's shard wait that long. Else it
 * appends a new record and then points to it; the old one's id is overwritten with zeros, so that an erased id leaves no
 * bytes behind. Records of one page (65,536 ordinals) share frames of 64 KiB. A frame that is more than a quarter dead is
 * evacuated at once, so at most a quarter of the memory is waste and no single step moves more than 48 KiB.
 */
import { SegmentdError } from '../errors.js';
import type { CellEncoder } from './cell-encoder.js';
import { type CellQuery, decodeCells, probeCell, queryCells } from './cell-reader.js';
import { type Cells, Format, MAX_VECTOR_WORDS } from './cells.js';
import { OrdinalEpoch } from './ordinal-epoch.js';
import {
  type Address,
  ARENA_BITS,
  ARENA_MASK,
  Control,
  FrameAllocator,
  type SharedWorld,
} from './shared-memory.js';
import type { UserDirectory } from './user-directory.js';
import { UserKey } from './user-key.js';

export const PAGE_BITS = 16;
const PAGE_SIZE = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_SIZE - 1;
/** 64 KiB. */
const FRAME_BITS = 14;
const FRAME_WORDS = 1 << FRAME_BITS;
const HEADER_WORDS = 1;
const NO_FRAME = -1;
/** Words of a cache line, the 64 bytes that most processors read at once. */
const LINE_WORDS = 16;

function idWords(header: number): number {
  return ((header & 0xff) + 3) >>> 2;
}

function recordWords(header: number): number {
  return header >>> 18;
}

function headerOf(idLength: number, vector: CellEncoder, size: number): number {
  return idLength | (vector.format << 8) | (vector.headerCount << 10) | (size << 18);
}

/** What is known of the records, which are in shared memory; see store-image.ts. */
export interface RecordsImage {
  /** By frame: its page, or -1 when it is free; words in use, and words that live records take. */
  readonly pageOf: readonly number[];
  readonly used: readonly number[];
  readonly live: readonly number[];
  /** By page: the frame that takes new records, or -1, and the words of it in use. */
  readonly openFrame: readonly number[];
  readonly openAt: readonly number[];
  readonly nextOrdinal: number;
  /** Words of the largest record there ever was. */
  readonly largest: number;
}

/** Bytes of a frame of records, and of a page of addresses. */
export const RECORD_FRAME_BYTES = 4 << FRAME_BITS;
export const PAGE_BYTES = 4 * PAGE_SIZE;

/** The look-up half, for the writer and for attached readers alike. */
export class UserRecordsReader {
  protected readonly world: SharedWorld;
  protected readonly records: Int32Array[];
  protected readonly pages: Int32Array[];

  constructor(world: SharedWorld) {
    this.world = world;
    this.records = world.lists.records;
    this.pages = world.lists.pages;
  }

  /** The address of an ordinal's record, or 0 when no user has the ordinal. */
  addressOf(ordinal: number): Address {
    const page = this.pages[ordinal >>> PAGE_BITS];
    return page === undefined ? 0 : page[ordinal & PAGE_MASK]! >>> 0;
  }

  /** The code of one tag, or -1 when the user does not have it. */
  probe(address: Address, tag: number): number {
    const words = this.records[address >>> ARENA_BITS]!;
    const at = address & ARENA_MASK;
    const header = words[at]!;
    return probeCell(
      words,
      at + HEADER_WORDS + idWords(header),
      (header >>> 8) & 3,
      (header >>> 10) & 0xff,
      tag,
    );
  }

  /** Reads of the record's first three cache lines, so that they are in the cache. The result means nothing. */
  readAhead(address: Address): number {
    if (address === 0) return 0;
    const words = this.records[address >>> ARENA_BITS]!;
    const at = address & ARENA_MASK;
    return words[at]! ^ words[(at + LINE_WORDS) & ARENA_MASK]! ^ words[(at + 2 * LINE_WORDS) & ARENA_MASK]!;
  }

  /** Answers a query for the user. */
  query(address: Address, query: CellQuery): void {
    const words = this.records[address >>> ARENA_BITS]!;
    const at = address & ARENA_MASK;
    const header = words[at]!;
    queryCells(words, at + HEADER_WORDS + idWords(header), (header >>> 8) & 3, (header >>> 10) & 0xff, query);
  }

  /** Fills `cells` with all of the user's cells. */
  decode(address: Address, cells: Cells): void {
    const words = this.records[address >>> ARENA_BITS]!;
    const at = address & ARENA_MASK;
    const header = words[at]!;
    decodeCells(
      words,
      at + HEADER_WORDS + idWords(header),
      (header >>> 8) & 3,
      (header >>> 10) & 0xff,
      cells,
    );
  }

  /** Bytes of the user's id. */
  idLength(address: Address): number {
    return this.records[address >>> ARENA_BITS]![address & ARENA_MASK]! & 0xff;
  }

  /** Bytes of the user's record: header, id and vector. */
  recordBytes(address: Address): number {
    return recordWords(this.records[address >>> ARENA_BITS]![address & ARENA_MASK]!) * 4;
  }

  /** The encoding of the user's vector, one of `Format`. */
  format(address: Address): number {
    return (this.records[address >>> ARENA_BITS]![address & ARENA_MASK]! >>> 8) & 3;
  }

  /** Has the record no cells at all? */
  isEmpty(address: Address): boolean {
    const header = this.records[address >>> ARENA_BITS]![address & ARENA_MASK]!;
    return ((header >>> 8) & 0x3ff) === Format.LIST;
  }

  /** Copies the user's id into `target` from `offset`; returns the offset behind it. */
  copyId(address: Address, target: Uint8Array, offset: number): number {
    const words = this.records[address >>> ARENA_BITS]!;
    const at = address & ARENA_MASK;
    const length = words[at]! & 0xff;
    let index = at + HEADER_WORDS;
    let out = offset;
    const whole = out + (length & ~3);
    while (out < whole) {
      const word = words[index++]!;
      target[out] = word;
      target[out + 1] = word >>> 8;
      target[out + 2] = word >>> 16;
      target[out + 3] = word >>> 24;
      out += 4;
    }
    const end = offset + length;
    if (out < end) {
      for (let word = words[index]!; out < end; word >>>= 8) target[out++] = word;
    }
    return end;
  }

  /** Fills `key` with the user's id and its hash. */
  keyOf(address: Address, key: UserKey): UserKey {
    const words = this.records[address >>> ARENA_BITS]!;
    const at = address & ARENA_MASK;
    return key.setWords(words, at + HEADER_WORDS, words[at]! & 0xff);
  }
}

/** The whole of it, for the one writer. */
export class UserRecords extends UserRecordsReader {
  readonly #directory: UserDirectory;
  readonly #frames: FrameAllocator;
  /** By page: the frame that takes new records, and the words of it in use. */
  readonly #openFrame: number[] = [];
  readonly #openAt: number[] = [];
  /** By frame: its page, words in use and words that live records take. */
  readonly #pageOf: number[] = [];
  readonly #used: number[] = [];
  readonly #live: number[] = [];
  readonly #freeOrdinals: number[] = [];
  readonly #epoch = new OrdinalEpoch();
  readonly #key: UserKey;
  /** Frames to look at when the change at hand is done: evacuating moves records whose addresses it still uses. */
  readonly #suspects: number[] = [];
  #nextOrdinal = 0;
  #liveWords = 0;
  #largest = 0;

  constructor(world: SharedWorld, directory: UserDirectory) {
    super(world);
    this.#directory = directory;
    this.#frames = new FrameAllocator(world, 'records', FRAME_BITS);
    this.#key = new UserKey(world.control[Control.HASH_SEED]!);
  }

  /** One more than the greatest ordinal ever in use. */
  get ordinalLimit(): number {
    return this.#nextOrdinal;
  }

  /** Bytes of the largest record that there ever was; never less than a record has. */
  get largest(): number {
    return this.#largest * 4;
  }

  /** As `SegmentStore.ordinalEpoch`. */
  get ordinalEpoch(): string {
    return this.#epoch.tell(this.#freeOrdinals.length);
  }

  /** Bytes of shared memory: `allocated` for frames, of which `live` hold current records, and `index` for addresses. */
  get bytes(): { allocated: number; live: number; index: number } {
    return {
      allocated: this.#frames.touched * FRAME_WORDS * 4,
      live: this.#liveWords * 4,
      index: this.#nextOrdinal * 4,
    };
  }

  image(): RecordsImage {
    return {
      pageOf: [...this.#pageOf],
      used: [...this.#used],
      live: [...this.#live],
      openFrame: [...this.#openFrame],
      openAt: [...this.#openAt],
      nextOrdinal: this.#nextOrdinal,
      largest: this.#largest,
    };
  }

  /** Makes empty records what the image says; records and pages are in the shared memory already. */
  restore({ pageOf, used, live, openFrame, openAt, nextOrdinal, largest }: RecordsImage): void {
    const free: number[] = [];
    for (let frame = 0; frame < pageOf.length; frame++) {
      this.#pageOf.push(pageOf[frame]!);
      this.#used.push(used[frame]!);
      this.#live.push(live[frame]!);
      this.#liveWords += live[frame]!;
      if (pageOf[frame] === NO_FRAME) free.push(frame);
    }
    this.#frames.restore(pageOf.length, free);
    for (let page = 0; page < openFrame.length; page++) {
      this.#openFrame.push(openFrame[page]!);
      this.#openAt.push(openAt[page]!);
    }
    this.#nextOrdinal = nextOrdinal;
    this.#largest = largest;
    for (let ordinal = 0; ordinal < nextOrdinal; ordinal++) {
      if (this.addressOf(ordinal) === 0) this.#freeOrdinals.push(ordinal);
    }
  }

  /** The ordinal of the user whose record is at `address`. */
  ordinalAt(address: Address): number {
    const words = this.records[address >>> ARENA_BITS]!;
    const at = address & ARENA_MASK;
    const low = words[at + HEADER_WORDS + idWords(words[at]!)]! & PAGE_MASK;
    return this.#pageOf[Math.floor(address / FRAME_WORDS)]! * PAGE_SIZE + low;
  }

  /**
   * Adds a user who is not there, with the encoded vector. Returns the user's ordinal.
   * After this, `replace` and `erase` no address taken before is valid.
   */
  create(key: UserKey, vector: CellEncoder): number {
    const ordinal = this.#freeOrdinals.at(-1) ?? this.#nextOrdinal;
    if (ordinal === 0xffffffff)
      throw new SegmentdError('STORE_FULL', 'all 4,294,967,295 ordinals are in use');
    const page = this.#openPage(ordinal >>> PAGE_BITS);
    const address = this.#append(ordinal, key, vector);
    try {
      this.#directory.insert(key.hash, address);
    } catch (error) {
      this.#kill(address);
      throw error;
    }
    if (ordinal === this.#nextOrdinal) this.#nextOrdinal++;
    else {
      this.#freeOrdinals.pop();
      this.#epoch.reused(this.#freeOrdinals.length);
    }
    Atomics.store(page, ordinal & PAGE_MASK, address | 0);
    this.#settle();
    return ordinal;
  }

  /** Gives the user whose record is at `address`, and whose id is `key`, another vector. */
  replace(address: Address, vector: CellEncoder, key: UserKey = this.keyOf(address, this.#key)): void {
    if (this.#overwrite(address, vector, key)) return;
    const ordinal = this.ordinalAt(address);
    const moved = this.#append(ordinal, key, vector);
    this.#point(key.hash, ordinal, address, moved);
    this.#kill(address);
    this.#settle();
  }

  /** Takes a user out: id, vector and ordinal. */
  erase(address: Address, key: UserKey = this.keyOf(address, this.#key)): void {
    const ordinal = this.ordinalAt(address);
    this.#directory.remove(key.hash, address);
    Atomics.store(this.pages[ordinal >>> PAGE_BITS]!, ordinal & PAGE_MASK, 0);
    this.#freeOrdinals.push(ordinal);
    this.#kill(address);
    this.#settle();
  }

  /** Forgets every user; the memory is kept for the next ones. */
  clear(): void {
    this.#directory.clear();
    for (const page of this.pages) page.fill(0);
    for (let frame = 0; frame < this.#pageOf.length; frame++) {
      if (this.#pageOf[frame] === NO_FRAME) continue;
      const base = (frame << FRAME_BITS) & ARENA_MASK;
      this.records[frame >>> (ARENA_BITS - FRAME_BITS)]!.fill(0, base, base + FRAME_WORDS);
      this.#releaseFrame(frame);
    }
    this.#openFrame.fill(NO_FRAME);
    this.#freeOrdinals.length = 0;
    this.#epoch.end();
    this.#nextOrdinal = 0;
    this.#liveWords = 0;
  }

  #openPage(page: number): Int32Array {
    while (page >= this.pages.length) {
      this.world.grow('pages', PAGE_BYTES);
      this.#openFrame.push(NO_FRAME);
      this.#openAt.push(0);
    }
    return this.pages[page]!;
  }

  /** Writes the vector into the record, if there is room for it and at most a quarter of the record stays empty. */
  #overwrite(address: Address, vector: CellEncoder, key: UserKey): boolean {
    const words = this.records[address >>> ARENA_BITS]!;
    const header = address & ARENA_MASK;
    const size = recordWords(words[header]!);
    const spare = size - HEADER_WORDS - key.wordCount - vector.wordCount;
    if (spare < 0 || spare * 4 > size) return false;
    const shard = key.hash >>> 24;
    this.#directory.beginMoves(shard);
    words[header] = headerOf(key.length, vector, size);
    let at = header + HEADER_WORDS + key.wordCount;
    words[at] = vector.words[0]! | (words[at]! & PAGE_MASK);
    at++;
    for (let i = 1; i < vector.wordCount; i++) words[at++] = vector.words[i]!;
    for (let i = 0; i < spare; i++) words[at++] = 0;
    this.#directory.endMoves(shard);
    return true;
  }

  #append(ordinal: number, key: UserKey, vector: CellEncoder): Address {
    const vectorWords = vector.wordCount;
    const idCount = key.wordCount;
    const size = HEADER_WORDS + idCount + vectorWords;
    if (size > this.#largest) this.#largest = size;
    const address = this.#reserve(ordinal >>> PAGE_BITS, size);
    const words = this.records[address >>> ARENA_BITS]!;
    let at = address & ARENA_MASK;
    words[at++] = headerOf(key.length, vector, size);
    for (let i = 0; i < idCount; i++) words[at++] = key.words[i]!;
    const source = vector.words;
    words[at++] = source[0]! | (ordinal & PAGE_MASK);
    for (let i = 1; i < vectorWords; i++) words[at++] = source[i]!;
    return address;
  }

  #reserve(page: number, size: number): Address {
    let frame = this.#openFrame[page]!;
    if (frame === NO_FRAME || this.#openAt[page]! + size > FRAME_WORDS) frame = this.#openNextFrame(page);
    const at = this.#openAt[page]!;
    this.#openAt[page] = at + size;
    this.#used[frame] = at + size;
    this.#live[frame]! += size;
    this.#liveWords += size;
    return frame * FRAME_WORDS + at;
  }

  #openNextFrame(page: number): number {
    const previous = this.#openFrame[page]!;
    const frame = this.#frames.allocate();
    if (frame >= 1 << (32 - FRAME_BITS)) {
      this.#frames.release(frame);
      throw new SegmentdError('STORE_FULL', 'user records fill their 16 GiB');
    }
    this.#pageOf[frame] = page;
    this.#live[frame] = 0;
    this.#openFrame[page] = frame;
    // Address 0 means no record, so the very first word of all stays empty.
    this.#openAt[page] = frame === 0 ? 1 : 0;
    this.#used[frame] = this.#openAt[page];
    if (previous !== NO_FRAME) this.#suspects.push(previous);
    return frame;
  }

  /** Points directory and ordinal to a record's new place, then tells readers that the old one is going away. */
  #point(hash: number, ordinal: number, from: Address, to: Address): void {
    this.#directory.move(hash, from, to);
    Atomics.store(this.pages[ordinal >>> PAGE_BITS]!, ordinal & PAGE_MASK, to | 0);
    // Two steps: the sequence changes but stays even, since readers need not wait.
    Atomics.add(this.world.control, Control.SHARD_SEQUENCE + (hash >>> 24), 2);
  }

  #kill(address: Address): void {
    const words = this.records[address >>> ARENA_BITS]!;
    const at = address & ARENA_MASK;
    const header = words[at]!;
    for (let i = 0; i < idWords(header); i++) words[at + HEADER_WORDS + i] = 0;
    const size = recordWords(header);
    const frame = Math.floor(address / FRAME_WORDS);
    this.#live[frame]! -= size;
    this.#liveWords -= size;
    if (this.#isWasteful(frame)) this.#suspects.push(frame);
  }

  /** Is more than a quarter of what was written to the frame dead? */
  #isWasteful(frame: number): boolean {
    return this.#live[frame]! * 4 < this.#used[frame]! * 3;
  }

  #settle(): void {
    for (let frame = this.#suspects.pop(); frame !== undefined; frame = this.#suspects.pop()) {
      const page = this.#pageOf[frame]!;
      const isOpen = page === NO_FRAME || frame === this.#openFrame[page];
      if (!isOpen && this.#isWasteful(frame)) this.#evacuate(frame, page);
    }
  }

  /** Moves what lives in a frame to the page's open frame, and frees the frame. */
  #evacuate(frame: number, page: number): void {
    const words = this.records[frame >>> (ARENA_BITS - FRAME_BITS)]!;
    const base = (frame << FRAME_BITS) & ARENA_MASK;
    const table = this.pages[page]!;
    const end = base + this.#used[frame]!;
    for (let at = base + (frame === 0 ? 1 : 0); at < end; ) {
      const header = words[at]!;
      const size = recordWords(header);
      const address = frame * FRAME_WORDS + (at - base);
      const ordinal = this.ordinalAt(address);
      if (table[ordinal & PAGE_MASK]! >>> 0 === address) {
        const { hash } = this.keyOf(address, this.#key);
        const moved = this.#reserve(page, size);
        const target = this.records[moved >>> ARENA_BITS]!;
        const offset = moved & ARENA_MASK;
        for (let i = 0; i < size; i++) target[offset + i] = words[at + i]!;
        this.#point(hash, ordinal, address, moved);
        for (let i = 0; i < idWords(header); i++) words[at + HEADER_WORDS + i] = 0;
        this.#live[frame]! -= size;
        this.#liveWords -= size;
      }
      at += size;
    }
    this.#releaseFrame(frame);
  }

  #releaseFrame(frame: number): void {
    this.#pageOf[frame] = NO_FRAME;
    this.#used[frame] = 0;
    this.#live[frame] = 0;
    this.#frames.release(frame);
  }
}

/** The largest vector a record takes, in bytes. */
export const MAX_VECTOR_BYTES = MAX_VECTOR_WORDS * 4;
