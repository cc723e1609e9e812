import assert from 'node:assert/strict';
import { type Engine, type Mutation, SegmentdError } from '../../src/index.js';
import { assertSame } from './compare.js';
import type { NaiveStore } from './naive-store.js';
import type { NaiveVersions } from './naive-versions.js';
import { Refusal, userKey } from './refusal.js';
import { IDS, TAGS } from './version-arbitraries.js';

/** Applies a mutation to both, which must agree on what it changes or why it is refused. */
export function applyToBoth(engine: Engine, versions: NaiveVersions, mutation: Mutation): void {
  const [found, expected] = [outcome(() => engine.apply(mutation)), outcome(() => versions.apply(mutation))];
  // Of one who is no user, it may or may not be known still that there was one.
  if (mutation.type === 'eraseUser' && expected === 0) return;
  assert.deepEqual(found, expected, `${mutation.type}: ${String(found)}, and not ${String(expected)}`);
}

function outcome(apply: () => number): number | string {
  try {
    return apply();
  } catch (error) {
    if (error instanceof Refusal || error instanceof SegmentdError) return error.code;
    throw error;
  }
}

/** Users, tags and cells, both ways of asking, and every version with its users and values. */
export function assertSameVersions(engine: Engine, store: NaiveStore, versions: NaiveVersions): void {
  assertSame(engine, store, IDS, TAGS);
  for (const tag of TAGS) {
    const expected = versions.histories.get(tag);
    const found = engine.store.versions.historyOf(tag)?.versions ?? [];
    assert.deepEqual(
      found.map(({ source: _, at: __, ...rest }) => rest),
      expected?.versions ?? [],
      `versions of ${tag}`,
    );
    for (const { number } of found) {
      const content = versions.contentOf(tag, number);
      if (content === undefined)
        assert.throws(() => engine.versions.columnAt(tag, number), { code: 'UNKNOWN_VERSION' });
      else assert.deepEqual(contentAt(engine, tag, number), content, `version ${number} of ${tag}`);
    }
  }
  assert.deepEqual(
    engine.versions.releases().map(({ release, state, tags }) => [release, { state, tags }]),
    [...versions.releases],
  );
  const drafts = [...engine.store.versions.drafts.all()];
  assert.deepEqual(
    new Map(
      drafts.map(({ number, tag, holding, obstacle }) => [number, { tag, holding, is: obstacle !== '' }]),
    ),
    new Map(
      [...versions.drafts].map(([number, { tag, holding, isObstructed }]) => [
        number,
        { tag, holding, is: isObstructed },
      ]),
    ),
  );
}

function contentAt(engine: Engine, tag: string, version: number): Map<string, string> {
  const column = engine.versions.columnAt(tag, version);
  const users = [...column.members()];
  return new Map(
    users.map((ordinal) => [userKey(engine.store.idOf(ordinal)), column.textOf(column.codeOf(ordinal))]),
  );
}

/** Nothing is left of publications: every vector says what the columns say, and every dormant record is named. */
export function assertSettled(engine: Engine): void {
  const { store } = engine;
  engine.versions.settle();
  assert.equal(store.pendingUsers, 0);
  for (const ordinal of store.dormant)
    assert.ok(store.versions.names(ordinal), 'a record is kept for nothing');
}
