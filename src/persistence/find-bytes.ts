/** Where bytes occur in files: proves that an id is gone. */
import { join } from 'node:path';
import type { Steps } from '../store/steps.js';
import type { ReadStorage } from './storage.js';

const PIECE_BYTES = 1024 * 1024;

/** A place where the bytes are. */
export interface Occurrence {
  readonly path: string;
  /** Of their first byte in the file. */
  readonly offset: number;
}

/** Every file in a folder and the folders in it, or the path itself if it is a file. */
export function filesIn(storage: ReadStorage, path: string): string[] {
  let names: string[];
  try {
    names = storage.list(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return [path];
    throw error;
  }
  return names.sort().flatMap((name) => filesIn(storage, join(path, name)));
}

/** The first `most` places, in steps of a megabyte, whose bytes `onBytes` is told. `wanted` is not empty. */
export function* findBytes(
  storage: ReadStorage,
  paths: readonly string[],
  wanted: Uint8Array,
  most = 100,
  onBytes: (bytes: number) => void = () => {},
): Steps<Occurrence[]> {
  const found: Occurrence[] = [];
  // Pieces overlap by one byte less than is looked for.
  const piece = Buffer.allocUnsafeSlow(PIECE_BYTES + wanted.length - 1);
  for (const path of paths) {
    const file = storage.open(path, 'read');
    try {
      for (let at = 0; found.length < most; at += PIECE_BYTES) {
        const read = piece.subarray(0, file.read(piece, at));
        for (let i = read.indexOf(wanted); i >= 0; i = read.indexOf(wanted, i + 1)) {
          if (found.length < most) found.push({ path, offset: at + i });
        }
        onBytes(Math.min(read.length, PIECE_BYTES));
        if (read.length < piece.length) break;
        yield;
      }
    } finally {
      file.close();
    }
  }
  return found;
}
