/** Arbitrary changes of few users, tags and versions, so that they meet often; some are refused. */
import fc from 'fast-check';
import type { Mutation, TagKind, TagValue } from '../../src/index.js';

/** Users in the order of their ids. */
export const IDS = Array.from({ length: 12 }, (_, i) => `user ${i}`);
/** By tag: what it is when it is loaded. */
export const KINDS: Readonly<Record<string, { kind: TagKind; scale: number }>> = {
  flag: { kind: 'flag', scale: 0 },
  other: { kind: 'flag', scale: 0 },
  city: { kind: 'enum', scale: 0 },
  age: { kind: 'number', scale: 0 },
  share: { kind: 'number', scale: 1 },
};
export const TAGS = [...Object.keys(KINDS), 'never'];
const VALUES: Readonly<Record<TagKind, readonly TagValue[]>> = {
  flag: [true],
  enum: ['Rome', 'Oslo', 'Bern', 'Graz', '1'],
  number: [0, 1, -3, 17, 1024, -70000],
};
const RELEASES = ['r1', 'r2', 'r3', 'r4', 'r5', 'r6', 'r7', 'r8', 'r9'];

export const loaded = fc.constantFrom(...Object.keys(KINDS));
const id = fc.constantFrom(...IDS);
const tag = fc.oneof({ arbitrary: loaded, weight: 9 }, fc.constantFrom(...TAGS));
const draft = fc.integer({ min: 1, max: 4 });

/** A value that the tag takes when it is what it is loaded as. */
export function tagValue(name: string): fc.Arbitrary<TagValue> {
  const { kind, scale } = KINDS[name] ?? KINDS['flag']!;
  const value = fc.constantFrom(...VALUES[kind]);
  return scale === 0 ? value : value.map((number) => (number as number) + (number === 17 ? 0.5 : 0));
}

/** A change that anybody makes, as any other. */
export const liveMutation: fc.Arbitrary<Mutation> = fc.oneof(
  {
    arbitrary: fc
      .tuple(
        id,
        fc.array(
          tag.chain((name) => fc.tuple(fc.constant(name), tagValue(name))),
          { maxLength: 3 },
        ),
      )
      .map(([user, cells]): Mutation => {
        return { type: 'setTags', user, tags: cells.map(([name]) => name), values: cells.map(([, v]) => v) };
      }),
    weight: 6,
  },
  {
    arbitrary: tag.chain((name) =>
      fc.record({
        type: fc.constantFrom('addUsers', 'removeUsers'),
        tag: fc.constant(name),
        value: fc.option(tagValue(name), { nil: undefined }),
        users: fc.array(id, { maxLength: 4 }),
      }),
    ),
    weight: 6,
  },
  {
    arbitrary: fc.record({
      type: fc.constant('removeTags'),
      user: id,
      tags: fc.array(tag, { maxLength: 3 }),
    }),
    weight: 3,
  },
  { arbitrary: fc.record({ type: fc.constant('eraseUser'), user: id }), weight: 3 },
  fc.record({ type: fc.constant('increment'), user: id, tag, by: fc.constantFrom(1, -5) }),
  fc.record({ type: fc.constantFrom('dropTag', 'clearTag'), tag }),
  tag.map((name): Mutation => ({ type: 'declareTag', tag: name, declaration: declarationOf(name) })),
  fc.record({
    type: fc.constant('declareTag'),
    tag,
    declaration: fc.record({ kind: fc.constantFrom('flag', 'enum', 'number') }),
  }),
);

function declarationOf(name: string): { kind: TagKind; scale?: number } {
  const { kind, scale } = KINDS[name] ?? KINDS['flag']!;
  return kind === 'number' ? { kind, scale } : { kind };
}

/** A change of versions, of any order. */
export const versionMutation: fc.Arbitrary<Mutation> = fc.oneof(
  {
    arbitrary: fc.tuple(draft, loaded).map(([number, name]): Mutation => {
      return { type: 'beginVersion', draft: number, tag: name, ...KINDS[name]! };
    }),
    weight: 3,
  },
  { arbitrary: fc.record({ type: fc.constant('discardVersion'), draft }), weight: 1 },
  {
    arbitrary: fc.record({
      type: fc.constant('publishRelease'),
      release: fc.constantFrom(...RELEASES),
      source: fc.constant('test'),
      at: fc.nat(),
      drafts: fc.array(draft, { minLength: 1, maxLength: 3 }),
    }),
    weight: 6,
  },
  {
    arbitrary: fc.record({
      type: fc.constant('rollBack'),
      release: fc.constantFrom('', '', 'r1', 'r2'),
      targets: fc.array(fc.record({ tag, version: fc.nat({ max: 4 }) }), { minLength: 1, maxLength: 2 }),
    }),
    weight: 5,
  },
  { arbitrary: fc.record({ type: fc.constant('keepVersions'), tag, kept: fc.nat({ max: 3 }) }), weight: 1 },
  {
    arbitrary: fc.record({
      type: fc.constant('holdVersion'),
      draft,
      holding: fc.constant({
        ...{ reason: 'too few', release: 'held', source: 'somewhere', at: 7 },
        counts: {
          listed: 1,
          unknown: 2,
          duplicates: 3,
          users: 4,
          before: 5,
          entered: 6,
          left: 7,
          changed: 8,
        },
      }),
    }),
    weight: 1,
  },
);

/** A change of versions that is mostly right, because it is chosen among what there is. */
export interface Choice {
  readonly type: 'load' | 'publish' | 'back' | 'backRelease';
  readonly tag: string;
  readonly users: readonly string[];
  readonly seed: number;
}

export const choice: fc.Arbitrary<Choice> = fc.record({
  type: fc.constantFrom('load', 'load', 'publish', 'publish', 'back', 'back', 'backRelease'),
  tag: loaded,
  users: fc.array(id, { maxLength: 8 }),
  seed: fc.nat(),
});

/** Part of a draft; which values are right depends on the draft's tag. */
export interface DraftPart {
  readonly type: 'part';
  readonly draft: number;
  readonly gone: readonly string[];
  readonly users: readonly string[];
  readonly seed: number;
}

export const draftPart: fc.Arbitrary<DraftPart> = fc.record({
  type: fc.constant('part'),
  draft,
  gone: fc.array(id, { maxLength: 4 }),
  users: fc.array(id, { maxLength: 6 }),
  seed: fc.nat(),
});

/** The part as a mutation of a draft of this tag. */
export function mutationOf(
  { draft: number, gone, users, seed }: DraftPart,
  name: string | undefined,
): Mutation {
  const { kind, scale } = KINDS[name ?? ''] ?? KINDS['flag']!;
  const values = VALUES[kind].map((value) => (scale > 0 && value === 17 ? 17.5 : value));
  return {
    type: 'draftVersion',
    draft: number,
    gone,
    users,
    values: kind === 'flag' ? undefined : users.map((_, i) => values[(seed + i * 7) % values.length]!),
  };
}
