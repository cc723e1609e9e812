/**
 * The audience language, read by recursive descent. Keywords in any case:
 *
 *     expression = or
 *     or         = and { ("or" | "|") and }
 *     and        = not { ("and" | "&") not }
 *     not        = ("not" | "!") not | primary
 *     primary    = "(" or ")" | "all" | "none"
 *                | "@" name                                      a saved audience
 *                | "users" "(" id { "," id } ")"
 *                | "at" "least" n "of" "(" or { "," or } ")"     n: 1 to the number of operands
 *                | tag                                           has the tag, whatever its value
 *                | tag ("=" | "!=" | "<" | "<=" | ">" | ">=") value
 *                | tag ["not"] "in" "(" value { "," value } ")"
 *                | tag "between" number "and" number             both ends included
 *     tag, name  = identifier | `back-quoted`
 *     value, id  = identifier | number | "double-quoted" | 'single-quoted'      backslash escapes
 *     identifier = letter or _ , then letters of any script, digits, _ . : / -
 *
 * Names need backquotes for `all`, `none`, `not`, `and`, `or`, `in` and `between`; values and ids need quotes for `and`,
 * `or` and `not` only (`direction = in` and `plan in (all, none)` are clear, `state = or` looks unfinished).
 */
import { type ComparisonOperator, type Expression, MAX_DEPTH, MAX_NODES, MAX_TEXT_BYTES } from './ast.js';
import {
  audienceNameProblem,
  ExpressionError,
  idProblem,
  shown,
  tagNameProblem,
  valueProblem,
} from './expression-error.js';
import { exactNumber, isReservedName, isReservedValue, Lexer, type Token, valueOfNumber } from './lexer.js';

const COMPARISONS = new Set(['=', '!=', '<', '<=', '>', '>=']);
const SIGNS = { and: '&', or: '|' } as const;

/** Signs of control and format: what nobody sees was not meant, so no hint is given how to keep it. */
const INVISIBLE = /[\p{Cc}\p{Cf}]/u;

/** What other languages write, and word processors make of it. */
const INSTEAD_OF_OPERATORS: ReadonlyMap<string, string> = new Map([
  ['==', '='],
  ['===', '='],
  ['!==', '!='],
  ['<>', '!='],
  ['≠', '!='],
  ['=<', '<='],
  ['≤', '<='],
  ['=>', '>='],
  ['≥', '>='],
  ['&&', 'and'],
  ['||', 'or'],
  ['is', '='],
  ['equals', '='],
]);
const INSTEAD_OF_SIGNS: ReadonlyMap<string, string> = new Map([
  ...[...'“”„‟«»'].map((quote) => [quote, '"'] as const),
  ...[...'‘’‚‛´'].map((quote) => [quote, "'"] as const),
  ...[...'−–'].map((minus) => [minus, '-'] as const),
]);

/** What the token before was, as far as a hint depends on it: a bare name or value may have been meant to go on. */
type Before = 'name' | 'value' | 'keyword' | 'other';

/**
 * Reads an expression. Chains of one operator are one node (`a and b and c` has three operands); parentheses keep what is
 * in them a node of its own. A range whose ends are the wrong way round is no error, it is nobody.
 *
 * The depth of a tree is how many operators (`and`, `or`, `not`, at least) lie on the way to its deepest leaf. A text may
 * not make a deeper tree than MAX_DEPTH, and its parentheses, `not` and `at least` may not nest deeper either. What is
 * printed of a tree never nests deeper than the tree, so every tree that `checkExpression` takes can be read back.
 *
 * @throws ExpressionError that says what was expected, where, and what was found
 */
export function parseExpression(text: string): Expression {
  if (Buffer.byteLength(text) > MAX_TEXT_BYTES) {
    const position = positionOfByte(text, MAX_TEXT_BYTES);
    throw new ExpressionError(`text too long at ${position}: ${MAX_TEXT_BYTES} bytes are allowed`, position);
  }
  if (!text.isWellFormed()) {
    const position = text.search(/\p{Cs}/u) + 1;
    throw new ExpressionError(`half of a surrogate pair without the other at ${position}`, position);
  }
  return new Parser(text).parse();
}

/** The position of the character that has the byte after the first `bytes`. */
function positionOfByte(text: string, bytes: number): number {
  let at = 0;
  for (const char of text) {
    bytes -= Buffer.byteLength(char);
    if (bytes < 0) break;
    at += char.length;
  }
  return at + 1;
}

class Parser {
  readonly #source: string;
  readonly #lexer: Lexer;
  #token: Token;
  #tokenBefore: Token | undefined;
  #before: Before = 'other';
  /** How many parentheses, `not` and `at least` are open. */
  #nesting = 0;
  /** Where the parentheses that are open were opened, as positions. */
  readonly #open: number[] = [];
  #nodes = 0;
  /** The depth of the tree that was read last. */
  #depth = 0;

  constructor(source: string) {
    this.#source = source;
    this.#lexer = new Lexer(source);
    this.#token = this.#lexer.next();
  }

  parse(): Expression {
    const expression = this.#chain('or');
    if (this.#token.kind !== 'end') this.#unexpected('`and`, `or` or the end');
    return expression;
  }

  #chain(type: 'and' | 'or'): Expression {
    const start = this.#token;
    const first = type === 'or' ? this.#chain('and') : this.#not();
    if (!this.#takeOperator(type)) return first;
    const operands = [first];
    let depth = this.#depth;
    do {
      operands.push(type === 'or' ? this.#chain('and') : this.#not());
      depth = Math.max(depth, this.#depth);
    } while (this.#takeOperator(type));
    this.#countOperator(depth, start);
    return { type, operands };
  }

  #takeOperator(type: 'and' | 'or'): boolean {
    if (!this.#isWord(type) && !this.#isSymbol(SIGNS[type])) return false;
    this.#advance();
    return true;
  }

  #not(): Expression {
    const start = this.#token;
    if (!this.#isWord('not') && !this.#isSymbol('!')) return this.#primary();
    this.#enter();
    this.#advance();
    const operand = this.#not();
    this.#nesting--;
    this.#countOperator(this.#depth, start);
    return { type: 'not', operand };
  }

  #primary(): Expression {
    const start = this.#token;
    if (this.#isSymbol('(')) return this.#group();
    if (this.#isSymbol('@')) return this.#audience();
    if (start.kind === 'name') return this.#tag(start, 'other');
    if (start.kind !== 'word') this.#unexpected('a condition', this.#hintForCondition());
    const word = start.text.toLowerCase();
    if (word === 'all' || word === 'none') {
      this.#countNode();
      this.#advance('keyword');
      this.#depth = 0;
      return { type: word };
    }
    if (isReservedName(word)) this.#unexpected('a condition', this.#hintForCondition());
    return this.#tag(start, 'name');
  }

  #group(): Expression {
    this.#enter();
    this.#openParenthesis();
    const expression = this.#chain('or');
    this.#closeParenthesis('`and`, `or` or `)`');
    this.#nesting--;
    return expression;
  }

  #audience(): Expression {
    this.#countNode();
    this.#advance();
    const token = this.#token;
    if (token.kind !== 'name' && !(token.kind === 'word' && !isReservedName(token.text))) {
      this.#unexpected("an audience's name", this.#hintForName());
    }
    const name = this.#sound("an audience's name", audienceNameProblem);
    this.#advance(token.kind === 'word' ? 'name' : 'other');
    this.#depth = 0;
    return { type: 'audience', name };
  }

  #users(start: Token): Expression {
    this.#countNode(start);
    const ids = this.#list('`,` or `)`', () => {
      this.#countNode();
      return this.#takeValue('an id', idProblem).text;
    });
    this.#depth = 0;
    return { type: 'users', ids };
  }

  #atLeast(start: Token): Expression {
    this.#enter(start);
    this.#advance();
    const token = this.#token;
    const count = token.kind === 'number' ? Number(token.text) : 0;
    if (!Number.isInteger(count) || count < 1) {
      this.#unexpected('a whole number from 1 on', token.kind === 'text' ? 'numbers have no quotes' : '');
    }
    this.#advance();
    if (!this.#isWord('of')) this.#unexpected('`of`');
    this.#advance();
    let depth = 0;
    const operands = this.#list('`and`, `or`, `,` or `)`', () => {
      const operand = this.#chain('or');
      depth = Math.max(depth, this.#depth);
      return operand;
    });
    if (count > operands.length) {
      const position = token.start + 1;
      const most = `at most ${operands.length}, as many as are listed,`;
      const message = `expected ${most} at ${position}, found ${shown(token.text)}`;
      throw new ExpressionError(message, position);
    }
    this.#nesting--;
    this.#countOperator(depth, start);
    return { type: 'atLeast', count, operands };
  }

  /** What begins with a tag, or with a word that is a keyword only before certain others. */
  #tag(start: Token, before: Before): Expression {
    const tag = this.#sound("a tag's name", tagNameProblem);
    this.#advance(before);
    if (before === 'name') {
      const word = tag.toLowerCase();
      if (word === 'users' && this.#isSymbol('(')) return this.#users(start);
      if (word === 'at' && this.#isWord('least')) return this.#atLeast(start);
    }
    this.#countNode(start);
    this.#depth = 0;
    const { kind, text } = this.#token;
    if (kind === 'symbol' && COMPARISONS.has(text)) {
      this.#advance();
      return { type: 'compare', tag, operator: text as ComparisonOperator, value: this.#value() };
    }
    if (this.#isWord('between')) return this.#between(tag);
    const negated = this.#isWord('not');
    if (negated) {
      this.#advance();
      if (!this.#isWord('in')) this.#unexpected('`in`');
    }
    if (!this.#isWord('in')) return { type: 'has', tag };
    this.#advance();
    const values = this.#list('`,` or `)`', () => {
      this.#countNode();
      return this.#value();
    });
    return { type: 'in', tag, negated, values };
  }

  #between(tag: string): Expression {
    this.#advance();
    const low = this.#number();
    if (!this.#isWord('and')) this.#unexpected('`and`');
    this.#advance();
    return { type: 'between', tag, low, high: this.#number() };
  }

  #number(): number {
    const { kind, text } = this.#token;
    if (kind !== 'number') this.#unexpected('a number', kind === 'text' ? 'numbers have no quotes' : '');
    const number = exactNumber(text);
    if (number === undefined) this.#unexpected('a number of fewer digits');
    this.#advance();
    return number;
  }

  #value(): string | number {
    const { kind, text } = this.#takeValue('a value', valueProblem);
    return kind === 'number' ? valueOfNumber(text) : text;
  }

  #takeValue(expected: string, problemOf: (text: string) => string | undefined): Token {
    const token = this.#token;
    const bare = token.kind === 'number' || (token.kind === 'word' && !isReservedValue(token.text));
    if (!bare && token.kind !== 'text') this.#unexpected(expected, this.#hintForValue());
    this.#sound(expected, problemOf);
    this.#advance(bare ? 'value' : 'other');
    return token;
  }

  /** One item or more between parentheses. */
  #list<T>(afterItem: string, readItem: () => T): T[] {
    if (!this.#isSymbol('(')) this.#unexpected('`(`');
    this.#openParenthesis();
    const items = [readItem()];
    while (this.#isSymbol(',')) {
      this.#advance();
      items.push(readItem());
    }
    this.#closeParenthesis(afterItem);
    return items;
  }

  #openParenthesis(): void {
    this.#open.push(this.#token.start + 1);
    this.#advance();
  }

  #closeParenthesis(expected: string): void {
    const opened = this.#open.pop();
    if (this.#token.kind === 'end') this.#unexpected('`)`', `the \`(\` at ${opened} is not closed`);
    if (!this.#isSymbol(')')) this.#unexpected(expected);
    this.#advance();
  }

  #advance(before: Before = 'other'): void {
    this.#tokenBefore = this.#token;
    this.#before = before;
    this.#token = this.#lexer.next();
  }

  #isSymbol(symbol: string): boolean {
    return this.#token.kind === 'symbol' && this.#token.text === symbol;
  }

  #isWord(word: string): boolean {
    return this.#token.kind === 'word' && this.#token.text.toLowerCase() === word;
  }

  /** The current token's text, if nothing is wrong with it. */
  #sound(expected: string, problemOf: (text: string) => string | undefined): string {
    const { text, start } = this.#token;
    const problem = problemOf(text);
    if (problem === undefined) return text;
    throw new ExpressionError(`expected ${expected} at ${start + 1}: ${problem}`, start + 1);
  }

  /** Goes a level deeper; to be called before what is in it is read, so that the stack is safe. */
  #enter(token = this.#token): void {
    if (++this.#nesting > MAX_DEPTH) throw tooDeep(token);
  }

  /** Counts an operator, given the depth of its deepest operand. */
  #countOperator(depth: number, start: Token): void {
    if (depth >= MAX_DEPTH) throw tooDeep(start);
    this.#depth = depth + 1;
    this.#countNode(start);
  }

  #countNode(token = this.#token): void {
    if (++this.#nodes <= MAX_NODES) return;
    const position = token.start + 1;
    const message = `too large at ${position}: ${MAX_NODES} conditions, operators and listed values are allowed`;
    throw new ExpressionError(message, position);
  }

  /** Says that something else was expected than the current token. */
  #unexpected(expected: string, hint = this.#hintAfterWord()): never {
    const { kind, text, start, end } = this.#token;
    const position = start + 1;
    const source = this.#source.slice(start, end);
    const instead = this.#insteadOf(this.#token);
    if (instead !== undefined) {
      throw new ExpressionError(`write \`${instead}\` instead of ${shown(source)} at ${position}`, position);
    }
    const found = kind === 'end' ? 'the end' : shown(source);
    const note = text === '\ufeff' ? 'a byte order mark' : hint;
    throw new ExpressionError(
      `expected ${expected} at ${position}, found ${found}${note === '' ? '' : ` (${note})`}`,
      position,
    );
  }

  /** What the language has for what the token is elsewhere, if it is that. */
  #insteadOf({ kind, text }: Token): string | undefined {
    const isOperator = kind === 'unknown' || (kind === 'word' && this.#before === 'name');
    const operator = isOperator ? INSTEAD_OF_OPERATORS.get(text.toLowerCase()) : undefined;
    if (operator !== undefined || kind !== 'unknown' || this.#isContinuation()) return operator;
    return INSTEAD_OF_SIGNS.get(text);
  }

  /** Does the current token touch a bare name or value, as in `5%` or `Xi’an`? */
  #isContinuation(): boolean {
    return (
      (this.#before === 'name' || this.#before === 'value') &&
      this.#tokenBefore?.end === this.#token.start &&
      !this.#isSymbol(')') &&
      this.#isVisible()
    );
  }

  /** Is the current token something that a name or a value may hold, once it is quoted? */
  #isVisible(): boolean {
    const { kind, text } = this.#token;
    return kind !== 'end' && !(kind === 'unknown' && INVISIBLE.test(text));
  }

  /** What may be meant if a name, a value or a keyword does not end where a bare one does. */
  #hintAfterWord(): string {
    const { kind } = this.#token;
    if (this.#before === 'keyword') {
      const isTag = kind === 'symbol' || this.#isWord('in') || this.#isWord('between');
      return isTag && !this.#isSymbol(')') ? this.#hintForKeyword(this.#tokenBefore!) : '';
    }
    const isWord = kind === 'word' || kind === 'number' || kind === 'malformed';
    if (this.#before === 'other' || !(this.#isContinuation() || isWord)) return '';
    const inside = this.#isContinuation() ? this.#sign() : 'blanks';
    return this.#before === 'name' ? hintOfName(inside) : hintOfValue(inside);
  }

  #hintForCondition(): string {
    const { kind } = this.#token;
    if (kind === 'text') return 'names go in backquotes, quotes are for values';
    if (kind === 'word') {
      return this.#isWord('in') || this.#isWord('between') ? this.#hintForKeyword(this.#token) : '';
    }
    return this.#hintForName();
  }

  #hintForKeyword(token: Token): string {
    return `a tag named ${shown(token.text)} goes in backquotes`;
  }

  #hintForName(): string {
    const { kind } = this.#token;
    if (kind === 'text') return 'names go in backquotes, quotes are for values';
    if (kind === 'number' || kind === 'malformed')
      return 'a name that begins with a digit goes in backquotes';
    if (kind === 'word') return 'a name that is a keyword goes in backquotes';
    return kind === 'unknown' && this.#isVisible() ? hintOfName(this.#sign()) : '';
  }

  #hintForValue(): string {
    const { kind } = this.#token;
    if (kind === 'name') return 'values go in quotes, backquotes are for names';
    if (kind === 'malformed') return 'not a number; as text it needs quotes';
    if (kind === 'word') return 'a keyword; as text it needs quotes';
    return kind === 'unknown' && this.#isVisible() ? hintOfValue(this.#sign()) : '';
  }

  /** The first character of the current token, for a message. */
  #sign(): string {
    return shown(String.fromCodePoint(this.#source.codePointAt(this.#token.start)!));
  }
}

function hintOfName(inside: string): string {
  return `a name with ${inside} in it goes in backquotes`;
}

function hintOfValue(inside: string): string {
  return `a value with ${inside} in it needs quotes`;
}

function tooDeep(token: Token): ExpressionError {
  const position = token.start + 1;
  return new ExpressionError(`nested too deep at ${position}: ${MAX_DEPTH} levels are allowed`, position);
}
