/**
 * Writes the journal: every mutation, in order, in batches. What is written survives the end of the process; what is synced
 * survives a loss of power. Many callers share a sync: while one is under way, the next batch gathers.
 */
import { performance } from 'node:perf_hooks';
import { SegmentdError } from '../errors.js';
import { apply, type Mutation } from '../mutation.js';
import type { SegmentStore } from '../store/segment-store.js';
import { beginRecord, FILE_HEADER_BYTES, finishRecord } from './journal-format.js';
import { MsgpackWriter } from './msgpack-writer.js';
import { encodeMutation } from './mutation-codec.js';
import type { StorageFile } from './storage.js';
import { SyncCounts } from './sync-counts.js';

/** A batch that has so many bytes is written without waiting for `flush`. */
const FULL_BYTES = 1024 * 1024;
const FIRST_BYTES = 64 * 1024;

/** When changes are synced: before anybody learns that they are done, once a second, or when the system likes. */
export type FsyncPolicy = 'always' | 'everysec' | 'no';

/** Learns that changes are durable, or why they are not. */
export type OnDurable = (error: SegmentdError | undefined) => void;

/** A journal's file that is open for writing, and where its content ends, all of which is on the disk. */
export interface JournalFile {
  readonly path: string;
  readonly file: StorageFile;
  readonly end: number;
}

interface Waiter {
  /** How many mutations must be synced. */
  readonly mutations: number;
  readonly done: OnDurable;
}

interface Failure {
  readonly message: string;
  /** Nothing that is written to the file is certain any more: a new one must be begun. */
  readonly isFinal: boolean;
}

export class Journal {
  readonly policy: FsyncPolicy;
  readonly syncs = new SyncCounts();
  readonly #out = new MsgpackWriter(FIRST_BYTES);
  #path: string;
  #file: StorageFile;
  /** Where the next record goes, and what of the file is on the disk. */
  #position: number;
  #syncedTo: number;
  /** Mutations that are encoded and not written. */
  #waiting = 0;
  /** Mutations that were taken so far, and how many of them are written and synced. */
  #taken = 0;
  #written = 0;
  #synced = 0;
  /** In the order of their mutations. */
  readonly #waiters: Waiter[] = [];
  /** Were there mutations since the last `flush` or `commit`? Their caller has not been told yet whether they are kept. */
  #unconfirmed = false;
  #immediate: NodeJS.Immediate | undefined;
  #syncing = false;
  #failure: Failure | undefined;
  /** Counts the files that were given up: what is heard of them later does not matter. */
  #era = 0;

  constructor({ path, file, end }: JournalFile, policy: FsyncPolicy) {
    this.policy = policy;
    this.#path = path;
    this.#file = file;
    this.#position = end;
    this.#syncedTo = end;
    beginRecord(this.#out);
  }

  /** Bytes that are written. */
  get size(): number {
    return this.#position;
  }

  /** Mutations that were taken since the journal was opened. */
  get taken(): number {
    return this.#taken;
  }

  /** Why changes are refused; `undefined` when all is well. */
  get failure(): string | undefined {
    return this.#failure?.message;
  }

  /** Must a new file be begun before changes can be taken again? */
  get isBroken(): boolean {
    return this.#failure?.isFinal === true;
  }

  /**
   * Applies a mutation and keeps it. Throws PERSISTENCE_FAILED while changes cannot be written, and whatever the store has
   * against it; then nothing changes and nothing is kept.
   */
  apply(store: SegmentStore, mutation: Mutation): number {
    if (this.#failure !== undefined) throw this.refusal();
    const out = this.#out;
    const mark = out.at;
    let changed: number;
    try {
      // First this: what cannot be kept is not done.
      encodeMutation(out, mutation);
      changed = apply(store, mutation);
    } catch (error) {
      out.at = mark;
      throw error;
    }
    // Taking away what is not there need not be kept, unless a version is being prepared, for which it says something.
    // (`setTags` may change a value and return 0.)
    const isSaid = mutation.type === 'setTags' || mutation.type === 'addUsers' || store.versions.isWatching;
    if (changed > 0 || isSaid) this.#keep();
    else out.at = mark;
    return changed;
  }

  /** Takes the mutation that was encoded last. Throws nothing: it is applied. */
  #keep(): void {
    this.#waiting++;
    this.#taken++;
    this.#unconfirmed = true;
    if (this.#out.at >= FULL_BYTES) this.#write();
    this.#immediate ??= setImmediate(() => this.#turn());
  }

  /**
   * Writes what is not yet written and, with `always`, waits until the disk has it. Throws PERSISTENCE_FAILED when mutations
   * since the last call are not kept; after that every mutation is refused, and later calls have nothing to say.
   */
  flush(): void {
    const isUnconfirmed = this.#unconfirmed;
    if (!isUnconfirmed && this.isDurable) return;
    this.#unconfirmed = false;
    this.#write();
    if (this.policy === 'always') this.#syncNow();
    if (isUnconfirmed && this.#failure !== undefined) throw this.refusal();
  }

  /**
   * As `flush`, but never waits for the disk: returns false when mutations since the last call are not as durable as the
   * policy says; `whenDurable` tells when they are.
   */
  commit(): boolean {
    if (this.policy !== 'always' || this.#failure !== undefined) {
      this.flush();
      return true;
    }
    const isDurable = !this.#unconfirmed;
    this.#unconfirmed = false;
    return isDurable;
  }

  /** Are all mutations as durable as the policy says? */
  get isDurable(): boolean {
    return (
      this.#failure === undefined && this.#taken === (this.policy === 'always' ? this.#synced : this.#written)
    );
  }

  /**
   * Calls back when all mutations so far are as durable as the policy says, or cannot be; never during the call, and in the
   * order of the calls.
   */
  whenDurable(done: OnDurable): void {
    if (this.policy === 'always') this.whenSynced(done);
    else {
      this.#write();
      this.#tell([{ mutations: 0, done }]);
    }
  }

  /** As `whenDurable`, when all mutations so far are on the disk, or cannot be. */
  whenSynced(done: OnDurable): void {
    if (this.#failure !== undefined || this.#synced === this.#taken) this.#tell([{ mutations: 0, done }]);
    else {
      this.#waiters.push({ mutations: this.#taken, done });
      this.#immediate ??= setImmediate(() => this.#turn());
    }
  }

  /** To be called once a second: tries again what failed, and syncs unless the policy is `no`. */
  tick(): void {
    if (this.#failure !== undefined && !this.isBroken) {
      this.#failure = undefined;
      this.#write();
    }
    if (this.policy !== 'no') this.#syncLater();
  }

  /** Writes and syncs all, as the last that is done with the file. Throws PERSISTENCE_FAILED. */
  finish(): void {
    clearImmediate(this.#immediate);
    this.#immediate = undefined;
    this.#unconfirmed = false;
    if (!this.isBroken) {
      this.#failure = undefined;
      this.#write();
      this.#syncNow();
    }
    if (this.#failure !== undefined) throw this.refusal();
  }

  /** Lets go of the file. Whoever waits still is told that it is in vain. */
  close(): void {
    clearImmediate(this.#immediate);
    this.#era++;
    this.#file.close();
    if (this.#waiters.length > 0) this.#fail(new Error('it is closed'), true);
  }

  /**
   * Goes on in another file, which has no records yet and is on the disk, and with it all that is not written yet. With
   * `isFresh`, what the old file says does not matter any more, and neither does what went wrong with it.
   */
  continueIn({ path, file, end }: JournalFile, isFresh: boolean): void {
    this.#file.close();
    if (isFresh) this.#era++;
    this.#path = path;
    this.#file = file;
    this.#position = end;
    this.#syncedTo = end;
    this.#failure = undefined;
    this.#discardBatch();
    this.#written = this.#taken;
    this.#release(this.#taken);
  }

  /** Notes that what is on the disk is not certain any more: changes are refused until a new file is begun. */
  fail(error: unknown): void {
    this.#fail(error, true);
  }

  refusal(): SegmentdError {
    return new SegmentdError('PERSISTENCE_FAILED', `changes are refused: ${this.failure}`);
  }

  /** The end of an event: everybody's mutations are written at once. */
  #turn(): void {
    this.#immediate = undefined;
    if (this.policy === 'always' || this.#waiters.length > 0) this.#syncLater();
    else this.#write();
  }

  /** Writes the waiting mutations as one record. After an error the same record is written again, to the same place. */
  #write(): void {
    if (this.#waiting === 0 || this.#failure !== undefined) return;
    const record = finishRecord(this.#out, this.#waiting, this.#position - this.#syncedTo);
    try {
      this.#file.write(record, this.#position);
    } catch (error) {
      this.#fail(error, false);
      return;
    }
    this.#position += record.length;
    this.#written = this.#taken;
    this.#discardBatch();
  }

  #discardBatch(): void {
    this.#waiting = 0;
    if (this.#out.buffer.length > 2 * FULL_BYTES) this.#out.buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
    beginRecord(this.#out);
  }

  #syncNow(): void {
    if (this.#failure !== undefined || this.#synced === this.#taken) return;
    const began = performance.now();
    try {
      this.#file.sync();
    } catch (error) {
      this.syncs.failed++;
      this.#fail(error, true);
      return;
    }
    this.syncs.count(1, performance.now() - began);
    this.#syncedTo = this.#position;
    this.#release(this.#written);
  }

  /** Writes and syncs, unless a sync is under way: then what has gathered follows at once. */
  #syncLater(): void {
    if (this.#syncing) return;
    this.#write();
    if (this.#failure !== undefined || this.#syncedTo === this.#position) return;
    this.#syncing = true;
    const era = this.#era;
    const file = this.#file;
    const position = this.#position;
    const written = this.#written;
    const began = performance.now();
    file.syncLater((error) => {
      this.#syncing = false;
      if (error === null) this.syncs.count(1, performance.now() - began);
      else this.syncs.failed++;
      if (era !== this.#era) return;
      if (error !== null) this.#fail(error, true);
      else if (file === this.#file) {
        this.#syncedTo = Math.max(this.#syncedTo, position);
        this.#release(written);
      }
      if (this.policy === 'always' || this.#waiters.length > 0) this.#syncLater();
    });
  }

  /** So many mutations are synced: tells those who wait for them. */
  #release(mutations: number): void {
    if (mutations > this.#synced) this.#synced = mutations;
    const rest = this.#waiters.findIndex((waiter) => waiter.mutations > mutations);
    this.#tell(this.#waiters.splice(0, rest < 0 ? this.#waiters.length : rest));
  }

  /** Not before whoever is at work now is done: some of them wait in the middle of something. */
  #tell(waiters: readonly Waiter[]): void {
    if (waiters.length === 0) return;
    const error = this.#failure && this.refusal();
    queueMicrotask(() => {
      for (const { done } of waiters) done(error);
    });
  }

  /**
   * An error of a write can pass, as when there is room again. After one of a sync, nobody knows what is on the disk: the
   * system may have forgotten what it could not write, and the next sync would say that all is well.
   */
  #fail(error: unknown, isFinal: boolean): void {
    const advice = isFinal
      ? 'a new journal and a snapshot are tried soon'
      : 'writing is tried again every second';
    const message = `${this.#path} cannot be written: ${(error as Error).message}; ${advice}`;
    this.#failure = { message, isFinal: isFinal || this.isBroken };
    this.#tell(this.#waiters.splice(0));
  }
}

/** A journal that has just been made. */
export function emptyJournal(path: string, file: StorageFile): JournalFile {
  return { path, file, end: FILE_HEADER_BYTES };
}
