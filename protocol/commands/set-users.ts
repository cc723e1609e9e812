/**
 * The users behind the keys of sets. Those of tags are there at once; those of saved audiences may have to be found first, by
 * a query that is about the moment in which the command came.
 */

import { codeOrNone, countOf, membersOf } from '../../src/engine.js';
import type { Moment } from '../../src/index.js';
import { type Bitmap, bitmapOf, unionOf } from '../../src/store/bitmap.js';
import { Query } from '../../src/store/query.js';
import type { SegmentStore } from '../../src/store/segment-store.js';
import { MAX_ID_BYTES } from '../../src/store/user-key.js';
import type { Call } from '../command.js';
import type { AudienceKeyName, SetKeyName, TagKeyName } from '../keyspace.js';
import * as replies from '../replies.js';

/** Puts sets together in a new one. */
export type Combine = (sets: readonly Bitmap[]) => Bitmap;

/** The users of a tag. May be a column's own bitmap: read it at once. */
export function usersOfTag({ engine }: Call, { tag, value }: TagKeyName): Bitmap {
  return membersOf(engine.store, tag, value) ?? bitmapOf();
}

/** Is there such an audience? A key without one is an empty set. */
export function isSaved({ engine }: Call, { name }: AudienceKeyName): boolean {
  return engine.store.audiences.find(name) !== undefined;
}

/** What `use` makes of the users of a key; it does not change them. */
export function withUsers<T>(call: Call, key: SetKeyName, use: (users: Bitmap) => T): T | Query<T> {
  if (key.kind === 'tag') return use(usersOfTag(call, key));
  if (!isSaved(call, key)) return use(bitmapOf());
  return call.engine.audiences.queries.combination([key.name], unionOf, use);
}

/** As `withUsers`, for the users that `combine` finds in several keys. */
export function withCombined<T>(
  call: Call,
  keys: readonly SetKeyName[],
  combine: Combine,
  use: (users: Bitmap) => T,
): T | Query<T> {
  const isReady = keys.every((key) => key.kind === 'tag' || !isSaved(call, key));
  if (isReady)
    return use(combine(keys.map((key) => (key.kind === 'tag' ? usersOfTag(call, key) : bitmapOf()))));
  const sets = keys.map((key) => {
    if (key.kind === 'tag') return usersOfTag(call, key).clone();
    return isSaved(call, key) ? key.name : bitmapOf();
  });
  return call.engine.audiences.queries.combination(sets, combine, use);
}

/** How many users a key has; with a `limit` that is not 0, at most so many. */
export function countUsers(call: Call, key: SetKeyName, limit = 0): number | Query<number> {
  const { store, audiences } = call.engine;
  if (key.kind === 'tag') {
    const count = countOf(store, key.tag, key.value);
    return limit === 0 ? count : Math.min(count, limit);
  }
  if (!isSaved(call, key)) return 0;
  return audiences.queries.count({ type: 'audience', name: key.name }, { limit });
}

/** How many users a key had at another moment. Throws UNKNOWN_TAG or UNKNOWN_AUDIENCE for a key that is not there now. */
export function countUsersAt({ engine }: Call, key: SetKeyName, at: Moment): Query<number> {
  const { queries } = engine.audiences;
  if (key.kind === 'audience') return queries.count({ type: 'audience', name: key.name }, { at });
  const { tag, value } = key;
  if (value === undefined) return queries.count({ type: 'has', tag }, { at });
  return queries.count({ type: 'compare', tag, operator: '=', value }, { at });
}

/** Which of some users a key has, from their vectors. */
export function testUsers(call: Call, key: SetKeyName, users: readonly Uint8Array[]): boolean[] {
  const { store, audiences } = call.engine;
  if (key.kind === 'tag') return users.map((user) => hasTag(store, key, user));
  const possible = users.filter(isPossible);
  if (!isSaved(call, key)) return users.map(() => false);
  const found = audiences.test({ type: 'audience', name: key.name }, possible);
  let at = 0;
  return users.map((user) => isPossible(user) && found[at++]!);
}

function hasTag(store: SegmentStore, { tag: name, value }: TagKeyName, user: Uint8Array): boolean {
  const tag = store.catalog.find(name);
  if (tag === undefined || !isPossible(user)) return false;
  const address = store.find(user);
  const code = address === 0 ? -1 : store.codeAt(address, tag);
  return code >= 0 && (value === undefined || code === codeOrNone(tag, value));
}

/** May it be a user's id? */
function isPossible(user: Uint8Array): boolean {
  return user.length > 0 && user.length <= MAX_ID_BYTES;
}

/** A set of users that is there, or that a query will find. */
export interface UserSet {
  readonly store: SegmentStore;
  readonly users: Bitmap | Query<Bitmap>;
}

/** The ids of all users of a set, streamed when there are many. */
export const userSet: replies.Reply<UserSet> = {
  shape: replies.members.shape,
  write(target, { store, users }) {
    const write = (found: Bitmap): void => target.members(store.openCursor(found));
    if (users instanceof Query) target.later(users, write);
    else write(users);
  },
};
