/** Versions that are being prepared, and who watches the tags for them. */
import { SegmentdError } from '../errors.js';
import { type Bitmap, bitmapBytes, bitmapOf } from './bitmap.js';
import type { Column, TagKind, TagValue } from './column.js';
import { quote } from './numbers.js';
import type { TagWatch } from './tag-catalog.js';

/** How a new list compares with what the tag had when the list was compared. */
export interface ListCounts {
  /** Ids in the list, repeated ones too. */
  readonly listed: number;
  /** Different ids that were no users, and how often an id was in the list again. */
  readonly unknown: number;
  readonly duplicates: number;
  /** Users of the tag, in the list and before it. */
  readonly users: number;
  readonly before: number;
  readonly entered: number;
  readonly left: number;
  /** Users with another value. */
  readonly changed: number;
}

/** Why a version is kept aside, and what it is to be once it is published. */
export interface Holding {
  readonly reason: string;
  readonly release: string;
  readonly source: string;
  /** When it was put aside, in milliseconds since the epoch. */
  readonly at: number;
  readonly counts: ListCounts;
}

/** What is held together with others: which draft, and why. */
export interface HeldDraft extends Pick<Holding, 'reason' | 'counts'> {
  readonly draft: number;
}

/** One tag's next version, as what is different from what the tag had when the draft was begun. */
export class VersionDraft {
  readonly number: number;
  readonly tag: string;
  readonly kind: TagKind;
  readonly scale: number;
  /** Users who are to have the tag, with their values; in a dictionary of its own. */
  readonly changes: Column;
  /** The users of `changes`. */
  readonly #given: Bitmap;
  /** Users who are not to have it any more. */
  readonly gone = bitmapOf();
  /** Users of whose cell somebody wrote since: that counts, and not what the draft says. */
  readonly touched = bitmapOf();
  /** Counts what was put into it. */
  revision = 0;
  holding: Holding | undefined;
  /** Of what is held: the same number for all that is to be published together. */
  group = 0;
  /** Why it cannot be published any more; empty while it can. */
  obstacle = '';

  constructor(number: number, tag: string, changes: Column, scale: number) {
    this.number = number;
    this.tag = tag;
    this.kind = changes.kind;
    this.scale = scale;
    this.changes = changes;
    this.#given = changes.members().clone();
  }

  /** Everybody who is named. To be read at once. */
  get sets(): readonly Bitmap[] {
    return [this.#given, this.gone, this.touched];
  }

  get bytes(): number {
    return this.sets.reduce((bytes, set) => bytes + bitmapBytes(set), this.changes.bytes());
  }

  /** The user is to have the tag with the value. */
  set(ordinal: number, value: TagValue): void {
    this.revision++;
    this.gone.delete(ordinal);
    if (this.#given.has(ordinal)) takeFrom(this.changes, ordinal);
    this.changes.add(ordinal, this.changes.codeFor(value, this.tag));
    this.#given.add(ordinal);
  }

  /** The user is not to have the tag. */
  setGone(ordinal: number): void {
    this.revision++;
    if (this.#given.delete(ordinal)) takeFrom(this.changes, ordinal);
    this.gone.add(ordinal);
  }

  /** Throws VERSION_CONFLICT when it cannot be published. */
  checkSound(): void {
    if (this.obstacle === '') return;
    throw new SegmentdError(
      'VERSION_CONFLICT',
      `the next version of tag ${quote(this.tag)} cannot be published: ${this.obstacle}; prepare it again`,
    );
  }

  names(ordinal: number): boolean {
    return this.sets.some((set) => set.has(ordinal));
  }

  /** To be called when the ordinal will be another user's. */
  forget(ordinal: number): void {
    this.gone.delete(ordinal);
    this.touched.delete(ordinal);
    if (this.#given.delete(ordinal)) takeFrom(this.changes, ordinal);
  }
}

/** Takes one user out of a column, whatever the value. */
export function takeFrom(column: Column, ordinal: number): void {
  const code = column.codeOf(ordinal);
  if (code >= 0) column.remove(ordinal, code);
}

/** Watches one tag for all drafts of it, and for all publications that are being planned. */
export class TagNotes implements TagWatch {
  readonly drafts = new Set<VersionDraft>();
  /** By publication: the code that each user had before the first write. */
  readonly late = new Set<Map<number, number>>();

  get isIdle(): boolean {
    return this.drafts.size === 0 && this.late.size === 0;
  }

  note(ordinal: number, before: number): void {
    for (const draft of this.drafts) draft.touched.add(ordinal);
    for (const late of this.late) if (!late.has(ordinal)) late.set(ordinal, before);
  }
}
