import { readOptions } from '../support/options.js';
import { encode, residentBytes, startSegmentd } from '../support/peers.js';
import { printTable } from '../support/table.js';
import { TagPicker, tagName, userId } from '../support/users.js';

export const name = 'server-memory';
export const summary =
  'bytes of memory per (user, tag) pair of a server filled by HSET; --users, or --users --of --each';

/** What is loaded unless `--of` and `--each` say it: tags for each user, and of how many. */
const PLANS: readonly { each: number; of: number }[] = [
  { each: 10, of: 200 },
  { each: 200, of: 1_000 },
  { each: 200, of: 2_000 },
];

function* commands(users: number, each: number, of: number): Generator<Buffer> {
  const picker = new TagPicker({ users, each, of });
  for (let user = 0; user < users; user++) {
    const words = ['HSET', `user:${userId(user)}`];
    for (const tag of picker.tagsOf(user)) words.push(tagName(tag), '1');
    yield encode(...words);
  }
}

/** Prints a line a plan: resident memory of the server less what the same process had when it came up, empty. */
export async function run(args: readonly string[]): Promise<void> {
  const given = readOptions(args, { users: 1_000_000, of: 0, each: 0 });
  const { users } = given;
  const plans = given.of === 0 && given.each === 0 ? PLANS : [given];
  const rows = [];
  for (const { each, of } of plans) {
    const server = await startSegmentd();
    try {
      const empty = await residentBytes(server.pid);
      await server.fill(commands(users, each, of), users);
      const full = await residentBytes(server.pid);
      rows.push([`${each} of ${of}`, empty / 2 ** 20, full / 2 ** 20, (full - empty) / (users * each)]);
    } finally {
      await server.stop();
    }
  }
  console.log(`${users} users with ids of 16 bytes, one HSET a user\n`);
  printTable(['tags', 'empty MiB', 'full MiB', 'bytes per pair'], rows);
}
