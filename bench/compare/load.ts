import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readOptions } from '../support/options.js';
import { encode, type Peer, requireRedis, startRedis, startSegmentd } from '../support/peers.js';
import { Random } from '../support/random.js';
import { median } from '../support/rounds.js';
import { printTable } from '../support/table.js';
import { tagName, userId } from '../support/users.js';

export const name = 'compare-load';
export const summary =
  'one million pairs by redis-cli --pipe, against redis-server; --pairs --users --of --rounds';

/** Writes one command a pair into a file for `redis-cli --pipe`. */
async function writeCommands(
  file: string,
  pairs: number,
  users: number,
  of: number,
  isHash: boolean,
): Promise<void> {
  const random = new Random(7);
  const out = createWriteStream(file);
  for (let i = 0; i < pairs; i++) {
    const user = userId(random.below(users));
    const tag = tagName(random.below(of));
    const command = isHash ? encode('HSET', `user:${user}`, tag, '1') : encode('SADD', `tag:${tag}`, user);
    if (!out.write(command)) await once(out, 'drain');
  }
  out.end();
  await once(out, 'finish');
}

/** Seconds that `redis-cli --pipe` takes, from an empty server. */
async function load(peer: Peer, file: string): Promise<number> {
  await peer.fill([encode('FLUSHALL')], 1);
  const child = spawn('redis-cli', ['-p', String(peer.port), '--pipe'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const start = process.hrtime.bigint();
  createReadStream(file, { highWaterMark: 1 << 20 }).pipe(child.stdin);
  await once(child, 'close');
  if (!output.includes('errors: 0')) throw new Error(`redis-cli --pipe: ${output}`);
  return Number(process.hrtime.bigint() - start) / 1e9;
}

/** Prints pairs per second of Redis loading the hash alone, and of segmentd by user and by tag, and the ratios. */
export async function run(args: readonly string[]): Promise<void> {
  const { pairs, users, of, rounds } = readOptions(args, {
    pairs: 1_000_000,
    users: 100_000,
    of: 200,
    rounds: 3,
  });
  await requireRedis();
  const folder = mkdtempSync(join(tmpdir(), 'segmentd-load-'));
  const [hashes, sets] = [join(folder, 'hashes'), join(folder, 'sets')];
  const [redis, segmentd] = [await startRedis(), await startSegmentd()];
  try {
    await writeCommands(hashes, pairs, users, of, true);
    await writeCommands(sets, pairs, users, of, false);
    const work: [string, Peer, string][] = [
      ['redis-server, HSET (hash alone)', redis, hashes],
      ['segmentd, HSET (both orientations)', segmentd, hashes],
      ['segmentd, SADD (both orientations)', segmentd, sets],
    ];
    const seconds = work.map((): number[] => []);
    for (let round = -1; round < rounds; round++) {
      for (const [i, [, peer, file]] of work.entries()) {
        const took = await load(peer, file);
        if (round >= 0) seconds[i]!.push(took);
      }
    }
    console.log(`${pairs} pairs, one a command: ${users} users, ${of} tags, redis-cli --pipe, in turn\n`);
    const ratio = (i: number): number => median(seconds[i]!.map((took, round) => seconds[0]![round]! / took));
    printTable(
      ['load', 'pairs/s', 'ratio to redis'],
      work.map(([title], i) => [title, pairs / median(seconds[i]!), ratio(i)]),
    );
  } finally {
    await Promise.all([redis.stop(), segmentd.stop()]);
    rmSync(folder, { recursive: true });
  }
}
