import { LineClient } from '../support/line-client.js';
import { readOptions } from '../support/options.js';
import { encode, type Peer, requireRedis, startRedis, startSegmentd } from '../support/peers.js';
import { Random } from '../support/random.js';
import { median } from '../support/rounds.js';
import { printTable } from '../support/table.js';
import { userId } from '../support/users.js';

export const name = 'compare-audience';
export const summary = 'users with two tags: SEG.COUNT against SINTERCARD of redis-server; --users --rounds';

const IDS_IN_A_COMMAND = 1_000;
const WARM_UP = 500;
/** Tags, and the tenths of all users who have them. */
const TAGS = { a: 3, b: 1 } as const;

function* commands(users: number): Generator<Buffer> {
  for (const [seed, [tag, tenths]] of Object.entries(TAGS).entries()) {
    const random = new Random(seed);
    let ids: string[] = [];
    for (let user = 0; user < users; user++) {
      if (random.below(10) < tenths) ids.push(userId(user));
      if (ids.length < IDS_IN_A_COMMAND && user < users - 1) continue;
      yield encode('SADD', `tag:${tag}`, ...ids);
      ids = [];
    }
  }
}

/** Prints milliseconds of one connection's calls to both, in turn, and the ratio. Needs redis-server. */
export async function run(args: readonly string[]): Promise<void> {
  const { users, rounds } = readOptions(args, { users: 1_000_000, rounds: 15 });
  await requireRedis();
  const peers = [await startRedis(), await startSegmentd()] as const;
  try {
    const filling = [...commands(users)];
    const ask = async (peer: Peer): Promise<LineClient> => {
      await peer.fill(filling, filling.length);
      return LineClient.open(peer.port);
    };
    const [redis, own] = [await ask(peers[0]), await ask(peers[1])];
    const intersection = ['SINTERCARD', '2', 'tag:a', 'tag:b'];
    const asked: [string, LineClient, string[]][] = [
      ['redis-server: SINTERCARD', redis, intersection],
      ['segmentd: SINTERCARD', own, intersection],
      ['segmentd: SEG.COUNT a and b', own, ['SEG.COUNT', 'a and b']],
    ];
    const replies: string[] = [];
    for (const [, client, words] of asked) replies.push(await client.ask(...words));
    if (new Set(replies).size > 1) throw new Error(`the replies differ: ${JSON.stringify(replies)}`);
    // A server answers far more often than this bench asks: what is compiled after some hundred calls is compiled here too.
    for (const [, client, words] of asked.slice(1)) await client.time(WARM_UP, ...words);
    const times = asked.map((): number[] => []);
    for (let round = -1; round < rounds; round++) {
      for (const [i, [, client, words]] of asked.entries()) {
        const [time] = await client.time(1, ...words);
        if (round >= 0) times[i]!.push(time!);
      }
    }
    const [slow] = times.map(median);
    console.log(`${users} users, of whom 30% have a and 10% have b; both: ${replies[0]!.trim().slice(1)}\n`);
    printTable(
      ['command', 'median ms', 'least', 'most', 'times as fast as redis'],
      asked.map(([title], i) => [
        title,
        median(times[i]!),
        Math.min(...times[i]!),
        Math.max(...times[i]!),
        slow! / median(times[i]!),
      ]),
    );
    redis.close();
    own.close();
  } finally {
    for (const peer of peers) await peer.stop();
  }
}
