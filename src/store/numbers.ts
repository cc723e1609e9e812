/**
 * Numbers as tags hold them: integers of a declared scale (1.25 at scale 2 is 125), and their codes in vectors.
 * Exact within ±2^52, the range in which a code (twice the magnitude, plus one for a sign) is an exact double.
 */
import { SegmentdError } from '../errors.js';

export const MAX_NUMBER = 2 ** 52;
export const MAX_SCALE = 9;

/** The code of a scaled integer: 0, −1, 1, −2, 2 … become 0, 1, 2, 3, 4 … */
export function numberToCode(scaled: number): number {
  return scaled >= 0 ? scaled * 2 : -scaled * 2 - 1;
}

export function codeToNumber(code: number): number {
  return code % 2 === 0 ? code / 2 : -(code + 1) / 2;
}

/** A scaled integer as decimal text without trailing zeros: 125 at scale 2 is "1.25". */
export function formatScaled(scaled: number, scale: number): string {
  if (scale === 0) return String(scaled);
  const digits = String(Math.abs(scaled)).padStart(scale + 1, '0');
  const whole = digits.slice(0, -scale);
  const fraction = digits.slice(-scale).replace(/0+$/, '');
  return `${scaled < 0 ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}

/** A scaled integer as the number it stands for. */
export function unscale(scaled: number, scale: number): number {
  return scale === 0 ? scaled : scaled / 10 ** scale;
}

const DECIMAL = /^([+-]?)(\d+)(?:\.(\d+))?$/;

/**
 * Decimal text or a number as a scaled integer. Throws INVALID_VALUE when it is not a plain decimal or has more decimals
 * than the scale, OUT_OF_RANGE beyond ±2^52; both name the tag that it is for.
 */
export function parseScaled(value: string | number, scale: number, tag: string): number {
  const scaled = typeof value === 'number' ? scaleNumber(value, scale, tag) : scaleText(value, scale, tag);
  if (Math.abs(scaled) > MAX_NUMBER) {
    throw new SegmentdError('OUT_OF_RANGE', `tag ${quote(tag)}: ${value} is out of range (±2^52 at scale 0)`);
  }
  return scaled === 0 ? 0 : scaled;
}

function scaleNumber(value: number, scale: number, tag: string): number {
  const near = Math.round(value * 10 ** scale);
  if (Number.isFinite(value)) {
    // Right is the integer for whose decimal `value` is the nearest double; the product may miss it by one.
    for (const scaled of [near, near - 1, near + 1]) if (unscale(scaled, scale) === value) return scaled;
    if (Math.abs(near) > MAX_NUMBER) return near;
  }
  throw notANumber(String(value), scale, tag);
}

function scaleText(text: string, scale: number, tag: string): number {
  const match = text.length <= 64 ? DECIMAL.exec(text) : null;
  const fraction = match?.[3]?.replace(/0+$/, '') ?? '';
  if (match === null || fraction.length > scale) throw notANumber(text, scale, tag);
  const magnitude = Number(match[2] + fraction.padEnd(scale, '0'));
  return match[1] === '-' ? -magnitude : magnitude;
}

function notANumber(text: string, scale: number, tag: string): SegmentdError {
  const wanted = scale === 0 ? 'an integer' : `a decimal with at most ${scale} digits after the point`;
  return new SegmentdError('INVALID_VALUE', `tag ${quote(tag)} is a number: ${quote(text)} is not ${wanted}`);
}

/** Text from outside, quoted and cut for an error message. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 64 ? `${text.slice(0, 61)}...` : text);
}
