/** What is said of text that is no expression: each message in full, and where it points. */
import { describe, expect, test } from 'vitest';
import { ExpressionError } from '../../src/audience/expression-error.js';
import { parseExpression } from '../../src/audience/parse.js';

function errorOf(text: string): ExpressionError {
  try {
    parseExpression(text);
  } catch (error) {
    if (error instanceof ExpressionError) return error;
    throw error;
  }
  throw new Error(`${JSON.stringify(text.slice(0, 100))} is an expression`);
}

function fails(rows: readonly (readonly [text: string, position: number, message: string])[]): void {
  test.each(rows)('%j', (text, position, message) => {
    const error = errorOf(text);
    expect([error.position, error.message]).toEqual([position, message]);
    expect(error.code).toBe('INVALID_EXPRESSION');
  });
}

describe('an operator of another language', () => {
  fails([
    ['sex == Female', 5, 'write `=` instead of `==` at 5'],
    ['sex === Female', 5, 'write `=` instead of `===` at 5'],
    ['a !== b', 3, 'write `!=` instead of `!==` at 3'],
    ['a <> b', 3, 'write `!=` instead of `<>` at 3'],
    ['a ≠ b', 3, 'write `!=` instead of `≠` at 3'],
    ['a =< 5', 3, 'write `<=` instead of `=<` at 3'],
    ['a ≤ 5', 3, 'write `<=` instead of `≤` at 3'],
    ['a => 5', 3, 'write `>=` instead of `=>` at 3'],
    ['a ≥ 5', 3, 'write `>=` instead of `≥` at 3'],
    ['a && b', 3, 'write `and` instead of `&&` at 3'],
    ['a&&b', 2, 'write `and` instead of `&&` at 2'],
    ['a || b', 3, 'write `or` instead of `||` at 3'],
    ['sex is Female', 5, 'write `=` instead of `is` at 5'],
    ['sex EQUALS Female', 5, 'write `=` instead of `EQUALS` at 5'],
    ['a = −5', 5, 'write `-` instead of `−` at 5'],
    ['a ! b', 3, 'expected `and`, `or` or the end at 3, found `!`'],
    ['a = !b', 5, 'expected a value at 5, found `!`'],
    ['a < > b', 5, 'expected a value at 5, found `>`'],
    ['!= a', 1, 'expected a condition at 1, found `!=`'],
  ]);
});

describe('a condition that is missing', () => {
  fails([
    ['', 1, 'expected a condition at 1, found the end'],
    [' \t', 3, 'expected a condition at 3, found the end'],
    ['a and', 6, 'expected a condition at 6, found the end'],
    ['a AND', 6, 'expected a condition at 6, found the end'],
    ['a or ', 6, 'expected a condition at 6, found the end'],
    ['and a', 1, 'expected a condition at 1, found `and`'],
    ['or', 1, 'expected a condition at 1, found `or`'],
    ['not', 4, 'expected a condition at 4, found the end'],
    ['!', 2, 'expected a condition at 2, found the end'],
    ['()', 2, 'expected a condition at 2, found `)`'],
    ['(a and)', 7, 'expected a condition at 7, found `)`'],
    ['(', 2, 'expected a condition at 2, found the end'],
    ['a and )', 7, 'expected a condition at 7, found `)`'],
    ['= a', 1, 'expected a condition at 1, found `=`'],
    ['not = 3', 5, 'expected a condition at 5, found `=`'],
    ["'x'", 1, "expected a condition at 1, found `'x'` (names go in backquotes, quotes are for values)"],
    [
      '"high income" = 1',
      1,
      'expected a condition at 1, found `"high income"` (names go in backquotes, quotes are for values)',
    ],
    [
      '25 > age',
      1,
      'expected a condition at 1, found `25` (a name that begins with a digit goes in backquotes)',
    ],
    ['2fa', 1, 'expected a condition at 1, found `2fa` (a name that begins with a digit goes in backquotes)'],
    [
      '5% = a',
      1,
      'expected a condition at 1, found `5` (a name that begins with a digit goes in backquotes)',
    ],
    ['in = x', 1, 'expected a condition at 1, found `in` (a tag named `in` goes in backquotes)'],
    ['Between', 1, 'expected a condition at 1, found `Between` (a tag named `Between` goes in backquotes)'],
    ['* = 1', 1, 'expected a condition at 1, found `*` (a name with `*` in it goes in backquotes)'],
    ['#', 1, 'expected a condition at 1, found `#` (a name with `#` in it goes in backquotes)'],
  ]);
});

describe('something after the end', () => {
  fails([
    [
      'a b',
      3,
      'expected `and`, `or` or the end at 3, found `b` (a name with blanks in it goes in backquotes)',
    ],
    [
      'high income = 1',
      6,
      'expected `and`, `or` or the end at 6, found `income` (a name with blanks in it goes in backquotes)',
    ],
    ['a%b', 2, 'expected `and`, `or` or the end at 2, found `%` (a name with `%` in it goes in backquotes)'],
    ['a % b', 3, 'expected `and`, `or` or the end at 3, found `%`'],
    ['a (b)', 3, 'expected `and`, `or` or the end at 3, found `(`'],
    ['a)', 2, 'expected `and`, `or` or the end at 2, found `)`'],
    ['a, b', 2, 'expected `and`, `or` or the end at 2, found `,` (a name with `,` in it goes in backquotes)'],
    ['(a b)', 4, 'expected `and`, `or` or `)` at 4, found `b` (a name with blanks in it goes in backquotes)'],
    ['(a,b)', 3, 'expected `and`, `or` or `)` at 3, found `,` (a name with `,` in it goes in backquotes)'],
    ['all = 3', 5, 'expected `and`, `or` or the end at 5, found `=` (a tag named `all` goes in backquotes)'],
    [
      'none in (a)',
      6,
      'expected `and`, `or` or the end at 6, found `in` (a tag named `none` goes in backquotes)',
    ],
    ['all and none b', 14, 'expected `and`, `or` or the end at 14, found `b`'],
    [
      '@a b',
      4,
      'expected `and`, `or` or the end at 4, found `b` (a name with blanks in it goes in backquotes)',
    ],
    ['@a = 3', 4, 'expected `and`, `or` or the end at 4, found `=`'],
    [
      'users a',
      7,
      'expected `and`, `or` or the end at 7, found `a` (a name with blanks in it goes in backquotes)',
    ],
    [
      'name = New York',
      12,
      'expected `and`, `or` or the end at 12, found `York` (a value with blanks in it needs quotes)',
    ],
    [
      'city = Xi’an',
      10,
      'expected `and`, `or` or the end at 10, found `’` (a value with `’` in it needs quotes)',
    ],
    [
      "city = O'Neil and x = 'y'",
      9,
      "expected `and`, `or` or the end at 9, found `'Neil and x = '` (a value with `'` in it needs quotes)",
    ],
    ['a = 5%', 6, 'expected `and`, `or` or the end at 6, found `%` (a value with `%` in it needs quotes)'],
    ['a = 1,000', 6, 'expected `and`, `or` or the end at 6, found `,` (a value with `,` in it needs quotes)'],
    [
      'a = foo@bar.com',
      8,
      'expected `and`, `or` or the end at 8, found `@` (a value with `@` in it needs quotes)',
    ],
    ['a = b = c', 7, 'expected `and`, `or` or the end at 7, found `=`'],
    ['a = "b" "c"', 9, 'expected `and`, `or` or the end at 9, found `"c"`'],
    ['a = b)', 6, 'expected `and`, `or` or the end at 6, found `)`'],
    [
      'a😀',
      2,
      'expected `and`, `or` or the end at 2, found `😀` (a name with `😀` in it goes in backquotes)',
    ],
    ['a = b 😀', 7, 'expected `and`, `or` or the end at 7, found `😀`'],
  ]);
});

describe('a value that is missing', () => {
  fails([
    ['sex = ', 7, 'expected a value at 7, found the end'],
    ['sex =', 6, 'expected a value at 6, found the end'],
    ['sex = and x = 1', 7, 'expected a value at 7, found `and` (a keyword; as text it needs quotes)'],
    ['state = OR', 9, 'expected a value at 9, found `OR` (a keyword; as text it needs quotes)'],
    [
      'sex = `Female`',
      7,
      'expected a value at 7, found `Female` (values go in quotes, backquotes are for names)',
    ],
    ['a = )', 5, 'expected a value at 5, found `)`'],
    ['a = #5', 5, 'expected a value at 5, found `#` (a value with `#` in it needs quotes)'],
    ['a = *', 5, 'expected a value at 5, found `*` (a value with `*` in it needs quotes)'],
    [
      'signup > 2024-01-31',
      10,
      'expected a value at 10, found `2024-01-31` (not a number; as text it needs quotes)',
    ],
    ['a = 1.2.3', 5, 'expected a value at 5, found `1.2.3` (not a number; as text it needs quotes)'],
    ['a = .5', 5, 'expected a value at 5, found `.5` (not a number; as text it needs quotes)'],
    ['a = 5.', 5, 'expected a value at 5, found `5.` (not a number; as text it needs quotes)'],
    ['a = 1e5', 5, 'expected a value at 5, found `1e5` (not a number; as text it needs quotes)'],
    ['a = - 5', 5, 'expected a value at 5, found `-` (a value with `-` in it needs quotes)'],
    ['a = \u0301b', 5, 'expected a value at 5, found `\\u0301` (a value with `\\u0301` in it needs quotes)'],
  ]);
});

describe('a quote', () => {
  fails([
    ['sex = "Female', 7, 'the quote at 7 is never closed'],
    ["sex = 'Female", 7, 'the quote at 7 is never closed'],
    ['a = "b\\"', 5, 'the quote at 5 is never closed'],
    ['a = "b\\', 5, 'the quote at 5 is never closed'],
    ['`high income', 1, 'the backquote at 1 is never closed'],
    ['sex = “Female”', 7, 'write `"` instead of `“` at 7'],
    ['sex = „Female“', 7, 'write `"` instead of `„` at 7'],
    ['sex = «Female»', 7, 'write `"` instead of `«` at 7'],
    ['sex = ‘Female’', 7, "write `'` instead of `‘` at 7"],
    ["city = O'Neil", 9, 'the quote at 9 is never closed'],
    ['a = "\\q"', 6, 'unknown escape `\\q` at 6; a backslash is written `\\\\`'],
    ['a = "\\😀"', 6, 'unknown escape `\\😀` at 6; a backslash is written `\\\\`'],
    ['a = "C:\\users"', 8, 'expected four hexadecimal digits after `\\u` at 8'],
    ['a = "\\u00g0"', 6, 'expected four hexadecimal digits after `\\u` at 6'],
    ['a = "\\u12', 6, 'expected four hexadecimal digits after `\\u` at 6'],
    ['a = "x\ny"', 7, 'control character in quotes at 7: write it as `\\n`'],
    ['a = "\u0000"', 6, 'control character in quotes at 6: write it as `\\u0000`'],
    ['a = "\u007f"', 6, 'control character in quotes at 6: write it as `\\u007f`'],
    ['`a\tb`', 3, 'control character `\\t` in a name at 3'],
  ]);
});

describe('a range', () => {
  fails([
    ['age between', 12, 'expected a number at 12, found the end'],
    ['age between 25', 15, 'expected `and` at 15, found the end'],
    ['age between 25, 40', 15, 'expected `and` at 15, found `,`'],
    ['age between 25 or 40', 16, 'expected `and` at 16, found `or`'],
    ['age between 25 and', 19, 'expected a number at 19, found the end'],
    ['age between 25-40', 13, 'expected a number at 13, found `25-40`'],
    ['age between "25" and 40', 13, 'expected a number at 13, found `"25"` (numbers have no quotes)'],
    ['age between low and 40', 13, 'expected a number at 13, found `low`'],
    ['age between 25 and "40"', 20, 'expected a number at 20, found `"40"` (numbers have no quotes)'],
    [
      'age between 9007199254740993 and 1',
      13,
      'expected a number of fewer digits at 13, found `9007199254740993`',
    ],
    [
      'age between 1 and 0.1234567890123456789',
      19,
      'expected a number of fewer digits at 19, found `0.1234567890123456789`',
    ],
    [
      `age between 1 and ${'9'.repeat(400)}`,
      19,
      'expected a number of fewer digits at 19, found `9999999999999999999999999999999999999999...`',
    ],
  ]);
});

describe('a list', () => {
  fails([
    ['users()', 7, 'expected an id at 7, found `)`'],
    ['users(a,)', 9, 'expected an id at 9, found `)`'],
    ['users(a b)', 9, 'expected `,` or `)` at 9, found `b` (a value with blanks in it needs quotes)'],
    ['users(a', 8, 'expected `)` at 8, found the end (the `(` at 6 is not closed)'],
    ['users(,)', 7, 'expected an id at 7, found `,`'],
    ['users(and)', 7, 'expected an id at 7, found `and` (a keyword; as text it needs quotes)'],
    ['users(12ab-c)', 7, 'expected an id at 7, found `12ab-c` (not a number; as text it needs quotes)'],
    ['users(`a`)', 7, 'expected an id at 7, found `a` (values go in quotes, backquotes are for names)'],
    ['users("")', 7, 'expected an id at 7: an id has 1 to 255 bytes, this one has 0'],
    ['a in', 5, 'expected `(` at 5, found the end'],
    ['a in b', 6, 'expected `(` at 6, found `b`'],
    ['a in ()', 7, 'expected a value at 7, found `)`'],
    ['a in (b,)', 9, 'expected a value at 9, found `)`'],
    ['a in (b c)', 9, 'expected `,` or `)` at 9, found `c` (a value with blanks in it needs quotes)'],
    ['a in (b; c)', 8, 'expected `,` or `)` at 8, found `;` (a value with `;` in it needs quotes)'],
    ['a in (b', 8, 'expected `)` at 8, found the end (the `(` at 6 is not closed)'],
    ['a in (b, or)', 10, 'expected a value at 10, found `or` (a keyword; as text it needs quotes)'],
    ['a not', 6, 'expected `in` at 6, found the end'],
    ['a not b', 7, 'expected `in` at 7, found `b`'],
    ['a not in', 9, 'expected `(` at 9, found the end'],
  ]);
});

describe('how many are needed', () => {
  fails([
    ['at least', 9, 'expected a whole number from 1 on at 9, found the end'],
    ['at least of (a)', 10, 'expected a whole number from 1 on at 10, found `of`'],
    ['at least two of (a)', 10, 'expected a whole number from 1 on at 10, found `two`'],
    ['at least 0 of (a)', 10, 'expected a whole number from 1 on at 10, found `0`'],
    ['at least -1 of (a)', 10, 'expected a whole number from 1 on at 10, found `-1`'],
    ['at least 1.5 of (a)', 10, 'expected a whole number from 1 on at 10, found `1.5`'],
    [
      'at least "2" of (a, b)',
      10,
      'expected a whole number from 1 on at 10, found `"2"` (numbers have no quotes)',
    ],
    ['at least 2x of (a)', 10, 'expected a whole number from 1 on at 10, found `2x`'],
    ['at least 2 (a, b)', 12, 'expected `of` at 12, found `(`'],
    ['at least 2 of a, b', 15, 'expected `(` at 15, found `a`'],
    ['at least 3 of (a, b)', 10, 'expected at most 2, as many as are listed, at 10, found `3`'],
    [
      'at least 99999999999999999999 of (a)',
      10,
      'expected at most 1, as many as are listed, at 10, found `99999999999999999999`',
    ],
    ['at least 1 of ()', 16, 'expected a condition at 16, found `)`'],
    ['at least 1 of (a,)', 18, 'expected a condition at 18, found `)`'],
    [
      'at least 1 of (a b)',
      18,
      'expected `and`, `or`, `,` or `)` at 18, found `b` (a name with blanks in it goes in backquotes)',
    ],
  ]);
});

describe('a parenthesis that is open', () => {
  fails([
    ['(a', 3, 'expected `)` at 3, found the end (the `(` at 1 is not closed)'],
    ['(a and (b or c)', 16, 'expected `)` at 16, found the end (the `(` at 1 is not closed)'],
    ['((((a)))', 9, 'expected `)` at 9, found the end (the `(` at 1 is not closed)'],
    ['at least 1 of (a', 17, 'expected `)` at 17, found the end (the `(` at 15 is not closed)'],
    ['at least 1 of (a, (b', 21, 'expected `)` at 21, found the end (the `(` at 19 is not closed)'],
  ]);
});

describe('a name', () => {
  fails([
    ['@', 2, "expected an audience's name at 2, found the end"],
    [
      '@ and b',
      3,
      "expected an audience's name at 3, found `and` (a name that is a keyword goes in backquotes)",
    ],
    [
      '@"x"',
      2,
      'expected an audience\'s name at 2, found `"x"` (names go in backquotes, quotes are for values)',
    ],
    [
      '@5',
      2,
      "expected an audience's name at 2, found `5` (a name that begins with a digit goes in backquotes)",
    ],
    ['@(a)', 2, "expected an audience's name at 2, found `(`"],
    ['@In', 2, "expected an audience's name at 2, found `In` (a name that is a keyword goes in backquotes)"],
    ['@%', 2, "expected an audience's name at 2, found `%` (a name with `%` in it goes in backquotes)"],
    ['``', 1, "expected a tag's name at 1: a tag's name has 1 to 255 bytes, this one has 0"],
    ['@``', 2, "expected an audience's name at 2: an audience's name has 1 to 255 bytes, this one has 0"],
    [
      '`a=b`',
      1,
      'expected a tag\'s name at 1: tag name "a=b": `=`, `<`, `>`, backquote, control characters and broken UTF-8 are not allowed',
    ],
    [
      'a and `b<c` = 1',
      7,
      'expected a tag\'s name at 7: tag name "b<c": `=`, `<`, `>`, backquote, control characters and broken UTF-8 are not allowed',
    ],
    [
      '`a>b`',
      1,
      'expected a tag\'s name at 1: tag name "a>b": `=`, `<`, `>`, backquote, control characters and broken UTF-8 are not allowed',
    ],
  ]);
});

describe('what nobody sees', () => {
  fails([
    ['\ufeffa', 1, 'expected a condition at 1, found `\\ufeff` (a byte order mark)'],
    ['a\ufeff', 2, 'expected `and`, `or` or the end at 2, found `\\ufeff` (a byte order mark)'],
    ['\u0000', 1, 'expected a condition at 1, found `\\u0000`'],
    ['a\u0000', 2, 'expected `and`, `or` or the end at 2, found `\\u0000`'],
    ['a = b\u0007', 6, 'expected `and`, `or` or the end at 6, found `\\u0007`'],
    ['a\u001b[31m', 2, 'expected `and`, `or` or the end at 2, found `\\u001b`'],
    ['a\u000bb', 2, 'expected `and`, `or` or the end at 2, found `\\u000b`'],
    ['a = \u200bb', 5, 'expected a value at 5, found `\\u200b`'],
    ['a = "\ud800"', 6, 'half of a surrogate pair without the other at 6'],
    ['a \udc00', 3, 'half of a surrogate pair without the other at 3'],
    ['a = "\\ud800"', 6, 'half of a surrogate pair without the other at 6'],
    ['a = "\\ud800\\u0041"', 6, 'half of a surrogate pair without the other at 6'],
    ['a = "\\udc00\\ud800"', 6, 'half of a surrogate pair without the other at 6'],
  ]);
});

describe('what was found', () => {
  const cut = '...`';

  test('is cut if it is long, never inside of a character', () => {
    const long = 'x'.repeat(38);
    const expected = 'expected `and`, `or` or the end at 3, found';
    expect(errorOf(`a "${long}y"`).message).toBe(`${expected} \`"${long}y${cut}`);
    expect(errorOf(`a "${long}y😀"`).message).toBe(`${expected} \`"${long}y${cut}`);
    expect(errorOf(`a "${long}😀"`).message).toBe(`${expected} \`"${long}${cut}`);
    expect(errorOf('a = b "\\n\u202e"').message).toBe(
      'expected `and`, `or` or the end at 7, found `"\\n\\u202e"`',
    );
    expect(errorOf('a "\u{e0001}"').message).toBe(`${expected} \`"\\u{e0001}"\``);
  });
});
