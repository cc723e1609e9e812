/** The words of the audience language: text is cut into tokens, and names and values know whether they can stand bare. */
import { ExpressionError, escapeCharacter, isControl, shown } from './expression-error.js';

/**
 * - `word`: an identifier or a keyword, which of them is for the parser to say
 * - `name`: back-quoted; `text`: quoted
 * - `number`: a sign, digits and a fraction; `malformed` begins like one and goes on otherwise (`2024-01-31`)
 * - `symbol`: an operator, bracket or comma
 * - `unknown`: what the language does not have (`==`, `%`), for the parser to say what was expected instead
 */
export type TokenKind = 'word' | 'name' | 'text' | 'number' | 'malformed' | 'symbol' | 'unknown' | 'end';

export interface Token {
  readonly kind: TokenKind;
  /** What the token stands for: as written, but for quotes and escapes. */
  readonly text: string;
  /** Where it starts and ends (exclusive) in the source. */
  readonly start: number;
  readonly end: number;
}

const BLANKS = /[\t\n\r\p{Z}]*/uy;
/** A combining mark joins what is before it, so a word does not begin with one: `=` and a stroke would look like `≠`. */
const WORD = /[\p{L}_][\p{L}\p{M}\p{N}_.:/-]*/uy;
const NUMERIC = /[+-]?\.?[0-9][\p{L}\p{M}\p{N}_.:/-]*/uy;
const OPERATOR = /===?|!==|&&|\|\||<>|=<|=>|!=|<=|>=|[()=<>,&|!@]/y;
const SYMBOLS = new Set(['(', ')', ',', '@', '&', '|', '!', '=', '!=', '<', '<=', '>', '>=']);
const WHOLE_WORD = new RegExp(`^${WORD.source}$`, 'u');
const NUMBER = /^[+-]?[0-9]+(\.[0-9]+)?$/;
const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\',
  '"': '"',
  "'": "'",
  n: '\n',
  t: '\t',
  r: '\r',
};

const RESERVED_NAMES = new Set(['all', 'none', 'not', 'and', 'or', 'in', 'between']);
const RESERVED_VALUES = new Set(['and', 'or', 'not']);

/** Cuts well-formed text into tokens, one at a time, so that the first thing that is wrong is what is reported. */
export class Lexer {
  readonly #source: string;
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  /** The next token; at the end of the text `end`, again and again. */
  next(): Token {
    const source = this.#source;
    this.#at = endOf(BLANKS, source, this.#at);
    const start = this.#at;
    if (start === source.length) return this.#token('end', start, start);
    const char = source[start]!;
    if (char === '"' || char === "'") return this.#quoted(start, char);
    if (char === '`') return this.#backquoted(start);
    let end = endOf(WORD, source, start);
    if (end > start) return this.#token('word', start, end);
    end = endOf(NUMERIC, source, start);
    if (end > start)
      return this.#token(isNumber(source.slice(start, end)) ? 'number' : 'malformed', start, end);
    end = endOf(OPERATOR, source, start);
    if (end > start)
      return this.#token(SYMBOLS.has(source.slice(start, end)) ? 'symbol' : 'unknown', start, end);
    return this.#token('unknown', start, start + String.fromCodePoint(source.codePointAt(start)!).length);
  }

  #token(kind: TokenKind, start: number, end: number, text = this.#source.slice(start, end)): Token {
    this.#at = end;
    return { kind, text, start, end };
  }

  #backquoted(start: number): Token {
    const end = this.#source.indexOf('`', start + 1);
    if (end < 0) throw new ExpressionError(`the backquote at ${start + 1} is never closed`, start + 1);
    for (let at = start + 1; at < end; at++) {
      if (!isControl(this.#source.charCodeAt(at))) continue;
      throw new ExpressionError(
        `control character ${shown(this.#source[at]!)} in a name at ${at + 1}`,
        at + 1,
      );
    }
    return this.#token('name', start, end + 1, this.#source.slice(start + 1, end));
  }

  #quoted(start: number, quote: string): Token {
    const source = this.#source;
    let text = '';
    let from = start + 1;
    let at = from;
    while (at < source.length) {
      const char = source[at]!;
      if (char === quote) return this.#token('text', start, at + 1, text + source.slice(from, at));
      if (char === '\\' && at + 1 < source.length) {
        const escaped = this.#escaped(at);
        text += source.slice(from, at) + escaped.text;
        at = escaped.end;
        from = at;
      } else if (isControl(char.charCodeAt(0))) {
        const message = `control character in quotes at ${at + 1}: write it as \`${escapeCharacter(char)}\``;
        throw new ExpressionError(message, at + 1);
      } else at++;
    }
    throw new ExpressionError(`the quote at ${start + 1} is never closed`, start + 1);
  }

  /** What the escape at `at` stands for, and where it ends. A surrogate pair is two escapes, read together. */
  #escaped(at: number): { text: string; end: number } {
    const letter = String.fromCodePoint(this.#source.codePointAt(at + 1)!);
    if (letter !== 'u') {
      const text = ESCAPES[letter];
      if (text !== undefined) return { text, end: at + 2 };
      const message = `unknown escape ${shown(`\\${letter}`)} at ${at + 1}; a backslash is written \`\\\\\``;
      throw new ExpressionError(message, at + 1);
    }
    const unit = this.#unit(at);
    if (unit === undefined) {
      throw new ExpressionError(`expected four hexadecimal digits after \`\\u\` at ${at + 1}`, at + 1);
    }
    if (unit.isWellFormed()) return { text: unit, end: at + 6 };
    const pair = unit + (this.#unit(at + 6) ?? '');
    if (pair.isWellFormed()) return { text: pair, end: at + 12 };
    const message = `half of a surrogate pair without the other at ${at + 1}`;
    throw new ExpressionError(message, at + 1);
  }

  /** The UTF-16 unit that `\uXXXX` at `at` stands for, if there is one. */
  #unit(at: number): string | undefined {
    const match = /^\\u([0-9a-fA-F]{4})$/.exec(this.#source.slice(at, at + 6));
    return match === null ? undefined : String.fromCharCode(Number.parseInt(match[1]!, 16));
  }
}

function endOf(pattern: RegExp, source: string, start: number): number {
  pattern.lastIndex = start;
  return pattern.test(source) ? pattern.lastIndex : start;
}

/** Can the text stand for a tag or an audience as it is, without backquotes? */
export function isBareName(text: string): boolean {
  return WHOLE_WORD.test(text) && !isReservedName(text);
}

/** Can the text stand for an id as it is, without quotes? What looks like a number is text there. */
export function isBareId(text: string): boolean {
  return isNumber(text) || (WHOLE_WORD.test(text) && !isReservedValue(text));
}

/** Can the text stand for a value as it is, and is read as this very text and not as a number? */
export function isBareValue(text: string): boolean {
  return isBareId(text) && !(isNumber(text) && valueOfNumber(text) !== text);
}

/** Is the word, in whatever case, one that names need backquotes for? */
export function isReservedName(word: string): boolean {
  return RESERVED_NAMES.has(word.toLowerCase());
}

/** Is the word, in whatever case, one that values need quotes for? */
export function isReservedValue(word: string): boolean {
  return RESERVED_VALUES.has(word.toLowerCase());
}

/** Is the text a number as the language writes it? */
export function isNumber(text: string): boolean {
  return NUMBER.test(text);
}

/**
 * What a bare number is as a value: a number if it is written as `formatNumber` writes it, else its text as it is. So
 * nothing is lost that could be told apart in a tag of text: `007`, `1.50`, or 30 digits.
 */
export function valueOfNumber(text: string): string | number {
  const value = Number(text);
  return formatNumber(value) === text ? value : text;
}

/** The number that a text stands for, whatever zeros surround it; undefined if digits would be lost. */
export function exactNumber(text: string): number | undefined {
  const value = Number(text) + 0;
  let start = text[0] === '+' || text[0] === '-' ? 1 : 0;
  let end = text.length;
  while (text[start] === '0' && start + 1 < end && text[start + 1] !== '.') start++;
  if (text.includes('.')) {
    while (text[end - 1] === '0') end--;
    if (text[end - 1] === '.') end--;
  }
  return formatNumber(Math.abs(value)) === text.slice(start, end) ? value : undefined;
}

/** A finite number in decimal digits, never with an exponent: the shortest that reads back as the same number. */
export function formatNumber(value: number): string {
  const text = String(value);
  const match = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(text);
  if (match === null) return text;
  const [, sign = '', whole = '', fraction = '', exponent] = match;
  const point = 1 + Number(exponent);
  // JavaScript writes exponents below 1e-6 and from 1e21 on, where 17 digits at most leave no fraction.
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${whole}${fraction}`;
  return sign + (whole + fraction).padEnd(point, '0');
}
