import { SegmentdError } from '../errors.js';
import { NumberColumn } from './number-column.js';
import { codeToNumber, MAX_NUMBER, numberToCode, quote } from './numbers.js';
import type { Tag } from './tag-catalog.js';

/**
 * The sum of what a user has (a code, or -1 for nothing) and `by`, as text. Throws NOT_AN_INTEGER and OUT_OF_RANGE with Redis's
 * words.
 */
export function incremented(tag: Tag, code: number, by: number): string {
  const { column, name } = tag;
  if (column instanceof NumberColumn) {
    const scaled = code < 0 ? 0 : codeToNumber(code);
    const sum = scaled + by * 10 ** column.scale;
    if (Math.abs(sum) <= MAX_NUMBER) return column.textOf(numberToCode(sum));
  } else {
    const text = code < 0 ? '0' : column.textOf(code);
    if (!/^(0|-?[1-9]\d{0,18})$/.test(text)) {
      throw new SegmentdError('NOT_AN_INTEGER', 'hash value is not an integer');
    }
    const sum = Number(text) + by;
    if (Number.isSafeInteger(sum) && Number.isSafeInteger(Number(text))) return String(sum);
  }
  throw new SegmentdError(
    'OUT_OF_RANGE',
    `increment or decrement would overflow: tag ${quote(name)} holds ±2^52`,
  );
}
