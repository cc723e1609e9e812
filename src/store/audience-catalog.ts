/**
 * Saved audiences: *dynamic* ones, whose expression says who is in them, and *fixed* ones, which are a set of users. The
 * store does not read expressions: who saves one says which tags and audiences it uses, and what is used cannot go.
 */
import { SegmentdError } from '../errors.js';
import {
  type AudienceDefinition,
  type AudienceDetails,
  type AudienceKind,
  type AudienceRecord,
  checkAudienceName,
  checkDetails,
  checkTime,
  type RewrittenAudience,
} from './audience-record.js';
import type { Bitmap } from './bitmap.js';
import type { TagKind } from './column.js';
import { LiveBitmap } from './live-bitmap.js';
import { quote } from './numbers.js';
import type { SegmentStore } from './segment-store.js';
import type { GiveBitmap, KeepBitmap } from './store-image.js';
import type { Tag } from './tag-catalog.js';
import { UsageIndex } from './usage-index.js';
import { MAX_BATCH } from './user-directory.js';
import type { UserId } from './user-key.js';

export {
  type AudienceDefinition,
  type AudienceDetails,
  type AudienceKind,
  type AudienceRecord,
  checkAudienceName,
  type RewrittenAudience,
} from './audience-record.js';

export const MAX_AUDIENCES = 100_000;
/** Names of a circle that an error message tells. */
const MAX_TOLD = 10;

/** All audiences as plain data; see store-image.ts. */
export interface AudiencesImage {
  readonly records: readonly (Omit<AudienceRecord, 'members'> & {
    /** The bitmap of a fixed one; -1 for a dynamic one. */
    readonly members: number;
  })[];
  readonly drafts: readonly (readonly [draft: number, bitmap: number])[];
  readonly lastDraft: number;
}

/** Only `apply` of src/mutation.ts calls the methods that change something; they do all of it, or throw and do nothing. */
export class AudienceCatalog {
  readonly #store: SegmentStore;
  readonly #records = new Map<string, AudienceRecord>();
  readonly #usage = new UsageIndex();
  /** Users of fixed audiences that are still being put together, by number. */
  readonly #drafts = new Map<number, LiveBitmap>();
  /** The members of every fixed audience, and every draft: what an erased user has to leave. */
  readonly #sets = new Set<LiveBitmap>();
  #lastDraft = 0;
  #version = 0;

  constructor(store: SegmentStore) {
    this.#store = store;
  }

  get size(): number {
    return this.#records.size;
  }

  /** Counts the changes of definitions; those of details and members are none. */
  get version(): number {
    return this.#version;
  }

  /** What the sets of users take in memory, in bytes. */
  get bytes(): number {
    let bytes = 0;
    for (const set of this.#sets) bytes += set.bytes;
    return bytes;
  }

  find(name: string): AudienceRecord | undefined {
    return this.#records.get(name);
  }

  /** The audience of this name; throws UNKNOWN_AUDIENCE. */
  require(name: string): AudienceRecord {
    const record = this.#records.get(name);
    if (record === undefined) {
      throw new SegmentdError('UNKNOWN_AUDIENCE', `there is no audience ${quote(name)}`);
    }
    return record;
  }

  /** Every audience, oldest name first. */
  all(): Iterable<AudienceRecord> {
    return this.#records.values();
  }

  /** The names of the audiences that use this one. Read it at once: it changes with them. */
  usedBy(name: string): ReadonlySet<string> {
    return this.#usage.of(name);
  }

  /** The names of the audiences that use this tag. Read it at once: it changes with them. */
  tagUsedBy(tag: string): ReadonlySet<string> {
    return this.#store.catalog.usage.of(tag);
  }

  /** Numbers of the drafts that were neither frozen nor discarded. */
  get drafts(): number[] {
    return [...this.#drafts.keys()];
  }

  /** A number for a draft that nobody has had since the start. */
  nextDraft(): number {
    return ++this.#lastDraft;
  }

  /** Does an audience use the tag, which must therefore go on meaning what it means? */
  usesTag(tag: Tag): boolean {
    return this.tagUsedBy(tag.name).size > 0;
  }

  /** Throws AUDIENCE_IN_USE if an audience uses the tag. */
  checkUnused(tag: Tag): void {
    const users = this.tagUsedBy(tag.name);
    if (users.size > 0) throw inUse(`tag ${quote(tag.name)}`, users);
  }

  /** Throws TAG_CONFLICT if an audience uses the tag, and may mean something else once it is of another kind. */
  checkKindChange(tag: Tag, kind: TagKind): void {
    const users = this.tagUsedBy(tag.name);
    if (users.size === 0 || (tag.column.kind === 'flag' && kind === 'enum')) return;
    throw new SegmentdError(
      'TAG_CONFLICT',
      `tag ${quote(tag.name)} stays ${tag.column.kind}: it is used by ${told(users)}: drop or change it first`,
    );
  }

  /** Makes a dynamic audience, or gives one another definition. */
  save(name: string, definition: AudienceDefinition, details: AudienceDetails, at: number): void {
    const former = this.#checkPut(name, 'dynamic', details, at);
    const tags = [...new Set(definition.tags)];
    const audiences = [...new Set(definition.audiences)];
    for (const tag of tags) this.#store.catalog.require(tag);
    for (const used of audiences) if (used !== name) this.require(used);
    this.#checkCircle(name, audiences);
    const created = former?.created ?? at;
    const { expression } = definition;
    const what = {
      name,
      kind: 'dynamic',
      expression,
      source: '',
      tags,
      audiences,
      members: undefined,
    } as const;
    this.#put({ ...what, ...copyOf(details), created, changed: at });
  }

  /** Makes a fixed audience, or gives one other members: these users and those of the draft, which ends. */
  freeze(
    name: string,
    source: string,
    users: readonly UserId[],
    draft: number,
    details: AudienceDetails,
    at: number,
  ): void {
    const former = this.#checkPut(name, 'fixed', details, at);
    if (draft !== 0 && !this.#drafts.has(draft)) {
      throw new SegmentdError(
        'INVALID_ARGUMENT',
        `there is no draft ${draft}: it was frozen or discarded, or everything was cleared`,
      );
    }
    const ordinals = this.#ordinalsOf(users);
    const members = this.#drafts.get(draft) ?? new LiveBitmap();
    this.#drafts.delete(draft);
    addTo(members, ordinals);
    members.compact();
    const created = former?.created ?? at;
    const what = { name, kind: 'fixed', expression: '', source, tags: [], audiences: [], members } as const;
    this.#put({ ...what, ...copyOf(details), created, changed: at });
  }

  /** Adds users to a draft, which is made if there is none of the number. */
  addToDraft(draft: number, users: readonly UserId[]): void {
    if (!Number.isSafeInteger(draft) || draft < 1) {
      throw new SegmentdError('INVALID_ARGUMENT', `draft ${draft}: a draft has a whole number from 1`);
    }
    const ordinals = this.#ordinalsOf(users);
    const members = this.#drafts.get(draft) ?? new LiveBitmap();
    this.#drafts.set(draft, members);
    this.#sets.add(members);
    this.#lastDraft = Math.max(this.#lastDraft, draft);
    addTo(members, ordinals);
  }

  /** Forgets a draft. Returns whether there was one. */
  discardDraft(draft: number): boolean {
    const members = this.#drafts.get(draft);
    if (members === undefined) return false;
    this.#drafts.delete(draft);
    this.#sets.delete(members);
    return true;
  }

  /** Adds users to a fixed audience. Returns how many were not in it. */
  addUsers(name: string, users: readonly UserId[], at: number): number {
    const { record, members } = this.#fixed(name, at);
    const added = addTo(members, this.#ordinalsOf(users));
    if (added > 0) record.changed = at;
    return added;
  }

  /** Takes users out of a fixed audience. Returns how many were in it. */
  removeUsers(name: string, users: readonly UserId[], at: number): number {
    const { record, members } = this.#fixed(name, at);
    let removed = 0;
    for (const ordinal of this.#ordinalsOf(users)) {
      if (!members.has(ordinal)) continue;
      members.remove(ordinal);
      removed++;
    }
    if (removed > 0) record.changed = at;
    return removed;
  }

  /** Changes the details that are given. */
  describe(name: string, details: Partial<AudienceDetails>, at: number): void {
    const record = this.require(name);
    checkDetails(details);
    checkTime(at);
    record.description = details.description ?? record.description;
    record.owner = details.owner ?? record.owner;
    if (details.labels !== undefined) record.labels = [...details.labels];
    record.changed = at;
  }

  /** Gives an audience another name, and those who use it the texts that say so. */
  rename(from: string, to: string, rewritten: readonly RewrittenAudience[], at: number): void {
    const record = this.require(from);
    checkAudienceName(to);
    checkTime(at);
    if (this.#records.has(to)) {
      throw new SegmentdError(
        'AUDIENCE_CONFLICT',
        `there is an audience ${quote(to)} already: drop it first, or take another name`,
      );
    }
    const texts = new Map(rewritten.map(({ name, expression }) => [name, expression]));
    const users = [...this.usedBy(from)];
    for (const name of users) {
      if (!texts.has(name)) throw cannotRename(from, `the new text of audience ${quote(name)} is missing`);
    }
    for (const { name } of rewritten) {
      if (!this.usedBy(from).has(name)) throw cannotRename(from, `audience ${quote(name)} does not use it`);
    }
    if (rewritten.length > users.length) throw cannotRename(from, 'an audience has two new texts');
    this.#unlink(record);
    this.#records.delete(from);
    this.#put({ ...record, name: to, changed: at });
    for (const name of users) {
      const user = this.require(name);
      const audiences = user.audiences.map((used) => (used === from ? to : used));
      this.#put({ ...user, expression: texts.get(name)!, audiences, changed: at });
    }
  }

  /** Forgets an audience. Returns whether there was one; throws AUDIENCE_IN_USE if another one uses it. */
  drop(name: string): boolean {
    const record = this.#records.get(name);
    if (record === undefined) return false;
    const users = this.usedBy(name);
    if (users.size > 0) throw inUse(`audience ${quote(name)}`, users);
    this.#unlink(record);
    this.#records.delete(name);
    this.#version++;
    this.#dropTags(record);
    return true;
  }

  /** Forgets all audiences and drafts. */
  clear(): void {
    this.#records.clear();
    this.#usage.clear();
    this.#store.catalog.usage.clear();
    this.#drafts.clear();
    this.#sets.clear();
    this.#version++;
  }

  /** To be called for users who are no more: their ordinals may be other users', who are in none of these sets. */
  usersErased(ordinals: Bitmap): void {
    for (const members of this.#sets) members.removeAll(ordinals);
  }

  userErased(ordinal: number): void {
    for (const members of this.#sets) if (members.has(ordinal)) members.remove(ordinal);
  }

  /** Gives back memory that growing sets hold in reserve. */
  compact(): void {
    for (const members of this.#sets) members.compact();
  }

  image(keep: KeepBitmap): AudiencesImage {
    return {
      records: [...this.all()].map(({ members, ...rest }) => {
        return { ...rest, members: members === undefined ? -1 : keep(members.now) };
      }),
      drafts: [...this.#drafts].map(([draft, members]) => [draft, keep(members.now)]),
      lastDraft: this.#lastDraft,
    };
  }

  /** Makes an empty catalogue what the image says. Their tags must be there. */
  restore({ records, drafts, lastDraft }: AudiencesImage, give: GiveBitmap): void {
    const setOf = (bitmap: number): LiveBitmap => {
      const set = new LiveBitmap();
      set.adopt(give(bitmap));
      return set;
    };
    for (const { members, ...rest } of records) {
      this.#put({ ...rest, members: members < 0 ? undefined : setOf(members) });
    }
    for (const [draft, bitmap] of drafts) {
      const members = setOf(bitmap);
      this.#drafts.set(draft, members);
      this.#sets.add(members);
    }
    this.#lastDraft = lastDraft;
  }

  /** What is wrong in here; for `check`. */
  audit(): string[] {
    const problems: string[] = [];
    const tags = new UsageIndex();
    const audiences = new UsageIndex();
    const sets = new Map([...this.#drafts].map(([draft, members]) => [members, `draft ${draft}`]));
    for (const [name, record] of this.#records) {
      const what = `audience ${quote(name)}`;
      if (record.name !== name) problems.push(`${what}: is found by another name than ${quote(record.name)}`);
      if ((record.kind === 'fixed') !== (record.members !== undefined)) {
        problems.push(`${what}: is ${record.kind}, and has ${record.members === undefined ? 'no' : 'a'} set`);
      }
      for (const tag of record.tags) {
        tags.add(tag, name);
        if (this.#store.catalog.find(tag) === undefined)
          problems.push(`${what}: there is no tag ${quote(tag)}`);
      }
      for (const used of record.audiences) {
        audiences.add(used, name);
        if (!this.#records.has(used)) problems.push(`${what}: there is no audience ${quote(used)}`);
      }
      if (record.members !== undefined) sets.set(record.members, what);
    }
    for (const [members, what] of sets) {
      if (!this.#sets.has(members)) problems.push(`${what}: would keep users who are erased`);
      if (!members.now.isSubset(this.#store.users.now)) problems.push(`${what}: holds who is no user`);
    }
    if (this.#sets.size > sets.size) problems.push('sets of users are kept that no audience has');
    for (const tag of this.#store.catalog.usage.differencesTo(tags)) {
      problems.push(`tag ${quote(tag)}: the index of the audiences that use it is wrong`);
    }
    for (const name of this.#usage.differencesTo(audiences)) {
      problems.push(`audience ${quote(name)}: the index of the audiences that use it is wrong`);
    }
    return problems;
  }

  /** What making or replacing an audience needs, whatever its kind. Returns the one that is replaced. */
  #checkPut(
    name: string,
    kind: AudienceKind,
    details: AudienceDetails,
    at: number,
  ): AudienceRecord | undefined {
    checkAudienceName(name);
    checkDetails(details);
    checkTime(at);
    const former = this.#records.get(name);
    if (former !== undefined && former.kind !== kind) {
      throw new SegmentdError(
        'AUDIENCE_CONFLICT',
        `audience ${quote(name)} is ${former.kind}: drop it first, or take another name for the ${kind} one`,
      );
    }
    if (former === undefined && this.size >= MAX_AUDIENCES) {
      throw new SegmentdError('LIMIT_REACHED', `there are ${MAX_AUDIENCES} audiences, the most there can be`);
    }
    return former;
  }

  /** Throws AUDIENCE_CONFLICT if an audience that uses these would use itself. */
  #checkCircle(name: string, audiences: readonly string[]): void {
    if (this.usedBy(name).size === 0 && !audiences.includes(name)) return;
    // Breadth first, so that the circle that is told is the shortest.
    const usedBy = new Map(audiences.map((used) => [used, name]));
    for (const used of usedBy.keys()) {
      if (used === name) break;
      for (const next of this.require(used).audiences) if (!usedBy.has(next)) usedBy.set(next, used);
    }
    if (!usedBy.has(name)) return;
    const path = [name];
    for (let user = usedBy.get(name)!; user !== name; user = usedBy.get(user)!) path.push(user);
    path.push(name);
    path.reverse();
    if (path.length > MAX_TOLD) path.splice(MAX_TOLD - 2, path.length - MAX_TOLD + 1, '…');
    throw new SegmentdError(
      'AUDIENCE_CONFLICT',
      `audience ${quote(name)} would use itself: ${path.map((step) => quote(step).slice(1, -1)).join(' → ')}`,
    );
  }

  #fixed(name: string, at: number): { record: AudienceRecord; members: LiveBitmap } {
    const record = this.require(name);
    checkTime(at);
    const { members } = record;
    if (members === undefined) {
      throw new SegmentdError(
        'AUDIENCE_CONFLICT',
        `audience ${quote(name)} is dynamic: its expression says who is in it, so change that`,
      );
    }
    return { record, members };
  }

  /** The ordinals of those users who exist. Throws INVALID_USER_ID. */
  #ordinalsOf(users: readonly UserId[]): number[] {
    const { records } = this.#store;
    const ordinals: number[] = [];
    for (let from = 0; from < users.length; from += MAX_BATCH) {
      const to = Math.min(users.length, from + MAX_BATCH);
      const addresses = this.#store.findMany(users, from, to);
      for (let i = 0; i < to - from; i++) {
        if (addresses[i] !== 0) ordinals.push(records.ordinalAt(addresses[i]!));
      }
    }
    return ordinals;
  }

  /** Makes the record the one of its name. */
  #put(record: AudienceRecord): void {
    const former = this.#records.get(record.name);
    if (former !== undefined) this.#unlink(former);
    this.#records.set(record.name, record);
    for (const tag of record.tags) this.#store.catalog.usage.add(tag, record.name);
    for (const used of record.audiences) this.#usage.add(used, record.name);
    if (record.members !== undefined) this.#sets.add(record.members);
    this.#version++;
    if (former !== undefined) this.#dropTags(former);
  }

  #unlink(record: AudienceRecord): void {
    for (const tag of record.tags) this.#store.catalog.usage.remove(tag, record.name);
    for (const used of record.audiences) this.#usage.remove(used, record.name);
    if (record.members !== undefined) this.#sets.delete(record.members);
  }

  /** Forgets those of its tags that were only there because it used them. */
  #dropTags(record: AudienceRecord): void {
    for (const name of record.tags) {
      const tag = this.#store.catalog.find(name);
      if (tag !== undefined) this.#store.catalog.dropIfUnused(tag);
    }
  }
}

function copyOf({ description, owner, labels }: AudienceDetails): AudienceDetails {
  return { description, owner, labels: [...labels] };
}

/** Adds ordinals; returns how many were not there. */
function addTo(members: LiveBitmap, ordinals: readonly number[]): number {
  let added = 0;
  for (const ordinal of ordinals) {
    if (members.has(ordinal)) continue;
    members.add(ordinal);
    added++;
  }
  return added;
}

function inUse(what: string, users: ReadonlySet<string>): SegmentdError {
  return new SegmentdError('AUDIENCE_IN_USE', `${what} is used by ${told(users)}: drop or change it first`);
}

/** The first of the audiences, and how many more there are. */
function told(users: ReadonlySet<string>): string {
  const [first] = users;
  return `audience ${quote(first!)}${users.size > 1 ? ` (and ${users.size - 1} more)` : ''}`;
}

function cannotRename(from: string, why: string): SegmentdError {
  return new SegmentdError('INVALID_ARGUMENT', `audience ${quote(from)} cannot be renamed: ${why}`);
}
