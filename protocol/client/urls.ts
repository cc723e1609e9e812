/** Paths and queries of calls. */
import type { UserId } from './types.js';

/** What is behind the question mark may be these. */
type Parameter = string | number | boolean | Uint8Array | readonly string[];

/** The path with its parameters filled in. Throws TypeError for one that is missing or cannot stand in a path. */
export function filledPath(path: string, values: Readonly<Record<string, unknown>>): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = values[name];
    if (!(typeof value === 'string' || value instanceof Uint8Array) || value.length === 0) {
      throw new TypeError(`${name} must be a string${name === 'id' ? ' or bytes' : ''}, and not empty`);
    }
    // URLs take these for directories, even when they are encoded: another path would be asked for.
    const text = Buffer.from(value).toString('latin1');
    if (text === '.' || text === '..') throw new TypeError(`${name} "${text}" cannot stand in a path`);
    return encoded(value);
  });
}

/** The query of those parameters that were given, with its question mark. */
export function queryOf(names: readonly string[], values: Readonly<Record<string, unknown>>): string {
  const parts = names
    .filter((name) => values[name] !== undefined)
    .map((name) => `${name}=${parameterText(values[name] as Parameter)}`);
  return parts.length === 0 ? '' : `?${parts.join('&')}`;
}

function parameterText(value: Parameter): string {
  if (Array.isArray(value)) return value.map((one: string) => encoded(one)).join(',');
  return encoded(value instanceof Uint8Array ? value : String(value));
}

function encoded(value: UserId): string {
  if (typeof value === 'string') return encodeURIComponent(value);
  return Array.from(value, (byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
}
