import { isAscii, isUtf8 } from 'node:buffer';

/** One record of a CSV file, or the reason why there is none. */
export type CsvRecord =
  /** `line` is the number of the record's first line, from 1; blank lines count as lines but are no records. */
  | { readonly line: number; readonly fields: readonly string[] }
  /** The record is malformed; reading goes on with the line after `line`. */
  | { readonly line: number; readonly refused: string };

/** The longest record, so that a quote that is never closed does not take the whole file into memory. */
const MAX_RECORD_BYTES = 1024 * 1024;

const TAB = 0x09;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
const BLANK = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;

/** One record found in the buffer. */
interface Scanned {
  readonly record: CsvRecord;
  /** Where reading goes on. */
  readonly end: number;
  /** How many lines lie between the record's start and `end`. */
  readonly lines: number;
}

/** The fields of a record as Latin-1 strings, one character for each byte. */
interface Split {
  readonly fields: string[];
  readonly end: number;
  readonly lines: number;
}

/**
 * Splits the bytes of a CSV file (RFC 4180) into records, across any cut of the input into chunks.
 *
 * Fields are separated by commas; lines end in LF or CRLF, and the last one may lack its end. Quoted fields may hold
 * commas, line ends and doubled quotes. Blanks and tabs around a field are dropped unless they are inside its quotes.
 * Text is UTF-8; a record that is not, or whose quotes do not match, is refused and costs that one line only.
 */
export class CsvScanner {
  readonly #maxRecordBytes: number;
  #rest: Buffer = Buffer.alloc(0);
  #line = 1;
  /** Inside a line that was refused for its length and whose end is not seen yet. */
  #skipping = false;

  /** @param maxRecordBytes a longer record is refused; 1 MiB unless given */
  constructor(maxRecordBytes: number = MAX_RECORD_BYTES) {
    this.#maxRecordBytes = maxRecordBytes;
  }

  /**
   * Takes the next bytes of the file.
   *
   * @returns the records that are complete with these bytes, in the order of the file
   */
  push(chunk: Buffer): CsvRecord[] {
    return this.#scan(this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]), false);
  }

  /** Takes the end of the file, and returns the records that were still open. */
  end(): CsvRecord[] {
    return this.#scan(this.#rest, true);
  }

  #scan(buffer: Buffer, atEnd: boolean): CsvRecord[] {
    const records: CsvRecord[] = [];
    const ascii = isAscii(buffer);
    let start = 0;
    if (this.#skipping) start = this.#skipLine(buffer);
    while (start < buffer.length) {
      const scanned = this.#next(buffer, start, ascii, atEnd);
      const length = (scanned?.end ?? buffer.length) - start;
      if (length > this.#maxRecordBytes) {
        const refused = `the record is longer than ${this.#maxRecordBytes} bytes; is a quote not closed?`;
        records.push({ line: this.#line, refused });
        start = this.#skipLine(buffer, start);
        continue;
      }
      if (scanned === undefined) break;
      const { record, end, lines } = scanned;
      if ('refused' in record || !isBlankLine(record.fields)) records.push(record);
      start = end;
      this.#line += lines;
    }
    // A copy, so that the whole chunk is not kept for the sake of its last line.
    this.#rest = Buffer.from(buffer.subarray(start));
    return records;
  }

  /** The record that starts at `start`; undefined when more bytes are needed to tell. */
  #next(buffer: Buffer, start: number, ascii: boolean, atEnd: boolean): Scanned | undefined {
    const newline = buffer.indexOf(NEWLINE, start);
    if (newline < 0 && !atEnd) return undefined;
    const lineEnd = newline < 0 ? buffer.length : newline;
    const next = newline < 0 ? buffer.length : newline + 1;
    const line = buffer.subarray(
      start,
      lineEnd > start && buffer[lineEnd - 1] === RETURN ? lineEnd - 1 : lineEnd,
    );
    const refuse = (refused: string): Scanned => ({
      record: { line: this.#line, refused },
      end: next,
      lines: 1,
    });
    if (line.includes(QUOTE)) {
      const split = splitQuoted(buffer, start);
      if (split === undefined) return atEnd ? refuse('a quote is opened and never closed') : undefined;
      if (typeof split === 'string') return refuse(split);
      // The end of the buffer may cut a closing quote from the quote or the line end that follows it.
      if (split.end === buffer.length && !atEnd && buffer[split.end - 1] !== NEWLINE) return undefined;
      const fields = decode(split.fields, ascii);
      if (fields === undefined) return refuse(notUtf8(split.fields));
      return { record: { line: this.#line, fields }, end: split.end, lines: split.lines };
    }
    if (!ascii && !isUtf8(line)) return refuse(notUtf8(line.toString('latin1').split(',')));
    const fields = (ascii ? line.toString('latin1') : line.toString('utf8')).split(',');
    for (let i = 0; i < fields.length; i++) fields[i] = trimBlanks(fields[i]!);
    return { record: { line: this.#line, fields }, end: next, lines: 1 };
  }

  /** Passes over the rest of a line; returns where the next line starts. */
  #skipLine(buffer: Buffer, from = 0): number {
    const newline = buffer.indexOf(NEWLINE, from);
    this.#skipping = newline < 0;
    if (newline < 0) return buffer.length;
    this.#line++;
    return newline + 1;
  }
}

/**
 * The records of a CSV file, in batches, one for each chunk of input.
 *
 * @param bytes the file's bytes, without a byte order mark
 */
export async function* csvRecords(bytes: AsyncIterable<Buffer>): AsyncGenerator<CsvRecord[]> {
  const scanner = new CsvScanner();
  for await (const chunk of bytes) {
    const records = scanner.push(chunk);
    if (records.length > 0) yield records;
  }
  const records = scanner.end();
  if (records.length > 0) yield records;
}

/**
 * Splits a record in which some field is quoted.
 *
 * @returns what it was split into; undefined when the buffer ends inside quotes; a string says what is malformed
 */
function splitQuoted(buffer: Buffer, start: number): Split | string | undefined {
  const fields: string[] = [];
  let lines = 1;
  let at = start;
  for (;;) {
    while (buffer[at] === BLANK || buffer[at] === TAB) at++;
    if (buffer[at] === QUOTE) {
      const from = at + 1;
      at = closingQuote(buffer, from);
      if (at < 0) return undefined;
      const text = buffer.toString('latin1', from, at);
      for (let i = text.indexOf('\n'); i >= 0; i = text.indexOf('\n', i + 1)) lines++;
      fields.push(text.includes('"') ? text.replaceAll('""', '"') : text);
      at++;
      while (buffer[at] === BLANK || buffer[at] === TAB) at++;
      if (at < buffer.length && buffer[at] !== COMMA && !isLineEnd(buffer, at)) {
        return `text follows the closing quote of field ${fields.length}`;
      }
    } else {
      const from = at;
      while (at < buffer.length && buffer[at] !== COMMA && !isLineEnd(buffer, at)) {
        if (buffer[at] === QUOTE) return `a quote stands inside the unquoted field ${fields.length + 1}`;
        at++;
      }
      fields.push(trimBlanks(buffer.toString('latin1', from, at)));
    }
    if (buffer[at] === COMMA) at++;
    else break;
  }
  if (buffer[at] === RETURN) at++;
  if (buffer[at] === NEWLINE) at++;
  return { fields, end: at, lines };
}

/** The position of the quote that closes a field, doubled quotes passed over; -1 when there is none. */
function closingQuote(buffer: Buffer, from: number): number {
  let at = buffer.indexOf(QUOTE, from);
  while (at >= 0 && buffer[at + 1] === QUOTE) at = buffer.indexOf(QUOTE, at + 2);
  return at;
}

/** Whether LF, CRLF or a CR before the end of the buffer stands at `at`. */
function isLineEnd(buffer: Buffer, at: number): boolean {
  if (buffer[at] === NEWLINE) return true;
  return buffer[at] === RETURN && (at + 1 === buffer.length || buffer[at + 1] === NEWLINE);
}

/** Turns Latin-1 strings of UTF-8 bytes into text; undefined when one is not UTF-8. */
function decode(fields: string[], ascii: boolean): string[] | undefined {
  if (ascii) return fields;
  const decoded: string[] = [];
  for (const field of fields) {
    const bytes = Buffer.from(field, 'latin1');
    if (!isUtf8(bytes)) return undefined;
    decoded.push(bytes.toString('utf8'));
  }
  return decoded;
}

function notUtf8(fields: string[]): string {
  const at = fields.findIndex((field) => !isUtf8(Buffer.from(field, 'latin1')));
  return `field ${at + 1} is not valid UTF-8`;
}

/** The field without the blanks and tabs around it; other white space is kept. */
function trimBlanks(field: string): string {
  let from = 0;
  let to = field.length;
  while (from < to && isBlank(field.charCodeAt(from))) from++;
  while (to > from && isBlank(field.charCodeAt(to - 1))) to--;
  return to - from === field.length ? field : field.slice(from, to);
}

function isBlank(code: number): boolean {
  return code === BLANK || code === TAB;
}

function isBlankLine(fields: readonly string[]): boolean {
  return fields.length === 1 && fields[0] === '';
}
