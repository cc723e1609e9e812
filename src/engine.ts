/**
 * The engine: opens a store, applies mutations to it, answers questions, closes. Everything is synchronous and of this
 * thread; `share` lets other threads look users up.
 */
import { MessageChannel } from 'node:worker_threads';
import { Audiences } from './audience/audiences.js';
import { type CheckReport, checkStore } from './check.js';
import { SegmentdError } from './errors.js';
import { compileGlob } from './glob.js';
import type { LookupHandle } from './lookup.js';
import { apply, type Mutation } from './mutation.js';
import type { EngineOptions } from './options.js';
import type { OnDurable } from './persistence/journal.js';
import { type Persistence, synced } from './persistence/persistence.js';
import type { PersistenceInfo } from './persistence/persistence-info.js';
import type { SnapshotInfo } from './persistence/snapshot.js';
import type { Bitmap } from './store/bitmap.js';
import { bitmapOf } from './store/bitmap.js';
import { CatalogLogWriter } from './store/catalog-log.js';
import type { TagKind, TagValue } from './store/column.js';
import { EnumColumn } from './store/enum-column.js';
import { idsOf } from './store/member-cursor.js';
import { NumberColumn } from './store/number-column.js';
import { MAX_BATCH, type SegmentStore } from './store/segment-store.js';
import { Selection } from './store/selection.js';
import type { Tag, TagDeclaration } from './store/tag-catalog.js';
import type { UserId } from './store/user-key.js';
import { freshnessOf, type TagFreshness } from './versions/freshness.js';
import { Versions } from './versions/versions.js';

/** A tag as `tag` and `tags` tell it. */
export interface TagInfo extends TagFreshness {
  readonly name: string;
  readonly kind: TagKind;
  /** Numbers: decimal digits behind the point. */
  readonly scale: number;
  readonly description: string;
  /** Declared tags keep their kind and stay without users; others were made by a write. */
  readonly declared: boolean;
  /** Users who have the tag. */
  readonly users: number;
  /** Enums: number of different values in use. */
  readonly values: number;
  /** Memory of its bitmaps, in bytes. */
  readonly bytes: number;
}

/** Counts and memory. All sizes in bytes. */
export interface EngineStats {
  readonly users: number;
  readonly tags: number;
  readonly pairs: number;
  readonly bytes: {
    /** Id → record: hash slots. */
    readonly directory: number;
    /** Ordinal → record. */
    readonly ordinals: number;
    /** Records (ids and vectors) in current use. */
    readonly records: number;
    /** Outdated records that are not yet collected, and room not yet filled. */
    readonly slack: number;
    /** Columns. */
    readonly bitmaps: number;
    /** Fixed audiences, and results of dynamic ones that are kept. */
    readonly audiences: number;
    /** Earlier versions of tags, and those in preparation; what several have in common counts for each. */
    readonly versions: number;
    readonly total: number;
  };
}

/** A store of users and their tags, in the memory of this process. Made by `openEngine` (src/open.ts). */
export interface Engine {
  readonly options: Readonly<EngineOptions>;
  /** The store behind the engine, for the protocols; what it hands out is valid until the next mutation. */
  readonly store: SegmentStore;
  /** Expressions, saved audiences, and what can be asked about them. */
  readonly audiences: Audiences;
  /** Versions of tags: whole lists that are prepared, published, kept and gone back to. */
  readonly versions: Versions;
  /** How the data folder fares; `undefined` when the engine is in memory only. */
  readonly persistence: PersistenceInfo | undefined;

  /** The only way anything changes. Returns how many things changed (see `apply` in src/mutation.ts). */
  apply(mutation: Mutation): number;

  /** Declares a tag, or converts the existing one if all its values allow it (else TAG_CONFLICT). */
  declareTag(name: string, declaration: TagDeclaration): TagInfo;
  /** Takes the tag from all users and forgets it. Returns whether there was one. */
  dropTag(name: string): boolean;
  tag(name: string): TagInfo | undefined;
  /** Tags in the order of their names; `match` is a glob pattern as in Redis's KEYS. */
  tags(match?: string): TagInfo[];

  /**
   * Gives a user tags and values; a new user comes to be. Undeclared tags are made: `true`, `1` and `'1'` make a flag,
   * other values an enum. Returns the number of tags the user did not have before. Throws INVALID_VALUE and the like
   * before anything is changed.
   */
  setTags(user: UserId, tags: Readonly<Record<string, TagValue>> | ReadonlyMap<string, TagValue>): number;
  /** Takes tags from a user; one left without tags is no more. Returns how many the user had. */
  removeTags(user: UserId, tags: readonly string[]): number;
  /** Adds users to a tag (or moves them to one of its values). Returns how many changed. */
  addUsers(tag: string, users: readonly UserId[], value?: TagValue): number;
  /** Takes users from a tag (or only from one of its values). Returns how many changed. */
  removeUsers(tag: string, users: readonly UserId[], value?: TagValue): number;
  /** Adds a whole number to a user's number tag; returns the sum. */
  increment(user: UserId, tag: string, by: number): TagValue;
  /** Removes a user, id and all, also from every version. Returns whether there was one, or a version that named one. */
  eraseUser(user: UserId): boolean;
  /** Removes everything, declarations too. */
  clear(): void;

  has(user: UserId): boolean;
  /** One value for each name, in order; `null` where the user does not have the tag, or there is no such user or tag. */
  get(user: UserId, tags: readonly string[] | Selection): (TagValue | null)[];
  /** As `get` for many users at once: a row for each. Faster than one by one, because memory is read ahead. */
  getMany(users: readonly UserId[], tags: readonly string[] | Selection): (TagValue | null)[][];
  /** All tags of a user, in an order that is the same for all users; `undefined` when there is no such user. */
  getAll(user: UserId): Map<string, TagValue> | undefined;
  /** Prepares a list of tags that is asked for often: `get` with it looks no names up. */
  select(tags: readonly string[]): Selection;
  /**
   * The ids of a tag's users (or of those with a value), in ordinal order, as they are when the first is asked for, whatever
   * is written meanwhile.
   */
  members(tag: string, value?: TagValue): IterableIterator<string>;
  /** As `members`, for ids that are not UTF-8. */
  memberBytes(tag: string, value?: TagValue): IterableIterator<Uint8Array>;
  /** How many users have the tag (or the value). */
  count(tag: string, value?: TagValue): number;

  stats(): EngineStats;
  /** Compares every bitmap with every vector and says what differs and where. Reads everything: seconds for millions. */
  check(): CheckReport;
  /** Gives back memory that growing bitmaps hold in reserve. Worth calling after a bulk load. */
  compact(): void;
  /** A handle with which another thread looks users up; see `attachLookup`. */
  share(): LookupHandle;
  /**
   * Hands changes to the operating system, where they survive the end of this process, and with fsync `always` waits until
   * they are on the disk; happens by itself before the event loop goes on, or soon after. Throws PERSISTENCE_FAILED when one
   * since the last call could not be kept; then changes are refused.
   */
  flush(): void;
  /**
   * As `flush`, but never waits for the disk: returns false when changes since the last call are not as durable yet as the
   * option fsync promises. `whenDurable` tells when they are.
   */
  commit(): boolean;
  /** Are all changes as durable as the option fsync promises? */
  readonly durable: boolean;
  /**
   * Calls back when all changes so far are as durable as the option fsync promises, or with PERSISTENCE_FAILED when they
   * cannot be; never during the call, and in the order of the calls.
   */
  whenDurable(done: OnDurable): void;
  /** Resolves when all changes so far are on the disk, whatever the option fsync says. Rejects with PERSISTENCE_FAILED. */
  synced(): Promise<void>;
  /**
   * Has a snapshot of the data folder written by another thread, while everything goes on here; the journals before it go.
   * Rejects with SNAPSHOT_RUNNING while there is another one, PERSISTENCE_FAILED, or DATA_CORRUPT when the files that it is
   * made from are damaged. Then nothing is lost.
   */
  snapshot(): Promise<SnapshotInfo>;
  /** As `snapshot`, here and now, from memory: nothing else is done meanwhile, and no file is read. */
  snapshotNow(): SnapshotInfo;
  /**
   * Ends the engine; every later call throws ENGINE_CLOSED. Attached readers keep reading what they see. With a data folder
   * it returns when the disk has everything, and throws PERSISTENCE_FAILED, closed nevertheless, when that cannot be.
   */
  close(): void;
}

/** The engine itself; see `openEngine`. */
export class StoreEngine implements Engine {
  readonly options: Readonly<EngineOptions>;
  readonly #store: SegmentStore;
  readonly #persistence: Persistence | undefined;
  readonly #audiences: Audiences;
  readonly #versions: Versions;
  #closed = false;

  constructor(options: EngineOptions, store: SegmentStore, persistence: Persistence | undefined) {
    this.options = Object.freeze(options);
    this.#store = store;
    this.#persistence = persistence;
    this.#audiences = new Audiences(store, (mutation) => this.apply(mutation), {
      cacheBytes: options.audienceCacheBytes,
      timeout: options.queryTimeout,
    });
    this.#versions = new Versions(store, (mutation) => this.apply(mutation));
  }

  get store(): SegmentStore {
    if (this.#closed) throw closedError();
    return this.#store;
  }

  get audiences(): Audiences {
    if (this.#closed) throw closedError();
    return this.#audiences;
  }

  get versions(): Versions {
    if (this.#closed) throw closedError();
    return this.#versions;
  }

  get persistence(): PersistenceInfo | undefined {
    return this.#persistence?.info;
  }

  apply(mutation: Mutation): number {
    const { store } = this;
    const changes =
      this.#persistence === undefined ? apply(store, mutation) : this.#persistence.apply(mutation);
    if (mutation.type === 'clear') this.#audiences.queries.forget();
    return changes;
  }

  declareTag(name: string, declaration: TagDeclaration): TagInfo {
    this.apply({ type: 'declareTag', tag: name, declaration });
    return infoOf(this.store, this.store.catalog.require(name));
  }

  dropTag(name: string): boolean {
    return this.apply({ type: 'dropTag', tag: name }) > 0;
  }

  tag(name: string): TagInfo | undefined {
    const tag = this.store.catalog.find(name);
    return tag === undefined ? undefined : infoOf(this.store, tag);
  }

  tags(match?: string): TagInfo[] {
    const wanted = match === undefined ? undefined : compileGlob(match);
    const found = [...this.store.catalog.all()].filter((tag) => wanted?.test(tag.name) ?? true);
    return found.sort((a, b) => (a.name < b.name ? -1 : 1)).map((tag) => infoOf(this.store, tag));
  }

  setTags(user: UserId, tags: Readonly<Record<string, TagValue>> | ReadonlyMap<string, TagValue>): number {
    const names = tags instanceof Map ? [...tags.keys()] : Object.keys(tags);
    const values = tags instanceof Map ? [...tags.values()] : Object.values(tags);
    return this.apply({ type: 'setTags', user, tags: names, values });
  }

  removeTags(user: UserId, tags: readonly string[]): number {
    return this.apply({ type: 'removeTags', user, tags });
  }

  addUsers(tag: string, users: readonly UserId[], value?: TagValue): number {
    return this.apply({ type: 'addUsers', tag, value, users });
  }

  removeUsers(tag: string, users: readonly UserId[], value?: TagValue): number {
    return this.apply({ type: 'removeUsers', tag, value, users });
  }

  increment(user: UserId, tag: string, by: number): TagValue {
    this.apply({ type: 'increment', user, tag, by });
    return this.get(user, [tag])[0]!;
  }

  eraseUser(user: UserId): boolean {
    return this.apply({ type: 'eraseUser', user }) > 0;
  }

  clear(): void {
    this.apply({ type: 'clear' });
  }

  has(user: UserId): boolean {
    return this.store.find(user) !== 0;
  }

  get(user: UserId, tags: readonly string[] | Selection): (TagValue | null)[] {
    const { store } = this;
    const address = store.find(user);
    if (tags instanceof Selection) return valuesAt(address, tags);
    return tags.map((name) => {
      const tag = address === 0 ? undefined : store.catalog.find(name);
      const code = tag === undefined ? -1 : store.codeAt(address, tag);
      return code < 0 ? null : tag!.column.valueOf(code);
    });
  }

  getMany(users: readonly UserId[], tags: readonly string[] | Selection): (TagValue | null)[][] {
    const { store } = this;
    const selection = tags instanceof Selection ? tags : this.select(tags);
    const rows: (TagValue | null)[][] = [];
    for (let from = 0; from < users.length; from += MAX_BATCH) {
      const to = Math.min(users.length, from + MAX_BATCH);
      const addresses = store.findMany(users, from, to);
      for (let i = from; i < to; i++) rows.push(valuesAt(addresses[i - from]!, selection));
    }
    return rows;
  }

  getAll(user: UserId): Map<string, TagValue> | undefined {
    const { store } = this;
    const address = store.find(user);
    if (address === 0) return undefined;
    const cells = store.cellsAt(address);
    const result = new Map<string, TagValue>();
    for (let i = 0; i < cells.count; i++) {
      const tag = store.catalog.byId(cells.tags[i]!)!;
      result.set(tag.name, tag.column.valueOf(cells.codes[i]!));
    }
    return result;
  }

  select(tags: readonly string[]): Selection {
    return new Selection(this.store, tags);
  }

  *members(tag: string, value?: TagValue): IterableIterator<string> {
    for (const bytes of this.memberBytes(tag, value)) yield (bytes as Buffer).toString();
  }

  *memberBytes(tag: string, value?: TagValue): IterableIterator<Uint8Array> {
    const members = membersOf(this.store, tag, value);
    if (members === undefined) return;
    yield* idsOf(() => this.store.openCursor(members));
  }

  count(tag: string, value?: TagValue): number {
    return countOf(this.store, tag, value);
  }

  stats(): EngineStats {
    const { directory, records, catalog, users, pairs } = this.store;
    const { allocated, live, index } = records.bytes;
    let bitmaps = users.bytes;
    for (const tag of catalog.all()) bitmaps += tag.column.bytes();
    const audiences = this.store.audiences.bytes + this.#audiences.queries.cache.bytes;
    const versions = this.store.versions.bytes;
    const bytes = {
      directory: directory.bytes,
      ordinals: index,
      records: live,
      slack: allocated - live,
      bitmaps,
      audiences,
      versions,
      total: directory.bytes + index + allocated + bitmaps + audiences + versions,
    };
    return { users: users.size, tags: catalog.size, pairs, bytes };
  }

  check(): CheckReport {
    return checkStore(this.store);
  }

  compact(): void {
    for (const tag of this.store.catalog.all()) tag.column.compact();
    this.store.users.compact();
    this.store.audiences.compact();
    this.store.versions.compact();
  }

  share(): LookupHandle {
    const { world, catalog } = this.store;
    catalog.listener ??= new CatalogLogWriter(world, catalog);
    const { port1, port2 } = new MessageChannel();
    return world.share(port1, port2);
  }

  flush(): void {
    this.#persistence?.flush();
  }

  commit(): boolean {
    return this.#persistence?.commit() ?? true;
  }

  get durable(): boolean {
    return this.#persistence?.isDurable ?? true;
  }

  whenDurable(done: OnDurable): void {
    if (this.#persistence === undefined) queueMicrotask(() => done(undefined));
    else this.#persistence.whenDurable(done);
  }

  async synced(): Promise<void> {
    if (this.#persistence !== undefined) await synced(this.#persistence);
  }

  async snapshot(): Promise<SnapshotInfo> {
    return this.#persisted().snapshot();
  }

  snapshotNow(): SnapshotInfo {
    return this.#persisted().snapshotNow();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#versions.close();
    this.#store.world.close();
    this.#persistence?.close();
  }

  #persisted(): Persistence {
    if (this.#closed) throw closedError();
    if (this.#persistence !== undefined) return this.#persistence;
    throw new SegmentdError(
      'PERSISTENCE_FAILED',
      'the engine has no data folder to write a snapshot to: set the option dataDir',
    );
  }
}

function closedError(): SegmentdError {
  return new SegmentdError('ENGINE_CLOSED', 'the engine is closed');
}

function valuesAt(address: number, selection: Selection): (TagValue | null)[] {
  selection.read(address);
  const { codes, tags } = selection;
  const values = new Array<TagValue | null>(codes.length);
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i]!;
    values[i] = code < 0 ? null : tags[i]!.column.valueOf(code);
  }
  return values;
}

/**
 * The users of a tag, or those with one value; `undefined` when there are none. May be the column's own bitmap: read it
 * at once, clone it to keep it.
 */
export function membersOf(store: SegmentStore, name: string, value?: TagValue): Bitmap | undefined {
  const tag = store.catalog.find(name);
  if (tag === undefined || value === undefined) return tag?.column.members();
  const { column } = tag;
  if (column instanceof EnumColumn) return column.membersWith(value === true ? '1' : String(value));
  const code = codeOrNone(tag, value);
  if (code < 0) return bitmapOf();
  return column instanceof NumberColumn ? column.membersWith(code) : column.members();
}

/** The number of users of a tag, or of those with one value. */
export function countOf(store: SegmentStore, name: string, value?: TagValue): number {
  const tag = store.catalog.find(name);
  if (tag === undefined) return 0;
  if (value === undefined) return tag.column.count;
  if (tag.column instanceof EnumColumn) return tag.column.countOf(value === true ? '1' : String(value));
  return membersOf(store, name, value)!.size;
}

/** The code of a value that a user may have; -1 for one that nobody can have, or nobody has. */
export function codeOrNone(tag: Tag, value: TagValue): number {
  try {
    return tag.column.existingCode(value, tag.name);
  } catch {
    return -1;
  }
}

function infoOf(store: SegmentStore, tag: Tag): TagInfo {
  const { column } = tag;
  return {
    name: tag.name,
    kind: column.kind,
    scale: column instanceof NumberColumn ? column.scale : 0,
    description: tag.description,
    declared: tag.declared,
    users: column.count,
    values: column instanceof EnumColumn ? column.valueCount : 0,
    bytes: column.bytes(),
    ...freshnessOf(store, tag.name, Date.now()),
  };
}
