/** The audience language, at random: trees that are printed and read back, and text that nobody would write. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ComparisonOperator, Expression, Value } from '../../src/audience/ast.js';
import { checkExpression } from '../../src/audience/check-expression.js';
import { ExpressionError } from '../../src/audience/expression-error.js';
import { parseExpression } from '../../src/audience/parse.js';
import { printExpression } from '../../src/audience/print.js';

const KEYWORDS = [
  'and',
  'or',
  'not',
  'all',
  'none',
  'users',
  'at',
  'least',
  'of',
  'in',
  'between',
  'AND',
  'Not',
];
const WORDS = [
  ...KEYWORDS,
  'a',
  '_',
  'a-b',
  'x.y:z/1',
  'é',
  '都市',
  '\u0301',
  '2fa',
  '007',
  '-1',
  '1.50',
  '25',
];
const OPERATORS: ComparisonOperator[] = ['=', '!=', '<', '<=', '>', '>='];

const anyText = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...WORDS) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }) },
  {
    weight: 1,
    arbitrary: fc.string({ unit: fc.constantFrom(...'aé1 -.+"\'\\\n\0(),|&!@%😀'), maxLength: 6 }),
  },
  { weight: 1, arbitrary: fc.double({ noNaN: true }).map(String) },
);
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what names do not have
const name = anyText.map((text) => text.replace(/[=<>`\u0000-\u001f\u007f]/g, '') || 'x');
const number = fc
  .oneof(
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(0, 1e21, 1e-7, 25),
  )
  .map((value) => value + 0);
const value: fc.Arbitrary<Value> = fc.oneof(anyText, number);
const list = <T>(item: fc.Arbitrary<T>, minLength = 1) => fc.array(item, { minLength, maxLength: 4 });

const tree = fc.letrec<{ tree: Expression; leaf: Expression; node: Expression }>((tie) => ({
  tree: fc.oneof({ maxDepth: 8, withCrossShrink: true }, tie('leaf'), tie('node')),
  leaf: fc.oneof(
    fc.record({ type: fc.constantFrom('all', 'none') }),
    fc.record({ type: fc.constant('audience'), name }),
    fc.record({ type: fc.constant('users'), ids: list(anyText.map((text) => text || 'x')) }),
    fc.record({ type: fc.constant('has'), tag: name }),
    fc.record({
      type: fc.constant('compare'),
      tag: name,
      operator: fc.constantFrom(...OPERATORS),
      value,
    }),
    fc.record({ type: fc.constant('in'), tag: name, negated: fc.boolean(), values: list(value) }),
    fc.record({ type: fc.constant('between'), tag: name, low: number, high: number }),
  ) as fc.Arbitrary<Expression>,
  node: fc.oneof(
    fc.record({ type: fc.constantFrom('and', 'or'), operands: list(tie('tree'), 2) }),
    fc.record({ type: fc.constantFrom('and', 'or'), operands: list(tie('tree'), 2) }),
    fc.record({ type: fc.constant('not'), operand: tie('tree') }),
    list(tie('tree')).chain((operands) =>
      fc
        .integer({ min: 1, max: operands.length })
        .map((count) => ({ type: 'atLeast' as const, count, operands })),
    ),
  ) as fc.Arbitrary<Expression>,
})).tree;

/** Parses text; anything but an expression or an error that points into the text fails the test. */
function parseOrPoint(text: string): Expression | undefined {
  try {
    return parseExpression(text);
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    const { position, message } = error;
    expect(Number.isInteger(position) && position! >= 1 && position! <= text.length + 1).toBe(true);
    expect(message).toMatch(new RegExp(`\\bat ${position}\\b`));
    expect(message.length).toBeLessThan(400);
    expect(message).not.toMatch(/[\p{Cc}\p{Cs}]/u);
    return undefined;
  }
}

/** What was parsed is a sound tree, and prints to text that means the same. */
function holds(parsed: Expression | undefined): void {
  if (parsed === undefined) return;
  expect(checkExpression(parsed)).toStrictEqual(parsed);
  const printed = printExpression(parsed);
  expect(parseExpression(printed)).toStrictEqual(parsed);
  expect(printExpression(parseExpression(printed))).toBe(printed);
}

describe('a random tree', () => {
  test('is read back from what is printed of it', () => {
    fc.assert(
      fc.property(tree, (tree) => {
        expect(parseExpression(printExpression(tree))).toEqual(tree);
      }),
      { numRuns: 2000 },
    );
  });

  test('is its own JSON', () => {
    fc.assert(
      fc.property(tree, (tree) => {
        expect(checkExpression(JSON.parse(JSON.stringify(tree)))).toEqual(tree);
      }),
      { numRuns: 500 },
    );
  });

  test('prints no parentheses and quotes that it does not need', () => {
    fc.assert(
      fc.property(tree, (tree) => {
        const text = printExpression(tree);
        for (const shorter of withoutPairs(text)) {
          const parsed = parseOrPoint(shorter);
          if (parsed !== undefined) expect([shorter, parsed]).not.toEqual([shorter, tree]);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('with something wrong in it is refused, or is another tree', () => {
    const junk = fc.oneof(fc.jsonValue(), fc.constantFrom<unknown>(undefined, Number.NaN, '', [], {}, -1));
    fc.assert(
      fc.property(tree, fc.nat(), junk, (tree, choice, junk) => {
        const copy = JSON.parse(JSON.stringify(tree));
        replaceOne(copy, choice, junk);
        try {
          holds(checkExpression(copy));
        } catch (error) {
          if (!(error instanceof ExpressionError)) throw error;
          expect(error.position).toBe(undefined);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

/** The text without one pair of quotes, backquotes or parentheses that group, for each. */
function* withoutPairs(text: string): Iterable<string> {
  const open: number[] = [];
  for (const token of text.matchAll(/"(?:[^"\\]|\\.)*"|`[^`]*`|[()]/g)) {
    const end = token.index + token[0].length;
    let start = token.index;
    if (token[0] === '(') open.push(start);
    else {
      if (token[0] === ')') start = open.pop()!;
      yield text.slice(0, start) + text.slice(start + 1, end - 1) + text.slice(end);
    }
  }
}

/** Puts `junk` in one place of a tree of objects and lists, or adds it as a property. */
function replaceOne(root: object, choice: number, junk: unknown): void {
  const places: [holder: Record<string, unknown>, key: string][] = [];
  const visit = (holder: object) => {
    if (!Array.isArray(holder)) places.push([holder as Record<string, unknown>, 'extra']);
    for (const [key, value] of Object.entries(holder)) {
      places.push([holder as Record<string, unknown>, key]);
      if (typeof value === 'object' && value !== null) visit(value);
    }
  };
  visit(root);
  const [holder, key] = places[choice % places.length]!;
  holder[key] = junk;
}

describe('text', () => {
  const valid = [
    'all and none',
    '@vip & !@`big spenders`',
    'users(u1, "u 2", \'u\\u00e9\', 007)',
    'at least 2 of (a, b or c, not d, at least 1 of (e))',
    '(sex = Female and age between 18 and 25.5) or not city not in (Berlin, "New York", -7)',
    '`high income`!="say \\"no\\"" and users >= 1 | at < least',
    'a and (b or (c and (d or not e)))',
    'Städte = "K\\uD83D\\uDE00ln" and a in (all, "or")',
  ];

  test.each(valid)('%s, cut anywhere, is an expression or an error that says where', (text) => {
    expect(parseOrPoint(text)).toBeDefined();
    for (let end = 0; end <= text.length; end++) {
      holds(parseOrPoint(text.slice(0, end)));
      holds(parseOrPoint(text.slice(end)));
      holds(parseOrPoint(text.slice(0, end) + text.slice(end + 1)));
    }
  });

  test('of any characters is an expression or an error that says where', () => {
    const garbage = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({
        unit: fc.constantFrom(...'ab1 .-"\'`\\u()<>=!&|@,%\n\0“≠\ufeff\ud83d\ude00\u0301'),
        maxLength: 30,
      }),
    );
    fc.assert(
      fc.property(garbage, (text) => holds(parseOrPoint(text))),
      { numRuns: 5000 },
    );
  });

  test('of any words is an expression or an error that says where', () => {
    const signs = [
      '(',
      ')',
      ',',
      '@',
      '&',
      '|',
      '!',
      '=',
      '!=',
      '<',
      '>=',
      '==',
      '&&',
      '<>',
      '`b`',
      '"c"',
      '“d”',
    ];
    const soup = fc
      .array(fc.tuple(fc.constantFrom(...WORDS, ...signs, ...signs), fc.constantFrom(' ', ' ', '')), {
        maxLength: 20,
      })
      .map((words) => words.flat().join(''));
    fc.assert(
      fc.property(soup, (text) => holds(parseOrPoint(text))),
      { numRuns: 5000 },
    );
  });

  test('that is an expression but for one word is an expression or an error that says where', () => {
    const change = fc.tuple(
      fc.nat(),
      fc.constantFrom(...WORDS, '(', ')', ',', '=', '"', '`', '\\', '\0', ''),
    );
    fc.assert(
      fc.property(tree, change, (tree, [choice, word]) => {
        const words = printExpression(tree).split(/\b/);
        words[choice % words.length] = word;
        holds(parseOrPoint(words.join('')));
      }),
      { numRuns: 2000 },
    );
  });
});
