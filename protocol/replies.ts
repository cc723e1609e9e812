/** The shapes of replies: how a command's result is written in RESP, and how the documentation tells it. */

import type { TagValue } from '../src/index.js';
import type { MemberCursor } from '../src/store/member-cursor.js';
import { Query } from '../src/store/query.js';
import type { RespWriter } from './resp/writer.js';

/** Where replies go: a writer, and a way to hand over a reply that is too long to be written at once. */
export interface ReplyTarget {
  readonly out: RespWriter;
  /** Writes the ids of a set as a reply, in slices when there are many. The target closes the cursor. */
  members(cursor: MemberCursor): void;
  /** Calls `write` with the query's result when there is one. Throws what the query throws, if that is at once. */
  later<T>(query: Query<T>, write: (result: T) => void): void;
}

/** A reply's shape, for results of type T. */
export interface Reply<T> {
  /** As docs/commands.md shows it. */
  readonly shape: string;
  write(target: ReplyTarget, result: T): void;
}

/** Bytes or text as a bulk string, `null` as null. */
export type Bulk = string | Uint8Array | null;

function writeBulk(out: RespWriter, value: Bulk): void {
  if (value === null) out.null();
  else if (typeof value === 'string') out.bulkString(value);
  else out.bulkBytes(value);
}

/** `OK`. */
export const ok: Reply<void> = { shape: 'OK', write: ({ out }) => out.simple('OK') };

export const simple: Reply<string> = { shape: 'simple string', write: ({ out }, value) => out.simple(value) };

export const integer: Reply<number> = { shape: 'integer', write: ({ out }, value) => out.integer(value) };

/** 1 or 0. */
export const yesNo: Reply<boolean> = {
  shape: 'integer (1 or 0)',
  write: ({ out }, value) => out.integer(value ? 1 : 0),
};

export const bulk: Reply<Bulk> = {
  shape: 'bulk string or null',
  write: ({ out }, value) => writeBulk(out, value),
};

/** Text for people; marked as such in RESP3. */
export const verbatim: Reply<string> = {
  shape: 'text',
  write: ({ out }, value) => out.verbatim(value, 'txt'),
};

export function array<T>(item: Reply<T>): Reply<readonly T[]> {
  return {
    shape: `array of (${item.shape})`,
    write(target, values) {
      target.out.array(values.length);
      for (const value of values) item.write(target, value);
    },
  };
}

/** As `array`, marked as a set in RESP3. */
export function set<T>(item: Reply<T>): Reply<readonly T[]> {
  return {
    shape: `set of (${item.shape})`,
    write(target, values) {
      target.out.set(values.length);
      for (const value of values) item.write(target, value);
    },
  };
}

/** A map; in RESP2 a flat array of keys and values. */
export function map<T>(item: Reply<T>): Reply<readonly (readonly [string, T])[]> {
  return {
    shape: `map of (${item.shape})`,
    write(target, entries) {
      target.out.map(entries.length);
      for (const [key, value] of entries) {
        target.out.bulkString(key);
        item.write(target, value);
      }
    },
  };
}

/** The shape of one of two replies; the choice is made by the result. */
export function either<A, B>(a: Reply<A>, b: Reply<B>, isA: (value: A | B) => value is A): Reply<A | B> {
  return {
    shape: `${a.shape}, or ${b.shape}`,
    write: (target, value) => (isA(value) ? a.write(target, value) : b.write(target, value as B)),
  };
}

/** All ids of a set, streamed when there are many. */
export const members: Reply<MemberCursor> = {
  shape: 'set of (bulk string)',
  write: (target, cursor) => target.members(cursor),
};

/** The reply to a query that may take long: meanwhile others are served. */
export function later<T>(reply: Reply<T>): Reply<Query<T>> {
  return {
    shape: reply.shape,
    write: (target, query) => target.later(query, (result) => reply.write(target, result)),
  };
}

/** The reply to a result that is there, or to a query for it. */
export function soon<T>(reply: Reply<T>): Reply<T | Query<T>> {
  const waiting = later(reply);
  return {
    shape: reply.shape,
    write: (target, result) =>
      result instanceof Query ? waiting.write(target, result) : reply.write(target, result),
  };
}

/** The reply to something that is put into another form first. */
export function formed<T, U>(reply: Reply<U>, form: (result: T) => U): Reply<T> {
  return { shape: reply.shape, write: (target, result) => reply.write(target, form(result)) };
}

/** The next cursor and a page of items. */
export function page<T>(item: Reply<T>): Reply<{ cursor: string; items: readonly T[] }> {
  const items = array(item);
  return {
    shape: `array of the next cursor (bulk string) and ${items.shape}`,
    write(target, result) {
      target.out.array(2);
      target.out.bulkString(result.cursor);
      items.write(target, result.items);
    },
  };
}

/** A word inside data that is written as a simple string, where Redis does so. */
export interface Status {
  readonly status: string;
}

/** A number that need not be whole: always a double, and a bulk string in RESP2. */
export interface Double {
  readonly double: number;
}

/** Data of any shape: numbers, strings, null, booleans, arrays; a `Map` is a map, a `Set` a set. */
export type Data =
  | number
  | Double
  | Bulk
  | boolean
  | Status
  | readonly Data[]
  | ReadonlyMap<string | number, Data>
  | ReadonlySet<Data>;

/** A reply whose shape depends on the arguments; `shape` says what can come. */
export function data(shape: string): Reply<Data> {
  return { shape, write: ({ out }, value) => writeData(out, value) };
}

function writeData(out: RespWriter, value: Data): void {
  if (typeof value === 'number') {
    if (Number.isInteger(value)) out.integer(value);
    else out.double(value);
  } else if (typeof value === 'boolean') out.boolean(value);
  else if (value === null || typeof value === 'string' || value instanceof Uint8Array) writeBulk(out, value);
  else if (value instanceof Map) {
    out.map(value.size);
    for (const [key, item] of value as ReadonlyMap<string | number, Data>) {
      writeData(out, key);
      writeData(out, item);
    }
  } else if (value instanceof Set) {
    out.set(value.size);
    for (const item of value as ReadonlySet<Data>) writeData(out, item);
  } else if ('status' in value) out.simple(value.status);
  else if ('double' in value) out.double(value.double);
  else {
    const items = value as readonly Data[];
    out.array(items.length);
    for (const item of items) writeData(out, item);
  }
}

/** A tag's value as the text that Redis clients see: `1` for a flag. */
export function valueText(value: TagValue): string {
  return value === true ? '1' : String(value);
}
