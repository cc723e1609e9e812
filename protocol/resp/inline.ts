/** Inline commands: a line of words, as a person types it. The rules are those of Redis's sdssplitargs. */

import type { Spans } from './spans.js';

const TAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 32;
const DOUBLE_QUOTE = 34;
const SINGLE_QUOTE = 39;
const BACKSLASH = 92;
const LOWER_X = 120;

/** What a letter behind a backslash means between double quotes; any other stands for itself. */
const ESCAPES = new Map(
  [...'nrtba'].map((letter, i) => [letter.charCodeAt(0), '\n\r\t\b\x07'.charCodeAt(i)]),
);

/**
 * Splits a line in place when it has no quotes.
 *
 * @param start where the line starts in the input
 * @param end where it ends, without its line end
 * @param spans are set to the words
 * @returns how many words there are; -1 when there are quotes
 */
export function splitPlain(input: Uint8Array, start: number, end: number, spans: Spans): number {
  let count = 0;
  let at = start;
  for (;;) {
    while (at < end && isSpace(input[at]!)) at++;
    if (at === end) return count;
    const wordStart = at;
    for (; at < end && !isSeparator(input[at]!); at++) {
      if (isQuote(input[at]!)) return -1;
    }
    spans.put(count++, wordStart, at);
  }
}

/**
 * Splits a line into words and takes quotes and escapes away.
 *
 * @param line the line without its end
 * @returns the words, or undefined when a quote is not closed or has no space behind it
 */
export function splitWords(line: Uint8Array): Uint8Array[] | undefined {
  const words: Uint8Array[] = [];
  const text = new Uint8Array(line.length);
  const end = line.length;
  let size = 0;
  let at = 0;
  for (;;) {
    while (at < end && isSpace(line[at]!)) at++;
    if (at === end) return words;
    const wordStart = size;
    while (at < end && !isSeparator(line[at]!) && !isQuote(line[at]!)) text[size++] = line[at++]!;
    if (at < end && isQuote(line[at]!)) {
      const quote = line[at++]!;
      while (at < end && line[at] !== quote) {
        const unit = readUnit(line, at, quote);
        text[size++] = unit.byte;
        at += unit.length;
      }
      at++;
      if (at > end || (at < end && !isSpace(line[at]!))) return undefined;
    }
    words.push(text.subarray(wordStart, size));
  }
}

/** The byte that the quoted text at `at` stands for, and how many bytes of the line it takes. */
function readUnit(line: Uint8Array, at: number, quote: number): { byte: number; length: number } {
  const next = at + 1 < line.length ? line[at + 1]! : -1;
  if (line[at] !== BACKSLASH || next < 0) return { byte: line[at]!, length: 1 };
  if (quote === SINGLE_QUOTE) {
    return next === SINGLE_QUOTE ? { byte: next, length: 2 } : { byte: BACKSLASH, length: 1 };
  }
  if (next === LOWER_X) {
    const digits = String.fromCharCode(...line.subarray(at + 2, at + 4));
    if (/^[0-9a-f]{2}$/i.test(digits)) return { byte: Number.parseInt(digits, 16), length: 4 };
  }
  return { byte: ESCAPES.get(next) ?? next, length: 2 };
}

/** Whether a byte may stand between words: isspace of C. */
function isSpace(byte: number): boolean {
  return byte === SPACE || (byte >= TAB && byte <= CR);
}

/** Whether a byte ends a word that is not quoted. Vertical tabs and form feeds do not, as in Redis. */
function isSeparator(byte: number): boolean {
  return byte === SPACE || byte === TAB || byte === LF || byte === CR;
}

/** Whether a byte starts a quoted part of a word. */
function isQuote(byte: number): boolean {
  return byte === DOUBLE_QUOTE || byte === SINGLE_QUOTE;
}
