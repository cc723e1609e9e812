/**
 * Tells a journal's tail that was being written when the power failed, which is cut off, from damage to what had been on the
 * disk, which must not be passed over.
 *
 * Sectors that did not reach the disk read as zeros, since a journal only grows, or the file ends before them; and they may
 * be any of those that were not synced, so that whole records may follow. But no record follows that says that these bytes
 * had been synced before it was written.
 */
import { crc32c } from './crc32c.js';
import { type RecordHeader, readRecordHeader, recordHeaderBytes } from './journal-format.js';
import type { ReadFile } from './storage.js';

/** What a disk writes at once. */
const SECTOR_BYTES = 512;
const CHUNK_BYTES = 1024 * 1024;

/** May the bytes from `start` on, where no whole record begins, be of a write that was not done? */
export function isUnfinished(file: ReadFile, size: number, start: number, version: number): boolean {
  return looksUnwritten(file, size, start, version) && !isProvedSynced(file, size, start, version);
}

/** Does the file end within the record at `start`, or has a sector of it no content? */
function looksUnwritten(file: ReadFile, size: number, start: number, version: number): boolean {
  const headerBytes = recordHeaderBytes(version);
  if (size - start < headerBytes) return true;
  const header = readRecordHeader(readFully(file, start, headerBytes), 0, version);
  const end = start + headerBytes + (header?.length ?? 0);
  if (end > size) return true;
  for (let from = start; from < end; ) {
    const to = Math.min(size, (Math.floor(from / SECTOR_BYTES) + 1) * SECTOR_BYTES);
    if (readFully(file, from, to - from).every((byte) => byte === 0)) return true;
    from = to;
  }
  return false;
}

/** Is there a whole record behind `start` that says that what is at `start` was on the disk before? */
function isProvedSynced(file: ReadFile, size: number, start: number, version: number): boolean {
  return findRecord(file, size, start + 1, version, ({ unsynced }, at) => at - unsynced > start) < size;
}

/** Where the first whole record that suits begins, of those that begin at `from` or behind it; `size` when there is none. */
export function findRecord(
  file: ReadFile,
  size: number,
  from: number,
  version: number,
  suits: (header: RecordHeader, at: number) => boolean = () => true,
): number {
  const headerBytes = recordHeaderBytes(version);
  for (let start = from; start + headerBytes <= size; start += CHUNK_BYTES) {
    const bytes = readFully(file, start, Math.min(CHUNK_BYTES + headerBytes - 1, size - start));
    for (let i = 0; i + headerBytes <= bytes.length; i++) {
      const at = start + i;
      const header = readRecordHeader(bytes, i, version);
      if (header === undefined || !suits(header, at) || at + headerBytes + header.length > size) continue;
      if (crc32c(readFully(file, at + headerBytes, header.length)) === header.sum) return at;
    }
  }
  return size;
}

function readFully(file: ReadFile, position: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  return bytes.subarray(0, file.read(bytes, position));
}
