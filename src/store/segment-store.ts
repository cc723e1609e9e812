/**
 * The dual index: user vectors and tag columns, changed together. Every method leaves both in step, or throws and leaves
 * them as they were. Only `apply` of src/mutation.ts calls the methods that change something.
 */
import { SegmentdError } from '../errors.js';
import { AudienceCatalog } from './audience-catalog.js';
import type { Bitmap } from './bitmap.js';
import { type Column, codeIfAny, type TagValue } from './column.js';
import { ColumnShrinker } from './column-shrinker.js';
import { EnumColumn } from './enum-column.js';
import { incremented } from './increment.js';
import { quote } from './numbers.js';
import { checkDeclaration, type Tag, TagCatalog, type TagDeclaration } from './tag-catalog.js';
import { changeKind, widenedFor } from './tag-conversion.js';
import { MAX_BATCH } from './user-directory.js';
import { checkUserId, type UserId, type UserKey } from './user-key.js';
import { UserStore } from './user-store.js';
import { VersionCatalog } from './version-catalog.js';

export { MAX_BATCH };

export interface StoreOptions {
  readonly maxEnumValues: number;
  readonly strict: boolean;
}

/** Users who are rewritten at once when nobody else waits. */
const SETTLE_BATCH = 4096;

/** Takes one step of a mutation back, for one that fails later on. */
type Undo = () => void;

export class SegmentStore extends UserStore {
  readonly catalog: TagCatalog;
  readonly audiences = new AudienceCatalog(this);
  readonly versions = new VersionCatalog(this);
  /** (user, tag) pairs. */
  pairs = 0;
  readonly #shrinker: ColumnShrinker;
  /** What `#write` writes and what was there, by position; kept between calls, which never nest. */
  readonly #codes: number[] = [];
  readonly #before: number[] = [];
  /** The ordinal of the user whom `#write` wrote last. */
  #written = 0;
  /** Counts the calls of `setTags`; see `Tag.round`. */
  #round = 0;

  constructor(options: StoreOptions, seed?: number) {
    super(seed);
    this.catalog = new TagCatalog(options);
    this.#shrinker = new ColumnShrinker(this.catalog);
  }

  /** Gives a user tags; of a tag that is named twice, the last value counts. Returns how many are new to the user. */
  setTags(user: UserId, names: readonly string[], values: readonly TagValue[]): number {
    const key = this.key.set(user);
    const undo: Undo[] = [];
    try {
      const tags: Tag[] = [];
      const round = ++this.#round;
      let distinct = true;
      for (let i = 0; i < names.length; i++) {
        const tag = this.#tagFor(names[i]!, values[i]!, undo);
        if (tag.round === round) distinct = false;
        tag.round = round;
        tags.push(tag);
      }
      if (distinct) return this.#writeAndNote(key, tags, values);
      const last = new Map(tags.map((tag, i) => [tag, values[i]!]));
      return this.#writeAndNote(key, [...last.keys()], [...last.values()]);
    } catch (error) {
      takeBack(undo);
      throw error;
    }
  }

  /** Takes tags from a user. Returns how many the user had. A user without tags is no more. */
  removeTags(user: UserId, names: readonly string[]): number {
    const address = this.find(user);
    if (address === 0) return 0;
    if (this.versions.isWatching) for (const name of names) this.#noteRemoval(name, address);
    const cells = this.cellsAt(address);
    const removed: Tag[] = [];
    const codes: number[] = [];
    for (const name of names) {
      const tag = this.catalog.find(name);
      if (tag === undefined) continue;
      const code = cells.delete(tag.id);
      if (code < 0) continue;
      removed.push(tag);
      codes.push(code);
    }
    if (removed.length === 0) return 0;
    const ordinal = this.records.ordinalAt(address);
    if (cells.count > 0) this.replaceCells(address, cells, this.key);
    else this.leave(address, ordinal, this.key);
    for (let i = 0; i < removed.length; i++) this.#uncount(removed[i]!, ordinal, codes[i]!);
    return removed.length;
  }

  /**
   * Adds users to a tag: with `value`, users who have another one change over to it; without, users who have the tag
   * already are left. Returns how many users changed.
   */
  addUsers(name: string, value: TagValue | undefined, users: readonly UserId[]): number {
    for (const user of users) checkUserId(user);
    const known = this.catalog.find(name);
    let wanted = users;
    if (value === undefined && known !== undefined && known.column.kind !== 'flag') {
      wanted = users.filter((user) => !this.#has(user, known));
      if (wanted.length > 0 && known.declared) throw needsValue(known);
    }
    const undo: Undo[] = [];
    let added = 0;
    try {
      const written = value ?? true;
      if (wanted.length > 0) added = this.#addEach(this.#tagFor(name, written, undo), written, wanted);
    } catch (error) {
      takeBack(undo);
      throw error;
    }
    if (wanted.length < users.length && this.versions.isWatching) this.#noteMembers(known!, users);
    return added;
  }

  /** Takes users from a tag; with `value`, only those who have it. Returns how many changed. */
  removeUsers(name: string, value: TagValue | undefined, users: readonly UserId[]): number {
    for (const user of users) checkUserId(user);
    if (this.versions.isWatching) {
      for (const user of users) this.#noteRemoval(name, this.find(user));
    }
    const tag = this.catalog.find(name);
    if (tag === undefined) return 0;
    const code = value === undefined ? -1 : codeIfAny(tag.column, value);
    if (value !== undefined && code < 0) return 0;
    let changed = 0;
    for (const user of users) {
      const address = this.find(user);
      if (address === 0) continue;
      const before = this.codeAt(address, tag);
      if (before < 0 || (value !== undefined && before !== code)) continue;
      this.#removeCell(address, tag, this.key);
      changed++;
    }
    return changed;
  }

  /**
   * Adds an integer to a user's number. A tag that does not exist becomes a number; one that was made by a write may hold
   * integers as any kind.
   */
  increment(user: UserId, name: string, by: number): void {
    const key = this.key.set(user);
    if (!Number.isInteger(by))
      throw new SegmentdError('NOT_AN_INTEGER', `${by} is not a whole number to add`);
    const known = this.catalog.find(name);
    if (known === undefined) this.catalog.checkNew(name);
    const tag = known ?? this.catalog.create(name, { kind: 'number' }, false);
    const address = this.directory.find(key);
    const code = address === 0 ? -1 : this.codeAt(address, tag);
    try {
      this.setTags(key.toBytes(), [name], [incremented(tag, code, by)]);
    } finally {
      this.catalog.dropIfUnused(tag);
    }
  }

  /** Takes a user out, id and all, also out of every version. Returns whether there was one, or a version that names one. */
  eraseUser(user: UserId): boolean {
    const address = this.directory.find(this.key.set(user));
    if (address === 0) return false;
    const cells = this.cellsAt(address);
    const ordinal = this.records.ordinalAt(address);
    const isKnown = cells.count > 0 || this.versions.names(ordinal);
    const tags: Tag[] = [];
    const codes: number[] = [];
    for (let i = 0; i < cells.count; i++) {
      tags.push(this.catalog.byId(cells.tags[i]!)!);
      codes.push(cells.codes[i]!);
    }
    this.erase(address, ordinal, this.key);
    this.versions.recordGone(ordinal);
    for (let i = 0; i < tags.length; i++) this.#uncount(tags[i]!, ordinal, codes[i]!);
    return isKnown;
  }

  /** Declares a tag, or converts the one of that name. Throws TAG_CONFLICT when a value does not allow it. */
  declareTag(name: string, declaration: TagDeclaration): void {
    checkDeclaration(name, declaration);
    const tag = this.catalog.find(name);
    if (tag === undefined) {
      this.catalog.create(name, declaration, true);
      return;
    }
    changeKind(this, tag, declaration);
    tag.declared = true;
    if (declaration.description !== undefined) tag.description = declaration.description;
  }

  /** Takes a tag from all of its users and out of the catalogue. Returns whether there was one. */
  dropTag(name: string): boolean {
    const tag = this.catalog.find(name);
    if (tag === undefined) return false;
    this.audiences.checkUnused(tag);
    // Vectors must not name a tag that is no more.
    this.settle();
    this.versions.tagDropped(name);
    tag.declared = true;
    this.clearTag(name);
    this.catalog.drop(tag);
    return true;
  }

  /** Takes a tag from all of its users; one that is declared or used stays. Returns how many users had it. */
  clearTag(name: string): number {
    const tag = this.catalog.find(name);
    if (tag === undefined) return 0;
    const ordinals = tag.column.members().toUint32Array();
    for (const ordinal of ordinals) {
      const address = this.records.addressOf(ordinal);
      tag.watch?.note(ordinal, this.codeAt(address, tag));
      this.#removeCell(address, tag);
    }
    return ordinals.length;
  }

  /** Takes everything out, declarations too. */
  clear(): void {
    // Users go first: a reader in another thread must not see one who has lost some of the tags.
    this.clearUsers();
    this.pairs = 0;
    this.audiences.clear();
    this.versions.clear();
    for (const tag of [...this.catalog.all()]) this.catalog.drop(tag);
  }

  /**
   * Gives the users `ordinals` other codes for a tag, `to` instead of `from`, and the tag the column that holds them so.
   * For conversions: the users stay the same.
   */
  recode(tag: Tag, column: Column, ordinals: Uint32Array, from: Float64Array, to: Float64Array): void {
    this.catalog.changing();
    let done = 0;
    try {
      for (; done < ordinals.length; done++) this.#recodeOne(ordinals[done]!, tag, to[done]!);
      this.catalog.exchange(tag, column);
    } catch (error) {
      while (done-- > 0) this.#recodeOne(ordinals[done]!, tag, from[done]!);
      throw error;
    } finally {
      this.catalog.changed(tag);
    }
  }

  /** Makes `column`, which already holds the tag's users, the tag's column. */
  adopt(tag: Tag, column: Column): void {
    this.catalog.exchange(tag, column);
    this.catalog.changed(tag);
  }

  /** Ends what is left of publications: vectors say what columns say, and nobody is kept whom no version names. */
  settle(): void {
    while (this.rewrite(SETTLE_BATCH) || this.versions.sweep(SETTLE_BATCH));
  }

  protected override isNamed(ordinal: number): boolean {
    return this.versions.isPlanning || this.versions.names(ordinal);
  }

  protected override userLeft(ordinal: number): void {
    this.audiences.userErased(ordinal);
  }

  protected override usersLeft(ordinals: Bitmap): void {
    this.audiences.usersErased(ordinals);
  }

  protected override settled(tagId: number): void {
    const column = this.catalog.byId(tagId)?.column;
    if (column instanceof EnumColumn) column.unpark();
  }

  #recodeOne(ordinal: number, tag: Tag, code: number): void {
    const address = this.records.addressOf(ordinal);
    const cells = this.cellsAt(address);
    cells.put(tag.id, code);
    this.replaceCells(address, cells);
  }

  #has(user: UserId, tag: Tag): boolean {
    const address = this.find(user);
    return address !== 0 && this.codeAt(address, tag) >= 0;
  }

  /** Gives every user the tag with the value. Returns how many changed. */
  #addEach(tag: Tag, value: TagValue, users: readonly UserId[]): number {
    const { column } = tag;
    const code = column.codeFor(value, tag.name);
    const changed: UserId[] = [];
    const before: (TagValue | undefined)[] = [];
    /** Ordinal, code before, ordinal … */
    const notes: number[] = [];
    try {
      for (const user of users) {
        const key = this.key.set(user);
        const address = this.directory.find(key);
        const old = address === 0 ? -1 : this.codeAt(address, tag);
        if (old !== code) {
          before.push(old < 0 ? undefined : column.valueOf(old));
          this.#write(key, [tag], [value]);
          changed.push(user);
        }
        if (tag.watch !== undefined) {
          notes.push(old === code ? this.records.ordinalAt(address) : this.#written, old);
        }
      }
    } catch (error) {
      for (let i = changed.length - 1; i >= 0; i--) {
        const key = this.key.set(changed[i]!);
        if (before[i] === undefined) this.#removeCell(this.directory.find(key), tag, key);
        else this.#write(key, [tag], [before[i]!]);
      }
      throw error;
    } finally {
      if (column instanceof EnumColumn) column.discard(code);
    }
    for (let i = 0; i < notes.length; i += 2) tag.watch!.note(notes[i]!, notes[i + 1]!);
    return changed.length;
  }

  #writeAndNote(key: UserKey, tags: readonly Tag[], values: readonly TagValue[]): number {
    const added = this.#write(key, tags, values);
    if (this.versions.isWatching) {
      for (let i = 0; i < tags.length; i++) tags[i]!.watch?.note(this.#written, this.#before[i]!);
    }
    return added;
  }

  /** Writes cells of tags that can take the values, each tag once. Returns how many of them are new to the user. */
  #write(key: UserKey, tags: readonly Tag[], values: readonly TagValue[]): number {
    const address = this.directory.find(key);
    const { cells } = this;
    if (address === 0) cells.clear();
    else this.cellsAt(address);
    const codes = this.#codes;
    const before = this.#before;
    let added = 0;
    let changed = false;
    for (let i = 0; i < tags.length; i++) {
      const tag = tags[i]!;
      const code = tag.column.codeFor(values[i]!, tag.name);
      const old = cells.put(tag.id, code);
      if (old < 0) added++;
      if (old !== code) changed = true;
      codes[i] = code;
      before[i] = old;
    }
    if (!changed) {
      if (address !== 0) this.#written = this.records.ordinalAt(address);
      return 0;
    }
    let ordinal: number;
    try {
      ordinal = this.store(key, address, cells);
    } catch (error) {
      for (let i = 0; i < tags.length; i++) {
        const { column } = tags[i]!;
        if (column instanceof EnumColumn) column.discard(codes[i]!);
      }
      throw error;
    }
    for (let i = 0; i < tags.length; i++) {
      const { column } = tags[i]!;
      if (before[i]! < 0) column.add(ordinal, codes[i]!);
      else column.change(ordinal, before[i]!, codes[i]!);
    }
    if (address === 0) this.#shrinker.userAdded();
    this.#written = ordinal;
    this.pairs += added;
    return added;
  }

  #removeCell(address: number, tag: Tag, key?: UserKey): void {
    const cells = this.cellsAt(address);
    const code = cells.delete(tag.id);
    const ordinal = this.records.ordinalAt(address);
    if (cells.count > 0) this.replaceCells(address, cells, key);
    else this.leave(address, ordinal, key);
    this.#uncount(tag, ordinal, code);
  }

  /** Notes that the user at `address`, if there is one, is not to have the tag; whether there is one or not. */
  #noteRemoval(name: string, address: number): void {
    if (address === 0) return;
    const tag = this.catalog.find(name);
    const code = tag === undefined ? -1 : this.codeAt(address, tag);
    this.catalog.watchOf(name)?.note(this.records.ordinalAt(address), code);
  }

  /** Notes that those of the users who are there have the tag as they have it. */
  #noteMembers(tag: Tag, users: readonly UserId[]): void {
    for (const user of users) {
      const address = this.find(user);
      const code = address === 0 ? -1 : this.codeAt(address, tag);
      if (code >= 0) tag.watch?.note(this.records.ordinalAt(address), code);
    }
  }

  #uncount(tag: Tag, ordinal: number, code: number): void {
    tag.column.remove(ordinal, code);
    this.pairs--;
    this.catalog.dropIfUnused(tag);
  }

  /**
   * A tag that can take the value: made, or widened, where that is needed; `undo` gets what takes that back. Throws what
   * writing the value would throw.
   */
  #tagFor(name: string, value: TagValue, undo: Undo[]): Tag {
    let tag = this.catalog.find(name);
    if (tag === undefined) this.catalog.checkNew(name);
    if (value !== true && typeof value !== 'string' && !Number.isFinite(value)) {
      throw new SegmentdError('INVALID_VALUE', `tag ${quote(name)}: ${value} is not a value`);
    }
    if (tag === undefined) {
      const kind = value === true || value === 1 || value === '1' ? 'flag' : 'enum';
      const made = this.catalog.create(name, { kind }, false);
      undo.push(() => this.catalog.drop(made));
      tag = made;
    } else if (!tag.declared) {
      const narrow = widenedFor(this, tag, value);
      if (narrow !== undefined) undo.push(narrow);
    }
    tag.column.existingCode(value, name);
    return tag;
  }
}

function takeBack(undo: Undo[]): void {
  for (let step = undo.pop(); step !== undefined; step = undo.pop()) step();
}

/** A set write says no value: a declared enum or number cannot take users who do not have one already. */
function needsValue({ name, column: { kind } }: Tag): SegmentdError {
  const [what, advice] =
    kind === 'enum' ? ['an enum', `name one, as in ${name}=VALUE`] : [`a ${kind}`, 'set it by user'];
  return new SegmentdError('INVALID_VALUE', `tag ${quote(name)} is ${what} and needs a value: ${advice}`);
}
