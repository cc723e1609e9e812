/** The audience language: what each production means, and how it is printed. */
import { describe, expect, test } from 'vitest';
import type { Expression, Value } from '../../src/audience/ast.js';
import { expressionOf } from '../../src/audience/check-expression.js';
import { parseExpression } from '../../src/audience/parse.js';
import { printExpression } from '../../src/audience/print.js';

const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((tag): Expression => ({ type: 'has', tag })) as [
  Expression,
  Expression,
  Expression,
  Expression,
];
const has = (tag: string): Expression => ({ type: 'has', tag });
const and = (...operands: Expression[]): Expression => ({ type: 'and', operands });
const or = (...operands: Expression[]): Expression => ({ type: 'or', operands });
const not = (operand: Expression): Expression => ({ type: 'not', operand });
const audience = (name: string): Expression => ({ type: 'audience', name });
const users = (...ids: string[]): Expression => ({ type: 'users', ids });
const atLeast = (count: number, ...operands: Expression[]): Expression => ({
  type: 'atLeast',
  count,
  operands,
});
const equal = (tag: string, value: Value): Expression => ({ type: 'compare', tag, operator: '=', value });
const oneOf = (tag: string, ...values: Value[]): Expression => ({ type: 'in', tag, negated: false, values });
const between = (tag: string, low: number, high: number): Expression => ({ type: 'between', tag, low, high });

/** Rows of text, tree, and the text that is printed if it is not the same. */
function means(rows: readonly (readonly [text: string, tree: Expression, printed?: string])[]): void {
  test.each(rows.map(([text, tree, printed = text]) => [text, tree, printed] as const))(
    '%j',
    (text, tree, printed) => {
      expect(parseExpression(text)).toStrictEqual(tree);
      expect(expressionOf(text)).toStrictEqual(tree);
      expect(expressionOf(tree)).toStrictEqual(tree);
      expect(printExpression(tree)).toBe(printed);
      expect(parseExpression(printed)).toStrictEqual(tree);
    },
  );
}

describe('conditions', () => {
  means([
    ['all', { type: 'all' }],
    ['none', { type: 'none' }],
    ['ALL', { type: 'all' }, 'all'],
    ['None', { type: 'none' }, 'none'],
    ['@vip', audience('vip')],
    ['@ vip', audience('vip'), '@vip'],
    ['@`big spenders`', audience('big spenders')],
    ['@`a=b`', audience('a=b')],
    ['@users', audience('users')],
    ['@`and`', audience('and')],
    ['users(u1)', users('u1')],
    ['Users (u1,"u 2" , 3)', users('u1', 'u 2', '3'), 'users(u1, "u 2", 3)'],
    ['users(007, +5, -1.50, 25, all, users)', users('007', '+5', '-1.50', '25', 'all', 'users')],
    ['users("25", "or", "1e5")', users('25', 'or', '1e5'), 'users(25, "or", "1e5")'],
    ['at least 2 of (a, b, c)', atLeast(2, a, b, c)],
    ['AT LEAST 01 OF(a and b,not c)', atLeast(1, and(a, b), not(c)), 'at least 1 of (a and b, not c)'],
    ['at least 1 of (a)', atLeast(1, a)],
    ['at least 1 of ((a or b))', atLeast(1, or(a, b)), 'at least 1 of (a or b)'],
    ['newsletter', has('newsletter')],
    ['`high income`', has('high income')],
    ['`newsletter`', has('newsletter'), 'newsletter'],
    ['sex = Female', equal('sex', 'Female')],
    ['sex != "Not given"', { type: 'compare', tag: 'sex', operator: '!=', value: 'Not given' }],
    ['age < 25', { type: 'compare', tag: 'age', operator: '<', value: 25 }],
    ['age<=-25', { type: 'compare', tag: 'age', operator: '<=', value: -25 }, 'age <= -25'],
    ['age>1.5', { type: 'compare', tag: 'age', operator: '>', value: 1.5 }, 'age > 1.5'],
    ['age >= b', { type: 'compare', tag: 'age', operator: '>=', value: 'b' }],
    ['city in (Berlin)', oneOf('city', 'Berlin')],
    [
      'city IN(Berlin,"New York",7)',
      oneOf('city', 'Berlin', 'New York', 7),
      'city in (Berlin, "New York", 7)',
    ],
    ['city not in (a, a)', { type: 'in', tag: 'city', negated: true, values: ['a', 'a'] }],
    ['age between 18 and 25', between('age', 18, 25)],
    ['age BETWEEN -1.5 AND +007.50', between('age', -1.5, 7.5), 'age between -1.5 and 7.5'],
    ['age between 2 and 1', between('age', 2, 1)],
  ]);
});

describe('operators', () => {
  means([
    ['a and b', and(a, b)],
    ['a and b and c', and(a, b, c)],
    ['(a and b) and c', and(and(a, b), c)],
    ['a and (b and c)', and(a, and(b, c))],
    ['a or b or c', or(a, b, c)],
    ['(a or b) or c', or(or(a, b), c)],
    ['a or (b or c) or d', or(a, or(b, c), d)],
    ['a or b and c or d', or(a, and(b, c), d)],
    ['a or (b and c)', or(a, and(b, c)), 'a or b and c'],
    ['(a or b) and c', and(or(a, b), c)],
    ['a & b | c & d', or(and(a, b), and(c, d)), 'a and b or c and d'],
    ['a&b&c', and(a, b, c), 'a and b and c'],
    ['a AND b & c', and(a, b, c), 'a and b and c'],
    ['a Or b | c', or(a, b, c), 'a or b or c'],
    ['not a', not(a)],
    ['!a', not(a), 'not a'],
    ['! NOT !a', not(not(not(a))), 'not not not a'],
    ['not a and b', and(not(a), b)],
    ['not (a and b)', not(and(a, b))],
    ['not(a or not(b))', not(or(a, not(b))), 'not (a or not b)'],
    ['a and not b', and(a, not(b))],
    ['not a = 1', not(equal('a', 1))],
    ['!a=1&!b', and(not(equal('a', 1)), not(b)), 'not a = 1 and not b'],
    ['not a not in (b)', not({ type: 'in', tag: 'a', negated: true, values: ['b'] })],
    ['a between 1 and 2 and b between 3 and 4', and(between('a', 1, 2), between('b', 3, 4))],
    ['(((a)))', a, 'a'],
    ['((a) and ((b)))', and(a, b), 'a and b'],
    ['(a)and(b)or(c)', or(and(a, b), c), 'a and b or c'],
    ['\n\ta\r\nand\u00a0b\u3000', and(a, b), 'a and b'],
    ['a and @b and users(c) and all', and(a, audience('b'), users('c'), { type: 'all' })],
  ]);
});

describe('words', () => {
  means([
    ['_', has('_')],
    ['a-b', has('a-b')],
    ['a-b = c-d', equal('a-b', 'c-d')],
    ['a.b:c/d-e_1', has('a.b:c/d-e_1')],
    ['städte = Köln', equal('städte', 'Köln')],
    ['都市 = 東京', equal('都市', '東京')],
    ['हिन्दी', has('हिन्दी')],
    ['x² = "Ⅷ"', equal('x²', 'Ⅷ')],
    ['not-a', has('not-a')],
    ['android and orange', and(has('android'), has('orange'))],
    ['users', has('users')],
    ['users = users', equal('users', 'users')],
    ['users in (users)', oneOf('users', 'users')],
    ['Users and at', and(has('Users'), has('at'))],
    ['at = least', equal('at', 'least')],
    ['least and of', and(has('least'), has('of'))],
    ['`at` = 1', equal('at', 1), 'at = 1'],
    ['`users`', has('users'), 'users'],
    ['`all` and `NONE`', and(has('all'), has('NONE'))],
    ['`in` in (in, between)', oneOf('in', 'in', 'between')],
    ['`between` between 1 and 2', between('between', 1, 2)],
    ['`and` and `or` or `not`', or(and(has('and'), has('or')), has('not'))],
    ['sex = all', equal('sex', 'all')],
    ['sex = None', equal('sex', 'None')],
    ['sex = in and a', and(equal('sex', 'in'), a)],
    ['sex = "and"', equal('sex', 'and')],
    ['sex = "OR"', equal('sex', 'OR')],
    ['sex in (all, "not", "Not", not-a)', oneOf('sex', 'all', 'not', 'Not', 'not-a')],
    ['`2fa`', has('2fa')],
    ['`a"b\\c`', has('a"b\\c')],
    ['`-a`', has('-a')],
    ['`\u0301`', has('\u0301')],
  ]);
});

describe('values', () => {
  means([
    ['a = 25', equal('a', 25)],
    ['a = 0', equal('a', 0)],
    ['a = -1.5', equal('a', -1.5)],
    ['a = 0.000000001', equal('a', 1e-9)],
    ['a = -0.00000000012345', equal('a', -1.2345e-10)],
    ['a = 1000000000000000000000', equal('a', 1e21)],
    ['a = -123456789012345680000000000', equal('a', -1.2345678901234568e26)],
    // Written otherwise than a number is printed, it is text.
    ['a = 007', equal('a', '007')],
    ['a = 1.50', equal('a', '1.50')],
    ['a = -0', equal('a', '-0')],
    ['a = +5', equal('a', '+5')],
    ['a = 123456789012345678901234567890', equal('a', '123456789012345678901234567890')],
    ['a = 9007199254740993', equal('a', '9007199254740993')],
    [`a = ${'9'.repeat(400)}`, equal('a', '9'.repeat(400))],
    ['a = "25"', equal('a', '25')],
    ["a = '25'", equal('a', '25'), 'a = "25"'],
    ['a = "007"', equal('a', '007'), 'a = 007'],
    ['a = "b"', equal('a', 'b'), 'a = b'],
    ['a = ""', equal('a', '')],
    ["a = 'it\\'s'", equal('a', "it's"), 'a = "it\'s"'],
    ['a = "say \\"no\\""', equal('a', 'say "no"')],
    ['a = \'say "no"\'', equal('a', 'say "no"'), 'a = "say \\"no\\""'],
    ['a = "C:\\\\temp"', equal('a', 'C:\\temp')],
    ['a = "\\n\\t\\r\\u0000\\u007f\\u001b"', equal('a', '\n\t\r\0\x7f\x1b')],
    ['a = "\\u00e9\\uD83D\\ude00"', equal('a', 'é😀'), 'a = "é😀"'],
    ['a = "2024-01-31"', equal('a', '2024-01-31')],
    ['a = "😀"', equal('a', '😀')],
    ['a = " b"', equal('a', ' b')],
    ['a = "b c"', equal('a', 'b c')],
    ['a = "\ufeff\u2028"', equal('a', '\ufeff\u2028')],
    ['a in (1, "1", 01)', oneOf('a', 1, '1', '01')],
    ['a between 0.10 and 00', between('a', 0.1, 0), 'a between 0.1 and 0'],
    ['a between -0 and -0.0', between('a', 0, 0), 'a between 0 and 0'],
    ['a between 9007199254740992 and 1.0', between('a', 2 ** 53, 1), 'a between 9007199254740992 and 1'],
  ]);

  test('numbers print in digits that read back as the same number', () => {
    const numbers = [
      Number.MAX_VALUE,
      Number.MIN_VALUE,
      1e-7,
      1.5e-7,
      123456e-12,
      1e21,
      1.7e300,
      2 ** 70,
      1 / 3,
    ];
    for (const number of numbers.flatMap((number) => [number, -number])) {
      const tree = and(equal('a', number), between('a', number, number));
      const text = printExpression(tree);
      expect(text).toMatch(/^[^e]+ between [^e]+ and [^e]+$/);
      expect(parseExpression(text)).toStrictEqual(tree);
    }
  });
});
