/** Values as JSON. Bytes, which are ids that are no UTF-8, are `{"base64": "…"}`. */

/** Stands in a text only if there are bytes: in a string, its quotes would be escaped. */
const BYTES = '{"base64":';

/** A value as JSON. */
export function valueToJson(value: unknown): string {
  return JSON.stringify(value, function replace(this: Record<string, unknown>, key, changed) {
    // A Buffer has already been changed to something else.
    const given = this[key];
    return given instanceof Uint8Array ? base64Of(given) : changed;
  });
}

/** The value of JSON. Throws SyntaxError. */
export function jsonToValue(text: string): unknown {
  if (!text.includes(BYTES)) return JSON.parse(text);
  return JSON.parse(text, function revive(this: unknown, key, value) {
    // Elsewhere it is no id: a user may have a tag of that name.
    return key === 'id' || Array.isArray(this) ? (bytesOf(value) ?? value) : value;
  });
}

function base64Of(bytes: Uint8Array): { base64: string } {
  return { base64: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64') };
}

function bytesOf(value: unknown): Uint8Array | undefined {
  const base64 = (value as { base64?: unknown } | null)?.base64;
  return typeof base64 === 'string' ? new Uint8Array(Buffer.from(base64, 'base64')) : undefined;
}
