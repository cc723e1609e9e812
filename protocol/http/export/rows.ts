/** What it takes to write users in a format; and what is odd about the bytes of ids. */
import type { MemberCursor } from '../../../src/store/member-cursor.js';
import { MAX_ID_BYTES } from '../../../src/store/user-key.js';
import type { Piece } from './piece.js';

/** What of each user is written. */
export interface Columns {
  /** The ordinal, too? */
  readonly ordinals: boolean;
  /** Names of tags whose values are written, each once; undefined for none. */
  readonly tags: readonly string[] | undefined;
}

/** Writes users in some format, one after the other. */
export interface Rows {
  /** What is in front of `count` rows. */
  begin(out: Piece, count: number): void;
  row(out: Piece, cursor: MemberCursor, ordinal: number): void;
  /** What is behind them. */
  end(out: Piece): void;
}

/** What formats must look out for in an id: a bit for each. */
export const Odd = {
  /** Has to be escaped in JSON. */
  JSON: 1,
  /** Has to be quoted in CSV. */
  CSV: 2,
  /** Ends a line. */
  LINE: 4,
  /** Is not ASCII, and so may be no UTF-8. */
  HIGH: 8,
} as const;

/** By byte. */
const ODDITIES = Uint8Array.from({ length: 256 }, (_, byte) => {
  const isLine = byte === 0x0a || byte === 0x0d;
  const isQuote = byte === 0x22;
  return (
    (byte < 0x20 || isQuote || byte === 0x5c ? Odd.JSON : 0) |
    (isLine || isQuote || byte === 0x2c ? Odd.CSV : 0) |
    (isLine ? Odd.LINE : 0) |
    (byte >= 0x80 ? Odd.HIGH : 0)
  );
});

/** What is odd about bytes `start` to `end`, as bits of `Odd`. */
export function oddities(bytes: Uint8Array, start: number, end: number): number {
  let found = 0;
  for (let i = start; i < end; i++) found |= ODDITIES[bytes[i]!]!;
  return found;
}

/** Writes an id as it is. Returns what is odd about it. */
export function putId(out: Piece, cursor: MemberCursor, ordinal: number): number {
  out.reserve(MAX_ID_BYTES);
  const start = out.length;
  out.length = cursor.copyId(ordinal, out.bytes, start);
  return oddities(out.bytes, start, out.length);
}

/** Takes back what was written from `start` on, to write it in another way. */
export function takeBack(out: Piece, start: number): Buffer {
  const taken = Buffer.from(out.bytes.subarray(start, out.length));
  out.length = start;
  return taken;
}
