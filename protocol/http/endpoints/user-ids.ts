/** Users' ids in bodies: text, or what stands for bytes that are no UTF-8. */
import { isUtf8 } from 'node:buffer';
import type { UserId } from '../../../src/index.js';
import { JSON_TYPE } from '../content.js';
import type { IdValue } from '../shapes.js';

/** An id as a value in bodies of the media type. */
export function idValue(id: UserId, mediaType: string): IdValue {
  if (typeof id === 'string') return id;
  const bytes = Buffer.from(id.buffer, id.byteOffset, id.length);
  if (isUtf8(bytes)) return bytes.toString();
  return mediaType === JSON_TYPE ? { base64: bytes.toString('base64') } : bytes;
}

/** An id as JSON text. */
export function idJson(id: UserId): string {
  return JSON.stringify(idValue(id, JSON_TYPE));
}
