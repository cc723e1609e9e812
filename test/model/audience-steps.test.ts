/** Queries that go on step by step while users, tags and audiences change: each answers as of when it was made. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { afterEach, expect, test, vi } from 'vitest';
import type { Expression, Query } from '../../src/index.js';
import {
  type Change,
  change,
  expression,
  NAMES,
  settingTags,
  shortExpression,
  TAGS,
} from './audience-changes.js';
import { Holds } from './audience-holds.js';
import { asInput, keysOf, outcome, Pair } from './audience-pair.js';
import { assertDistribution, assertStatistics, overlapOf, reachOf, type TagValues } from './naive-report.js';

afterEach(() => {
  vi.restoreAllMocks();
});

const KINDS = [
  ...[
    'count',
    'limit',
    'page',
    'users',
    'overlap',
    'reach',
    'explain',
    'distribution',
    'statistics',
    'freeze',
  ],
] as const;

/** A question, and what makes it one of many. */
interface Question {
  readonly kind: (typeof KINDS)[number];
  readonly trees: readonly Expression[];
  readonly number: number;
}

/** A query under way. */
interface Running {
  /** One step; returns whether it is over. */
  step(): boolean;
  cancel(): void;
  /** Who was erased since it was made. */
  readonly departed: Set<string>;
}

class Run {
  readonly #pair: Pair;
  readonly #running: Running[] = [];

  constructor(pair: Pair) {
    this.#pair = pair;
  }

  change(change: Change): void {
    const before = this.#pair.model.users();
    this.#pair.change(change);
    const now = this.#pair.model.users();
    for (const key of before.keys()) {
      if (!now.has(key)) for (const { departed } of this.#running) departed.add(key);
    }
  }

  /** Some steps of one of the queries. */
  advance(choice: number, steps: number): void {
    const running = this.#running[choice % this.#running.length];
    for (let i = 0; i < steps && running !== undefined; i++) {
      if (!running.step()) continue;
      this.#running.splice(this.#running.indexOf(running), 1);
      return;
    }
  }

  cancel(choice: number): void {
    for (const running of this.#running.splice(choice % (this.#running.length + 1), 1)) running.cancel();
  }

  finish(): void {
    while (this.#running.length > 0) this.advance(0, 1000);
  }

  /** Begins to ask, and notes what must come out. */
  ask({ kind, trees, number }: Question): void {
    const sets = trees.map((tree) => this.#pair.find(tree));
    const [tree] = trees as [Expression];
    const inputs = trees.map(asInput);
    const input = inputs[0]!;
    const set = sets[0]!;
    const { queries } = this.#pair.engine.audiences;
    const wrong = kind === 'overlap' || kind === 'reach' ? sets.find(isCode) : isCode(set) ? set : undefined;
    if (wrong !== undefined || isCode(set)) {
      const ask = () =>
        kind === 'reach' || kind === 'overlap' ? queries[kind](inputs) : queries.count(input);
      assert.equal(outcome(ask), wrong);
      return;
    }
    const all = sets.map((found) => found as Set<string>);
    switch (kind) {
      case 'count':
        this.#start(queries.count(input), (count) => assert.equal(count, set.size));
        break;
      case 'limit': {
        const limit = 1 + (number % 8);
        this.#start(queries.count(input, { limit }), (count) =>
          assert.equal(count, Math.min(set.size, limit)),
        );
        break;
      }
      case 'explain':
        this.#start(queries.explain(input), ({ users }) => assert.equal(users, set.size));
        break;
      case 'page':
        this.#askPage(input, set, number % 12, 1 + (number % 5));
        break;
      case 'users': {
        const check = (users: Iterable<number>, departed: Set<string>) => {
          const found = [...users].map((ordinal) => this.#pair.keyOf(ordinal)).sort();
          assert.deepEqual(found, [...set].filter((key) => !departed.has(key)).sort());
        };
        this.#start(queries.users(input), check);
        break;
      }
      case 'overlap':
        this.#start(queries.overlap(inputs), (overlap) => assert.deepEqual(overlap, overlapOf(all)));
        break;
      case 'reach': {
        const expected = reachOf(
          all,
          this.#pair.users().map(({ key }) => key),
        );
        this.#start(queries.reach(inputs), (reach) => assert.deepEqual(reach, expected));
        break;
      }
      case 'freeze':
        this.#askToFreeze(tree, set, NAMES[number % NAMES.length]!);
        break;
      default:
        this.#askForReport(kind, input, set, number);
    }
  }

  #askPage(input: string | Expression, set: ReadonlySet<string>, cursor: number, count: number): void {
    const inOrder = [...set].map((key) => ({ key, ordinal: this.#pair.ordinalOf(key) }));
    const from = inOrder.sort((a, b) => a.ordinal - b.ordinal).filter(({ ordinal }) => ordinal >= cursor);
    const next = from[count]?.ordinal ?? 0;
    const query = this.#pair.engine.audiences.queries.page(input, { cursor, count });
    this.#start(query, (page, departed) => {
      const expected = from.slice(0, count).filter(({ key }) => !departed.has(key));
      assert.deepEqual(
        { cursor: page.cursor, keys: keysOf(page.ids) },
        { cursor: next, keys: expected.map(({ key }) => key) },
      );
    });
  }

  #askToFreeze(tree: Expression, set: ReadonlySet<string>, name: string): void {
    const query = this.#pair.engine.audiences.freezeQuery(name, asInput(tree));
    const inModel = (departed: Set<string>) =>
      outcome(() =>
        this.#pair.freezeInModel(
          name,
          [...set].filter((key) => !departed.has(key)),
        ),
      );
    this.#start(query, (frozen, departed) => assert.equal(frozen, inModel(departed)));
  }

  #askForReport(
    kind: 'distribution' | 'statistics',
    of: string | Expression,
    set: ReadonlySet<string>,
    number: number,
  ): void {
    const tag = TAGS[number % TAGS.length]!;
    const known = this.#pair.model.tags.get(tag);
    const { queries } = this.#pair.engine.audiences;
    if (known === undefined) {
      assert.equal(
        outcome(() => queries[kind](tag, { of })),
        'UNKNOWN_TAG',
      );
      return;
    }
    const isOfAll = number % 3 === 0;
    const options = isOfAll ? {} : { of };
    const among = isOfAll ? [...this.#pair.model.users().keys()] : [...set];
    const texts = among.flatMap((key) => known.cells.get(key) ?? []);
    const values: TagValues = {
      tag,
      kind: known.kind,
      scale: known.scale,
      texts,
      missing: among.length - texts.length,
    };
    if (kind === 'statistics') {
      const isNumber = values.kind === 'number';
      this.#start(queries.statistics(tag, options), (found) => {
        if (isNumber) assertStatistics(found, values);
        else assert.equal(found, 'INVALID_ARGUMENT');
      });
    } else {
      const ranges = 1 + (number % 13);
      const query = queries.distribution(tag, { ...options, ranges });
      this.#start(query, (found) => assertDistribution(found, values, ranges));
    }
  }

  /** `check` is given what came out, or the code of the error. */
  #start<T>(query: Query<T>, check: (found: T, departed: Set<string>) => void): void {
    const departed = new Set<string>();
    const step = () => {
      // Fewer milliseconds than none: after each step it is time to stop.
      const isOver = outcome(() => query.advance(-1));
      if (isOver === false) return false;
      check(isOver === true ? query.result : (isOver as T), departed);
      return true;
    };
    this.#running.push({ step, cancel: () => query.cancel(), departed });
  }
}

function isCode(found: Set<string> | string): found is string {
  return typeof found === 'string';
}

const question: fc.Arbitrary<Question> = fc.record({
  kind: fc.constantFrom(...KINDS),
  trees: fc.array(fc.oneof(expression, shortExpression), { minLength: 1, maxLength: 4 }),
  number: fc.nat(1000),
});
const action = fc.oneof(
  { arbitrary: fc.record({ do: fc.constant('ask'), question }), weight: 4 },
  { arbitrary: fc.record({ do: fc.constant('change'), change }), weight: 6 },
  {
    arbitrary: fc.record({
      do: fc.constant('advance'),
      choice: fc.nat(5),
      steps: fc.integer({ min: 1, max: 6 }),
    }),
    weight: 6,
  },
  fc.record({ do: fc.constant('cancel'), choice: fc.nat(5) }),
  fc.record({ do: fc.constant('compact') }),
);

test('a query answers as of when it was made, whatever changes while it goes on, and then lets go of everything', {
  timeout: 120_000,
}, () => {
  const holds = new Holds();
  const users = fc.array(settingTags, { minLength: 10, maxLength: 30, size: 'max' });
  const actions = fc.array(action, { minLength: 5, maxLength: 60, size: 'max' });
  fc.assert(
    fc.property(users, actions, fc.constantFrom(0, 450, 2 ** 20), (users, actions, audienceCacheBytes) => {
      const pair = new Pair({ audienceCacheBytes });
      const run = new Run(pair);
      for (const each of users) run.change(each);
      for (const each of actions) {
        if (each.do === 'ask') run.ask(each.question);
        else if (each.do === 'change') run.change(each.change);
        else if (each.do === 'advance') run.advance(each.choice, each.steps);
        else if (each.do === 'cancel') run.cancel(each.choice);
        else pair.engine.compact();
        if (each.do === 'change' && each.change.type === 'clear') pair.declare();
      }
      run.finish();
      expect(holds.open).toBe(0);
      expect(pair.engine.store.audiences.drafts).toEqual([]);
      pair.assertSame();
      pair.engine.close();
    }),
    { numRuns: 150 },
  );
});
