/** Users as JSON: a line each, or one list. */
import { isUtf8 } from 'node:buffer';
import type { Engine } from '../../../src/index.js';
import type { MemberCursor } from '../../../src/store/member-cursor.js';
import { idJson } from '../endpoints/user-ids.js';
import { ChosenTags } from '../endpoints/user-tags.js';
import type { Piece } from './piece.js';
import { type Columns, Odd, putId, type Rows, takeBack } from './rows.js';

const QUOTE = 0x22;
const COMMA = 0x2c;
const ID = Buffer.from('{"id":');
const ORDINAL = Buffer.from('{"ordinal":');
const ID_BEHIND_ORDINAL = Buffer.from(',"id":');
const TAGS = Buffer.from(',"tags":');
const END = Buffer.from('}');
const LINE_END = Buffer.from('}\n');

/** `{"ordinal":7,"id":"p1","tags":{…}}` without what was not asked for. */
class UserObjects {
  readonly #ordinals: boolean;
  readonly #tags: ChosenTags | undefined;
  readonly #end: Uint8Array;

  constructor(engine: Engine, { ordinals, tags }: Columns, end: Uint8Array) {
    this.#ordinals = ordinals;
    this.#tags = tags === undefined ? undefined : new ChosenTags(engine, tags);
    this.#end = end;
  }

  put(out: Piece, cursor: MemberCursor, ordinal: number): void {
    if (this.#ordinals) {
      out.put(ORDINAL);
      out.digits(ordinal);
      out.put(ID_BEHIND_ORDINAL);
    } else out.put(ID);
    putJsonId(out, cursor, ordinal);
    if (this.#tags !== undefined) {
      out.put(TAGS);
      out.text(this.#tags.json(cursor.addressOf(ordinal)));
    }
    out.put(this.#end);
  }
}

/** An object a line. */
export class NdjsonRows implements Rows {
  readonly #objects: UserObjects;

  constructor(engine: Engine, columns: Columns) {
    this.#objects = new UserObjects(engine, columns, LINE_END);
  }

  begin(): void {}

  row(out: Piece, cursor: MemberCursor, ordinal: number): void {
    this.#objects.put(out, cursor, ordinal);
  }

  end(): void {}
}

/** `{"items":[…],"cursor":"…"}`: ids, or objects if there is more to be told of each. */
export class JsonPage implements Rows {
  readonly #objects: UserObjects | undefined;
  readonly #cursor: string | undefined;
  #isFirst = true;

  /** `cursor`: where the next page begins, if there is one. */
  constructor(engine: Engine, columns: Columns, cursor: string | undefined) {
    const hasMore = columns.ordinals || columns.tags !== undefined;
    this.#objects = hasMore ? new UserObjects(engine, columns, END) : undefined;
    this.#cursor = cursor;
  }

  begin(out: Piece): void {
    out.text('{"items":[');
  }

  row(out: Piece, cursor: MemberCursor, ordinal: number): void {
    if (!this.#isFirst) out.byte(COMMA);
    this.#isFirst = false;
    if (this.#objects === undefined) putJsonId(out, cursor, ordinal);
    else this.#objects.put(out, cursor, ordinal);
  }

  end(out: Piece): void {
    out.text(this.#cursor === undefined ? ']}' : `],"cursor":"${this.#cursor}"}`);
  }
}

function putJsonId(out: Piece, cursor: MemberCursor, ordinal: number): void {
  const start = out.length;
  out.byte(QUOTE);
  const odd = putId(out, cursor, ordinal);
  const isText = (odd & Odd.HIGH) === 0 || isUtf8(out.bytes.subarray(start + 1, out.length));
  if (isText && (odd & Odd.JSON) === 0) out.byte(QUOTE);
  else out.text(idJson(takeBack(out, start).subarray(1)));
}
