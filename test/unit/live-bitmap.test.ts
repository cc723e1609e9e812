import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Engine, type Mutation, openEngine } from '../../src/index.js';
import { EnumColumn } from '../../src/store/enum-column.js';
import { FlagColumn } from '../../src/store/flag-column.js';
import { type HeldBitmap, LiveBitmap } from '../../src/store/live-bitmap.js';
import { type HeldSlices, NumberColumn } from '../../src/store/number-column.js';
import { finish } from '../../src/store/steps.js';
import { mutation } from '../model/arbitraries.js';

function liveOf(...ordinals: number[]): LiveBitmap {
  const live = new LiveBitmap();
  for (const ordinal of ordinals) live.add(ordinal);
  return live;
}

describe('a held bitmap', () => {
  test('stays as it was, and the live one changes', () => {
    const live = liveOf(1, 2, 3);
    const held = live.hold();
    live.add(4);
    live.remove(1);
    expect([...held.bitmap]).toEqual([1, 2, 3]);
    expect([...live]).toEqual([2, 3, 4]);
    expect([live.size, live.has(1), live.has(4)]).toEqual([3, false, true]);
    held.release();
    live.add(5);
    expect([...live]).toEqual([2, 3, 4, 5]);
  });

  test('is the live one until something is written, and copied once', () => {
    const live = liveOf(1);
    const first = live.hold();
    expect(first.bitmap).toBe(live.now);
    expect(live.hold().bitmap).toBe(live.now);
    live.add(2);
    const { now } = live;
    expect(now).not.toBe(first.bitmap);
    live.add(3);
    expect(live.now).toBe(now);
  });

  test('is written to in place again once it is released', () => {
    const live = liveOf(1);
    const { now } = live;
    live.hold().release();
    live.add(2);
    expect(live.now).toBe(now);
  });

  test('goes with its last holder when it was replaced, and never while it is live', () => {
    const live = liveOf(1, 2);
    const [first, second] = [live.hold(), live.hold()];
    first.release();
    first.release();
    live.add(3);
    expect([...second.bitmap]).toEqual([1, 2]);
    second.release();
    expect(second.bitmap.size).toBe(0);
    const third = live.hold();
    third.release();
    expect([...third.bitmap]).toEqual([1, 2, 3]);
  });

  test('a late release of an old state leaves holders of the new one alone', () => {
    const live = liveOf(1);
    const old = live.hold();
    live.add(2);
    const newer = live.hold();
    old.release();
    old.release();
    live.add(3);
    expect([...newer.bitmap]).toEqual([1, 2]);
    expect([...live]).toEqual([1, 2, 3]);
  });

  test('outlives a clear', () => {
    const live = liveOf(1, 2);
    const held = live.hold();
    live.clear();
    expect([live.size, held.bitmap.size]).toEqual([0, 2]);
    held.release();
    live.add(7);
    live.clear();
    expect([...live]).toEqual([]);
  });

  test('can be walked over while the live one shrinks and is compacted', () => {
    const live = new LiveBitmap();
    for (let i = 0; i < 200_000; i++) live.add(i * 3);
    const held = live.hold();
    const walk = held.bitmap[Symbol.iterator]();
    const seen = Array.from({ length: 1000 }, () => walk.next().value as number);
    live.shrink();
    live.compact();
    expect(live.now).not.toBe(held.bitmap);
    for (const ordinal of walk) seen.push(ordinal);
    expect(seen).toEqual(Array.from({ length: 200_000 }, (_, i) => i * 3));
    expect(live.now.isEqual(held.bitmap)).toBe(true);
  });
});

test('the version counts changes, and nothing else', () => {
  const live = liveOf(1, 2);
  expect(live.version).toBe(2);
  live.hold().release();
  live.shrink();
  live.compact();
  expect(live.version).toBe(2);
  live.remove(1);
  live.clear();
  expect(live.version).toBe(4);
});

test('whatever is written, held and released, everybody sees what they held', () => {
  const action = fc.oneof(
    fc.record({ type: fc.constantFrom('add', 'remove'), ordinal: fc.nat({ max: 30 }) }),
    fc.record({ type: fc.constantFrom('hold', 'hold', 'shrink', 'compact', 'clear'), ordinal: fc.nat() }),
    fc.record({ type: fc.constant('release'), ordinal: fc.nat() }),
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      const live = new LiveBitmap();
      const model = new Set<number>();
      const held: { by: HeldBitmap; seen: number[] }[] = [];
      const sorted = () => [...model].sort((a, b) => a - b);
      for (const { type, ordinal } of actions) {
        if (type === 'add') model.add(ordinal);
        if (type === 'remove') model.delete(ordinal);
        if (type === 'clear') model.clear();
        if (type === 'hold') held.push({ by: live.hold(), seen: sorted() });
        else if (type !== 'release') live[type as 'add'](ordinal);
        else if (held.length > 0) held.splice(ordinal % held.length, 1)[0]!.by.release();
        expect([...live]).toEqual(sorted());
        for (const { by, seen } of held) expect([...by.bitmap]).toEqual(seen);
      }
    }),
    { numRuns: 300 },
  );
});

describe('columns', () => {
  test('of flags hold their users', () => {
    const column = new FlagColumn();
    column.add(1);
    const held = column.hold();
    column.add(2);
    column.remove(1);
    expect([[...held.bitmap], [...column.members()]]).toEqual([[1], [2]]);
    expect(column.version).toBe(3);
  });

  test('of enums hold the users of one value, or of all', () => {
    const column = new EnumColumn(10, () => {});
    const [rome, oslo] = [column.codeFor('Rome', 't'), column.codeFor('Oslo', 't')];
    column.add(1, rome);
    column.add(2, oslo);
    expect([column.version, column.dictionaryVersion]).toEqual([2, 2]);
    const held = column.hold('Rome')!;
    const all = column.holdAll();
    column.change(2, oslo, rome);
    // Nobody is left in Oslo: the code is given to the next value, while its old bitmap is still held.
    expect(column.dictionaryVersion).toBe(3);
    column.add(3, column.codeFor('Bonn', 't'));
    expect(column.dictionaryVersion).toBe(4);
    expect([...held.bitmap]).toEqual([1]);
    expect(all.map(({ bitmap }) => [...bitmap])).toEqual([[1], [2]]);
    expect([...column.membersWith('Rome')!]).toEqual([1, 2]);
    expect([...column.membersWith('Bonn')!]).toEqual([3]);
    expect(column.hold('Oslo')).toBe(undefined);
    const { version } = column;
    column.change(3, column.codeFor('Bonn', 't'), column.codeFor('Bonn', 't'));
    expect([column.version, column.dictionaryVersion]).toEqual([version, 4]);
  });

  test('of numbers hold all their bits', () => {
    const column = new NumberColumn(1);
    const code = (value: number) => column.codeFor(value, 't');
    column.add(1, code(2.5));
    column.add(2, code(-7));
    const held = column.hold();
    column.change(1, code(2.5), code(100));
    column.remove(2, code(-7));
    column.add(3, code(1));
    expect(column.version).toBe(5);
    column.change(1, code(100), code(100));
    expect(column.version).toBe(5);
    expect(finish(held.slices.sum())).toBe(-45n);
    expect([...finish(held.slices.inRange(-70, 25))]).toEqual([1, 2]);
    const now = column.hold();
    expect(finish(now.slices.sum())).toBe(1010n);
    held.release();
    held.release();
    expect(finish(now.slices.quantiles([0, 1]))).toEqual([10, 1000]);
    now.release();
    expect([...column.membersWith(code(100))]).toEqual([1]);
  });
});

/** Holds all there is in a store, with a copy of it to compare. */
function holdAll({ store }: Engine): { isIntact(): boolean; release(): void } {
  const held: HeldBitmap[] = [store.users.hold()];
  const numbers: HeldSlices[] = [];
  for (const { column } of store.catalog.all()) {
    if (column instanceof FlagColumn) held.push(column.hold());
    if (column instanceof EnumColumn) held.push(...column.holdAll());
    if (column instanceof NumberColumn) numbers.push(column.hold());
  }
  const before = held.map(({ bitmap }) => bitmap.clone());
  const numbersBefore = numbers.map(contents);
  return {
    isIntact: () =>
      held.every(({ bitmap }, i) => bitmap.isEqual(before[i]!)) &&
      isDeepStrictEqual(numbers.map(contents), numbersBefore),
    release: () => {
      for (const { release } of [...held, ...numbers]) release();
    },
  };
}

/** Every user and every number, and the users of each of them. */
function contents({ slices }: HeldSlices): unknown {
  const numbers = new Set(
    finish(
      slices.quantiles(Array.from({ length: slices.exists.size }, (_, i) => (i + 1) / slices.exists.size)),
    ),
  );
  return [...numbers].map((number) => [number, [...finish(slices.inRange(number, number))]]);
}

type Action = Mutation | { readonly type: 'hold' } | { readonly type: 'release'; readonly at: number };

test('an engine stays sound while its columns are held and released, and who holds sees no change', () => {
  const action: fc.Arbitrary<Action> = fc.oneof(
    { arbitrary: mutation, weight: 6 },
    fc.constant<Action>({ type: 'hold' }),
    fc.record({ type: fc.constant('release'), at: fc.nat() }),
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      const engine = openEngine();
      const held: ReturnType<typeof holdAll>[] = [];
      for (const action of actions) {
        if (action.type === 'hold') {
          held.push(holdAll(engine));
          engine.compact();
        } else if (action.type === 'release') {
          held.splice(action.at % (held.length + 1), 1)[0]?.release();
        } else {
          applyIfAllowed(engine, action);
        }
        expect(held.every((state) => state.isIntact())).toBe(true);
        expect(engine.check().problems).toEqual([]);
      }
    }),
    { numRuns: 150 },
  );
});

function applyIfAllowed(engine: Engine, change: Mutation): void {
  try {
    engine.apply(change);
  } catch {
    // What is refused changes nothing; other tests say when.
  }
}
