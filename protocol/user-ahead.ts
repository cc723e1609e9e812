/**
 * Users of a pipeline, looked up some commands ahead (see ReadAhead for why). Where commands differ in the user's id only, the ids of
 * the next ones can be seen before the commands are parsed. What is read ahead is a guess: it counts only for a command
 * whose id then turns out to lie just there.
 */
import type { ReadAhead } from '../src/store/read-ahead.js';
import type { SegmentStore } from '../src/store/segment-store.js';
import { MAX_ID_BYTES } from '../src/store/user-key.js';
import { shortHeader } from './resp/header.js';
import type { RespReader } from './resp/reader.js';

const DOLLAR = 36;
/** Enough for the reads to overlap; more would wait for nothing when a pipeline is short. */
const GROUP = 8;

export class UserAhead {
  readonly #store: SegmentStore;
  readonly #prefixLength: number;
  readonly #ahead: ReadAhead;
  readonly #starts = new Int32Array(GROUP);
  readonly #ends = new Int32Array(GROUP);
  #count = 0;
  #next = 0;
  #tail = 0;

  constructor(store: SegmentStore, prefixLength: number) {
    this.#store = store;
    this.#prefixLength = prefixLength;
    this.#ahead = store.readAhead(GROUP);
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
      return this.#store.findKey(this.#ahead.keys[next]!);
    this.#next = this.#count;
    return this.#store.findBytes(reader.buffer, start, end);
  }

  /** Looks up the user at `start` to `end` and those of the commands behind, as far as they look alike. */
  #look(reader: RespReader, start: number, end: number): void {
    const { buffer, commandStart, commandEnd } = reader;
    const { keys } = this.#ahead;
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
    if (count > 1) this.#ahead.candidates(count);
  }
}
