/** Set commands: the users of a tag, or of one value of it. */
import { codeOrNone, countOf, membersOf } from '../../src/engine.js';
import { type Bitmap, bitmapOf, intersectionOf, unionOf } from '../../src/store/bitmap.js';
import {
  bytePattern,
  bytes,
  cursor,
  integer,
  many,
  noMore,
  numberedKeys,
  type Option,
  option,
  optional,
  options,
  pageSize,
  randomCount,
  tagKey,
  token,
} from '../arguments.js';
import { type Call, command } from '../command.js';
import type { TagKeyName } from '../keyspace.js';
import * as replies from '../replies.js';
import { saddHot, scardHot, sismemberHot, sremHot } from './hot-sets.js';

const group = 'set';
/** Users written by one mutation, where a result of any size is stored. */
const BATCH = 10_000;
const SCAN_COUNT = 10;
const NOT_POSITIVE = 'value is out of range, must be positive';
const limit = integer(0, Number.MAX_SAFE_INTEGER, "LIMIT can't be negative");

/** The users a key names. May be a column's own bitmap: read it at once. */
function membersOfKey({ engine }: Call, { tag, value }: TagKeyName): Bitmap {
  return membersOf(engine.store, tag, value) ?? bitmapOf();
}

function isMember({ engine: { store } }: Call, { tag: name, value }: TagKeyName, user: Uint8Array): boolean {
  const tag = store.catalog.find(name);
  if (tag === undefined || user.length === 0 || user.length > 255) return false;
  const address = store.find(user);
  const code = address === 0 ? -1 : store.records.probe(address, tag.id);
  return code >= 0 && (value === undefined || code === codeOrNone(tag, value));
}

function difference(bitmaps: readonly Bitmap[]): Bitmap {
  const [first, ...others] = bitmaps;
  const result = first!.clone();
  for (const other of others) result.andNotInPlace(other);
  return result;
}

type Combine = (bitmaps: readonly Bitmap[]) => Bitmap;

function combined(call: Call, keys: readonly TagKeyName[], combine: Combine): Bitmap {
  return combine(keys.map((key) => membersOfKey(call, key)));
}

/** Makes `members` the users of a key, whoever had it before. Returns how many there are. */
function store(call: Call, { tag, value }: TagKeyName, members: Bitmap): number {
  const { engine } = call;
  const before = membersOf(engine.store, tag, value) ?? bitmapOf();
  const left = difference([before, members]).toUint32Array();
  const entered = difference([members, before]).toUint32Array();
  const size = members.size;
  const write = (type: 'addUsers' | 'removeUsers', ordinals: Uint32Array): void => {
    for (let at = 0; at < ordinals.length; at += BATCH) {
      const users = Array.from(ordinals.subarray(at, at + BATCH), (ordinal) => engine.store.idOf(ordinal));
      engine.apply({ type, tag, value, users });
    }
  };
  // Those who enter come first: a user whose only tag is this one must not be erased in between.
  write('addUsers', entered);
  write('removeUsers', left);
  return size;
}

function combineCommands(verb: string, title: string, combine: Combine) {
  const approx: Record<string, Option<true>> = verb === 'UNION' ? { approx: token('APPROX') } : {};
  return [
    command({
      name: `S${verb}`,
      summary: `The ${title} of tags: users' ids.`,
      group,
      complexity: 'O(N), N the users of all the tags',
      flags: ['readonly'],
      arguments: { keys: many(tagKey()) },
      reply: replies.members,
      run: (call, { keys }) => call.engine.store.openCursor(combined(call, keys, combine)),
    }),
    command({
      name: `S${verb}STORE`,
      summary: `Makes the ${title} of tags the users of another; replies how many they are.`,
      group,
      complexity: 'O(N), N the users of all the tags',
      flags: ['write'],
      arguments: { destination: tagKey(), keys: many(tagKey()) },
      reply: replies.integer,
      run: (call, { destination, keys }) => store(call, destination, combined(call, keys, combine)),
    }),
    command({
      name: `S${verb}CARD`,
      summary: `How many users are in the ${title} of tags; with LIMIT, at most so many.`,
      group,
      complexity: 'O(N), N the users of all the tags',
      flags: ['readonly'],
      ...(verb === 'UNION' && { differs: 'APPROX changes nothing: the count is exact and fast without it.' }),
      arguments: { keys: numberedKeys(), options: options({ ...approx, limit: option('LIMIT', limit) }) },
      reply: replies.integer,
      run(call, { keys, options: { limit: most = 0 } }) {
        const count = cardinality(call, keys, verb, combine);
        return most === 0 ? count : Math.min(count, most);
      },
    }),
  ];
}

/** The size of a combination; of two sets it is counted without making the result. */
function cardinality(call: Call, keys: readonly TagKeyName[], verb: string, combine: Combine): number {
  const [a, b] = keys;
  if (keys.length === 1) return countOf(call.engine.store, a!.tag, a!.value);
  if (keys.length > 2) return combined(call, keys, combine).size;
  const [x, y] = [membersOfKey(call, a!), membersOfKey(call, b!)];
  if (verb === 'INTER') return x.andCardinality(y);
  return verb === 'UNION' ? x.orCardinality(y) : x.andNotCardinality(y);
}

/** `count` different ordinals, or `-count` that may repeat. */
function randomOrdinals(members: Bitmap, count: number): number[] {
  const { size } = members;
  if (size === 0) return [];
  const pick = (): number => members.select(Math.floor(Math.random() * size))!;
  if (count < 0) return Array.from({ length: -count }, pick);
  if (count >= size) return members.toArray();
  const wanted = Math.min(count, size - count);
  const chosen = new Set<number>();
  while (chosen.size < wanted) chosen.add(pick());
  if (wanted === count) return [...chosen];
  const rest = members.clone();
  rest.removeMany(chosen);
  return rest.toArray();
}

export const setCommands = [
  command({
    name: 'SADD',
    summary: 'Gives users a tag, or one value of it. Replies how many did not have it.',
    group,
    complexity: 'O(N), N the users given',
    flags: ['write', 'fast'],
    arguments: { key: tagKey(), members: many(bytes()) },
    reply: replies.integer,
    differs: 'A user has one value of an enum at most: SADD tag:NAME=VALUE moves the user to it.',
    run: ({ engine }, { key: { tag, value }, members }) => engine.addUsers(tag, members, value),
    hot: saddHot,
  }),
  command({
    name: 'SREM',
    summary: 'Takes a tag, or one value of it, from users. Replies how many had it.',
    group,
    complexity: 'O(N), N the users given',
    flags: ['write', 'fast'],
    arguments: { key: tagKey(), members: many(bytes()) },
    reply: replies.integer,
    run: ({ engine }, { key: { tag, value }, members }) => engine.removeUsers(tag, members, value),
    hot: sremHot,
  }),
  command({
    name: 'SISMEMBER',
    summary: 'Whether a user has a tag, or one value of it.',
    group,
    complexity: 'O(1)',
    flags: ['readonly', 'fast'],
    arguments: { key: tagKey(), member: bytes() },
    reply: replies.yesNo,
    run: (call, { key, member }) => isMember(call, key, member),
    hot: sismemberHot,
  }),
  command({
    name: 'SMISMEMBER',
    summary: 'Which of some users have a tag, or one value of it.',
    group,
    complexity: 'O(N), N the users given',
    flags: ['readonly', 'fast'],
    arguments: { key: tagKey(), members: many(bytes()) },
    reply: replies.array(replies.yesNo),
    run: (call, { key, members }) => members.map((member) => isMember(call, key, member)),
  }),
  command({
    name: 'SCARD',
    summary: 'How many users have a tag, or one value of it.',
    group,
    complexity: 'O(1)',
    flags: ['readonly', 'fast'],
    arguments: { key: tagKey() },
    reply: replies.integer,
    run: ({ engine }, { key: { tag, value } }) => engine.count(tag, value),
    hot: scardHot,
  }),
  command({
    name: 'SMEMBERS',
    summary: 'The ids of all users who have a tag, or one value of it; streamed when there are many.',
    group,
    complexity: 'O(N), N the users of the tag',
    flags: ['readonly'],
    arguments: { key: tagKey() },
    reply: replies.members,
    run: (call, { key }) => call.engine.store.openCursor(membersOfKey(call, key)),
  }),
  command({
    name: 'SSCAN',
    summary: 'A page of the ids of users who have a tag, in the order in which the users came.',
    group,
    complexity: 'O(N), N the page',
    flags: ['readonly'],
    arguments: {
      key: tagKey(),
      cursor: cursor(),
      options: options({ match: option('MATCH', bytePattern()), count: option('COUNT', pageSize()) }),
    },
    reply: replies.page(replies.bulk),
    differs: 'Options are looked at even if there is no such tag.',
    run(call, { key, cursor: from, options: { match, count = SCAN_COUNT } }) {
      const members = membersOfKey(call, key);
      const skip = from === 0 ? 0 : members.rank(Math.min(from, 2 ** 32) - 1);
      const size = Math.min(count, Math.max(0, members.size - skip));
      const ordinals = members.rangeUint32Array(new Uint32Array(size), skip, size);
      const ids = Array.from(ordinals, (ordinal) => call.engine.store.idOf(ordinal));
      const isLast = skip + size >= members.size;
      return {
        cursor: isLast ? '0' : String(ordinals.at(-1)! + 1),
        items: match === undefined ? ids : ids.filter(match),
      };
    },
  }),
  command({
    name: 'SRANDMEMBER',
    summary: 'Random users of a tag: COUNT different ones, or -COUNT that may repeat.',
    group,
    complexity: 'O(N), N the count',
    flags: ['readonly'],
    arguments: { key: tagKey(), count: optional(randomCount()), rest: noMore() },
    reply: replies.data('bulk string or null; with a count an array'),
    differs: 'At most 1,000,000 are picked with repetition.',
    run(call, { key, count }) {
      const ids = randomOrdinals(membersOfKey(call, key), count ?? 1).map((ordinal) =>
        call.engine.store.idOf(ordinal),
      );
      return count === undefined ? (ids[0] ?? null) : ids;
    },
  }),
  command({
    name: 'SPOP',
    summary: 'Takes a tag from random users and replies who they were.',
    group,
    complexity: 'O(N), N the count',
    flags: ['write', 'fast'],
    arguments: {
      key: tagKey(),
      count: optional(integer(0, Number.MAX_SAFE_INTEGER, NOT_POSITIVE)),
      rest: noMore(),
    },
    reply: replies.data('bulk string or null; with a count a set'),
    run(call, { key, count }) {
      const ordinals = randomOrdinals(membersOfKey(call, key), count ?? 1);
      const ids = ordinals.map((ordinal) => call.engine.store.idOf(ordinal));
      call.engine.removeUsers(key.tag, ids, key.value);
      return count === undefined ? (ids[0] ?? null) : new Set(ids);
    },
  }),
  command({
    name: 'SMOVE',
    summary: 'Takes one tag from a user and gives another, if the user has the first.',
    group,
    complexity: 'O(N), N the tags that the user has',
    flags: ['write', 'fast'],
    arguments: { source: tagKey(), destination: tagKey(), member: bytes() },
    reply: replies.yesNo,
    run(call, { source, destination, member }) {
      if (!isMember(call, source, member)) return false;
      call.engine.addUsers(destination.tag, [member], destination.value);
      // Within one tag the user has moved from value to value already.
      if (source.tag !== destination.tag) call.engine.removeUsers(source.tag, [member], source.value);
      return true;
    },
  }),
  ...combineCommands('INTER', 'intersection', intersectionOf),
  ...combineCommands('UNION', 'union', unionOf),
  ...combineCommands('DIFF', 'difference', difference),
];
