/** Folds a snapshot and the journals that follow it into a new snapshot. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { finish } from '../store/steps.js';
import type { Manifest } from './manifest.js';
import { recover } from './recovery.js';
import { type SnapshotInfo, writeSnapshot } from './snapshot.js';
import type { Storage } from './storage.js';

/** What is to be folded. All plain data, for it may go to another thread. */
export interface FoldTask {
  /** The data folder. */
  readonly folder: string;
  /** The snapshot and the journals; none of them is written to any more. */
  readonly from: Manifest;
  /** Name of the snapshot that shall be. */
  readonly to: string;
  readonly maxEnumValues: number;
}

/** Told how far it is: 0 to 1. */
export type OnFoldProgress = (share: number) => void;

/**
 * Reads what is to be folded and writes the new snapshot; when it returns, that is on the disk, by its name. Throws
 * DATA_CORRUPT when what it reads is damaged, and what the system says; then there may be a part of it, by a temporary name.
 */
export function fold(storage: Storage, task: FoldTask, onProgress: OnFoldProgress = () => {}): SnapshotInfo {
  const { folder, from, to, maxEnumValues } = task;
  const options = { maxEnumValues, strict: false };
  const halfOf = (done: number, total: number): number => (total === 0 ? 0.5 : done / total / 2);
  const { store, last } = finish(
    recover(storage, folder, from, options, (done, total) => onProgress(halfOf(done, total))),
  );
  // The last one was synced before the journal that follows was begun.
  if (last.torn > 0) throw new Error(`${from.journals.at(-1)} has lost its end`);
  return placeSnapshot(storage, folder, to, (path) =>
    writeSnapshot(store, storage, path, (done, total) => onProgress(0.5 + halfOf(done, total))),
  );
}

/** Has a snapshot written to a temporary folder, and gives it its name once it is whole. */
export function placeSnapshot(
  storage: Storage,
  folder: string,
  name: string,
  write: (path: string) => SnapshotInfo,
): SnapshotInfo {
  // A name of its own: somebody may still be at work on another one, whose engine has been closed.
  const temporary = join(folder, `${name}.${randomBytes(4).toString('hex')}.tmp`);
  try {
    const info = write(temporary);
    storage.rename(temporary, join(folder, name));
    storage.syncFolder(folder);
    return info;
  } catch (error) {
    removeIfPossible(storage, temporary);
    throw error;
  }
}

function removeIfPossible(storage: Storage, path: string): void {
  try {
    storage.remove(path);
  } catch {
    // It only takes room; the next start tries again.
  }
}
