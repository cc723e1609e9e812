/**
 * The journal of a data folder: every mutation, in order, appended to a file and replayed when the folder is opened again.
 * What `flush` has written survives the end of the process; once a second, all of it is made to survive a loss of power.
 */
import { SegmentdError } from '../errors.js';
import { apply, type Mutation } from '../mutation.js';
import type { SegmentStore } from '../store/segment-store.js';
import { type DataFolder, openDataFolder } from './data-folder.js';
import { beginRecord, FILE_HEADER_BYTES, finishRecord } from './journal-format.js';
import { MsgpackWriter } from './msgpack-writer.js';
import { encodeMutation } from './mutation-codec.js';
import { type OpenFile, openSystemFile, type WritableFile } from './storage.js';

/** A batch that has so many bytes is written without waiting for `flush`. */
const FULL_BYTES = 1024 * 1024;
const FIRST_BYTES = 64 * 1024;
const SYNC_MILLISECONDS = 1_000;

/** What became of a data folder when it was opened, and how it fares. */
export interface PersistenceInfo {
  readonly directory: string;
  /** Name of the journal that is written to, in that folder. */
  readonly file: string;
  /** Its size in bytes. */
  readonly size: number;
  /** Mutations replayed at the start, and how long that took. */
  readonly replayed: number;
  readonly replaySeconds: number;
  /** Bytes of an unfinished record that were cut off at the start. */
  readonly torn: number;
  /** Why changes are refused; `undefined` while all is well. */
  readonly failure: string | undefined;
}

export class Journal {
  readonly #folder: DataFolder;
  readonly #out = new MsgpackWriter(FIRST_BYTES);
  readonly #ticks: NodeJS.Timeout;
  #file: WritableFile;
  /** Where the next record goes. */
  #position: number;
  /** Mutations that are encoded and not written. */
  #waiting = 0;
  /** Were there mutations since the last `flush`? Their caller has not been told yet whether they are written. */
  #unconfirmed = false;
  #immediate: NodeJS.Immediate | undefined;
  #dirty = false;
  #syncing = false;
  #failure: string | undefined;
  /** Set when trying again cannot help. */
  #isFinal = false;

  /**
   * Opens a folder, making it if there is none, and applies every mutation that is kept there to the store, which is empty.
   * Throws DATA_DIR_IN_USE, DATA_CORRUPT or PERSISTENCE_FAILED.
   */
  static open(directory: string, store: SegmentStore, openFile: OpenFile = openSystemFile): Journal {
    const journal = new Journal(openDataFolder(directory, (mutation) => apply(store, mutation), openFile));
    // Who was putting these together is gone. That is kept, too: later drafts may have the same numbers.
    for (const draft of store.audiences.drafts) journal.apply(store, { type: 'discardDraft', draft });
    return journal;
  }

  private constructor(folder: DataFolder) {
    this.#folder = folder;
    this.#file = folder.file;
    this.#position = folder.end;
    beginRecord(this.#out);
    this.#ticks = setInterval(() => this.#tick(), SYNC_MILLISECONDS);
    this.#ticks.unref();
  }

  get info(): PersistenceInfo {
    const { directory, fileName, replayed, replaySeconds, torn } = this.#folder;
    const size = this.#position;
    return { directory, file: fileName, size, replayed, replaySeconds, torn, failure: this.#failure };
  }

  /**
   * Applies a mutation and keeps it. Throws PERSISTENCE_FAILED while changes cannot be written, and whatever the store has
   * against it; then nothing changes and nothing is kept.
   */
  apply(store: SegmentStore, mutation: Mutation): number {
    if (this.#failure !== undefined) throw this.#refusal();
    const out = this.#out;
    const mark = out.at;
    try {
      // First this: what cannot be kept is not done.
      encodeMutation(out, mutation);
      const changed = apply(store, mutation);
      // Taking away what is not there need not be kept. (`setTags` may change a value and return 0.)
      if (changed > 0 || mutation.type === 'setTags' || mutation.type === 'addUsers') this.#keep(mutation);
      else out.at = mark;
      return changed;
    } catch (error) {
      out.at = mark;
      throw error;
    }
  }

  /** Takes the mutation that was encoded last. Throws nothing: it is applied. */
  #keep({ type }: Mutation): void {
    this.#waiting++;
    this.#unconfirmed = true;
    if (type === 'clear' && this.#position > FULL_BYTES) this.#startAfresh();
    if (this.#out.at >= FULL_BYTES) this.#write();
    else this.#immediate ??= setImmediate(() => this.#write());
  }

  /**
   * Writes what is not yet written. Throws PERSISTENCE_FAILED when mutations since the last call are not in the file; after
   * that every mutation is refused, and later calls have nothing to say.
   */
  flush(): void {
    if (!this.#unconfirmed) return;
    this.#unconfirmed = false;
    this.#write();
    if (this.#failure !== undefined) throw this.#refusal();
  }

  /** Writes what is left, waits until the disk has it and lets go of the folder. Throws PERSISTENCE_FAILED when it cannot. */
  close(): void {
    clearInterval(this.#ticks);
    this.#unconfirmed = false;
    if (!this.#isFinal) {
      this.#failure = undefined;
      this.#write();
    }
    clearImmediate(this.#immediate);
    try {
      if (this.#failure === undefined) this.#file.sync();
    } catch (error) {
      this.#fail(error, true);
    }
    this.#file.close();
    this.#folder.release();
    if (this.#failure !== undefined) throw this.#refusal();
  }

  /** Writes the waiting mutations as one record. After an error the same record is written again, to the same place. */
  #write(): void {
    clearImmediate(this.#immediate);
    this.#immediate = undefined;
    if (this.#waiting === 0 || this.#failure !== undefined) return;
    const record = finishRecord(this.#out, this.#waiting);
    try {
      this.#file.write(record, this.#position);
    } catch (error) {
      this.#fail(error, false);
      return;
    }
    this.#position += record.length;
    this.#dirty = true;
    this.#discardBatch();
  }

  #discardBatch(): void {
    this.#waiting = 0;
    if (this.#out.buffer.length > 2 * FULL_BYTES) this.#out.buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
    beginRecord(this.#out);
  }

  /** Everything was cleared: a new file without records says the same as the old one, and takes no room. */
  #startAfresh(): void {
    let next: WritableFile;
    try {
      next = this.#folder.createNext();
    } catch {
      return; // No harm done: the old journal goes on, and says that everything was cleared.
    }
    try {
      this.#folder.switchToNext();
    } catch (error) {
      // Either journal may be in force after a restart, so that nothing may be added to one of them.
      next.close();
      this.#fail(error, true);
      return;
    }
    this.#file.close();
    this.#file = next;
    this.#position = FILE_HEADER_BYTES;
    this.#dirty = false;
    this.#discardBatch();
    this.#folder.removePrevious();
  }

  #tick(): void {
    if (this.#failure !== undefined && !this.#isFinal) {
      this.#failure = undefined;
      this.#write();
    }
    if (!this.#dirty || this.#syncing) return;
    this.#dirty = false;
    this.#syncing = true;
    const file = this.#file;
    file.syncLater((error) => {
      this.#syncing = false;
      if (error !== null && file === this.#file) this.#fail(error, true);
    });
  }

  /**
   * An error of a write can pass, as when there is room again. After one of a sync, nobody knows what is on the disk: the
   * system may have forgotten what it could not write, and the next sync would say that all is well.
   */
  #fail(error: unknown, isFinal: boolean): void {
    this.#isFinal ||= isFinal;
    const advice = this.#isFinal ? 'look after the disk and restart' : 'writing is tried again every second';
    this.#failure = `${this.#folder.path} cannot be written: ${(error as Error).message}; ${advice}`;
  }

  #refusal(): SegmentdError {
    return new SegmentdError('PERSISTENCE_FAILED', `changes are refused: ${this.#failure}`);
  }
}
