/** The limits of audience expressions: the same for text and for trees, and never a stack overflow. */
import { describe, expect, test } from 'vitest';
import type { Expression } from '../../src/audience/ast.js';
import { checkExpression } from '../../src/audience/check-expression.js';
import { ExpressionError } from '../../src/audience/expression-error.js';
import { parseExpression } from '../../src/audience/parse.js';
import { printExpression } from '../../src/audience/print.js';

/** Position and message of the error that `run` throws. */
function failureOf(run: () => unknown): [number | undefined, string] {
  try {
    run();
  } catch (error) {
    if (error instanceof ExpressionError) return [error.position, error.message];
    throw error;
  }
  throw new Error('nothing is wrong');
}

describe('a limit of text', () => {
  const deep = (position: number) => [position, `nested too deep at ${position}: 200 levels are allowed`];
  const large = (position: number) => [
    position,
    `too large at ${position}: 10000 conditions, operators and listed values are allowed`,
  ];
  const of = (text: string) => failureOf(() => parseExpression(text));

  test('is of depth: parentheses, not, at least', () => {
    expect(of('('.repeat(10_000))).toEqual(deep(201));
    expect(of(`${'('.repeat(10_000)}a${')'.repeat(10_000)}`)).toEqual(deep(201));
    expect(of('!'.repeat(10_000))).toEqual(deep(201));
    expect(of(`${'not '.repeat(10_000)}a`)).toEqual(deep(801));
    expect(of('at least 1 of ('.repeat(4000))).toEqual(deep(3001));
    expect(of('(not '.repeat(101))).toEqual(deep(501));
    for (const [open, close] of [
      ['(', ')'],
      ['!', ''],
      ['at least 1 of (', ')'],
    ] as const) {
      expect(() => parseExpression(`${open.repeat(200)}a${close.repeat(200)}`)).not.toThrow();
      expect(of(`${open.repeat(201)}a${close.repeat(201)}`)).toEqual(deep(open.length * 200 + 1));
    }
  });

  test('is of depth: operators on the way to a leaf', () => {
    expect(() => parseExpression(`${'!'.repeat(199)}a and b`)).not.toThrow();
    expect(() => parseExpression(`${'!'.repeat(198)}a and b or c`)).not.toThrow();
    expect(of(`${'!'.repeat(200)}a and b`)).toEqual(deep(1));
    expect(of(`x and (${'!'.repeat(198)}a or b) or c`)).toEqual(deep(1));
  });

  test('is of size: conditions, operators, values and ids', () => {
    // An operator and 9,999 conditions; then one condition more.
    expect(() => parseExpression(`a${'&a'.repeat(9998)}`)).not.toThrow();
    expect(of(`a${'&a'.repeat(9999)}`)).toEqual(large(1));
    expect(of(`a${'&a'.repeat(10_000)}`)).toEqual(large(20_001));
    expect(() => parseExpression(`a in (b${',b'.repeat(9998)})`)).not.toThrow();
    expect(of(`a in (b${',b'.repeat(9999)})`)).toEqual(large(20_005));
    expect(() => parseExpression(`users(b${',b'.repeat(9998)})`)).not.toThrow();
    expect(of(`users(b${',b'.repeat(9999)})`)).toEqual(large(20_005));
  });

  test('is of length: the text', () => {
    const long = (position: number) => [position, `text too long at ${position}: 65536 bytes are allowed`];
    expect(parseExpression(`a${' '.repeat(65_535)}`)).toEqual({ type: 'has', tag: 'a' });
    expect(of(`a${' '.repeat(65_536)}`)).toEqual(long(65_537));
    expect(of('é'.repeat(32_769))).toEqual(long(32_769));
    expect(of(`ab${'€'.repeat(21_845)}`)).toEqual(long(21_847));
    expect(of(`${'😀'.repeat(16_384)}a`)).toEqual(long(32_769));
    expect(of('\ud800'.repeat(30_000))).toEqual(long(21_846));
  });

  test('is of length: names, ids and values', () => {
    const tag = "expected a tag's name at 1: a tag's name has 1 to 255 bytes, this one has 256";
    const audience =
      "expected an audience's name at 2: an audience's name has 1 to 255 bytes, this one has 256";
    const id = 'expected an id at 7: an id has 1 to 255 bytes, this one has 256';
    const value = 'expected a value at 5: a value has 0 to 16384 bytes, this one has 16385';
    for (const half of ['xx', 'é']) {
      const name = half.repeat(127);
      expect(() => parseExpression(`${name}x and @${name}x and users(${name}x)`)).not.toThrow();
      expect(of(`${name}${half} = 1`)).toEqual([1, tag]);
      expect(of(`\`${name}${half}\` = 1`)).toEqual([1, tag]);
      expect(of(`@${name}${half}`)).toEqual([2, audience]);
      expect(of(`@\`${name}${half}\``)).toEqual([2, audience]);
      expect(of(`users(${name}${half})`)).toEqual([7, id]);
      expect(of(`users("${name}${half}")`)).toEqual([7, id]);
      expect(() => parseExpression(`a = ${half.repeat(8192)}`)).not.toThrow();
      expect(of(`a = ${half.repeat(8192)}x`)).toEqual([5, value]);
      expect(of(`a = "${half.repeat(8192)}x"`)).toEqual([5, value]);
    }
    expect(of(`a = ${'1'.repeat(16_385)}`)).toEqual([5, value]);
    expect(of(`a in (b, ${'1'.repeat(16_385)})`)[0]).toBe(10);
    expect(of(`users(${'1'.repeat(256)})`)).toEqual([7, id]);
  });
});

describe('a limit of trees', () => {
  const leaf = { type: 'has', tag: 'a' } as const;
  const wrappers: [string, (operand: Expression) => Expression, step: string][] = [
    ['not', (operand) => ({ type: 'not', operand }), 'operand'],
    ['and', (operand) => ({ type: 'and', operands: [operand, leaf] }), 'operands[0]'],
    ['or', (operand) => ({ type: 'or', operands: [leaf, operand] }), 'operands[1]'],
    ['atLeast', (operand) => ({ type: 'atLeast', count: 1, operands: [operand] }), 'operands[0]'],
  ];
  const of = (tree: unknown) => failureOf(() => checkExpression(tree));
  const large = 'too large, 10000 conditions, operators and listed values are allowed';

  test.each(wrappers)('is of depth: %s', (_, wrap, step) => {
    let tree: Expression = leaf;
    for (let i = 0; i < 200; i++) tree = wrap(tree);
    expect(checkExpression(tree)).toEqual(tree);
    expect(parseExpression(printExpression(tree))).toEqual(tree);
    const path = new Array(200).fill(step).join('.');
    const message = `${path.slice(0, 100)}...${path.slice(-100)}: nested too deep, 200 levels are allowed`;
    expect(of(wrap(tree))).toEqual([undefined, message]);
    for (let i = 0; i < 100_000; i++) tree = wrap(tree);
    expect(of(tree)).toEqual([undefined, message]);
  });

  test('is of depth: operators of both kinds in turn need parentheses, which nest no deeper', () => {
    let tree: Expression = leaf;
    for (let i = 0; i < 200; i++) tree = wrappers[i % 4]![1](tree);
    expect(parseExpression(printExpression(checkExpression(tree)))).toEqual(tree);
  });

  test('is of depth: a circle has no end', () => {
    const circle: Record<string, unknown> = { type: 'not' };
    circle['operand'] = circle;
    expect(of(circle)[1]).toMatch(/: nested too deep, 200 levels are allowed$/);
    const list: unknown[] = [];
    const wide = { type: 'and', operands: list };
    list.push(wide, wide);
    expect(of(wide)[1]).toMatch(/: nested too deep, 200 levels are allowed$/);
  });

  test('is of size', () => {
    const operands = (length: number) => ({ type: 'or', operands: new Array(length).fill(leaf) });
    const ids = (length: number) => ({ type: 'users', ids: new Array(length).fill('u') });
    const values = (length: number) => ({
      type: 'in',
      tag: 'a',
      negated: false,
      values: new Array(length).fill(1),
    });
    for (const make of [operands, ids, values]) expect(checkExpression(make(9999))).toEqual(make(9999));
    expect(of(operands(10_000))).toEqual([undefined, `operands: ${large}`]);
    expect(of(ids(10_000))).toEqual([undefined, `ids: ${large}`]);
    expect(of(values(10_000))).toEqual([undefined, `values: ${large}`]);
    expect(of({ type: 'or', operands: new Array(2 ** 32 - 1) })[1]).toBe(`operands: ${large}`);
    const both = (length: number) => ({ type: 'and', operands: [ids(length), values(4999), leaf] });
    expect(checkExpression(both(4997))).toEqual(both(4997));
    expect(of(both(4998))).toEqual([undefined, `operands[2]: ${large}`]);
    const doubled = new Array(14).fill(0).reduce((tree) => ({ type: 'and', operands: [tree, tree] }), leaf);
    expect(of(doubled)[1]).toMatch(large);
  });

  test('is not the length of text: a tree may be longer', () => {
    const values = new Array(9).fill('x'.repeat(16_384));
    const tree = { type: 'in', tag: 'a', negated: true, values } as const;
    expect(printExpression(checkExpression(tree)).length).toBeGreaterThan(65_536);
  });
});
