/** What is known of a saved audience, and what of it is refused. */
import { SegmentdError } from '../errors.js';
import type { LiveBitmap } from './live-bitmap.js';
import { quote } from './numbers.js';

/** Who is in it: whoever an expression has, or a set of users. */
export type AudienceKind = 'dynamic' | 'fixed';

/** What people note of an audience. */
export interface AudienceDetails {
  readonly description: string;
  readonly owner: string;
  readonly labels: readonly string[];
}

/** What a dynamic audience is. */
export interface AudienceDefinition {
  readonly expression: string;
  /** What the expression uses. */
  readonly tags: readonly string[];
  readonly audiences: readonly string[];
}

/** The new text of an audience that uses another one, whose name changes. */
export interface RewrittenAudience {
  readonly name: string;
  readonly expression: string;
}

/**
 * A saved audience. Another definition, or another name, makes another record, so that what follows from it can be kept by
 * the record; details and members change in place.
 */
export interface AudienceRecord extends AudienceDefinition {
  readonly name: string;
  readonly kind: AudienceKind;
  /** Of a dynamic one; empty for a fixed one, which uses nothing. */
  readonly expression: string;
  /** The expression that a fixed one was made from, if any; it does not say who is in it now. */
  readonly source: string;
  description: string;
  owner: string;
  labels: readonly string[];
  /** Milliseconds since the epoch. */
  readonly created: number;
  /** The last time that somebody changed definition, details or members; users who are erased do not count. */
  changed: number;
  /** Of a fixed one: users that exist, always. */
  readonly members: LiveBitmap | undefined;
}

const MAX_NAME_BYTES = 255;
const MAX_DESCRIPTION_BYTES = 4096;
const MAX_OWNER_BYTES = 255;
export const MAX_LABELS = 64;
const MAX_LABEL_BYTES = 255;

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const FORBIDDEN = /[`\u0000-\u001f\u007f]/;

/** Throws INVALID_ARGUMENT unless the name is 1 to 255 bytes without backquote and control characters. */
export function checkAudienceName(name: string): void {
  const bytes = Buffer.byteLength(name);
  if (bytes < 1 || bytes > MAX_NAME_BYTES) {
    throw new SegmentdError(
      'INVALID_ARGUMENT',
      `an audience's name has 1 to ${MAX_NAME_BYTES} bytes, this one has ${bytes}`,
    );
  }
  if (FORBIDDEN.test(name) || !name.isWellFormed()) {
    throw new SegmentdError(
      'INVALID_ARGUMENT',
      `audience name ${quote(name)}: backquote, control characters and broken UTF-8 are not allowed`,
    );
  }
}

/** Throws INVALID_ARGUMENT, saying which of the details is too long. */
export function checkDetails({ description = '', owner = '', labels = [] }: Partial<AudienceDetails>): void {
  checkBytes("an audience's description", description, MAX_DESCRIPTION_BYTES);
  checkBytes("an audience's owner", owner, MAX_OWNER_BYTES);
  if (labels.length > MAX_LABELS) {
    throw new SegmentdError(
      'INVALID_ARGUMENT',
      `an audience has at most ${MAX_LABELS} labels, these are ${labels.length}`,
    );
  }
  for (const label of labels) checkBytes('a label', label, MAX_LABEL_BYTES);
}

function checkBytes(what: string, text: string, most: number): void {
  const bytes = Buffer.byteLength(text);
  if (bytes <= most) return;
  throw new SegmentdError('INVALID_ARGUMENT', `${what} has at most ${most} bytes, this one has ${bytes}`);
}

/** Throws INVALID_ARGUMENT unless it is a time in whole milliseconds. */
export function checkTime(at: number): void {
  if (Number.isSafeInteger(at) && at >= 0) return;
  throw new SegmentdError('INVALID_ARGUMENT', `time ${at}: it is in whole milliseconds since 1970`);
}
