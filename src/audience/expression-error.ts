/** What can be wrong with an expression, and how it is said: the same for text that is parsed and trees that are checked. */
import { SegmentdError } from '../errors.js';
import { MAX_VALUE_BYTES } from '../store/enum-column.js';
import { checkTagName } from '../store/tag-catalog.js';
import { MAX_ID_BYTES } from '../store/user-key.js';

/** The longest name of a saved audience, in bytes of UTF-8. */
export const MAX_AUDIENCE_NAME_BYTES = 255;

/** The most of a piece of text that a message shows, in UTF-16 units. */
const SHOWN = 40;

/** An expression that cannot be read (INVALID_EXPRESSION). */
export class ExpressionError extends SegmentdError {
  /**
   * Where in the text it went wrong: 1 is the first character, the end is one more than the length. Counted in UTF-16
   * units, as JavaScript counts. Undefined when the expression came as a tree: then the message names the path.
   */
  readonly position: number | undefined;

  constructor(message: string, position?: number) {
    super('INVALID_EXPRESSION', message);
    this.position = position;
  }
}

/** Text from outside for a message, between backquotes: cut if it is long, and with nothing that cannot be seen. */
export function shown(text: string): string {
  const start = text.length <= SHOWN ? text : `${text.slice(0, SHOWN).replace(/[\ud800-\udbff]$/, '')}...`;
  const visible = start.replace(/^\p{M}|[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, escapeCharacter);
  return visible.startsWith('`') ? visible : `\`${visible}\``;
}

/** A character as an escape: `\n` and the like if it has one, else by its number. */
export function escapeCharacter(char: string): string {
  if (char === '\n') return '\\n';
  if (char === '\t') return '\\t';
  if (char === '\r') return '\\r';
  const code = char.codePointAt(0)!.toString(16);
  return code.length > 4 ? `\\u{${code}}` : `\\u${code.padStart(4, '0')}`;
}

/** Is it a control character: one that names must not have, and that quotes hold by an escape only? */
export function isControl(code: number): boolean {
  return code < 0x20 || code === 0x7f;
}

/** What is wrong with a tag's name; undefined if nothing is. */
export function tagNameProblem(name: string): string | undefined {
  try {
    checkTagName(name);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** What is wrong with a saved audience's name; undefined if nothing is. */
export function audienceNameProblem(name: string): string | undefined {
  const problem = lengthProblem("an audience's name", name, 1, MAX_AUDIENCE_NAME_BYTES);
  if (problem !== undefined) return problem;
  for (let i = 0; i < name.length; i++) {
    if (name[i] === '`' || isControl(name.charCodeAt(i))) {
      return "an audience's name has no backquotes and no control characters";
    }
  }
  return undefined;
}

/** What is wrong with a user's id; undefined if nothing is. */
export function idProblem(id: string): string | undefined {
  return lengthProblem('an id', id, 1, MAX_ID_BYTES);
}

/** What is wrong with a tag's value; undefined if nothing is. */
export function valueProblem(value: string): string | undefined {
  return lengthProblem('a value', value, 0, MAX_VALUE_BYTES);
}

function lengthProblem(what: string, text: string, min: number, max: number): string | undefined {
  if (!text.isWellFormed()) return `${what} has no half of a surrogate pair without the other`;
  const bytes = Buffer.byteLength(text);
  if (bytes >= min && bytes <= max) return undefined;
  return `${what} has ${min} to ${max} bytes, this one has ${bytes}`;
}
