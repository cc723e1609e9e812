/** What is behind a URL's question mark: parameters, each of which the route knows. */
import { SegmentdError } from '../../src/index.js';
import { decodeBytes, decodeText, isPlain } from './percent.js';

const WHOLE_NUMBER = /^-?\d{1,16}$/;
const YES = ['', '1', 'true', 'yes'];
const NO = ['0', 'false', 'no'];
const LIST_MARK = ',';

/** Query strings of one route that are remembered, and the characters of one. */
const MAX_KNOWN = 256;
const MAX_KNOWN_LENGTH = 4096;

/** The query strings of one route, read once: clients ask the same of one user after the other. */
export class KnownQueries {
  readonly #names: readonly string[];
  /** By their text; the oldest first. */
  readonly #known = new Map<string, QueryParameters>();
  #last: QueryParameters | undefined;
  #lastText = '';

  /** `names`: the parameters that the route knows. */
  constructor(names: readonly string[]) {
    this.#names = names;
  }

  /** What a query string says; the same object for the same text, most of the time. Throws as `QueryParameters`. */
  of(text: string): QueryParameters {
    if (text !== this.#lastText || this.#last === undefined) {
      this.#last = this.#known.get(text) ?? this.#read(text);
      this.#lastText = text;
    }
    return this.#last;
  }

  #read(text: string): QueryParameters {
    const query = new QueryParameters(text, this.#names);
    if (text.length <= MAX_KNOWN_LENGTH) {
      if (this.#known.size === MAX_KNOWN) this.#known.delete(this.#known.keys().next().value!);
      this.#known.set(text, query);
    }
    return query;
  }
}

export class QueryParameters {
  /** Values as they were sent, by name. */
  readonly #values = new Map<string, string[]>();
  #read: unknown;

  /** Reads `a=1&b=x%20y&b=z`. Throws INVALID_ARGUMENT for a name that is not `known`, SYNTAX for wrong encoding. */
  constructor(query: string, known: readonly string[]) {
    for (let at = 0; at < query.length; ) {
      const next = query.indexOf('&', at);
      const end = next < 0 ? query.length : next;
      if (end > at) this.#add(query.slice(at, end), known);
      at = end + 1;
    }
  }

  #add(pair: string, known: readonly string[]): void {
    const mark = pair.indexOf('=');
    const name = decodeText(mark < 0 ? pair : pair.slice(0, mark), "a parameter's name", true);
    if (!known.includes(name)) {
      const knows = known.length === 0 ? 'none' : known.join(', ');
      const message = `there is no parameter ${JSON.stringify(name)} here; known are: ${knows}`;
      throw new SegmentdError('INVALID_ARGUMENT', message);
    }
    const value = mark < 0 ? '' : pair.slice(mark + 1);
    if (!isPlain(value, true)) decodeBytes(value, nameOf(name), true); // Wrong encoding is told whoever reads it.
    const values = this.#values.get(name);
    if (values === undefined) this.#values.set(name, [value]);
    else values.push(value);
  }

  /** What the route's own `read` makes of it: read once, and the same object from then on, which nobody changes. */
  once<T extends object>(read: (query: QueryParameters) => T): T {
    this.#read ??= read(this);
    return this.#read as T;
  }

  /** Was it given, be it empty? */
  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** Text; undefined when it was not given. Throws INVALID_ARGUMENT when it was given twice. */
  text(name: string): string | undefined {
    const value = this.#one(name);
    return value === undefined ? undefined : decodeText(value, nameOf(name), true);
  }

  /** Bytes, for an id; undefined when it was not given. Throws INVALID_ARGUMENT when it was given twice. */
  bytes(name: string): Buffer | undefined {
    const value = this.#one(name);
    return value === undefined ? undefined : decodeBytes(value, nameOf(name), true);
  }

  /** The elements of `a,b,c`, of all times that it was given; a comma in an element is written as %2C. */
  list(name: string): string[] {
    return this.#elements(name).map((element) => decodeText(element, nameOf(name), true));
  }

  /** The same as bytes, for ids. */
  byteList(name: string): Buffer[] {
    return this.#elements(name).map((element) => decodeBytes(element, nameOf(name), true));
  }

  /** A whole number. Throws INVALID_ARGUMENT for anything else or what is out of its range. */
  integer(name: string, least: number, most: number): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = WHOLE_NUMBER.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw new SegmentdError(
      'INVALID_ARGUMENT',
      `${nameOf(name)} must be a whole number from ${least} to ${most}`,
    );
  }

  /** Yes or no; `?name` alone means yes, without it it is no. Throws INVALID_ARGUMENT for anything else. */
  flag(name: string): boolean {
    const text = this.text(name);
    if (text === undefined || NO.includes(text)) return false;
    if (YES.includes(text)) return true;
    throw new SegmentdError('INVALID_ARGUMENT', `${nameOf(name)} must be yes or no`);
  }

  #one(name: string): string | undefined {
    const values = this.#values.get(name);
    if (values === undefined || values.length === 1) return values?.[0];
    throw new SegmentdError(
      'INVALID_ARGUMENT',
      `${nameOf(name)} was given ${values.length} times: give it once`,
    );
  }

  #elements(name: string): string[] {
    const values = this.#values.get(name) ?? [];
    return values.flatMap((value) => (value === '' ? [] : value.split(LIST_MARK)));
  }
}

function nameOf(name: string): string {
  return `the parameter ${JSON.stringify(name)}`;
}
