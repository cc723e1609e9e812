/** Makes the store that a data folder holds: its snapshot, and on it all that its journals say. */
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { SegmentdError } from '../errors.js';
import { apply } from '../mutation.js';
import { SegmentStore, type StoreOptions } from '../store/segment-store.js';
import type { Steps } from '../store/steps.js';
import { journalName, numberOf, sizeOf, snapshotName } from './data-folder.js';
import { type Replayed, replayJournal } from './journal-reader.js';
import type { KeptSnapshot, Manifest } from './manifest.js';
import { type OnProgress, type SnapshotInfo, snapshotSteps, verifySnapshot } from './snapshot.js';
import type { Storage } from './storage.js';

/** What was found in a data folder. */
export interface Recovered {
  readonly store: SegmentStore;
  /** What was read: what was asked for or, in place of a damaged snapshot, an older one with all journals since. */
  readonly manifest: Manifest;
  /** Name of that damaged snapshot. */
  readonly damaged: string | undefined;
  /** Mutations in the journals. */
  readonly replayed: number;
  readonly seconds: number;
  /** What was found in the last journal. */
  readonly last: Replayed;
  /** Bytes of the journals before the last one. */
  readonly earlierBytes: number;
}

/**
 * Reads the state that a manifest names. A step is short; `onProgress` is told bytes done, of all. Throws DATA_CORRUPT, naming
 * file and offset, and what the system says.
 */
export function* recover(
  storage: Storage,
  folder: string,
  manifest: Manifest,
  options: StoreOptions,
  onProgress: OnProgress = () => {},
): Steps<Recovered> {
  const began = performance.now();
  const sizes = manifest.journals.map((name) => sizeOf(storage, join(folder, name)));
  const total = sizes.reduce((sum, size) => sum + size, manifest.snapshot?.bytes ?? 0);
  const base = yield* readBase(storage, folder, manifest, options, (done) => onProgress(done, total));
  const { store } = base;
  const journals = [...base.journalsBefore, ...manifest.journals];
  let done = manifest.snapshot?.bytes ?? 0;
  let replayed = 0;
  let last: Replayed | undefined;
  for (const [i, name] of journals.entries()) {
    last = yield* replayJournal(
      storage,
      join(folder, name),
      (mutation) => void apply(store, mutation),
      (bytes) => {
        done = Math.min(done + bytes, total);
        onProgress(done, total);
      },
    );
    replayed += last.mutations;
    if (last.torn > 0 && i < journals.length - 1) throw endsTooEarly(join(folder, name), last.end);
  }
  onProgress(total, total);
  const earlierBytes = sizes.slice(0, -1).reduce((sum, size) => sum + size, 0);
  const seconds = (performance.now() - began) / 1000;
  return {
    store,
    manifest: { snapshot: base.snapshot, journals },
    damaged: base.damaged,
    replayed,
    seconds,
    last: last!,
    earlierBytes,
  };
}

interface Base extends Pick<Recovered, 'store' | 'damaged'> {
  readonly snapshot: KeptSnapshot | undefined;
  /** Journals to be replayed before those that the manifest names. */
  readonly journalsBefore: readonly string[];
}

function* readBase(
  storage: Storage,
  folder: string,
  { snapshot }: Manifest,
  options: StoreOptions,
  onProgress: (done: number) => void,
): Steps<Base> {
  const plain = { damaged: undefined, journalsBefore: [] };
  if (snapshot === undefined) return { store: new SegmentStore(options), snapshot, ...plain };
  try {
    const store = yield* snapshotSteps(storage, join(folder, snapshot.name), options, onProgress);
    return { store, snapshot, ...plain };
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code !== 'DATA_CORRUPT' && code !== 'ENOENT') throw error;
    const older = yield* findOlder(storage, folder, numberOf(snapshot.name));
    if (older === undefined)
      throw code === 'ENOENT' ? isMissing(error as Error, folder, snapshot.name) : error;
    const store = yield* snapshotSteps(storage, join(folder, older.snapshot.name), options, onProgress);
    return { ...older, store, damaged: snapshot.name };
  }
}

/** The newest sound snapshot below a number, if no journal from it to that number is missing. */
function* findOlder(
  storage: Storage,
  folder: string,
  below: number,
): Steps<{ snapshot: KeptSnapshot; journalsBefore: readonly string[] } | undefined> {
  const names = new Set(storage.list(folder));
  const journalsBefore: string[] = [];
  for (let number = below - 1; names.has(journalName(number)); number--) {
    journalsBefore.unshift(journalName(number));
    const name = snapshotName(number);
    if (!names.has(name)) continue;
    let info: SnapshotInfo;
    try {
      info = yield* verifySnapshot(storage, join(folder, name));
    } catch {
      continue;
    }
    return { snapshot: { name, created: info.created, bytes: info.bytes }, journalsBefore };
  }
  return undefined;
}

function isMissing(error: Error, folder: string, name: string): SegmentdError {
  return new SegmentdError(
    'DATA_CORRUPT',
    `${join(folder, name)} is not whole: ${error.message}. Restore the folder from a backup`,
    { cause: error },
  );
}

export function endsTooEarly(path: string, offset: number): SegmentdError {
  return new SegmentdError(
    'DATA_CORRUPT',
    `${path} ends within a record, at offset ${offset}, though another journal follows: restore the folder from a backup`,
  );
}
