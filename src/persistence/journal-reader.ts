/** Replays a journal's file, record by record. */
import { SegmentdError } from '../errors.js';
import type { Mutation } from '../mutation.js';
import type { Steps } from '../store/steps.js';
import { crc32c } from './crc32c.js';
import {
  FILE_HEADER_BYTES,
  JOURNAL_VERSION,
  readFileHeader,
  readRecordHeader,
  recordHeaderBytes,
} from './journal-format.js';
import { findRecord, isUnfinished } from './journal-tail.js';
import { MsgpackReader } from './msgpack-reader.js';
import { decodeMutation } from './mutation-codec.js';
import type { OnDamage, ReadFile, ReadStorage } from './storage.js';

/** Mutations that are replayed in one step. */
const STEP_MUTATIONS = 64;
const CHUNK_BYTES = 1024 * 1024;

/** What was found in a journal's file. */
export interface Replayed {
  /** The file's format. */
  readonly version: number;
  readonly records: number;
  readonly mutations: number;
  /** Where the last whole record ends. */
  readonly end: number;
  /** Bytes behind it: of records that were not written to their end. */
  readonly torn: number;
}

/**
 * Hands every mutation of the file to `take`, whose ids are only valid during the call; a step is a record. `onBytes` is told
 * the bytes of each. Throws DATA_CORRUPT, naming file and offset, when a record is damaged or cannot be taken; what came before
 * it has been taken. With `onDamage`, that learns of it instead, and reading goes on with the next record that is whole.
 */
export function* replayJournal(
  storage: ReadStorage,
  path: string,
  take: (mutation: Mutation) => void,
  onBytes: (bytes: number) => void = () => {},
  onDamage: OnDamage = (error) => {
    throw error;
  },
): Steps<Replayed> {
  const file = storage.open(path, 'read');
  try {
    const input = new ChunkedFile(file);
    const header = input.take(FILE_HEADER_BYTES);
    let version = header === undefined ? 'it is too short for one' : readFileHeader(header);
    if (typeof version === 'string') {
      onDamage(damaged(path, 0, `the journal's header: ${version}`), path);
      version = JOURNAL_VERSION;
      input.skipTo(findRecord(file, input.size, 0, version));
    }
    return yield* replayRecords(path, input, version, take, onBytes, onDamage);
  } finally {
    file.close();
  }
}

function* replayRecords(
  path: string,
  input: ChunkedFile,
  version: number,
  take: (mutation: Mutation) => void,
  onBytes: (bytes: number) => void,
  onDamage: OnDamage,
): Steps<Replayed> {
  const { file, size } = input;
  const reader = new MsgpackReader();
  let records = 0;
  let mutations = 0;
  for (;;) {
    const start = input.at;
    if (start === size) return { version, records, mutations, end: start, torn: 0 };
    const payload = takeRecord(input, version);
    if ('what' in payload) {
      // What follows does not count, if it may be a record that was being written, or else is damaged.
      if (isUnfinished(file, size, start, version))
        return { version, records, mutations, end: start, torn: size - start };
      onDamage(damaged(path, start, payload.what), path);
      input.skipTo(payload.end ?? findRecord(file, size, start + 1, version));
    } else {
      records++;
      reader.open(payload);
      try {
        mutations += yield* replayRecord(path, start, reader, take);
      } catch (error) {
        onDamage(error as Error, path);
      }
    }
    onBytes(input.at - start);
    yield;
  }
}

/** What is wrong with a record. */
interface Flaw {
  readonly what: string;
  /** Where it ends, if its header says so. */
  readonly end: number | undefined;
}

/** The payload of the next record. */
function takeRecord(input: ChunkedFile, version: number): Buffer | Flaw {
  const flaw = (what: string, end?: number): Flaw => ({ what, end });
  const bytes = input.take(recordHeaderBytes(version));
  if (bytes === undefined) return flaw('it ends within the header of a record');
  const header = readRecordHeader(bytes, 0, version);
  if (header === undefined) return flaw('the checksum of the record header is wrong');
  const payload = input.take(header.length);
  if (payload === undefined) return flaw('it ends within a record');
  return crc32c(payload) === header.sum ? payload : flaw('the checksum of the record is wrong', input.at);
}

/** A record may have a whole second's changes. */
function* replayRecord(
  path: string,
  start: number,
  reader: MsgpackReader,
  take: (mutation: Mutation) => void,
): Steps<number> {
  let mutation: Mutation | undefined;
  try {
    const count = reader.array();
    for (let i = 0; i < count; i++) {
      mutation = undefined;
      mutation = decodeMutation(reader);
      take(mutation);
      if (i % STEP_MUTATIONS === STEP_MUTATIONS - 1) yield;
    }
    if (reader.left > 0) throw new Error(`${reader.left} bytes are left over`);
    return count;
  } catch (error) {
    const reason = (error as Error).message;
    if (mutation === undefined || !(error instanceof SegmentdError)) {
      throw damaged(path, start, `the record cannot be read: ${reason}`, error);
    }
    // The record is sound, but the engine is set up otherwise than the one that wrote it.
    throw new SegmentdError(
      'DATA_CORRUPT',
      `${path}: a ${mutation.type} in the record at offset ${start} cannot be replayed: ${reason}. Open the folder with ` +
        'the options that it was written with',
      { cause: error },
    );
  }
}

function damaged(path: string, offset: number, what: string, cause?: unknown): SegmentdError {
  const cut =
    offset < FILE_HEADER_BYTES
      ? ''
      : '; or, to go on without this record and all that came after it, cut the file there: ' +
        `truncate -s ${offset} ${path}`;
  return new SegmentdError(
    'DATA_CORRUPT',
    `${path} is damaged at offset ${offset}: ${what}. Restore the folder from a backup${cut}`,
    { cause },
  );
}

/** Reads a file from its beginning to its end, as large as it was when it was opened. */
class ChunkedFile {
  readonly file: ReadFile;
  readonly size: number;
  /** Offset of the next byte. */
  at = 0;
  #buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  /** The bytes of the buffer that are not taken yet. */
  #from = 0;
  #to = 0;

  constructor(file: ReadFile) {
    this.file = file;
    this.size = file.size;
  }

  /** The next `length` bytes, valid until the next call; `undefined` when there are not so many. */
  take(length: number): Buffer | undefined {
    if (this.at + length > this.size) return undefined;
    if (this.#to - this.#from < length) this.#fill(length);
    if (this.#to - this.#from < length) return undefined;
    const start = this.#from;
    this.#from += length;
    this.at += length;
    return this.#buffer.subarray(start, start + length);
  }

  /** Goes on at another place. */
  skipTo(offset: number): void {
    this.at = offset;
    this.#from = 0;
    this.#to = 0;
  }

  #fill(wanted: number): void {
    const left = this.#to - this.#from;
    const buffer = wanted > this.#buffer.length ? Buffer.allocUnsafeSlow(wanted) : this.#buffer;
    this.#buffer.copy(buffer, 0, this.#from, this.#to);
    this.#buffer = buffer;
    this.#from = 0;
    this.#to = left + this.file.read(buffer.subarray(left), this.at + left);
  }
}
