/** Users as lines of text: plain ids, or CSV. */
import { type Engine, SegmentdError, type Selection } from '../../../src/index.js';
import type { MemberCursor } from '../../../src/store/member-cursor.js';
import type { Piece } from './piece.js';
import { type Columns, Odd, oddities, putId, type Rows, takeBack } from './rows.js';

const LF = 0x0a;
const CRLF = Buffer.from('\r\n');
const COMMA = 0x2c;
const QUOTE = 0x22;

/** An id a line, as raw bytes. An id that has line ends itself could not be told from two: it ends the answer with an error. */
export class PlainRows implements Rows {
  begin(): void {}

  row(out: Piece, cursor: MemberCursor, ordinal: number): void {
    if ((putId(out, cursor, ordinal) & Odd.LINE) !== 0) throw lineEnd();
    out.byte(LF);
  }

  end(): void {}
}

function lineEnd(): SegmentdError {
  const advice = 'ask for application/x-ndjson or text/csv';
  return new SegmentdError(
    'NOT_ACCEPTABLE',
    `text/plain cannot tell an id with a line end in it from two: ${advice}`,
  );
}

/** CSV (RFC 4180) with a header. A tag that a user does not have is an empty field, an empty text is `""`. */
export class CsvRows implements Rows {
  readonly #ordinals: boolean;
  readonly #selection: Selection | undefined;

  constructor(engine: Engine, { ordinals, tags }: Columns) {
    this.#ordinals = ordinals;
    this.#selection = tags === undefined ? undefined : engine.select(tags);
  }

  begin(out: Piece): void {
    if (this.#ordinals) out.text('ordinal,');
    out.text('id');
    for (const name of this.#selection?.names ?? []) {
      out.byte(COMMA);
      putText(out, name);
    }
    out.put(CRLF);
  }

  row(out: Piece, cursor: MemberCursor, ordinal: number): void {
    if (this.#ordinals) {
      out.digits(ordinal);
      out.byte(COMMA);
    }
    const start = out.length;
    if ((putId(out, cursor, ordinal) & Odd.CSV) !== 0) putQuoted(out, takeBack(out, start));
    if (this.#selection !== undefined) putValues(out, this.#selection, cursor.addressOf(ordinal));
    out.put(CRLF);
  }

  end(): void {}
}

function putValues(out: Piece, selection: Selection, address: number): void {
  selection.read(address);
  const { codes, tags } = selection;
  for (let i = 0; i < codes.length; i++) {
    out.byte(COMMA);
    const code = codes[i]!;
    if (code < 0) continue;
    const { column } = tags[i]!;
    putText(out, column.kind === 'flag' ? 'true' : column.textOf(code));
  }
}

function putText(out: Piece, text: string): void {
  const start = out.length;
  out.text(text);
  const isOdd = text === '' || (oddities(out.bytes, start, out.length) & Odd.CSV) !== 0;
  if (isOdd) putQuoted(out, takeBack(out, start));
}

function putQuoted(out: Piece, field: Uint8Array): void {
  out.byte(QUOTE);
  for (const byte of field) {
    if (byte === QUOTE) out.byte(QUOTE);
    out.byte(byte);
  }
  out.byte(QUOTE);
}
