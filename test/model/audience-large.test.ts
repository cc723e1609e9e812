/** Expressions about many users, whose ordinals fill several containers of a bitmap: some full, some almost empty. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { afterAll, test } from 'vitest';
import { Random } from '../../bench/support/random.js';
import { type Expression, openEngine, type TagKind, type TagValue } from '../../src/index.js';
import { asInput } from './audience-pair.js';
import { treesOver, type Vocabulary } from './audience-trees.js';
import { isIn, type NaiveUser, type NaiveWorld } from './naive-audience.js';
import { assertDistribution, assertStatistics, overlapOf, reachOf, type TagValues } from './naive-report.js';

const CONTAINER = 65_536;
const CREATED = 215_000;
const KINDS: Readonly<Record<string, TagKind>> = {
  first: 'flag',
  rare: 'flag',
  even: 'flag',
  nobody: 'flag',
  shop: 'enum',
  plan: 'enum',
  age: 'number',
  balance: 'number',
};

/** A user whose tags are kept as plain texts. */
class PlainUser implements NaiveUser {
  readonly id: string;
  readonly key: string;
  tags: Readonly<Record<string, string>>;

  constructor(id: string, tags: Readonly<Record<string, string>>) {
    this.id = id;
    this.key = Buffer.from(id).toString('hex');
    this.tags = tags;
  }

  valueOf(tag: string): string | undefined {
    return this.tags[tag];
  }
}

const random = new Random(7);
const isIn1 = (most: number) => random.below(most) === 0;

/** What the user who is made as number `i` is like; every tag is missing now and then. */
function tagsOf(i: number): Record<string, string> {
  const tags: Record<string, string> = { shop: `shop ${random.below(90)}` };
  // A run of users, all in the first containers.
  if (i < 1.2 * CONTAINER) tags['first'] = '1';
  if (isIn1(7000)) tags['rare'] = '1';
  if (i % 2 === 0) tags['even'] = '1';
  if (!isIn1(10)) tags['plan'] = ['free', 'basic', 'gold'][random.below(3)]!;
  if (!isIn1(5)) tags['age'] = String(random.below(101));
  if (!isIn1(4)) tags['balance'] = String((random.below(2_000_001) - 1_000_000) / 100);
  return tags;
}

const engine = openEngine();
const users = new Map<string, PlainUser>();

function set(id: string, tags: Record<string, string>): void {
  const values = Object.entries(tags).map(([tag, text]): [string, TagValue] => [tag, text]);
  engine.setTags(id, new Map(values));
  users.set(id, new PlainUser(id, { ...users.get(id)?.tags, ...tags }));
}

function erase(id: string): void {
  engine.eraseUser(id);
  users.delete(id);
}

/** Container 0 stays full, 1 is all but empty, 2 is thin; ordinals that are free go to others, in another order. */
function populate(): void {
  for (const [tag, kind] of Object.entries(KINDS)) {
    engine.declareTag(tag, tag === 'balance' ? { kind, scale: 2 } : { kind });
  }
  for (let i = 0; i < CREATED; i++) set(`u${i}`, tagsOf(i));
  for (let i = 0; i < CREATED; i++) {
    const container = Math.floor(i / CONTAINER);
    const isGone = container === 1 ? i % 9001 !== 0 : container === 2 ? i % 100 !== 0 : i % 50 === 0;
    if (isGone) erase(`u${i}`);
  }
  for (let i = 0; i < 1500; i++) set(`again ${i}`, tagsOf(random.below(CREATED)));
}

const audiences = new Map<string, Expression | ReadonlySet<string>>();
const world: NaiveWorld = { kindOf: (tag) => KINDS[tag], audience: (name) => audiences.get(name) };

function saveAudiences(): void {
  const value = (tag: string, value: string): Expression => ({ type: 'compare', tag, operator: '=', value });
  const gold = value('plan', 'gold');
  const rich: Expression = { type: 'between', tag: 'balance', low: -12.345, high: 5000 };
  const some: Expression = { type: 'or', operands: [value('shop', 'shop 3'), { type: 'has', tag: 'rare' }] };
  const saved: Record<string, Expression> = {
    gold,
    rich,
    neither: { type: 'not', operand: { type: 'or', operands: [audience('gold'), audience('rich')] } },
    two: {
      type: 'atLeast',
      count: 2,
      operands: [audience('gold'), audience('rich'), { type: 'has', tag: 'even' }],
    },
  };
  for (const [name, tree] of Object.entries(saved)) {
    engine.audiences.save(name, tree);
    audiences.set(name, tree);
  }
  engine.audiences.freeze('fixed', some);
  audiences.set(
    'fixed',
    new Set([...users.values()].filter((user) => isIn(user, some, world)).map(({ key }) => key)),
  );
}

function audience(name: string): Expression {
  return { type: 'audience', name };
}

populate();
saveAudiences();
afterAll(() => engine.close());

const vocabulary: Vocabulary = {
  values: {
    first: [1],
    rare: [1],
    even: [1],
    nobody: [1],
    shop: ['shop 1', 'shop 2', 'shop 3', 'shop 88', 'none of them'],
    plan: ['free', 'basic', 'gold', 'silver'],
    age: [0, 1, 17.5, 18, 25, 40, 63, 64, 99, 100, 101],
    balance: [-10_000, -250.5, -0.01, -0.005, 0, 0.01, 12.34, 5000, 9999.99],
  },
  numbers: ['age', 'balance'],
  ids: ['u0', 'u1', 'u65536', `u${CREATED - 1}`, 'again 7', 'u50'],
  audiences: ['gold', 'rich', 'neither', 'two', 'fixed'],
  wrong: 0,
};
const tree = treesOver(vocabulary);

/** All users in the order of their ordinals, with these. */
function inOrder(): { user: PlainUser; ordinal: number }[] {
  const { store } = engine;
  return [...users.values()]
    .map((user) => ({ user, ordinal: store.records.ordinalAt(store.find(user.id)) }))
    .sort((a, b) => a.ordinal - b.ordinal);
}

/** Asks about the expression: all, limited, and in pages. */
function assertAnswers(tree: Expression, all: ReturnType<typeof inOrder>): void {
  const { audiences } = engine;
  const input = asInput(tree);
  const expected = all.filter(({ user }) => isIn(user, tree, world));
  const size = expected.length;
  const ids = expected.map(({ user }) => user.id);
  assert.equal(audiences.count(input), size);
  for (const limit of [1, 10, 3000, Math.max(1, size - 1), Math.max(1, size), 1e9]) {
    assert.equal(audiences.count(input, { limit }), Math.min(limit, size));
  }
  assert.deepEqual([...audiences.ids(input)], ids);
  const found: string[] = [];
  for (let cursor = 0, count = 20_000; ; count += 30_000) {
    const page = audiences.page(input, { cursor, count });
    for (const id of page.ids) found.push(id.toString());
    cursor = page.cursor;
    if (cursor === 0) break;
    assert.equal(page.ids.length, count);
  }
  assert.deepEqual(found, ids);
  for (const from of [0, 1000, CONTAINER - 1, CONTAINER, 2 * CONTAINER + 5, CREATED - 3000]) {
    assertPage(input, from, 10, expected);
    assertPage(input, from, 300, expected);
  }
  const asked = all.filter((_, i) => i % 997 === 0).map(({ user }) => user);
  assert.deepEqual(
    audiences.test(
      input,
      asked.map(({ id }) => id),
    ),
    asked.map((user) => isIn(user, tree, world)),
  );
}

function assertPage(
  input: string | Expression,
  cursor: number,
  count: number,
  all: ReturnType<typeof inOrder>,
): void {
  const at = all.findIndex(({ ordinal }) => ordinal >= cursor);
  const rest = at < 0 ? [] : all.slice(at, at + count + 1);
  const page = engine.audiences.page(input, { cursor, count });
  assert.deepEqual(
    page.ids.map(String),
    rest.slice(0, count).map(({ user }) => user.id),
  );
  assert.equal(page.cursor, rest[count]?.ordinal ?? 0);
}

/** Writes to some hundreds of users all over the place. */
function change(seed: number): void {
  const random = new Random(seed);
  const ids = [...users.keys()];
  for (let i = 0; i < 400; i++) {
    const id = ids[random.below(ids.length)]!;
    if (i % 4 === 0) erase(id);
    else set(i % 4 === 1 ? `new ${seed} ${i}` : id, tagsOf(random.below(CREATED)));
  }
  const present = [...users.values()].map(({ key }) => key);
  const fixed = audiences.get('fixed') as ReadonlySet<string>;
  audiences.set('fixed', new Set(present.filter((key) => fixed.has(key))));
}

test('counts, lists and pages of random expressions are those of a filter, also after changes', {
  timeout: 120_000,
}, () => {
  let all = inOrder();
  let runs = 0;
  fc.assert(
    fc.property(tree, (tree) => {
      assertAnswers(tree, all);
      if (++runs % 8 > 0) return;
      change(runs);
      all = inOrder();
      assertAnswers(tree, all);
      for (const name of ['two', 'neither', 'fixed']) assertAnswers(audience(name), all);
    }),
    { numRuns: 24 },
  );
  assert.deepEqual(engine.check().problems, []);
});

test('reports about random expressions are those of a filter', { timeout: 120_000 }, () => {
  const trees = fc.array(tree, { minLength: 2, maxLength: 4 });
  fc.assert(
    fc.property(
      trees,
      fc.constantFrom(...Object.keys(KINDS)),
      fc.integer({ min: 1, max: 40 }),
      (trees, tag, ranges) => {
        const all = [...users.values()];
        const found = trees.map((tree) => all.filter((user) => isIn(user, tree, world)));
        const sets = found.map((list) => new Set(list.map(({ key }) => key)));
        const inputs = trees.map(asInput);
        assert.deepEqual(engine.audiences.overlap(inputs), overlapOf(sets));
        assert.deepEqual(
          engine.audiences.reach(inputs),
          reachOf(
            sets,
            all.map(({ key }) => key),
          ),
        );
        for (const [of, among] of [
          [undefined, all],
          [inputs[0], found[0]!],
        ] as const) {
          const texts = among.flatMap((user) => user.valueOf(tag) ?? []);
          const scale = tag === 'balance' ? 2 : 0;
          const values: TagValues = {
            tag,
            kind: KINDS[tag]!,
            scale,
            texts,
            missing: among.length - texts.length,
          };
          const options = of === undefined ? {} : { of };
          assertDistribution(engine.audiences.distribution(tag, { ...options, ranges }), values, ranges);
          if (KINDS[tag] === 'number') assertStatistics(engine.audiences.statistics(tag, options), values);
        }
      },
    ),
    { numRuns: 12 },
  );
});
