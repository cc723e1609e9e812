/** Reads exported users back, in each format, by other means than those that wrote them. */
import { isUtf8 } from 'node:buffer';
import { decode, decodeMulti } from '@msgpack/msgpack';

/** A user as it came; what was not told is not there. */
export interface ReadUser {
  readonly id: Buffer;
  readonly ordinal?: number;
  readonly tags?: Readonly<Record<string, unknown>>;
}

/** A user of a format with values. */
interface Row {
  readonly id: unknown;
  readonly ordinal?: number;
  readonly tags?: Record<string, unknown>;
}

/** Streams of rows, by media type. */
export const STREAM_READERS: Readonly<Record<string, (body: Buffer) => ReadUser[]>> = {
  'application/x-ndjson': (body) => linesIn(body).map((line) => userOf(JSON.parse(String(line)) as Row)),
  'application/vnd.segmentd.msgpack-seq': (body) =>
    Array.from(decodeMulti(body), (row) => userOf(row as Row)),
  'text/csv': readCsv,
  'text/plain': (body) => linesIn(body).map((id) => ({ id })),
};

/** A page, by its media type. */
export function readPage(body: Buffer, type: string): { items: ReadUser[]; cursor: string | undefined } {
  const page = (type === 'application/json' ? JSON.parse(String(body)) : decode(body)) as {
    items: (Row | string)[];
    cursor?: string;
  };
  const items = page.items.map((item) => (isRow(item) ? userOf(item) : { id: bytesOf(item) }));
  return { items, cursor: page.cursor };
}

/** What CSV says of a value. */
export function csvText(value: unknown): string {
  return value === null ? '' : String(value);
}

function isRow(item: unknown): item is Row {
  return typeof item === 'object' && item !== null && 'id' in item;
}

function userOf({ id, ...rest }: Row): ReadUser {
  return { id: bytesOf(id), ...rest };
}

/** Of what is UTF-8, only text is right. */
function bytesOf(id: unknown): Buffer {
  if (typeof id === 'string') return Buffer.from(id);
  const bytes =
    id instanceof Uint8Array ? Buffer.from(id) : Buffer.from((id as { base64: string }).base64, 'base64');
  if (isUtf8(bytes)) throw new Error(`${JSON.stringify(String(bytes))} is text, and was told as bytes`);
  return bytes;
}

function linesIn(body: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let at = 0; at < body.length; ) {
    const end = body.indexOf(0x0a, at);
    if (end < 0) throw new Error('the last line has no end');
    lines.push(body.subarray(at, end));
    at = end + 1;
  }
  return lines;
}

/** Values stay texts; null for an empty field, which is not an empty text. */
function readCsv(body: Buffer): ReadUser[] {
  const [header, ...records] = recordsIn(body.toString('latin1'));
  const names = header!.map((name) => Buffer.from(name ?? '', 'latin1').toString());
  const hasOrdinals = names[0] === 'ordinal' && names[1] === 'id';
  const first = hasOrdinals ? 2 : 1;
  if (names[first - 1] !== 'id') throw new Error(`no id in the header ${JSON.stringify(names)}`);
  return records.map((fields) => {
    if (fields.length !== names.length)
      throw new Error(`${fields.length} fields, ${names.length} in the header`);
    const tags = Object.fromEntries(
      names.slice(first).map((name, i) => {
        const text = fields[first + i]!;
        return [name, text === null ? null : Buffer.from(text, 'latin1').toString()];
      }),
    );
    return {
      id: Buffer.from(fields[first - 1]!, 'latin1'),
      ...(hasOrdinals && { ordinal: Number(fields[0]) }),
      ...(names.length > first && { tags }),
    };
  });
}

/** Records by RFC 4180: `"` may only stand at both ends of a field, or twice within one that is quoted; CRLF ends all. */
function recordsIn(text: string): (string | null)[][] {
  const records: (string | null)[][] = [];
  let fields: (string | null)[] = [];
  for (let at = 0; at < text.length; ) {
    const field = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/y;
    field.lastIndex = at;
    const found = field.exec(text);
    if (found === null) throw new Error(`no field at ${at}: ${JSON.stringify(text.slice(at, at + 50))}`);
    const [whole, quoted, plain, end] = found;
    fields.push(quoted?.replaceAll('""', '"') ?? (plain === '' ? null : plain!));
    at += whole.length;
    if (end === ',') continue;
    records.push(fields);
    fields = [];
  }
  if (fields.length > 0) throw new Error('the last record has no end');
  return records;
}
