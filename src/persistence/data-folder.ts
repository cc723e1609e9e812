/**
 * A data folder: its lock, its manifest, and the names of its snapshots and journals. All of them have numbers from one row:
 * snapshot N is followed by journal N.
 */
import { join, resolve } from 'node:path';
import { SegmentdError } from '../errors.js';
import { FILE_HEADER_BYTES, fileHeader } from './journal-format.js';
import { MANIFEST_NAME, type Manifest, ManifestInDoubt, readManifest, writeManifest } from './manifest.js';
import type { Storage, StorageFile, StorageLock } from './storage.js';

const JOURNAL_NAME = /^journal-(\d{6,})\.log$/;
const SNAPSHOT_NAME = /^snapshot-(\d{6,})$/;
/** What a process that was interrupted may leave behind. */
const LEFT_OVER = /^(?:MANIFEST|snapshot-.*)\.tmp$/;

export function journalName(number: number): string {
  return `journal-${String(number).padStart(6, '0')}.log`;
}

export function snapshotName(number: number): string {
  return `snapshot-${String(number).padStart(6, '0')}`;
}

/** The number of a journal or a snapshot; NaN for other names. */
export function numberOf(name: string): number {
  return Number((JOURNAL_NAME.exec(name) ?? SNAPSHOT_NAME.exec(name))?.[1] ?? Number.NaN);
}

/** Is it the name of a journal or a snapshot, or of what was to become one, or a manifest? */
export function isOurs(name: string): boolean {
  return numberOf(name) >= 0 || LEFT_OVER.test(name);
}

export class DataFolder {
  readonly path: string;
  readonly storage: Storage;
  readonly #lock: StorageLock | undefined;
  #manifest: Manifest;
  /** May another manifest than ours be there after a crash? */
  #inDoubt = false;

  /**
   * Opens a folder for oneself, making it if there is none. Throws DATA_DIR_IN_USE, DATA_CORRUPT, or PERSISTENCE_FAILED with
   * what the system says.
   */
  static open(storage: Storage, directory: string): DataFolder {
    const path = resolve(directory);
    let lock: StorageLock | undefined;
    try {
      storage.makeFolder(path);
      lock = storage.lock(path);
      return new DataFolder(storage, path, lock, readManifest(storage, path) ?? firstState(storage, path));
    } catch (error) {
      lock?.release();
      throw asOpeningError(error, path);
    }
  }

  /** Opens a folder that may be somebody else's, to read it. Throws as `open`. */
  static openToRead(storage: Storage, directory: string): DataFolder {
    const path = resolve(directory);
    try {
      const manifest = readManifest(storage, path);
      if (manifest !== undefined) return new DataFolder(storage, path, undefined, manifest);
    } catch (error) {
      throw asOpeningError(error, path);
    }
    throw new SegmentdError(
      'PERSISTENCE_FAILED',
      `data folder ${path} has no MANIFEST: there is nothing to read`,
    );
  }

  private constructor(storage: Storage, path: string, lock: StorageLock | undefined, manifest: Manifest) {
    this.storage = storage;
    this.path = path;
    this.#lock = lock;
    this.#manifest = manifest;
  }

  /** What makes up the state. */
  get manifest(): Manifest {
    return this.#manifest;
  }

  pathOf(name: string): string {
    return join(this.path, name);
  }

  /** A number above all that the folder has. */
  nextNumber(): number {
    const { snapshot, journals } = this.#manifest;
    const names = [...this.storage.list(this.path), ...journals, snapshot?.name ?? ''];
    return Math.max(0, ...names.map(numberOf).filter((number) => number >= 0)) + 1;
  }

  /** Makes a journal without records, which is on the disk when it returns. Throws what the system says. */
  createJournal(number: number): StorageFile {
    return createJournal(this.storage, this.path, number);
  }

  /** Makes this the state. Throws what the system says, and ManifestInDoubt when either may be the state after a crash. */
  commit(manifest: Manifest): void {
    try {
      writeManifest(this.storage, this.path, manifest);
    } catch (error) {
      this.#inDoubt ||= error instanceof ManifestInDoubt;
      throw error;
    }
    this.#manifest = manifest;
    this.#inDoubt = false;
  }

  /** Removes journals and snapshots that are no part of the state, and what was left behind. */
  removeOthers(): void {
    try {
      for (const path of this.#others()) this.storage.remove(path);
    } catch {
      // They only take room; the next start tries again.
    }
  }

  /** As `removeOthers`, on another thread. */
  async removeOthersLater(): Promise<void> {
    try {
      for (const path of this.#others()) await this.storage.removeLater(path);
    } catch {
      // As above.
    }
  }

  #others(): string[] {
    if (this.#inDoubt) return [];
    const { snapshot, journals } = this.#manifest;
    const kept = [snapshot?.name, ...journals];
    const names = this.storage.list(this.path).filter((name) => isOurs(name) && !kept.includes(name));
    return names.map((name) => this.pathOf(name));
  }

  /** Lets another engine have the folder. */
  release(): void {
    this.#lock?.release();
  }
}

/** What goes wrong when a folder is opened, as PERSISTENCE_FAILED unless it says more already. */
export function asOpeningError(error: unknown, path: string): SegmentdError {
  if (error instanceof SegmentdError) return error;
  const reason = (error as Error).message;
  return new SegmentdError('PERSISTENCE_FAILED', `data folder ${path} cannot be opened: ${reason}`, {
    cause: error,
  });
}

/** A folder without a manifest is new, or its first start was interrupted. */
function firstState(storage: Storage, path: string): Manifest {
  for (const name of storage.list(path)) {
    // A journal with content, or a snapshot, belongs to a folder that lost its manifest.
    if (
      SNAPSHOT_NAME.test(name) ||
      (JOURNAL_NAME.test(name) && sizeOf(storage, join(path, name)) > FILE_HEADER_BYTES)
    ) {
      throw new SegmentdError(
        'DATA_CORRUPT',
        `data folder ${path} has ${name} and no ${MANIFEST_NAME} that says what counts: restore it from a backup`,
      );
    }
  }
  createJournal(storage, path, 1).close();
  const manifest = { snapshot: undefined, journals: [journalName(1)] };
  writeManifest(storage, path, manifest);
  return manifest;
}

function createJournal(storage: Storage, folder: string, number: number): StorageFile {
  const file = storage.open(join(folder, journalName(number)), 'write');
  try {
    file.truncate(0);
    file.write(fileHeader(), 0);
    file.sync();
    storage.syncFolder(folder);
  } catch (error) {
    file.close();
    throw error;
  }
  return file;
}

/** The length of a file in bytes. */
export function sizeOf(storage: Storage, path: string): number {
  const file = storage.open(path, 'read');
  try {
    return file.size;
  } finally {
    file.close();
  }
}
