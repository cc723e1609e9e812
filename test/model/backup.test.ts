/** Backups of folders that are being written to: what is restored is what the folder had when the backup began. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Random } from '../../bench/support/random.js';
import { checkStore } from '../../src/check.js';
import { type Engine, SegmentdError } from '../../src/index.js';
import { openEngineOn } from '../../src/open.js';
import { backup, restore } from '../../src/persistence/backup.js';
import { filesIn } from '../../src/persistence/find-bytes.js';
import { checkFolder } from '../../src/persistence/folder-report.js';
import type { ReadStorage, Storage, StorageFile } from '../../src/persistence/storage.js';
import { CrashingStorage, FailingStorage } from '../../src/persistence/storage-crashing.js';
import { MemoryStorage } from '../../src/persistence/storage-memory.js';
import { finish } from '../../src/store/steps.js';
import { type AudienceStep, BEGINNING, mutationOf, step } from './audience-arbitraries.js';
import { NaiveStore } from './naive-store.js';
import { Refusal } from './refusal.js';
import { contentOf } from './store-content.js';

const OPTIONS = { dataDir: '/data', maxEnumValues: 3, snapshotAge: 0, snapshotJournalBytes: 0 };
const ARCHIVE = '/backups/of-today';

/** What is not a change. */
interface Deed {
  readonly type: 'snapshot' | 'snapshotNow' | 'failedSnapshot' | 'turn';
}
type Action = AudienceStep | Deed;

const DEEDS: readonly string[] = ['snapshot', 'snapshotNow', 'failedSnapshot', 'turn'];

function isDeed(action: Action): action is Deed {
  return DEEDS.includes(action.type);
}

const action: fc.Arbitrary<Action> = fc.oneof(
  { arbitrary: step, weight: 10 },
  {
    arbitrary: fc.record({ type: fc.constantFrom('snapshot', 'snapshotNow', 'failedSnapshot', 'turn') }),
    weight: 2,
  },
);
const actions = fc.array(action, { maxLength: 60, size: 'max' });

/** An engine on files in memory, with a model that says what mutations mean. */
class Life {
  readonly storage = new MemoryStorage();
  readonly engine: Engine;
  readonly #model = new NaiveStore({ strict: false, maxEnumValues: 3 });
  #isFull = false;

  constructor() {
    const storage = new FailingStorage(this.storage, (_, path) => {
      if (this.#isFull && path.includes('snapshot')) throw new Error('ENOSPC');
    });
    this.engine = openEngineOn(OPTIONS, storage);
    this.storage.makeFolder('/backups');
    for (const each of BEGINNING) this.#apply(each);
  }

  async act(each: Action): Promise<void> {
    if (!isDeed(each)) this.#apply(each);
    else if (each.type === 'turn') await nextTurn();
    else if (each.type === 'snapshot') await this.engine.snapshot();
    else if (each.type === 'snapshotNow') this.engine.snapshotNow();
    else await this.#failSnapshot();
    this.engine.flush();
  }

  /** Leaves one more journal. */
  async #failSnapshot(): Promise<void> {
    this.#isFull = true;
    await assert.rejects(this.engine.snapshot(), /ENOSPC/);
    this.#isFull = false;
  }

  #apply(each: AudienceStep): void {
    const mutation = mutationOf(each, this.#model);
    try {
      this.#model.apply(mutation);
      this.engine.apply(mutation);
    } catch (error) {
      if (!(error instanceof Refusal || error instanceof SegmentdError)) throw error;
    }
  }
}

/** What an engine has that opens the folder. Drafts are not kept across a start. */
function contentIn(storage: Storage, dataDir: string): unknown {
  const engine = openEngineOn({ ...OPTIONS, dataDir }, storage);
  try {
    assert.deepEqual(checkStore(engine.store).problems, []);
    return contentOf(engine.store);
  } finally {
    engine.close();
  }
}

function contentNow({ engine }: Life): unknown {
  return { ...(contentOf(engine.store) as object), drafts: [] };
}

test('what is restored is what the folder had when the backup began', { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(actions, actions, async (before, during) => {
      const life = new Life();
      for (const each of before) await life.act(each);
      life.engine.flush();
      const expected = contentNow(life);
      const steps = backup(life.storage, '/data', ARCHIVE);
      let isDone = steps.next().done;
      for (const each of during) {
        await life.act(each);
        isDone ||= steps.next().done;
      }
      if (!isDone) finish(steps);
      life.engine.close();
      expect(life.storage.list('/backups')).toEqual(['of-today']);
      const { journals, snapshot } = finish(restore(life.storage, ARCHIVE, '/restored'));
      expect(journals).toBeGreaterThan(0);
      const report = finish(checkFolder(life.storage, '/restored'));
      expect(report).toMatchObject({ sound: true, problems: [], leftOver: [], foreign: [] });
      expect(report.snapshots.map(({ name }) => name)).toEqual(snapshot === undefined ? [] : [snapshot]);
      assert.deepEqual(contentIn(life.storage, '/restored'), expected);
    }),
    { numRuns: 60 },
  );
});

/** Calls back before every file is opened to be read. */
class Watched implements ReadStorage {
  readonly #inner: Storage;
  readonly #onOpen: () => void;

  constructor(inner: Storage, onOpen: () => void) {
    this.#inner = inner;
    this.#onOpen = onOpen;
  }

  list(folder: string): string[] {
    return this.#inner.list(folder);
  }

  open(path: string): StorageFile {
    this.#onOpen();
    return this.#inner.open(path, 'read');
  }
}

function watched(storage: MemoryStorage, onOpen: () => void): Storage {
  const reads = new Watched(storage, onOpen);
  return new Proxy(storage, {
    get(target, name) {
      if (name === 'open')
        return (path: string, mode: 'read' | 'write') =>
          mode === 'read' ? reads.open(path) : target.open(path, mode);
      const value = Reflect.get(target, name, target) as unknown;
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

test('files that are replaced while they are opened are opened anew', async () => {
  for (let at = 0; at < 12; at++) {
    const life = new Life();
    await life.act({ type: 'snapshot' });
    let opened = 0;
    const storage = watched(life.storage, () => {
      if (opened++ !== at) return;
      life.engine.setTags('late', { a: true });
      life.engine.snapshotNow();
    });
    const steps = backup(storage, '/data', ARCHIVE);
    steps.next();
    const expected = contentNow(life);
    finish(steps);
    life.engine.close();
    finish(restore(life.storage, ARCHIVE, '/restored'));
    assert.deepEqual(contentIn(life.storage, '/restored'), expected);
  }
});

test('a change that is still being written is left out', async () => {
  const life = new Life();
  const expected = contentNow(life);
  life.engine.flush();
  const { file, size } = life.engine.persistence!;
  const journal = life.storage.open(join('/data', file), 'write');
  journal.write(Buffer.from('torn'), size);
  finish(backup(life.storage, '/data', ARCHIVE));
  life.engine.close();
  finish(restore(life.storage, ARCHIVE, '/restored'));
  expect(finish(checkFolder(life.storage, '/restored')).journals).toMatchObject([
    { name: file, bytes: size, torn: 0 },
  ]);
  assert.deepEqual(contentIn(life.storage, '/restored'), expected);
});

test('an owner that is always faster is told of', async () => {
  const life = new Life();
  const storage = watched(life.storage, () => life.engine.snapshotNow());
  expect(() => finish(backup(storage, '/data', ARCHIVE))).toThrow(/changes faster than it can be read/);
  expect(life.storage.list('/backups')).toEqual([]);
  life.engine.close();
});

/** A folder with a snapshot and two journals, and its archive. */
async function archived(): Promise<{ life: Life; expected: unknown }> {
  const life = new Life();
  await life.act({ type: 'snapshot' });
  life.engine.setTags('anna', { city: 'Köln' });
  await life.act({ type: 'failedSnapshot' });
  life.engine.setTags('bert', { city: 'Bonn' });
  life.engine.flush();
  expect(finish(backup(life.storage, '/data', ARCHIVE))).toMatchObject({
    snapshot: 'snapshot-000002',
    journals: 2,
  });
  const expected = contentNow(life);
  life.engine.close();
  return { life, expected };
}

describe('an archive', () => {
  test('with a flipped bit anywhere, or cut, is refused and leaves nothing', {
    timeout: 60_000,
  }, async () => {
    const { storage } = (await archived()).life;
    const file = storage.open(ARCHIVE, 'write');
    const sound = Buffer.alloc(file.size);
    file.read(sound, 0);
    const before = filesIn(storage, '/');
    const assertRefused = (): void => {
      const found = expect.objectContaining({
        code: 'DATA_CORRUPT',
        message: expect.stringContaining(ARCHIVE),
      });
      expect(() => finish(restore(storage, ARCHIVE, '/restored'))).toThrow(found);
      expect(filesIn(storage, '/')).toEqual(before);
      expect(storage.list('/')).not.toContain('restored');
    };
    fc.assert(
      fc.property(fc.nat(sound.length - 1), fc.nat(7), (at, bit) => {
        file.write(Buffer.from([sound[at]! ^ (1 << bit)]), at);
        assertRefused();
        file.write(sound.subarray(at, at + 1), at);
      }),
      { numRuns: 150, examples: Array.from({ length: 40 }, (_, i): [number, number] => [i, i % 8]) },
    );
    for (const length of [0, 1, 15, 16, sound.length >> 1, sound.length - 1]) {
      file.truncate(length);
      assertRefused();
      file.write(sound.subarray(length), length);
    }
    finish(restore(storage, ARCHIVE, '/restored'));
  });

  test('is restored as a whole or not at all, wherever that fails', { timeout: 60_000 }, async () => {
    const { life, expected } = await archived();
    for (let at = 0, isDone = false; !isDone; at++) {
      let operations = 0;
      const failing = new FailingStorage(life.storage, (operation, path) => {
        // Cleaning up goes on.
        if (operation !== 'remove' && operations++ === at) throw new Error(`ENOSPC: ${path}`);
      });
      try {
        finish(restore(failing, ARCHIVE, '/restored'));
        isDone = true;
      } catch (error) {
        expect(error).toMatchObject({ code: 'PERSISTENCE_FAILED' });
        expect(life.storage.list('/')).not.toContain('restored');
      }
      if (isDone) expect(at).toBeGreaterThan(15);
    }
    assert.deepEqual(contentIn(life.storage, '/restored'), expected);
  });

  test('is restored as a whole or not at all, whenever the power fails', { timeout: 60_000 }, async () => {
    const { life, expected } = await archived();
    const random = new Random(1);
    const chance = (below: number): number => random.below(below);
    for (let at = 0, isDone = false; !isDone; at++) {
      const memory = life.storage.afterPowerFailure(() => 1);
      const crashing = new CrashingStorage(memory, at, () => chance(2) === 0);
      try {
        finish(restore(crashing, ARCHIVE, '/restored'));
        isDone = true;
      } catch (error) {
        if (!crashing.isCrashed) throw error;
      }
      for (let i = 0; i < 4; i++) {
        const survivor = memory.afterPowerFailure(chance);
        const isThere = filesIn(survivor, '/').includes(join('/restored', 'MANIFEST'));
        expect(isThere || !isDone).toBe(true);
        if (isThere) assert.deepEqual(contentIn(survivor, '/restored'), expected);
      }
    }
  });
});
