/**
 * The bytes of a journal. First the header: magic (8 bytes), format version (u32), checksum of these 12 bytes (u32). Then
 * records, each one batch: length of the payload (u32), checksum of the payload (u32), checksum of these 8 bytes (u32), payload:
 * a MessagePack array (with a 32-bit count) of mutations. Whole numbers are little-endian, checksums are CRC-32C.
 *
 * A length with its own checksum tells a record that was not written to its end from one whose length is damaged: without,
 * a flipped bit in a length would look like a torn tail, and all behind it would be cut off.
 */
import { crc32c } from './crc32c.js';
import type { MsgpackWriter } from './msgpack-writer.js';

const MAGIC = Buffer.from('SEGMJRNL');
const VERSION = 1;
export const FILE_HEADER_BYTES = 16;
export const RECORD_HEADER_BYTES = 12;
/** Where the number of mutations is, in the payload. */
const COUNT_BYTES = 5;

export function fileHeader(): Buffer {
  const header = Buffer.alloc(FILE_HEADER_BYTES);
  MAGIC.copy(header);
  header.writeUInt32LE(VERSION, 8);
  header.writeUInt32LE(crc32c(header, 0, 12), 12);
  return header;
}

/** What is wrong with a file's header, in words; `undefined` when nothing is. */
export function faultOfHeader(header: Buffer): string | undefined {
  if (!header.subarray(0, 8).equals(MAGIC)) return 'it does not begin as a journal does';
  if (header.readUInt32LE(12) !== crc32c(header, 0, 12)) return 'the checksum of its header is wrong';
  const version = header.readUInt32LE(8);
  if (version === VERSION) return undefined;
  return `it has format version ${version}, and this program only knows ${VERSION}`;
}

/** Makes room for what `finishRecord` writes, at the beginning of the buffer. */
export function beginRecord(out: MsgpackWriter): void {
  out.at = RECORD_HEADER_BYTES + COUNT_BYTES;
}

/** Makes the writer's content one record of `count` mutations. Returns its bytes, which are valid until the next write. */
export function finishRecord(out: MsgpackWriter, count: number): Buffer {
  const { buffer, at } = out;
  buffer[RECORD_HEADER_BYTES] = 0xdd;
  buffer.writeUInt32BE(count, RECORD_HEADER_BYTES + 1);
  buffer.writeUInt32LE(at - RECORD_HEADER_BYTES, 0);
  buffer.writeUInt32LE(crc32c(buffer, RECORD_HEADER_BYTES, at), 4);
  buffer.writeUInt32LE(crc32c(buffer, 0, 8), 8);
  return buffer.subarray(0, at);
}
