import { createReadStream } from 'node:fs';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { SegmentdError } from '../src/errors.js';

/** How much of a file is read and handed on at a time. */
const CHUNK_BYTES = 64 * 1024;

/**
 * The bytes of a text file: unpacked when the file is gzip (by its first two bytes, whatever its name) and without
 * a UTF-8 byte order mark.
 *
 * @param path the file to read
 * @returns chunks of some 64 KiB; nothing at all for an empty file
 * @throws SegmentdError `LOAD_FAILED`, naming the file, when it cannot be read, is a damaged gzip file, or starts
 *   with the byte order mark of UTF-16
 */
export async function* readText(path: string): AsyncGenerator<Buffer> {
  try {
    let first = true;
    for await (const chunk of unpacked(path)) {
      yield first ? withoutMark(chunk) : chunk;
      first = false;
    }
  } catch (error) {
    throw new SegmentdError('LOAD_FAILED', `${path}: ${reasonOf(error)}`, { cause: error });
  }
}

async function* unpacked(path: string): AsyncGenerator<Buffer> {
  const chunks = createReadStream(path, { highWaterMark: CHUNK_BYTES })[Symbol.asyncIterator]();
  const first = await chunks.next();
  if (first.done) return;
  const bytes = withFirst(first.value, chunks);
  if (first.value[0] !== 0x1f || first.value[1] !== 0x8b) {
    yield* bytes;
    return;
  }
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES });
  // A failed read destroys gunzip with its error, which then comes out of the loop that reads it.
  pipeline(Readable.from(bytes), gunzip, () => {});
  yield* gunzip as AsyncIterable<Buffer>;
}

async function* withFirst(first: Buffer, rest: AsyncIterableIterator<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  yield* rest;
}

function withoutMark(chunk: Buffer): Buffer {
  if (chunk[0] === 0xef && chunk[1] === 0xbb && chunk[2] === 0xbf) return chunk.subarray(3);
  const first = chunk.length < 2 ? 0 : chunk.readUInt16BE(0);
  if (first === 0xfffe || first === 0xfeff) {
    throw new Error('is UTF-16; save it as UTF-8 (for example with: iconv -f UTF-16 -t UTF-8)');
  }
  return chunk;
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EISDIR') return 'is a directory';
  if (code === 'EACCES') return 'may not be read by this user';
  if (code === 'Z_BUF_ERROR') return 'the gzip file ends too early';
  if (code?.startsWith('Z_')) return `the gzip file is damaged (${message})`;
  return message;
}
