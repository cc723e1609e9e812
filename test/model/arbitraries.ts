/** Arbitrary mutations of few users, tags and values, so that they meet often; some are wrong. */
import fc from 'fast-check';
import type { Mutation, TagDeclaration, TagValue, UserId } from '../../src/index.js';

/** Ids of every kind that is allowed. */
export const IDS: readonly UserId[] = [
  ...['a', 'b', 'aa', 'ab', 'aaa', 'aaaa', 'aaab', 'aaaaaaaa', 'aaaaaaab', 'aaaa\0', 'user:1', 'user:2'],
  ...[
    'é',
    'ü',
    '日本語',
    '😀',
    '\ud800',
    `${'x'.repeat(254)}y`,
    'x'.repeat(255),
    'x'.repeat(253),
    'é'.repeat(127),
  ],
  ...[[0], [0, 0], [0, 0, 0, 0], [255], [255, 254, 253], [0xc3], [0xc3, 0xa9]].map((bytes) =>
    Uint8Array.from(bytes),
  ),
  new Uint8Array(255).fill(0x80),
  Buffer.from('aaaa'),
];
const WRONG_IDS: readonly UserId[] = [
  '',
  'x'.repeat(256),
  'é'.repeat(128),
  new Uint8Array(0),
  new Uint8Array(256),
];

/** Names of tags that are allowed. */
export const TAGS = ['a', 'b', 'c', 'n', 'naïve', '標籤', '😀', 't'.repeat(255), '__proto__', 'a:b/c-d.e f'];
const WRONG_TAGS = ['', 'a=b', '<', '>', '`', 'a\nb', '\u007f', '\ud800', 't'.repeat(256), 'é'.repeat(128)];

const PLAIN_VALUES: readonly TagValue[] = [true, 1, '1', 'x', 'y', 'z', '', 'ü', 2, '2', -3, '0'];
const STRANGE_VALUES: readonly TagValue[] = [
  ...[
    '05',
    '+5',
    '5.0',
    '-0',
    '1.50',
    '1e3',
    ' 1',
    '4503599627370496',
    '4503599627370497',
    '-4503599627370496',
  ],
  ...['9007199254740992', '99999999999999999999', '0.000000001', '\ud800', '\u0000', 'v'.repeat(16_384)],
  ...['v'.repeat(16_385), 'é'.repeat(8193), '1'.repeat(65), `${'0'.repeat(63)}7`],
  ...[1.5, -0, 0.1, 1e-7, 1e-9, 2 ** 52, -(2 ** 52), 2 ** 52 + 1, 1e21, Number.NaN, Number.POSITIVE_INFINITY],
];

/** An id, seldom one that is refused. */
export const id = fc.oneof({ arbitrary: fc.constantFrom(...IDS), weight: 60 }, fc.constantFrom(...WRONG_IDS));
/** The name of a tag, seldom one that is refused. */
export const tag = fc.oneof(
  { arbitrary: fc.constantFrom(...TAGS), weight: 60 },
  fc.constantFrom(...WRONG_TAGS),
);
const value = fc.oneof(
  { arbitrary: fc.constantFrom(...PLAIN_VALUES), weight: 4 },
  fc.constantFrom(...STRANGE_VALUES),
);
/** A declaration of any kind, seldom one that is refused. */
export const declaration: fc.Arbitrary<TagDeclaration> = fc.oneof(
  fc.record({ kind: fc.constantFrom('flag', 'enum', 'number') }),
  fc.record(
    {
      kind: fc.constantFrom('flag', 'enum', 'number', 'number', 'number'),
      scale: fc.constantFrom(0, 1, 2, 9, 10, -1, 0.5),
      description: fc.constantFrom('', 'what it means'),
    },
    { requiredKeys: ['kind'] },
  ),
);
const step = fc.constantFrom(0, 1, -1, 7, 2 ** 52, -(2 ** 52), 2 ** 53, 0.5, Number.NaN);

/** Any mutation. */
export const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  {
    arbitrary: fc
      .tuple(id, fc.array(fc.tuple(tag, value), { maxLength: 5 }))
      .map(([user, cells]): Mutation => {
        const [tags, values] = [cells.map(([name]) => name), cells.map(([, text]) => text)];
        return { type: 'setTags', user, tags, values };
      }),
    weight: 10,
  },
  {
    arbitrary: fc.record({
      type: fc.constantFrom('addUsers', 'removeUsers'),
      tag,
      value: fc.option(value, { nil: undefined }),
      users: fc.array(id, { maxLength: 6 }),
    }),
    weight: 10,
  },
  {
    arbitrary: fc.record({
      type: fc.constant('removeTags'),
      user: id,
      tags: fc.array(tag, { maxLength: 4 }),
    }),
    weight: 4,
  },
  { arbitrary: fc.record({ type: fc.constant('increment'), user: id, tag, by: step }), weight: 4 },
  { arbitrary: fc.record({ type: fc.constant('declareTag'), tag, declaration }), weight: 4 },
  { arbitrary: fc.record({ type: fc.constant('eraseUser'), user: id }), weight: 2 },
  fc.record({ type: fc.constantFrom('dropTag', 'clearTag'), tag }),
  fc.constant<Mutation>({ type: 'clear' }),
);
