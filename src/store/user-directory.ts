/**
 * User id → address of the user's record: a hash table in shared memory.
 *
 * 256 shards, each an array of slots [hash, address] in the order of their hashes (linear probing that keeps order, also
 * called ordered or Robin Hood hashing; Amble and Knuth, "Ordered hash tables", 1974). A look-up mostly touches one cache
 * line, and a missing id is known as missing at the first greater hash. A shard at 85% grows by a quarter, in place, so
 * memory stays within 8 / 0.68 bytes a user and no growth moves more than 1/256 of the table.
 *
 * Hashes are seeded (see UserKey), so that ids which all fall into one place cannot be prepared.
 */
import { SegmentdError } from '../errors.js';
import {
  type Address,
  ARENA_BITS,
  ARENA_MASK,
  Control,
  FrameAllocator,
  type SharedWorld,
} from './shared-memory.js';
import type { UserKey } from './user-key.js';

const SHARDS = 256;
/** 4 KiB frames of 512 slots. */
const FRAME_BITS = 10;
const FRAME_SLOT_BITS = FRAME_BITS - 1;
const FRAME_SLOTS = 1 << FRAME_SLOT_BITS;
const MAX_FRAMES_BITS = 11;
const MAX_FRAMES = 1 << MAX_FRAMES_BITS;
/** Slots at a shard's end that are nobody's first choice, so that probing never wraps around. */
const TAIL = 64;
const MAX_LOAD = 0.85;
const FRAME_ARENA_BITS = ARENA_BITS - FRAME_BITS;

/** Words of the shard map: for each shard its number of frames, then the numbers of its frames. */
export const SHARD_MAP_WORDS = SHARDS + SHARDS * MAX_FRAMES;

/** The look-up half, for the writer and for attached readers alike. */
export class UserDirectoryReader {
  protected readonly world: SharedWorld;
  protected readonly shardMap: Int32Array;
  protected readonly slots: Int32Array[];
  readonly #records: Int32Array[];

  constructor(world: SharedWorld) {
    this.world = world;
    this.shardMap = world.shardMap;
    this.slots = world.lists.slots;
    this.#records = world.lists.records;
  }

  /** The address of the user's record, or 0. */
  find(key: UserKey): Address {
    const hash = key.hash;
    const shard = hash >>> 24;
    const order = hash & 0xffffff;
    const shardMap = this.shardMap;
    const capacity = shardMap[shard]! << FRAME_SLOT_BITS;
    if (capacity === 0) return 0;
    const frames = SHARDS + (shard << MAX_FRAMES_BITS);
    let slot = homeOf(order, capacity);
    while (slot < capacity) {
      const frame = shardMap[frames + (slot >>> FRAME_SLOT_BITS)]!;
      const words = this.slots[frame >>> FRAME_ARENA_BITS]!;
      const base = (frame << FRAME_BITS) & ARENA_MASK;
      let at = base + ((slot & (FRAME_SLOTS - 1)) << 1);
      const end = base + (FRAME_SLOTS << 1);
      for (; at < end; at += 2) {
        const address = words[at + 1]!;
        if (address === 0) return 0;
        const candidate = words[at]!;
        if (candidate === hash) {
          if (this.#holds(address, key)) return address >>> 0;
        } else if ((candidate & 0xffffff) > order) return 0;
      }
      slot = (slot | (FRAME_SLOTS - 1)) + 1;
    }
    return 0;
  }

  #holds(address: Address, key: UserKey): boolean {
    const words = this.#records[address >>> ARENA_BITS]!;
    const at = address & ARENA_MASK;
    if ((words[at + 1]! & 0xff) !== key.length) return false;
    const wanted = key.words;
    const count = key.wordCount;
    for (let i = 0; i < count; i++) if (words[at + 2 + i] !== wanted[i]) return false;
    return true;
  }
}

/** The whole table, for the one writer. */
export class UserDirectory extends UserDirectoryReader {
  readonly #frames: FrameAllocator;
  readonly #counts = new Int32Array(SHARDS);
  #scratch = new Int32Array(FRAME_SLOTS * 2);
  #size = 0;

  constructor(world: SharedWorld) {
    super(world);
    this.#frames = new FrameAllocator(world, 'slots', FRAME_BITS);
  }

  /** Users in the directory. */
  get size(): number {
    return this.#size;
  }

  /** Bytes of shared memory that slots take. */
  get bytes(): number {
    return this.#frames.touched * this.#frames.frameWords * 4;
  }

  /** Adds an id that is not there. */
  insert(hash: number, address: Address): void {
    const shard = hash >>> 24;
    let capacity = this.#capacity(shard);
    if (this.#counts[shard]! >= (capacity - TAIL) * MAX_LOAD) capacity = this.#grow(shard);
    while (!this.#place(shard, capacity, hash, address)) capacity = this.#grow(shard);
    this.#counts[shard]!++;
    this.#size++;
  }

  /** Points the id whose record was at `from` to `to`. */
  move(hash: number, from: Address, to: Address): void {
    const at = this.#slotOf(hash, from);
    Atomics.store(this.#wordsOf(hash >>> 24, at), this.#offsetOf(hash >>> 24, at) + 1, to | 0);
  }

  /** Takes out the id whose record is at `address`. */
  remove(hash: number, address: Address): void {
    const shard = hash >>> 24;
    const capacity = this.#capacity(shard);
    let hole = this.#slotOf(hash, address);
    this.beginMoves(shard);
    // Close the gap: entries that were pushed past their first choice move back by one.
    for (let next = hole + 1; next < capacity; next++) {
      const words = this.#wordsOf(shard, next);
      const at = this.#offsetOf(shard, next);
      if (words[at + 1] === 0 || homeOf(words[at]! & 0xffffff, capacity) === next) break;
      this.#write(shard, hole, words[at]!, words[at + 1]!);
      hole = next;
    }
    this.#write(shard, hole, 0, 0);
    this.endMoves(shard);
    this.#counts[shard]!--;
    this.#size--;
  }

  /** Forgets every id and gives the memory back to the allocator. */
  clear(): void {
    for (let shard = 0; shard < SHARDS; shard++) {
      this.beginMoves(shard);
      const count = this.shardMap[shard]!;
      for (let i = 0; i < count; i++) {
        const frame = this.#frameOf(shard, i);
        this.#zero(frame);
        this.#frames.release(frame);
      }
      this.shardMap[shard] = 0;
      this.#counts[shard] = 0;
      this.endMoves(shard);
    }
    this.#size = 0;
  }

  /** Readers of this shard wait from here to `endMoves`. */
  beginMoves(shard: number): void {
    Atomics.add(this.world.control, Control.SHARD_SEQUENCE + shard, 1);
  }

  endMoves(shard: number): void {
    Atomics.add(this.world.control, Control.SHARD_SEQUENCE + shard, 1);
  }

  #capacity(shard: number): number {
    return this.shardMap[shard]! << FRAME_SLOT_BITS;
  }

  #frameOf(shard: number, index: number): number {
    return this.shardMap[SHARDS + (shard << MAX_FRAMES_BITS) + index]!;
  }

  #wordsOf(shard: number, slot: number): Int32Array {
    return this.slots[this.#frameOf(shard, slot >>> FRAME_SLOT_BITS) >>> FRAME_ARENA_BITS]!;
  }

  #offsetOf(shard: number, slot: number): number {
    const base = (this.#frameOf(shard, slot >>> FRAME_SLOT_BITS) << FRAME_BITS) & ARENA_MASK;
    return base + ((slot & (FRAME_SLOTS - 1)) << 1);
  }

  #write(shard: number, slot: number, hash: number, address: Address): void {
    const words = this.#wordsOf(shard, slot);
    const at = this.#offsetOf(shard, slot);
    words[at] = hash;
    words[at + 1] = address;
  }

  #slotOf(hash: number, address: Address): number {
    const shard = hash >>> 24;
    const capacity = this.#capacity(shard);
    for (let slot = homeOf(hash & 0xffffff, capacity); slot < capacity; slot++) {
      const at = this.#offsetOf(shard, slot);
      if (this.#wordsOf(shard, slot)[at + 1]! === (address | 0)) return slot;
    }
    throw new SegmentdError('INTERNAL', `the directory has no slot for the record at ${address}`);
  }

  /** Puts an entry where the order wants it, pushing later ones on; false when the shard's end is reached. */
  #place(shard: number, capacity: number, hash: number, address: Address): boolean {
    if (capacity === 0) return false;
    const order = hash & 0xffffff;
    let slot = homeOf(order, capacity);
    for (; slot < capacity; slot++) {
      const words = this.#wordsOf(shard, slot);
      const at = this.#offsetOf(shard, slot);
      if (words[at + 1] === 0) {
        words[at] = hash;
        Atomics.store(words, at + 1, address | 0);
        return true;
      }
      if ((words[at]! & 0xffffff) > order) break;
    }
    let gap = slot;
    while (gap < capacity && this.#wordsOf(shard, gap)[this.#offsetOf(shard, gap) + 1] !== 0) gap++;
    if (gap >= capacity) return false;
    this.beginMoves(shard);
    for (; gap > slot; gap--) {
      const from = this.#wordsOf(shard, gap - 1);
      const at = this.#offsetOf(shard, gap - 1);
      this.#write(shard, gap, from[at]!, from[at + 1]!);
    }
    this.#write(shard, slot, hash, address | 0);
    this.endMoves(shard);
    return true;
  }

  /** Grows a shard by a quarter or more and spreads its entries out again, in order. Returns its new capacity in slots. */
  #grow(shard: number): number {
    const before = this.shardMap[shard]!;
    const entries = this.#entriesOf(shard);
    let after = before;
    do {
      if (after === MAX_FRAMES) {
        throw new SegmentdError('STORE_FULL', `the user directory is full at ${this.#size} users`);
      }
      after = Math.min(MAX_FRAMES, after + Math.max(1, after >>> 2));
    } while (!fits(entries, after << FRAME_SLOT_BITS));
    for (let i = before; i < after; i++) {
      this.shardMap[SHARDS + (shard << MAX_FRAMES_BITS) + i] = this.#frames.allocate();
    }
    this.beginMoves(shard);
    this.shardMap[shard] = after;
    for (let i = 0; i < after; i++) this.#zero(this.#frameOf(shard, i));
    const capacity = after << FRAME_SLOT_BITS;
    let free = 0;
    for (let i = 0; i < entries.length; i += 2) {
      const slot = Math.max(free, homeOf(entries[i]! & 0xffffff, capacity));
      this.#write(shard, slot, entries[i]!, entries[i + 1]!);
      free = slot + 1;
    }
    this.endMoves(shard);
    return capacity;
  }

  /** A copy of a shard's entries, in order; valid until the next call. */
  #entriesOf(shard: number): Int32Array {
    const frames = this.shardMap[shard]!;
    const length = this.#counts[shard]! * 2;
    if (this.#scratch.length < length) this.#scratch = new Int32Array(length * 2);
    const entries = this.#scratch;
    let at = 0;
    for (let i = 0; i < frames; i++) {
      const frame = this.#frameOf(shard, i);
      const words = this.slots[frame >>> FRAME_ARENA_BITS]!;
      const base = (frame << FRAME_BITS) & ARENA_MASK;
      for (let word = base; word < base + FRAME_SLOTS * 2; word += 2) {
        if (words[word + 1] === 0) continue;
        entries[at++] = words[word]!;
        entries[at++] = words[word + 1]!;
      }
    }
    return entries.subarray(0, at);
  }

  #zero(frame: number): void {
    const base = (frame << FRAME_BITS) & ARENA_MASK;
    this.slots[frame >>> FRAME_ARENA_BITS]!.fill(0, base, base + FRAME_SLOTS * 2);
  }
}

/** Can the entries be spread over so many slots, or do those with the greatest hashes run over the end? */
function fits(entries: Int32Array, capacity: number): boolean {
  let free = 0;
  for (let i = 0; i < entries.length; i += 2) {
    free = Math.max(free, homeOf(entries[i]! & 0xffffff, capacity)) + 1;
  }
  return free <= capacity;
}

/** The first slot to look at: the low 24 bits of the hash, scaled to the shard's capacity, which keeps their order. */
function homeOf(order: number, capacity: number): number {
  return Math.floor((order * (capacity - TAIL)) / 0x1000000);
}
