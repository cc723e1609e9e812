/** What a data folder tells of itself. */
import type { FsyncPolicy } from './journal.js';
import type { KeptSnapshot } from './manifest.js';
import type { SyncCounts } from './sync-counts.js';

/** What became of a data folder when it was opened, and how it fares. Sizes in bytes, times in milliseconds since the epoch. */
export interface PersistenceInfo {
  readonly directory: string;
  readonly fsync: FsyncPolicy;
  /** Opened to be read, as it was at that time: changes are refused. */
  readonly readOnly: boolean;
  /** Name of the journal that is written to, in that folder, and its size. */
  readonly file: string;
  readonly size: number;
  /** Of all journals since the snapshot. */
  readonly journalBytes: number;
  /** Mutations replayed at the start, and how long opening took. */
  readonly replayed: number;
  readonly replaySeconds: number;
  /** Bytes of unfinished records that were cut off at the start. */
  readonly torn: number;
  /** The damaged snapshot in whose place an older one was read at the start. */
  readonly damagedSnapshot: string | undefined;
  /** The newest snapshot. */
  readonly snapshot: KeptSnapshot | undefined;
  /** Mutations that are only in journals. */
  readonly changesSinceSnapshot: number;
  /** How far the snapshot under way is, 0 to 1. */
  readonly snapshotProgress: number | undefined;
  /** How long the last snapshot took, and why there is none if it failed. */
  readonly snapshotSeconds: number | undefined;
  readonly snapshotFailure: string | undefined;
  /** Snapshots since the folder was opened: written, and failed. */
  readonly snapshots: number;
  readonly snapshotsFailed: number;
  /** How long the disk took to have the journal's changes. */
  readonly syncs: SyncCounts;
  /** Why changes are refused; `undefined` when all is well. */
  readonly failure: string | undefined;
}
