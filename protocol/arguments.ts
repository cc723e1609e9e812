/**
 * What a command's arguments are: small parsers that are put together in a command's declaration, and from which its arity,
 * its keys and its documentation are made.
 */
import { isUtf8 } from 'node:buffer';
import { SegmentdError } from '../src/errors.js';
import { compileGlob } from '../src/glob.js';
import type { Keyspace, SetKeyName, TagKeyName } from './keyspace.js';

/** One argument as COMMAND DOCS and docs/commands.md tell it. */
export interface ArgumentDoc {
  readonly name: string;
  readonly type: 'key' | 'string' | 'integer' | 'double' | 'pattern' | 'pure-token' | 'oneof' | 'block';
  readonly token?: string;
  readonly optional?: boolean;
  readonly multiple?: boolean;
  readonly arguments?: readonly ArgumentDoc[];
}

/** A parser of one or more words of a command. */
export interface Argument<T> {
  /** Fewest words it takes. */
  readonly min: number;
  /** Most words it takes. */
  readonly max: number;
  /** Its documentation, given the name under which it stands in the declaration. */
  doc(name: string): ArgumentDoc;
  parse(words: Words): T;
}

/** The arguments of a command, by name, in their order. */
export type Arguments = Readonly<Record<string, Argument<unknown>>>;
export type ParsedArguments<A extends Arguments> = {
  readonly [K in keyof A]: A[K] extends Argument<infer T> ? T : never;
};

/** The words of one command, read in order. */
export class Words {
  readonly keyspace: Keyspace;
  readonly #words: readonly Buffer[];
  #at: number;

  /** `words` are copies, and the first `skip` of them (the command's name) are not arguments. */
  constructor(words: readonly Buffer[], skip: number, keyspace: Keyspace) {
    this.#words = words;
    this.#at = skip;
    this.keyspace = keyspace;
  }

  get left(): number {
    return this.#words.length - this.#at;
  }

  peek(): Buffer | undefined {
    return this.#words[this.#at];
  }

  /** Are the last two words this token, in any case, and digits? */
  endsWithNumber(token: string): boolean {
    const [name, number] = this.left < 2 ? [] : this.#words.slice(-2);
    if (name === undefined || !isToken(name, token)) return false;
    return /^\d+$/.test(number!.toString('latin1'));
  }

  next(): Buffer {
    const word = this.#words[this.#at++];
    if (word === undefined) throw syntaxError();
    return word;
  }

  /** Takes the next word if it is this token, in any case. */
  takeToken(token: string): boolean {
    const word = this.peek();
    if (word === undefined || !isToken(word, token)) return false;
    this.#at++;
    return true;
  }
}

function isToken(word: Buffer, token: string): boolean {
  return word.length === token.length && word.toString('latin1').toUpperCase() === token;
}

export function syntaxError(): SegmentdError {
  return new SegmentdError('SYNTAX', 'syntax error');
}

function one<T>(type: ArgumentDoc['type'], parse: (words: Words) => T): Argument<T> {
  return { min: 1, max: 1, doc: (name) => ({ name, type }), parse };
}

/** A key that names a user; gives the id. */
export function userKey(): Argument<Uint8Array> {
  return one('key', (words) => words.keyspace.userId(words.next()));
}

/** A key that names a tag, or one value of it; for commands that change it. */
export function tagKey(): Argument<TagKeyName> {
  return one('key', (words) => words.keyspace.tag(words.next()));
}

/** A key that names a set: a tag, one value of it, or an audience. */
export function setKey(): Argument<SetKeyName> {
  return one('key', (words) => words.keyspace.set(words.next()));
}

/** A key of any kind, as its bytes. */
export function anyKey(): Argument<Uint8Array> {
  return one('key', (words) => words.next());
}

/** Any bytes. */
export function bytes(): Argument<Buffer> {
  return one('string', (words) => words.next());
}

/** Text; must be UTF-8. `what` is what such texts are called. */
export function text(what?: string): Argument<string> {
  return one('string', (words) => textOf(words.next(), what));
}

/** A glob pattern, as in KEYS. */
export function pattern(): Argument<string> {
  return one('pattern', (words) => words.next().toString());
}

/** Does the pattern match a key, a field or a member? */
export type Matcher = (subject: Buffer | string) => boolean;

/** A glob pattern that is matched by bytes, as Redis does. */
export function bytePattern(): Argument<Matcher> {
  return one('pattern', (words) => {
    const glob = compileGlob(words.next().toString('latin1'));
    return (subject) =>
      glob.test((typeof subject === 'string' ? Buffer.from(subject) : subject).toString('latin1'));
  });
}

/** A word as UTF-8 text. Throws INVALID_ARGUMENT for anything else. */
export function textOf(word: Buffer, what = 'names and values of tags'): string {
  if (isUtf8(word)) return word.toString();
  const shown = JSON.stringify(word.subarray(0, 32).toString('latin1'));
  throw new SegmentdError('INVALID_ARGUMENT', `${shown} is not UTF-8; ${what} must be`);
}

/** A whole number, by default any that is exact (±2^53). With `message`, anything else gets that error. */
export function integer(
  min = Number.MIN_SAFE_INTEGER,
  max = Number.MAX_SAFE_INTEGER,
  message?: string,
): Argument<number> {
  return one('integer', (words) => {
    let value: number;
    try {
      value = integerOf(words.next());
    } catch (error) {
      throw message === undefined ? error : new SegmentdError('NOT_AN_INTEGER', message);
    }
    if (value >= min && value <= max) return value;
    // The grammar is Redis's.
    const range = `value is out of range, value must between ${min} and ${max}`;
    throw new SegmentdError('OUT_OF_RANGE', message ?? range);
  });
}

/** The most that may be picked with repetition: what one reply holds. */
const MAX_PICKS = 1_000_000;

/** How many random items: so many different ones or, negative, so many that may repeat. */
export function randomCount(): Argument<number> {
  return integer(-MAX_PICKS);
}

/** How many keys or members a page is to have; as in Redis, less than one is a syntax error. */
export function pageSize(): Argument<number> {
  const any = integer();
  return {
    ...any,
    parse(words) {
      const size = any.parse(words);
      if (size < 1) throw syntaxError();
      return size;
    },
  };
}

/** The cursor of a SCAN command: what the last page gave, or 0. */
export function cursor(): Argument<number> {
  return one('string', (words) => {
    const text = words.next().toString('latin1');
    const value = /^\d{0,20}$/.test(text) ? Number(text) : Number.POSITIVE_INFINITY;
    if (value < 2 ** 64) return value;
    throw new SegmentdError('INVALID_ARGUMENT', 'invalid cursor');
  });
}

/** A word as a whole number. Throws NOT_AN_INTEGER in Redis's words, also where the number would not be exact. */
export function integerOf(word: Buffer): number {
  const digits = word.length <= 20 ? word.toString('latin1') : '';
  const value = /^(0|-?[1-9]\d*)$/.test(digits) ? Number(digits) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  throw new SegmentdError('NOT_AN_INTEGER', 'value is not an integer or out of range');
}

/** One of some words, in any case; gives it in lower case. */
export function oneOf<const W extends readonly string[]>(...choices: W): Argument<W[number]> {
  return {
    min: 1,
    max: 1,
    doc: (name) => ({
      name,
      type: 'oneof',
      arguments: choices.map((choice) => ({ name: choice, type: 'pure-token', token: choice.toUpperCase() })),
    }),
    parse(words) {
      for (const choice of choices) if (words.takeToken(choice.toUpperCase())) return choice;
      throw syntaxError();
    },
  };
}

/** A name in a declaration as the documentation writes it: `maxAge` as `max-age`. */
export function nameInDocs(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** One or more of the same, documented by the name of one: `keys` as `key`. Must stand last, or before arguments that all have a fixed number of words. */
export function many<T>(argument: Argument<T>, keepBehind = 0): Argument<T[]> {
  return {
    min: argument.min,
    max: Number.POSITIVE_INFINITY,
    doc: (name) => ({ ...argument.doc(name.replace(/s$/, '')), multiple: true }),
    parse(words) {
      const values: T[] = [];
      while (words.left > keepBehind) values.push(argument.parse(words));
      return values;
    },
  };
}

/** As `many`, in front of options of which only `TOKEN number` can be told from them: where these are the last two words. */
export function manyBefore<T>(token: string, argument: Argument<T>): Argument<T[]> {
  const list = many(argument);
  return {
    ...list,
    parse(words) {
      const { parse } = many(argument, words.endsWithNumber(token) ? 2 : 0);
      const values = parse(words);
      if (values.length === 0) throw new WrongArity();
      return values;
    },
  };
}

/** A number, and then so many of the same. */
export function counted<T>(argument: Argument<T>): Argument<T[]> {
  const size = integer(0);
  return {
    min: 1,
    max: Number.POSITIVE_INFINITY,
    doc: (name) => ({
      name,
      type: 'block',
      arguments: [
        { name: 'count', type: 'integer' },
        { ...argument.doc(name.replace(/s$/, '')), multiple: true, optional: true },
      ],
    }),
    parse(words) {
      const count = size.parse(words);
      if (count > words.left) throw syntaxError();
      return Array.from({ length: count }, () => argument.parse(words));
    },
  };
}

/** Two or more arguments that repeat together. */
export function block<A extends Arguments>(parts: A): Argument<ParsedArguments<A>> {
  const list = Object.entries(parts);
  const min = list.reduce((sum, [, part]) => sum + part.min, 0);
  return {
    min,
    max: list.reduce((sum, [, part]) => sum + part.max, 0),
    doc: (name) => ({ name, type: 'block', arguments: list.map(([key, part]) => part.doc(nameInDocs(key))) }),
    parse(words) {
      if (words.left < min) throw new WrongArity();
      return Object.fromEntries(list.map(([key, part]) => [key, part.parse(words)])) as ParsedArguments<A>;
    },
  };
}

/** May be left out when it would be last. As in Redis, a command with such an argument takes any number of words. */
export function optional<T>(argument: Argument<T>): Argument<T | undefined> {
  return {
    min: 0,
    max: Number.POSITIVE_INFINITY,
    doc: (name) => ({ ...argument.doc(name), optional: true }),
    parse: (words) => (words.left === 0 ? undefined : argument.parse(words)),
  };
}

/** A number of keys, and then so many keys. */
export function numberedKeys(): Argument<SetKeyName[]> {
  const key = setKey();
  return {
    min: 2,
    max: Number.POSITIVE_INFINITY,
    doc: (name) => ({
      name,
      type: 'block',
      arguments: [
        { name: 'numkeys', type: 'integer' },
        { ...key.doc('key'), multiple: true },
      ],
    }),
    parse(words) {
      const count = numberOfKeys(words.next());
      if (count > words.left) {
        throw new SegmentdError('SYNTAX', "Number of keys can't be greater than number of args");
      }
      return Array.from({ length: count }, () => key.parse(words));
    },
  };
}

function numberOfKeys(word: Buffer): number {
  try {
    const count = integerOf(word);
    if (count > 0) return count;
  } catch {
    // The same error below.
  }
  throw new SegmentdError('OUT_OF_RANGE', 'numkeys should be greater than 0');
}

/** An option made of a word and a value, as `COUNT 10`; or of the word alone. */
export interface Option<T> {
  readonly token: string;
  readonly argument?: Argument<T>;
}

export function option<T>(token: string, argument: Argument<T>): Option<T> {
  return { token, argument };
}

export function token(word: string): Option<true> {
  return { token: word };
}

/**
 * Options in any order; of one that is given twice, the last counts. The last argument of a command. Words that are none of
 * them get the error that `refuse` makes, as in Redis, where a command with options takes any number of words.
 */
export function options<O extends Readonly<Record<string, Option<unknown>>>>(
  choices: O,
  refuse: (word: string) => SegmentdError = syntaxError,
): Argument<{ readonly [K in keyof O]?: O[K] extends Option<infer T> ? T : never }> {
  const list = Object.entries(choices);
  return {
    min: 0,
    max: Number.POSITIVE_INFINITY,
    doc: (name) => ({
      name,
      type: 'block',
      optional: true,
      arguments: list.map(([key, { token: word, argument }]) => ({
        ...(argument?.doc(nameInDocs(key)) ?? { name: nameInDocs(key), type: 'pure-token' }),
        token: word,
        optional: true,
      })),
    }),
    parse(words) {
      const found: Record<string, unknown> = {};
      while (words.left > 0) {
        const word = words.peek()!.toString('utf8', 0, 128);
        const hit = list.find(([, choice]) => words.takeToken(choice.token));
        if (hit === undefined) throw refuse(word);
        const [key, { argument }] = hit;
        if (words.left < (argument?.min ?? 0)) throw refuse(word);
        found[key] = argument === undefined ? true : argument.parse(words);
      }
      return found as { [K in keyof O]?: O[K] extends Option<infer T> ? T : never };
    },
  };
}

/** Stands last where words too many are a syntax error, not a wrong number of arguments. */
export function noMore(): Argument<unknown> {
  return options({});
}

/** Thrown where the number of words turns out wrong behind a repetition; the caller knows the command's name. */
export class WrongArity extends Error {}
