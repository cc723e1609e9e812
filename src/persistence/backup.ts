/** A data folder as one file, and back. See docs/data-folder.md. */
import { dirname, join, resolve } from 'node:path';
import { SegmentdError } from '../errors.js';
import type { Steps } from '../store/steps.js';
import { type ArchivedFile, isArchive, readArchive, unpackArchive, writeArchive } from './archive.js';
import { asOpeningError, sizeOf } from './data-folder.js';
import { replayJournal } from './journal-reader.js';
import { MANIFEST_NAME, type Manifest, readManifest, writeManifest } from './manifest.js';
import { type PinnedFolder, pinFolder } from './pinned-folder.js';
import { endsTooEarly } from './recovery.js';
import { type OnProgress, snapshotFiles, verifySnapshot } from './snapshot.js';
import type { ReadFile, Storage } from './storage.js';

/** What a backup has. */
export interface BackupInfo {
  /** Name of the snapshot; without one, all is in the journals. */
  readonly snapshot: string | undefined;
  readonly journals: number;
  /** Of the archive. */
  readonly bytes: number;
}

/**
 * Copies a data folder, as it is when the first step is done, to an archive, in steps: a folder that is in use, too, without
 * its owner's knowledge. All of it is verified; an older archive of that name is replaced once the new one is on the disk.
 * Throws DATA_CORRUPT, naming file and offset, INVALID_ARGUMENT when the file is there and is no archive, PERSISTENCE_FAILED.
 */
export function* backup(
  storage: Storage,
  directory: string,
  file: string,
  onProgress: OnProgress = () => {},
): Steps<BackupInfo> {
  const [path, archive] = [resolve(directory), resolve(file)];
  let pinned: PinnedFolder | undefined;
  try {
    refuseOtherFile(storage, archive);
    pinned = pinFolder(storage, path);
    return yield* backupOf(storage, pinned, archive, onProgress);
  } catch (error) {
    throw pinned === undefined ? asOpeningError(error, path) : asFailure(error, `no backup of ${path}`);
  } finally {
    pinned?.close();
  }
}

function* backupOf(
  storage: Storage,
  pinned: PinnedFolder,
  archive: string,
  onProgress: OnProgress,
): Steps<BackupInfo> {
  const { path, journals } = pinned;
  const { snapshot } = manifestOf(pinned);
  const sizes = pinned.paths.map((each) => pinned.open(each).size);
  // Each byte is verified, and then copied.
  const onBytes = counting(2 * sum(sizes), onProgress);
  const files: ArchivedFile[] = [];
  const add = (name: string, bytes?: number): void => {
    const opened = pinned.open(join(path, name));
    files.push({ name, file: opened, bytes: bytes ?? opened.size });
  };
  if (snapshot !== undefined) {
    const folder = join(path, snapshot.name);
    yield* verifySnapshot(pinned, folder, onBytes);
    for (const name of snapshotFiles(pinned, folder)) add(`${snapshot.name}/${name}`);
  }
  for (const [i, name] of journals.entries()) {
    const found = yield* replayJournal(pinned, join(path, name), () => {}, onBytes);
    if (found.torn > 0 && i < journals.length - 1) throw endsTooEarly(join(path, name), found.end);
    // What is behind the last whole record is still being written.
    add(name, found.end);
  }
  add(MANIFEST_NAME);
  const { bytes } = yield* writeArchive(storage, archive, files, onBytes);
  return { snapshot: snapshot?.name, journals: journals.length, bytes };
}

function manifestOf({ path, manifest, damage }: PinnedFolder): Manifest {
  if (damage !== undefined) throw damage;
  if (manifest !== undefined) return manifest;
  throw new SegmentdError(
    'PERSISTENCE_FAILED',
    `${path} has no ${MANIFEST_NAME}: it is no data folder, or was never opened`,
  );
}

/** What a slip of the hand must not overwrite. */
function refuseOtherFile(storage: Storage, path: string): void {
  let isOurs: boolean;
  try {
    isOurs = isArchive(storage, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw asFailure(error, `${path} cannot be written`);
  }
  if (!isOurs)
    throw new SegmentdError(
      'INVALID_ARGUMENT',
      `${path} is there already and is no backup: choose another name`,
    );
}

/**
 * Makes a data folder of an archive, in steps. Nothing is written before all of the archive was verified, and nothing is left
 * when it cannot be done. Throws DATA_CORRUPT, naming archive and offset; INVALID_ARGUMENT when the folder is not empty;
 * DATA_DIR_IN_USE; PERSISTENCE_FAILED with what the system says.
 */
export function* restore(
  storage: Storage,
  file: string,
  directory: string,
  onProgress: OnProgress = () => {},
): Steps<BackupInfo> {
  const [archive, path] = [resolve(file), resolve(directory)];
  try {
    // Each byte is verified, and then unpacked.
    const onBytes = counting(2 * sizeOf(storage, archive), onProgress);
    const { manifest, bytes } = yield* readContents(storage, archive, onBytes);
    const isNew = refuseOtherFolder(storage, path);
    storage.makeFolder(path);
    const lock = storage.lock(path);
    let isWhole = false;
    try {
      refuseOtherFolder(storage, path);
      yield* unpackArchive(storage, archive, path, (name) => name !== MANIFEST_NAME, onBytes);
      writeManifest(storage, path, manifest);
      isWhole = true;
    } finally {
      try {
        if (!isWhole) removeAll(storage, path, manifest, isNew);
      } finally {
        lock.release();
      }
    }
    return { snapshot: manifest.snapshot?.name, journals: manifest.journals.length, bytes };
  } catch (error) {
    throw asFailure(error, `${archive} is not restored to ${path}`);
  }
}

/** Reads all of an archive. Throws DATA_CORRUPT when it is damaged, or is not that of a data folder. */
function* readContents(
  storage: Storage,
  archive: string,
  onBytes: (bytes: number) => void,
): Steps<{ manifest: Manifest; bytes: number }> {
  const names: string[] = [];
  let text: Buffer | undefined;
  const { bytes } = yield* readArchive(
    storage,
    archive,
    (name, length) => {
      names.push(name);
      if (name !== MANIFEST_NAME) return undefined;
      const content = Buffer.alloc(length);
      text = content;
      return (piece, position) => content.set(piece, position);
    },
    onBytes,
  );
  const manifest = text && readManifest({ list: () => names, open: () => fileOf(text!) }, archive);
  if (manifest === undefined || !holdsExactly(names, manifest)) {
    throw new SegmentdError('DATA_CORRUPT', `${archive} is an archive, and not one of a whole data folder`);
  }
  return { manifest, bytes };
}

/** Every file that the manifest names, once, and no other. */
function holdsExactly(names: readonly string[], { snapshot, journals }: Manifest): boolean {
  const ofSnapshot = names.filter((name) => dirname(name) === snapshot?.name);
  const expected = [...ofSnapshot, ...journals, MANIFEST_NAME];
  return (
    (snapshot === undefined || ofSnapshot.length > 0) &&
    new Set(names).size === names.length &&
    expected.length === names.length &&
    expected.every((name) => names.includes(name))
  );
}

/** Is there no such folder yet? Throws INVALID_ARGUMENT when there is one with anything in it. */
function refuseOtherFolder(storage: Storage, path: string): boolean {
  let names: string[];
  try {
    names = storage.list(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true;
    throw error;
  }
  const other = names.find((name) => !/^(?:LOCK|lost\+found$)/.test(name));
  if (other === undefined) return false;
  throw new SegmentdError(
    'INVALID_ARGUMENT',
    `${path} is not empty, it has ${other}: restore to an empty folder, or one that is not there yet`,
  );
}

/** Of what was restored. The manifest goes first: without it, what is left is no state. */
function removeAll(storage: Storage, path: string, manifest: Manifest, isNew: boolean): void {
  const { snapshot, journals } = manifest;
  const rest = snapshot === undefined ? journals : [snapshot.name, ...journals];
  for (const name of [MANIFEST_NAME, `${MANIFEST_NAME}.tmp`, ...rest]) storage.remove(join(path, name));
  if (isNew) storage.remove(path);
}

function fileOf(content: Buffer): ReadFile {
  return {
    size: content.length,
    read: (into, position) => content.copy(into, 0, position),
    close() {},
  };
}

function counting(total: number, onProgress: OnProgress): (bytes: number) => void {
  let done = 0;
  return (bytes) => {
    done = Math.min(done + bytes, total);
    onProgress(done, total);
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

function asFailure(error: unknown, what: string): SegmentdError {
  if (error instanceof SegmentdError) return error;
  return new SegmentdError('PERSISTENCE_FAILED', `${what}: ${(error as Error).message}`, { cause: error });
}
