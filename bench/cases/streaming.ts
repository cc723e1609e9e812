import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { readOptions } from '../support/options.js';
import { encode, type Peer, residentBytes, startSegmentd } from '../support/peers.js';
import { printTable } from '../support/table.js';
import { userId } from '../support/users.js';

export const name = 'streaming';
export const summary =
  'PING of one client while another reads SMEMBERS of all users slowly, or fast; --users --seconds';

const IDS_IN_A_COMMAND = 1_000;
const MIB = 2 ** 20;

function* commands(users: number): Generator<Buffer> {
  for (let from = 0; from < users; from += IDS_IN_A_COMMAND) {
    const ids = Array.from({ length: Math.min(IDS_IN_A_COMMAND, users - from) }, (_, i) => userId(from + i));
    yield encode('SADD', 'tag:all', ...ids);
  }
}

/** Milliseconds of each PING, one after the other, until `isOver`. */
async function pingUntil(port: number, isOver: () => boolean): Promise<number[]> {
  const socket = connect(port, '127.0.0.1').setNoDelay();
  const times: number[] = [];
  const ping = encode('PING');
  while (!isOver()) {
    const start = process.hrtime.bigint();
    socket.write(ping);
    await once(socket, 'data');
    times.push(Number(process.hrtime.bigint() - start) / 1e6);
  }
  socket.destroy();
  return times.sort((a, b) => a - b);
}

/** `pace` is how the other client reads: see bench/support/set-reader.ts. */
async function measure(peer: Peer, seconds: number, pace: 'slow' | 'fast' | undefined): Promise<number[]> {
  const before = await residentBytes(peer.pid);
  let most = before;
  let isOver = false;
  // In a thread of its own, so that its work does not hold up the clock of the PINGs.
  const reader =
    pace === undefined
      ? undefined
      : new Worker(new URL('../support/set-reader.js', import.meta.url), {
          workerData: { port: peer.port, pace },
        });
  const watching = (async () => {
    while (!isOver) {
      most = Math.max(most, await residentBytes(peer.pid));
      await pause(200);
    }
  })();
  const end = Date.now() + seconds * 1000;
  const times = await pingUntil(peer.port, () => Date.now() > end);
  isOver = true;
  let bytes = 0;
  if (reader !== undefined) {
    reader.postMessage('end');
    [bytes] = (await once(reader, 'message')) as [number];
    await reader.terminate();
  }
  await watching;
  const at = (share: number): number => times[Math.floor((times.length - 1) * share)]!;
  return [at(0.5), at(0.99), at(0.999), at(1), (most - before) / MIB, bytes / MIB / seconds];
}

/** Prints PING times and the growth of memory for no, a slow and a fast reader. */
export async function run(args: readonly string[]): Promise<void> {
  const { users, seconds } = readOptions(args, { users: 10_000_000, seconds: 5 });
  const peer = await startSegmentd();
  try {
    await peer.fill(commands(users), Math.ceil(users / IDS_IN_A_COMMAND));
    const quiet = await measure(peer, seconds, undefined);
    const slow = await measure(peer, seconds, 'slow');
    const fast = await measure(peer, seconds, 'fast');
    console.log(
      `SMEMBERS of ${users} users with ids of 16 bytes; PING by another client, one after the other\n`,
    );
    printTable(
      ['reader', 'p50 ms', 'p99 ms', 'p99.9 ms', 'max ms', 'RSS growth MiB', 'MiB/s read'],
      [
        ['none', ...quiet],
        ['slow', ...slow],
        ['fast', ...fast],
      ],
    );
  } finally {
    await peer.stop();
  }
}
