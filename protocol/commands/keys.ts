/** Commands on keys of any kind: users, tags and audiences. */
import { membersOf } from '../../src/engine.js';
import { anyKey, bytePattern, cursor, many, option, options, pageSize, text } from '../arguments.js';
import { type Call, command } from '../command.js';
import { type AudienceKeyName, audiencesAreReadOnly, type KeyName } from '../keyspace.js';
import * as replies from '../replies.js';
import { isSaved } from './set-users.js';

const group = 'keys';
const SCAN_COUNT = 10;
/** Cursors of SCAN: users' ordinals come first, then tags' numbers, then the hashes of audiences' names. */
const TAGS_FROM = 2 ** 32;
const AUDIENCES_FROM = 2 * TAGS_FROM;
const MAX_ID_BYTES = 255;

function exists(call: Call, name: KeyName): boolean {
  const { engine } = call;
  if (name.kind === 'user') return name.id.length <= MAX_ID_BYTES && engine.has(name.id);
  // Whether somebody is in it, an expression does not tell without work.
  if (name.kind === 'audience') return isSaved(call, name);
  return engine.count(name.tag, name.value) > 0;
}

/** What of a key exists: a user, a tag or an audience; with equal prefixes the user comes first. */
export function found(call: Call, key: Uint8Array): KeyName | undefined {
  return call.keyspace.meanings(key).find((name) => exists(call, name));
}

function remove({ engine }: Call, name: Exclude<KeyName, AudienceKeyName>): void {
  if (name.kind === 'user') engine.eraseUser(name.id);
  else if (name.value === undefined) engine.apply({ type: 'clearTag', tag: name.tag });
  else {
    const ordinals = membersOf(engine.store, name.tag, name.value)!.toUint32Array();
    const users = Array.from(ordinals, (ordinal) => engine.store.idOf(ordinal));
    engine.removeUsers(name.tag, users, name.value);
  }
}

function typeOf(name: KeyName | undefined): string {
  if (name === undefined) return 'none';
  return name.kind === 'user' ? 'hash' : 'set';
}

/**
 * Keys from `cursor` on: users in ordinal order, then tags by number, then audiences; about `count` are looked at.
 */
function scan(
  call: Call,
  cursor: number,
  count: number,
  type: string | undefined,
): { next: number; keys: Buffer[] } {
  const { engine, keyspace } = call;
  const { catalog } = engine.store;
  const users = engine.store.users.now;
  const keys: Buffer[] = [];
  let left = count;
  let at = cursor;
  if (at < TAGS_FROM) {
    const skip = at === 0 ? 0 : users.rank(at - 1);
    const size = Math.min(left, users.size - skip);
    const ordinals = users.rangeUint32Array(new Uint32Array(size), skip, size);
    if (type !== 'set')
      for (const ordinal of ordinals) keys.push(keyspace.userKey(engine.store.idOf(ordinal)));
    if (skip + size < users.size) return { next: ordinals.at(-1)! + 1, keys };
    left -= size;
    at = TAGS_FROM;
  }
  if (at < AUDIENCES_FROM) {
    let id = at - TAGS_FROM;
    for (; id < catalog.idLimit && left > 0; id++, left--) {
      const tag = catalog.byId(id);
      if (tag !== undefined && tag.column.count > 0 && type !== 'hash')
        keys.push(Buffer.from(keyspace.tagKey(tag.name)));
    }
    if (id < catalog.idLimit) return { next: TAGS_FROM + id, keys };
    at = AUDIENCES_FROM;
  }
  if (!keyspace.hasAudiences) return { next: 0, keys };
  const { names, next } = call.server.audienceOrder.page(at - AUDIENCES_FROM, left);
  if (type !== 'hash') for (const name of names) keys.push(Buffer.from(keyspace.audienceKey(name)));
  return { next: next < 0 ? 0 : AUDIENCES_FROM + next, keys };
}

function allKeys(call: Call): Buffer[] {
  return scan(call, 0, Number.MAX_SAFE_INTEGER, undefined).keys;
}

function removable({ keyspace }: Call, key: Uint8Array): Exclude<KeyName, AudienceKeyName>[] {
  return keyspace.meanings(key).map((name) => {
    if (name.kind === 'audience') throw audiencesAreReadOnly();
    return name;
  });
}

function deletion(name: string, summary: string) {
  return command({
    name,
    summary,
    group,
    complexity: 'O(N), N the tags of the users and the users of the tags',
    flags: ['write'],
    arguments: { keys: many(anyKey()) },
    reply: replies.integer,
    differs:
      'A declared tag stays declared, without users; TAG.DROP forgets it. Audiences are refused; SEG.DROP forgets them.',
    run(call, { keys }) {
      let deleted = 0;
      // All keys are looked at before any goes, since one may be refused.
      for (const meanings of keys.map((key) => removable(call, key))) {
        const names = meanings.filter((meaning) => exists(call, meaning));
        for (const meaning of names) remove(call, meaning);
        if (names.length > 0) deleted++;
      }
      return deleted;
    },
  });
}

/** Keys never expire: -1, or -2 when there is no such key. */
function timeToLive(name: string, unit: string) {
  return command({
    name,
    summary: `The ${unit} a key has left: -1, since keys do not expire, or -2 when it does not exist.`,
    group,
    complexity: 'O(1)',
    flags: ['readonly', 'fast'],
    arguments: { key: anyKey() },
    reply: replies.integer,
    run: (call, { key }) => (found(call, key) === undefined ? -2 : -1),
  });
}

export const keyCommands = [
  command({
    name: 'TYPE',
    summary: 'What a key is: hash for a user, set for a tag or an audience, none.',
    group,
    complexity: 'O(1)',
    flags: ['readonly', 'fast'],
    arguments: { key: anyKey() },
    reply: replies.simple,
    run: (call, { key }) => typeOf(found(call, key)),
  }),
  command({
    name: 'EXISTS',
    summary: 'How many of the keys exist; one that is named twice counts twice.',
    group,
    complexity: 'O(N), N the keys',
    flags: ['readonly', 'fast'],
    arguments: { keys: many(anyKey()) },
    reply: replies.integer,
    differs: 'The key of an audience exists as long as the audience does, with users or without.',
    run: (call, { keys }) => keys.filter((key) => found(call, key) !== undefined).length,
  }),
  deletion('DEL', 'Erases users, and takes tags from all of their users. Replies how many keys existed.'),
  deletion('UNLINK', 'The same as DEL.'),
  command({
    name: 'SCAN',
    summary:
      'A page of all keys: users, then tags, then audiences. Keys that exist all the while come exactly once.',
    group,
    complexity: 'O(N), N the page',
    flags: ['readonly'],
    arguments: {
      cursor: cursor(),
      options: options({
        match: option('MATCH', bytePattern()),
        count: option('COUNT', pageSize()),
        type: option('TYPE', text()),
      }),
    },
    reply: replies.page(replies.bulk),
    differs: 'Keys of single values (tag:NAME=VALUE) are views of their tag and are not listed.',
    run(call, { cursor: from, options: { match, count = SCAN_COUNT, type } }) {
      const { next, keys } = scan(call, from, count, type?.toLowerCase());
      const isOtherType = type !== undefined && !['hash', 'set'].includes(type.toLowerCase());
      const items = isOtherType ? [] : keys.filter((key) => match?.(key) ?? true);
      return { cursor: String(next), items };
    },
  }),
  command({
    name: 'KEYS',
    summary: 'All keys that match a pattern. Holds everybody up meanwhile; SCAN does not.',
    group,
    complexity: 'O(N), N all keys',
    flags: ['readonly', 'dangerous'],
    arguments: { pattern: bytePattern() },
    reply: replies.array(replies.bulk),
    run: (call, { pattern }) => allKeys(call).filter(pattern),
  }),
  command({
    name: 'RANDOMKEY',
    summary: 'Any key.',
    group,
    complexity: 'O(N), N the tags and audiences',
    flags: ['readonly'],
    arguments: {},
    reply: replies.bulk,
    run({ engine: { store }, keyspace }) {
      const tags = [...store.catalog.all()].filter((tag) => tag.column.count > 0);
      const audiences = keyspace.hasAudiences ? [...store.audiences.all()] : [];
      const at = Math.floor(Math.random() * (store.users.size + tags.length + audiences.length));
      if (at < store.users.size) return keyspace.userKey(store.idOf(store.users.now.select(at)!));
      const tag = tags[at - store.users.size];
      if (tag !== undefined) return keyspace.tagKey(tag.name);
      const audience = audiences[at - store.users.size - tags.length];
      return audience === undefined ? null : keyspace.audienceKey(audience.name);
    },
  }),
  timeToLive('TTL', 'seconds'),
  timeToLive('PTTL', 'milliseconds'),
];
