import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { readOptions } from '../support/options.js';
import { encode, type Peer, requireRedis, startRedis, startSegmentd } from '../support/peers.js';
import { Random } from '../support/random.js';
import { median } from '../support/rounds.js';
import { printTable } from '../support/table.js';
import { TagPicker, tagName } from '../support/users.js';

const run_ = promisify(execFile);

export const name = 'compare-hmget';
export const summary =
  'HMGET of 10 fields by redis-benchmark, against redis-server; --users --of --each --rounds';

const FIELDS = 10;
/** By pipeline: requests in one round. */
const REQUESTS = { 1: 100_000, 16: 600_000, 64: 1_200_000 } as const;

/** The id that redis-benchmark asks for: twelve digits. */
function idOf(user: number): string {
  return String(user).padStart(12, '0');
}

function* commands(users: number, picker: TagPicker): Generator<Buffer> {
  for (let user = 0; user < users; user++) {
    const words = ['HSET', `user:${idOf(user)}`];
    for (const tag of picker.tagsOf(user)) words.push(tagName(tag), '1');
    yield encode(...words);
  }
}

/** Requests per second. */
async function measure(
  peer: Peer,
  pipeline: number,
  requests: number,
  users: number,
  fields: string[],
): Promise<number> {
  const { stdout } = await run_('redis-benchmark', [
    ...[
      '-p',
      String(peer.port),
      '-c',
      '50',
      '-P',
      String(pipeline),
      '-n',
      String(requests),
      '-r',
      String(users),
    ],
    ...['--csv', 'HMGET', 'user:__rand_int__', ...fields],
  ]);
  const row = stdout.trim().split('\n').at(-1)!;
  return Number(row.split('","')[1]);
}

/** Prints requests per second of both, in turn, and the ratio, for each pipeline. Needs redis-server and redis-tools. */
export async function run(args: readonly string[]): Promise<void> {
  const options = readOptions(args, { users: 100_000, of: 200, each: 10, rounds: 5 });
  await requireRedis();
  const peers = [await startRedis(), await startSegmentd()];
  try {
    const picker = new TagPicker(options);
    for (const peer of peers) await peer.fill(commands(options.users, picker), options.users);
    const random = new Random(1);
    const fields = Array.from({ length: FIELDS }, () => tagName(random.below(options.of)));
    const rows = [];
    for (const [pipeline, requests] of Object.entries(REQUESTS)) {
      const rates: number[][] = [[], []];
      // The first round warms both up and is not counted.
      for (let round = -1; round < options.rounds; round++) {
        for (const [i, peer] of peers.entries()) {
          const rate = await measure(peer, Number(pipeline), requests, options.users, fields);
          if (round >= 0) rates[i]!.push(rate);
        }
      }
      const ratios = rates[1]!.map((rate, i) => rate / rates[0]![i]!);
      rows.push([
        Number(pipeline),
        median(rates[0]!),
        median(rates[1]!),
        median(ratios),
        Math.min(...ratios),
        Math.max(...ratios),
      ]);
    }
    console.log(
      `${options.users} users with ${options.each} of ${options.of} tags, 50 connections, in turn\n`,
    );
    printTable(['pipeline', 'redis req/s', 'segmentd req/s', 'ratio', 'least', 'most'], rows);
  } finally {
    for (const peer of peers) await peer.stop();
  }
}
