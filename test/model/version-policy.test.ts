import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import {
  type Engine,
  type Mutation,
  SegmentdError,
  type TagPolicy,
  type TagValue,
  type VersionInfo,
} from '../../src/index.js';
import { openEngineOn } from '../../src/open.js';
import { MemoryStorage } from '../../src/persistence/storage-memory.js';
import { breachesOf } from '../../src/versions/gate.js';
import type { ListBatch } from '../../src/versions/preparation.js';
import type { Replacement, TagList } from '../../src/versions/replace.js';
import { type Content, type Difference, differenceOf, naiveBreaches } from './naive-policy.js';
import { NaiveStore } from './naive-store.js';
import { NaiveVersions } from './naive-versions.js';
import { Refusal, userKey } from './refusal.js';
import { IDS, KINDS, liveMutation, loaded, TAGS, tagValue } from './version-arbitraries.js';
import { applyToBoth, assertSameVersions, assertSettled } from './version-compare.js';

interface List {
  readonly tag: string;
  readonly cells: readonly (readonly [user: string, value: TagValue])[];
  readonly unknown: 'create' | 'skip';
}

type Step =
  | { readonly type: 'replace'; readonly lists: readonly List[]; readonly force: boolean }
  | { readonly type: 'policy'; readonly tag: string; readonly policy: TagPolicy }
  | { readonly type: 'publishHeld' | 'discardHeld' | 'goBack' | 'pass' | 'rewrite'; readonly seed: number }
  | { readonly type: 'reopen' | 'snapshot' }
  | Mutation;

// One of the tags often, so that it gets a past.
const list: fc.Arbitrary<List> = fc.oneof(fc.constant('flag'), loaded).chain((tag) =>
  fc.record({
    tag: fc.constant(tag),
    cells: fc.array(fc.tuple(fc.constantFrom(...IDS), tagValue(tag)), { maxLength: 14, size: 'max' }),
    unknown: fc.constantFrom('create' as const, 'create' as const, 'skip' as const),
  }),
);
const share = fc.constantFrom(0, 0.1, 0.25, 0.5, 1);
const policy: fc.Arbitrary<TagPolicy> = fc.record(
  {
    ...{ maxGrowth: share, maxShrinkage: share, maxUnknown: share, maxChanged: share },
    minUsers: fc.nat({ max: 4 }),
    maxUsers: fc.integer({ min: 2, max: 12 }),
    automatic: fc.constant(true),
    maxAge: fc.integer({ min: 1, max: 60 }),
  },
  { requiredKeys: [], noNullPrototype: true },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    arbitrary: fc.record({
      type: fc.constant('replace'),
      lists: fc.uniqueArray(list, { minLength: 1, maxLength: 3, selector: ({ tag }) => tag }),
      force: fc.boolean(),
    }),
    weight: 12,
  },
  {
    arbitrary: fc.record({ type: fc.constant('policy'), tag: fc.constantFrom(...TAGS), policy }),
    weight: 5,
  },
  {
    arbitrary: fc.record({
      type: fc.constantFrom('publishHeld', 'publishHeld', 'discardHeld', 'goBack', 'pass', 'rewrite'),
      seed: fc.nat(),
    }) as fc.Arbitrary<Step>,
    weight: 10,
  },
  { arbitrary: liveMutation, weight: 8 },
  { arbitrary: fc.record({ type: fc.constantFrom('reopen', 'snapshot') }), weight: 3 },
  { arbitrary: fc.constant<Mutation>({ type: 'clear' }), weight: 1 },
);

class Runner {
  readonly #storage = new MemoryStorage();
  readonly #store = new NaiveStore({ strict: false, maxEnumValues: 65_535 });
  readonly #versions = new NaiveVersions(this.#store);
  /** By tag and version: what it changed of what the tag had. */
  readonly #changes = new Map<string, Map<number, Difference | undefined>>();
  /** By tag: when each version was published. */
  readonly #times = new Map<string, Map<number, number>>();
  #now = 1_000_000;
  #releases = 0;
  engine = this.#open();

  take(step: Step): void {
    this.#now += 1000;
    switch (step.type) {
      case 'replace':
        this.#replace(step.lists, step.force);
        return;
      case 'policy': {
        const { tag, policy: given } = step;
        applyToBoth(this.engine, this.#versions, { type: 'setPolicy', tag, policy: given, at: this.#now });
        return;
      }
      case 'publishHeld':
        this.#publishHeld(step.seed);
        return;
      case 'discardHeld': {
        const held = this.engine.versions.held();
        const draft = held[step.seed % held.length]?.draft;
        if (draft !== undefined) applyToBoth(this.engine, this.#versions, { type: 'discardVersion', draft });
        return;
      }
      case 'goBack': {
        const tags = [...this.#versions.histories].filter(([, { contents }]) => contents.size > 0);
        const [tag, history] = tags[step.seed % tags.length] ?? [];
        if (tag === undefined) return;
        const version = [...history!.contents.keys()][step.seed % history!.contents.size]!;
        const targets = [{ tag, version }];
        applyToBoth(this.engine, this.#versions, { type: 'rollBack', release: '', targets });
        return;
      }
      case 'pass':
        this.#now += (step.seed % 50) * 1000;
        return;
      case 'rewrite':
        this.engine.store.rewrite(step.seed % 5);
        this.engine.store.versions.sweep(step.seed % 5);
        return;
      case 'snapshot':
        this.engine.snapshotNow();
        this.#reopen();
        assert.equal(this.engine.persistence!.replayed, 0);
        return;
      case 'reopen':
        this.#reopen();
        return;
      default:
        applyToBoth(this.engine, this.#versions, step);
        if (step.type === 'clear') for (const tag of TAGS) this.#forget(tag);
        if (step.type === 'dropTag') this.#forget(step.tag);
    }
  }

  check(): void {
    const { engine } = this;
    assertSameVersions(engine, this.#store, this.#versions);
    for (const [number, { holding, together }] of this.#versions.drafts) {
      if (holding !== undefined)
        assert.deepEqual(engine.store.versions.heldWith(number), this.#still(together));
    }
    const stale: [string, number][] = [];
    for (const [tag, { policy: given, since }] of [...this.#versions.policies].sort()) {
      assert.deepEqual(engine.versions.policy(tag), given);
      const current = this.#versions.histories.get(tag)?.current ?? 0;
      const age = (this.#now - Math.max(since, this.#times.get(tag)?.get(current) ?? 0)) / 1000;
      if (given.maxAge !== undefined && age > given.maxAge) stale.push([tag, age]);
    }
    const told = engine.versions.stale(this.#now);
    assert.deepEqual(
      told.map(({ tag, age }) => [tag, age]),
      stale,
    );
    for (const { name } of engine.tags()) {
      if (!this.#versions.policies.has(name)) assert.deepEqual(engine.versions.policy(name), {});
    }
  }

  #open(): Engine {
    return openEngineOn({ dataDir: '/data' }, this.#storage);
  }

  #reopen(): void {
    this.engine.close();
    this.engine = this.#open();
    this.#versions.reopen();
  }

  /** Those of the drafts that are held still, and together. */
  #still(together: readonly number[]): number[] {
    return together.filter((number) => this.#versions.drafts.get(number)?.together === together);
  }

  #replace(lists: readonly List[], force: boolean): void {
    const [release, at] = [`r${this.#releases++}`, this.#now];
    const [users, refusal] = [new Set(this.#store.users().keys()), this.#refusalOf(lists)];
    let found: Replacement;
    try {
      found = this.engine.versions.replaceAll(lists.map(tagList), { release, source: '', at, force }).now();
    } catch (error) {
      if (!(error instanceof SegmentdError)) throw error;
      assert.equal(error.code, refusal);
      return;
    }
    assert.equal(refusal, undefined);
    const judged = lists.map(({ tag, cells, unknown }, i) => {
      const { draft } = found.tags[i]!;
      const given = cells.filter(([user]) => unknown === 'create' || users.has(userKey(user)));
      const { kind, scale } = KINDS[tag]!;
      this.#versions.beginList(draft, tag, kind, scale);
      const values = kind === 'flag' ? undefined : given.map(([, value]) => value);
      this.#versions.setList(
        draft,
        given.map(([user]) => user),
        values,
      );
      const ids = new Set(cells.map(([user]) => userKey(user)));
      const unknowns = [...ids].filter((key) => !users.has(key)).length;
      const [before, after] = [
        this.#contentOf(tag),
        this.#versions.drafts.get(draft)!.cells as Map<string, string>,
      ];
      const compared = { before, after, ids: ids.size, unknown: unknowns };
      const past = [...(this.#changes.get(tag) ?? [])].flatMap(([, change]) => change ?? []);
      const broken = naiveBreaches(this.#versions.policies.get(tag)?.policy ?? {}, compared, past);
      const result = found.tags[i]!;
      assert.deepEqual(result.breaches.map(({ limit }) => limit).sort(), broken);
      assert.deepEqual(
        [result.listed, result.unknown, result.before, result.users],
        [cells.length, unknowns, before.size, after.size],
      );
      return { draft, tag, broken };
    });
    const passes = force || judged.every(({ broken }) => broken.length === 0);
    assert.equal(found.state, passes ? 'published' : 'held');
    const drafts = judged.map(({ draft }) => draft);
    if (passes) {
      this.#publish(drafts, release);
      return;
    }
    // What was counted and said is the engine's own; that it stays is the model's.
    const held = this.engine.versions.held().filter(({ draft }) => drafts.includes(draft));
    for (const { reason } of held) assert.notEqual(reason, '');
    const holdings = drafts.map((draft) => {
      const { holding } = this.engine.store.versions.drafts.require(draft);
      return { draft, reason: holding!.reason, counts: holding!.counts };
    });
    this.#versions.apply({ type: 'holdRelease', release, source: '', at, held: holdings });
  }

  #publishHeld(seed: number): void {
    const held = [...this.#versions.drafts].filter(([, { holding }]) => holding !== undefined);
    const [number, draft] = held[seed % held.length] ?? [];
    if (number === undefined) return;
    const release = `r${this.#releases++}`;
    const drafts = this.#still(draft!.together);
    const engineSays = outcome(() =>
      this.engine.versions.publishHeld(number, { release, source: '', at: this.#now }).now(),
    );
    const modelSays = outcome(() => this.#publish(drafts, release));
    assert.equal(engineSays, modelSays);
  }

  /** The model publishes, and it is noted what that changes. */
  #publish(drafts: readonly number[], release: string): void {
    const tags = drafts.map((draft) => this.#versions.drafts.get(draft)!.tag);
    const before = tags.map((tag) => this.#contentOf(tag));
    this.#versions.apply({ type: 'publishRelease', release, source: '', at: this.#now, drafts });
    for (const [i, { tag, version }] of this.#versions.releases.get(release)!.tags.entries()) {
      const change = differenceOf(before[i]!, this.#contentOf(tag));
      put(this.#changes, tag, version, change);
      put(this.#times, tag, version, this.#now);
    }
  }

  #contentOf(tag: string): Map<string, string> {
    return new Map(this.#store.tags.get(tag)?.cells);
  }

  #forget(tag: string): void {
    this.#changes.delete(tag);
    this.#times.delete(tag);
  }

  /** Why the lists cannot be prepared. */
  #refusalOf(lists: readonly List[]): string | undefined {
    const isOther = lists.some(({ tag }) => {
      const known = this.#store.tags.get(tag);
      return known !== undefined && (known.kind !== KINDS[tag]!.kind || known.scale !== KINDS[tag]!.scale);
    });
    return isOther ? 'TAG_CONFLICT' : undefined;
  }
}

function tagList({ tag, cells, unknown }: List): TagList {
  const { kind, scale } = KINDS[tag]!;
  const values = kind === 'flag' ? {} : { values: cells.map(([, value]) => value) };
  const batch: ListBatch = { users: cells.map(([user]) => user), ...values };
  return { tag, list: [batch], unknown, declaration: kind === 'number' ? { kind, scale } : { kind } };
}

function put<T>(all: Map<string, Map<number, T>>, tag: string, version: number, value: T): void {
  all.set(tag, (all.get(tag) ?? new Map<number, T>()).set(version, value));
}

function outcome(run: () => unknown): string {
  try {
    run();
    return 'done';
  } catch (error) {
    if (error instanceof Refusal || error instanceof SegmentdError) return error.code;
    throw error;
  }
}

test('what passes the gate is published, what does not is held, also when opened again', {
  timeout: 120_000,
}, () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 10, maxLength: 60, size: 'max' }), (steps) => {
      const runner = new Runner();
      try {
        for (const each of steps) {
          runner.take(each);
          runner.check();
        }
        assertSettled(runner.engine);
        runner.check();
      } finally {
        runner.engine.close();
      }
    }),
    { numRuns: 60 },
  );
});

const content: fc.Arbitrary<Content> = fc
  .array(fc.tuple(fc.nat({ max: 40 }), fc.constantFrom('x', 'y')), { maxLength: 40, size: 'max' })
  .map((cells) => new Map(cells.map(([user, value]) => [`user ${user}`, value])));
/** Mostly the same users, so that there is something usual. */
const contents: fc.Arbitrary<Content[]> = fc
  .tuple(
    content,
    fc.array(
      fc.tuple(fc.nat({ max: 3 }), fc.oneof({ arbitrary: fc.constant(undefined), weight: 9 }, content)),
      {
        minLength: 1,
        maxLength: 30,
        size: 'max',
      },
    ),
  )
  .map(([first, changes]) => {
    const all: Content[] = [first];
    for (const [more, other] of changes) {
      const next = new Map(other ?? all.at(-1)!);
      for (let i = 0; i < more; i++) next.set(`${all.length} ${i}`, 'x');
      all.push(next);
    }
    return all;
  });

test('a gate holds what the model holds, whatever the tag had before', () => {
  fc.assert(
    fc.property(policy, contents, fc.nat({ max: 5 }), (given, all, unknown) => {
      const [before, after] = [all.at(-2)!, all.at(-1)!];
      const versions = all.slice(0, -1).map((users, number): VersionInfo => {
        const rest = { release: '', source: '', at: 0, state: 'dropped', previous: number - 1 } as const;
        return { number, users: users.size, ...countsOf(all[number - 1] ?? users, users), ...rest };
      });
      const counts = { listed: after.size + 3, duplicates: 3, users: after.size, before: before.size };
      const strangers = Math.min(unknown, after.size);
      const found = breachesOf(
        { ...counts, ...countsOf(before, after), unknown: strangers },
        given,
        versions,
      );
      const past = all.slice(1, -1).map((next, i) => differenceOf(all[i]!, next));
      const expected = naiveBreaches(
        given,
        { before, after, ids: after.size, unknown: strangers },
        past.filter((change) => change !== undefined),
      );
      assert.deepEqual(found.map(({ limit }) => limit).sort(), expected);
      for (const { measured, allowed } of found) assert.notEqual(measured, allowed);
    }),
    { numRuns: 2000 },
  );
});

function countsOf(before: Content, after: Content): { entered: number; left: number; changed: number } {
  const entered = [...after.keys()].filter((user) => !before.has(user)).length;
  const left = [...before.keys()].filter((user) => !after.has(user)).length;
  const changed = [...after].filter(([user, value]) => before.has(user) && before.get(user) !== value).length;
  return { entered, left, changed };
}
