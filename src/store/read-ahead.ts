/**
 * Many users looked up at once. Each of them is two reads of memory that the caches seldom hold; with one short step for all
 * before the next, the processor waits for the memory of many users as long as for one.
 */
import type { UserDirectory } from './user-directory.js';
import { UserKey } from './user-key.js';
import type { UserRecords } from './user-records.js';

export class ReadAhead {
  /** To be set before `candidates` is called. */
  readonly keys: readonly UserKey[];
  readonly #directory: UserDirectory;
  readonly #records: UserRecords;
  /** The last one takes something of all that was read, so that no compiler leaves the reading out. */
  readonly #addresses: Uint32Array;

  /** For up to `most` users at once; `seed` is that of the directory's hashes. */
  constructor(directory: UserDirectory, records: UserRecords, seed: number, most: number) {
    this.#directory = directory;
    this.#records = records;
    this.keys = Array.from({ length: most }, () => new UserKey(seed));
    this.#addresses = new Uint32Array(most + 1);
  }

  /**
   * For the first `count` keys: the address of the first record whose user has the same hash, or 0. The records are in the
   * cache then. The same array is filled by the next call.
   */
  candidates(count: number): Uint32Array {
    const keys = this.keys;
    const addresses = this.#addresses;
    let read = 0;
    for (let i = 0; i < count; i++) read ^= this.#directory.readAhead(keys[i]!);
    for (let i = 0; i < count; i++) addresses[i] = this.#directory.candidate(keys[i]!);
    for (let i = 0; i < count; i++) read ^= this.#records.readAhead(addresses[i]!);
    addresses[keys.length] = read;
    return addresses;
  }
}
