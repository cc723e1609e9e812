/** Set commands: the users of a tag, or of one value of it; saved audiences are sets that are only read. */
import type { UserPage } from '../../src/audience/queries.js';
import { type Bitmap, differenceOf, intersectionOf, unionOf } from '../../src/store/bitmap.js';
import { Query } from '../../src/store/query.js';
import {
  bytePattern,
  bytes,
  cursor,
  integer,
  type Matcher,
  many,
  noMore,
  numberedKeys,
  type Option,
  option,
  optional,
  options,
  pageSize,
  randomCount,
  setKey,
  tagKey,
  token,
} from '../arguments.js';
import { type Call, command } from '../command.js';
import type { SetKeyName, TagKeyName } from '../keyspace.js';
import * as replies from '../replies.js';
import { saddHot, scardHot, sismemberHot, sremHot } from './hot-sets.js';
import {
  type Combine,
  countUsers,
  countUsersAt,
  isSaved,
  testUsers,
  userSet,
  usersOfTag,
  withCombined,
  withUsers,
} from './set-users.js';
import { atEnd } from './versions-arguments.js';

const group = 'set';
/** Users written by one mutation, where a result of any size is stored. */
const BATCH = 10_000;
const SCAN_COUNT = 10;
const NOT_POSITIVE = 'value is out of range, must be positive';
const limit = integer(0, Number.MAX_SAFE_INTEGER, "LIMIT can't be negative");

function difference(bitmaps: readonly Bitmap[]): Bitmap {
  const [first, ...others] = bitmaps;
  const result = first!.clone();
  for (const other of others) result.andNotInPlace(other);
  return result;
}

/** Makes `members` the users of a key, whoever had it before. Returns how many there are. */
function store(call: Call, { tag, value }: TagKeyName, members: Bitmap): number {
  const { engine } = call;
  const before = usersOfTag(call, { kind: 'tag', tag, value });
  const left = differenceOf(before, members).toUint32Array();
  const entered = differenceOf(members, before).toUint32Array();
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
      summary: `The ${title} of tags and audiences: users' ids.`,
      group,
      complexity: 'O(N), N the users of all the sets',
      flags: ['readonly'],
      arguments: { keys: many(setKey()) },
      reply: userSet,
      run: (call, { keys }) => ({
        store: call.engine.store,
        users: withCombined(call, keys, combine, (users) => users),
      }),
    }),
    command({
      name: `S${verb}STORE`,
      summary: `Makes the ${title} of tags and audiences the users of a tag; replies how many they are.`,
      group,
      complexity: 'O(N), N the users of all the sets',
      flags: ['write'],
      arguments: { destination: tagKey(), keys: many(setKey()) },
      reply: replies.soon(replies.integer),
      run: (call, { destination, keys }) =>
        withCombined(call, keys, combine, (users) => store(call, destination, users)),
    }),
    command({
      name: `S${verb}CARD`,
      summary: `How many users are in the ${title} of tags and audiences; with LIMIT, at most so many.`,
      group,
      complexity: 'O(N), N the users of all the sets',
      flags: ['readonly'],
      ...(verb === 'UNION' && { differs: 'APPROX changes nothing: the count is exact and fast without it.' }),
      arguments: { keys: numberedKeys(), options: options({ ...approx, limit: option('LIMIT', limit) }) },
      reply: replies.soon(replies.integer),
      run(call, { keys, options: { limit: most = 0 } }) {
        const atMost = (count: number): number => (most === 0 ? count : Math.min(count, most));
        const [a, b] = keys;
        if (keys.length === 1) return countUsers(call, a!, most);
        if (keys.length > 2 || a!.kind !== 'tag' || b!.kind !== 'tag')
          return withCombined(call, keys, combine, (users) => atMost(users.size));
        return atMost(cardinality(usersOfTag(call, a!), usersOfTag(call, b!), verb));
      },
    }),
  ];
}

/** The size of a combination of two sets, counted without making the result. */
function cardinality(a: Bitmap, b: Bitmap, verb: string): number {
  if (verb === 'INTER') return a.andCardinality(b);
  return verb === 'UNION' ? a.orCardinality(b) : a.andNotCardinality(b);
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

/** `count` users of a key from an ordinal on. */
function pageOf(call: Call, key: SetKeyName, from: number, count: number): UserPage | Query<UserPage> {
  if (key.kind === 'tag') return pageOfTag(call, key, from, count);
  if (!isSaved(call, key)) return { cursor: 0, ids: [] };
  return call.engine.audiences.queries.page({ type: 'audience', name: key.name }, { cursor: from, count });
}

function pageOfTag(call: Call, key: TagKeyName, from: number, count: number): UserPage {
  const users = usersOfTag(call, key);
  const skip = from === 0 ? 0 : users.rank(from - 1);
  const size = Math.min(count, Math.max(0, users.size - skip));
  const ordinals = users.rangeUint32Array(new Uint32Array(size), skip, size);
  const isLast = skip + size >= users.size;
  return {
    cursor: isLast ? 0 : ordinals.at(-1)! + 1,
    ids: Array.from(ordinals, (ordinal) => call.engine.store.idOf(ordinal)),
  };
}

const pageReply = replies.page(replies.bulk);

/** A page of ids, without those that do not match. */
const scanned: replies.Reply<{ page: UserPage | Query<UserPage>; match: Matcher | undefined }> = {
  shape: pageReply.shape,
  write(target, { page, match }) {
    const write = ({ cursor: next, ids }: UserPage): void => {
      pageReply.write(target, { cursor: String(next), items: match === undefined ? ids : ids.filter(match) });
    };
    if (page instanceof Query) target.later(page, write);
    else write(page);
  },
};

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
    summary: 'Whether a user has a tag, or one value of it, or is in an audience.',
    group,
    complexity: "O(1) for a tag, O(N) for an audience, N the user's tags and the parts of the expression",
    flags: ['readonly', 'fast'],
    arguments: { key: setKey(), member: bytes() },
    reply: replies.yesNo,
    run: (call, { key, member }) => testUsers(call, key, [member])[0]!,
    hot: sismemberHot,
  }),
  command({
    name: 'SMISMEMBER',
    summary: 'Which of some users have a tag, or one value of it, or are in an audience.',
    group,
    complexity: 'O(N), N the users given',
    flags: ['readonly', 'fast'],
    arguments: { key: setKey(), members: many(bytes()) },
    reply: replies.array(replies.yesNo),
    run: (call, { key, members }) => testUsers(call, key, members),
  }),
  command({
    name: 'SCARD',
    summary: 'How many users have a tag, or one value of it, or are in an audience.',
    group,
    complexity: 'O(1) for a tag or a fixed audience, else as SEG.COUNT',
    flags: ['readonly', 'fast'],
    arguments: { key: setKey(), at: atEnd() },
    reply: replies.soon(replies.integer),
    differs: 'AT counts the users of another moment; see versions.md.',
    run: (call, { key, at }) => (at === undefined ? countUsers(call, key) : countUsersAt(call, key, at)),
    hot: scardHot,
  }),
  command({
    name: 'SMEMBERS',
    summary:
      'The ids of all users who have a tag, or one value of it, or are in an audience; streamed when there are many.',
    group,
    complexity: 'O(N), N the users of the set',
    flags: ['readonly'],
    arguments: { key: setKey() },
    reply: userSet,
    run: (call, { key }) => ({ store: call.engine.store, users: withUsers(call, key, (users) => users) }),
  }),
  command({
    name: 'SSCAN',
    summary: 'A page of the ids of users of a tag or an audience, in the order in which the users came.',
    group,
    complexity: 'O(N), N the page; for an audience, what is read to find it',
    flags: ['readonly'],
    arguments: {
      key: setKey(),
      cursor: cursor(),
      options: options({ match: option('MATCH', bytePattern()), count: option('COUNT', pageSize()) }),
    },
    reply: scanned,
    differs: 'Options are looked at even if there is no such set.',
    run: (call, { key, cursor: from, options: { match, count = SCAN_COUNT } }) => ({
      page: pageOf(call, key, Math.min(from, 2 ** 32), count),
      match,
    }),
  }),
  command({
    name: 'SRANDMEMBER',
    summary: 'Random users of a tag or an audience: COUNT different ones, or -COUNT that may repeat.',
    group,
    complexity: 'O(N), N the count; for an audience, what is read to find it',
    flags: ['readonly'],
    arguments: { key: setKey(), count: optional(randomCount()), rest: noMore() },
    reply: replies.soon(replies.data('bulk string or null; with a count an array')),
    differs: 'At most 1,000,000 are picked with repetition.',
    run: (call, { key, count }) =>
      withUsers(call, key, (users): replies.Data => {
        const ids = randomOrdinals(users, count ?? 1).map((ordinal) => call.engine.store.idOf(ordinal));
        return count === undefined ? (ids[0] ?? null) : ids;
      }),
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
      const ordinals = randomOrdinals(usersOfTag(call, key), count ?? 1);
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
      if (!testUsers(call, source, [member])[0]) return false;
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
