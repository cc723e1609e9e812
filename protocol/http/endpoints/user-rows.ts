/** Tags of many users as one body, made a piece at a time and in the order of the users. */
import type { Engine, UserId } from '../../../src/index.js';
import { MAX_BATCH } from '../../../src/store/segment-store.js';
import { encodeValue, JSON_TYPE, MSGPACK_TYPE } from '../content.js';
import type { Producer } from '../streams.js';
import { idJson, idValue } from './user-ids.js';
import type { TagReader } from './user-tags.js';

/** Bytes, or characters, after which a piece ends with the user at hand. */
const PIECE = 64 * 1024;

/** `{"items":[{"id":…,"tags":{…}},…]}` in the form of a media type, one of those of values. */
export function userRows(
  engine: Engine,
  ids: readonly UserId[],
  tags: TagReader,
  mediaType: string,
): UserRows {
  return new UserRows(engine, ids, mediaType === JSON_TYPE ? new JsonRows(tags) : new MsgpackRows(tags));
}

/** Puts rows one behind the other. */
interface Rows {
  /** Bytes or characters since the last `take`. */
  readonly size: number;
  begin(count: number): void;
  add(id: UserId, address: number): void;
  end(): void;
  /** What was put together since the last time. */
  take(): Uint8Array;
}

export class UserRows implements Producer {
  readonly #engine: Engine;
  readonly #ids: readonly UserId[];
  readonly #rows: Rows;
  #at = 0;
  /** A piece that was made and not yet given out. */
  #first: Uint8Array | undefined;
  #isDone = false;

  constructor(engine: Engine, ids: readonly UserId[], rows: Rows) {
    this.#engine = engine;
    this.#ids = ids;
    this.#rows = rows;
    rows.begin(ids.length);
  }

  /** The whole body if it is short; undefined if `next` has to be called for its pieces. */
  whole(): Uint8Array | undefined {
    this.#first = this.next();
    return this.#isDone ? this.#first : undefined;
  }

  next(): Uint8Array | undefined {
    const first = this.#first;
    this.#first = undefined;
    if (first !== undefined || this.#isDone) return first;
    const ids = this.#ids;
    const rows = this.#rows;
    while (this.#at < ids.length && rows.size < PIECE) {
      const from = this.#at;
      const to = Math.min(ids.length, from + MAX_BATCH);
      const addresses = this.#engine.store.findMany(ids, from, to);
      for (; this.#at < to && rows.size < PIECE; this.#at++) {
        rows.add(ids[this.#at]!, addresses[this.#at - from]!);
      }
    }
    if (this.#at === ids.length) {
      this.#isDone = true;
      rows.end();
    }
    return rows.take();
  }

  release(): void {
    this.#isDone = true;
  }
}

class JsonRows implements Rows {
  readonly #tags: TagReader;
  #text = '';
  #mark = '';

  constructor(tags: TagReader) {
    this.#tags = tags;
  }

  get size(): number {
    return this.#text.length;
  }

  begin(): void {
    this.#text = '{"items":[';
  }

  add(id: UserId, address: number): void {
    this.#text += `${this.#mark}{"id":${idJson(id)},"tags":${this.#tags.json(address)}}`;
    this.#mark = ',';
  }

  end(): void {
    this.#text += ']}';
  }

  take(): Uint8Array {
    const bytes = Buffer.from(this.#text);
    this.#text = '';
    return bytes;
  }
}

/** A map of one entry; its name, "items", comes next. */
const MAP_OF_ONE = 0x81;
/** An array with its length in two bytes: enough for the users of one look-up. */
const ARRAY_16 = 0xdc;

class MsgpackRows implements Rows {
  readonly #tags: TagReader;
  #pieces: Uint8Array[] = [];
  size = 0;

  constructor(tags: TagReader) {
    this.#tags = tags;
  }

  begin(count: number): void {
    this.#put(Buffer.from([MAP_OF_ONE]));
    this.#put(encodeValue('items', MSGPACK_TYPE) as Uint8Array);
    this.#put(Buffer.from([ARRAY_16, count >>> 8, count & 0xff]));
  }

  add(id: UserId, address: number): void {
    const row = { id: idValue(id, MSGPACK_TYPE), tags: this.#tags.object(address) };
    this.#put(encodeValue(row, MSGPACK_TYPE) as Uint8Array);
  }

  end(): void {
    // An array has its length in front.
  }

  take(): Uint8Array {
    const bytes = Buffer.concat(this.#pieces, this.size);
    this.#pieces = [];
    this.size = 0;
    return bytes;
  }

  #put(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.size += piece.length;
  }
}
