/**
 * The hash commands that ad servers and loaders send all day, on byte spans: no strings, no arrays, no copies. They do what
 * the declarations in hashes.ts say; whatever is unusual they leave to the general path by returning false.
 */
import { isAscii } from 'node:buffer';
import type { EnumColumn } from '../../src/store/enum-column.js';
import type { Tag } from '../../src/store/tag-catalog.js';
import { MAX_ID_BYTES } from '../../src/store/user-key.js';
import type { Call, HotHandler } from '../command.js';
import type { RespReader } from '../resp/reader.js';
import type { RespWriter } from '../resp/writer.js';

const ONE = 49;

/** The address of the user that word 1 names, 0 when there is none, or -1 when the general path must speak. */
function findUser(call: Call, reader: RespReader): number {
  const end = reader.ends[1]!;
  const start = call.keyspace.userIdStart(reader.buffer, reader.starts[1]!, end);
  if (start < 0 || start === end || end - start > MAX_ID_BYTES) return -1;
  return call.server.userAhead.find(reader, start, end);
}

function writeValue(out: RespWriter, tag: Tag, code: number): void {
  const { column } = tag;
  if (column.kind === 'flag') out.raw(BULK_ONE);
  else if (column.kind === 'enum') out.bulkBytes((column as EnumColumn).bytesOf(code));
  else out.bulkString(column.textOf(code));
}

const BULK_ONE = Buffer.from('$1\r\n1\r\n');

export const hgetHot: HotHandler = (call, reader, out) => {
  const address = findUser(call, reader);
  if (address < 0) return false;
  const { store } = call.engine;
  const tag =
    address === 0 ? undefined : store.catalog.findBytes(reader.buffer, reader.starts[2]!, reader.ends[2]!);
  const code = tag === undefined ? -1 : store.codeAt(address, tag);
  if (code < 0) out.null();
  else writeValue(out, tag!, code);
  return true;
};

export const hmgetHot: HotHandler = (call, reader, out) => {
  const address = findUser(call, reader);
  if (address < 0) return false;
  const selection = call.server.fieldLists.selectionOf(reader);
  if (selection === undefined) return false;
  selection.read(address);
  const { codes, tags } = selection;
  const count = codes.length;
  out.array(count);
  for (let i = 0; i < count; i++) {
    const code = codes[i]!;
    if (code < 0) out.null();
    else writeValue(out, tags[i]!, code);
  }
  return true;
};

/** The tag's own name, or the text of the span; undefined when that is not plain ASCII. */
function nameAt(call: Call, reader: RespReader, at: number): string | undefined {
  const start = reader.starts[at]!;
  const end = reader.ends[at]!;
  const tag = call.engine.store.catalog.findBytes(reader.buffer, start, end);
  return tag === undefined ? asciiAt(reader, at) : tag.name;
}

function asciiAt(reader: RespReader, at: number): string | undefined {
  const start = reader.starts[at]!;
  const end = reader.ends[at]!;
  if (end - start === 1 && reader.buffer[start] === ONE) return '1';
  return isAscii(reader.buffer.subarray(start, end))
    ? reader.buffer.toString('latin1', start, end)
    : undefined;
}

export const hsetHot: HotHandler = (call, reader, out) => {
  const { buffer, ends, argc } = reader;
  const start = call.keyspace.userIdStart(buffer, reader.starts[1]!, ends[1]!);
  if (start < 0 || argc % 2 !== 0) return false;
  const tags: string[] = [];
  const values: string[] = [];
  for (let i = 2; i < argc; i += 2) {
    const name = nameAt(call, reader, i);
    const value = asciiAt(reader, i + 1);
    if (name === undefined || value === undefined) return false;
    tags.push(name);
    values.push(value);
  }
  out.integer(call.engine.apply({ type: 'setTags', user: buffer.subarray(start, ends[1]!), tags, values }));
  return true;
};

export const hdelHot: HotHandler = (call, reader, out) => {
  const { buffer, ends, argc } = reader;
  const start = call.keyspace.userIdStart(buffer, reader.starts[1]!, ends[1]!);
  if (start < 0) return false;
  const tags: string[] = [];
  for (let i = 2; i < argc; i++) {
    const name = nameAt(call, reader, i);
    if (name === undefined) return false;
    tags.push(name);
  }
  out.integer(call.engine.apply({ type: 'removeTags', user: buffer.subarray(start, ends[1]!), tags }));
  return true;
};
