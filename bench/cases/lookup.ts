import type { Selection } from '../../src/index.js';
import { readOptions } from '../support/options.js';
import { Random, zipf } from '../support/random.js';
import { type Contestant, inTurn } from '../support/rounds.js';
import { printTable } from '../support/table.js';
import { openWithUsers, tagName, userId } from '../support/users.js';

export const name = 'lookup';
export const summary = 'ns for 10 tags of one user, in the process; --users --of --each --asked --rounds';

/** Look-ups in one measurement. */
const LOOKUPS = 100_000;
/** Users in one call of `getMany`. */
const BATCH = 100;
/** Users who are asked for again and again. */
const HOT = 1000;

/** Prints a line for each way to ask and each pattern of users asked for. */
export async function run(args: readonly string[]): Promise<void> {
  const options = readOptions(args, { users: 1_000_000, of: 1000, each: 200, asked: 10, rounds: 9 });
  const { users, of, each, asked } = options;
  console.log(`${users} users with ${each} of ${of} tags, ${asked} tags asked for`);
  const engine = openWithUsers(options);
  const selection = engine.select(
    Array.from({ length: asked }, (_, i) => tagName(Math.floor((i * of) / asked))),
  );
  const random = new Random(3);
  const skewed = zipf(random, users);
  const patterns: Record<string, () => number> = {
    uniform: () => random.below(users),
    zipf: skewed,
    hot: () => random.below(Math.min(HOT, users)),
  };
  const contestants = Object.entries(patterns).flatMap(([pattern, draw]) =>
    waysToAsk(engine, selection, draw).map((way) => ({ ...way, name: `${way.name}|${pattern}` })),
  );
  const timings = await inTurn(contestants, options.rounds);
  printTable(
    ['call', 'users', 'ns per look-up', 'least', 'most'],
    timings.map(({ name, median, least, most }) => [...name.split('|'), median, least, most]),
  );
  engine.close();
}

/** Every call that answers the same question. Ids are made in the order of their use: a caller has just got them. */
function waysToAsk(
  engine: ReturnType<typeof openWithUsers>,
  selection: Selection,
  draw: () => number,
): Contestant[] {
  const strings = Array.from({ length: LOOKUPS }, () => userId(draw()));
  const buffers = strings.map((id) => Buffer.from(id));
  const batches: string[][] = [];
  for (let at = 0; at < LOOKUPS; at += BATCH) batches.push(strings.slice(at, at + BATCH));
  return [
    { name: 'get(string)', run: () => askEach(strings) },
    { name: 'get(Buffer)', run: () => askEach(buffers) },
    { name: 'getMany', run: askMany },
  ];

  function askEach(ids: readonly (string | Buffer)[]): number {
    for (const id of ids) if (engine.get(id, selection).length === 0) throw new Error('no answer');
    return ids.length;
  }

  function askMany(): number {
    for (const batch of batches) engine.getMany(batch, selection);
    return LOOKUPS;
  }
}
