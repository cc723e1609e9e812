/** MANIFEST: names the files that make up the state. Two lines: JSON, and the checksum of the first line. */
import { readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { SegmentdError } from '../errors.js';
import { crc32c } from './crc32c.js';
import { openSystemFile, syncFolder } from './storage.js';

const NAME = 'MANIFEST';
const FORMAT = 1;

export interface Manifest {
  /** Names of files in the same folder, in the order in which they are to be replayed. */
  readonly journals: readonly string[];
}

/**
 * Reads the manifest of a folder; `undefined` when it has none. Throws DATA_CORRUPT when it is damaged, PERSISTENCE_FAILED
 * when a later version of the program wrote it.
 */
export function readManifest(folder: string): Manifest | undefined {
  const path = join(folder, NAME);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const [json = '', sum] = text.split('\n');
  if (sum !== sumOf(json)) {
    throw new SegmentdError(
      'DATA_CORRUPT',
      `${path} is damaged: its checksum is wrong. Restore the folder from a backup`,
    );
  }
  const { format, journals } = JSON.parse(json) as Manifest & { format: number };
  if (format !== FORMAT) {
    throw new SegmentdError(
      'PERSISTENCE_FAILED',
      `${path} has format ${format}, and this program only knows ${FORMAT}: a later version wrote it`,
    );
  }
  return { journals };
}

/** Replaces the manifest: after a crash, the folder has the old one or the new one. Throws what the system says. */
export function writeManifest(folder: string, { journals }: Manifest): void {
  const json = JSON.stringify({ format: FORMAT, journals });
  const temporary = join(folder, `${NAME}.tmp`);
  const file = openSystemFile(temporary);
  try {
    file.truncate(0);
    file.write(Buffer.from(`${json}\n${sumOf(json)}\n`), 0);
    file.sync();
  } finally {
    file.close();
  }
  renameSync(temporary, join(folder, NAME));
  syncFolder(folder);
}

function sumOf(json: string): string {
  return `crc32c ${crc32c(Buffer.from(json)).toString(16).padStart(8, '0')}`;
}
