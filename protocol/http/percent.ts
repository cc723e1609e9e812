/** Percent-encoding in paths and queries. */
import { isUtf8 } from 'node:buffer';
import { SegmentdError } from '../../src/index.js';

const PERCENT = 0x25;
const PLUS = 0x2b;
const BLANK = 0x20;
const FIRST_VISIBLE = 0x21;
const LAST_VISIBLE = 0x7e;

/** Bytes that a piece of a path or query stands for; `what` names it in errors. Throws SYNTAX for wrong encoding. */
export function decodeBytes(text: string, what: string, plusIsBlank = false): Buffer {
  const bytes = Buffer.allocUnsafe(text.length);
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    let byte = text.charCodeAt(i);
    if (byte === PERCENT) {
      byte = hexDigit(text.charCodeAt(i + 1)) * 16 + hexDigit(text.charCodeAt(i + 2));
      if (Number.isNaN(byte)) {
        throw new SegmentdError(
          'SYNTAX',
          `${what} has a "%" without two hexadecimal digits: write it as %25`,
        );
      }
      i += 2;
    } else if (byte === PLUS && plusIsBlank) byte = BLANK;
    else if (byte < FIRST_VISIBLE || byte > LAST_VISIBLE) {
      throw new SegmentdError('SYNTAX', `${what} has a character that must be percent-encoded`);
    }
    bytes[length++] = byte;
  }
  return bytes.subarray(0, length);
}

/** The same as text. Throws SYNTAX for what is not UTF-8, too. */
export function decodeText(text: string, what: string, plusIsBlank = false): string {
  if (isPlain(text, plusIsBlank)) return text;
  const bytes = decodeBytes(text, what, plusIsBlank);
  if (!isUtf8(bytes)) throw new SegmentdError('SYNTAX', `${what} is not UTF-8`);
  return bytes.toString();
}

/** Does it stand for itself? */
export function isPlain(text: string, plusIsBlank = false): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < FIRST_VISIBLE || code > LAST_VISIBLE || code === PERCENT) return false;
    if (code === PLUS && plusIsBlank) return false;
  }
  return true;
}

/** NaN for what is none. */
function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : Number.NaN;
}
