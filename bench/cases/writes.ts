import { type Engine, openEngine } from '../../src/index.js';
import { readOptions } from '../support/options.js';
import { median } from '../support/rounds.js';
import { printTable } from '../support/table.js';
import { forEachPair, type Population, tagName, userId, writeUsers } from '../support/users.js';

export const name = 'writes';
export const summary = 'µs per write, by kind of write; --users --of --each --rounds';

/** Prints a line for each kind of write: microseconds for one call, the median of the rounds. */
export async function run(args: readonly string[]): Promise<void> {
  const options = readOptions(args, { users: 100_000, of: 200, each: 10, rounds: 5 });
  const { users, of, each, rounds } = options;
  console.log(`${users} users with ${each} of ${of} tags; single pairs come in random order`);
  const samples = new Map<string, number[]>();
  for (let round = -1; round < rounds; round++) {
    for (const [write, microseconds] of measureAll(options)) {
      const known = samples.get(write) ?? [];
      samples.set(write, known);
      if (round >= 0) known.push(microseconds);
    }
  }
  printTable(
    ['write', 'µs', 'least', 'most'],
    [...samples].map(([write, all]) => [write, median(all), Math.min(...all), Math.max(...all)]),
  );
}

/** One round, on engines of its own. */
function measureAll(population: Population): [string, number][] {
  const { users, each } = population;
  const names = Array.from({ length: population.of }, (_, tag) => tagName(tag));
  const ids = Array.from({ length: users }, (_, user) => userId(user));
  // Each pair has an id of its own, made in the order of its use: a caller has just got it.
  const pairs: [string, string][] = [];
  forEachPair(population, (user, tag) => pairs.push([userId(user), names[tag]!]));

  const byUser = openEngine();
  const byTag = openEngine();
  const eachPair = (write: (id: string, tag: string) => void): number =>
    time(pairs.length, () => {
      for (const [id, tag] of pairs) write(id, tag);
    });
  const setTag = (id: string, tag: string): number =>
    byUser.apply({ type: 'setTags', user: id, tags: [tag], values: ['1'] });
  const fill = time(users, () => writeUsers(byUser, population)) - drawing(population);
  const results: [string, number][] = [
    [`setTags, ${each} tags, new user`, fill],
    ['setTags, 1 tag the user has', eachPair(setTag)],
    ['removeTags, 1 tag', eachPair((id, tag) => byUser.removeTags(id, [tag]))],
    ['setTags, 1 tag', eachPair(setTag)],
    ['addUsers, 1 user', eachPair((id, tag) => byTag.addUsers(tag, [id]))],
    ['removeUsers, 1 user', eachPair((id, tag) => byTag.removeUsers(tag, [id]))],
    [
      `eraseUser, ${each} tags`,
      time(users, () => {
        for (const id of ids) byUser.eraseUser(id);
      }),
    ],
  ];
  byUser.close();
  byTag.close();
  return results;
}

/** Microseconds for one of `operations`. */
function time(operations: number, work: () => void): number {
  const start = performance.now();
  work();
  return ((performance.now() - start) * 1000) / operations;
}

/** What it takes to make ids and draw tags, without an engine to write them to. */
function drawing(population: Population): number {
  const sink = { apply: () => 0 } as unknown as Engine;
  return time(population.users, () => writeUsers(sink, population));
}
