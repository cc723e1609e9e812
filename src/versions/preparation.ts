/**
 * A tag's new list, compared with what the tag has. While the list comes in, other requests are served and may write to the
 * tag; a draft is begun first, which notes those writes, so that it does not matter when a user of the list is looked at.
 */
import { SegmentdError } from '../errors.js';
import type { Mutation } from '../mutation.js';
import { type Bitmap, bitmapOf, differenceOf } from '../store/bitmap.js';
import type { Column, TagValue } from '../store/column.js';
import { membersOf } from '../store/column-difference.js';
import { NumberColumn } from '../store/number-column.js';
import { quote } from '../store/numbers.js';
import type { SegmentStore } from '../store/segment-store.js';
import type { Steps } from '../store/steps.js';
import type { Tag, TagDeclaration } from '../store/tag-catalog.js';
import { MAX_BATCH } from '../store/user-directory.js';
import { checkUserId, type UserId } from '../store/user-key.js';
import type { ListCounts } from '../store/version-draft.js';
import { CodePages } from './code-pages.js';

/** Users in one mutation: some hundred microseconds. */
const BATCH = 512;

/** Part of a list. */
export interface ListBatch {
  readonly users: readonly UserId[];
  /** One for each user; for flags, none. Of a user who is listed twice, the last counts. */
  readonly values?: readonly TagValue[];
}

/** How a new list is taken. */
export interface PreparationOptions {
  /** What the tag is to be if there is none yet; a flag by default. If there is one, it must be this. */
  readonly declaration?: TagDeclaration;
  /** Ids that are no users: make users of them when it is published (the default), or leave them out. */
  readonly unknown?: 'create' | 'skip';
}

/** A version that is ready to be published. */
export interface PreparedVersion extends ListCounts {
  /** Its number, by which it is published, put aside or discarded. */
  readonly draft: number;
  readonly tag: string;
}

/** Takes a new list part by part; made by `engine.versions.begin`. */
export class Preparation {
  readonly draft: number;
  readonly tag: string;
  readonly #store: SegmentStore;
  readonly #apply: (mutation: Mutation) => number;
  readonly #skipsUnknown: boolean;
  /** Gives each value a code of its own; nobody is in it. */
  readonly #values: Column;
  /** Everybody in the list. */
  readonly #list = bitmapOf();
  /** Of valued tags: those of them who had another value when they were looked at, or none. */
  readonly #different = bitmapOf();
  readonly #codes = new CodePages();
  /** Those who were no users. */
  readonly #strangers = bitmapOf();
  /** What the versions of the store watch over for this. */
  readonly #watched: Bitmap[] = [];
  #listed = 0;
  #duplicates = 0;
  #isOpen = true;

  /** Begins a draft; to be brought to its end, or cancelled. Throws what is wrong with the tag. */
  constructor(
    store: SegmentStore,
    apply: (mutation: Mutation) => number,
    tag: string,
    { declaration, unknown = 'create' }: PreparationOptions = {},
  ) {
    this.#store = store;
    this.#apply = apply;
    this.tag = tag;
    this.#skipsUnknown = unknown === 'skip';
    const column = store.catalog.find(tag)?.column;
    const { kind, scale = 0 } = declaration ?? {
      kind: column?.kind ?? 'flag',
      scale: column instanceof NumberColumn ? column.scale : 0,
    };
    this.draft = store.versions.drafts.next();
    apply({ type: 'beginVersion', draft: this.draft, tag, kind, scale });
    this.#values = store.catalog.createColumn({ kind, scale });
    for (const set of [this.#list, this.#different, this.#strangers]) this.#watch(set);
  }

  /** Takes part of the list. Throws INVALID_USER_ID and the like; then the whole is to be cancelled. */
  *add({ users, values }: ListBatch): Steps<void> {
    const isFlag = this.#values.kind === 'flag';
    if (values === undefined ? !isFlag : values.length !== users.length) {
      throw new SegmentdError(
        'INVALID_ARGUMENT',
        `tag ${quote(this.tag)} needs a value for each user of the list`,
      );
    }
    for (let from = 0; from < users.length; from += BATCH) {
      this.#checkOpen();
      const to = Math.min(from + BATCH, users.length);
      for (let i = from; i < to; i++) checkUserId(users[i]!);
      if (isFlag && values === undefined) this.#addFlags(users, from, to);
      else
        for (let i = from; i < to; i += MAX_BATCH)
          this.#addValues(users, values!, i, Math.min(i + MAX_BATCH, to));
      this.#listed += to - from;
      yield;
    }
  }

  /** Finds out what is different, and puts it into the draft. */
  *finish(): Steps<PreparedVersion> {
    this.#checkOpen();
    // Whoever writes between these steps is not to be in the draft: it does not matter what is found of them.
    const column = this.#store.catalog.find(this.tag)?.column;
    const members = this.#watch(bitmapOf());
    if (column !== undefined) yield* membersOf(column, members);
    const left = this.#watch(differenceOf(members, this.#list));
    yield;
    const isFlag = this.#values.kind === 'flag';
    const different = isFlag ? this.#watch(differenceOf(this.#list, members)) : this.#different;
    yield;
    const changed = different.andCardinality(members);
    const counts = {
      listed: this.#listed,
      unknown: this.#strangers.size,
      duplicates: this.#duplicates,
      users: this.#list.size,
      before: members.size,
      entered: different.size - changed,
      left: left.size,
      changed,
    };
    yield;
    const values = isFlag ? undefined : [];
    yield* this.#draft(left, (gone) => ({ gone, users: [], values }));
    yield* this.#draft(different, (users, ordinals) => ({
      gone: [],
      users,
      values: values && this.#valuesOf(ordinals),
    }));
    this.#close();
    return { draft: this.draft, tag: this.tag, ...counts };
  }

  /** Gives up: nothing is left of it. */
  cancel(): void {
    if (!this.#isOpen) return;
    this.#close();
    try {
      this.#apply({ type: 'discardVersion', draft: this.draft });
    } catch {
      // The engine is closed, or cannot keep changes: drafts are forgotten at the next start.
    }
  }

  #close(): void {
    this.#isOpen = false;
    for (const set of this.#watched) this.#store.versions.unwatchSet(set);
  }

  #watch(set: Bitmap): Bitmap {
    this.#watched.push(set);
    this.#store.versions.watchSet(set);
    return set;
  }

  /** Throws when the draft is gone, or cannot be published any more, so that nobody goes on in vain. */
  #checkOpen(): void {
    if (this.#isOpen) {
      this.#store.versions.drafts.require(this.draft).checkSound();
      return;
    }
    throw new SegmentdError('INVALID_ARGUMENT', `the list of tag ${quote(this.tag)} is at its end already`);
  }

  #addFlags(users: readonly UserId[], from: number, to: number): void {
    const found: number[] = [];
    for (let at = from; at < to; at += MAX_BATCH) {
      const end = Math.min(at + MAX_BATCH, to);
      const addresses = this.#store.findRecords(users, at, end);
      for (let i = 0; i < end - at; i++) {
        found.push(addresses[i] === 0 ? -1 : this.#store.records.ordinalAt(addresses[i]!));
      }
    }
    const hasDormant = !this.#store.dormant.isEmpty;
    const ordinals = found.map((ordinal, i) => this.#wanted(ordinal, hasDormant, users[from + i]!));
    const wanted = ordinals.filter((ordinal) => ordinal >= 0);
    const before = this.#list.size;
    this.#list.addMany(wanted);
    this.#duplicates += wanted.length - (this.#list.size - before);
  }

  #addValues(users: readonly UserId[], values: readonly TagValue[], from: number, to: number): void {
    const store = this.#store;
    const tag = store.catalog.find(this.tag);
    const found: { ordinal: number; now: number }[] = [];
    const addresses = store.findRecords(users, from, to);
    for (let i = 0; i < to - from; i++) {
      const address = addresses[i]!;
      found.push({
        ordinal: address === 0 ? -1 : store.records.ordinalAt(address),
        now: address === 0 || tag === undefined ? -1 : store.codeAt(address, tag),
      });
    }
    const hasDormant = !store.dormant.isEmpty;
    for (const [i, { ordinal: known, now }] of found.entries()) {
      const code = this.#values.codeFor(values[from + i]!, this.tag);
      const ordinal = this.#wanted(known, hasDormant, users[from + i]!);
      if (ordinal < 0) continue;
      if (!this.#list.tryAdd(ordinal)) this.#duplicates++;
      if (now >= 0 && isSame(tag!, now, this.#values, code)) {
        this.#different.delete(ordinal);
        continue;
      }
      this.#different.add(ordinal);
      this.#codes.set(ordinal, code);
    }
  }

  /**
   * The ordinal for an id of the list whose record has `ordinal`, or -1 if it has none; -1 if it is to be left out. A record is
   * made in either case, so that it is known when the id comes again.
   */
  #wanted(ordinal: number, mayBeDormant: boolean, user: UserId): number {
    if (ordinal >= 0 && !(mayBeDormant && this.#store.dormant.has(ordinal))) return ordinal;
    const stranger = ordinal >= 0 ? ordinal : this.#store.reserve(user);
    const isNew = this.#strangers.tryAdd(stranger);
    if (!this.#skipsUnknown) return stranger;
    if (!isNew) this.#duplicates++;
    return -1;
  }

  *#draft(
    users: Bitmap,
    partOf: (
      ids: UserId[],
      ordinals: Uint32Array,
    ) => Pick<Mutation & { type: 'draftVersion' }, 'gone' | 'users' | 'values'>,
  ): Steps<void> {
    while (!users.isEmpty) {
      this.#checkOpen();
      const ordinals = users.rangeUint32Array(new Uint32Array(BATCH), 0, BATCH);
      const ids = Array.from(ordinals, (ordinal) => this.#store.idOf(ordinal));
      this.#apply({ type: 'draftVersion', draft: this.draft, ...partOf(ids, ordinals) });
      users.andNotInPlace(bitmapOf(ordinals));
      yield;
    }
  }

  #valuesOf(ordinals: Uint32Array): TagValue[] | undefined {
    if (this.#values.kind === 'flag') return undefined;
    return Array.from(ordinals, (ordinal) => this.#values.valueOf(this.#codes.get(ordinal)));
  }
}

/** Does a code of the tag say the same as one of another column of its kind? */
function isSame(tag: Tag, code: number, values: Column, other: number): boolean {
  return tag.column.kind === 'enum' ? tag.column.textOf(code) === values.textOf(other) : code === other;
}
