import assert from 'node:assert/strict';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkStore } from '../../src/check.js';
import { SegmentdError } from '../../src/index.js';
import { apply, type Mutation } from '../../src/mutation.js';
import { readSnapshot, verifySnapshot, writeSnapshot } from '../../src/persistence/snapshot.js';
import { fileStorage } from '../../src/persistence/storage-file.js';
import { MemoryStorage } from '../../src/persistence/storage-memory.js';
import { SegmentStore } from '../../src/store/segment-store.js';
import { finish } from '../../src/store/steps.js';
import { TestFolder } from '../support/test-folder.js';
import { mutation } from './arbitraries.js';
import { BEGINNING, mutationOf, step } from './audience-arbitraries.js';
import { NaiveStore } from './naive-store.js';
import { contentOf } from './store-content.js';

const OPTIONS = { strict: false, maxEnumValues: 3 };
const FOLDER = '/data/snapshot';

/** Applies a mutation; gives how much it changed, or the code of the error that refuses it. */
function outcome(store: SegmentStore, change: Mutation): number | string {
  try {
    return apply(store, change);
  } catch (error) {
    if (error instanceof SegmentdError) return error.code;
    throw error;
  }
}

function again(store: SegmentStore): SegmentStore {
  const storage = new MemoryStorage();
  writeSnapshot(store, storage, FOLDER);
  return readSnapshot(storage, FOLDER, OPTIONS);
}

function assertEqual(restored: SegmentStore, store: SegmentStore): void {
  assert.deepEqual(checkStore(restored).problems, []);
  assert.deepEqual(contentOf(restored), contentOf(store));
}

test('a store that is read from its snapshot is the same, and goes on the same', { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(mutation, { maxLength: 60, size: 'max' }), { minLength: 1, maxLength: 3 }),
      (lives) => {
        const store = new SegmentStore(OPTIONS);
        let restored = new SegmentStore(OPTIONS);
        for (const life of lives) {
          for (const change of life) assert.equal(outcome(restored, change), outcome(store, change));
          assertEqual(restored, store);
          restored = again(restored);
          assertEqual(restored, store);
        }
      },
    ),
    { numRuns: 100 },
  );
});

test('audiences and their drafts are in it', { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40, size: 'max' }), (steps) => {
      const store = new SegmentStore(OPTIONS);
      const model = new NaiveStore(OPTIONS);
      for (const change of [...BEGINNING, ...steps.map((each) => mutationOf(each, model))]) {
        outcome(store, change);
      }
      const restored = again(store);
      assertEqual(restored, store);
      assert.equal(restored.audiences.nextDraft(), store.audiences.nextDraft());
    }),
    { numRuns: 100 },
  );
});

/** Many users of several pages, some of them erased, so that frames are evacuated and free. */
function largeStore(): SegmentStore {
  const store = new SegmentStore(OPTIONS);
  store.declareTag('age', { kind: 'number', scale: 1 });
  const idOf = (user: number): string => `user-${user}@example.com`;
  for (let user = 0; user < 150_000; user++) {
    store.setTags(
      idOf(user),
      ['age', 'half', 'city'],
      [user / 10, user % 2 === 0 ? true : '1', `${user % 3}`],
    );
  }
  for (let user = 0; user < 150_000; user += 1) if (user % 5 < 2) store.eraseUser(idOf(user));
  for (let user = 0; user < 1_000; user++) store.setTags(`late-${user}`, ['age'], [user]);
  return store;
}

test('a large store comes back from files', () => {
  const folder = new TestFolder();
  try {
    const path = join(folder.path, 'snapshot');
    const store = largeStore();
    let told = 0;
    const written = writeSnapshot(store, fileStorage, path, (done, total) => {
      assert.ok(done > told && done <= total);
      told = done;
    });
    expect(written).toMatchObject({ users: 91_000, tags: 3, pairs: 271_000 });
    const restored = readSnapshot(fileStorage, path, OPTIONS);
    assertEqual(restored, store);
    // Every erased ordinal is free again, and every free frame can be used.
    for (let user = 0; user < 100_000; user++) {
      restored.setTags(`new-${user}`, ['age'], [user]);
      store.setTags(`new-${user}`, ['age'], [user]);
    }
    assert.equal(restored.records.ordinalLimit, store.records.ordinalLimit);
    assertEqual(restored, store);
    expect(finish(verifySnapshot(fileStorage, path))).toMatchObject({ users: 91_000, pairs: 271_000 });
  } finally {
    folder.remove();
  }
});

/** The files of a snapshot in memory, by name. */
function filesOf(storage: MemoryStorage): [string, Buffer][] {
  return storage.list(FOLDER).map((name) => {
    const file = storage.open(join(FOLDER, name), 'read');
    const bytes = Buffer.alloc(file.size);
    file.read(bytes, 0);
    return [name, bytes];
  });
}

test('nothing of an erased user is in it', () => {
  const storage = new MemoryStorage();
  writeSnapshot(largeStore(), storage, FOLDER);
  const ids = new Set<string>();
  for (const [, bytes] of filesOf(storage)) {
    for (const [id] of bytes.toString('latin1').matchAll(/user-\d+@example\.com/g)) ids.add(id);
  }
  expect(ids.size).toBe(90_000);
  for (const id of ids) expect(Number(/\d+/.exec(id)![0]) % 5).toBeGreaterThanOrEqual(2);
});

test('a flipped bit, a missing and an added byte are found, whichever file it is', {
  timeout: 60_000,
}, () => {
  const storage = new MemoryStorage();
  const store = new SegmentStore(OPTIONS);
  for (let user = 0; user < 100; user++)
    store.setTags(`user-${user}`, ['a', `tag-${user % 7}`], ['1', `v${user % 3}`]);
  writeSnapshot(store, storage, FOLDER);
  const sound = contentOf(store);
  for (const [name, bytes] of filesOf(storage)) {
    const path = join(FOLDER, name);
    const file = storage.open(path, 'write');
    const assertFound = (): void => {
      const found = expect.objectContaining({ code: 'DATA_CORRUPT', message: expect.stringContaining(path) });
      expect(() => readSnapshot(storage, FOLDER, OPTIONS)).toThrow(found);
    };
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(7), (at, bit) => {
        file.write(Buffer.from([bytes[at]! ^ (1 << bit)]), at);
        assertFound();
        file.write(bytes.subarray(at, at + 1), at);
      }),
      { numRuns: 60 },
    );
    file.truncate(bytes.length - 1);
    assertFound();
    file.write(bytes.subarray(-1), bytes.length - 1);
    file.write(Buffer.from('x'), bytes.length);
    assertFound();
    file.truncate(bytes.length);
  }
  assert.deepEqual(contentOf(readSnapshot(storage, FOLDER, OPTIONS)), sound);
});
