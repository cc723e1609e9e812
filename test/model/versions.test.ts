import fc from 'fast-check';
import { test } from 'vitest';
import type { Engine, Mutation } from '../../src/index.js';
import { openEngineOn } from '../../src/open.js';
import { MemoryStorage } from '../../src/persistence/storage-memory.js';
import { NaiveStore } from './naive-store.js';
import { NaiveVersions } from './naive-versions.js';
import {
  type Choice,
  choice,
  type DraftPart,
  draftPart,
  KINDS,
  liveMutation,
  mutationOf,
  versionMutation,
} from './version-arbitraries.js';
import { applyToBoth, assertSameVersions, assertSettled } from './version-compare.js';

/** What is done besides mutations: some of the rewriting, all of it, or opening the folder again. */
type Act =
  | { readonly type: 'rewrite'; readonly users: number }
  | { readonly type: 'reopen' }
  | { readonly type: 'settle' };

const act: fc.Arbitrary<Act> = fc.oneof(
  {
    arbitrary: fc.record({ type: fc.constant('rewrite'), users: fc.integer({ min: 1, max: 5 }) }),
    weight: 6,
  },
  fc.constantFrom<Act>({ type: 'reopen' }, { type: 'settle' }),
);
/** The mutation that a choice stands for, if there is anything to choose from. */
function mutationFor({ type, tag, users, seed }: Choice, versions: NaiveVersions): Mutation | undefined {
  const among = <T>(all: Iterable<T>): T | undefined => {
    const list = [...all];
    return list[seed % list.length];
  };
  switch (type) {
    case 'load': {
      const draft = among([...versions.drafts].filter(([, { isObstructed }]) => !isObstructed));
      if (draft === undefined) return { type: 'beginVersion', draft: 1 + (seed % 4), tag, ...KINDS[tag]! };
      const [here, gone] = [users.slice(seed % 5), users.slice(0, seed % 5)];
      return mutationOf({ type: 'part', draft: draft[0], gone, users: here, seed }, draft[1].tag);
    }
    case 'publish': {
      const sound = [...versions.drafts].filter(([, { isObstructed }]) => !isObstructed);
      const [first, second] = sound.map(([number]) => number);
      if (first === undefined) return undefined;
      const drafts = seed % 2 === 0 && second !== undefined ? [first, second] : [first];
      return { type: 'publishRelease', release: `r${versions.releases.size}`, source: '', at: seed, drafts };
    }
    case 'back': {
      const history = versions.histories.get(tag);
      const version = among(history?.contents.keys() ?? []);
      return version === undefined
        ? undefined
        : { type: 'rollBack', release: '', targets: [{ tag, version }] };
    }
    case 'backRelease': {
      const release = among(versions.releases.keys());
      if (release === undefined) return undefined;
      const targets = versions.releases.get(release)!.tags.map(({ tag: name, version }) => {
        const found = versions.histories.get(name)?.versions.find(({ number }) => number === version);
        return { tag: name, version: Math.max(0, found?.previous ?? 0) };
      });
      return { type: 'rollBack', release, targets };
    }
  }
}

function isChoice(step: { readonly type: string }): step is Choice {
  return ['load', 'publish', 'back', 'backRelease'].includes(step.type);
}

const step: fc.Arbitrary<Mutation | DraftPart | Act | Choice> = fc.oneof(
  { arbitrary: choice, weight: 32 },
  { arbitrary: liveMutation, weight: 16 },
  { arbitrary: versionMutation, weight: 6 },
  { arbitrary: draftPart, weight: 4 },
  { arbitrary: act, weight: 8 },
  { arbitrary: fc.constant<Mutation>({ type: 'clear' }), weight: 1 },
);

function open(storage: MemoryStorage): Engine {
  return openEngineOn({ dataDir: '/data' }, storage);
}

test('versions are what the model says, at every moment of the rewriting, and when opened again', {
  timeout: 120_000,
}, () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 10, maxLength: 80, size: 'max' }), (steps) => {
      const storage = new MemoryStorage();
      const store = new NaiveStore({ strict: false, maxEnumValues: 65_535 });
      const versions = new NaiveVersions(store);
      let engine = open(storage);
      try {
        for (const each of steps) {
          if (each.type === 'reopen') {
            engine.close();
            engine = open(storage);
            versions.reopen();
          } else if (each.type === 'settle') assertSettled(engine);
          else if (each.type === 'rewrite') {
            engine.store.rewrite(each.users);
            engine.store.versions.sweep(each.users);
          } else if (each.type === 'part') {
            applyToBoth(engine, versions, mutationOf(each, versions.drafts.get(each.draft)?.tag));
          } else {
            const mutation = isChoice(each) ? mutationFor(each, versions) : each;
            if (mutation !== undefined) applyToBoth(engine, versions, mutation);
          }
          assertSameVersions(engine, store, versions);
        }
        assertSettled(engine);
        assertSameVersions(engine, store, versions);
      } finally {
        engine.close();
      }
    }),
    { numRuns: 150 },
  );
});
