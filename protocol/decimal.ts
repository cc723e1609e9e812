/** Exact sums of decimal numbers, for HINCRBYFLOAT. */
import { SegmentdError } from '../src/index.js';

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?$/;
const INFINITE = /^[+-]?inf(inity)?$/i;
const MAX_DIGITS = 400;

/** The sum of two decimals as the shortest decimal text. Throws NOT_AN_INTEGER when one is not a number. */
export function addDecimals(value: string, increment: string): string {
  if (INFINITE.test(increment)) throw new SegmentdError('OUT_OF_RANGE', 'value is NaN or Infinity');
  const b = parse(increment, 'value is not a valid float');
  if (INFINITE.test(value)) {
    throw new SegmentdError('OUT_OF_RANGE', 'increment would produce NaN or Infinity');
  }
  const a = parse(value, 'hash value is not a float');
  const scale = Math.max(a.scale, b.scale);
  const sum = a.digits * 10n ** BigInt(scale - a.scale) + b.digits * 10n ** BigInt(scale - b.scale);
  return format(sum, scale);
}

interface Decimal {
  readonly digits: bigint;
  /** Digits behind the point. */
  readonly scale: number;
}

function parse(text: string, message: string): Decimal {
  const match = text.length <= MAX_DIGITS ? DECIMAL.exec(text) : null;
  const whole = match?.[2] ?? '';
  const fraction = match?.[3] ?? '';
  if (match === null || whole + fraction === '') throw new SegmentdError('NOT_AN_INTEGER', message);
  const exponent = Number(match[4] ?? 0);
  const digits = BigInt(`${match[1] === '-' ? '-' : ''}${whole}${fraction}`);
  const scale = fraction.length - exponent;
  return scale >= 0 ? { digits, scale } : { digits: digits * 10n ** BigInt(-scale), scale: 0 };
}

function format(digits: bigint, scale: number): string {
  const magnitude = (digits < 0n ? -digits : digits).toString().padStart(scale + 1, '0');
  const whole = magnitude.slice(0, magnitude.length - scale);
  const fraction = magnitude.slice(magnitude.length - scale).replace(/0+$/, '');
  return `${digits < 0n ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}
