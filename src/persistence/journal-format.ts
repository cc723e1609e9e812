/**
 * The bytes of a journal. First the header: magic (8 bytes), format version (u32), checksum of these 12 bytes (u32). Then
 * records, each one batch: length of the payload (u32), checksum of the payload (u32), unsynced bytes (u32), checksum of these
 * 12 bytes (u32), payload: a MessagePack array (with a 32-bit count) of mutations. Whole numbers are little-endian, checksums
 * are CRC-32C.
 *
 * A length with its own checksum tells a record that was not written to its end from one whose length is damaged: without,
 * a flipped bit in a length would look like a torn tail, and all behind it would be cut off. For the same reason a record says
 * how many bytes right before it were not synced when it was written: what lies before them was on the disk for certain, and
 * if it is not there, no loss of power did that.
 *
 * Version 1 had no unsynced bytes: its record headers are 12 bytes long.
 */
import { crc32c } from './crc32c.js';
import type { MsgpackWriter } from './msgpack-writer.js';

const MAGIC = Buffer.from('SEGMJRNL');
export const JOURNAL_VERSION = 2;
export const FILE_HEADER_BYTES = 16;
export const RECORD_HEADER_BYTES = 16;
/** Where the number of mutations is, in the payload. */
const COUNT_BYTES = 5;
const MAX_UNSYNCED = 0xffff_ffff;

/** What a record's header says. */
export interface RecordHeader {
  /** Of the payload. */
  readonly length: number;
  readonly sum: number;
  /** Bytes right before the record that may not have been on the disk. */
  readonly unsynced: number;
}

export function fileHeader(): Buffer {
  const header = Buffer.alloc(FILE_HEADER_BYTES);
  MAGIC.copy(header);
  header.writeUInt32LE(JOURNAL_VERSION, 8);
  header.writeUInt32LE(crc32c(header, 0, 12), 12);
  return header;
}

/** The format version of the file, or what is wrong with its header, in words. */
export function readFileHeader(header: Buffer): number | string {
  if (!header.subarray(0, 8).equals(MAGIC)) return 'it does not begin as a journal does';
  if (header.readUInt32LE(12) !== crc32c(header, 0, 12)) return 'the checksum of its header is wrong';
  const version = header.readUInt32LE(8);
  if (version === 1 || version === JOURNAL_VERSION) return version;
  return `it has format version ${version}, and this program only knows 1 to ${JOURNAL_VERSION}`;
}

/** Bytes of a record's header in a file of this version. */
export function recordHeaderBytes(version: number): number {
  return version === 1 ? 12 : RECORD_HEADER_BYTES;
}

/** Reads a record's header at `at`; `undefined` when its checksum is wrong. */
export function readRecordHeader(bytes: Buffer, at: number, version: number): RecordHeader | undefined {
  const summed = recordHeaderBytes(version) - 4;
  if (bytes.readUInt32LE(at + summed) !== crc32c(bytes, at, at + summed)) return undefined;
  return {
    length: bytes.readUInt32LE(at),
    sum: bytes.readUInt32LE(at + 4),
    // Version 1 does not say: damage is taken for what it is.
    unsynced: version === 1 ? 0 : bytes.readUInt32LE(at + 8),
  };
}

/** Makes room for what `finishRecord` writes, at the beginning of the buffer. */
export function beginRecord(out: MsgpackWriter): void {
  out.at = RECORD_HEADER_BYTES + COUNT_BYTES;
}

/**
 * Makes the writer's content one record of `count` mutations, behind `unsynced` bytes that may not be on the disk. Returns its
 * bytes, which are valid until the next write.
 */
export function finishRecord(out: MsgpackWriter, count: number, unsynced: number): Buffer {
  const { buffer, at } = out;
  buffer[RECORD_HEADER_BYTES] = 0xdd;
  buffer.writeUInt32BE(count, RECORD_HEADER_BYTES + 1);
  buffer.writeUInt32LE(at - RECORD_HEADER_BYTES, 0);
  buffer.writeUInt32LE(crc32c(buffer, RECORD_HEADER_BYTES, at), 4);
  buffer.writeUInt32LE(Math.min(unsynced, MAX_UNSYNCED), 8);
  buffer.writeUInt32LE(crc32c(buffer, 0, 12), 12);
  return buffer.subarray(0, at);
}
