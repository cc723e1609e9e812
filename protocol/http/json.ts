/**
 * JSON that comes from outside. It is checked before it is parsed: for the place of an error, which JSON.parse does not
 * always tell; for depth; and for numbers and strings that JSON.parse would take and change.
 */
import { isUtf8 } from 'node:buffer';
import { ContentError } from './content-error.js';

/** Digits that a whole number may have without being looked at closer. */
const EXACT_DIGITS = 15;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_MAP = 0x7b;
const CLOSE_MAP = 0x7d;
const MINUS = 0x2d;
const ZERO = 0x30;
const POINT = 0x2e;
const LETTER_E = 0x65;
const LETTER_U = 0x75;
const ESCAPES = new Set(Buffer.from('"\\/bfnrtu'));
const LITERALS = ['true', 'false', 'null'];

/** The value of a JSON text with at most so many lists and maps in each other, and values in all. Throws a `ContentError`. */
export function parseJson(bytes: Buffer, maxDepth: number, maxValues = Number.POSITIVE_INFINITY): unknown {
  if (!isUtf8(bytes)) throw new ContentError('it is not UTF-8', firstWrongByte(bytes));
  new Checker(bytes, maxDepth, maxValues).check();
  return JSON.parse(bytes.toString());
}

function firstWrongByte(bytes: Buffer): number {
  const repaired = Buffer.from(bytes.toString());
  return bytes.findIndex((byte, i) => byte !== repaired[i]);
}

class Checker {
  readonly #bytes: Buffer;
  #at = 0;
  #depthLeft: number;
  #valuesLeft: number;

  constructor(bytes: Buffer, maxDepth: number, maxValues: number) {
    this.#bytes = bytes;
    this.#depthLeft = maxDepth;
    this.#valuesLeft = maxValues;
  }

  check(): void {
    this.#value();
    if (this.#next() !== undefined) throw this.#unexpected('the end');
  }

  #value(): void {
    const first = this.#next();
    if (--this.#valuesLeft < 0) throw new ContentError('there are too many values', this.#at);
    if (first === QUOTE) this.#string();
    else if (first === OPEN_MAP) this.#items(CLOSE_MAP, () => this.#entry());
    else if (first === OPEN_LIST) this.#items(CLOSE_LIST, () => this.#value());
    else if (first === MINUS || isDigit(first)) this.#number();
    else this.#literal();
  }

  /** What is in a list or a map, to its end. */
  #items(close: number, item: () => void): void {
    if (--this.#depthLeft < 0) throw new ContentError('lists and maps are too deep in each other', this.#at);
    this.#at++;
    if (this.#next() === close) this.#at++;
    else {
      for (let isLast = false; !isLast; ) {
        item();
        const mark = this.#next();
        if (mark !== COMMA && mark !== close)
          throw this.#unexpected(close === CLOSE_MAP ? '"," or "}"' : '"," or "]"');
        this.#at++;
        isLast = mark === close;
      }
    }
    this.#depthLeft++;
  }

  #entry(): void {
    if (this.#next() !== QUOTE) throw this.#unexpected('a name in double quotes');
    this.#string();
    if (this.#next() !== COLON) throw this.#unexpected('":"');
    this.#at++;
    this.#value();
  }

  #string(): void {
    const bytes = this.#bytes;
    for (this.#at++; ; this.#at++) {
      const byte = bytes[this.#at];
      if (byte === QUOTE) break;
      if (byte === undefined || byte < 0x20) throw this.#unexpected('the end of a string');
      if (byte === BACKSLASH) this.#escape();
    }
    this.#at++;
  }

  /** From a backslash to the last character of its escape. */
  #escape(): void {
    const start = this.#at++;
    const letter = this.#bytes[this.#at];
    if (letter === undefined || !ESCAPES.has(letter)) throw this.#unexpected('an escape such as \\n');
    if (letter !== LETTER_U) return;
    const unit = this.#unit();
    if (unit < 0xd800 || unit > 0xdfff) return;
    const isPair =
      unit < 0xdc00 && this.#bytes[this.#at + 1] === BACKSLASH && this.#bytes[this.#at + 2] === LETTER_U;
    if (isPair) {
      this.#at += 2;
      const second = this.#unit();
      if (second >= 0xdc00 && second <= 0xdfff) return;
    }
    throw new ContentError('half a surrogate pair without the other', start);
  }

  /** The four digits behind `\u`, up to the last one. */
  #unit(): number {
    const start = this.#at + 1;
    this.#at += 4;
    const digits = this.#bytes.toString('latin1', start, start + 4);
    if (!/^[\da-f]{4}$/i.test(digits)) throw new ContentError('an escape \\u without four digits', start);
    return Number.parseInt(digits, 16);
  }

  #number(): void {
    const start = this.#at;
    if (this.#bytes[this.#at] === MINUS) this.#at++;
    const first = this.#at;
    if (this.#bytes[this.#at] === ZERO) this.#at++;
    else this.#digits();
    const digits = this.#at - first;
    let isWhole = true;
    if (this.#bytes[this.#at] === POINT) {
      isWhole = false;
      this.#at++;
      this.#digits();
    }
    if ((this.#bytes[this.#at]! | 0x20) === LETTER_E) {
      isWhole = false;
      this.#at++;
      if (this.#bytes[this.#at] === MINUS || this.#bytes[this.#at] === 0x2b) this.#at++;
      this.#digits();
    }
    if (isWhole && digits <= EXACT_DIGITS) return;
    const value = Number(this.#bytes.toString('latin1', start, this.#at));
    if (isWhole ? Number.isSafeInteger(value) : Number.isFinite(value)) return;
    throw new ContentError('a number too large to be exact (send it as a string, if that will do)', start);
  }

  #digits(): void {
    if (!isDigit(this.#bytes[this.#at])) throw this.#unexpected('a digit');
    while (isDigit(this.#bytes[this.#at])) this.#at++;
  }

  #literal(): void {
    for (const literal of LITERALS) {
      if (this.#bytes.toString('latin1', this.#at, this.#at + literal.length) !== literal) continue;
      this.#at += literal.length;
      return;
    }
    throw this.#unexpected('a value');
  }

  /** The next byte that is no blank; undefined at the end. */
  #next(): number | undefined {
    for (;;) {
      const byte = this.#bytes[this.#at];
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return byte;
      this.#at++;
    }
  }

  #unexpected(wanted: string): ContentError {
    const isEnd = this.#at >= this.#bytes.length;
    return new ContentError(isEnd ? `it ends where ${wanted} should be` : `${wanted} should be`, this.#at);
  }
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= 0x39;
}
