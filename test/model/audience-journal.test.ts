import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import { type Engine, openEngine } from '../../src/index.js';
import { TestFolder } from '../support/test-folder.js';
import { IDS, TAGS } from './arbitraries.js';
import { BEGINNING, mutationOf, NAMES, step } from './audience-arbitraries.js';
import { applyToBoth, assertSame } from './compare.js';
import { NaiveStore } from './naive-store.js';
import { userKey } from './refusal.js';

const OPTIONS = { strict: false, maxEnumValues: 3 };

const steps = fc.array(step, { maxLength: 60, size: 'max' });

/** Asks the engine all about its audiences; users are compared by their ids. */
function assertSameAudiences(engine: Engine, model: NaiveStore): void {
  const { audiences, catalog } = engine.store;
  const known = [...audiences.all()].map(({ name, members, ...rest }) => {
    const keys = members && [...members].map((ordinal) => userKey(engine.store.idOf(ordinal))).sort();
    return [name, { ...rest, members: keys }] as const;
  });
  const expected = [...model.audiences.all].map(([name, { members, ...rest }]) => {
    return [name, { ...rest, members: members && [...members].sort() }] as const;
  });
  assert.deepEqual(new Map(known), new Map(expected));
  assert.equal(audiences.size, expected.length);
  for (const name of NAMES) {
    assert.deepEqual([...audiences.usedBy(name)].sort(), model.audiences.usedBy(name).sort());
    assert.equal(audiences.find(name)?.name, model.audiences.all.has(name) ? name : undefined);
  }
  for (const tag of TAGS) {
    assert.deepEqual([...audiences.tagUsedBy(tag)].sort(), model.audiences.tagUsedBy(tag).sort());
    if (audiences.tagUsedBy(tag).size > 0) catalog.require(tag);
  }
  assert.deepEqual(audiences.drafts.sort(), [...model.audiences.drafts.keys()].sort());
}

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
