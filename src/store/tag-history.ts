/** The versions of one tag: the current one, whose column is the tag's, and earlier ones that are kept to go back to. */
import { SegmentdError } from '../errors.js';
import type { Bitmap } from './bitmap.js';
import type { Column, ColumnImage } from './column.js';
import { EnumColumn } from './enum-column.js';
import { quote } from './numbers.js';
import type { GiveBitmap, KeepBitmap } from './store-image.js';
import type { TagCatalog } from './tag-catalog.js';
import { takeFrom } from './version-draft.js';

/** Earlier versions that are kept unless the tag says otherwise. */
export const DEFAULT_KEPT = 2;
export const MAX_KEPT = 100;
/** Versions of which it is still told that they were there. */
const MAX_TOLD = 100;

/** `rolled back`: kept, and left for an earlier one. `dropped`: its users are not known any more. */
export type VersionState = 'current' | 'kept' | 'rolled back' | 'dropped';

/** What is known of a version. */
export interface VersionInfo {
  /** From 1 on; 0 is what the tag had before its first version. */
  readonly number: number;
  /** The release it came with; empty for version 0. */
  readonly release: string;
  /** Where the list came from, as whoever published it says. */
  readonly source: string;
  /** When it was published, in milliseconds since the epoch; 0 for version 0. */
  readonly at: number;
  /** Users when it was published, and how many of them were new to the tag, had left it, and had another value before. */
  readonly users: number;
  readonly entered: number;
  readonly left: number;
  readonly changed: number;
  readonly state: VersionState;
  /** The version that it followed; -1 for none. */
  readonly previous: number;
}

/** A version that becomes the current one. */
export type NewVersion = Omit<VersionInfo, 'number' | 'state' | 'previous'>;

/** A history as plain data; see store-image.ts. */
export interface HistoryImage {
  readonly kept: number;
  readonly last: number;
  readonly current: number;
  readonly versions: readonly VersionInfo[];
  /** Of the versions that are kept, the one that was left first comes first. */
  readonly columns: readonly (readonly [version: number, column: ColumnImage])[];
}

interface Kept {
  readonly column: Column;
  /** Of an enum: the users of all values, once somebody has asked. */
  users: Bitmap | undefined;
}

export class TagHistory {
  readonly #tag: string;
  #kept = DEFAULT_KEPT;
  #last = 0;
  #current = -1;
  /** In the order of their numbers. */
  readonly #versions = new Map<number, VersionInfo>();
  /** In the order in which they were left. */
  readonly #columns = new Map<number, Kept>();

  constructor(tag: string) {
    this.#tag = tag;
  }

  /** How many earlier versions are kept. */
  get kept(): number {
    return this.#kept;
  }

  /** Every version that is told of, the oldest first. */
  get versions(): readonly VersionInfo[] {
    return [...this.#versions.values()];
  }

  /** The number of the current version; -1 when none was ever published. */
  get current(): number {
    return this.#current;
  }

  get bytes(): number {
    let bytes = 0;
    for (const { column } of this.#columns.values()) bytes += column.bytes();
    return bytes;
  }

  /** The columns of the versions that are kept; not that of the current one. */
  *columns(): Iterable<[version: number, column: Column]> {
    for (const [version, { column }] of this.#columns) yield [version, column];
  }

  /** Throws UNKNOWN_VERSION for a version that never was. */
  require(number: number): VersionInfo {
    const version = this.#versions.get(number);
    if (version !== undefined) return version;
    throw new SegmentdError('UNKNOWN_VERSION', `tag ${quote(this.#tag)} has no version ${number}`);
  }

  /** The column of a version that is kept and not the current one. Throws UNKNOWN_VERSION. */
  columnOf(number: number): Column {
    this.require(number);
    const kept = this.#columns.get(number);
    if (kept !== undefined) return kept.column;
    throw new SegmentdError(
      'UNKNOWN_VERSION',
      `version ${number} of tag ${quote(this.#tag)} is not kept any more: the tag keeps ${this.#kept} besides the current one`,
    );
  }

  /** The version that the current one followed. Throws UNKNOWN_VERSION when there is none. */
  get previous(): number {
    const current = this.#versions.get(this.#current);
    if (current !== undefined && current.previous >= 0) return current.previous;
    const what = current === undefined ? 'was never loaded' : 'has no version before the current one';
    throw new SegmentdError('UNKNOWN_VERSION', `tag ${quote(this.#tag)} ${what}`);
  }

  /** Begins a version, which the tag's column is now; `former` was before. Returns its number. */
  publish(version: NewVersion, former: Column): number {
    if (this.#current < 0) {
      const [users, nothing] = [
        former.count,
        { release: '', source: '', at: 0, entered: 0, left: 0, changed: 0 },
      ];
      this.#versions.set(0, { number: 0, users, ...nothing, state: 'current', previous: -1 });
      this.#current = 0;
    }
    const previous = this.#current;
    this.#leave(former, 'kept');
    this.#current = ++this.#last;
    this.#versions.set(this.#last, { ...version, number: this.#last, state: 'current', previous });
    return this.#last;
  }

  /** Makes another version the current one, whose column the tag has now; `former` was before. */
  goTo(number: number, former: Column): void {
    const target = this.require(number);
    this.#columns.get(number)?.column.dispose();
    this.#columns.delete(number);
    this.#leave(former, number < this.#current ? 'rolled back' : 'kept');
    this.#versions.set(number, { ...target, state: 'current' });
    this.#current = number;
  }

  /** Sets how many earlier versions are kept. */
  keep(count: number): void {
    this.#kept = count;
    this.#trim();
  }

  names(ordinal: number): boolean {
    for (const kept of this.#columns.values()) if (usersOf(kept).has(ordinal)) return true;
    return false;
  }

  /** The users of every version that is kept. To be read at once. */
  *sets(): Iterable<Bitmap> {
    for (const kept of this.#columns.values()) yield usersOf(kept);
  }

  /** To be called when the ordinal will be another user's. */
  forget(ordinal: number): void {
    for (const kept of this.#columns.values()) {
      if (!usersOf(kept).has(ordinal)) continue;
      takeFrom(kept.column, ordinal);
      kept.users?.delete(ordinal);
    }
  }

  compact(): void {
    for (const { column } of this.#columns.values()) column.compact();
  }

  /** Ends the history. */
  dispose(): void {
    for (const { column } of this.#columns.values()) column.dispose();
    this.#columns.clear();
  }

  image(keep: KeepBitmap): HistoryImage {
    return {
      kept: this.#kept,
      last: this.#last,
      current: this.#current,
      versions: this.versions,
      columns: [...this.columns()].map(([version, column]) => [version, column.image(keep)]),
    };
  }

  /** Makes an empty history what the image says. */
  restore(image: HistoryImage, catalog: TagCatalog, give: GiveBitmap): void {
    this.#kept = image.kept;
    this.#last = image.last;
    this.#current = image.current;
    for (const version of image.versions) this.#versions.set(version.number, version);
    for (const [version, columnImage] of image.columns) {
      const column = catalog.createColumn(columnImage);
      column.restore(columnImage, give);
      this.#columns.set(version, { column, users: undefined });
    }
  }

  /** The current version is one that was. */
  #leave(column: Column, state: VersionState): void {
    const number = this.#current;
    this.#versions.set(number, { ...this.require(number), state });
    this.#columns.set(number, { column, users: undefined });
    this.#trim();
  }

  #trim(): void {
    for (const [number, { column }] of this.#columns) {
      if (this.#columns.size <= this.#kept) break;
      this.#columns.delete(number);
      column.dispose();
      this.#versions.set(number, { ...this.require(number), state: 'dropped' });
    }
    for (const [number, { state }] of this.#versions) {
      if (this.#versions.size <= MAX_TOLD) break;
      if (state === 'dropped') this.#versions.delete(number);
    }
  }
}

/** Everybody in a version. */
function usersOf(kept: Kept): Bitmap {
  if (!(kept.column instanceof EnumColumn)) return kept.column.members();
  kept.users ??= kept.column.members();
  return kept.users;
}
