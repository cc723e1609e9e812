import fc from 'fast-check';
import { test } from 'vitest';
import { TestFolder } from '../support/test-folder.js';
import { IDS, mutation, TAGS } from './arbitraries.js';
import { applyToBoth, assertSame } from './compare.js';
import { NaiveStore } from './naive-store.js';

/** Mutations between two openings of the folder, some of them refused. */
const lives = fc.array(fc.array(fc.tuple(mutation, fc.boolean()), { maxLength: 40 }), {
  minLength: 1,
  maxLength: 3,
});

test('an engine that is opened again has what the model has', { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(lives, (mutations) => {
      const folder = new TestFolder();
      try {
        const model = new NaiveStore({ strict: false, maxEnumValues: 3 });
        let engine = folder.open({ maxEnumValues: 3 });
        for (const life of mutations) {
          for (const [mutation, isFlushed] of life) {
            applyToBoth(engine, model, mutation);
            if (isFlushed) engine.flush();
          }
          engine.close();
          engine = folder.open({ maxEnumValues: 3 });
          assertSame(engine, model, IDS, TAGS);
        }
      } finally {
        folder.remove();
      }
    }),
    { numRuns: 100 },
  );
});
