/** The media types in which users are given, and what writes each. */
import type { Engine } from '../../../src/index.js';
import { JSON_TYPE, VALUE_TYPES } from '../content.js';
import { LINES_TYPE, NDJSON_TYPE, ROARING_TYPE } from '../user-lists.js';
import { JsonPage, NdjsonRows } from './json-rows.js';
import { CsvRows, PlainRows } from './line-rows.js';
import { MsgpackPage, MsgpackRows } from './msgpack-rows.js';
import type { Columns, Rows } from './rows.js';

export const CSV_TYPE = 'text/csv';
/** Values of MessagePack, one after the other. */
export const MSGPACK_ROWS_TYPE = 'application/vnd.segmentd.msgpack-seq';

/** The preferred one first. */
export const USERS_TYPES: readonly string[] = [
  ...VALUE_TYPES,
  NDJSON_TYPE,
  CSV_TYPE,
  LINES_TYPE,
  MSGPACK_ROWS_TYPE,
  ROARING_TYPE,
];

/** Is it given a page at a time, and not all at once? */
export function isPaged(mediaType: string): boolean {
  return VALUE_TYPES.includes(mediaType);
}

/** What can be told of users besides their ids? */
export function takesColumns(mediaType: string): boolean {
  return mediaType !== LINES_TYPE && mediaType !== ROARING_TYPE;
}

/** Writes users in a media type other than ROARING_TYPE; `cursor` is where a page's next one begins, if there is one. */
export function rowsOf(
  engine: Engine,
  mediaType: string,
  columns: Columns,
  cursor: string | undefined,
): Rows {
  if (mediaType === LINES_TYPE) return new PlainRows();
  if (mediaType === CSV_TYPE) return new CsvRows(engine, columns);
  if (mediaType === NDJSON_TYPE) return new NdjsonRows(engine, columns);
  if (mediaType === MSGPACK_ROWS_TYPE) return new MsgpackRows(engine, columns);
  if (mediaType === JSON_TYPE) return new JsonPage(engine, columns, cursor);
  return new MsgpackPage(engine, columns, cursor);
}
