/**
 * What a column is: one tag's data by tag, in step with the vectors. A *code* is how a vector says which value the user
 * has (see cells): 0 for a flag, a dictionary number for an enum, a signed integer folded to be positive for a number.
 */
import type { Bitmap } from './bitmap.js';
import type { Steps } from './steps.js';
import type { GiveBitmap, KeepBitmap } from './store-image.js';

/** What a tag says of a user: that it is there, one text of several, or a number. */
export type TagKind = 'flag' | 'enum' | 'number';
export const TAG_KINDS: readonly TagKind[] = ['flag', 'enum', 'number'];

/** A tag's value: `true` for a flag, a string for an enum, a number for a number. */
export type TagValue = true | string | number;

/** A column as plain data; see store-image.ts. */
export interface ColumnImage {
  readonly kind: TagKind;
  /** Numbers: decimal digits behind the point; 0 otherwise. */
  readonly scale: number;
  /** Enums: the codes in use with their values, the oldest first. Empty otherwise. */
  readonly values: readonly (readonly [code: number, value: string])[];
  /** A flag's members; of an enum those of each value, in their order; of a number existence, sign and the slices. */
  readonly bitmaps: readonly number[];
}

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
  /** The user's code, from the bitmaps alone; -1 for who does not have the tag. Slower the more values there are. */
  codeOf(ordinal: number): number;
  /** Another column with the same content and codes; what both have in common is in memory once. */
  fork(): Column;
  /** Takes away all of `users` who have the tag. */
  exclude(users: Bitmap): Steps<void>;
  /**
   * Adds all users of a column of the same kind and scale, none of whom has the tag here, with their values. Throws
   * TOO_MANY_VALUES, naming `tag`.
   */
  include(other: Column, tag: string): Steps<void>;
  /** Gives its memory back; nobody reads it any more, but for those who hold bitmaps of it. */
  dispose(): void;
  image(keep: KeepBitmap): ColumnImage;
  /** Makes an empty column of the same kind and scale what the image says. */
  restore(image: ColumnImage, give: GiveBitmap): void;
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
