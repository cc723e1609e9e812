/**
 * What a column is: one tag's data by tag, in step with the vectors. A *code* is how a vector says which value the user
 * has (see cells): 0 for a flag, a dictionary number for an enum, a signed integer folded to be positive for a number.
 */
import type { Bitmap } from './bitmap.js';

/** What a tag says of a user: that it is there, one text of several, or a number. */
export type TagKind = 'flag' | 'enum' | 'number';
export const TAG_KINDS: readonly TagKind[] = ['flag', 'enum', 'number'];

/** A tag's value: `true` for a flag, a string for an enum, a number for a number. */
export type TagValue = true | string | number;

export interface Column {
  readonly kind: TagKind;
  /** Users who have the tag. */
  readonly count: number;
  /** Counts the changes of any user's value. Another column that takes this one's place has a count of its own. */
  readonly version: number;
  /** Adds a user who does not have the tag. */
  add(ordinal: number, code: number): void;
  /** Takes away a user who has the tag with this code. */
  remove(ordinal: number, code: number): void;
  /** Gives a user who has the tag another code. */
  change(ordinal: number, from: number, to: number): void;
  /** The users who have the tag. May be the column's own bitmap: read it at once and do not change it. */
  members(): Bitmap;
  /**
   * The code of a value, making a new one where the kind has a dictionary.
   * Throws INVALID_VALUE, OUT_OF_RANGE or TOO_MANY_VALUES, naming `tag`.
   */
  codeFor(value: TagValue, tag: string): number;
  /** As `codeFor`, but makes nothing: throws the same errors, and -1 where a new code would be made. */
  existingCode(value: TagValue, tag: string): number;
  valueOf(code: number): TagValue;
  /** The value as text, as Redis clients see it. */
  textOf(code: number): string;
  /** Does the column say of this user what the vector says? Made from the bitmaps alone; for `check`. */
  holds(ordinal: number, code: number): boolean;
  /** What is wrong inside the column itself, and how many users its bitmaps count; for `check`. */
  audit(): { count: number; problems: string[] };
  /** Bitmaps' memory, in bytes. */
  bytes(): number;
  /** Gives back memory that growing bitmaps hold in reserve. */
  shrink(): void;
  /** As `shrink`, and stores runs of ordinals as runs, which are slower to add to. */
  compact(): void;
}

/** The code of a value that a user may have; -1 for one that the kind cannot have, or nobody has yet. */
export function codeIfAny(column: Column, value: TagValue): number {
  try {
    return column.existingCode(value, '');
  } catch {
    return -1;
  }
}
