/** What is asked about random expressions, of users who were changed at random, is what asking every user says. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import type { Expression, UserPage } from '../../src/index.js';
import { change, expression, IDS, settingTags, shortExpression } from './audience-changes.js';
import { asInput, keysOf, outcome, Pair } from './audience-pair.js';
import { isIn } from './naive-audience.js';
import { userKey } from './refusal.js';

const SOMEBODY = [...IDS, 'nobody'];

/** Asks everything about an expression. */
function assertAnswers(pair: Pair, tree: Expression): void {
  const input = asInput(tree);
  const { audiences, store } = pair.engine;
  const expected = pair.find(tree);
  if (typeof expected === 'string') {
    const questions: (() => unknown)[] = [
      () => audiences.count(input),
      () => audiences.count(input, { limit: 1 }),
      () => audiences.page(input),
      () => [...audiences.ids(input)],
      () => audiences.test(input, []),
      () => audiences.explain(input),
      () => audiences.queries.users(input),
    ];
    for (const question of questions) assert.equal(outcome(question), expected);
    return;
  }
  const ordinals = [...expected].map((key) => pair.ordinalOf(key)).sort((a, b) => a - b);
  const size = ordinals.length;
  assert.deepEqual([...audiences.queries.users(input).now()], ordinals);
  const ids = ordinals.map((ordinal) => store.idOf(ordinal).toString());
  assert.deepEqual([...audiences.ids(input)], ids);
  assert.equal(audiences.count(input), size);
  for (const limit of [1, size - 1, size, size + 1, 1000]) {
    if (limit > 0) assert.equal(audiences.count(input, { limit }), Math.min(limit, size));
  }
  for (const count of [1, 3, Math.max(1, size), 1000]) assertPages(pair, input, count, ordinals);
  assert.deepEqual(
    audiences.test(input, SOMEBODY),
    SOMEBODY.map((id) => expected.has(userKey(id))),
  );
  assert.equal(audiences.explain(input).users, size);
}

/** Asks page by page; all are full but for the last. */
function assertPages(pair: Pair, input: string | Expression, count: number, ordinals: number[]): void {
  const expected = ordinals.map((ordinal) => pair.keyOf(ordinal));
  const found: string[] = [];
  let cursor = 0;
  do {
    const page: UserPage = pair.engine.audiences.page(input, { cursor, count });
    assert.deepEqual(keysOf(page.ids), expected.slice(found.length, found.length + count));
    found.push(...keysOf(page.ids));
    assert.equal(page.cursor === 0, found.length === expected.length);
    cursor = page.cursor;
  } while (cursor !== 0);
  assert.deepEqual(keysOf(pair.engine.audiences.page(input, { cursor: 2 ** 40 }).ids), []);
}

/** Asks which audiences hold each user, and about each audience by its name. */
function assertAudiences(pair: Pair): void {
  const { audiences } = pair.engine;
  const { names } = pair;
  const users = new Map(pair.users().map((user) => [user.key, user]));
  const inOrder = [...names, ...names].reverse();
  for (const id of SOMEBODY) {
    const user = users.get(userKey(id));
    const holding = new Set(
      names.filter((name) => user !== undefined && isIn(user, { type: 'audience', name }, pair)),
    );
    assert.deepEqual(
      audiences.match(id),
      names.filter((name) => holding.has(name)),
    );
    assert.deepEqual(
      audiences.match(id, inOrder),
      inOrder.filter((name) => holding.has(name)),
    );
    assert.equal(
      outcome(() => audiences.match(id, ['missing'])),
      'UNKNOWN_AUDIENCE',
    );
  }
  for (const name of names) assertAnswers(pair, { type: 'audience', name });
}

/** Runs with or without room for results. */
function run(lives: (readonly [Expression[], Parameters<Pair['change']>[0][]])[], bytes: number): void {
  const pair = new Pair({ audienceCacheBytes: bytes });
  const asked: Expression[] = [];
  for (const [trees, changes] of lives) {
    for (const each of changes) {
      pair.change(each);
      if (each.type === 'clear') pair.declare();
    }
    pair.assertSame();
    // What was asked before is asked again, so that what was kept must notice the changes.
    asked.push(...trees);
    for (const tree of asked) assertAnswers(pair, tree);
    assertAudiences(pair);
    pair.assertSame();
  }
  pair.engine.close();
}

const changes = fc.oneof(
  fc.array(settingTags, { minLength: 5, maxLength: 20, size: 'max' }),
  fc.array(change),
);
const lives = fc.array(fc.tuple(fc.array(expression, { maxLength: 4 }), changes), {
  minLength: 1,
  maxLength: 4,
});

test('every question has the same answer as asking every user, before and after random changes', {
  timeout: 120_000,
}, () => {
  fc.assert(fc.property(lives, fc.constantFrom(0, 450, 2 ** 20), run), { numRuns: 100 });
});

test('one short expression after the other, about the same users', { timeout: 60_000 }, () => {
  const users = fc.array(settingTags, { minLength: 15, maxLength: 40, size: 'max' });
  const trees = fc.array(shortExpression, { minLength: 40, maxLength: 40 });
  fc.assert(
    fc.property(users, trees, (changes, trees) => run([[trees, changes]], 2 ** 20)),
    { numRuns: 30 },
  );
});
