import fc from 'fast-check';
import { test } from 'vitest';
import { type Mutation, openEngine } from '../../src/index.js';
import { declaration, IDS, mutation, TAGS, tag } from './arbitraries.js';
import { applyToBoth, assertSame } from './compare.js';
import { NaiveStore } from './naive-store.js';

/** Runs the mutations one by one on an engine and on the model, and compares all there is after each. */
function run(mutations: readonly Mutation[], options: { strict: boolean; maxEnumValues: number }): void {
  const engine = openEngine(options);
  const model = new NaiveStore(options);
  try {
    for (const mutation of mutations) {
      applyToBoth(engine, model, mutation);
      assertSame(engine, model, IDS, TAGS);
    }
  } finally {
    engine.close();
  }
}

test('random mutations do what the model says, or change nothing', () => {
  fc.assert(
    fc.property(fc.array(mutation, { maxLength: 40 }), fc.constantFrom(1, 2, 3, 65_535), (mutations, max) =>
      run(mutations, { strict: false, maxEnumValues: max }),
    ),
    { numRuns: 250 },
  );
});

test('a strict engine takes declared tags only', () => {
  const declare = fc.record({ type: fc.constant('declareTag'), tag, declaration });
  const list = fc.array(fc.oneof(mutation, declare), { maxLength: 40 });
  fc.assert(
    fc.property(list, (mutations) => run(mutations, { strict: true, maxEnumValues: 3 })),
    { numRuns: 60 },
  );
});
