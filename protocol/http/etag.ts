/** Entity tags (RFC 9110, sections 8.8.3 and 13): they tell one state of something from another, so that edits are safe. */
import { createHash } from 'node:crypto';
import { SegmentdError } from '../../src/index.js';
import type { Exchange } from './exchange.js';

/** The header that carries one, for the documents. */
export const ETAG_HEADER = { etag: 'What tells this state from others; for `if-match`.' } as const;

/** Headers that `checkPreconditions` reads, for the documents: for edits of what is there. */
export const EDIT_HEADERS = { 'if-match': 'Do it only if its entity tag is still this one.' } as const;
/** The same for what may be made. */
export const PUT_HEADERS = {
  'if-match': 'Do it only if its entity tag is still this one; with *, if there is one already.',
  'if-none-match': 'With *, do it only if there is none yet.',
} as const;

/** Characters of base64 that are kept of a hash: 132 bits, so that no two states ever have the same. */
const HASH_LENGTH = 22;

/** `*`, or tags in quotes, those of weak comparison with `W/` in front, with commas between. */
const ENTITY_TAGS = /^[ \t,]*(?:(?:W\/)?"[^"\s]*"[ \t]*(?:,[ \t,]*|$))+$/;
const ENTITY_TAG = /(W\/)?("[^"]*")/g;
const ANY = '*';

/** The entity tag of a state, strong: the same for the same values, whichever process they are in. */
export function etagOf(state: readonly unknown[]): string {
  const hash = createHash('sha256').update(JSON.stringify(state)).digest('base64url');
  return `"${hash.slice(0, HASH_LENGTH)}"`;
}

/**
 * Throws PRECONDITION_FAILED if the request is not to be done in this state, and INVALID_ARGUMENT when a header cannot be read.
 * `etag` is that of the current state, undefined when there is nothing. To be called in the same turn as the change.
 */
export function checkPreconditions(exchange: Exchange, etag: string | undefined): void {
  const wanted = exchange.header('if-match');
  if (wanted !== undefined && !includes('If-Match', wanted, etag, false)) {
    const state = etag === undefined ? 'there is nothing here' : `it is ${etag} now`;
    throw failed(`the precondition If-Match does not hold: ${state}; read it again before you change it`);
  }
  if (isKnown(exchange, etag)) {
    throw failed(`the precondition If-None-Match does not hold: there is one already, ${etag}`);
  }
}

/** Is the state one that the client says it has, in If-None-Match? Throws INVALID_ARGUMENT when that cannot be read. */
export function isKnown(exchange: Exchange, etag: string | undefined): boolean {
  const known = exchange.header('if-none-match');
  return known !== undefined && includes('If-None-Match', known, etag, true);
}

/** Weak comparison takes weak tags too. */
function includes(name: string, header: string, etag: string | undefined, isWeak: boolean): boolean {
  if (header.trim() === ANY) return etag !== undefined;
  if (!ENTITY_TAGS.test(header)) {
    const form = '* or entity tags in double quotes, such as "abc", with commas between';
    throw new SegmentdError('INVALID_ARGUMENT', `the header ${name} must be ${form}`);
  }
  for (const [, weak, tag] of header.matchAll(ENTITY_TAG)) {
    if (tag === etag && (isWeak || weak === undefined)) return true;
  }
  return false;
}

function failed(message: string): SegmentdError {
  return new SegmentdError('PRECONDITION_FAILED', message);
}
