/**
 * The users of a store: who there is, and what their vectors say. All that the writer's thread reads of a vector it reads
 * here, because a version that was published is in the columns at once and in the vectors one after the other (`pending`).
 *
 * Not everybody who has a record is a user. One who loses the last tag and is still named by an earlier version of a tag
 * stays as a *dormant* record, with the id and an empty vector, so that going back to that version brings the user back; and
 * whom a version that is being prepared brings for the first time is dormant until it is published.
 */
import { randomInt } from 'node:crypto';
import { SegmentdError } from '../errors.js';
import { type Bitmap, bitmapOf } from './bitmap.js';
import { CellEncoder } from './cell-encoder.js';
import type { CellQuery } from './cell-reader.js';
import { Cells } from './cells.js';
import { DepartureWatch } from './departures.js';
import { LiveBitmap } from './live-bitmap.js';
import { MemberCursor } from './member-cursor.js';
import { PendingCells, type PendingCodes } from './pending-cells.js';
import { ReadAhead } from './read-ahead.js';
import { Control, SharedWorld } from './shared-memory.js';
import type { Tag } from './tag-catalog.js';
import { MAX_BATCH, SHARD_MAP_WORDS, UserDirectory } from './user-directory.js';
import { type UserId, UserKey } from './user-key.js';
import { MAX_VECTOR_BYTES, UserRecords } from './user-records.js';

export abstract class UserStore {
  readonly world: SharedWorld;
  readonly directory: UserDirectory;
  readonly records: UserRecords;
  readonly departures = new DepartureWatch();
  /** Ordinals of all users; every user has at least one tag. */
  readonly users = new LiveBitmap();
  /** Ordinals of the records that are no users; see above. To be read at once. */
  readonly dormant = bitmapOf();
  /** Told of every user who is written to; undefined when nobody wants to know. */
  writeWatch: { note(ordinal: number): void } | undefined;
  protected readonly key: UserKey;
  protected readonly cells = new Cells();
  protected readonly cursors = new Set<MemberCursor>();
  readonly #ahead: ReadAhead;
  readonly #vector = new CellEncoder();
  #pending: PendingCells | undefined;
  /** May there be dormant records? */
  #hasDormant = false;

  /** `seed` is that of the ids' hashes: a store that is restored needs the one it had. */
  constructor(seed = randomInt(2 ** 32) | 0) {
    this.world = SharedWorld.create(SHARD_MAP_WORDS);
    this.world.control[Control.HASH_SEED] = seed;
    this.directory = new UserDirectory(this.world);
    this.records = new UserRecords(this.world, this.directory);
    this.key = new UserKey(seed);
    this.#ahead = this.readAhead(MAX_BATCH);
  }

  /** The address of a user's record, or 0. Throws INVALID_USER_ID. */
  find(user: UserId): number {
    return this.findKey(this.key.set(user));
  }

  /** As `find`, for the id at bytes `start` to `end`. */
  findBytes(bytes: Uint8Array, start: number, end: number): number {
    return this.findKey(this.key.setBytes(bytes, start, end));
  }

  /** As `find`, for an id that was set before. */
  findKey(key: UserKey): number {
    const address = this.directory.find(key);
    return this.#hasDormant ? this.#awake(address) : address;
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
    const addresses = this.findRecords(users, from, to);
    if (this.#hasDormant) for (let i = 0; i < to - from; i++) addresses[i] = this.#awake(addresses[i]!);
    return addresses;
  }

  /** As `findMany`; finds dormant records too. */
  findRecords(users: readonly UserId[], from: number, to: number): Uint32Array {
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

  /** The id of the user, or the dormant record, with this ordinal, which must be in use. */
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

  /** The code that the user at `address` has for a tag, or -1. */
  codeAt(address: number, tag: Tag): number {
    const code = this.records.probe(address, tag.id);
    return this.#pending === undefined
      ? code
      : this.#pending.codeOf(this.records.ordinalAt(address), tag.id, code);
  }

  /** Answers a query of several tags for the user at `address`. */
  query(address: number, query: CellQuery): void {
    this.records.query(address, query);
    this.#pending?.correct(this.records.ordinalAt(address), query.tags, query.codes);
  }

  /** All cells of the user at `address`. The same object is filled again by the next call. */
  cellsAt(address: number): Cells {
    const { cells } = this;
    this.records.decode(address, cells);
    this.#pending?.correctAll(this.records.ordinalAt(address), cells);
    return cells;
  }

  /** Users whose vectors do not yet say what the columns say. */
  get pendingUsers(): number {
    return this.#pending?.size ?? 0;
  }

  /** Rewrites the vectors of up to `most` users of whom something is pending. Returns whether there are more. */
  rewrite(most: number): boolean {
    const pending = this.#pending;
    if (pending === undefined) return false;
    const ordinals = pending.next(most);
    for (const ordinal of ordinals) {
      const address = this.records.addressOf(ordinal);
      this.#encode(this.cellsAt(address));
      this.records.replace(address, this.#vector);
    }
    for (const tag of pending.doneAll(ordinals)) this.settled(tag);
    if (pending.isEmpty) this.#pending = undefined;
    return pending.size > 0;
  }

  /** Walks the ids of `members` as they are now, whatever is written meanwhile. Close it when done. */
  openCursor(members: Pick<Bitmap, 'clone'>): MemberCursor {
    const cursor = new MemberCursor(members, this.records, () => this.cursors.delete(cursor));
    this.cursors.add(cursor);
    return cursor;
  }

  /** Cursors that were opened and not closed. */
  get openCursors(): number {
    return this.cursors.size;
  }

  /** Takes codes that a tag's column has for users, and their vectors have not. */
  defer(tag: Tag, codes: PendingCodes): void {
    if (codes.users.isEmpty) return;
    this.#pending ??= new PendingCells();
    this.#pending.add(tag.id, codes);
  }

  /** Is something of the tag pending? */
  isPending(tag: Tag): boolean {
    return this.#pending?.has(tag.id) === true;
  }

  /**
   * The ordinal of the id's record, which is made, and dormant, if there is none; to be named by a version before anything
   * else is done, else it is nobody's.
   */
  reserve(user: UserId): number {
    const address = this.directory.find(this.key.set(user));
    if (address !== 0) return this.records.ordinalAt(address);
    this.cells.clear();
    this.#encode(this.cells);
    const ordinal = this.records.create(this.key, this.#vector);
    this.#sleep(ordinal);
    return ordinal;
  }

  /** Dormant records become users, and users dormant records, all at once; their cells say so already. */
  turnOver(coming: Bitmap, leaving: Bitmap): void {
    this.users.addAll(coming);
    this.dormant.andNotInPlace(coming);
    this.users.removeAll(leaving);
    this.dormant.orInPlace(leaving);
    this.#hasDormant = !this.dormant.isEmpty;
    this.departures.noteAll(leaving);
    this.usersLeft(leaving);
  }

  /** Makes a user of the record, or a dormant record of the user, if the cells say other than what there is. */
  reconsider(ordinal: number): void {
    const isUser = this.cellsAt(this.records.addressOf(ordinal)).count > 0;
    if (isUser === this.users.has(ordinal)) return;
    const one = bitmapOf([ordinal]);
    if (isUser) this.turnOver(one, bitmapOf());
    else this.turnOver(bitmapOf(), one);
  }

  /** Erases a dormant record that no version names. */
  eraseDormant(ordinal: number): void {
    for (const cursor of this.cursors) cursor.keep(ordinal, this.records);
    this.records.erase(this.records.addressOf(ordinal));
    this.departures.note(ordinal);
    this.#forget(ordinal);
  }

  /** Makes an empty store's dormant records those of a restored one. */
  restoreDormant(ordinals: Bitmap): void {
    this.dormant.orInPlace(ordinals);
    this.#hasDormant = !ordinals.isEmpty;
  }

  /** Could a user have these cells? */
  fits(cells: Cells): boolean {
    return this.#vector.encode(cells);
  }

  /** Gives the user at `address` these cells, at least one. */
  replaceCells(address: number, cells: Cells, key?: UserKey): void {
    this.#encode(cells);
    const ordinal = this.records.ordinalAt(address);
    this.records.replace(address, this.#vector, key);
    this.#written(ordinal);
  }

  /** Writes the cells of a user, who is new when `address` is 0, and awakes one who is dormant. Returns the ordinal. */
  protected store(key: UserKey, address: number, cells: Cells): number {
    if (address !== 0) {
      const ordinal = this.records.ordinalAt(address);
      this.replaceCells(address, cells, key);
      if (this.#hasDormant && this.dormant.delete(ordinal)) this.users.add(ordinal);
      return ordinal;
    }
    this.#encode(cells);
    const created = this.records.create(key, this.#vector);
    this.users.add(created);
    this.#written(created);
    return created;
  }

  /** Takes out a user who has lost all tags, id and all unless a version names the user. */
  protected leave(address: number, ordinal: number, key?: UserKey): void {
    this.users.remove(ordinal);
    this.departures.note(ordinal);
    this.userLeft(ordinal);
    if (!this.isNamed(ordinal)) {
      for (const cursor of this.cursors) cursor.keep(ordinal, this.records);
      this.records.erase(address, key);
      this.#pending?.done(ordinal);
      return;
    }
    this.cells.clear();
    this.replaceCells(address, this.cells, key);
    this.#sleep(ordinal);
  }

  /** Takes out a user, or a dormant record, id and all. */
  protected erase(address: number, ordinal: number, key?: UserKey): void {
    for (const cursor of this.cursors) cursor.keep(ordinal, this.records);
    this.records.erase(address, key);
    if (this.users.has(ordinal)) {
      this.users.remove(ordinal);
      this.userLeft(ordinal);
    }
    this.departures.note(ordinal);
    this.#forget(ordinal);
  }

  /** Takes everybody out. */
  protected clearUsers(): void {
    for (const cursor of this.cursors) cursor.keepAll(this.records);
    this.records.clear();
    this.departures.noteAll(this.users.now);
    this.departures.noteAll(this.dormant);
    this.users.clear();
    this.dormant.clear();
    this.#hasDormant = false;
    this.#pending = undefined;
  }

  /** Does a version of a tag name the user, so that the record is to be kept? */
  protected abstract isNamed(ordinal: number): boolean;
  /** Called for users who are no more. */
  protected abstract userLeft(ordinal: number): void;
  protected abstract usersLeft(ordinals: Bitmap): void;
  /** Called when nothing of a tag is pending any more. */
  protected abstract settled(tagId: number): void;

  /** The address, unless the record is dormant. */
  #awake(address: number): number {
    if (address === 0) return 0;
    // Once nothing is pending, who has no cells is dormant.
    const isDormant =
      this.#pending === undefined
        ? this.records.isEmpty(address)
        : this.dormant.has(this.records.ordinalAt(address));
    return isDormant ? 0 : address;
  }

  #sleep(ordinal: number): void {
    this.dormant.add(ordinal);
    this.#hasDormant = true;
  }

  #forget(ordinal: number): void {
    this.#pending?.done(ordinal);
    if (this.#hasDormant && this.dormant.delete(ordinal)) this.#hasDormant = !this.dormant.isEmpty;
  }

  #written(ordinal: number): void {
    this.#pending?.done(ordinal);
    this.writeWatch?.note(ordinal);
  }

  #encode(cells: Cells): void {
    if (this.#vector.encode(cells)) return;
    throw new SegmentdError(
      'VECTOR_TOO_LARGE',
      `the user's ${cells.count} tags need more than ${MAX_VECTOR_BYTES} bytes, which is the most one user may have`,
    );
  }
}
