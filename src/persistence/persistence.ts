/**
 * Keeps a store in a data folder: opens it, journals every mutation, and replaces journals by snapshots. After an error that
 * leaves it uncertain what is on the disk, everything is written anew from memory, as soon as that is possible.
 */
import { performance } from 'node:perf_hooks';
import { SegmentdError } from '../errors.js';
import type { Mutation } from '../mutation.js';
import type { EngineOptions } from '../options.js';
import type { SegmentStore } from '../store/segment-store.js';
import type { Steps } from '../store/steps.js';
import { asOpeningError, DataFolder, journalName, snapshotName } from './data-folder.js';
import { placeSnapshot } from './fold.js';
import { type RunningFold, startFold } from './fold-runner.js';
import { emptyJournal, type FsyncPolicy, Journal, type JournalFile, type OnDurable } from './journal.js';
import { JOURNAL_VERSION } from './journal-format.js';
import { type KeptSnapshot, type Manifest, ManifestInDoubt } from './manifest.js';
import type { PersistenceInfo } from './persistence-info.js';
import { type Recovered, recover } from './recovery.js';
import { type OnProgress, type SnapshotInfo, writeSnapshot } from './snapshot.js';
import type { Storage } from './storage.js';
import { SyncCounts } from './sync-counts.js';

const TICK_MILLISECONDS = 1_000;
/** Files that say less than this are not worth replacing when everything is cleared. */
const SMALL_BYTES = 64 * 1024;
/** How long it is left at a failed snapshot, at first and at most; it doubles each time. */
const FIRST_DELAY = 1_000;
const LONGEST_DELAY = 300_000;
/** How often a reader begins again because the owner has replaced files. */
const READ_ATTEMPTS = 10;
const NO_SYNCS = new SyncCounts();

/** A snapshot under way. */
interface Run {
  share: number;
  fold: RunningFold | undefined;
  isCancelled: boolean;
}

export type PersistenceOptions = Pick<
  EngineOptions,
  'dataDir' | 'fsync' | 'readOnly' | 'maxEnumValues' | 'snapshotJournalBytes' | 'snapshotAge'
>;

/** Opens a data folder, in steps. `storeOptions` go to the store. Throws DATA_DIR_IN_USE, DATA_CORRUPT or PERSISTENCE_FAILED. */
export function* openPersistence(
  options: PersistenceOptions,
  storage: Storage,
  storeOptions: { readonly maxEnumValues: number; readonly strict: boolean },
  onProgress?: OnProgress,
): Steps<Persistence> {
  if (options.readOnly) return yield* openToRead(options, storage, storeOptions, onProgress);
  const folder = DataFolder.open(storage, options.dataDir);
  let persistence: Persistence | undefined;
  try {
    const found = yield* recover(storage, folder.path, folder.manifest, storeOptions, onProgress);
    const journal = continueJournal(folder, found, options.fsync);
    folder.removeOthers();
    persistence = new Persistence(options, folder, found, journal);
    // Who was putting these together is gone. That is kept, too: later drafts may have the same numbers.
    for (const draft of found.store.audiences.drafts) persistence.apply({ type: 'discardDraft', draft });
    for (const { number: draft, holding } of [...found.store.versions.drafts.all()]) {
      if (holding === undefined) persistence.apply({ type: 'discardVersion', draft });
    }
    return persistence;
  } catch (error) {
    throw asOpeningError(error, folder.path);
  } finally {
    // Whoever loses patience with the steps must not keep the folder locked, either.
    if (persistence === undefined) folder.release();
  }
}

function* openToRead(
  options: PersistenceOptions,
  storage: Storage,
  storeOptions: { readonly maxEnumValues: number; readonly strict: boolean },
  onProgress?: OnProgress,
): Steps<Persistence> {
  for (let attempt = 1; ; attempt++) {
    const folder = DataFolder.openToRead(storage, options.dataDir);
    try {
      const found = yield* recover(storage, folder.path, folder.manifest, storeOptions, onProgress);
      return new Persistence(options, folder, found, undefined);
    } catch (error) {
      // The owner may have replaced files by others.
      const { manifest } = DataFolder.openToRead(storage, options.dataDir);
      const isSame = JSON.stringify(manifest) === JSON.stringify(folder.manifest);
      if (isSame || attempt === READ_ATTEMPTS) throw asOpeningError(error, folder.path);
    }
  }
}

/** Opens the last journal behind its last whole record, or begins a new one when it is of an older format. */
function continueJournal(folder: DataFolder, found: Recovered, fsync: FsyncPolicy): Journal {
  const { last, manifest } = found;
  const path = folder.pathOf(manifest.journals.at(-1)!);
  const file = folder.storage.open(path, 'write');
  if (last.torn > 0) file.truncate(last.end);
  // Of what was written before a crash of the process, it is only certain now.
  file.sync();
  if (last.version === JOURNAL_VERSION) {
    if (found.damaged !== undefined) folder.commit(manifest);
    return new Journal({ path, file, end: last.end }, fsync);
  }
  file.close();
  const number = folder.nextNumber();
  const next = folder.createJournal(number);
  folder.commit({ ...manifest, journals: [...manifest.journals, journalName(number)] });
  return new Journal(emptyJournal(folder.pathOf(journalName(number)), next), fsync);
}

export class Persistence {
  readonly store: SegmentStore;
  readonly #options: PersistenceOptions;
  readonly #folder: DataFolder;
  readonly #found: Recovered;
  readonly #journal: Journal | undefined;
  readonly #ticks: NodeJS.Timeout | undefined;
  readonly #openedAt = Date.now();
  /** Bytes of the journals before the one that is written to, since the snapshot. */
  #earlierBytes: number;
  /** Mutations that are only in journals: those that were replayed, and those taken since. */
  #changesBefore: number;
  #takenBefore = 0;
  #run: Run | undefined;
  #snapshotSeconds: number | undefined;
  #snapshotFailure: string | undefined;
  #snapshots = 0;
  #snapshotsFailed = 0;
  /** After a failure: how long it is left at that, and until when. */
  #delay = FIRST_DELAY;
  #retryAt = 0;
  #isClosed = false;

  /** Without a journal, for reading only. See `openPersistence`. */
  constructor(
    options: PersistenceOptions,
    folder: DataFolder,
    found: Recovered,
    journal: Journal | undefined,
  ) {
    this.store = found.store;
    this.#options = options;
    this.#folder = folder;
    this.#found = found;
    this.#journal = journal;
    this.#earlierBytes = found.earlierBytes;
    this.#changesBefore = found.replayed;
    if (journal !== undefined) this.#ticks = setInterval(() => this.tick(), TICK_MILLISECONDS).unref();
  }

  get info(): PersistenceInfo {
    const { replayed, seconds, last, damaged } = this.#found;
    const { snapshot, journals } = this.#folder.manifest;
    const size = this.#journal?.size ?? last.end;
    return {
      directory: this.#folder.path,
      fsync: this.#options.fsync,
      readOnly: this.#journal === undefined,
      file: journals.at(-1)!,
      size,
      journalBytes: this.#earlierBytes + size,
      replayed,
      replaySeconds: seconds,
      torn: last.torn,
      damagedSnapshot: damaged,
      snapshot,
      changesSinceSnapshot: this.#changesBefore + (this.#journal?.taken ?? 0) - this.#takenBefore,
      snapshotProgress: this.#run?.share,
      snapshotSeconds: this.#snapshotSeconds,
      snapshotFailure: this.#snapshotFailure,
      snapshots: this.#snapshots,
      snapshotsFailed: this.#snapshotsFailed,
      syncs: this.#journal?.syncs ?? NO_SYNCS,
      failure: this.#journal?.failure,
    };
  }

  /** Applies a mutation and keeps it; see `Journal.apply`. Throws READ_ONLY when the folder is only read. */
  apply(mutation: Mutation): number {
    const changed = this.#writable().apply(this.store, mutation);
    if (mutation.type === 'clear') this.#startAfresh();
    return changed;
  }

  flush(): void {
    this.#journal?.flush();
  }

  commit(): boolean {
    return this.#journal?.commit() ?? true;
  }

  get isDurable(): boolean {
    return this.#journal?.isDurable ?? true;
  }

  whenDurable(done: OnDurable): void {
    if (this.#journal === undefined) queueMicrotask(() => done(undefined));
    else this.#journal.whenDurable(done);
  }

  whenSynced(done: OnDurable): void {
    if (this.#journal === undefined) queueMicrotask(() => done(undefined));
    else this.#journal.whenSynced(done);
  }

  /**
   * Begins a new journal and has everything before it folded into a snapshot, while changes go on. Resolves when that is what
   * the folder begins with. Rejects with SNAPSHOT_RUNNING while there is another one, READ_ONLY, PERSISTENCE_FAILED, or
   * DATA_CORRUPT when the files cannot be read; then nothing is lost, and `snapshotNow` may help.
   */
  async snapshot(): Promise<SnapshotInfo> {
    const journal = this.#writable();
    this.#refuseSecond();
    const run: Run = { share: 0, fold: undefined, isCancelled: false };
    this.#run = run;
    try {
      const info = await this.#fold(journal, run);
      await this.#folder.removeOthersLater();
      return info;
    } catch (error) {
      throw run.isCancelled ? cancelled() : this.#failed(error);
    } finally {
      if (this.#run === run) this.#run = undefined;
      this.#removeOthers();
    }
  }

  async #fold(journal: Journal, run: Run): Promise<SnapshotInfo> {
    const began = performance.now();
    const folder = this.#folder;
    // What is on the disk by then need not be waited for while others wait.
    await synced(journal);
    if (run.isCancelled) throw cancelled();
    const { snapshot, journals } = folder.manifest;
    const number = this.#rotate(journal);
    const { taken } = journal;
    const name = snapshotName(number);
    const { maxEnumValues } = this.#options;
    const task = { folder: folder.path, from: { snapshot, journals }, to: name, maxEnumValues };
    run.fold = startFold(folder.storage, task, (share) => {
      run.share = share;
    });
    const info = await run.fold.result;
    if (run.isCancelled) throw cancelled();
    folder.commit({ snapshot: keptOf(name, info), journals: [journalName(number)] });
    this.#earlierBytes = 0;
    this.#changesBefore = 0;
    this.#takenBefore = taken;
    this.#succeeded(began);
    return info;
  }

  /**
   * Writes a snapshot of the store here and now: nothing else is done until it is on the disk. Reads no file, and so helps
   * when files are damaged or in doubt. Throws as `snapshot` rejects.
   */
  snapshotNow(): SnapshotInfo {
    const journal = this.#writable();
    this.#refuseSecond();
    const began = performance.now();
    try {
      const info = this.#writeAll(journal);
      this.#succeeded(began);
      return info;
    } catch (error) {
      throw this.#failed(error);
    }
  }

  /** Once a second: syncs, tries again what failed, and begins a snapshot when one is due. */
  tick(): void {
    const journal = this.#journal!;
    journal.tick();
    if (Date.now() < this.#retryAt) return;
    if (journal.isBroken) this.#heal(journal);
    else if (journal.failure === undefined && this.#run === undefined && this.#isDue())
      this.snapshot().catch(() => {}); // `info` tells.
  }

  /** Waits until the disk has everything and lets go of the folder. Throws PERSISTENCE_FAILED when that cannot be. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#ticks);
    this.#cancelRun();
    const journal = this.#journal;
    if (journal === undefined) return;
    try {
      if (journal.isBroken) this.#heal(journal);
      journal.finish();
    } finally {
      journal.close();
      this.#folder.release();
    }
  }

  #writable(): Journal {
    if (this.#journal !== undefined) return this.#journal;
    throw new SegmentdError(
      'READ_ONLY',
      `changes are refused: ${this.#folder.path} was opened with readOnly. Open it without to change it`,
    );
  }

  #refuseSecond(): void {
    if (this.#run === undefined) return;
    throw new SegmentdError('SNAPSHOT_RUNNING', 'a snapshot is being written: wait until it is done');
  }

  /** Goes on in a new journal. Returns its number. Throws what the system says, or PERSISTENCE_FAILED. */
  #rotate(journal: Journal): number {
    journal.finish();
    const { snapshot, journals } = this.#folder.manifest;
    const number = this.#folder.nextNumber();
    const next = this.#createJournal(number);
    this.#commit(journal, next, { snapshot, journals: [...journals, journalName(number)] });
    this.#earlierBytes += journal.size;
    journal.continueIn(next, false);
    return number;
  }

  /** Makes a snapshot of the store, and an empty journal behind it, the state. */
  #writeAll(journal: Journal): SnapshotInfo {
    const { path, storage } = this.#folder;
    let isComplete = true;
    try {
      journal.finish();
    } catch {
      isComplete = false;
    }
    // An older snapshot may stand in for a damaged one if no journal's number is missing in between: see `recover`.
    const number = this.#folder.nextNumber() + (isComplete ? 0 : 1);
    const next = this.#createJournal(number);
    try {
      const name = snapshotName(number);
      const info = placeSnapshot(storage, path, name, (to) => writeSnapshot(this.store, storage, to));
      this.#commit(journal, next, { snapshot: keptOf(name, info), journals: [journalName(number)] });
      this.#beginAnew(journal, next);
      return info;
    } catch (error) {
      next.file.close();
      this.#removeOthers();
      throw error;
    }
  }

  /** Everything was cleared: a new journal without records says the same as all there is, and takes no room. */
  #startAfresh(): void {
    const { journalBytes, snapshot } = this.info;
    if (journalBytes + (snapshot?.bytes ?? 0) <= SMALL_BYTES) return;
    const journal = this.#journal!;
    this.#cancelRun();
    // The journals before do not say that everything was cleared: see `#writeAll` about the number.
    const number = this.#folder.nextNumber() + 1;
    try {
      const next = this.#createJournal(number);
      this.#commit(journal, next, { snapshot: undefined, journals: [journalName(number)] });
      this.#beginAnew(journal, next);
    } catch {
      // No harm done: the old journal goes on, and says that everything was cleared; or else the journal is broken now.
    }
  }

  /** Nothing but this journal and the snapshot before it counts any more. */
  #beginAnew(journal: Journal, next: JournalFile): void {
    journal.continueIn(next, true);
    this.#earlierBytes = 0;
    this.#changesBefore = 0;
    this.#takenBefore = journal.taken;
    this.#removeOthers();
  }

  #heal(journal: Journal): void {
    this.#cancelRun();
    const began = performance.now();
    try {
      this.#writeAll(journal);
      this.#succeeded(began);
    } catch (error) {
      this.#failed(error);
    }
  }

  #createJournal(number: number): JournalFile {
    return emptyJournal(this.#folder.pathOf(journalName(number)), this.#folder.createJournal(number));
  }

  #commit(journal: Journal, next: JournalFile, manifest: Manifest): void {
    try {
      this.#folder.commit(manifest);
    } catch (error) {
      next.file.close();
      // Nothing may be added to one journal while the other may be the one that counts.
      if (error instanceof ManifestInDoubt) journal.fail(error);
      throw error;
    }
  }

  #cancelRun(): void {
    const run = this.#run;
    if (run === undefined) return;
    run.isCancelled = true;
    this.#run = undefined;
    void run.fold?.cancel();
  }

  /** Not while a fold may need them. */
  #removeOthers(): void {
    if (this.#run === undefined && !this.#isClosed) this.#folder.removeOthers();
  }

  #isDue(): boolean {
    const { changesSinceSnapshot, journalBytes, snapshot } = this.info;
    const { snapshotJournalBytes, snapshotAge } = this.#options;
    if (changesSinceSnapshot === 0) return false;
    if (snapshotJournalBytes > 0 && journalBytes >= Math.max(snapshotJournalBytes, snapshot?.bytes ?? 0))
      return true;
    return snapshotAge > 0 && Date.now() - (snapshot?.created ?? this.#openedAt) >= snapshotAge * 1000;
  }

  #succeeded(began: number): void {
    this.#snapshotSeconds = (performance.now() - began) / 1000;
    this.#snapshotFailure = undefined;
    this.#snapshots++;
    this.#delay = FIRST_DELAY;
    this.#retryAt = 0;
  }

  /** Notes why there is no snapshot, and how long it is left at that. Returns the error to throw. */
  #failed(error: unknown): SegmentdError {
    const { message } = error as Error;
    this.#snapshotFailure = message;
    this.#snapshotsFailed++;
    this.#retryAt = Date.now() + this.#delay;
    this.#delay = Math.min(2 * this.#delay, LONGEST_DELAY);
    if (error instanceof SegmentdError) return error;
    return new SegmentdError('PERSISTENCE_FAILED', `no snapshot was written: ${message}`, { cause: error });
  }
}

function keptOf(name: string, { created, bytes }: SnapshotInfo): KeptSnapshot {
  return { name, created, bytes };
}

/** Resolves when all mutations so far are on the disk. */
export function synced(journal: Pick<Journal, 'whenSynced'>): Promise<void> {
  return new Promise((resolve, reject) => {
    journal.whenSynced((error) => (error === undefined ? resolve() : reject(error)));
  });
}

function cancelled(): SegmentdError {
  return new SegmentdError(
    'PERSISTENCE_FAILED',
    'the snapshot was given up: the engine was cleared or closed',
  );
}
