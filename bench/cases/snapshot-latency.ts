import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEngine } from '../../src/index.js';
import { LineClient } from '../support/line-client.js';
import { readOptions } from '../support/options.js';
import { encode, type Peer, startSegmentd } from '../support/peers.js';
import { Random } from '../support/random.js';
import { median } from '../support/rounds.js';
import { printTable } from '../support/table.js';
import { type Population, tagName, userId, writeUsers } from '../support/users.js';

export const name = 'snapshot-latency';
export const summary =
  'HMGET of 10 fields on one connection, quiet and while a snapshot of the store is written; --users --of --each --changes --seconds --rounds';

const FIELDS = 10;
/** Commands that are made beforehand. */
const COMMANDS = 4096;
/** How often it is asked whether the snapshot is there. */
const POLL_MILLISECONDS = 20;

/** Writes a data folder with the population in a snapshot, and behind it some changes in a journal. */
function writeFolder(dataDir: string, population: Population, changes: number): void {
  const engine = openEngine({ dataDir, fsync: 'no', snapshotAge: 0, snapshotJournalBytes: 0 });
  writeUsers(engine, population);
  engine.snapshotNow();
  const random = new Random(5);
  for (let i = 0; i < changes; i++) engine.setTags(userId(random.below(population.users)), { changed: true });
  engine.close();
}

/** Asks back to back until `isOver`, and gives the milliseconds of each answer. */
async function ask(peer: Peer, commands: readonly Buffer[], isOver: () => boolean): Promise<Float64Array> {
  const socket = connect(peer.port, '127.0.0.1').setNoDelay();
  await once(socket, 'connect');
  const times: number[] = [];
  let sent = 0n;
  const send = (): void => {
    sent = process.hrtime.bigint();
    socket.write(commands[times.length % commands.length]!);
  };
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    // Replies are so short that each comes in one piece.
    socket.on('data', (reply: Buffer) => {
      if (reply[0] !== 0x2a) reject(new Error(reply.toString()));
      times.push(Number(process.hrtime.bigint() - sent) / 1e6);
      if (isOver()) resolve();
      else send();
    });
    send();
  });
  socket.destroy();
  return Float64Array.from(times).sort();
}

/** Asks while a snapshot is written, from its beginning to its end. */
async function askMeanwhile(peer: Peer, commands: readonly Buffer[], client: LineClient) {
  const changed = await client.ask('HSET', `user:${userId(0)}`, 'changed', `${process.hrtime.bigint()}`);
  if (!/^:[01]/.test(changed)) throw new Error(changed);
  await client.ask('BGSAVE');
  const began = process.hrtime.bigint();
  let isOver = false;
  const watching = (async () => {
    while (!isOver) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS));
      isOver = (await client.ask('INFO', 'persistence')).includes('rdb_bgsave_in_progress:0');
    }
    return Number(process.hrtime.bigint() - began) / 1e9;
  })();
  const times = await ask(peer, commands, () => isOver);
  return { times, seconds: await watching };
}

/** Waits until the server has read its folder. */
async function untilLoaded(client: LineClient): Promise<void> {
  while ((await client.ask('INFO', 'persistence')).includes('loading:1')) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS));
  }
}

function figuresOf(times: Float64Array): { p50: number; p99: number; p999: number; most: number } {
  const at = (share: number): number => times[Math.floor(times.length * share)]!;
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999), most: times.at(-1)! };
}

/** Prints milliseconds of both, in turn, and the ratio. */
export async function run(args: readonly string[]): Promise<void> {
  const defaults = { users: 1_000_000, of: 60, each: 30, changes: 100_000, seconds: 3, rounds: 5 };
  const options = readOptions(args, defaults);
  const folder = mkdtempSync(join(tmpdir(), 'segmentd-bench-'));
  let peer: Peer | undefined;
  try {
    writeFolder(folder, options, options.changes);
    peer = await startSegmentd('--data-dir', folder, '--snapshot-age', '0', '--snapshot-journal-bytes', '0');
    const random = new Random(1);
    const commands = Array.from({ length: COMMANDS }, () => {
      const fields = Array.from({ length: FIELDS }, () => tagName(random.below(options.of)));
      return encode('HMGET', `user:${userId(random.below(options.users))}`, ...fields);
    });
    const client = await LineClient.open(peer.port);
    await untilLoaded(client);
    const quiet: ReturnType<typeof figuresOf>[] = [];
    const meanwhile: typeof quiet = [];
    const durations: number[] = [];
    // The first round warms up and is not counted.
    for (let round = -1; round < options.rounds; round++) {
      const until = Date.now() + options.seconds * 1000;
      const before = figuresOf(await ask(peer, commands, () => Date.now() >= until));
      const { times, seconds } = await askMeanwhile(peer, commands, client);
      if (round < 0) continue;
      quiet.push(before);
      meanwhile.push(figuresOf(times));
      durations.push(seconds);
    }
    client.close();
    console.log(
      `HMGET of ${FIELDS} fields, ${options.users} users with ${options.each} of ${options.of} tags; a snapshot takes ${median(durations).toFixed(1)} s\n`,
    );
    const medians = (runs: typeof quiet) =>
      (['p50', 'p99', 'p999', 'most'] as const).map((key) => median(runs.map((figures) => figures[key])));
    const [a, b] = [medians(quiet), medians(meanwhile)];
    printTable(
      ['median ms', 'p50', 'p99', 'p99.9', 'most'],
      [
        ['quiet', ...a],
        ['while a snapshot is written', ...b],
        ['ratio', ...a.map((value, i) => b[i]! / value)],
      ],
    );
  } finally {
    await peer?.stop();
    rmSync(folder, { recursive: true });
  }
}
