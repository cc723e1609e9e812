import assert from 'node:assert/strict';
import { type Engine, type Mutation, SegmentdError, type TagValue, type UserId } from '../../src/index.js';
import { TAGS } from './arbitraries.js';
import { NAMES } from './audience-arbitraries.js';
import type { NaiveStore } from './naive-store.js';
import { Refusal, userKey } from './refusal.js';

/** Applies a mutation to both. They must agree on how much it changed, or on the error that refuses it. */
export function applyToBoth(engine: Engine, model: NaiveStore, mutation: Mutation): void {
  assert.deepEqual(
    outcome(() => engine.apply(mutation)),
    outcome(() => model.apply(mutation)),
  );
}

function outcome(apply: () => number): number | string {
  try {
    return apply();
  } catch (error) {
    if (error instanceof Refusal || error instanceof SegmentdError) return error.code;
    throw error;
  }
}

/** Asks the engine everything about these users and tags, and about all that the model has. */
export function assertSame(
  engine: Engine,
  model: NaiveStore,
  ids: readonly UserId[],
  names: readonly string[],
): void {
  assertSameTags(engine, model);
  for (const name of names) {
    if (!model.tags.has(name)) {
      assert.equal(engine.tag(name), undefined);
      assert.equal(engine.count(name), 0);
      assert.deepEqual(membersOf(engine, name), []);
    }
  }
  assertSameUsers(engine, model, ids, names);
  const { users, tags, pairs } = engine.stats();
  const cells = [...model.tags.values()].reduce((sum, tag) => sum + tag.cells.size, 0);
  assert.deepEqual(
    { users, tags, pairs },
    { users: model.users().size, tags: model.tags.size, pairs: cells },
  );
  const { problems, sound, ...counts } = engine.check();
  assert.deepEqual(problems, []);
  assert.equal(sound, true);
  assert.deepEqual(counts, { users, tags, pairs });
}

/** Every tag: what is known of it, its users, and the users of each of its values. */
function assertSameTags(engine: Engine, model: NaiveStore): void {
  const known = engine
    .tags()
    .map(({ bytes, version: _, loadedAt: __, maxAge: ___, stale: ____, ...info }) => {
      assert.ok(bytes >= 0);
      return info;
    });
  const expected = [...model.tags].map(([name, { cells, ...tag }]) => ({
    name,
    ...tag,
    users: cells.size,
    values: tag.kind === 'enum' ? new Set(cells.values()).size : 0,
  }));
  assert.deepEqual(
    known,
    expected.sort((a, b) => (a.name < b.name ? -1 : 1)),
  );
  for (const [name, { kind, cells }] of model.tags) {
    assert.deepEqual(membersOf(engine, name), [...cells.keys()].sort());
    assert.equal(engine.count(name), cells.size);
    for (const text of new Set([...cells.values(), 'nobody has this', '1'])) {
      const value: TagValue = kind === 'flag' && text === '1' ? true : text;
      const expected = model.members(name, value).sort();
      assert.deepEqual(membersOf(engine, name, value), expected);
      assert.equal(engine.count(name, value), expected.length);
    }
  }
}

/** Asks the engine all about its audiences; users are compared by their ids. `drafts` are the numbers of those there shall be. */
export function assertSameAudiences(
  engine: Engine,
  model: NaiveStore,
  drafts: readonly number[] = [...model.audiences.drafts.keys()],
): void {
  const { audiences, catalog } = engine.store;
  const known = [...audiences.all()].map(({ name, members, ...rest }) => {
    const keys = members && [...members].map((ordinal) => userKey(engine.store.idOf(ordinal))).sort();
    return [name, { ...rest, members: keys }] as const;
  });
  const expected = [...model.audiences.all].map(([name, { members, ...rest }]) => {
    return [name, { ...rest, members: members && [...members].sort() }] as const;
  });
  assert.deepEqual(new Map(known), new Map(expected));
  assert.equal(audiences.size, expected.length);
  for (const name of NAMES) {
    assert.deepEqual([...audiences.usedBy(name)].sort(), model.audiences.usedBy(name).sort());
    assert.equal(audiences.find(name)?.name, model.audiences.all.has(name) ? name : undefined);
  }
  for (const tag of TAGS) {
    assert.deepEqual([...audiences.tagUsedBy(tag)].sort(), model.audiences.tagUsedBy(tag).sort());
    if (audiences.tagUsedBy(tag).size > 0) catalog.require(tag);
  }
  assert.deepEqual(audiences.drafts.sort(), [...drafts].sort());
}

function assertSameUsers(
  engine: Engine,
  model: NaiveStore,
  ids: readonly UserId[],
  names: readonly string[],
): void {
  const rows: (TagValue | null)[][] = [];
  const users = model.users();
  const selection = engine.select(names);
  for (const id of ids) {
    const expected = users.get(userKey(id));
    assert.equal(engine.has(id), expected !== undefined);
    assert.deepEqual(engine.getAll(id), expected);
    const row = names.map((name) => expected?.get(name) ?? null);
    assert.deepEqual(engine.get(id, names), row);
    assert.deepEqual(engine.get(id, selection), row);
    rows.push(row);
  }
  assert.deepEqual(engine.getMany(ids, names), rows);
  assert.deepEqual(engine.getMany(ids, selection), rows);
}

/** The ids of a tag's users, as the model names them, sorted; each must come once. */
function membersOf(engine: Engine, name: string, value?: TagValue): string[] {
  const keys = [...engine.memberBytes(name, value)].map(userKey).sort();
  assert.equal(new Set(keys).size, keys.length);
  return keys;
}
