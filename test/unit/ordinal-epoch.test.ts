import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openEngine } from '../../src/index.js';
import type { SegmentStore } from '../../src/store/segment-store.js';

/** Every user's id by ordinal. */
function usersOf(store: SegmentStore): Map<number, string> {
  return new Map(
    store.users.now.toArray().map((ordinal) => [ordinal, store.idOf(ordinal).toString()] as const),
  );
}

const user = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
const step = fc.oneof(
  { arbitrary: fc.record({ type: fc.constant('add' as const), user }), weight: 6 },
  { arbitrary: fc.record({ type: fc.constant('erase' as const), user }), weight: 4 },
  { arbitrary: fc.constant({ type: 'tell' as const }), weight: 3 },
  fc.constant({ type: 'clear' as const }),
);

test('as long as the epoch is the same, every ordinal means who it meant, or nobody', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const engine = openEngine();
      const { store } = engine;
      const told: { epoch: string; users: Map<number, string> }[] = [];
      for (const one of steps) {
        if (one.type === 'add') engine.setTags(one.user, { vip: true });
        else if (one.type === 'erase') engine.eraseUser(one.user);
        else if (one.type === 'clear') engine.clear();
        else told.push({ epoch: store.ordinalEpoch, users: usersOf(store) });
        if (told.length === 0) continue;
        const now = usersOf(store);
        for (const { epoch, users } of told) {
          if (epoch !== store.ordinalEpoch) continue;
          for (const [ordinal, id] of users) expect([id, undefined]).toContain(now.get(ordinal));
        }
      }
      engine.close();
    }),
    { numRuns: 150 },
  );
});

test('it changes when an ordinal is given to somebody else, and no sooner', () => {
  const engine = openEngine();
  const { store } = engine;
  for (const id of ['a', 'b', 'c']) engine.setTags(id, { vip: true });
  engine.eraseUser('c');
  const epoch = store.ordinalEpoch;
  engine.setTags('a', { age: 3 });
  engine.setTags('d', { vip: true }); // Takes an ordinal that nobody had when the epoch was told.
  engine.setTags('e', { vip: true });
  engine.eraseUser('b');
  expect(store.ordinalEpoch).toBe(epoch);
  engine.setTags('f', { vip: true });
  expect(store.ordinalEpoch).not.toBe(epoch);
  engine.close();
});

test('it changes when everybody is gone', () => {
  const engine = openEngine();
  engine.setTags('a', { vip: true });
  const epoch = engine.store.ordinalEpoch;
  engine.clear();
  expect(engine.store.ordinalEpoch).not.toBe(epoch);
  engine.close();
});

test('one that nobody was told does not change', () => {
  const engine = openEngine();
  const { store } = engine;
  const { records } = store;
  engine.setTags('a', { vip: true });
  const before = store.ordinalEpoch;
  engine.eraseUser('a');
  for (let i = 0; i < 10; i++) {
    engine.setTags('a', { vip: true });
    engine.eraseUser('a');
  }
  expect(records.ordinalLimit).toBe(1);
  const after = store.ordinalEpoch;
  expect(Number(after.split('.')[1])).toBe(Number(before.split('.')[1]) + 1);
  engine.close();
});

test('two stores never have the same', () => {
  const engines = Array.from({ length: 20 }, () => openEngine());
  expect(new Set(engines.map(({ store }) => store.ordinalEpoch)).size).toBe(20);
  for (const engine of engines) engine.close();
});

test('it can be the value of a header', () => {
  const engine = openEngine();
  expect(engine.store.ordinalEpoch).toMatch(/^[\w.-]{10,40}$/);
  engine.close();
});
