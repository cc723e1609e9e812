/** Looks at a data folder that is not opened, or somebody else's: is it sound, and what is in it? */
import { join, resolve } from 'node:path';
import { checkStore } from '../check.js';
import { SegmentdError } from '../errors.js';
import { apply } from '../mutation.js';
import { optionTable } from '../options.js';
import { SegmentStore } from '../store/segment-store.js';
import type { Steps } from '../store/steps.js';
import { asOpeningError, isOurs } from './data-folder.js';
import { type ErasedReport, findTraces, type IdHolder } from './erased.js';
import { replayJournal } from './journal-reader.js';
import { MANIFEST_NAME } from './manifest.js';
import { type PinnedFolder, pinFolder } from './pinned-folder.js';
import { endsTooEarly } from './recovery.js';
import {
  type OnProgress,
  type SnapshotInfo,
  snapshotFiles,
  snapshotSteps,
  verifySnapshot,
} from './snapshot.js';
import type { ReadStorage } from './storage.js';

/** A snapshot whose files are all sound. */
export interface FoundSnapshot extends SnapshotInfo {
  readonly name: string;
}

/** What is in a journal. */
export interface FoundJournal {
  readonly name: string;
  readonly bytes: number;
  readonly records: number;
  readonly mutations: number;
  /** Bytes at its end, of a record that was not written to its end, or is being written. */
  readonly torn: number;
}

/** What `checkFolder` found. */
export interface FolderReport {
  /** The whole path. */
  readonly directory: string;
  readonly sound: boolean;
  /** What is wrong: file, offset, and what to do. At most 100; then one that says how many more there are. */
  readonly problems: readonly string[];
  readonly snapshots: readonly FoundSnapshot[];
  readonly journals: readonly FoundJournal[];
  /** What an engine would have that opened it; undefined when it cannot be told. */
  readonly content: FolderContent | undefined;
  /** Files of ours that are no part of the state: gone when an engine opens the folder. */
  readonly leftOver: readonly string[];
  /** Files that are not ours. */
  readonly foreign: readonly string[];
  /** If that was asked. */
  readonly erased: ErasedReport | undefined;
}

export interface FolderContent {
  readonly users: number;
  readonly tags: number;
  readonly pairs: number;
  readonly audiences: number;
}

export interface CheckFolderOptions {
  /** An id that shall be nowhere. */
  readonly erased?: Uint8Array | undefined;
  /** Told bytes that are read, of all. */
  readonly onProgress?: OnProgress;
}

const MAX_PROBLEMS = 100;
/** Whatever an engine took, this takes. */
const STORE_OPTIONS = { maxEnumValues: optionTable.maxEnumValues.max, strict: false };
const LOCK = /^LOCK(?:\.|$)/;

/**
 * Reads everything, as it is at the first step, and goes on where something is damaged. Takes no lock, and writes nothing; has
 * the store in memory while it runs. Throws PERSISTENCE_FAILED when the folder cannot be read at all.
 */
export function* checkFolder(
  storage: ReadStorage,
  directory: string,
  options: CheckFolderOptions = {},
): Steps<FolderReport> {
  const path = resolve(directory);
  let pinned: PinnedFolder;
  try {
    pinned = pinFolder(storage, path);
  } catch (error) {
    throw asOpeningError(error, path);
  }
  try {
    return yield* new FolderCheck(storage, pinned, options).run();
  } finally {
    pinned.close();
  }
}

class FolderCheck {
  readonly #storage: ReadStorage;
  readonly #folder: PinnedFolder;
  readonly #options: CheckFolderOptions;
  readonly #problems: string[] = [];
  readonly #snapshots: FoundSnapshot[] = [];
  readonly #journals: FoundJournal[] = [];
  readonly #foreign: string[] = [];
  /** What was found so far; undefined as soon as that cannot be told. */
  #store: SegmentStore | undefined;
  #problemCount = 0;
  #done = 0;
  #total = 0;

  constructor(storage: ReadStorage, folder: PinnedFolder, options: CheckFolderOptions) {
    this.#storage = storage;
    this.#folder = folder;
    this.#options = options;
  }

  *run(): Steps<FolderReport> {
    const { path, manifest, others } = this.#folder;
    const { erased } = this.#options;
    this.#total = this.#bytesToRead();
    if (manifest === undefined) this.#noteManifest();
    else if (manifest.snapshot === undefined) this.#store = new SegmentStore(STORE_OPTIONS);
    for (const name of this.#folder.snapshots) yield* this.#checkSnapshot(name);
    for (const name of this.#folder.journals) yield* this.#checkJournal(name);
    const store = this.#store;
    if (
      store !== undefined &&
      this.#problemCount === 0 &&
      this.#journals.some(({ mutations }) => mutations > 0)
    )
      this.#checkStore(store, `${path}, with its journals replayed`);
    this.#foreign.push(...others.filter((name) => !isOurs(name) && !LOCK.test(name)));
    const report = {
      snapshots: this.#snapshots,
      journals: this.#journals,
      content: store && contentOf(store),
      leftOver: others.filter(isOurs),
      foreign: this.#foreign,
      erased: erased && (yield* this.#findErased(erased, store)),
    };
    return { directory: path, sound: this.#problemCount === 0, problems: this.#toldProblems(), ...report };
  }

  #noteManifest(): void {
    const { path, damage, snapshots, journals } = this.#folder;
    const [other] = [...snapshots, ...journals];
    if (damage !== undefined) this.#note(damage, join(path, MANIFEST_NAME));
    else if (other === undefined)
      this.#tell(`${path} has no ${MANIFEST_NAME}: it is no data folder, or was never opened`);
    else
      this.#tell(
        `${path} has ${other} and no ${MANIFEST_NAME} that says what counts: restore it from a backup`,
      );
  }

  *#checkSnapshot(name: string): Steps<void> {
    const folder = join(this.#folder.path, name);
    const before = this.#problemCount;
    try {
      const onDamage = (error: Error, path: string): void => this.#note(error, path);
      const info = yield* verifySnapshot(this.#folder, folder, (bytes) => this.#progress(bytes), onDamage);
      const known = snapshotFiles(this.#folder, folder);
      const others = this.#folder.list(folder).filter((file) => !known.includes(file));
      this.#foreign.push(...others.map((file) => `${name}/${file}`));
      if (this.#problemCount > before) return;
      this.#snapshots.push({ name, ...info });
      yield* this.#load(name, info);
    } catch (error) {
      this.#note(error as Error, folder);
    }
  }

  *#load(name: string, info: SnapshotInfo): Steps<void> {
    const folder = join(this.#folder.path, name);
    let told = 0;
    const store = yield* snapshotSteps(this.#folder, folder, STORE_OPTIONS, (done) => {
      this.#progress(done - told);
      told = done;
    });
    const { users, tags, pairs } = contentOf(store);
    if (users !== info.users || tags !== info.tags || pairs !== info.pairs) {
      const [says, has] = [info, { users, tags, pairs }].map(counts);
      this.#tell(`${folder} says that it has ${says}, and has ${has}. Restore the folder from a backup`);
    }
    this.#checkStore(store, folder);
    if (this.#folder.manifest !== undefined) this.#store = store;
  }

  *#checkJournal(name: string): Steps<void> {
    const path = join(this.#folder.path, name);
    try {
      const { records, mutations, torn } = yield* replayJournal(
        this.#folder,
        path,
        (mutation) => void (this.#store && apply(this.#store, mutation)),
        (bytes) => this.#progress(bytes),
        (error) => this.#giveUp(error, path),
      );
      const bytes = this.#folder.open(path).size;
      this.#journals.push({ name, bytes, records, mutations, torn });
      const { manifest } = this.#folder;
      if (torn > 0 && manifest !== undefined && name !== manifest.journals.at(-1))
        this.#giveUp(endsTooEarly(path, bytes - torn), path);
    } catch (error) {
      this.#giveUp(error as Error, path);
    }
  }

  #checkStore(store: SegmentStore, where: string): void {
    for (const problem of checkStore(store).problems)
      this.#tell(`${where}: ${problem}. Restore the folder from a backup`);
  }

  #findErased(id: Uint8Array, store: SegmentStore | undefined): Steps<ErasedReport> {
    const holder = store === undefined ? 'unknown' : holderOf(store, id);
    return findTraces(this.#storage, this.#folder, id, holder, (bytes) => this.#progress(bytes));
  }

  /** What is read next is checked, but it cannot be told any more what it comes to. */
  #giveUp(error: Error, path: string): void {
    this.#store = undefined;
    this.#note(error, path);
  }

  #note(error: Error, path: string): void {
    if (error instanceof SegmentdError) this.#tell(error.message);
    else if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      this.#tell(`${path} is not whole: ${error.message}. Restore the folder from a backup`);
    else this.#tell(`${path} cannot be read: ${error.message}`);
  }

  #tell(problem: string): void {
    if (this.#problemCount++ < MAX_PROBLEMS) this.#problems.push(problem);
  }

  #toldProblems(): string[] {
    const more = this.#problemCount - this.#problems.length;
    return more === 0 ? this.#problems : [...this.#problems, `and ${more} more problems`];
  }

  /** Snapshots are verified and loaded; for an id, all is read once more. */
  #bytesToRead(): number {
    const { path, snapshots, paths } = this.#folder;
    let total = 0;
    for (const each of paths) {
      const { size } = this.#folder.open(each);
      const isOfSnapshot = snapshots.some((name) => each.startsWith(join(path, name)));
      total += size * ((isOfSnapshot ? 2 : 1) + (this.#options.erased === undefined ? 0 : 1));
    }
    return total;
  }

  #progress(bytes: number): void {
    this.#done = Math.min(this.#done + bytes, this.#total);
    this.#options.onProgress?.(this.#done, this.#total);
  }
}

function holderOf(store: SegmentStore, id: Uint8Array): IdHolder {
  if (store.find(id) !== 0) return 'user';
  return store.findRecords([id], 0, 1)[0] === 0 ? 'nobody' : 'version';
}

function contentOf({ users, catalog, pairs, audiences }: SegmentStore): FolderContent {
  return { users: users.size, tags: catalog.size, pairs, audiences: audiences.size };
}

function counts({ users, tags, pairs }: Pick<FolderContent, 'users' | 'tags' | 'pairs'>): string {
  return `${users} users, ${tags} tags and ${pairs} pairs`;
}
