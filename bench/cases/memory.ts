import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { LoadPlan, MemoryReport } from '../support/memory-child.js';
import { readOptions } from '../support/options.js';
import { printTable } from '../support/table.js';

export const name = 'memory';
export const summary =
  'bytes of memory per (user, tag) pair, everything included; --users, or --users --of --each';

/** What is loaded unless `--of` and `--each` say it: tags for each user, of how many, written how. */
const PLANS: readonly Omit<LoadPlan, 'users'>[] = [
  { each: 10, of: 200, by: 'user' },
  { each: 10, of: 200, by: 'pair' },
  { each: 200, of: 1000, by: 'user' },
  { each: 200, of: 2000, by: 'user' },
  { each: 200, of: 10_000, by: 'user' },
];

/** Prints a line for each plan: resident memory of a process that loaded it less that of one with an empty engine. */
export async function run(args: readonly string[]): Promise<void> {
  const { users, of, each } = readOptions(args, { users: 1_000_000, of: 0, each: 0 });
  const plans = of === 0 ? PLANS : (['user', 'pair'] as const).map((by) => ({ each, of, by }));
  const empty = measure({ users: 0, of: 1, each: 1, by: 'user' });
  const rows = plans.map((plan) => rowOf(plan, users, empty, measure({ ...plan, users })));
  console.log(`${users} users with ids of 16 bytes; bytes per (user, tag) pair`);
  printTable(
    // biome-ignore format: one line of the table
    ['tags', 'written by', 'RSS', 'compacted', 'slots', 'ordinals', 'records', 'slack', 'bitmaps', 'rest', 'seconds'],
    rows,
  );
}

function rowOf(
  { each, of, by }: Omit<LoadPlan, 'users'>,
  users: number,
  empty: MemoryReport,
  { afterLoad, afterCompact, seconds, stats }: MemoryReport,
): (string | number)[] {
  const perPair = (bytes: number): number => bytes / (users * each);
  const { directory, ordinals, records, slack, bitmaps, total } = stats.bytes;
  const loaded = afterLoad - empty.afterLoad;
  const parts = [directory, ordinals, records, slack, bitmaps, loaded - total].map(perPair);
  const rss = [loaded, afterCompact - empty.afterCompact].map(perPair);
  return [`${each} of ${of}`, by, ...rss, ...parts, seconds];
}

function measure(plan: LoadPlan): MemoryReport {
  const child = fileURLToPath(new URL('../support/memory-child.js', import.meta.url));
  return JSON.parse(execFileSync(process.execPath, [child, JSON.stringify(plan)], { encoding: 'utf8' }));
}
