import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { readOptions } from '../support/options.js';
import { type Peer, requireRedis, startRedis, startSegmentd } from '../support/peers.js';
import { median } from '../support/rounds.js';
import { printTable } from '../support/table.js';

const run_ = promisify(execFile);

export const name = 'compare-durability';
export const summary =
  'HSET by redis-benchmark with each fsync policy, against redis-server; --users --clients --pipeline --requests --rounds';

/** Those with a sync for each batch take longer: what part of the requests they get. */
const POLICIES = { no: 1, everysec: 1, always: 0.25 } as const;

/** Requests per second. */
async function measure(
  peer: Peer,
  options: Record<'users' | 'clients' | 'pipeline', number>,
  requests: number,
): Promise<number> {
  const { users, clients, pipeline } = options;
  const numbers = { '-p': peer.port, '-c': clients, '-P': pipeline, '-n': requests, '-r': users };
  const { stdout } = await run_('redis-benchmark', [
    ...Object.entries(numbers).flatMap(([flag, value]) => [flag, String(value)]),
    ...['--csv', 'HSET', 'user:__rand_int__', 'city', 'Berlin'],
  ]);
  const row = stdout.trim().split('\n').at(-1)!;
  return Number(row.split('","')[1]);
}

/** Prints requests per second of both, in turn, and the ratio, for each policy. Needs redis-server and redis-tools. */
export async function run(args: readonly string[]): Promise<void> {
  const defaults = { users: 100_000, clients: 50, pipeline: 16, requests: 600_000, rounds: 5 };
  const options = readOptions(args, defaults);
  await requireRedis();
  const rows = [];
  for (const [policy, share] of Object.entries(POLICIES)) {
    const folders = [0, 1].map(() => mkdtempSync(join(tmpdir(), 'segmentd-bench-')));
    const peers = [
      await startRedis('--dir', folders[0]!, '--appendonly', 'yes', '--appendfsync', policy),
      await startSegmentd('--data-dir', folders[1]!, '--fsync', policy),
    ];
    try {
      const rates: number[][] = [[], []];
      // The first round warms both up and is not counted.
      for (let round = -1; round < options.rounds; round++) {
        for (const [i, peer] of peers.entries()) {
          const rate = await measure(peer, options, Math.round(options.requests * share));
          if (round >= 0) rates[i]!.push(rate);
        }
      }
      const ratios = rates[1]!.map((rate, i) => rate / rates[0]![i]!);
      rows.push([policy, ...rates.map(median), median(ratios), Math.min(...ratios), Math.max(...ratios)]);
    } finally {
      for (const peer of peers) await peer.stop();
      for (const folder of folders) rmSync(folder, { recursive: true });
    }
  }
  const { clients, pipeline, users } = options;
  console.log(`HSET of one field, ${users} users, ${clients} connections, pipeline ${pipeline}, in turn\n`);
  printTable(['fsync', 'redis req/s', 'segmentd req/s', 'ratio', 'least', 'most'], rows);
}
