/** A data folder: its lock, its manifest and its journals' files. */
import { existsSync, mkdirSync, readdirSync, statSync, unlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import { SegmentdError } from '../errors.js';
import type { Mutation } from '../mutation.js';
import { type FolderLock, lockFolder } from './folder-lock.js';
import { FILE_HEADER_BYTES, fileHeader } from './journal-format.js';
import { replayJournal } from './journal-reader.js';
import { readManifest, writeManifest } from './manifest.js';
import { type OpenFile, syncFolder, type WritableFile } from './storage.js';

const JOURNAL_NAME = /^journal-(\d{6,})\.log$/;

function journalName(number: number): string {
  return `journal-${String(number).padStart(6, '0')}.log`;
}

function numberOf(name: string): number {
  return Number(JOURNAL_NAME.exec(name)?.[1] ?? Number.NaN);
}

/**
 * Opens a folder, making it if there is none, and hands `replay` every mutation that is kept there. Throws DATA_DIR_IN_USE,
 * DATA_CORRUPT, or PERSISTENCE_FAILED with what the system says.
 */
export function openDataFolder(
  directory: string,
  replay: (mutation: Mutation) => void,
  openFile: OpenFile,
): DataFolder {
  const path = resolve(directory);
  let lock: FolderLock | undefined;
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    lock = lockFolder(path);
    return new DataFolder(path, lock, replay, openFile);
  } catch (error) {
    lock?.release();
    if (error instanceof SegmentdError) throw error;
    const reason = (error as Error).message;
    throw new SegmentdError('PERSISTENCE_FAILED', `data folder ${path} cannot be opened: ${reason}`, {
      cause: error,
    });
  }
}

export class DataFolder {
  readonly directory: string;
  /** The journal that is written to, when the folder is opened; behind `end`. */
  readonly file: WritableFile;
  readonly end: number;
  readonly replayed: number;
  readonly replaySeconds: number;
  /** Bytes of an unfinished record that were cut off. */
  readonly torn: number;
  readonly #lock: FolderLock;
  readonly #openFile: OpenFile;
  #number: number;

  constructor(directory: string, lock: FolderLock, replay: (mutation: Mutation) => void, openFile: OpenFile) {
    this.directory = directory;
    this.#lock = lock;
    this.#openFile = openFile;
    const journals = readManifest(directory)?.journals ?? this.#firstJournals();
    this.#number = numberOf(journals.at(-1) ?? '');
    const before = performance.now();
    let mutations = 0;
    let end = 0;
    let torn = 0;
    for (const [i, name] of journals.entries()) {
      const found = replayJournal(this.#pathOf(name), replay);
      mutations += found.mutations;
      ({ end, torn } = found);
      if (torn > 0 && i < journals.length - 1) throw this.#endsTooEarly(name, end);
    }
    this.replayed = mutations;
    this.replaySeconds = (performance.now() - before) / 1000;
    this.end = end;
    this.torn = torn;
    this.file = openFile(this.path);
    if (torn > 0) {
      this.file.truncate(end);
      this.file.sync();
    }
    this.#removeBefore(numberOf(journals[0]!));
  }

  /** Name of the journal that is written to. */
  get fileName(): string {
    return journalName(this.#number);
  }

  get path(): string {
    return this.#pathOf(this.fileName);
  }

  /** Makes the journal that may come next, without records. Throws what the system says; then nothing is different. */
  createNext(): WritableFile {
    return this.#create(this.#number + 1);
  }

  /** Makes the next journal the only one that counts. After an error, either may be it. */
  switchToNext(): void {
    writeManifest(this.directory, { journals: [journalName(this.#number + 1)] });
    this.#number++;
  }

  /** Removes the journals that do not count any more. */
  removePrevious(): void {
    this.#removeBefore(this.#number);
  }

  /** Lets another engine have the folder. */
  release(): void {
    this.#lock.release();
  }

  #pathOf(name: string): string {
    return join(this.directory, name);
  }

  #firstJournals(): string[] {
    const first = journalName(1);
    const path = this.#pathOf(first);
    // Left of a first start that was interrupted; but a journal with content and no manifest is a folder that lost one.
    if (existsSync(path) && statSync(path).size > FILE_HEADER_BYTES) {
      throw new SegmentdError(
        'DATA_CORRUPT',
        `data folder ${this.directory} has journals and no MANIFEST that says which count: restore it from a backup`,
      );
    }
    this.#create(1).close();
    writeManifest(this.directory, { journals: [first] });
    return [first];
  }

  #create(number: number): WritableFile {
    const file = this.#openFile(this.#pathOf(journalName(number)));
    try {
      file.truncate(0);
      file.write(fileHeader(), 0);
      file.sync();
      syncFolder(this.directory);
    } catch (error) {
      file.close();
      throw error;
    }
    return file;
  }

  #removeBefore(number: number): void {
    for (const name of readdirSync(this.directory)) {
      if (numberOf(name) >= number || !JOURNAL_NAME.test(name)) continue;
      try {
        unlinkSync(this.#pathOf(name));
      } catch {
        // It only takes room; the next start tries again.
      }
    }
  }

  #endsTooEarly(name: string, offset: number): SegmentdError {
    const path = this.#pathOf(name);
    return new SegmentdError(
      'DATA_CORRUPT',
      `${path} ends within a record, at offset ${offset}, though another journal follows: restore the folder from a backup`,
    );
  }
}
