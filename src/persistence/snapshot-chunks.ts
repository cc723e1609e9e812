/** Files of a snapshot: written and read from their beginning to their end, with a checksum for each chunk. */
import { crc32 } from 'node:zlib';
import { SegmentdError } from '../errors.js';
import type { ReadFile, ReadStorage, Storage, StorageFile } from './storage.js';

/** Bytes of a chunk. */
export const CHUNK_BYTES = 256 * 1024;
const ZEROS = new Uint8Array(CHUNK_BYTES);

/** What a file must have. */
export interface ChunkSums {
  /** Its length. */
  readonly bytes: number;
  /** CRC-32 of each chunk. */
  readonly crc32: readonly number[];
}

/** Writes a new file. */
export class ChunkedWriter {
  readonly #file: StorageFile;
  readonly #chunk = new Uint8Array(CHUNK_BYTES);
  readonly #sums: number[] = [];
  #filled = 0;
  #at = 0;

  constructor(storage: Storage, path: string) {
    this.#file = storage.open(path, 'write');
    this.#file.truncate(0);
  }

  write(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length; ) {
      const taken = Math.min(bytes.length - from, CHUNK_BYTES - this.#filled);
      this.#chunk.set(bytes.subarray(from, from + taken), this.#filled);
      this.#filled += taken;
      from += taken;
      if (this.#filled === CHUNK_BYTES) this.#flush();
    }
  }

  writeZeros(count: number): void {
    for (let left = count; left > 0; left -= CHUNK_BYTES)
      this.write(ZEROS.subarray(0, Math.min(left, CHUNK_BYTES)));
  }

  /** Writes what is left; returns when all of it is on the disk. */
  finish(): ChunkSums {
    if (this.#filled > 0) this.#flush();
    this.#file.sync();
    return { bytes: this.#at, crc32: this.#sums };
  }

  close(): void {
    this.#file.close();
  }

  #flush(): void {
    const chunk = this.#chunk.subarray(0, this.#filled);
    this.#sums.push(crc32(chunk));
    this.#file.write(chunk, this.#at);
    this.#at += chunk.length;
    this.#filled = 0;
  }
}

/** Reads a file chunk by chunk. */
export class ChunkedReader {
  readonly #path: string;
  readonly #file: ReadFile;
  readonly #sums: ChunkSums;
  #at = 0;

  /** Throws DATA_CORRUPT when the file has another length. */
  constructor(storage: ReadStorage, path: string, sums: ChunkSums) {
    this.#path = path;
    this.#sums = sums;
    this.#file = storage.open(path, 'read');
    const { size } = this.#file;
    if (size === sums.bytes) return;
    this.#file.close();
    throw damaged(path, Math.min(size, sums.bytes), `it has ${size} bytes and should have ${sums.bytes}`);
  }

  /**
   * Fills `into`, which is one chunk, or the last one, with the next one. Throws DATA_CORRUPT, naming file and offset; the
   * chunk behind it can be read all the same.
   */
  read(into: Uint8Array): void {
    const at = this.#at;
    this.#at += into.length;
    const count = this.#file.read(into, at);
    if (count < into.length) throw damaged(this.#path, at + count, 'it ends too early');
    if (crc32(into) !== this.#sums.crc32[at / CHUNK_BYTES]) {
      throw damaged(this.#path, at, `the checksum of the ${into.length} bytes there is wrong`);
    }
  }

  close(): void {
    this.#file.close();
  }
}

function damaged(path: string, offset: number, how: string): SegmentdError {
  return new SegmentdError(
    'DATA_CORRUPT',
    `${path} is damaged at offset ${offset}: ${how}. Restore the folder from a backup`,
  );
}
