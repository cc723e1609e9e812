/**
 * Bodies of ids, in each of the forms that they are taken in. They are read twice, in turns with all other work: once to see
 * that all of it can be read, so that one that is wrong further on changes nothing; and once more, a batch at a time.
 */
import { Compile, type Validator } from 'typebox/compile';
import { SegmentdError, type UserId } from '../../src/index.js';
import type { Departures } from '../../src/store/departures.js';
import type { SegmentStore } from '../../src/store/segment-store.js';
import type { Steps } from '../../src/store/steps.js';
import { checkUserId } from '../../src/store/user-key.js';
import { decodeValue, VALUE_TYPES } from './content.js';
import { ContentError } from './content-error.js';
import type { Exchange } from './exchange.js';
import { parseJson } from './json.js';
import { CONTAINER_SIZE, PortableBitmap } from './portable-bitmap.js';
import { Id, userIdOf } from './shapes.js';

export const NDJSON_TYPE = 'application/x-ndjson';
export const LINES_TYPE = 'text/plain';
export const ROARING_TYPE = 'application/vnd.roaring';
/** Tells what the ordinals of a roaring body mean: `SegmentStore.ordinalEpoch`. */
export const ORDINALS_HEADER = 'segmentd-ordinals';

/** For `rawBody` of endpoints that take a `UserList`; they need `requestHeaders: USER_LIST_HEADERS`, too. */
export const USER_LIST_BODY = {
  types: [...VALUE_TYPES, NDJSON_TYPE, LINES_TYPE, ROARING_TYPE],
  description:
    'Ids of users. JSON or MessagePack: `{"ids": ["p1", {"base64": "…"}]}`, up to 1 MiB. NDJSON: `"p1"` or `{"id": "p1"}` a line. Plain text: a line is an id, byte by byte; lines end with LF or CRLF. Roaring: a bitmap of ordinals in the portable format, made of what this server has given.',
};
export const USER_LIST_HEADERS = {
  [ORDINALS_HEADER]: 'With a roaring body: the header of this name that came with the ordinals.',
};

/** Values are read whole, in one turn. */
const MAX_VALUE_BYTES = 2 ** 20;
const MAX_VALUE_DEPTH = 3;
/** Longer than an id of 255 bytes, each escaped, with all that may be around it. */
const MAX_JSON_LINE_BYTES = 4096;
/** Users in one mutation: less than a millisecond's work. */
const BATCH = 256;
const LF = 0x0a;
const CR = 0x0d;

/** Compiled when first needed. */
let idValidator: Validator<Record<never, never>, typeof Id> | undefined;

/** Users that a body names, in its order; who is named twice is there twice. */
export interface UserList {
  /** Reads all of it. Returns how many users are named. Throws SYNTAX, INVALID_ARGUMENT or INVALID_USER_ID, saying where. */
  check(): Steps<number>;
  /** Once that is done: the users, at most some hundreds at a time. */
  batches(): Iterable<readonly UserId[]>;
  /** Lets go of what is held. */
  release(): void;
}

/**
 * The users that the body names; to be released in the end. Throws what is wrong with it as a whole: SYNTAX,
 * INVALID_ARGUMENT, BODY_TOO_LARGE, PRECONDITION_FAILED.
 */
export function userListOf(exchange: Exchange): UserList {
  const { body, bodyType } = exchange;
  switch (bodyType) {
    case NDJSON_TYPE:
      return new CheckedList(() => linesOf(body, (line) => checked(idOfJson(line))));
    case LINES_TYPE:
      return new CheckedList(() => linesOf(body, checked));
    case ROARING_TYPE:
      checkOrdinals(exchange.header(ORDINALS_HEADER), exchange.engine.store.ordinalEpoch);
      return new OrdinalList(body, exchange.engine.store);
    case '':
      throw new SegmentdError('INVALID_ARGUMENT', 'a body is needed: see /docs for what to send');
    default: {
      const ids = idsOf(body, bodyType);
      return new CheckedList(() => idsOfValues(ids));
    }
  }
}

/** Ids that are found wrong, if they are, while they are read. */
class CheckedList implements UserList {
  readonly #read: () => Iterable<UserId>;

  constructor(read: () => Iterable<UserId>) {
    this.#read = read;
  }

  *check(): Steps<number> {
    let count = 0;
    for (const batch of this.batches()) {
      count += batch.length;
      yield;
    }
    return count;
  }

  *batches(): Iterable<readonly UserId[]> {
    let batch: UserId[] = [];
    for (const id of this.#read()) {
      batch.push(id);
      if (batch.length < BATCH) continue;
      yield batch;
      batch = [];
    }
    if (batch.length > 0) yield batch;
  }

  release(): void {}
}

/** The list in `{"ids": […]}`. */
function idsOf(body: Buffer, mediaType: string): readonly unknown[] {
  const ids = onlyEntry(bodyValue(body, mediaType), 'ids');
  if (Array.isArray(ids)) return ids;
  throw new SegmentdError('INVALID_ARGUMENT', 'the body is not as it should be: {"ids": ["…", …]}');
}

/** A body as a value; undefined for an empty one. Throws BODY_TOO_LARGE for one that is not read in one turn. */
export function bodyValue(body: Buffer, mediaType: string): unknown {
  if (body.length > MAX_VALUE_BYTES) {
    throw new SegmentdError(
      'BODY_TOO_LARGE',
      `ids in ${mediaType} may have ${MAX_VALUE_BYTES} bytes: send more than that as ${NDJSON_TYPE} or ${LINES_TYPE}`,
    );
  }
  return body.length === 0 ? undefined : decodeValue(body, mediaType, MAX_VALUE_BYTES);
}

function* idsOfValues(values: readonly unknown[]): Iterable<UserId> {
  for (let i = 0; i < values.length; i++) {
    let id: UserId;
    try {
      id = checked(idOf(values[i]));
    } catch (error) {
      throw placed(error, `the body's /ids/${i}`, 0);
    }
    yield id;
  }
}

/** What `read` makes of each line of a body; behind the last line's end there is none. Errors say which line, from 1. */
export function* linesOf<T>(body: Buffer, read: (line: Buffer) => T): Iterable<T> {
  for (let start = 0, number = 1; start < body.length; number++) {
    const next = body.indexOf(LF, start);
    const behind = next < 0 ? body.length : next;
    const end = behind > start && body[behind - 1] === CR ? behind - 1 : behind;
    let entry: T;
    try {
      entry = read(body.subarray(start, end));
    } catch (error) {
      throw placed(error, `line ${number}`, start);
    }
    yield entry;
    start = behind + 1;
  }
}

function idOfJson(line: Buffer): UserId {
  const value = jsonOf(line, MAX_JSON_LINE_BYTES);
  return idOf(onlyEntry(value, 'id') ?? value);
}

/** A line of JSON as a value. Throws INVALID_ARGUMENT when it is longer than it may be, SYNTAX when it is none. */
export function jsonOf(line: Buffer, maxBytes: number): unknown {
  if (line.length <= maxBytes) return parseJson(line, MAX_VALUE_DEPTH);
  throw new SegmentdError('INVALID_ARGUMENT', `it has more than ${maxBytes} bytes`);
}

/** What an object has under a name, if it has nothing else. */
export function onlyEntry(value: unknown, name: string): unknown {
  const isMap = typeof value === 'object' && value !== null && !(value instanceof Uint8Array);
  if (!isMap || Object.keys(value).length !== 1) return undefined;
  return Object.getOwnPropertyDescriptor(value, name)?.value;
}

function checked(id: UserId): UserId {
  checkUserId(id);
  return id;
}

/** The id that a value of a body stands for. Throws INVALID_ARGUMENT if it stands for none. */
export function idOf(value: unknown): UserId {
  if (typeof value === 'string' || value instanceof Uint8Array) return value;
  idValidator ??= Compile(Id);
  if (idValidator.Check(value)) return userIdOf(value);
  throw new SegmentdError('INVALID_ARGUMENT', 'it is no id: neither a string nor {"base64": "…"}');
}

/** The same error, saying where it is: `offset` is that of the place in the body. */
export function placed(error: unknown, place: string, offset: number): unknown {
  if (error instanceof ContentError)
    return new ContentError(`${place}: ${error.reason}`, offset + error.position - 1);
  return error instanceof SegmentdError
    ? new SegmentdError(error.code, `${place}: ${error.message}`, { cause: error })
    : error;
}

function checkOrdinals(epoch: string | undefined, present: string): void {
  if (epoch === present) return;
  if (epoch === undefined) {
    throw new SegmentdError(
      'INVALID_ARGUMENT',
      `ordinals need the header ${ORDINALS_HEADER} that came with them`,
    );
  }
  throw new SegmentdError(
    'PRECONDITION_FAILED',
    'the ordinals may mean other users by now: get the audience again, and send what comes then',
  );
}

/** Ordinals that were given out in this epoch. Those whose users are gone, or go meanwhile, mean nobody. */
class OrdinalList implements UserList {
  readonly #body: Buffer;
  readonly #store: SegmentStore;
  readonly #departures: Departures;
  #bitmap: PortableBitmap | undefined;

  constructor(body: Buffer, store: SegmentStore) {
    this.#body = body;
    this.#store = store;
    this.#departures = store.departures.begin();
  }

  *check(): Steps<number> {
    this.#bitmap = yield* PortableBitmap.read(this.#body);
    return this.#bitmap.size;
  }

  *batches(): Iterable<readonly UserId[]> {
    const { records } = this.#store;
    const ordinals = new Uint32Array(CONTAINER_SIZE);
    for (const container of this.#bitmap!.containers) {
      if (container.key * CONTAINER_SIZE >= records.ordinalLimit) return;
      const count = this.#bitmap!.decode(container, ordinals);
      for (let from = 0; from < count; from += BATCH) {
        // Where nobody is left, too: who waits for a turn must not wait for that.
        yield this.#usersOf(ordinals.subarray(from, Math.min(from + BATCH, count)));
      }
    }
  }

  release(): void {
    this.#departures.end();
  }

  #usersOf(ordinals: Uint32Array): UserId[] {
    const users: UserId[] = [];
    for (const ordinal of ordinals) {
      const isThere = this.#store.records.addressOf(ordinal) !== 0;
      if (isThere && !this.#departures.ordinals.has(ordinal)) users.push(this.#store.idOf(ordinal));
    }
    return users;
  }
}
