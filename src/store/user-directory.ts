/**
 * User id → address of the user's record: a hash table in shared memory.
 *
 * 256 shards, each an array of slots [hash, address] in the order of their hashes (linear probing that keeps order, also
 * called ordered or Robin Hood hashing; Amble and Knuth, "Ordered hash tables", 1974). A look-up mostly touches one cache
 * line, and a missing id is known as missing at the first greater hash. A shard at 90% grows by an eighth, in place, so
 * memory stays near 8 / 0.85 bytes a user and no growth moves more than 1/256 of the table.
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

/** Users who are looked up at once: enough to keep memory busy, few enough for their records to stay in the cache. */
export const MAX_BATCH = 32;

const SHARDS = 256;
/** 4 KiB frames of 512 slots. */
const FRAME_BITS = 10;
const FRAME_SLOT_BITS = FRAME_BITS - 1;
const FRAME_SLOTS = 1 << FRAME_SLOT_BITS;
const MAX_FRAMES = 2048;
/** Slots at a shard's end that are nobody's first choice, so that probing never wraps around. */
const TAIL = 64;
const MAX_LOAD = 0.9;
const FRAME_ARENA_BITS = ARENA_BITS - FRAME_BITS;

/**
 * Words of the shard map: for each shard its number of frames, then for each shard the number of its first frame, then of
 * the second … So what is in use lies together. (Shard by shard, the words would be 8 KiB apart and would all compete for
 * a few places of the processor's caches.)
 */
export const SHARD_MAP_WORDS = SHARDS + SHARDS * MAX_FRAMES;

/** What is known of the slots, which are in shared memory; see store-image.ts. */
export interface DirectoryImage {
  /** Frames of slots touched so far. */
  readonly frames: number;
  /** The words of the shard map that are in use. */
  readonly shardMap: readonly number[];
  /** Users by shard. */
  readonly counts: readonly number[];
}

/** Bytes of a frame of slots. */
export const SLOT_FRAME_BYTES = 4 << FRAME_BITS;

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
    return this.#search(key.hash, key);
  }

  /** The address of the first record whose user has the same hash, or 0. Reads no record: `holds` tells whether it is right. */
  candidate(key: UserKey): Address {
    return this.#search(key.hash, undefined);
  }

  #search(hash: number, key: UserKey | undefined): Address {
    const shard = hash >>> 24;
    const order = hash & 0xffffff;
    const shardMap = this.shardMap;
    const capacity = shardMap[shard]! << FRAME_SLOT_BITS;
    if (capacity === 0) return 0;
    let slot = homeOf(order, capacity);
    while (slot < capacity) {
      const frame = shardMap[frameEntry(shard, slot >>> FRAME_SLOT_BITS)]!;
      const words = this.slots[frame >>> FRAME_ARENA_BITS]!;
      const base = (frame << FRAME_BITS) & ARENA_MASK;
      let at = base + ((slot & (FRAME_SLOTS - 1)) << 1);
      const end = base + (FRAME_SLOTS << 1);
      for (; at < end; at += 2) {
        const address = words[at + 1]!;
        if (address === 0) return 0;
        const candidate = words[at]!;
        if (candidate === hash) {
          if (key === undefined || this.holds(address, key)) return address >>> 0;
        } else if ((candidate & 0xffffff) > order) return 0;
      }
      slot = (slot | (FRAME_SLOTS - 1)) + 1;
    }
    return 0;
  }

  /** Reads the slot where the search for the user begins, so that it is in the cache. The result means nothing. */
  readAhead({ hash }: UserKey): number {
    const shard = hash >>> 24;
    const capacity = this.shardMap[shard]! << FRAME_SLOT_BITS;
    if (capacity === 0) return 0;
    const slot = homeOf(hash & 0xffffff, capacity);
    const frame = this.shardMap[frameEntry(shard, slot >>> FRAME_SLOT_BITS)]!;
    const words = this.slots[frame >>> FRAME_ARENA_BITS]!;
    return words[((frame << FRAME_BITS) & ARENA_MASK) + ((slot & (FRAME_SLOTS - 1)) << 1)]!;
  }

  /** Does the record hold the user's id? */
  holds(address: Address, key: UserKey): boolean {
    const words = this.#records[address >>> ARENA_BITS]!;
    const at = address & ARENA_MASK;
    if ((words[at]! & 0xff) !== key.length) return false;
    const wanted = key.words;
    const count = key.wordCount;
    for (let i = 0; i < count; i++) if (words[at + 1 + i] !== wanted[i]) return false;
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

  image(): DirectoryImage {
    const most = Math.max(...this.shardMap.subarray(0, SHARDS));
    return {
      frames: this.#frames.touched,
      shardMap: Array.from(this.shardMap.subarray(0, frameEntry(0, most))),
      counts: Array.from(this.#counts),
    };
  }

  /** Makes an empty directory what the image says; the slots are in the shared memory already. */
  restore({ frames, shardMap, counts }: DirectoryImage): void {
    this.shardMap.set(shardMap);
    this.#counts.set(counts);
    this.#size = counts.reduce((sum, count) => sum + count, 0);
    const used = new Set<number>();
    for (let shard = 0; shard < SHARDS; shard++) {
      for (let i = 0; i < this.shardMap[shard]!; i++) used.add(this.#frameOf(shard, i));
    }
    this.#frames.restore(
      frames,
      Array.from({ length: frames }, (_, frame) => frame).filter((frame) => !used.has(frame)),
    );
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
    return this.shardMap[frameEntry(shard, index)]!;
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

  /**
   * Grows a shard by an eighth and spreads its entries out again, in order. They never run over the end, because every
   * entry's first choice is further from it than before. Returns the new capacity in slots.
   */
  #grow(shard: number): number {
    const before = this.shardMap[shard]!;
    if (before === MAX_FRAMES) {
      throw new SegmentdError('STORE_FULL', `the user directory is full at ${this.#size} users`);
    }
    const after = Math.min(MAX_FRAMES, before + Math.max(1, before >>> 3));
    for (let i = before; i < after; i++) {
      const frame = this.#frames.allocate();
      this.#zero(frame);
      this.shardMap[frameEntry(shard, i)] = frame;
    }
    const words = before * FRAME_SLOTS * 2;
    if (this.#scratch.length < words) this.#scratch = new Int32Array(words * 2);
    const old = this.#scratch;
    this.beginMoves(shard);
    for (let i = 0; i < before; i++) {
      const frame = this.#frameOf(shard, i);
      const arena = this.slots[frame >>> FRAME_ARENA_BITS]!;
      const base = (frame << FRAME_BITS) & ARENA_MASK;
      old.set(arena.subarray(base, base + FRAME_SLOTS * 2), i * FRAME_SLOTS * 2);
      this.#zero(frame);
    }
    this.shardMap[shard] = after;
    const capacity = after << FRAME_SLOT_BITS;
    let free = 0;
    for (let i = 0; i < words; i += 2) {
      if (old[i + 1] === 0) continue;
      const slot = Math.max(free, homeOf(old[i]! & 0xffffff, capacity));
      this.#write(shard, slot, old[i]!, old[i + 1]!);
      free = slot + 1;
    }
    this.endMoves(shard);
    return capacity;
  }

  #zero(frame: number): void {
    const base = (frame << FRAME_BITS) & ARENA_MASK;
    this.slots[frame >>> FRAME_ARENA_BITS]!.fill(0, base, base + FRAME_SLOTS * 2);
  }
}

/** Where in the shard map the number of a shard's frame stands. */
function frameEntry(shard: number, index: number): number {
  return SHARDS + index * SHARDS + shard;
}

/** The first slot to look at: the low 24 bits of the hash, scaled to the shard's capacity, which keeps their order. */
function homeOf(order: number, capacity: number): number {
  return Math.floor((order * (capacity - TAIL)) / 0x1000000);
}
