/** Hash commands: a user's tags and values. */

import type { Tag } from '../../src/store/tag-catalog.js';
import {
  block,
  bytePattern,
  bytes,
  cursor,
  integer,
  many,
  noMore,
  oneOf,
  option,
  optional,
  options,
  pageSize,
  randomCount,
  text,
  token,
  userKey,
} from '../arguments.js';
import { type Call, command } from '../command.js';
import { addDecimals } from '../decimal.js';
import * as replies from '../replies.js';
import { hdelHot, hgetHot, hmgetHot, hsetHot } from './hot-hashes.js';

const group = 'hash';
const field = bytes;

/** Field and value of every tag of a user, in the order in which the tags were made. */
function entriesOf({ engine }: Call, user: Uint8Array): [string, string][] {
  const { store } = engine;
  const address = store.find(user);
  if (address === 0) return [];
  const cells = store.cellsAt(address);
  const entries: [string, string][] = [];
  for (let i = 0; i < cells.count; i++) {
    const tag = store.catalog.byId(cells.tags[i]!)!;
    entries.push([tag.name, tag.column.textOf(cells.codes[i]!)]);
  }
  return entries;
}

/** The text of a user's value, or null. */
function textOfCell({ engine }: Call, user: Uint8Array, name: Uint8Array): string | null {
  const { store } = engine;
  const address = store.find(user);
  const tag: Tag | undefined = store.catalog.findBytes(name, 0, name.length);
  const code = address === 0 || tag === undefined ? -1 : store.codeAt(address, tag);
  return code < 0 ? null : tag!.column.textOf(code);
}

interface Cell {
  readonly field: string;
  readonly value: string;
}

function setCells({ engine }: Call, user: Uint8Array, cells: readonly Cell[]): number {
  return engine.apply({
    type: 'setTags',
    user,
    tags: cells.map(({ field: name }) => name),
    values: cells.map(({ value }) => value),
  });
}

export const hashCommands = [
  command({
    name: 'HGET',
    summary: 'The value of one tag of a user.',
    group,
    complexity: 'O(1)',
    flags: ['readonly', 'fast'],
    arguments: { key: userKey(), field: field() },
    reply: replies.bulk,
    run: (call, { key, field: name }) => textOfCell(call, key, name),
    hot: hgetHot,
  }),
  command({
    name: 'HMGET',
    summary: 'The values of some tags of a user, in their order.',
    group,
    complexity: 'O(N), N the number of fields',
    flags: ['readonly', 'fast'],
    arguments: { key: userKey(), fields: many(field()) },
    reply: replies.array(replies.bulk),
    run: (call, { key, fields }) => fields.map((name) => textOfCell(call, key, name)),
    hot: hmgetHot,
  }),
  command({
    name: 'HGETALL',
    summary: 'All tags of a user with their values.',
    group,
    complexity: 'O(N), N the tags of the user',
    flags: ['readonly'],
    arguments: { key: userKey() },
    reply: replies.map(replies.bulk),
    run: (call, { key }) => entriesOf(call, key),
  }),
  command({
    name: 'HEXISTS',
    summary: 'Whether a user has a tag.',
    group,
    complexity: 'O(1)',
    flags: ['readonly', 'fast'],
    arguments: { key: userKey(), field: field() },
    reply: replies.yesNo,
    run: (call, { key, field: name }) => textOfCell(call, key, name) !== null,
  }),
  command({
    name: 'HKEYS',
    summary: 'The names of all tags of a user.',
    group,
    complexity: 'O(N), N the tags of the user',
    flags: ['readonly'],
    arguments: { key: userKey() },
    reply: replies.array(replies.bulk),
    run: (call, { key }) => entriesOf(call, key).map(([name]) => name),
  }),
  command({
    name: 'HVALS',
    summary: 'The values of all tags of a user.',
    group,
    complexity: 'O(N), N the tags of the user',
    flags: ['readonly'],
    arguments: { key: userKey() },
    reply: replies.array(replies.bulk),
    run: (call, { key }) => entriesOf(call, key).map(([, value]) => value),
  }),
  command({
    name: 'HLEN',
    summary: 'How many tags a user has.',
    group,
    complexity: 'O(1)',
    flags: ['readonly', 'fast'],
    arguments: { key: userKey() },
    reply: replies.integer,
    run({ engine: { store } }, { key }) {
      const address = store.find(key);
      return address === 0 ? 0 : store.cellsAt(address).count;
    },
  }),
  command({
    name: 'HSTRLEN',
    summary: 'The length of the value of one tag of a user, in bytes.',
    group,
    complexity: 'O(1)',
    flags: ['readonly', 'fast'],
    arguments: { key: userKey(), field: field() },
    reply: replies.integer,
    run: (call, { key, field: name }) => Buffer.byteLength(textOfCell(call, key, name) ?? ''),
  }),
  command({
    name: 'HSET',
    summary: 'Gives a user tags with values; a flag has the value 1. Replies how many the user did not have.',
    group,
    complexity: 'O(N), N the fields and the tags that the user has',
    flags: ['write', 'fast'],
    arguments: { key: userKey(), cells: many(block({ field: text(), value: text() })) },
    reply: replies.integer,
    differs: 'A value must suit its tag: 1 for a declared flag, a number for a declared number.',
    run: (call, { key, cells }) => setCells(call, key, cells),
    hot: hsetHot,
  }),
  command({
    name: 'HMSET',
    summary: 'Gives a user tags with values. HSET does the same and replies how many are new.',
    group,
    complexity: 'O(N), N the fields and the tags that the user has',
    flags: ['write', 'fast'],
    arguments: { key: userKey(), cells: many(block({ field: text(), value: text() })) },
    reply: replies.ok,
    run(call, { key, cells }) {
      setCells(call, key, cells);
    },
  }),
  command({
    name: 'HSETNX',
    summary: 'Gives a user a tag with a value unless the user has the tag.',
    group,
    complexity: 'O(N), N the tags that the user has',
    flags: ['write', 'fast'],
    arguments: { key: userKey(), field: text(), value: text() },
    reply: replies.yesNo,
    run(call, { key, field: name, value }) {
      if (textOfCell(call, key, Buffer.from(name)) !== null) return false;
      return setCells(call, key, [{ field: name, value }]) > 0;
    },
  }),
  command({
    name: 'HDEL',
    summary: 'Takes tags from a user; a user without tags is no more. Replies how many the user had.',
    group,
    complexity: 'O(N), N the fields and the tags that the user has',
    flags: ['write', 'fast'],
    arguments: { key: userKey(), fields: many(field()) },
    reply: replies.integer,
    run: ({ engine }, { key, fields }) => engine.removeTags(key, fields.map(String)),
    hot: hdelHot,
  }),
  command({
    name: 'HINCRBY',
    summary: "Adds a whole number to a user's number and replies the sum.",
    group,
    complexity: 'O(N), N the tags that the user has',
    flags: ['write', 'fast'],
    arguments: { key: userKey(), field: text(), increment: integer() },
    reply: replies.data('integer, or a bulk string where the tag has decimals'),
    differs: 'Numbers are exact within ±2^52, not 2^63; a tag that does not exist becomes a number.',
    run(call, { key, field: name, increment }) {
      call.engine.apply({ type: 'increment', user: key, tag: name, by: increment });
      const sum = textOfCell(call, key, Buffer.from(name))!;
      return Number.isInteger(Number(sum)) ? Number(sum) : sum;
    },
  }),
  command({
    name: 'HINCRBYFLOAT',
    summary: "Adds a decimal number to a user's value and replies the sum.",
    group,
    complexity: 'O(N), N the tags that the user has',
    flags: ['write', 'fast'],
    arguments: { key: userKey(), field: text(), increment: text() },
    reply: replies.bulk,
    differs: 'Sums are exact decimals; a declared number refuses more decimals than its scale.',
    run(call, { key, field: name, increment }) {
      const sum = addDecimals(textOfCell(call, key, Buffer.from(name)) ?? '0', increment);
      setCells(call, key, [{ field: name, value: sum }]);
      return sum;
    },
  }),
  command({
    name: 'HSCAN',
    summary: "A user's tags and values; always all of them at once, as Redis does with small hashes.",
    group,
    complexity: 'O(N), N the tags of the user',
    flags: ['readonly'],
    arguments: {
      key: userKey(),
      cursor: cursor(),
      options: options({
        match: option('MATCH', bytePattern()),
        count: option('COUNT', pageSize()),
        noValues: token('NOVALUES'),
      }),
    },
    reply: replies.page(replies.bulk),
    differs: 'Options are looked at even if there is no such user.',
    run(call, { key, options: { match, noValues } }) {
      const entries = entriesOf(call, key).filter(([name]) => match?.(name) ?? true);
      return { cursor: '0', items: noValues === true ? entries.map(([name]) => name) : entries.flat() };
    },
  }),
  command({
    name: 'HRANDFIELD',
    summary: 'Random tags of a user: COUNT different ones, or -COUNT that may repeat.',
    group,
    complexity: 'O(N), N the tags of the user',
    flags: ['readonly'],
    arguments: {
      key: userKey(),
      count: optional(randomCount()),
      withValues: optional(oneOf('withvalues')),
      rest: noMore(),
    },
    reply: replies.data('bulk string or null; with a count an array, with values of pairs in RESP3'),
    differs: 'At most 1,000,000 are picked with repetition.',
    run(call, { key, count, withValues }) {
      const entries = entriesOf(call, key);
      if (count === undefined) return pickRandom(entries, -1)[0]?.[0] ?? null;
      const picked = pickRandom(entries, count);
      if (withValues === undefined) return picked.map(([name]) => name);
      return call.session.protocol === 3 ? picked : picked.flat();
    },
  }),
];

/** `count` different items in random order, or `-count` that may repeat. */
export function pickRandom<T>(items: readonly T[], count: number): T[] {
  if (items.length === 0) return [];
  if (count < 0)
    return Array.from({ length: -count }, () => items[Math.floor(Math.random() * items.length)]!);
  const rest = [...items];
  const picked: T[] = [];
  while (picked.length < count && rest.length > 0) {
    const at = Math.floor(Math.random() * rest.length);
    picked.push(rest[at]!);
    rest[at] = rest[rest.length - 1]!;
    rest.pop();
  }
  return picked;
}
