/**
 * Lookups from another thread. The writer never waits for a reader; a reader that was overtaken reads again, so it sees
 * a user before a change or after it, never half of it (a sequence lock: Lameter, "Effective synchronization on
 * Linux/NUMA systems", 2005).
 */

import { CatalogLogReader, type SharedTag } from './store/catalog-log.js';
import { Cells } from './store/cells.js';
import type { TagValue } from './store/column.js';
import { codeToNumber, unscale } from './store/numbers.js';
import { Control, type SharedHandle, SharedWorld } from './store/shared-memory.js';
import { UserDirectoryReader } from './store/user-directory.js';
import { type UserId, UserKey } from './store/user-key.js';
import { UserRecordsReader } from './store/user-records.js';

/** What `engine.share()` makes and `attachLookup` takes. Send it with `postMessage(handle, [handle.port])`. */
export type LookupHandle = SharedHandle;

/** Answers "which tags has this user?" in a thread of its own, from the memory that the engine's thread writes. */
export class Lookup {
  readonly #world: SharedWorld;
  readonly #directory: UserDirectoryReader;
  readonly #records: UserRecordsReader;
  readonly #catalog: CatalogLogReader;
  readonly #key: UserKey;
  readonly #cells = new Cells();
  readonly #fence = new Int32Array(1);

  constructor(handle: LookupHandle) {
    this.#world = SharedWorld.attach(handle);
    this.#directory = new UserDirectoryReader(this.#world);
    this.#records = new UserRecordsReader(this.#world);
    this.#catalog = new CatalogLogReader(this.#world);
    this.#key = new UserKey(this.#world.control[Control.HASH_SEED]!);
  }

  /** The user's values of the named tags, in their order; `null` where the user does not have the tag. */
  get(user: UserId, tags: readonly string[]): (TagValue | null)[] {
    return this.#consistent(user, (address) =>
      tags.map((name) => {
        const tag = address === 0 ? undefined : this.#catalog.find(name);
        const code = tag === undefined ? -1 : this.#records.probe(address, tag.id);
        return code < 0 ? null : sharedValue(tag!, code);
      }),
    );
  }

  /** All of the user's tags; `undefined` when there is no such user. */
  getAll(user: UserId): Map<string, TagValue> | undefined {
    return this.#consistent(user, (address) => {
      if (address === 0) return undefined;
      const cells = this.#cells;
      this.#records.decode(address, cells);
      // Kept for a version that is not published, or for one to go back to: no user.
      if (cells.count === 0) return undefined;
      const result = new Map<string, TagValue>();
      for (let i = 0; i < cells.count; i++) {
        const tag = this.#catalog.byId(cells.tags[i]!);
        if (tag !== undefined) result.set(tag.name, sharedValue(tag, cells.codes[i]!));
      }
      return result;
    });
  }

  /** Stops following the writer. */
  close(): void {
    this.#world.close();
  }

  #consistent<T>(user: UserId, read: (address: number) => T): T {
    const key = this.#key.set(user);
    const { control } = this.#world;
    const sequence = Control.SHARD_SEQUENCE + (key.hash >>> 24);
    for (;;) {
      const version = this.#catalog.refresh();
      const before = Atomics.load(control, sequence);
      if (before % 2 !== 0) continue;
      this.#world.refresh();
      let result: T | undefined;
      let failure: unknown;
      try {
        result = read(this.#directory.find(key));
      } catch (error) {
        failure = error; // Bytes that were being overwritten can lead anywhere; only a clean read counts.
      }
      // An atomic change, even of nothing, is a fence: on processors that reorder loads (ARM), what was read above must
      // have been read before the sequence is looked at again.
      Atomics.add(this.#fence, 0, 0);
      if (Atomics.load(control, sequence) !== before) continue;
      if (Atomics.load(control, Control.CATALOG_VERSION) !== version) continue;
      if (failure !== undefined) {
        // A user made since `refresh` may lie in memory that was made since then, too.
        if (this.#world.refresh()) continue;
        throw failure;
      }
      return result as T;
    }
  }
}

/** Attaches to the store behind `handle`, in whatever thread it was sent to. */
export function attachLookup(handle: LookupHandle): Lookup {
  return new Lookup(handle);
}

function sharedValue(tag: SharedTag, code: number): TagValue {
  if (tag.kind === 'flag') return true;
  if (tag.kind === 'number') return unscale(codeToNumber(code), tag.scale);
  return tag.values[code]!;
}
