/** Where a decimal lies among the scaled integers that a number tag can hold. */
import { MAX_NUMBER, quote } from '../store/numbers.js';
import type { Value } from './ast.js';
import { ExpressionError } from './expression-error.js';
import { formatNumber } from './lexer.js';

/** The nearest scaled integers; equal when the decimal is one of them. Infinite beyond what a tag can hold. */
export interface Bounds {
  /** The greatest that is not above it. */
  readonly floor: number;
  /** The least that is not below it. */
  readonly ceiling: number;
}

const DECIMAL = /^([+-]?)(\d+)(?:\.(\d+))?$/;

/** The bounds of a value at a scale. Throws ExpressionError, naming the tag, when it is no decimal number. */
export function boundsOf(value: Value, scale: number, tag: string): Bounds {
  const text = typeof value === 'number' ? formatNumber(value) : value;
  const match = DECIMAL.exec(text);
  if (match === null) {
    throw new ExpressionError(`tag ${quote(tag)} is a number: it cannot be compared with ${quote(text)}`);
  }
  const fraction = match[3] ?? '';
  const inside = fraction.slice(0, scale).padEnd(scale, '0');
  const isExact = /^0*$/.test(fraction.slice(scale));
  const magnitude = BigInt(match[2] + inside);
  const truncated = match[1] === '-' ? -magnitude : magnitude;
  const isNegative = match[1] === '-';
  return {
    floor: clamp(isExact || !isNegative ? truncated : truncated - 1n),
    ceiling: clamp(isExact || isNegative ? truncated : truncated + 1n),
  };
}

function clamp(scaled: bigint): number {
  const value = Number(scaled);
  if (value > MAX_NUMBER) return Number.POSITIVE_INFINITY;
  return value < -MAX_NUMBER ? Number.NEGATIVE_INFINITY : value;
}
