/** Bodies with many users: made a piece at a time of a set that does not change meanwhile. */
import type { MemberCursor } from '../../../src/store/member-cursor.js';
import type { Producer } from '../streams.js';
import { PIECE_BYTES, Piece } from './piece.js';
import type { Rows } from './rows.js';

/** The users of a cursor as rows; closes the cursor. */
export class RowsProducer implements Producer {
  readonly #cursor: MemberCursor;
  readonly #rows: Rows;
  readonly #out = new Piece();
  /** Made, and not given yet. */
  #first: Uint8Array | undefined;
  #hasBegun = false;
  #isDone = false;

  constructor(cursor: MemberCursor, rows: Rows) {
    this.#cursor = cursor;
    this.#rows = rows;
  }

  /** All of the body, if one piece has room for it; then nothing is left to be released. */
  whole(): Uint8Array | undefined {
    try {
      this.#first = this.next();
      if (!this.#isDone) return undefined;
    } catch (error) {
      this.release();
      throw error;
    }
    this.release();
    return this.#first;
  }

  next(): Uint8Array | undefined {
    const first = this.#first;
    this.#first = undefined;
    if (first !== undefined || this.#isDone) return first;
    const out = this.#out;
    const rows = this.#rows;
    const cursor = this.#cursor;
    if (!this.#hasBegun) rows.begin(out, cursor.size);
    this.#hasBegun = true;
    while (!out.isFull) {
      const ordinal = cursor.next();
      if (ordinal < 0) {
        this.#isDone = true;
        rows.end(out);
        break;
      }
      rows.row(out, cursor, ordinal);
    }
    return out.take();
  }

  release(): void {
    this.#cursor.close();
  }
}

/** Bytes that are there, in pieces: whoever reads them slowly does not make the transport keep all. */
export class BytesProducer implements Producer {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  next(): Uint8Array | undefined {
    if (this.#at >= this.#bytes.length) return undefined;
    const piece = this.#bytes.subarray(this.#at, this.#at + PIECE_BYTES);
    this.#at += piece.length;
    return piece;
  }

  release(): void {}
}
