import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  codeToNumber,
  formatScaled,
  MAX_NUMBER,
  MAX_SCALE,
  numberToCode,
  parseScaled,
  quote,
  unscale,
} from '../../src/store/numbers.js';
import { codeOf } from '../support/code-of.js';

const scaled = fc.oneof(
  fc.integer({ min: -200, max: 200 }),
  fc.maxSafeInteger().filter((value) => Math.abs(value) <= MAX_NUMBER),
  fc.constantFrom(0, MAX_NUMBER, -MAX_NUMBER, MAX_NUMBER - 1, 1 - MAX_NUMBER),
);
const scale = fc.nat({ max: MAX_SCALE });

test('codes are small for small numbers and come back exactly', () => {
  expect([0, -1, 1, -2, 2].map(numberToCode)).toEqual([0, 1, 2, 3, 4]);
  expect(numberToCode(MAX_NUMBER)).toBe(2 ** 53);
  expect(numberToCode(-MAX_NUMBER)).toBe(2 ** 53 - 1);
  fc.assert(
    fc.property(scaled, (value) => {
      const code = numberToCode(value);
      expect(code).toBeGreaterThanOrEqual(0);
      expect(codeToNumber(code)).toBe(value);
    }),
  );
});

test('text, number and scaled integer stand for each other', () => {
  fc.assert(
    fc.property(scaled, scale, (value, digits) => {
      const text = formatScaled(value, digits);
      expect(text).toMatch(/^-?(0|[1-9]\d*)(\.\d*[1-9])?$/);
      expect(parseScaled(text, digits, 't')).toBe(value);
      expect(parseScaled(unscale(value, digits), digits, 't')).toBe(value);
      expect(unscale(value, digits)).toBe(Number(text));
    }),
    { numRuns: 2000 },
  );
});

test.each<[string | number, number, number]>([
  ['0', 0, 0],
  ['-0', 0, 0],
  ['+5', 0, 5],
  ['007', 0, 7],
  ['5.00', 0, 5],
  ['1.5', 1, 15],
  ['1.5', 9, 1_500_000_000],
  ['-0.01', 2, -1],
  ['1.250', 2, 125],
  ['4503599627370496', 0, 2 ** 52],
  ['-4503599.627370496', 9, -(2 ** 52)],
  [-0, 0, 0],
  [0.1, 1, 1],
  [1.005, 3, 1005],
  [1e-9, 9, 1],
  [-2.5, 2, -250],
  [2 ** 52, 0, 2 ** 52],
])('%j at scale %d is %d', (value, digits, expected) => {
  expect(parseScaled(value, digits, 't')).toBe(expected);
  expect(Object.is(parseScaled(value, digits, 't'), -0)).toBe(false);
});

test.each<[string | number, number]>([
  ['', 0],
  [' 1', 0],
  ['1 ', 0],
  ['old', 0],
  ['1e3', 0],
  ['0x10', 0],
  ['1,5', 1],
  ['.5', 1],
  ['5.', 1],
  ['--1', 0],
  ['1.5', 0],
  ['0.001', 2],
  ['١', 0],
  ['1\n', 0],
  ['1'.repeat(65), 0],
  [1.5, 0],
  [0.1 + 0.2, 9],
  [1e-10, 9],
  [Number.NaN, 2],
  [Number.POSITIVE_INFINITY, 2],
])('%j at scale %d is refused', (value, digits) => {
  expect(codeOf(() => parseScaled(value, digits, 'age'))).toBe('INVALID_VALUE');
  expect(() => parseScaled(value, digits, 'age')).toThrow('tag "age" is a number: ');
});

test.each<[string | number, number]>([
  ['4503599627370497', 0],
  ['-4503599627370497', 0],
  ['9'.repeat(64), 0],
  ['4503599.627370497', 9],
  [2 ** 52 + 1, 0],
  [-(2 ** 53), 0],
  [5e6, 9],
  [1e300, 9],
  [1e308, 0],
])('%j at scale %d is out of range', (value, digits) => {
  expect(codeOf(() => parseScaled(value, digits, 'age'))).toBe('OUT_OF_RANGE');
});

test('text from outside is quoted and cut', () => {
  expect(quote('a"b\n')).toBe('"a\\"b\\n"');
  expect(quote('x'.repeat(64))).toBe(`"${'x'.repeat(64)}"`);
  expect(quote('x'.repeat(65))).toBe(`"${'x'.repeat(61)}..."`);
});
