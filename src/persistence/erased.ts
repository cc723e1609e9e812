/** Proves that an erased user's id is in no file of a data folder, or says where it still is. */
import { dirname, join } from 'node:path';
import type { Steps } from '../store/steps.js';
import { isOurs } from './data-folder.js';
import { filesIn, findBytes } from './find-bytes.js';
import type { PinnedFolder } from './pinned-folder.js';
import type { ReadStorage } from './storage.js';

/**
 * What kind of file has the bytes: a journal; a snapshot's images of users; a text (names of tags, their values and expressions
 * are in STATE of a snapshot); what an interrupted process left behind; something that is not ours.
 */
export type TraceKind = 'journal' | 'users' | 'text' | 'left over' | 'foreign';

/** A file that has the id's bytes. */
export interface Trace {
  readonly path: string;
  readonly kind: TraceKind;
  /** Of the first bytes of the first few. */
  readonly offsets: readonly number[];
}

/**
 * Who has the id: a user; no user, but a version of a tag, which is kept or prepared; nobody; or the damage is too great to
 * tell.
 */
export type IdHolder = 'user' | 'version' | 'nobody' | 'unknown';

/** Where an id still is. */
export interface ErasedReport {
  readonly id: Uint8Array;
  readonly holder: IdHolder;
  /** None, if the id is gone for good. */
  readonly traces: readonly Trace[];
  /** Are all of them in files that go when the next snapshot is written, which will not have them? */
  readonly goWithSnapshot: boolean;
}

/** Offsets that are told of one file. */
const MOST_OFFSETS = 5;

/** Looks through every file. Throws what the system says, but of files that are gone by then. */
export function* findTraces(
  storage: ReadStorage,
  pinned: PinnedFolder,
  id: Uint8Array,
  holder: IdHolder,
  onBytes: (bytes: number) => void,
): Steps<ErasedReport> {
  const traces: Trace[] = [];
  const search = function* (source: ReadStorage, path: string, kind: TraceKind): Steps<void> {
    const found = yield* findBytes(source, [path], id, MOST_OFFSETS, onBytes);
    if (found.length > 0) traces.push({ path, kind, offsets: found.map(({ offset }) => offset) });
  };
  for (const path of pinned.paths) yield* search(pinned, path, kindOf(pinned, path));
  for (const name of pinned.others) {
    for (const path of filesIfThere(storage, join(pinned.path, name))) {
      try {
        yield* search(storage, path, isOurs(name) ? 'left over' : 'foreign');
      } catch (error) {
        // Its owner has removed it meanwhile.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
    }
  }
  const goWithSnapshot =
    holder === 'nobody' &&
    traces.length > 0 &&
    traces.every(({ kind }) => kind === 'journal' || kind === 'users');
  return { id, holder, traces, goWithSnapshot };
}

function kindOf({ path: folder, journals }: PinnedFolder, path: string): TraceKind {
  if (journals.some((name) => join(folder, name) === path)) return 'journal';
  return dirname(path) !== folder && path.endsWith('.bin') ? 'users' : 'text';
}

function filesIfThere(storage: ReadStorage, path: string): string[] {
  try {
    return filesIn(storage, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
