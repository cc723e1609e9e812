/**
 * A long random life on a storage that stops at each of its operations in turn: whatever a disk may hold then is opened
 * again, and must have everything that was acknowledged, and of the rest a beginning.
 */
import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, test } from 'vitest';
import { Random } from '../../bench/support/random.js';
import { type Engine, type Mutation, SegmentdError } from '../../src/index.js';
import { openEngineOn } from '../../src/open.js';
import type { FsyncPolicy } from '../../src/persistence/journal.js';
import type { Storage } from '../../src/persistence/storage.js';
import { CrashingStorage } from '../../src/persistence/storage-crashing.js';
import { MemoryStorage } from '../../src/persistence/storage-memory.js';
import { IDS, TAGS } from './arbitraries.js';
import { type AudienceStep, BEGINNING, mutationOf, step } from './audience-arbitraries.js';
import { assertSame, assertSameAudiences } from './compare.js';
import { NaiveStore } from './naive-store.js';
import { Refusal } from './refusal.js';

const OPTIONS = { dataDir: '/data', maxEnumValues: 3, snapshotAge: 0, snapshotJournalBytes: 0 };
const MODEL = { strict: false, maxEnumValues: 3 };
const STEPS = 45;
/** What may be on the disk after the same crash, how often that is looked at. */
const SURVIVORS = 2;

type Action =
  | AudienceStep
  | { readonly type: 'flush' | 'turn' | 'snapshot' | 'snapshotNow' | 'reopen' | 'bulk' };

interface Deed {
  readonly type: 'flush' | 'turn' | 'snapshot' | 'snapshotNow' | 'reopen' | 'bulk';
}

const DEEDS: readonly string[] = ['flush', 'turn', 'snapshot', 'snapshotNow', 'reopen', 'bulk'];

function isDeed(action: Action): action is Deed {
  return DEEDS.includes(action.type);
}

const action: fc.Arbitrary<Action> = fc.oneof(
  { arbitrary: step, weight: 30 },
  { arbitrary: fc.record({ type: fc.constantFrom('flush', 'turn') }), weight: 10 },
  { arbitrary: fc.record({ type: fc.constantFrom('snapshot', 'snapshotNow', 'reopen', 'bulk') }), weight: 4 },
  fc.constant<Action>({ type: 'clear' }),
);

/** So much that clearing it begins a new journal. */
const BULK: readonly Mutation[] = Array.from({ length: 5 }, (_, i) => ({
  type: 'setTags',
  user: IDS[i]!,
  tags: TAGS.slice(4, 8),
  values: Array.from({ length: 4 }, (_, j) => `${i % 2}${'v'.repeat(16_000)}${j}`),
}));

/** What was done until the crash. */
class Life {
  /** Mutations that the engine took, in order. */
  readonly taken: Mutation[] = [];
  /** How many of them were acknowledged: are durable, or written. */
  durable = 0;
  written = 0;
  readonly model = new NaiveStore(MODEL);
  readonly #storage: Storage;
  readonly #fsync: FsyncPolicy;

  constructor(storage: Storage, fsync: FsyncPolicy) {
    this.#storage = storage;
    this.#fsync = fsync;
  }

  /** Does everything, or stops where the storage does. */
  async run(actions: readonly Action[]): Promise<void> {
    let engine: Engine | undefined;
    let snapshot: Promise<unknown> = Promise.resolve();
    try {
      engine = this.#open();
      for (const each of [...BEGINNING, ...actions]) {
        if (!isDeed(each)) this.#apply(engine, mutationOf(each, this.model));
        else if (each.type === 'turn') await nextTurn();
        else if (each.type === 'flush') await this.#flush(engine);
        else if (each.type === 'bulk') for (const mutation of BULK) this.#apply(engine, mutation);
        else if (each.type === 'snapshot') {
          await snapshot;
          snapshot = engine.snapshot();
          snapshot.catch(() => {}); // Looked at later.
        } else if (each.type === 'snapshotNow') {
          await snapshot;
          engine.snapshotNow();
          this.durable = this.written = this.taken.length;
        } else {
          await snapshot;
          engine.close();
          this.durable = this.written = this.taken.length;
          engine = this.#open();
          this.model.audiences.drafts.clear();
        }
      }
      await snapshot;
    } finally {
      await snapshot.catch(() => {});
      try {
        engine?.close();
      } catch {
        // On a disk that is gone.
      }
    }
    this.durable = this.written = this.taken.length;
  }

  #open(): Engine {
    return openEngineOn({ ...OPTIONS, fsync: this.#fsync }, this.#storage);
  }

  async #flush(engine: Engine): Promise<void> {
    const count = this.taken.length;
    engine.flush();
    this.written = count;
    if (this.#fsync === 'always') this.durable = count;
    else if (count % 2 === 0) {
      await engine.synced();
      this.durable = count;
    }
  }

  #apply(engine: Engine, mutation: Mutation): void {
    let refusal: unknown;
    try {
      this.model.apply(mutation);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      refusal = error;
    }
    try {
      engine.apply(mutation);
    } catch (error) {
      if (refusal !== undefined && error instanceof SegmentdError) return;
      throw error;
    }
    assert.equal(refusal, undefined);
    this.taken.push(mutation);
  }

  /** The storage must have what was acknowledged, and what else it has must be what was done next. */
  check(storage: Storage, acknowledged: number, what: string): void {
    const engine = openEngineOn({ ...OPTIONS, fsync: this.#fsync }, storage);
    try {
      const model = new NaiveStore(MODEL);
      for (const mutation of this.taken.slice(0, acknowledged)) model.apply(mutation);
      for (let count = acknowledged; ; count++) {
        try {
          assertSame(engine, model, IDS, TAGS);
          assertSameAudiences(engine, model, []);
          return;
        } catch (error) {
          if (count >= this.taken.length)
            throw new Error(`${what}: ${acknowledged} to ${count}`, { cause: error });
        }
        model.apply(this.taken[count]!);
      }
    } finally {
      engine.close();
    }
  }
}

/** Crashes at operation `at`, and opens what may be left. Returns false when the life was over before. */
async function crashAt(at: number, actions: readonly Action[], fsync: FsyncPolicy): Promise<boolean> {
  const random = new Random(at);
  const chance = (below: number): number => random.below(below);
  const memory = new MemoryStorage();
  let survivors: MemoryStorage[] = [];
  const storage = new CrashingStorage(memory, at, () => chance(2) === 0);
  const life = new Life(storage, fsync);
  let durable = 0;
  let written = 0;
  storage.onCrash = () => {
    ({ durable, written } = life);
    survivors = Array.from({ length: SURVIVORS }, () => memory.afterPowerFailure(chance));
  };
  try {
    await life.run(actions);
  } catch (error) {
    if (!storage.isCrashed) throw error;
  }
  // The process is gone, the system is not.
  life.check(memory, written, `crash ${at}, system alive`);
  for (const survivor of survivors) {
    // The power fails once more, while what is left is opened.
    const again = new CrashingStorage(survivor, chance(30), () => chance(2) === 0);
    try {
      openEngineOn({ ...OPTIONS, fsync }, again).close();
    } catch (error) {
      if (!again.isCrashed) throw error;
    }
    life.check(survivor.afterPowerFailure(chance), durable, `crash ${at}, power lost`);
  }
  return storage.isCrashed;
}

describe('after a crash at any operation', () => {
  test.each([
    ['always', 1],
    ['always', 2],
    ['everysec', 3],
    ['no', 4],
  ] as const)(
    'everything acknowledged is there, fsync %s, life %i',
    { timeout: 120_000 },
    async (fsync, seed) => {
      const [actions] = fc.sample(fc.array(action, { minLength: STEPS, maxLength: STEPS, size: 'max' }), {
        numRuns: 1,
        seed,
      }) as [Action[]];
      let at = 0;
      while (await crashAt(at, actions, fsync)) at++;
      assert.ok(at > 60, `only ${at} operations`);
    },
  );
});
