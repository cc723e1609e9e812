/**
 * Making other columns those of some tags, all at once. *Planning* takes steps between which others write: the next columns
 * are forks of the present ones with the differences in them, and who comes to be or is no more is found out by reading the
 * vectors of those who lose a tag. *Committing* is one uninterrupted step that exchanges columns, puts right what was written
 * since (`late`), and leaves the vectors to be rewritten later; how many users are different does not matter to it.
 */
import { SegmentdError } from '../errors.js';
import { type Bitmap, bitmapOf, bothOf, differenceOf } from './bitmap.js';
import type { Column, TagKind } from './column.js';
import {
  type ColumnDifference,
  codesOf,
  differenceBetween,
  membersOf,
  ordinalsOf,
} from './column-difference.js';
import { EnumColumn } from './enum-column.js';
import { quote } from './numbers.js';
import type { PendingCodes } from './pending-cells.js';
import type { SegmentStore } from './segment-store.js';
import { finish, type Steps } from './steps.js';
import { takeFrom, type VersionDraft } from './version-draft.js';

/** What a tag is to have. */
export interface PublicationTarget {
  readonly tag: string;
  readonly kind: TagKind;
  readonly scale: number;
  /** What is to be different, or else `column`. */
  readonly draft: VersionDraft | undefined;
  /** Of an earlier version, all of it. */
  readonly column: Column | undefined;
}

/** What became of a tag. */
export interface PublishedTag {
  readonly tag: string;
  /** The column it had. */
  readonly former: Column;
  readonly users: number;
  readonly entered: number;
  readonly left: number;
  readonly changed: number;
}

interface Change {
  readonly target: PublicationTarget;
  /** The column on which the plan rests, its dictionary's version, and the draft's revision. */
  readonly base: Column;
  readonly dictionary: number;
  readonly revision: number | undefined;
  readonly next: Column;
  readonly difference: ColumnDifference;
  readonly codes: PendingCodes;
  /** Users of whose cell somebody wrote since, with the code they had before. */
  readonly late: Map<number, number>;
}

/** A change before it is known what is different; `former` is the base as it was then. */
interface Begun extends Omit<Change, 'difference' | 'codes'> {
  readonly former: Column;
}

/** Users who are looked at in one step. */
const CHUNK = 512;
/** With records up to so many bytes and so few tags, no vector can become too large; see cells.ts for what takes room. */
const SMALL_RECORD = 4096;
const FEW_TAGS = 500;

export class Publication {
  readonly #store: SegmentStore;
  readonly targets: readonly PublicationTarget[];
  readonly #check: () => void;
  /** What is to be planned; and once that is done for all of it, the changes. */
  #begun: Begun[] = [];
  #changes: Change[] = [];
  /** Who was erased before the changes were there. */
  readonly #erased = bitmapOf();
  #coming = bitmapOf();
  #leaving = bitmapOf();
  /** Users who were written to since, whatever the tag. */
  readonly #late = bitmapOf();
  #isPlanned = false;
  /** Did somebody else publish since the plan was begun? */
  #isStale = false;

  /** `check` throws when it cannot be published any more. */
  constructor(store: SegmentStore, targets: readonly PublicationTarget[], check: () => void) {
    this.#store = store;
    this.targets = targets;
    this.#check = check;
  }

  /** Is this what it is to publish? */
  isOf(targets: readonly PublicationTarget[]): boolean {
    return (
      targets.length === this.targets.length &&
      targets.every(({ tag, draft, column }, i) => {
        const own = this.targets[i]!;
        return own.tag === tag && own.draft === draft && own.column === column;
      })
    );
  }

  /** Plans. Throws what `check` throws, and TOO_MANY_VALUES or VECTOR_TOO_LARGE when it cannot be. */
  *plan(): Steps<void> {
    this.#forgetPlan();
    this.#check();
    for (const target of this.targets) this.#begun.push(this.#begin(target));
    const changes: Change[] = [];
    for (const begun of this.#begun) changes.push(yield* planTag(begun));
    this.#changes = changes;
    for (const ordinal of this.#erased) this.#takeOut(ordinal);
    yield* this.#checkVectors();
    // All in one step: the ordinal of who is erased from here on may be that of another dormant record.
    const entered = unionOfAll(this.#changes.map(({ difference }) => difference.entered));
    const left = unionOfAll(this.#changes.map(({ difference }) => difference.left));
    this.#coming = bothOf(entered, this.#store.dormant);
    yield;
    const candidates = yield* ordinalsOf(differenceOf(left, entered));
    for (let at = 0; at < candidates.length; at += CHUNK) {
      const some = candidates.subarray(at, at + CHUNK);
      const gone = some.filter((ordinal) => !this.#late.has(ordinal) && this.#losesAll(ordinal));
      this.#leaving.orInPlace(bitmapOf(gone));
      yield;
    }
    this.#isPlanned = true;
  }

  /** Publishes. Throws as `plan`, and does nothing then. */
  commit(): PublishedTag[] {
    if (!this.isCurrent) finish(this.plan());
    const store = this.#store;
    for (const ordinal of this.#late) this.#checkVector(ordinal);
    const wrong: [change: Change, ordinal: number, code: number][] = [];
    for (const change of this.#changes) {
      for (const [ordinal, before] of change.late) {
        const code = this.#settleLate(change, ordinal, before);
        if (code !== undefined) wrong.push([change, ordinal, code]);
        this.#late.add(ordinal);
      }
    }
    const published = this.#changes.map((change) => this.#exchange(change));
    this.#coming.andNotInPlace(this.#late);
    this.#leaving.andNotInPlace(this.#late);
    store.turnOver(this.#coming, this.#leaving);
    for (const [{ target }, ordinal, code] of wrong) this.#writeLate(target.tag, ordinal, code);
    for (const ordinal of this.#late.toUint32Array()) store.reconsider(ordinal);
    this.#begun = [];
    this.#changes = [];
    this.#isPlanned = false;
    return published;
  }

  /** Does somebody else's publication make the plan worthless? */
  invalidate(): void {
    this.#isStale = true;
  }

  /** To be called for every write to a user while it is planned. */
  note(ordinal: number): void {
    this.#late.add(ordinal);
  }

  /** To be called when the ordinal will be another user's. */
  forget(ordinal: number): void {
    for (const { late } of this.#begun) late.delete(ordinal);
    if (this.#changes.length === 0) this.#erased.add(ordinal);
    else this.#takeOut(ordinal);
    this.#coming.delete(ordinal);
    this.#leaving.delete(ordinal);
    this.#late.delete(ordinal);
  }

  /** Lets go of what was planned. */
  end(): void {
    this.#forgetPlan();
  }

  /** Is the plan about the columns that the tags have now? */
  get isCurrent(): boolean {
    const { catalog } = this.#store;
    return (
      this.#isPlanned &&
      !this.#isStale &&
      this.#changes.every(({ target, base, dictionary, revision }) => {
        if (target.draft?.revision !== revision) return false;
        const column = catalog.find(target.tag)?.column;
        if (column === undefined) return base.count === 0;
        return column === base && dictionaryOf(base) === dictionary;
      })
    );
  }

  #forgetPlan(): void {
    for (const { target, former, next, late } of this.#begun) {
      this.#store.versions.drafts.unwatchLate(target.tag, late);
      former.dispose();
      next.dispose();
    }
    this.#begun = [];
    this.#changes = [];
    this.#erased.clear();
    this.#coming = bitmapOf();
    this.#leaving = bitmapOf();
    this.#late.clear();
    this.#isPlanned = false;
    this.#isStale = false;
  }

  /** From here on every write to the tag counts as late. */
  #begin(target: PublicationTarget): Begun {
    const { catalog, versions } = this.#store;
    const { tag, kind, scale, column } = target;
    const base = catalog.find(tag)?.column ?? catalog.createColumn({ kind, scale });
    const late = new Map<number, number>();
    versions.drafts.watchLate(tag, late);
    const next =
      column === undefined
        ? base.fork()
        : column instanceof EnumColumn
          ? column.forkAs(base as EnumColumn)
          : column.fork();
    return {
      ...{ target, base, next, late, former: base.fork() },
      dictionary: dictionaryOf(base),
      revision: target.draft?.revision,
    };
  }

  /** Will a user who loses a tag have none? */
  #losesAll(ordinal: number): boolean {
    const store = this.#store;
    const address = store.records.addressOf(ordinal);
    if (address === 0) return false;
    let { count } = store.cellsAt(address);
    if (count > this.#changes.length) return false;
    for (const { difference } of this.#changes) if (difference.left.has(ordinal)) count--;
    return count === 0;
  }

  *#checkVectors(): Steps<void> {
    const { largest } = this.#store.records;
    if (largest <= SMALL_RECORD && this.#changes.length <= FEW_TAGS) return;
    for (const { codes } of this.#changes) {
      const ordinals = yield* ordinalsOf(codes.users);
      for (let at = 0; at < ordinals.length; at += CHUNK) {
        for (const ordinal of ordinals.subarray(at, at + CHUNK)) this.#checkVector(ordinal);
        yield;
      }
    }
  }

  #checkVector(ordinal: number): void {
    const { records, catalog } = this.#store;
    const address = records.addressOf(ordinal);
    if (address === 0) return;
    if (this.#changes.length <= FEW_TAGS && records.recordBytes(address) <= SMALL_RECORD) return;
    const cells = this.#store.cellsAt(address);
    for (const [i, { target, codes }] of this.#changes.entries()) {
      if (!codes.users.has(ordinal)) continue;
      const code = codes.codeOf(ordinal);
      const id = catalog.find(target.tag)?.id ?? catalog.idLimit + i;
      if (code < 0) cells.delete(id);
      else cells.put(id, code);
    }
    if (this.#store.fits(cells)) return;
    throw new SegmentdError(
      'VECTOR_TOO_LARGE',
      `user ${quote(this.#store.idOf(ordinal).toString())} would have ${cells.count} tags, more than one user may have: take ` +
        'some away, or leave the user out of the list',
    );
  }

  /** Puts the plan right for a user. Returns the code that the vector is to get at once, if it is not what it should be. */
  #settleLate(
    { target, base, next, difference, codes }: Change,
    ordinal: number,
    before: number,
  ): number | undefined {
    const store = this.#store;
    const tag = store.catalog.find(target.tag);
    const address = store.records.addressOf(ordinal);
    const now = tag === undefined ? -1 : store.codeAt(address, tag);
    const planned = codes.users.has(ordinal) ? codes.codeOf(ordinal) : before;
    codes.users.delete(ordinal);
    for (const set of Object.values(difference) as Bitmap[]) set.delete(ordinal);
    if (target.draft !== undefined) {
      // What was written since the draft was begun counts. A value that the draft left to nobody gets its code back.
      if (now >= 0) next.codeFor(base.valueOf(now), target.tag);
      if (planned >= 0 && now >= 0) next.change(ordinal, planned, now);
      else if (planned >= 0) next.remove(ordinal, planned);
      else if (now >= 0) next.add(ordinal, now);
      return undefined;
    }
    if (planned === now) return undefined;
    if (now < 0) difference.entered.add(ordinal);
    else if (planned < 0) difference.left.add(ordinal);
    else difference.changed.add(ordinal);
    return planned;
  }

  #takeOut(ordinal: number): void {
    for (const { next, difference, codes } of this.#changes) {
      takeFrom(next, ordinal);
      for (const set of Object.values(difference) as Bitmap[]) set.delete(ordinal);
      codes.users.delete(ordinal);
    }
  }

  #exchange({ target, base, next, difference, codes, late }: Change): PublishedTag {
    const { catalog, versions } = this.#store;
    const { kind, scale } = target;
    versions.drafts.unwatchLate(target.tag, late);
    const tag = catalog.find(target.tag) ?? catalog.create(target.tag, { kind, scale }, true);
    // Who loads a list says what the tag is: it stays so, and stays when the list is empty.
    tag.declared = true;
    this.#store.pairs += next.count - base.count;
    catalog.succeed(tag, next);
    this.#store.defer(tag, codes);
    if (!this.#store.isPending(tag) && next instanceof EnumColumn) next.unpark();
    const { entered, left, changed } = difference;
    const [users, former] = [next.count, base];
    return { tag: target.tag, former, users, entered: entered.size, left: left.size, changed: changed.size };
  }

  #writeLate(name: string, ordinal: number, code: number): void {
    const store = this.#store;
    const address = store.records.addressOf(ordinal);
    const tag = store.catalog.require(name);
    const cells = store.cellsAt(address);
    if (code < 0) cells.delete(tag.id);
    else cells.put(tag.id, code);
    store.replaceCells(address, cells);
  }
}

function* planTag(begun: Begun): Steps<Change> {
  const { target, former, next } = begun;
  if (target.draft !== undefined) yield* applyDraft(target.draft, next);
  const difference = yield* differenceBetween(former, next);
  const codes = yield* codesOf(next, difference);
  former.dispose();
  return { ...begun, difference, codes };
}

/** Makes a fork of the tag's column what the draft says. */
function* applyDraft({ tag, changes, gone, touched }: VersionDraft, next: Column): Steps<void> {
  const given = changes.fork();
  // Who is touched from here on is late.
  yield* given.exclude(touched.clone());
  const replaced = (yield* membersOf(given)).orInPlace(differenceOf(gone, touched));
  yield;
  yield* next.exclude(replaced);
  yield* next.include(given, tag);
  given.dispose();
}

function dictionaryOf(column: Column): number {
  return column instanceof EnumColumn ? column.dictionaryVersion : 0;
}

function unionOfAll(bitmaps: readonly Bitmap[]): Bitmap {
  const union = bitmapOf();
  for (const bitmap of bitmaps) union.orInPlace(bitmap);
  return union;
}
