/** Few users, tags and saved audiences: arbitrary expressions about them, and changes of them; some are wrong. */
import fc from 'fast-check';
import type { Expression, Mutation, TagDeclaration, TagValue, UserId, Value } from '../../src/index.js';
import { treesOver, type Vocabulary } from './audience-trees.js';

/** Ids that users have. */
export const IDS: readonly UserId[] = [
  ...['a', 'b', 'c', 'aaaa', 'user:1', 'é', '日本語', 'x y', '-1', '007', 'and', '"', '\0', 'x'.repeat(255)],
  ...[[255], [0xc3], [0xc3, 0xa9, 0xff]].map((bytes) => Uint8Array.from(bytes)),
];

/** The tags that are declared at first; `mark` is made by writes, and nobody ever has `nothing`. */
export const DECLARED: Readonly<Record<string, TagDeclaration>> = {
  vip: { kind: 'flag' },
  'big spender': { kind: 'flag' },
  city: { kind: 'enum' },
  plan: { kind: 'enum' },
  age: { kind: 'number' },
  score: { kind: 'number', scale: 2 },
};
export const TAGS = [...Object.keys(DECLARED), 'mark'];

const CITIES = ['Rome', 'Paris', '', '1', 'x y', "l'Île", 'or', '2'];
const AGES = [-7, -1, 0, 1, 2, 18, 25, 40, 63, 64, 2 ** 52, -(2 ** 52)];
const SCORES = ['-1.5', '-0.01', '0', '0.01', '0.1', '1.5', '1.51', '99.99', '45035996273704.96'];
const VALUES: Readonly<Record<string, readonly TagValue[]>> = {
  vip: [true],
  'big spender': [true],
  city: CITIES,
  plan: ['free', 'basic', 'gold', '1'],
  age: AGES,
  score: SCORES,
  mark: [true, '1', 'x', 2],
};
/** What expressions compare with: also what nobody has, what lies between and beyond, and what is no such value. */
const ASKED: Readonly<Record<string, readonly Value[]>> = {
  vip: [1, '1'],
  'big spender': [1, '1'],
  city: [...CITIES, 'Nowhere', 1, 2],
  plan: ['free', 'basic', 'gold', 'silver', 1],
  age: [...AGES, ...AGES, -0.5, 0.5, 1.5, 24.999, '+25', '025', '25.0', 2 ** 53, 1e300, -1e300],
  score: [...SCORES, 0.015, 1.505, '1.50', -1.5, 1e-7, 2 ** 52, '45035996273704.961'],
  mark: [1, 'x', 'y', 2],
};

/** Names of saved audiences. */
export const NAMES = ['w', 'x', 'y', 'z', 'my audience'];

const id = fc.constantFrom(...IDS);
const tag = fc.constantFrom(...TAGS);
const name = fc.constantFrom(...NAMES);
const list = <T>(item: fc.Arbitrary<T>, maxLength = 4) => fc.array(item, { minLength: 1, maxLength });

/** Ids that are not UTF-8 cannot be written in an expression: what is like them is nobody's. */
const vocabulary: Vocabulary = {
  values: ASKED,
  numbers: ['age', 'score'],
  ids: [...IDS.map((id) => (typeof id === 'string' ? id : Buffer.from(id).toString())), 'nobody'],
  audiences: NAMES,
  wrong: 60,
};
/** Any expression about these users. */
export const expression = treesOver(vocabulary);
/** One operator or two, so that it is likely that somebody is in it, and somebody is not. */
export const shortExpression = treesOver(vocabulary, 2);

/** A change: a mutation, or what the facade does to a saved audience. */
export type Change =
  | Mutation
  | { readonly type: 'save' | 'freeze'; readonly name: string; readonly tree: Expression }
  | { readonly type: 'rename'; readonly from: string; readonly to: string };

const cells = list(
  tag.chain((tag) => fc.tuple(fc.constant(tag), fc.constantFrom<TagValue>(...VALUES[tag]!))),
  6,
);

/** Gives somebody tags. */
export const settingTags: fc.Arbitrary<Mutation> = fc.tuple(id, cells).map(([user, cells]) => ({
  type: 'setTags',
  user,
  tags: cells.map(([tag]) => tag),
  values: cells.map(([, value]) => value),
}));

const declaring: fc.Arbitrary<Mutation> = fc.oneof(
  fc.record({
    type: fc.constant('declareTag'),
    tag: fc.constantFrom('age', 'score'),
    declaration: fc.record({ kind: fc.constant('number'), scale: fc.constantFrom(0, 1, 2, 3) }),
  }),
  fc.record({
    type: fc.constant('declareTag'),
    tag,
    declaration: fc.record({ kind: fc.constantFrom('flag', 'enum', 'number') }),
  }),
  ...Object.entries(DECLARED).map(([tag, declaration]) =>
    fc.constant<Mutation>({ type: 'declareTag', tag, declaration }),
  ),
);

/** Changes of users and tags. */
export const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  { arbitrary: settingTags, weight: 10 },
  { arbitrary: fc.record({ type: fc.constant('removeTags'), user: id, tags: list(tag) }), weight: 3 },
  { arbitrary: fc.record({ type: fc.constant('eraseUser'), user: id }), weight: 5 },
  {
    arbitrary: fc
      .tuple(fc.constantFrom('addUsers', 'removeUsers'), tag, fc.nat(), list(id, 6))
      .map(([type, tag, choice, users]): Mutation => {
        const values = VALUES[tag]!;
        return { type, tag, value: values[choice % values.length], users };
      }),
    weight: 6,
  },
  { arbitrary: declaring, weight: 2 },
  fc.record({ type: fc.constantFrom('dropTag', 'clearTag'), tag }),
);

/** Changes of saved audiences. */
export const audienceChange: fc.Arbitrary<Change> = fc.oneof(
  { arbitrary: fc.record({ type: fc.constant('save'), name, tree: expression }), weight: 4 },
  { arbitrary: fc.record({ type: fc.constant('freeze'), name, tree: expression }), weight: 2 },
  {
    arbitrary: fc.record({
      type: fc.constantFrom('addToAudience', 'removeFromAudience'),
      name,
      users: list(id, 6),
      at: fc.constant(0),
    }),
    weight: 3,
  },
  fc.record({ type: fc.constant('rename'), from: name, to: name }),
  fc.record({ type: fc.constant('dropAudience'), name }),
);

/** Any change; seldom one of everything. */
export const change: fc.Arbitrary<Change> = fc.oneof(
  { arbitrary: mutation, weight: 20 },
  { arbitrary: audienceChange, weight: 8 },
  { arbitrary: fc.constant<Change>({ type: 'clear' }), weight: 1 },
);
