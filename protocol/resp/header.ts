const CR = 13;
const MINUS = 45;
const ZERO = 48;

/** The number in a whole line of a marker, one or two digits and "\r\n"; -1 for any other input. */
export function shortHeader(buffer: Buffer, at: number, end: number, marker: number): number {
  if (at + 5 > end || buffer[at] !== marker) return -1;
  const first = buffer[at + 1]! - ZERO;
  if (first < 0 || first > 9) return -1;
  const next = buffer[at + 2]!;
  if (next === CR) return first;
  const second = next - ZERO;
  if (buffer[at + 3] !== CR || first === 0 || second < 0 || second > 9) return -1;
  return first * 10 + second;
}

/**
 * The decimal integer in buffer[start, end) as Redis's string2ll takes it: 64 bits, no plus sign, no leading
 * zeros.
 *
 * @returns the integer, rounded beyond 2^53; NaN when there is none
 */
export function parseInteger(buffer: Buffer, start: number, end: number): number {
  const negative = end - start > 1 && buffer[start] === MINUS;
  const first = negative ? start + 1 : start;
  const digits = end - first;
  if (digits === 1 && buffer[first] === ZERO) return negative ? Number.NaN : 0;
  if (digits < 1 || digits > 19 || buffer[first] === ZERO) return Number.NaN;
  let value = 0;
  for (let i = first; i < end; i++) {
    const digit = buffer[i]! - ZERO;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  if (digits === 19) {
    const exact = BigInt(buffer.toString('latin1', start, end));
    if (BigInt.asIntN(64, exact) !== exact) return Number.NaN;
  }
  return negative ? -value : value;
}
