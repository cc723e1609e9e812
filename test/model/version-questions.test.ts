/** Questions about versions and releases have the answer that asking everybody of then, one by one, gives. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import {
  type Engine,
  type Expression,
  type Moment,
  type Mutation,
  openEngine,
  parseExpression,
  SegmentdError,
  type TagKind,
} from '../../src/index.js';
import { treesOver } from './audience-trees.js';
import { check, isIn, type NaiveUser, type NaiveWorld, namesOf } from './naive-audience.js';
import { NaiveStore } from './naive-store.js';
import { NaiveVersions } from './naive-versions.js';
import { Refusal } from './refusal.js';
import { IDS, KINDS, liveMutation, loaded, tagValue } from './version-arbitraries.js';
import { applyToBoth } from './version-compare.js';

const NO_DETAILS = { description: '', owner: '', labels: [] };
const SAVED = [
  { name: 'a', expression: 'flag or city in (Rome, Oslo)', tags: ['flag', 'city'], audiences: [] },
  { name: 'b', expression: 'not @a and age > 0', tags: ['age'], audiences: ['a'] },
  { name: 'c', expression: '@fixed or @b', tags: [], audiences: ['fixed', 'b'] },
];

const tree = treesOver(
  {
    values: {
      flag: [1],
      other: [1],
      city: ['Rome', 'Oslo', 'Bern', '1'],
      age: [0, 1, -3, 17],
      share: [0, 17.5, -3],
    },
    numbers: ['age', 'share'],
    ids: [...IDS.slice(0, 6), 'nobody'],
    audiences: ['a', 'b', 'c', 'fixed'],
    wrong: 60,
  },
  3,
);

type Step =
  | {
      readonly type: 'load';
      readonly lists: readonly (readonly [string, readonly (readonly [string, unknown])[]])[];
    }
  | { readonly type: 'back' | 'rewrite' | 'forget'; readonly seed: number }
  | { readonly type: 'ask'; readonly tree: Expression; readonly seed: number }
  | Mutation;

const list = loaded.chain((tag) =>
  fc.tuple(fc.constant(tag), fc.array(fc.tuple(fc.constantFrom(...IDS), tagValue(tag)), { maxLength: 8 })),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    arbitrary: fc.record({
      type: fc.constant('load'),
      lists: fc.uniqueArray(list, { minLength: 1, maxLength: 3, selector: ([tag]) => tag }),
    }) as fc.Arbitrary<Step>,
    weight: 8,
  },
  {
    arbitrary: fc.record({
      type: fc.constantFrom('back', 'back', 'rewrite', 'forget'),
      seed: fc.nat(),
    }) as fc.Arbitrary<Step>,
    weight: 5,
  },
  {
    arbitrary: fc.record({ type: fc.constant('ask'), tree, seed: fc.nat() }) as fc.Arbitrary<Step>,
    weight: 20,
  },
  { arbitrary: liveMutation, weight: 8 },
);

interface Content {
  readonly kind: TagKind;
  readonly cells: ReadonlyMap<string, string>;
}

class Runner {
  readonly engine: Engine = openEngine();
  readonly #store = new NaiveStore({ strict: false, maxEnumValues: 65_535 });
  readonly #versions = new NaiveVersions(this.#store);
  /** By release: the version that each tag had right after it, and the tags that it was about. */
  readonly #after = new Map<string, { versions: Map<string, number>; own: readonly string[] }>();
  answered = 0;

  constructor() {
    for (const [tag, { kind, scale }] of Object.entries(KINDS)) {
      const declaration = kind === 'number' ? { kind, scale } : { kind };
      this.#apply({ type: 'declareTag', tag, declaration });
    }
    this.#apply({ type: 'addUsers', tag: 'other', value: undefined, users: IDS.slice(3) });
    const frozen = {
      name: 'fixed',
      source: '',
      users: IDS.slice(2, 7),
      draft: 0,
      details: NO_DETAILS,
      at: 1,
    };
    this.#apply({ type: 'freezeAudience', ...frozen });
    for (const saved of SAVED) this.#apply({ type: 'saveAudience', ...saved, details: NO_DETAILS, at: 1 });
  }

  take(step: Step): void {
    switch (step.type) {
      case 'load':
        this.#load(step.lists);
        return;
      case 'back':
        this.#back(step.seed);
        return;
      case 'rewrite':
        this.engine.store.rewrite(step.seed % 5);
        this.engine.store.versions.sweep(step.seed % 5);
        return;
      case 'forget': {
        const [tag] = [...this.#versions.histories.keys()].slice(step.seed % 5);
        if (tag !== undefined) this.#apply({ type: 'keepVersions', tag, kept: step.seed % 4 });
        return;
      }
      case 'ask':
        this.#ask(step.tree, this.#moment(step.seed));
        return;
      default:
        this.#apply(step);
    }
  }

  #apply(mutation: Mutation): void {
    const existed = mutation.type === 'dropTag' && this.#store.tags.has(mutation.tag);
    applyToBoth(this.engine, this.#versions, mutation);
    this.#store.audiences.settle();
    if (mutation.type !== 'dropTag' || !existed || this.#store.tags.has(mutation.tag)) return;
    for (const { versions } of this.#after.values()) versions.delete(mutation.tag);
  }

  #load(lists: readonly (readonly [string, readonly (readonly [string, unknown])[]])[]): void {
    const drafts: number[] = [];
    for (const [tag, cells] of lists) {
      const { kind, scale } = KINDS[tag]!;
      const users = cells.map(([user]) => user);
      const values = kind === 'flag' ? undefined : cells.map(([, value]) => value as string);
      try {
        const declaration = kind === 'number' ? { kind, scale } : { kind };
        const part = values === undefined ? { users } : { users, values };
        const { draft } = this.engine.versions.prepare(tag, [part], { declaration }).now();
        this.#versions.beginList(draft, tag, kind, scale);
        this.#versions.setList(draft, users, values);
        drafts.push(draft);
      } catch (error) {
        // The tag is of another kind by now.
        if (!(error instanceof SegmentdError) || error.code !== 'TAG_CONFLICT') throw error;
      }
    }
    if (drafts.length === 0) return;
    const release = `r${this.#after.size}`;
    this.#apply({ type: 'publishRelease', release, source: '', at: 1, drafts });
    const histories = [...this.#versions.histories].filter(([, { current }]) => current >= 0);
    const versions = new Map(histories.map(([tag, { current }]) => [tag, current]));
    this.#after.set(release, { versions, own: lists.map(([tag]) => tag).filter((tag) => versions.has(tag)) });
  }

  #back(seed: number): void {
    const tags = [...this.#versions.histories].filter(([, { contents }]) => contents.size > 0);
    const [tag, history] = tags[seed % tags.length] ?? [];
    if (tag === undefined) return;
    const version = [...history!.contents.keys()][seed % history!.contents.size]!;
    this.#apply({ type: 'rollBack', release: '', targets: [{ tag, version }] });
  }

  #moment(seed: number): Moment {
    const releases = [...this.#after.keys(), 'missing'];
    return seed % 3 === 0 ? { version: seed % 5 } : { release: releases[seed % releases.length]! };
  }

  #ask(tree: Expression, at: Moment): void {
    const { audiences } = this.engine;
    // What is asked about now is kept, and must be neither taken nor replaced.
    const now = SAVED.map(({ name }) => audiences.count(`@${name}`));
    const expected = this.#expected(tree, at);
    if (expected === undefined) {
      assert.throws(() => audiences.count(tree, { at }), SegmentdError);
      return;
    }
    this.answered++;
    const hex = (ids: readonly Buffer[]): string[] => ids.map((id) => id.toString('hex')).sort();
    assert.equal(audiences.count(tree, { at }), expected.length);
    assert.equal(audiences.count(tree, { at, limit: 3 }), Math.min(3, expected.length));
    assert.equal(audiences.explain(tree, { at }).users, expected.length);
    assert.deepEqual(hex(audiences.page(tree, { at, count: 50 }).ids), expected);
    const { ids, cursor } = audiences.page(tree, { at, count: 2 });
    const rest = cursor === 0 ? [] : audiences.page(tree, { at, cursor, count: 50 }).ids;
    assert.deepEqual(hex([...ids, ...rest]), expected);
    const whole = audiences.queries.slice(tree, { at, cursor: 0, count: 1e9 }, (users) => [...users]).now();
    assert.deepEqual(hex(whole.map((ordinal) => this.engine.store.idOf(ordinal))), expected);
    assert.deepEqual(
      SAVED.map(({ name }) => audiences.count(`@${name}`)),
      now,
    );
    const users = this.#store.users();
    for (const [i, { name }] of SAVED.entries()) {
      const world = this.#world(new Map());
      const found = [...users.keys()].filter((key) =>
        isIn(userAt(world, key), { type: 'audience', name }, world.names),
      );
      assert.equal(now[i], found.length);
    }
  }

  /** Who is in it, sorted; undefined when that cannot be answered. */
  #expected(tree: Expression, at: Moment): string[] | undefined {
    try {
      const tags = this.#tagsIn(tree);
      const contents = this.#contentsAt(tags, at);
      const world = this.#world(contents);
      for (const part of [tree, ...this.#treesIn(tree)]) check(part, world.names);
      const everybody = new Set(this.#store.users().keys());
      for (const { cells } of contents.values()) for (const key of cells.keys()) everybody.add(key);
      return [...everybody].filter((key) => isIn(userAt(world, key), tree, world.names)).sort();
    } catch (error) {
      if (error instanceof Refusal) return undefined;
      throw error;
    }
  }

  /** The tags whose content of then is known, and differs from now's. */
  #contentsAt(tags: readonly string[], at: Moment): Map<string, Content> {
    const versioned = tags.filter((tag) => (this.#versions.histories.get(tag)?.current ?? -1) >= 0);
    if ('version' in at) {
      if (versioned.length !== 1) throw new Refusal('UNKNOWN_VERSION');
      return new Map([[versioned[0]!, this.#content(versioned[0]!, at.version)]]);
    }
    const after = this.#after.get(at.release);
    if (after === undefined) throw new Refusal('UNKNOWN_VERSION');
    const contents = new Map<string, Content>();
    for (const tag of tags) {
      if (after.own.includes(tag) && !after.versions.has(tag)) throw new Refusal('UNKNOWN_VERSION');
      if (versioned.includes(tag)) contents.set(tag, this.#content(tag, after.versions.get(tag) ?? 0));
    }
    return contents;
  }

  #content(tag: string, version: number): Content {
    const history = this.#versions.histories.get(tag)!;
    if (history.current === version) return this.#store.tags.get(tag)!;
    const content = history.contents.get(version);
    if (content === undefined) throw new Refusal('UNKNOWN_VERSION');
    return content;
  }

  #world(contents: ReadonlyMap<string, Content>): World {
    const tagOf = (tag: string): Content | undefined => contents.get(tag) ?? this.#store.tags.get(tag);
    return {
      tagOf,
      names: {
        kindOf: (tag) => tagOf(tag)?.kind,
        audience: (name) => this.#store.audiences.all.get(name)?.members ?? savedTree(name),
      },
    };
  }

  #treesIn(tree: Expression): Expression[] {
    return namesOf(tree).audiences.flatMap((name) => {
      const inner = name === 'fixed' ? undefined : savedTree(name);
      return inner === undefined ? [] : [inner, ...this.#treesIn(inner)];
    });
  }

  #tagsIn(tree: Expression): string[] {
    const tags = [tree, ...this.#treesIn(tree)].flatMap((part) => namesOf(part).tags);
    for (const tag of tags) if (!this.#store.tags.has(tag)) throw new Refusal('UNKNOWN_TAG');
    return [...new Set(tags)];
  }
}

interface World {
  tagOf(tag: string): Content | undefined;
  readonly names: NaiveWorld;
}

const trees = new Map(SAVED.map(({ name, expression }) => [name, parseExpression(expression)]));

function savedTree(name: string): Expression | undefined {
  return trees.get(name);
}

function userAt({ tagOf }: World, key: string): NaiveUser {
  return { key, valueOf: (tag) => tagOf(tag)?.cells.get(key) };
}

test('questions about versions and releases are those of then, whatever came since', {
  timeout: 120_000,
}, () => {
  let answered = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 100, size: 'max' }), (steps) => {
      const runner = new Runner();
      try {
        for (const each of steps) runner.take(each);
        answered += runner.answered;
      } finally {
        runner.engine.close();
      }
    }),
    { numRuns: 150 },
  );
  assert.ok(answered > 500, `only ${answered} questions were answered`);
});
