/**
 * One file that holds several: a backup. All of it is checksummed, so that a damaged or shortened archive is told from a sound
 * one before anything of it is used. Whole numbers are little-endian, checksums are CRC-32 (zlib's).
 *
 *   magic "SEGMARCH", format version (u32), checksum of these 12 bytes (u32)
 *   for each file: length of its name (u32), length of its content (u64), name (UTF-8), checksum of all this (u32);
 *                  then its content in chunks of 256 KiB, each with a checksum (u32) behind it
 *   the end: as the head of a file without name, whose length is the number of files
 */
import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { SegmentdError } from '../errors.js';
import type { Steps } from '../store/steps.js';
import type { ReadFile, ReadStorage, Storage, StorageFile } from './storage.js';

const MAGIC = Buffer.from('SEGMARCH');
const VERSION = 1;
const CHUNK_BYTES = 256 * 1024;
const SUM_BYTES = 4;
/** Of a file's head: both lengths. */
const LENGTHS_BYTES = 12;
const MAX_NAME_BYTES = 4096;
/** Names as we write them: files, or files in a folder. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*(\/[A-Za-z0-9][A-Za-z0-9._-]*)?$/;

/** A file to be put into an archive: its first `bytes` bytes. */
export interface ArchivedFile {
  /** With a slash between folder and file. */
  readonly name: string;
  readonly file: ReadFile;
  readonly bytes: number;
}

/** Told how many bytes of the files a step did. */
export type OnBytes = (bytes: number) => void;

/** What an archive holds. */
export interface ArchiveInfo {
  readonly files: number;
  /** Of the archive itself. */
  readonly bytes: number;
}

/**
 * Writes an archive, in steps; at the end it is on the disk under its name, in place of what had that name. Until then there is
 * only a file beside it, whose name ends in `.tmp`. `onBytes` is told the bytes of each step. Throws what the system says, and
 * PERSISTENCE_FAILED for a file that is shorter than was said.
 */
export function* writeArchive(
  storage: Storage,
  path: string,
  files: readonly ArchivedFile[],
  onBytes: OnBytes = () => {},
): Steps<ArchiveInfo> {
  const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`;
  const out = storage.open(temporary, 'write');
  let at = 0;
  let isWhole = false;
  const write = (bytes: Uint8Array): void => {
    out.write(bytes, at);
    at += bytes.length;
  };
  try {
    out.truncate(0);
    write(withSum(archiveHead()));
    const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES + SUM_BYTES);
    for (const { name, file, bytes } of files) {
      if (!NAME.test(name)) throw new Error(`${JSON.stringify(name)} is no name for a file of an archive`);
      write(withSum(fileHead(name, bytes)));
      for (let from = 0; from < bytes; from += CHUNK_BYTES) {
        const length = Math.min(CHUNK_BYTES, bytes - from);
        const content = chunk.subarray(0, length);
        if (file.read(content, from) < length) {
          throw new SegmentdError('PERSISTENCE_FAILED', `${name} has become shorter while it was copied`);
        }
        chunk.writeUInt32LE(crc32(content), length);
        write(chunk.subarray(0, length + SUM_BYTES));
        onBytes(length);
        yield;
      }
    }
    write(withSum(fileHead('', files.length)));
    out.sync();
    storage.rename(temporary, path);
    isWhole = true;
  } finally {
    out.close();
    if (!isWhole) storage.remove(temporary);
  }
  storage.syncFolder(dirname(path));
  return { files: files.length, bytes: at };
}

/**
 * Reads an archive to its end, in steps, and hands over every file's content piece by piece: `begin` gives what takes the pieces,
 * which are only valid during the call, or undefined to pass over a file. Throws DATA_CORRUPT, naming the archive and the
 * offset.
 */
export function* readArchive(
  storage: ReadStorage,
  path: string,
  begin: (name: string, bytes: number) => ((piece: Uint8Array, position: number) => void) | undefined,
  onBytes: OnBytes = () => {},
): Steps<ArchiveInfo> {
  const input = new ArchiveReader(storage.open(path, 'read'), path);
  try {
    input.readHead();
    const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES + SUM_BYTES);
    for (let files = 0; ; files++) {
      const { name, bytes } = input.readFileHead();
      if (name === '') {
        input.readEnd(files, bytes);
        return { files, bytes: input.at };
      }
      const take = begin(name, bytes);
      for (let from = 0; from < bytes; from += CHUNK_BYTES) {
        const content = input.readChunk(chunk, Math.min(CHUNK_BYTES, bytes - from));
        take?.(content, from);
        onBytes(content.length);
        yield;
      }
    }
  } finally {
    input.close();
  }
}

/**
 * Writes the files of an archive whose names are wanted into a folder, and syncs all of it. The archive was read to its end
 * before: it is sound. If it is not any more, throws as `readArchive`, and part of it is written.
 */
export function* unpackArchive(
  storage: Storage,
  path: string,
  folder: string,
  isWanted: (name: string) => boolean = () => true,
  onBytes: OnBytes = () => {},
): Steps<ArchiveInfo> {
  let file: StorageFile | undefined;
  storage.makeFolder(folder);
  const folders = new Set([folder]);
  const finish = (): void => {
    file?.sync();
    file?.close();
    file = undefined;
  };
  try {
    const begin = (name: string) => {
      finish();
      if (!isWanted(name)) return undefined;
      const target = join(folder, name);
      storage.makeFolder(dirname(target));
      folders.add(dirname(target));
      const opened = storage.open(target, 'write');
      file = opened;
      return (piece: Uint8Array, position: number) => opened.write(piece, position);
    };
    const info = yield* readArchive(storage, path, begin, onBytes);
    finish();
    for (const each of folders) storage.syncFolder(each);
    return info;
  } finally {
    file?.close();
  }
}

/** Does a file begin as an archive does? Throws what the system says. */
export function isArchive(storage: ReadStorage, path: string): boolean {
  const file = storage.open(path, 'read');
  try {
    const magic = Buffer.alloc(MAGIC.length);
    return file.read(magic, 0) === magic.length && magic.equals(MAGIC);
  } finally {
    file.close();
  }
}

function archiveHead(): Buffer {
  const head = Buffer.alloc(MAGIC.length + 4);
  MAGIC.copy(head);
  head.writeUInt32LE(VERSION, MAGIC.length);
  return head;
}

function fileHead(name: string, bytes: number): Buffer {
  const head = Buffer.alloc(LENGTHS_BYTES + Buffer.byteLength(name));
  head.writeUInt32LE(head.length - LENGTHS_BYTES, 0);
  head.writeBigUInt64LE(BigInt(bytes), 4);
  head.write(name, LENGTHS_BYTES);
  return head;
}

function withSum(bytes: Buffer): Buffer {
  const sum = Buffer.alloc(SUM_BYTES);
  sum.writeUInt32LE(crc32(bytes));
  return Buffer.concat([bytes, sum]);
}

class ArchiveReader {
  at = 0;
  readonly #file: ReadFile;
  readonly #path: string;

  constructor(file: ReadFile, path: string) {
    this.#file = file;
    this.#path = path;
  }

  readHead(): void {
    const head = this.#take(Buffer.alloc(MAGIC.length + 4 + SUM_BYTES));
    if (!head.subarray(0, MAGIC.length).equals(MAGIC))
      throw this.#damaged(0, 'it does not begin as an archive does');
    this.#check(0, head);
    const version = head.readUInt32LE(MAGIC.length);
    if (version === VERSION) return;
    throw new SegmentdError(
      'PERSISTENCE_FAILED',
      `${this.#path} has format version ${version}, and this program only knows ${VERSION}: a later version wrote it`,
    );
  }

  /** The name is empty at the end. */
  readFileHead(): { name: string; bytes: number } {
    const start = this.at;
    const lengths = this.#take(Buffer.alloc(LENGTHS_BYTES));
    const nameBytes = lengths.readUInt32LE(0);
    if (nameBytes > MAX_NAME_BYTES) throw this.#damaged(start, 'a name is too long');
    const rest = this.#take(Buffer.alloc(nameBytes + SUM_BYTES));
    this.#check(start, Buffer.concat([lengths, rest]));
    const name = rest.toString('utf8', 0, nameBytes);
    if (name !== '' && !NAME.test(name))
      throw this.#damaged(start, `${JSON.stringify(name)} is no name of ours`);
    return { name, bytes: Number(lengths.readBigUInt64LE(4)) };
  }

  readChunk(into: Buffer, length: number): Uint8Array {
    const start = this.at;
    this.#check(start, this.#take(into.subarray(0, length + SUM_BYTES)));
    return into.subarray(0, length);
  }

  readEnd(found: number, said: number): void {
    if (found !== said) throw this.#damaged(this.at, `it has ${found} files and should have ${said}`);
    if (this.at < this.#file.size) throw this.#damaged(this.at, 'something is behind its end');
  }

  close(): void {
    this.#file.close();
  }

  #take(into: Buffer): Buffer {
    const count = this.#file.read(into, this.at);
    if (count < into.length) throw this.#damaged(this.at + count, 'it ends too early');
    this.at += count;
    return into;
  }

  #check(offset: number, bytes: Buffer): void {
    const end = bytes.length - SUM_BYTES;
    if (bytes.readUInt32LE(end) !== crc32(bytes.subarray(0, end))) {
      throw this.#damaged(offset, `the checksum of the ${end} bytes there is wrong`);
    }
  }

  #damaged(offset: number, how: string): SegmentdError {
    return new SegmentdError(
      'DATA_CORRUPT',
      `${this.#path} is damaged at offset ${offset}: ${how}. Use another backup`,
    );
  }
}
