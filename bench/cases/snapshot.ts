import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSnapshot, writeSnapshot } from '../../src/persistence/snapshot.js';
import { fileStorage } from '../../src/persistence/storage-file.js';
import { readOptions } from '../support/options.js';
import { inTurn } from '../support/rounds.js';
import { printTable } from '../support/table.js';
import { openWithUsers } from '../support/users.js';

export const name = 'snapshot';
export const summary =
  'writing a snapshot, and opening it against reading the same bytes; --users --of --each --rounds';

const STORE_OPTIONS = { strict: false, maxEnumValues: 65_535 };
const PIECE_BYTES = 256 * 1024;

/**
 * Reads all files of a folder into memory that nobody has used yet, as any program that wants their content does. Returns how
 * often that was done.
 */
function readAll(folder: string): number {
  for (const file of readdirSync(folder)) {
    const opened = fileStorage.open(join(folder, file), 'read');
    const bytes = new Uint8Array(new SharedArrayBuffer(opened.size));
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      opened.read(bytes.subarray(at, Math.min(bytes.length, at + PIECE_BYTES)), at);
    }
    opened.close();
  }
  return 1;
}

/** Prints the time of each, in turn, and how much opening takes of reading. */
export async function run(args: readonly string[]): Promise<void> {
  const options = readOptions(args, { users: 10_000_000, of: 60, each: 30, rounds: 3 });
  const root = mkdtempSync(join(tmpdir(), 'segmentd-bench-'));
  try {
    const folder = join(root, 'snapshot');
    const began = process.hrtime.bigint();
    let engine: ReturnType<typeof openWithUsers> | undefined = openWithUsers(options);
    const built = process.hrtime.bigint();
    const { bytes } = writeSnapshot(engine.store, fileStorage, folder);
    const written = process.hrtime.bigint();
    // Two stores of this size would only measure the machine's memory.
    engine.close();
    engine = undefined;
    console.log(
      `${options.users} users with ${options.each} of ${options.of} tags: written one by one in ${seconds(built - began)} s; snapshot of ${Math.round(bytes / 1e6)} MB written in ${seconds(written - built)} s\n`,
    );
    const timings = await inTurn(
      [
        { name: 'reading the bytes', run: () => readAll(folder) },
        { name: 'opening', run: () => readSnapshot(fileStorage, folder, STORE_OPTIONS).users.size && 1 },
      ],
      options.rounds,
    );
    printTable(
      ['what', 'median s', 'least', 'most', 'of reading'],
      timings.map(({ name: what, median, least, most }) => {
        return [what, ...[median, least, most].map((time) => time / 1e9), median / timings[0]!.median];
      }),
    );
  } finally {
    rmSync(root, { recursive: true });
  }
}

function seconds(nanoseconds: bigint): string {
  return (Number(nanoseconds) / 1e9).toFixed(1);
}
