import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Engine, openEngine } from '../../src/index.js';
import type { Mutation } from '../../src/mutation.js';
import { readOptions } from '../support/options.js';
import { inTurn } from '../support/rounds.js';
import { printTable } from '../support/table.js';
import { type Population, TagPicker, tagName, userId } from '../support/users.js';

export const name = 'journal';
export const summary =
  'µs per write in memory and with a data folder, and replay; --users --of --each --batch --rounds';

/** Prints microseconds per write with and without a data folder, and per write replayed. */
export async function run(args: readonly string[]): Promise<void> {
  const options = readOptions(args, { users: 100_000, of: 200, each: 10, batch: 16, rounds: 5 });
  const { users, each, of, batch, rounds } = options;
  console.log(`${users} writes of ${of} tags, flush after ${batch}; closing, with its sync, is counted\n`);
  const rows: (string | number)[][] = [];
  const kinds = [
    { title: `setTags, ${each} tags, new user`, writes: fullUsers(options) },
    { title: 'setTags, 1 tag', writes: singlePairs(options) },
  ];
  for (const { title, writes } of kinds) {
    const folder = mkdtempSync(join(tmpdir(), 'segmentd-bench-'));
    const [memory, kept, replayed] = await inTurn(
      [
        { name: `${title}, in memory`, run: () => writeAll(openEngine(), writes, batch) },
        {
          name: `${title}, with a data folder`,
          run() {
            rmSync(folder, { recursive: true });
            return writeAll(openEngine({ dataDir: folder }), writes, batch);
          },
        },
        {
          name: `${title}, replayed`,
          run() {
            openEngine({ dataDir: folder }).close();
            return writes.length;
          },
        },
      ],
      rounds,
    );
    for (const timing of [memory!, kept!, replayed!]) {
      const { name, median, least, most } = timing;
      rows.push([name, median / 1e3, least / 1e3, most / 1e3, memory!.median / median]);
    }
    rmSync(folder, { recursive: true });
  }
  printTable(['write', 'µs', 'least', 'most', 'speed to memory'], rows);
}

/** Every user with all tags, one value of five an enum's. */
function fullUsers(population: Population): Mutation[] {
  const picker = new TagPicker(population);
  return Array.from({ length: population.users }, (_, user) => {
    const tags = Array.from(picker.tagsOf(user), tagName);
    const values = tags.map((_tag, i) => (i % 5 === 0 ? `value ${user % 50}` : true));
    return { type: 'setTags', user: userId(user), tags, values };
  });
}

/** One tag for each of a tenth of the users, then another one … */
function singlePairs({ users, of }: Population): Mutation[] {
  return Array.from({ length: users }, (_, i) => {
    const tags = [tagName((i * 7) % of)];
    return { type: 'setTags', user: userId(i % Math.ceil(users / 10)), tags, values: [true] };
  });
}

/** Writes as a server does, which flushes once for what it read from a client at once. Returns the number of writes. */
function writeAll(engine: Engine, writes: readonly Mutation[], batch: number): number {
  for (const [i, write] of writes.entries()) {
    engine.apply(write);
    if (i % batch === batch - 1) engine.flush();
  }
  engine.close();
  return writes.length;
}
