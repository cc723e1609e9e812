/** Bodies that are a tag's whole list: users as everywhere else (user-lists.ts), or each with the value of the tag. */
import { Compile, type Validator } from 'typebox/compile';
import { SegmentdError, type TagValue, type UserId } from '../../src/index.js';
import { MAX_VALUE_BYTES } from '../../src/store/enum-column.js';
import type { Steps } from '../../src/store/steps.js';
import { checkUserId } from '../../src/store/user-key.js';
import type { ListBatch } from '../../src/versions/preparation.js';
import { VALUE_TYPES } from './content.js';
import type { Exchange } from './exchange.js';
import { TagValue as TagValueShape } from './shapes.js';
import {
  bodyValue,
  idOf,
  jsonOf,
  linesOf,
  NDJSON_TYPE,
  onlyEntry,
  placed,
  USER_LIST_BODY,
  type UserList,
  userListOf,
} from './user-lists.js';

/** For `rawBody` of endpoints that take a `TagListBody`; they need `requestHeaders: USER_LIST_HEADERS`, too. */
export const TAG_LIST_BODY = {
  types: USER_LIST_BODY.types,
  description: `${USER_LIST_BODY.description} With values, for enums and numbers: \`{"users": [{"id": "p1", "value": 39}]}\`, in NDJSON \`{"id": "p1", "value": 39}\` a line.`,
};

/** A value of the longest, each byte escaped, with all that may be around it. */
const MAX_LINE_BYTES = 6 * MAX_VALUE_BYTES + 4096;
/** Users in one batch. */
const BATCH = 256;

interface Entry {
  readonly user: UserId;
  readonly value: TagValue;
}

/** A whole list; to be released in the end. */
export interface TagListBody {
  /** Reads all of it. Returns how many users are named. Throws SYNTAX, INVALID_ARGUMENT or INVALID_USER_ID, saying where. */
  check(): Steps<number>;
  /** Once that is done: the list, some hundred users at a time. */
  batches(): Iterable<ListBatch>;
  release(): void;
}

/** The list that the body is; with `value`, all of its users have that one. Throws as `userListOf`. */
export function tagListOf(exchange: Exchange, value: string | undefined): TagListBody {
  const { body, bodyType } = exchange;
  if (value === undefined && bodyType === NDJSON_TYPE && hasValues(body)) {
    return new ValuedList(() => linesOf(body, (line) => entryOf(jsonOf(line, MAX_LINE_BYTES))));
  }
  if (value === undefined && VALUE_TYPES.includes(bodyType)) {
    const users = onlyEntry(bodyValue(body, bodyType), 'users');
    if (Array.isArray(users)) return new ValuedList(() => entriesOf(users));
  }
  return new PlainList(userListOf(exchange), value);
}

/** Entries of a value, `{"id": …, "value": …}` each. Errors say which one. */
export function* entriesOf(users: readonly unknown[]): Iterable<Entry> {
  for (const [i, user] of users.entries()) {
    let entry: Entry;
    try {
      entry = entryOf(user);
    } catch (error) {
      throw placed(error, `the body's /users/${i}`, 0);
    }
    yield entry;
  }
}

/** Entries some hundred at a time. */
export function* batchesOf(entries: Iterable<Entry>): Iterable<ListBatch> {
  let users: UserId[] = [];
  let values: TagValue[] = [];
  for (const { user, value } of entries) {
    users.push(user);
    values.push(value);
    if (users.length < BATCH) continue;
    yield { users, values };
    users = [];
    values = [];
  }
  if (users.length > 0) yield { users, values };
}

class ValuedList implements TagListBody {
  readonly #read: () => Iterable<Entry>;

  constructor(read: () => Iterable<Entry>) {
    this.#read = read;
  }

  *check(): Steps<number> {
    let count = 0;
    for (const { users } of this.batches()) {
      count += users.length;
      yield;
    }
    return count;
  }

  batches(): Iterable<ListBatch> {
    return batchesOf(this.#read());
  }

  release(): void {}
}

class PlainList implements TagListBody {
  readonly #list: UserList;
  readonly #value: string | undefined;

  constructor(list: UserList, value: string | undefined) {
    this.#list = list;
    this.#value = value;
  }

  check(): Steps<number> {
    return this.#list.check();
  }

  *batches(): Iterable<ListBatch> {
    const value = this.#value;
    for (const users of this.#list.batches()) {
      yield value === undefined ? { users } : { users, values: users.map(() => value) };
    }
  }

  release(): void {
    this.#list.release();
  }
}

/** Is the first line an object with a value? Then all must be. */
function hasValues(body: Buffer): boolean {
  const end = body.indexOf(0x0a);
  const line = end < 0 ? body : body.subarray(0, end);
  return line.length <= MAX_LINE_BYTES && line.includes('"value"') && isObject(line);
}

function isObject(line: Buffer): boolean {
  try {
    const value = jsonOf(line, MAX_LINE_BYTES);
    return typeof value === 'object' && value !== null && Object.hasOwn(value, 'value');
  } catch {
    return false;
  }
}

/** Compiled when first needed. */
let validator: Validator<Record<never, never>, typeof TagValueShape> | undefined;

function entryOf(entry: unknown): Entry {
  const isMap = typeof entry === 'object' && entry !== null && !Array.isArray(entry);
  if (isMap && Object.keys(entry).sort().join() === 'id,value') {
    const { id, value } = entry as { id: unknown; value: unknown };
    const user = idOf(id);
    checkUserId(user);
    validator ??= Compile(TagValueShape);
    if (validator.Check(value)) return { user, value };
  }
  throw new SegmentdError('INVALID_ARGUMENT', 'it is not as it should be: {"id": "…", "value": …}');
}
