import fc from 'fast-check';
import { test } from 'vitest';
import { openEngine } from '../../src/index.js';
import { TestFolder } from '../support/test-folder.js';
import { IDS, TAGS } from './arbitraries.js';
import { BEGINNING, mutationOf, step } from './audience-arbitraries.js';
import { applyToBoth, assertSame, assertSameAudiences } from './compare.js';
import { NaiveStore } from './naive-store.js';

const OPTIONS = { strict: false, maxEnumValues: 3 };

const steps = fc.array(step, { maxLength: 60, size: 'max' });

test('random changes of audiences, users and tags do what the model says, or nothing', {
  timeout: 60_000,
}, () => {
  fc.assert(
    fc.property(steps, (list) => {
      const engine = openEngine(OPTIONS);
      const model = new NaiveStore(OPTIONS);
      for (const each of [...BEGINNING, ...list]) {
        applyToBoth(engine, model, mutationOf(each, model));
        assertSameAudiences(engine, model);
        assertSame(engine, model, IDS, TAGS);
      }
      engine.close();
    }),
    { numRuns: 200 },
  );
});

test('audiences are there when the folder is opened again, and unfinished drafts are not', {
  timeout: 60_000,
}, () => {
  fc.assert(
    fc.property(fc.array(steps, { minLength: 1, maxLength: 3 }), (lives) => {
      const folder = new TestFolder();
      try {
        const model = new NaiveStore(OPTIONS);
        let engine = folder.open(OPTIONS);
        for (const each of BEGINNING) applyToBoth(engine, model, each);
        for (const life of lives) {
          for (const each of life) applyToBoth(engine, model, mutationOf(each, model));
          assertSameAudiences(engine, model);
          engine.close();
          engine = folder.open(OPTIONS);
          model.audiences.drafts.clear();
          assertSameAudiences(engine, model);
          assertSame(engine, model, IDS, TAGS);
        }
      } finally {
        folder.remove();
      }
    }),
    { numRuns: 100 },
  );
});
