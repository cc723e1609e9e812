/** Bodies that name users, in every form that they are taken in. */
import { isUtf8 } from 'node:buffer';
import { encode } from '@msgpack/msgpack';
import { bitmapOf } from '../../src/store/bitmap.js';
import type { SegmentStore } from '../../src/store/segment-store.js';

/** A body with its headers. */
export interface UserBody {
  readonly headers: Record<string, string>;
  readonly bytes: Uint8Array;
}

function body(type: string, bytes: string | Uint8Array, headers: Record<string, string> = {}): UserBody {
  return { headers: { 'content-type': type, ...headers }, bytes: Buffer.from(bytes) };
}

function jsonId(id: Buffer): unknown {
  return isUtf8(id) ? id.toString() : { base64: id.toString('base64') };
}

function lines(ids: readonly Buffer[], end: string): Buffer {
  return Buffer.concat(ids.flatMap((id) => [id, Buffer.from(end)]));
}

/** By name, how ids of any bytes (in lines: without line ends) become a body. */
export const FORMS: Readonly<Record<string, (ids: readonly Buffer[]) => UserBody>> = {
  JSON: (ids) => body('application/json', JSON.stringify({ ids: ids.map(jsonId) })),
  MessagePack: (ids) =>
    body('application/msgpack', encode({ ids: ids.map((id) => (isUtf8(id) ? id.toString() : id)) })),
  'MessagePack, binary': (ids) => body('application/x-msgpack', encode({ ids })),
  NDJSON: (ids) => body('application/x-ndjson', ids.map((id) => `${JSON.stringify(jsonId(id))}\n`).join('')),
  'NDJSON, objects': (ids) =>
    body('application/x-ndjson', ids.map((id) => JSON.stringify({ id: jsonId(id) })).join('\r\n')),
  lines: (ids) => body('text/plain', lines(ids, '\n')),
  'lines with CRLF': (ids) => body('text/plain; charset=utf-8', lines(ids, '\r\n')),
  'lines, the last without an end': (ids) => {
    // An empty line is one by its end only.
    const isEmpty = ids.at(-1)?.length === 0;
    return body('text/plain', isEmpty ? lines(ids, '\n') : lines(ids, '\n').subarray(0, -1));
  },
};

/** The users as a bitmap of their ordinals, which must be there. */
export function roaringBody(store: SegmentStore, ids: readonly (string | Uint8Array)[]): UserBody {
  const ordinals = ids.map((id) => store.records.ordinalAt(store.find(id)));
  const bytes = bitmapOf(ordinals).serialize('portable');
  return body('application/vnd.roaring', bytes, { 'segmentd-ordinals': store.ordinalEpoch });
}

/** A body as `requestText` takes it: each character is a byte. */
export function latin1({ bytes }: UserBody): string {
  return Buffer.from(bytes).toString('latin1');
}
