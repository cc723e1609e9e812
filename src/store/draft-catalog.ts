/** The versions that are being prepared or kept aside, and who watches their tags. */
import { SegmentdError } from '../errors.js';
import type { ColumnImage, TagKind, TagValue } from './column.js';
import { NumberColumn } from './number-column.js';
import { quote } from './numbers.js';
import type { SegmentStore } from './segment-store.js';
import type { GiveBitmap, KeepBitmap } from './store-image.js';
import { checkDeclaration } from './tag-catalog.js';
import { MAX_BATCH } from './user-directory.js';
import { checkUserId, type UserId } from './user-key.js';
import { type Holding, TagNotes, VersionDraft } from './version-draft.js';

/** Drafts that there may be at once. */
const MAX_DRAFTS = 10_000;

/** All drafts as plain data; see store-image.ts. */
export interface DraftsImage {
  readonly last: number;
  readonly drafts: readonly {
    readonly number: number;
    readonly tag: string;
    readonly changes: ColumnImage;
    readonly gone: number;
    readonly touched: number;
    readonly holding: Holding | undefined;
    readonly group: number;
    readonly obstacle: string;
  }[];
}

export class DraftCatalog {
  readonly #store: SegmentStore;
  readonly #drafts = new Map<number, VersionDraft>();
  readonly #notes = new Map<string, TagNotes>();
  #last = 0;

  constructor(store: SegmentStore) {
    this.#store = store;
  }

  /** Does somebody want to know of writes, also of those that change nothing? */
  get isWatching(): boolean {
    return this.#notes.size > 0;
  }

  get size(): number {
    return this.#drafts.size;
  }

  /** Drafts that were neither published nor discarded. */
  all(): Iterable<VersionDraft> {
    return this.#drafts.values();
  }

  find(number: number): VersionDraft | undefined {
    return this.#drafts.get(number);
  }

  /** Throws INVALID_ARGUMENT when there is no draft of the number. */
  require(number: number): VersionDraft {
    const draft = this.#drafts.get(number);
    if (draft !== undefined) return draft;
    throw new SegmentdError(
      'INVALID_ARGUMENT',
      `there is no version draft ${number}: it was published or discarded, or everything was cleared`,
    );
  }

  /** A number for a draft that nobody has had since the start. */
  next(): number {
    return ++this.#last;
  }

  /** Begins a draft. The tag need not exist; if it does, it must be of the kind and scale. */
  begin(number: number, tag: string, kind: TagKind, scale: number): void {
    if (!Number.isSafeInteger(number) || number < 1 || this.#drafts.has(number)) {
      throw new SegmentdError(
        'INVALID_ARGUMENT',
        `draft ${number}: it is a whole number from 1 that is not taken`,
      );
    }
    if (this.#drafts.size >= MAX_DRAFTS) {
      throw new SegmentdError(
        'LIMIT_REACHED',
        `${MAX_DRAFTS} versions are in preparation, the most there can be`,
      );
    }
    checkDeclaration(tag, { kind, ...(kind === 'number' && { scale }) });
    const { catalog } = this.#store;
    if (catalog.find(tag) === undefined) catalog.checkNew(tag);
    else this.checkKind(tag, kind, scale);
    this.#put(new VersionDraft(number, tag, catalog.createColumn({ kind, scale }), scale));
    this.#last = Math.max(this.#last, number);
  }

  /**
   * Adds to a draft: `gone` are not to have the tag any more, `users` are to have it, with `values`, one for each, unless it
   * is a flag. Of a user who is named twice, the last counts. Who does not exist comes to be when it is published.
   */
  add(
    number: number,
    gone: readonly UserId[],
    users: readonly UserId[],
    values: readonly TagValue[] | undefined,
  ): void {
    const draft = this.require(number);
    draft.checkSound();
    for (const user of gone) checkUserId(user);
    for (const user of users) checkUserId(user);
    if (values === undefined ? draft.kind !== 'flag' : values.length !== users.length) {
      throw new SegmentdError('INVALID_ARGUMENT', `tag ${quote(draft.tag)} needs a value for each user`);
    }
    for (const value of values ?? []) draft.changes.existingCode(value, draft.tag);
    try {
      for (const ordinal of this.#ordinalsOf(gone, false)) if (ordinal >= 0) draft.setGone(ordinal);
      for (const [i, ordinal] of this.#ordinalsOf(users, true).entries()) {
        draft.set(ordinal, values?.[i] ?? true);
      }
    } catch (error) {
      draft.obstacle = 'it was not put together to its end';
      throw error;
    }
  }

  /** Makes drafts of the tag such as cannot be published any more. */
  obstruct(tag: string, obstacle: string): void {
    for (const draft of this.#notes.get(tag)?.drafts ?? []) draft.obstacle ||= obstacle;
  }

  /** Forgets a draft. */
  end(draft: VersionDraft): void {
    this.#drafts.delete(draft.number);
    this.#notes.get(draft.tag)?.drafts.delete(draft);
    this.#dropNotes(draft.tag);
    draft.changes.dispose();
  }

  clear(): void {
    for (const draft of [...this.#drafts.values()]) this.end(draft);
  }

  /** Has every first write to a user's cell of the tag noted, with the code before. */
  watchLate(tag: string, late: Map<number, number>): void {
    this.#notesOf(tag).late.add(late);
  }

  unwatchLate(tag: string, late: Map<number, number>): void {
    this.#notes.get(tag)?.late.delete(late);
    this.#dropNotes(tag);
  }

  /** Throws TAG_CONFLICT if the tag is of another kind. */
  checkKind(name: string, kind: TagKind, scale: number): void {
    const column = this.#store.catalog.find(name)?.column;
    if (column === undefined) return;
    const now = column instanceof NumberColumn ? column.scale : 0;
    if (column.kind === kind && now === scale) return;
    const is = `${column.kind}${now > 0 ? ` of scale ${now}` : ''}`;
    throw new SegmentdError(
      'TAG_CONFLICT',
      `tag ${quote(name)} is a ${is}, this version is a ${kind}${scale > 0 ? ` of scale ${scale}` : ''}: declare the tag so first`,
    );
  }

  image(keep: KeepBitmap): DraftsImage {
    const drafts = [...this.#drafts.values()].map(
      ({ number, tag, changes, gone, touched, holding, group, obstacle }) => {
        const sets = { changes: changes.image(keep), gone: keep(gone), touched: keep(touched) };
        return { number, tag, ...sets, holding, group, obstacle };
      },
    );
    return { last: this.#last, drafts };
  }

  /** Makes an empty catalogue what the image says. */
  restore({ last, drafts }: DraftsImage, give: GiveBitmap): void {
    for (const { number, tag, changes, gone, touched, holding, group, obstacle } of drafts) {
      const column = this.#store.catalog.createColumn(changes);
      column.restore(changes, give);
      const draft = new VersionDraft(number, tag, column, changes.scale);
      draft.gone.orInPlace(give(gone));
      draft.touched.orInPlace(give(touched));
      draft.holding = holding;
      draft.group = group;
      draft.obstacle = obstacle;
      this.#put(draft);
    }
    this.#last = last;
  }

  #put(draft: VersionDraft): void {
    this.#drafts.set(draft.number, draft);
    this.#notesOf(draft.tag).drafts.add(draft);
  }

  #notesOf(tag: string): TagNotes {
    const known = this.#notes.get(tag);
    if (known !== undefined) return known;
    const notes = new TagNotes();
    this.#notes.set(tag, notes);
    this.#store.catalog.setWatch(tag, notes);
    return notes;
  }

  #dropNotes(tag: string): void {
    if (this.#notes.get(tag)?.isIdle !== true) return;
    this.#notes.delete(tag);
    this.#store.catalog.setWatch(tag, undefined);
  }

  /** The ordinals of the users' records, in their order; records are made, or -1 stands where there is none. */
  #ordinalsOf(users: readonly UserId[], makesRecords: boolean): number[] {
    const store = this.#store;
    const ordinals: number[] = [];
    for (let from = 0; from < users.length; from += MAX_BATCH) {
      const to = Math.min(users.length, from + MAX_BATCH);
      const addresses = store.findRecords(users, from, to);
      for (let i = 0; i < to - from; i++) {
        ordinals.push(addresses[i] === 0 ? -1 : store.records.ordinalAt(addresses[i]!));
      }
      // Only now: making one moves others.
      for (let i = from; makesRecords && i < to; i++) {
        if (ordinals[i] === -1) ordinals[i] = store.reserve(users[i]!);
      }
    }
    return ordinals;
  }
}
