/** Trees from outside: what is taken, what is refused and with which words, and what names and values may be. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Expression } from '../../src/audience/ast.js';
import { checkExpression, expressionOf } from '../../src/audience/check-expression.js';
import {
  audienceNameProblem,
  ExpressionError,
  idProblem,
  tagNameProblem,
  valueProblem,
} from '../../src/audience/expression-error.js';
import { parseExpression } from '../../src/audience/parse.js';
import { printExpression } from '../../src/audience/print.js';
import { SegmentdError } from '../../src/errors.js';
import { codeOf } from '../support/code-of.js';

const a: Expression = { type: 'has', tag: 'a' };
const types = 'all, none, and, or, not, atLeast, audience, users, has, compare, in, between';

describe('a tree is refused', () => {
  const compare = { type: 'compare', tag: 'a', operator: '=', value: 1 };
  const within = { type: 'in', tag: 'a', negated: false, values: [1] };
  const between = { type: 'between', tag: 'a', low: 1, high: 2 };

  test.each<[tree: unknown, message: string]>([
    [undefined, 'expected an object with a `type`'],
    [null, 'expected an object with a `type`'],
    [7, 'expected an object with a `type`'],
    ['a', 'expected an object with a `type`'],
    [[a], 'expected an object with a `type`'],
    [() => a, 'expected an object with a `type`'],
    [{}, `type: expected one of ${types}`],
    [{ type: 'xor' }, `type: expected one of ${types}`],
    [{ type: 'constructor' }, `type: expected one of ${types}`],
    [{ type: ['all'] }, `type: expected one of ${types}`],
    [Object.create({ type: 'all' }), `type: expected one of ${types}`],
    [{ type: 'all', tag: 'a' }, 'unknown property `tag`'],
    [{ type: 'has', tag: 'a', value: undefined }, 'unknown property `value`'],
    [{ type: 'not', operand: { type: 'none', 'x\n': 1 } }, 'operand: unknown property `x\\n`'],
    [JSON.parse('{"type":"all","__proto__":{}}'), 'unknown property `__proto__`'],
    [{ type: 'and' }, 'operands: expected a list'],
    [{ type: 'and', operands: { 0: a, 1: a, length: 2 } }, 'operands: expected a list'],
    [{ type: 'and', operands: [] }, 'operands: expected two or more'],
    [{ type: 'or', operands: [a] }, 'operands: expected two or more'],
    [{ type: 'or', operands: [a, null] }, 'operands[1]: expected an object with a `type`'],
    [{ type: 'or', operands: new Array(2) }, 'operands[0]: expected an object with a `type`'],
    [{ type: 'not' }, 'operand: expected an object with a `type`'],
    [
      { type: 'not', operand: { type: 'not', operand: {} } },
      `operand.operand.type: expected one of ${types}`,
    ],
    [
      { type: 'atLeast', operands: [a] },
      'count: expected a whole number from 1 to the number of operands, 1',
    ],
    [{ type: 'atLeast', count: 1, operands: [] }, 'operands: expected one or more'],
    [{ type: 'audience', name: '' }, "name: an audience's name has 1 to 255 bytes, this one has 0"],
    [{ type: 'audience', name: '`' }, "name: an audience's name has no backquotes and no control characters"],
    [
      { type: 'audience', name: 'a\0' },
      "name: an audience's name has no backquotes and no control characters",
    ],
    [{ type: 'audience', name: 5 }, 'name: expected text'],
    [{ type: 'users' }, 'ids: expected a list'],
    [{ type: 'users', ids: [] }, 'ids: expected one or more'],
    [{ type: 'users', ids: ['a', 5] }, 'ids[1]: expected text'],
    [{ type: 'users', ids: [''] }, 'ids[0]: an id has 1 to 255 bytes, this one has 0'],
    [{ type: 'users', ids: ['\ud800'] }, 'ids[0]: an id has no half of a surrogate pair without the other'],
    [{ type: 'has' }, 'tag: expected text'],
    [{ type: 'has', tag: '' }, "tag: a tag's name has 1 to 255 bytes, this one has 0"],
    [
      { type: 'has', tag: 'a=b' },
      'tag: tag name "a=b": `=`, `<`, `>`, backquote, control characters and broken UTF-8 are not allowed',
    ],
    [{ ...compare, operator: '==' }, 'operator: expected one of = != < <= > >='],
    [{ ...compare, value: null }, 'value: expected text or a number'],
    [{ ...compare, value: true }, 'value: expected text or a number'],
    [{ ...compare, value: Number.NaN }, 'value: expected a finite number'],
    [{ ...compare, value: 'x'.repeat(16_385) }, 'value: a value has 0 to 16384 bytes, this one has 16385'],
    [
      { type: 'and', operands: [a, { ...compare, value: [] }] },
      'operands[1].value: expected text or a number',
    ],
    [{ ...within, negated: undefined }, 'negated: expected true or false'],
    [{ ...within, negated: 0 }, 'negated: expected true or false'],
    [{ ...within, values: [] }, 'values: expected one or more'],
    [{ ...within, values: [1, {}] }, 'values[1]: expected text or a number'],
    [{ ...between, low: '1' }, 'low: expected a finite number'],
    [{ ...between, high: Number.POSITIVE_INFINITY }, 'high: expected a finite number'],
    [{ ...between, values: [] }, 'unknown property `values`'],
  ])('%j', (tree, message) => {
    let error: unknown;
    try {
      checkExpression(tree);
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(ExpressionError);
    expect(error).toBeInstanceOf(SegmentdError);
    expect(error).toMatchObject({ code: 'INVALID_EXPRESSION', message, position: undefined });
    expect(codeOf(() => expressionOf([tree] as never))).toBe('INVALID_EXPRESSION');
  });

  test.each([0, -1, 1.5, 3, Number.NaN, '1', undefined])('if it needs at least %s of two', (count) => {
    const message = 'count: expected a whole number from 1 to the number of operands, 2';
    expect(() => checkExpression({ type: 'atLeast', count, operands: [a, a] })).toThrow(message);
  });
});

describe('a tree that is taken', () => {
  test('is a copy, without what is foreign', () => {
    const compare = { type: 'compare', tag: 'a', operator: '=', value: -0 };
    const operands = [
      Object.assign(Object.create({ evil: true }), compare),
      { type: 'in', tag: 'a', negated: true, values: [-0, '-0'] },
      { type: 'between', tag: 'a', low: -0, high: -0 },
      { type: 'users', ids: ['u'] },
    ];
    const checked = checkExpression(Object.assign(Object.create(null), { type: 'or', operands }));
    expect(checked).toStrictEqual({
      type: 'or',
      operands: [
        { type: 'compare', tag: 'a', operator: '=', value: 0 },
        { type: 'in', tag: 'a', negated: true, values: [0, '-0'] },
        { type: 'between', tag: 'a', low: 0, high: 0 },
        { type: 'users', ids: ['u'] },
      ],
    });
    expect(parseExpression(printExpression(checked))).toStrictEqual(checked);
    operands.length = 0;
    expect(checked).toMatchObject({ operands: { length: 4 } });
  });

  test('or text: both are expressions', () => {
    expect(expressionOf('a')).toStrictEqual(a);
    expect(expressionOf(a)).toStrictEqual(a);
    expect(expressionOf(a)).not.toBe(a);
    expect(codeOf(() => expressionOf('a b'))).toBe('INVALID_EXPRESSION');
  });
});

describe('names and values are the same to the parser and the checker', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom(...'a=<>`\\"\' \n\0\x7f\x80é😀\ud800\udc00') }),
    fc.nat(130).map((length) => 'é'.repeat(length)),
  );
  const agree = (problem: string | undefined, tree: Expression, written: string) => {
    expect(codeOf(() => checkExpression(tree))).toBe(problem && 'INVALID_EXPRESSION');
    let parsed: Expression | undefined;
    expect(codeOf(() => (parsed = parseExpression(written)))).toBe(problem && 'INVALID_EXPRESSION');
    if (problem === undefined) {
      expect(parsed).toStrictEqual(tree);
      expect(parseExpression(printExpression(tree))).toStrictEqual(tree);
    }
  };
  const escaped = (value: string) =>
    [...Array(value.length).keys()]
      .map((i) => `\\u${value.charCodeAt(i).toString(16).padStart(4, '0')}`)
      .join('');

  test.each<[string, (value: string) => [string | undefined, Expression, string]]>([
    ['tags', (tag) => [tagNameProblem(tag), { type: 'has', tag }, `\`${tag}\``]],
    ['audiences', (name) => [audienceNameProblem(name), { type: 'audience', name }, `@\`${name}\``]],
    ['ids', (id) => [idProblem(id), { type: 'users', ids: [id] }, `users('${escaped(id)}')`]],
    [
      'values',
      (value) => [
        valueProblem(value),
        { type: 'compare', tag: 'a', operator: '=', value },
        `a = "${escaped(value)}"`,
      ],
    ],
  ])('%s', (_, caseOf) => {
    fc.assert(fc.property(text, (value) => agree(...caseOf(value))));
  });
});
