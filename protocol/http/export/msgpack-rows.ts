/** Users as MessagePack: one map after the other, or one list. */
import { isUtf8 } from 'node:buffer';
import type { Engine } from '../../../src/index.js';
import type { MemberCursor } from '../../../src/store/member-cursor.js';
import { encodeValue, MSGPACK_TYPE } from '../content.js';
import { ChosenTags } from '../endpoints/user-tags.js';
import type { Piece } from './piece.js';
import { type Columns, Odd, putId, type Rows } from './rows.js';

/** First bytes of values, by the specification of MessagePack: what does not fit in them follows. */
const SHORT_MAP = 0x80;
const SHORT_TEXT = 0xa0;
const MAX_SHORT_TEXT = 31;
const BYTES_8 = 0xc4;
const UINT_32 = 0xce;
const TEXT_8 = 0xd9;
const ARRAY_32 = 0xdd;

const ORDINAL = packed('ordinal');
const ID = packed('id');
const TAGS = packed('tags');

function packed(value: unknown): Uint8Array {
  return encodeValue(value, MSGPACK_TYPE) as Uint8Array;
}

/** Maps of `ordinal`, `id` and `tags`, without what was not asked for: one after the other, with nothing in between. */
export class MsgpackRows implements Rows {
  readonly #ordinals: boolean;
  readonly #tags: ChosenTags | undefined;

  constructor(engine: Engine, { ordinals, tags }: Columns) {
    this.#ordinals = ordinals;
    this.#tags = tags === undefined ? undefined : new ChosenTags(engine, tags);
  }

  begin(): void {}

  row(out: Piece, cursor: MemberCursor, ordinal: number): void {
    const entries = 1 + (this.#ordinals ? 1 : 0) + (this.#tags === undefined ? 0 : 1);
    out.byte(SHORT_MAP | entries);
    if (this.#ordinals) {
      out.put(ORDINAL);
      out.byte(UINT_32);
      putUint32(out, ordinal);
    }
    out.put(ID);
    putMsgpackId(out, cursor, ordinal);
    if (this.#tags === undefined) return;
    out.put(TAGS);
    out.put(packed(this.#tags.object(cursor.addressOf(ordinal))));
  }

  end(): void {}
}

/** A map of `items` and `cursor`: ids, or maps if there is more to be told of each. */
export class MsgpackPage implements Rows {
  readonly #rows: Rows | undefined;
  readonly #cursor: string | undefined;

  /** `cursor`: where the next page begins, if there is one. */
  constructor(engine: Engine, columns: Columns, cursor: string | undefined) {
    const hasMore = columns.ordinals || columns.tags !== undefined;
    this.#rows = hasMore ? new MsgpackRows(engine, columns) : undefined;
    this.#cursor = cursor;
  }

  begin(out: Piece, count: number): void {
    out.byte(SHORT_MAP | (this.#cursor === undefined ? 1 : 2));
    out.put(packed('items'));
    out.byte(ARRAY_32);
    putUint32(out, count);
  }

  row(out: Piece, cursor: MemberCursor, ordinal: number): void {
    if (this.#rows === undefined) putMsgpackId(out, cursor, ordinal);
    else this.#rows.row(out, cursor, ordinal);
  }

  end(out: Piece): void {
    if (this.#cursor === undefined) return;
    out.put(packed('cursor'));
    out.put(packed(this.#cursor));
  }
}

function putUint32(out: Piece, value: number): void {
  out.reserve(4);
  out.length = out.bytes.writeUInt32BE(value, out.length);
}

function putMsgpackId(out: Piece, cursor: MemberCursor, ordinal: number): void {
  const length = cursor.idLength(ordinal);
  const head = out.length;
  const isShort = length <= MAX_SHORT_TEXT;
  out.byte(isShort ? SHORT_TEXT | length : TEXT_8);
  if (!isShort) out.byte(length);
  const start = out.length;
  const isOdd = (putId(out, cursor, ordinal) & Odd.HIGH) !== 0;
  if (!isOdd || isUtf8(out.bytes.subarray(start, out.length))) return;
  out.length = head;
  out.byte(BYTES_8);
  out.byte(length);
  putId(out, cursor, ordinal);
}
