import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import {
  type Engine,
  type Mutation,
  openEngine,
  type Query,
  SegmentdError,
  type TagValue,
} from '../../src/index.js';
import type { ListBatch } from '../../src/versions/preparation.js';
import { NaiveStore } from './naive-store.js';
import { NaiveVersions } from './naive-versions.js';
import { Refusal } from './refusal.js';
import { IDS, KINDS, liveMutation, loaded, tagValue } from './version-arbitraries.js';
import { applyToBoth, assertSameVersions, assertSettled } from './version-compare.js';

/** What takes turns: others write in between. */
interface Job {
  readonly query: Query<unknown>;
  /** What the model says of the result, once there is one. */
  readonly expected: () => void;
  /** Of a preparation: its draft. */
  readonly draft: number;
}

interface List {
  readonly type: 'prepare';
  readonly tag: string;
  readonly list: readonly { readonly users: readonly string[]; readonly values: readonly TagValue[] }[];
}

type Step =
  | List
  | { readonly type: 'publish' | 'back' | 'advance' | 'cancel' | 'rewrite'; readonly seed: number }
  | Mutation;

const list: fc.Arbitrary<List> = loaded.chain((tag) => {
  const batch = fc.array(fc.tuple(fc.constantFrom(...IDS), tagValue(tag)), { maxLength: 6 }).map((cells) => {
    return { users: cells.map(([user]) => user), values: cells.map(([, value]) => value) };
  });
  return fc.record({
    type: fc.constant('prepare'),
    tag: fc.constant(tag),
    list: fc.array(batch, { minLength: 1, maxLength: 3 }),
  });
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: list, weight: 3 },
  {
    arbitrary: fc.record({
      type: fc.constantFrom(
        'publish',
        'publish',
        'back',
        ...Array<'advance'>(20).fill('advance'),
        'cancel',
        'rewrite',
      ),
      seed: fc.nat(),
    }) as fc.Arbitrary<Step>,
    weight: 24,
  },
  { arbitrary: liveMutation, weight: 12 },
);

class Runner {
  readonly engine: Engine = openEngine();
  readonly store = new NaiveStore({ strict: false, maxEnumValues: 65_535 });
  readonly versions = new NaiveVersions(this.store);
  readonly #jobs: Job[] = [];
  readonly #ready: number[] = [];
  #releases = 0;

  take(step: Step): void {
    switch (step.type) {
      case 'prepare':
        this.#prepare(step);
        return;
      case 'publish':
        this.#publish(step.seed);
        return;
      case 'back':
        this.#rollBack(step.seed);
        return;
      case 'advance':
        this.#advance(step.seed % Math.max(1, this.#jobs.length));
        return;
      case 'cancel':
        this.#end(step.seed % Math.max(1, this.#jobs.length));
        return;
      case 'rewrite':
        this.engine.store.rewrite(step.seed % 5);
        this.engine.store.versions.sweep(step.seed % 5);
        return;
      default:
        applyToBoth(this.engine, this.versions, step);
    }
  }

  check(): void {
    assertSameVersions(this.engine, this.store, this.versions);
  }

  finish(): void {
    while (this.#jobs.length > 0) {
      this.#advance(0);
      this.check();
    }
    for (const draft of [...this.versions.drafts.keys()]) {
      applyToBoth(this.engine, this.versions, { type: 'discardVersion', draft });
    }
    assertSettled(this.engine);
    this.check();
    assert.equal(this.engine.store.versions.isWatching, false);
    assert.equal(this.engine.store.writeWatch, undefined);
  }

  #prepare({ tag, list: batches }: List): void {
    const { kind, scale } = KINDS[tag]!;
    const declaration = kind === 'number' ? { kind, scale } : { kind };
    const { versions } = this;
    let draft = 0;
    function* source(): Generator<ListBatch> {
      for (const { users, values } of batches) {
        versions.setList(draft, users, kind === 'flag' ? undefined : values);
        yield kind === 'flag' ? { users } : { users, values };
      }
    }
    const query = this.#begin(() => this.engine.versions.prepare(tag, source(), { declaration }));
    if (query === undefined) return;
    draft = [...this.engine.store.versions.drafts.all()].at(-1)!.number;
    versions.beginList(draft, tag, kind, scale);
    this.#jobs.push({ query, expected: () => this.#ready.push(draft), draft });
  }

  #publish(seed: number): void {
    const drafts = this.#ready.splice(0, 1 + (seed % 2));
    const release = `r${this.#releases++}`;
    const query = this.#begin(() => this.engine.versions.publish(drafts, { release, source: '', at: 1 }));
    if (query === undefined) return;
    const expected = (): void => {
      this.versions.apply({ type: 'publishRelease', release, source: '', at: 1, drafts });
    };
    this.#jobs.push({ query, expected, draft: 0 });
  }

  #rollBack(seed: number): void {
    const tags = [...this.versions.histories].filter(([, { contents }]) => contents.size > 0);
    const [tag, history] = tags[seed % tags.length] ?? [];
    if (tag === undefined) return;
    const version = [...history!.contents.keys()][seed % history!.contents.size]!;
    const query = this.#begin(() => this.engine.versions.rollBack(tag, version));
    if (query === undefined) return;
    const expected = (): void => {
      this.versions.apply({ type: 'rollBack', release: '', targets: [{ tag, version }] });
    };
    this.#jobs.push({ query, expected, draft: 0 });
  }

  /** The query, unless it is refused at once. */
  #begin(begin: () => Query<unknown>): Query<unknown> | undefined {
    try {
      return begin();
    } catch (error) {
      if (error instanceof SegmentdError) return undefined;
      throw error;
    }
  }

  /** One step of a job, which ends as the model says, at the moment in which it ends. */
  #advance(at: number): void {
    const job = this.#jobs[at];
    if (job === undefined) return;
    const found = codeOf(() => job.query.advance(-1));
    if (found === false) return;
    this.#jobs.splice(at, 1);
    if (job.draft === 0) assert.equal(found, codeOf(job.expected) ?? true);
    else if (found === true) job.expected();
    else {
      assert.ok(this.versions.drafts.get(job.draft)?.isObstructed, `${String(found)} for no reason`);
      this.versions.drafts.delete(job.draft);
    }
  }

  #end(at: number): void {
    const [job] = this.#jobs.splice(at, 1);
    job?.query.cancel();
    if (job !== undefined) this.versions.drafts.delete(job.draft);
  }
}

function codeOf<T>(run: () => T): T | string {
  try {
    return run();
  } catch (error) {
    if (error instanceof Refusal || error instanceof SegmentdError) return error.code;
    throw error;
  }
}

test('lists that take turns, with writes at every point between, end as the model says', {
  timeout: 120_000,
}, () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 150, size: 'max' }), (steps) => {
      const runner = new Runner();
      try {
        for (const each of steps) {
          runner.take(each);
          runner.check();
        }
        runner.finish();
      } finally {
        runner.engine.close();
      }
    }),
    { numRuns: 120 },
  );
});
