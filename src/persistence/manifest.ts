/** MANIFEST: names the files that make up the state, in a line of JSON. */
import { join } from 'node:path';
import { SegmentdError } from '../errors.js';
import { readSealed, sealed } from './sealed-line.js';
import type { ReadStorage, Storage } from './storage.js';

export const MANIFEST_NAME = 'MANIFEST';
/** Format 1 knew no snapshots. */
const FORMAT = 2;

/** A snapshot as the manifest tells it. */
export interface KeptSnapshot {
  /** Of its folder, in the data folder. */
  readonly name: string;
  /** When it was made, in milliseconds since the epoch. */
  readonly created: number;
  /** Of all its files. */
  readonly bytes: number;
}

export interface Manifest {
  /** What the journals are to be replayed on; without it, an empty store. */
  readonly snapshot: KeptSnapshot | undefined;
  /** Names of files in the same folder, in the order in which they are to be replayed. */
  readonly journals: readonly string[];
}

/**
 * Reads the manifest of a folder; `undefined` when it has none. Throws DATA_CORRUPT when it is damaged, PERSISTENCE_FAILED
 * when a later version of the program wrote it.
 */
export function readManifest(storage: ReadStorage, folder: string): Manifest | undefined {
  const path = join(folder, MANIFEST_NAME);
  let line: string;
  try {
    line = readSealed(storage, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const { format, snapshot, journals } = JSON.parse(line) as Manifest & { format: number };
  if (format === 1 || format === FORMAT) return { snapshot, journals };
  throw new SegmentdError(
    'PERSISTENCE_FAILED',
    `${path} has format ${format}, and this program only knows 1 to ${FORMAT}: a later version wrote it`,
  );
}

/** Thrown when either manifest, the old one or the new one, may be there after a crash. */
export class ManifestInDoubt extends Error {}

/**
 * Replaces the manifest: after a crash, the folder has the old one or the new one. Throws what the system says, and then the
 * old one is there for certain; or ManifestInDoubt.
 */
export function writeManifest(storage: Storage, folder: string, { snapshot, journals }: Manifest): void {
  const temporary = join(folder, `${MANIFEST_NAME}.tmp`);
  const file = storage.open(temporary, 'write');
  try {
    file.truncate(0);
    file.write(sealed(JSON.stringify({ format: FORMAT, snapshot, journals })), 0);
    file.sync();
  } finally {
    file.close();
  }
  try {
    storage.rename(temporary, join(folder, MANIFEST_NAME));
    storage.syncFolder(folder);
  } catch (error) {
    throw new ManifestInDoubt((error as Error).message, { cause: error });
  }
}
