import { bitmapOf } from '../../src/store/bitmap.js';
import { LineClient } from '../support/line-client.js';
import { readOptions } from '../support/options.js';
import { encode, startSegmentd } from '../support/peers.js';
import { Random } from '../support/random.js';
import { median } from '../support/rounds.js';
import { printTable } from '../support/table.js';
import { userId } from '../support/users.js';

export const name = 'audience-server';
export const summary =
  'expressions over RESP on many users, and HMGET of another client meanwhile; --users --rounds --seconds';

const WARM_UP = 500;
/** Ages run from 0 to 100. */
const AGES = 101;
/** What the other client asks back to back: cheap and dear expressions of every kind. */
const EXPRESSIONS = [
  'a and b',
  'age between 25 and 40',
  'not (a or b) and age >= 30',
  'at least 2 of (a, b, age > 50)',
  'a or b or age < 10',
  'age != 30 and not a',
];

/** Everybody has an age, 30% have a, 10% have b. */
function* commands(users: number): Generator<Buffer> {
  const random = new Random(1);
  yield encode('TAG.DECLARE', 'age', 'number');
  for (let user = 0; user < users; user++) {
    const tags = ['age', String(random.below(AGES))];
    if (random.below(10) < 3) tags.push('a', '1');
    if (random.below(10) < 1) tags.push('b', '1');
    yield encode('HSET', `user:${userId(user)}`, ...tags);
  }
}

/** Milliseconds that CRoaring's own function takes in this process for sets like a and b. */
function andCardinality(users: number, rounds: number): number {
  const random = new Random(2);
  const [a, b] = [3, 1].map((share) => {
    const ordinals: number[] = [];
    for (let user = 0; user < users; user++) if (random.below(10) < share) ordinals.push(user);
    return bitmapOf(ordinals);
  });
  const times: number[] = [];
  for (let i = 0; i < rounds * 10; i++) {
    const start = process.hrtime.bigint();
    a!.andCardinality(b!);
    times.push(Number(process.hrtime.bigint() - start) / 1e6);
  }
  return median(times);
}

/** Prints the times of expressions on one connection, and of HMGET with and without them on another. */
export async function run(args: readonly string[]): Promise<void> {
  const { users, rounds, seconds } = readOptions(args, { users: 10_000_000, rounds: 20, seconds: 5 });
  const own = andCardinality(users, rounds);
  const peer = await startSegmentd();
  try {
    console.error(`filling ${users} users`);
    await peer.fill(commands(users), users + 1);
    const client = await LineClient.open(peer.port);
    const rows: (string | number)[][] = [];
    // A server answers far more often than this: what is compiled after some hundred calls is compiled here too.
    for (const words of [['PING'], ['SEG.COUNT', EXPRESSIONS[0]!]]) await client.time(WARM_UP, ...words);
    const ping: number[] = [];
    const first: number[] = [];
    for (let i = 0; i < rounds * 10; i++) {
      ping.push(...(await client.time(1, 'PING')));
      first.push(...(await client.time(1, 'SEG.COUNT', EXPRESSIONS[0]!)));
    }
    rows.push(['PING', median(ping), Math.min(...ping), Math.max(...ping)]);
    rows.push(["CRoaring's andCardinality, in the process", own, '', '']);
    rows.push([`SEG.COUNT ${EXPRESSIONS[0]}`, median(first), Math.min(...first), Math.max(...first)]);
    for (const expression of EXPRESSIONS.slice(1)) {
      await client.time(WARM_UP / 20, 'SEG.COUNT', expression);
      const times = await client.time(rounds, 'SEG.COUNT', expression);
      rows.push([`SEG.COUNT ${expression}`, median(times), Math.min(...times), Math.max(...times)]);
    }
    const page = await client.time(rounds, 'SEG.USERS', 'a and b and age < 30', 'COUNT', '100');
    rows.push([
      'SEG.USERS a and b and age < 30, 100 ids',
      median(page),
      Math.min(...page),
      Math.max(...page),
    ]);
    console.log(`${users} users; milliseconds on one connection\n`);
    printTable(['command', 'median', 'least', 'most'], rows);
    const ratio = median(first) / (median(ping) + own);
    console.log(`\nSEG.COUNT a and b / (PING + andCardinality) = ${ratio.toFixed(2)}\n`);

    const random = new Random(3);
    const lookups = async (isOver: () => boolean): Promise<(string | number)[]> => {
      const times: number[] = [];
      while (!isOver()) {
        const user = `user:${userId(random.below(users))}`;
        times.push(...(await client.time(1, 'HMGET', user, 'age', 'a', 'b')));
      }
      times.sort((x, y) => x - y);
      const at = (share: number): number => times[Math.floor((times.length - 1) * share)]!;
      return [at(0.5), at(0.99), at(0.999), at(1), times.length];
    };
    const until = (): (() => boolean) => {
      const end = Date.now() + seconds * 1000;
      return () => Date.now() > end;
    };
    const quiet = await lookups(until());
    let isOver = false;
    const other = await LineClient.open(peer.port);
    const asking = (async () => {
      let asked = 0;
      while (!isOver) await other.ask('SEG.COUNT', EXPRESSIONS[asked++ % EXPRESSIONS.length]!);
      return asked;
    })();
    const busy = await lookups(until());
    isOver = true;
    const asked = await asking;
    printTable(
      ['HMGET while another client', 'p50 ms', 'p99 ms', 'p99.9 ms', 'max ms', 'calls'],
      [
        ['does nothing', ...quiet],
        [`asks ${Math.round(asked / seconds)} expressions a second`, ...busy],
      ],
    );
    client.close();
    other.close();
  } finally {
    await peer.stop();
  }
}
