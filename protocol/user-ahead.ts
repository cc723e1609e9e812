/**
 * Users of a pipeline, looked up some commands ahead. Finding a user is two reads of memory that the caches seldom hold; a
 * processor waits for many of them together as long as for one. Where commands differ in the user's id only, the ids of
 * the next ones can be seen before the commands are parsed. What is read ahead is a guess: it counts only for a command
 * whose id then turns out to lie just there.
 */
import type { SegmentStore } from '../src/store/segment-store.js';
import { Control } from '../src/store/shared-memory.js';
import { MAX_ID_BYTES, UserKey } from '../src/store/user-key.js';
import { shortHeader } from './resp/header.js';
import type { RespReader } from './resp/reader.js';

const DOLLAR = 36;
/** Enough for the reads to overlap; more would wait for nothing when a pipeline is short. */
const GROUP = 8;

export class UserAhead {
  readonly #store: SegmentStore;
  readonly #prefixLength: number;
  readonly #keys: UserKey[];
  readonly #starts = new Int32Array(GROUP);
  readonly #ends = new Int32Array(GROUP);
  readonly #addresses = new Uint32Array(GROUP + 1);
  #count = 0;
  #next = 0;
  #tail = 0;

  constructor(store: SegmentStore, prefixLength: number) {
    this.#store = store;
    this.#prefixLength = prefixLength;
    const seed = store.world.control[Control.HASH_SEED]!;
    this.#keys = Array.from({ length: GROUP }, () => new UserKey(seed));
  }

  /** The address of the user whose id is at bytes `start` to `end` of the reader's current command, or 0. */
  find(reader: RespReader, start: number, end: number): number {
    if (reader.tail !== this.#tail) {
      this.#tail = reader.tail;
      this.#count = 0;
      this.#next = 0;
      return this.#store.findBytes(reader.buffer, start, end);
    }
    if (this.#next === this.#count) this.#look(reader, start, end);
    const next = this.#next++;
    if (this.#starts[next] === start && this.#ends[next] === end)
      return this.#store.directory.find(this.#keys[next]!);
    this.#next = this.#count;
    return this.#store.findBytes(reader.buffer, start, end);
  }

  /** Looks up the user at `start` to `end` and those of the commands behind, as far as they look alike. */
  #look(reader: RespReader, start: number, end: number): void {
    const { buffer, commandStart, commandEnd } = reader;
    const keys = this.#keys;
    const headerOffset = reader.ends[0]! + 2 - commandStart;
    const tailLength = commandEnd - end;
    let count = 0;
    for (;;) {
      keys[count]!.setBytes(buffer, start, end);
      this.#starts[count] = start;
      this.#ends[count] = end;
      if (++count === GROUP) break;
      const header = end + tailLength + headerOffset;
      const length = shortHeader(buffer, header, buffer.length, DOLLAR);
      start = header + (length < 10 ? 4 : 5) + this.#prefixLength;
      end = header + (length < 10 ? 4 : 5) + length;
      if (end > buffer.length || end <= start || end - start > MAX_ID_BYTES) break;
    }
    this.#count = count;
    this.#next = 0;
    if (count > 1) this.#warm(count);
  }

  #warm(count: number): void {
    const { directory, records } = this.#store;
    const keys = this.#keys;
    const addresses = this.#addresses;
    let read = 0;
    for (let i = 0; i < count; i++) read ^= directory.readAhead(keys[i]!);
    for (let i = 0; i < count; i++) addresses[i] = directory.candidate(keys[i]!);
    for (let i = 0; i < count; i++) read ^= records.readAhead(addresses[i]!);
    // Kept, so that no compiler leaves the reading out.
    addresses[GROUP] = read;
  }
}
