/** Small files of one line and its checksum: two lines, the second being `crc32c` and the first one's CRC-32C. */
import { SegmentdError } from '../errors.js';
import { crc32c } from './crc32c.js';
import type { ReadStorage } from './storage.js';

/** The file's content. `line` has no line break. */
export function sealed(line: string): Buffer {
  const bytes = Buffer.from(line);
  return Buffer.concat([bytes, Buffer.from(`\n${sumOf(bytes)}\n`)]);
}

/** The line in a file. Throws DATA_CORRUPT when its checksum is wrong, and what the system says. */
export function readSealed(storage: ReadStorage, path: string): string {
  const file = storage.open(path, 'read');
  try {
    const bytes = Buffer.allocUnsafeSlow(file.size);
    const text = bytes.subarray(0, file.read(bytes, 0));
    const end = text.indexOf('\n');
    const line = text.subarray(0, Math.max(0, end));
    if (end > 0 && text.toString('latin1', end) === `\n${sumOf(line)}\n`) return line.toString();
  } finally {
    file.close();
  }
  throw new SegmentdError(
    'DATA_CORRUPT',
    `${path} is damaged: its checksum is wrong. Restore the folder from a backup`,
  );
}

function sumOf(line: Uint8Array): string {
  return `crc32c ${crc32c(line).toString(16).padStart(8, '0')}`;
}
