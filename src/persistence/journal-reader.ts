/** Replays a journal's file, record by record. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { SegmentdError } from '../errors.js';
import type { Mutation } from '../mutation.js';
import { crc32c } from './crc32c.js';
import { FILE_HEADER_BYTES, faultOfHeader, RECORD_HEADER_BYTES } from './journal-format.js';
import { MsgpackReader } from './msgpack-reader.js';
import { decodeMutation } from './mutation-codec.js';

const CHUNK_BYTES = 1024 * 1024;

/** What was found in a journal's file. */
export interface Replayed {
  readonly mutations: number;
  /** Where the last whole record ends. */
  readonly end: number;
  /** Bytes behind it: of a record that was not written to its end. */
  readonly torn: number;
}

/**
 * Hands every mutation of the file to `take`, whose ids are only valid during the call. Throws DATA_CORRUPT, naming file and
 * offset, when a record is damaged or cannot be taken; what came before it has been taken.
 */
export function replayJournal(path: string, take: (mutation: Mutation) => void): Replayed {
  const input = new ChunkedFile(path);
  try {
    const header = input.take(FILE_HEADER_BYTES);
    const fault = header === undefined ? 'it is too short for one' : faultOfHeader(header);
    if (fault !== undefined) throw damaged(path, 0, `the journal's header: ${fault}`);
    return replayRecords(path, input, take);
  } finally {
    input.close();
  }
}

function replayRecords(path: string, input: ChunkedFile, take: (mutation: Mutation) => void): Replayed {
  const reader = new MsgpackReader();
  let mutations = 0;
  for (;;) {
    const start = input.at;
    const torn = input.size - start;
    const header = input.take(RECORD_HEADER_BYTES);
    if (header === undefined) return { mutations, end: start, torn };
    if (header.readUInt32LE(8) !== crc32c(header, 0, 8)) {
      // A power failure may leave a file that is longer than what was written to it, and zeros there.
      if (isZero(header) && input.isZeroToTheEnd()) return { mutations, end: start, torn };
      throw damaged(path, start, 'the checksum of the record header is wrong');
    }
    const length = header.readUInt32LE(0);
    const sum = header.readUInt32LE(4);
    const payload = input.take(length);
    if (payload === undefined) return { mutations, end: start, torn };
    if (crc32c(payload) !== sum) throw damaged(path, start, 'the checksum of the record is wrong');
    reader.open(payload);
    mutations += replayRecord(path, start, reader, take);
  }
}

function replayRecord(
  path: string,
  start: number,
  reader: MsgpackReader,
  take: (mutation: Mutation) => void,
): number {
  let mutation: Mutation | undefined;
  try {
    const count = reader.array();
    for (let i = 0; i < count; i++) {
      mutation = undefined;
      mutation = decodeMutation(reader);
      take(mutation);
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

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

/** Reads a file from its beginning to its end, as large as it was when it was opened. */
class ChunkedFile {
  readonly size: number;
  /** Offset of the next byte. */
  at = 0;
  readonly #descriptor: number;
  #buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  /** The bytes of the buffer that are not taken yet. */
  #from = 0;
  #to = 0;

  constructor(path: string) {
    this.#descriptor = openSync(path, 'r');
    this.size = fstatSync(this.#descriptor).size;
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

  isZeroToTheEnd(): boolean {
    while (this.at < this.size) {
      const bytes = this.take(Math.min(CHUNK_BYTES, this.size - this.at));
      if (bytes === undefined || !isZero(bytes)) return false;
    }
    return true;
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #fill(wanted: number): void {
    const left = this.#to - this.#from;
    const buffer = wanted > this.#buffer.length ? Buffer.allocUnsafeSlow(wanted) : this.#buffer;
    this.#buffer.copy(buffer, 0, this.#from, this.#to);
    this.#buffer = buffer;
    this.#from = 0;
    this.#to = left;
    while (this.#to < wanted) {
      const read = readSync(this.#descriptor, buffer, this.#to, buffer.length - this.#to, this.at + this.#to);
      if (read === 0) return;
      this.#to += read;
    }
  }
}
