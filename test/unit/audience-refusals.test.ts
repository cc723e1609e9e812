/** What `engine.audiences` refuses, and in which words. */
import { expect, test } from 'vitest';
import { type Engine, type ErrorCode, type Expression, openEngine, SegmentdError } from '../../src/index.js';

function filled(): Engine {
  const engine = openEngine();
  engine.declareTag('vip', { kind: 'flag' });
  engine.declareTag('city', { kind: 'enum' });
  engine.declareTag('age', { kind: 'number' });
  engine.declareTag('balance', { kind: 'number', scale: 2 });
  engine.setTags('u1', { vip: true, city: 'Rome', age: 30, balance: 1.5 });
  engine.setTags('u2', { city: 'Paris', age: -5 });
  engine.setTags('u3', { vip: true });
  return engine;
}

/** The code and the text of the error that is thrown. */
function refusal(run: () => unknown): [code: ErrorCode, text: string] | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (error instanceof SegmentdError) return [error.code, error.message];
    throw error;
  }
}

/** All that is known of the saved audiences, but for the times. */
function savedOf({ audiences }: Engine): unknown[] {
  return audiences.list().map(({ created, changed, ...info }) => info);
}

/** Each: what is tried, the code of the error, and its text. */
const REFUSED: readonly [what: string, run: (engine: Engine) => unknown, code: ErrorCode, text: string][] = [
  [
    'a tag that is not there',
    (e) => e.audiences.count('vip and size = 4'),
    'UNKNOWN_TAG',
    'there is no tag "size"',
  ],
  ['to save one', (e) => e.audiences.save('x', 'size'), 'UNKNOWN_TAG', 'there is no tag "size"'],
  ['to freeze one', (e) => e.audiences.freeze('x', 'size'), 'UNKNOWN_TAG', 'there is no tag "size"'],
  ['its distribution', (e) => e.audiences.distribution('size'), 'UNKNOWN_TAG', 'there is no tag "size"'],
  ['its statistics', (e) => e.audiences.statistics('size'), 'UNKNOWN_TAG', 'there is no tag "size"'],
  [
    'a distribution of one',
    (e) => e.audiences.distribution('age', { of: 'size' }),
    'UNKNOWN_TAG',
    'there is no tag "size"',
  ],
  [
    'an audience that is not there',
    (e) => e.audiences.count('@x'),
    'UNKNOWN_AUDIENCE',
    'there is no audience "x"',
  ],
  [
    'to save with one',
    (e) => e.audiences.save('y', 'not @x'),
    'UNKNOWN_AUDIENCE',
    'there is no audience "x"',
  ],
  [
    'an audience of itself',
    (e) => e.audiences.save('x', '@x'),
    'UNKNOWN_AUDIENCE',
    'there is no audience "x"',
  ],
  [
    'to match with one',
    (e) => e.audiences.match('u1', ['a', 'x']),
    'UNKNOWN_AUDIENCE',
    'there is no audience "x"',
  ],
  [
    'to match nobody with one',
    (e) => e.audiences.match('nobody', ['x']),
    'UNKNOWN_AUDIENCE',
    'there is no audience "x"',
  ],
  [
    'to add users to one',
    (e) => e.audiences.addUsers('x', ['u1']),
    'UNKNOWN_AUDIENCE',
    'there is no audience "x"',
  ],
  ['to describe one', (e) => e.audiences.describe('x', {}), 'UNKNOWN_AUDIENCE', 'there is no audience "x"'],
  ['to rename one', (e) => e.audiences.rename('x', 'y'), 'UNKNOWN_AUDIENCE', 'there is no audience "x"'],
  [
    'a circle of one',
    (e) => e.audiences.save('a', 'vip or @a'),
    'AUDIENCE_CONFLICT',
    'audience "a" would use itself: a → a',
  ],
  [
    'a circle of three',
    (e) => e.audiences.save('a', '@c'),
    'AUDIENCE_CONFLICT',
    'audience "a" would use itself: a → c → b → a',
  ],
  [
    'to freeze a dynamic audience',
    (e) => e.audiences.freeze('a', 'vip'),
    'AUDIENCE_CONFLICT',
    'audience "a" is dynamic: drop it first, or take another name for the fixed one',
  ],
  [
    'to save a fixed audience',
    (e) => e.audiences.save('f', 'vip'),
    'AUDIENCE_CONFLICT',
    'audience "f" is fixed: drop it first, or take another name for the dynamic one',
  ],
  [
    'to add users to a dynamic audience',
    (e) => e.audiences.addUsers('a', ['u1']),
    'AUDIENCE_CONFLICT',
    'audience "a" is dynamic: its expression says who is in it, so change that',
  ],
  [
    'to rename to another audience',
    (e) => e.audiences.rename('a', 'f'),
    'AUDIENCE_CONFLICT',
    'there is an audience "f" already: drop it first, or take another name',
  ],
  [
    'to rename to the same name',
    (e) => e.audiences.rename('a', 'a'),
    'AUDIENCE_CONFLICT',
    'there is an audience "a" already: drop it first, or take another name',
  ],
  [
    'to drop what is used',
    (e) => e.audiences.drop('b'),
    'AUDIENCE_IN_USE',
    'audience "b" is used by audience "c": drop or change it first',
  ],
  [
    'to drop what several use',
    (e) => e.audiences.drop('a'),
    'AUDIENCE_IN_USE',
    'audience "a" is used by audience "b" (and 1 more): drop or change it first',
  ],
  [
    'to drop a tag that is used',
    (e) => e.dropTag('vip'),
    'AUDIENCE_IN_USE',
    'tag "vip" is used by audience "a": drop or change it first',
  ],
  [
    'a name without a character',
    (e) => e.audiences.save('', 'vip'),
    'INVALID_ARGUMENT',
    "an audience's name has 1 to 255 bytes, this one has 0",
  ],
  [
    'a name with a backquote',
    (e) => e.audiences.rename('a', 'a`b'),
    'INVALID_ARGUMENT',
    'audience name "a`b": backquote, control characters and broken UTF-8 are not allowed',
  ],
  [
    'an owner of 256 bytes',
    (e) => e.audiences.save('x', 'vip', { owner: 'ü'.repeat(128) }),
    'INVALID_ARGUMENT',
    "an audience's owner has at most 255 bytes, this one has 256",
  ],
  [
    'an id without a character',
    (e) => e.audiences.test('vip', ['']),
    'INVALID_USER_ID',
    'a user id has 1 to 255 bytes, this one has 0',
  ],
  [
    'to order flags',
    (e) => e.audiences.count('vip > 0'),
    'INVALID_EXPRESSION',
    'tag "vip" is a flag: only numbers have an order',
  ],
  [
    'to order enums',
    (e) => e.audiences.count('city <= Rome'),
    'INVALID_EXPRESSION',
    'tag "city" is an enum: only numbers have an order',
  ],
  [
    'a flag between',
    (e) => e.audiences.count('vip between 0 and 1'),
    'INVALID_EXPRESSION',
    'tag "vip" is a flag: only numbers have an order',
  ],
  [
    'an enum between',
    (e) => e.audiences.count('city between 0 and 1'),
    'INVALID_EXPRESSION',
    'tag "city" is an enum: only numbers have an order',
  ],
  [
    'a flag that is 0',
    (e) => e.audiences.count('vip = 0'),
    'INVALID_VALUE',
    'tag "vip" is a flag: it takes 1, or is removed, but is not "0"',
  ],
  [
    'a flag that is not yes',
    (e) => e.audiences.count('vip != yes'),
    'INVALID_VALUE',
    'tag "vip" is a flag: it takes 1, or is removed, but is not "yes"',
  ],
  [
    'a flag among others',
    (e) => e.audiences.save('x', 'vip in (1, 2)'),
    'INVALID_VALUE',
    'tag "vip" is a flag: it takes 1, or is removed, but is not "2"',
  ],
  [
    'a number that is a word',
    (e) => e.audiences.count('age = old'),
    'INVALID_EXPRESSION',
    'tag "age" is a number: it cannot be compared with "old"',
  ],
  [
    'an order of numbers and words',
    (e) => e.audiences.count('age < "1e3"'),
    'INVALID_EXPRESSION',
    'tag "age" is a number: it cannot be compared with "1e3"',
  ],
  [
    'a word among numbers',
    (e) => e.audiences.count('age not in (1, 2, "")'),
    'INVALID_EXPRESSION',
    'tag "age" is a number: it cannot be compared with ""',
  ],
  [
    'no expression',
    (e) => e.audiences.count('vip and'),
    'INVALID_EXPRESSION',
    'expected a condition at 8, found the end',
  ],
  [
    'no tree',
    (e) => e.audiences.count({ type: 'not' } as unknown as Expression),
    'INVALID_EXPRESSION',
    'operand: expected an object with a `type`',
  ],
  [
    'a text of more than 64 KiB',
    (e) => e.audiences.count(`vip${' '.repeat(65_534)}`),
    'INVALID_EXPRESSION',
    'text too long at 65537: 65536 bytes are allowed',
  ],
  [
    'a tree of more than 64 KiB',
    (e) =>
      e.audiences.save('x', {
        type: 'in',
        tag: 'city',
        negated: false,
        values: new Array(5000).fill('x'.repeat(12)),
      }),
    'INVALID_ARGUMENT',
    'the expression of audience "x" would have 70008 bytes as text; at most 65536 are allowed',
  ],
  [
    'a limit below 0',
    (e) => e.audiences.count('vip', { limit: -1 }),
    'INVALID_ARGUMENT',
    'limit must be a whole number from 0 to 9007199254740991',
  ],
  [
    'a limit of one and a half',
    (e) => e.audiences.count('vip', { limit: 1.5 }),
    'INVALID_ARGUMENT',
    'limit must be a whole number from 0 to 9007199254740991',
  ],
  [
    'a page of none',
    (e) => e.audiences.page('vip', { count: 0 }),
    'INVALID_ARGUMENT',
    'count must be a whole number from 1 to 9007199254740991',
  ],
  [
    'a page of no number',
    (e) => e.audiences.page('vip', { count: Number.NaN }),
    'INVALID_ARGUMENT',
    'count must be a whole number from 1 to 9007199254740991',
  ],
  [
    'a cursor below 0',
    (e) => e.audiences.page('vip', { cursor: -1 }),
    'INVALID_ARGUMENT',
    'cursor must be a whole number from 0 to 9007199254740991',
  ],
  [
    'no ranges',
    (e) => e.audiences.distribution('age', { ranges: 0 }),
    'INVALID_ARGUMENT',
    'ranges must be a whole number from 1 to 1000',
  ],
  [
    'too many ranges',
    (e) => e.audiences.distribution('age', { ranges: 1001 }),
    'INVALID_ARGUMENT',
    'ranges must be a whole number from 1 to 1000',
  ],
  [
    'a timeout below 0',
    (e) => e.audiences.reach(['vip'], { timeout: -1 }),
    'INVALID_ARGUMENT',
    'timeout must be a whole number from 0 to 9007199254740991',
  ],
];

test.each(REFUSED)('is refused, and changes nothing: %s', (_, run, code, text) => {
  const engine = filled();
  engine.audiences.save('a', 'vip');
  engine.audiences.save('b', '@a');
  engine.audiences.save('c', '@b');
  engine.audiences.save('d', 'not @a');
  engine.audiences.freeze('f', 'vip');
  const before = savedOf(engine);
  expect(refusal(() => run(engine))).toEqual([code, text]);
  expect(savedOf(engine)).toEqual(before);
  expect(engine.check().problems).toEqual([]);
  // Nothing is held: what is written goes to no copy.
  const users = engine.store.users.now;
  engine.setTags('new', { vip: true });
  expect(engine.store.users.now).toBe(users);
});

test('a renaming is refused if a text that names the audience would be too long', () => {
  const { audiences } = filled();
  audiences.save('a', 'vip');
  audiences.save('b', new Array(9000).fill('@a').join('|'));
  expect(refusal(() => audiences.rename('a', 'aaaa'))).toEqual([
    'INVALID_ARGUMENT',
    'the expression of audience "b" would have 80996 bytes as text; at most 65536 are allowed',
  ]);
  audiences.rename('a', 'z');
  expect(audiences.count('@b')).toBe(2);
});

test('a closed engine answers nothing', () => {
  const engine = filled();
  engine.close();
  expect(refusal(() => engine.audiences)).toEqual(['ENGINE_CLOSED', 'the engine is closed']);
});
