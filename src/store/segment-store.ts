/**
 * The dual index: user vectors and tag columns, changed together. Every method leaves both in step, or throws and leaves
 * them as they were. Only `apply` of src/mutation.ts calls the methods that change something.
 */
import { randomInt } from 'node:crypto';
import { SegmentdError } from '../errors.js';
import { AudienceCatalog } from './audience-catalog.js';
import type { Bitmap } from './bitmap.js';
import { CellEncoder } from './cell-encoder.js';
import { Cells } from './cells.js';
import { type Column, codeIfAny, type TagValue } from './column.js';
import { ColumnShrinker } from './column-shrinker.js';
import { DepartureWatch } from './departures.js';
import { EnumColumn } from './enum-column.js';
import { incremented } from './increment.js';
import { LiveBitmap } from './live-bitmap.js';
import { MemberCursor } from './member-cursor.js';
import { quote } from './numbers.js';
import { ReadAhead } from './read-ahead.js';
import { Control, SharedWorld } from './shared-memory.js';
import { checkDeclaration, type Tag, TagCatalog, type TagDeclaration } from './tag-catalog.js';
import { changeKind, widenedFor } from './tag-conversion.js';
import { MAX_BATCH, SHARD_MAP_WORDS, UserDirectory } from './user-directory.js';
import { checkUserId, type UserId, UserKey } from './user-key.js';
import { MAX_VECTOR_BYTES, UserRecords } from './user-records.js';

export { MAX_BATCH };

export interface StoreOptions {
  readonly maxEnumValues: number;
  readonly strict: boolean;
}

/** Takes one step of a mutation back, for one that fails later on. */
type Undo = () => void;

export class SegmentStore {
  readonly world: SharedWorld;
  readonly directory: UserDirectory;
  readonly records: UserRecords;
  readonly catalog: TagCatalog;
  readonly audiences = new AudienceCatalog(this);
  readonly departures = new DepartureWatch();
  /** Ordinals of all users; every user has at least one tag. */
  readonly users = new LiveBitmap();
  /** (user, tag) pairs. */
  pairs = 0;
  readonly #key: UserKey;
  readonly #ahead: ReadAhead;
  readonly #shrinker: ColumnShrinker;
  readonly #cells = new Cells();
  /** What `#write` writes and what was there, by position; kept between calls, which never nest. */
  readonly #codes: number[] = [];
  readonly #before: number[] = [];
  readonly #vector = new CellEncoder();
  readonly #cursors = new Set<MemberCursor>();
  /** Counts the calls of `setTags`; see `Tag.round`. */
  #round = 0;

  constructor(options: StoreOptions) {
    this.world = SharedWorld.create(SHARD_MAP_WORDS);
    const seed = randomInt(2 ** 32) | 0;
    this.world.control[Control.HASH_SEED] = seed;
    this.directory = new UserDirectory(this.world);
    this.records = new UserRecords(this.world, this.directory);
    this.catalog = new TagCatalog(options);
    this.#shrinker = new ColumnShrinker(this.catalog);
    this.#key = new UserKey(seed);
    this.#ahead = this.readAhead(MAX_BATCH);
  }

  /** The address of a user's record, or 0. Throws INVALID_USER_ID. */
  find(user: UserId): number {
    return this.directory.find(this.#key.set(user));
  }

  /** As `find`, for the id at bytes `start` to `end`. */
  findBytes(bytes: Uint8Array, start: number, end: number): number {
    return this.directory.find(this.#key.setBytes(bytes, start, end));
  }

  /** Looks up to `most` users up at once. */
  readAhead(most: number): ReadAhead {
    return new ReadAhead(this.directory, this.records, this.world.control[Control.HASH_SEED]!, most);
  }

  /**
   * As `find`, for users `from` to `to` − 1 of a list, at most MAX_BATCH of them. The same array is filled by the next call.
   * Faster than one by one; see ReadAhead.
   */
  findMany(users: readonly UserId[], from: number, to: number): Uint32Array {
    const { directory } = this;
    const { keys } = this.#ahead;
    const count = to - from;
    for (let i = 0; i < count; i++) keys[i]!.set(users[from + i]!);
    const addresses = this.#ahead.candidates(count);
    for (let i = 0; i < count; i++) {
      const address = addresses[i]!;
      if (address !== 0 && !directory.holds(address, keys[i]!)) addresses[i] = directory.find(keys[i]!);
    }
    return addresses;
  }

  /** The id of the user with this ordinal, which must be in use. */
  idOf(ordinal: number): Buffer {
    const address = this.records.addressOf(ordinal);
    const id = Buffer.allocUnsafe(this.records.idLength(address));
    this.records.copyId(address, id, 0);
    return id;
  }

  /** As long as it is the same, an ordinal that was in use when it was asked for means that user, or nobody. */
  get ordinalEpoch(): string {
    return this.records.ordinalEpoch;
  }

  /** All cells of the user at `address`. The same object is filled again by the next call. */
  cellsAt(address: number): Cells {
    this.records.decode(address, this.#cells);
    return this.#cells;
  }

  /** Gives a user tags; of a tag that is named twice, the last value counts. Returns how many are new to the user. */
  setTags(user: UserId, names: readonly string[], values: readonly TagValue[]): number {
    const key = this.#key.set(user);
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
      if (distinct) return this.#write(key, tags, values);
      const last = new Map(tags.map((tag, i) => [tag, values[i]!]));
      return this.#write(key, [...last.keys()], [...last.values()]);
    } catch (error) {
      takeBack(undo);
      throw error;
    }
  }

  /** Takes tags from a user. Returns how many the user had. A user without tags is no more. */
  removeTags(user: UserId, names: readonly string[]): number {
    const address = this.find(user);
    if (address === 0) return 0;
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
    this.#replace(address, ordinal, cells, this.#key);
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
    if (wanted.length === 0) return 0;
    const undo: Undo[] = [];
    try {
      const written = value ?? true;
      return this.#addEach(this.#tagFor(name, written, undo), written, wanted);
    } catch (error) {
      takeBack(undo);
      throw error;
    }
  }

  /** Takes users from a tag; with `value`, only those who have it. Returns how many changed. */
  removeUsers(name: string, value: TagValue | undefined, users: readonly UserId[]): number {
    for (const user of users) checkUserId(user);
    const tag = this.catalog.find(name);
    if (tag === undefined) return 0;
    const code = value === undefined ? -1 : codeIfAny(tag.column, value);
    if (value !== undefined && code < 0) return 0;
    let changed = 0;
    for (const user of users) {
      const address = this.find(user);
      if (address === 0) continue;
      const before = this.records.probe(address, tag.id);
      if (before < 0 || (value !== undefined && before !== code)) continue;
      this.#removeCell(address, tag, this.#key);
      changed++;
    }
    return changed;
  }

  /**
   * Adds an integer to a user's number. A tag that does not exist becomes a number; one that was made by a write may hold
   * integers as any kind.
   */
  increment(user: UserId, name: string, by: number): void {
    const key = this.#key.set(user);
    if (!Number.isInteger(by))
      throw new SegmentdError('NOT_AN_INTEGER', `${by} is not a whole number to add`);
    const known = this.catalog.find(name);
    if (known === undefined) this.catalog.checkNew(name);
    const tag = known ?? this.catalog.create(name, { kind: 'number' }, false);
    const address = this.directory.find(key);
    const code = address === 0 ? -1 : this.records.probe(address, tag.id);
    try {
      this.setTags(key.toBytes(), [name], [incremented(tag, code, by)]);
    } finally {
      this.catalog.dropIfUnused(tag);
    }
  }

  /** Takes a user out, id and all. Returns whether there was one. */
  eraseUser(user: UserId): boolean {
    const address = this.find(user);
    if (address === 0) return false;
    const cells = this.cellsAt(address);
    const ordinal = this.records.ordinalAt(address);
    const tags: Tag[] = [];
    const codes: number[] = [];
    for (let i = 0; i < cells.count; i++) {
      tags.push(this.catalog.byId(cells.tags[i]!)!);
      codes.push(cells.codes[i]!);
    }
    this.#erase(address, ordinal, this.#key);
    for (let i = 0; i < tags.length; i++) this.#uncount(tags[i]!, ordinal, codes[i]!);
    return true;
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
    for (const ordinal of ordinals) this.#removeCell(this.records.addressOf(ordinal), tag);
    return ordinals.length;
  }

  /** Takes everything out, declarations too. */
  clear(): void {
    for (const cursor of this.#cursors) cursor.keepAll(this.records);
    // Users go first: a reader in another thread must not see one who has lost some of the tags.
    this.records.clear();
    this.departures.noteAll(this.users.now);
    this.users.clear();
    this.pairs = 0;
    this.audiences.clear();
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
      tag.column = column;
    } catch (error) {
      while (done-- > 0) this.#recodeOne(ordinals[done]!, tag, from[done]!);
      throw error;
    } finally {
      this.catalog.changed(tag);
    }
  }

  /** Makes `column`, which already holds the tag's users, the tag's column. */
  adopt(tag: Tag, column: Column): void {
    tag.column = column;
    this.catalog.changed(tag);
  }

  /** Walks the ids of `members` as they are now, whatever is written meanwhile. Close it when done. */
  openCursor(members: Pick<Bitmap, 'clone'>): MemberCursor {
    const cursor = new MemberCursor(members, this.records, () => this.#cursors.delete(cursor));
    this.#cursors.add(cursor);
    return cursor;
  }

  /** Cursors that were opened and not closed. */
  get openCursors(): number {
    return this.#cursors.size;
  }

  #recodeOne(ordinal: number, tag: Tag, code: number): void {
    const address = this.records.addressOf(ordinal);
    const cells = this.cellsAt(address);
    cells.put(tag.id, code);
    this.#encode(cells);
    this.records.replace(address, this.#vector);
  }

  #has(user: UserId, tag: Tag): boolean {
    const address = this.find(user);
    return address !== 0 && this.records.probe(address, tag.id) >= 0;
  }

  /** Gives every user the tag with the value. Returns how many changed. */
  #addEach(tag: Tag, value: TagValue, users: readonly UserId[]): number {
    const { column } = tag;
    const code = column.codeFor(value, tag.name);
    const changed: UserId[] = [];
    const before: (TagValue | undefined)[] = [];
    try {
      for (const user of users) {
        const key = this.#key.set(user);
        const address = this.directory.find(key);
        const old = address === 0 ? -1 : this.records.probe(address, tag.id);
        if (old === code) continue;
        before.push(old < 0 ? undefined : column.valueOf(old));
        this.#write(key, [tag], [value]);
        changed.push(user);
      }
    } catch (error) {
      for (let i = changed.length - 1; i >= 0; i--) {
        const key = this.#key.set(changed[i]!);
        if (before[i] === undefined) this.#removeCell(this.directory.find(key), tag, key);
        else this.#write(key, [tag], [before[i]!]);
      }
      throw error;
    } finally {
      if (column instanceof EnumColumn) column.discard(code);
    }
    return changed.length;
  }

  /** Writes cells of tags that can take the values, each tag once. Returns how many of them are new to the user. */
  #write(key: UserKey, tags: readonly Tag[], values: readonly TagValue[]): number {
    const address = this.directory.find(key);
    const cells = this.#cells;
    if (address === 0) cells.clear();
    else this.records.decode(address, cells);
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
    if (!changed) return 0;
    let ordinal: number;
    try {
      ordinal = this.#store(key, address, cells);
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
    this.pairs += added;
    return added;
  }

  #encode(cells: Cells): void {
    if (this.#vector.encode(cells)) return;
    throw new SegmentdError(
      'VECTOR_TOO_LARGE',
      `the user's ${cells.count} tags need more than ${MAX_VECTOR_BYTES} bytes, which is the most one user may have`,
    );
  }

  /** Writes the record of a user, who is new when `address` is 0. Returns the ordinal. */
  #store(key: UserKey, address: number, cells: Cells): number {
    this.#encode(cells);
    if (address === 0) {
      const created = this.records.create(key, this.#vector);
      this.users.add(created);
      this.#shrinker.userAdded();
      return created;
    }
    const ordinal = this.records.ordinalAt(address);
    this.records.replace(address, this.#vector, key);
    return ordinal;
  }

  #removeCell(address: number, tag: Tag, key?: UserKey): void {
    const cells = this.cellsAt(address);
    const code = cells.delete(tag.id);
    const ordinal = this.records.ordinalAt(address);
    this.#replace(address, ordinal, cells, key);
    this.#uncount(tag, ordinal, code);
  }

  #replace(address: number, ordinal: number, cells: Cells, key?: UserKey): void {
    if (cells.count === 0) {
      this.#erase(address, ordinal, key);
      return;
    }
    this.#encode(cells);
    this.records.replace(address, this.#vector, key);
  }

  #erase(address: number, ordinal: number, key?: UserKey): void {
    for (const cursor of this.#cursors) cursor.keep(ordinal, this.records);
    this.records.erase(address, key);
    this.users.remove(ordinal);
    this.audiences.userErased(ordinal);
    this.departures.note(ordinal);
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
