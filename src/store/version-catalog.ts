/**
 * Versions of tags: those that are being prepared or kept aside (drafts), those that were published (histories), and which
 * were published together (releases).
 *
 * A version that is published counts from then on; what is written to the tag later changes the tag and not the version. Going
 * back to a version makes the tag what it was when that version was left, so that what was written to the tag since is undone;
 * users who were erased do not come back.
 */
import { SegmentdError } from '../errors.js';
import { checkTime } from './audience-record.js';
import type { Bitmap } from './bitmap.js';
import type { Column } from './column.js';
import { DraftCatalog, type DraftsImage } from './draft-catalog.js';
import { NumberColumn } from './number-column.js';
import { quote } from './numbers.js';
import { Publication, type PublicationTarget, type PublishedTag } from './publication.js';
import {
  checkReleaseName,
  checkSource,
  type Release,
  ReleaseCatalog,
  type TagVersion,
} from './release-catalog.js';
import type { SegmentStore } from './segment-store.js';
import type { GiveBitmap, KeepBitmap } from './store-image.js';
import { type HistoryImage, MAX_KEPT, TagHistory } from './tag-history.js';
import { type PoliciesImage, TagPolicies, type TagPolicy } from './tag-policies.js';
import type { HeldDraft, Holding, VersionDraft } from './version-draft.js';
import type { VersionEvent } from './version-event.js';

/** Makes the tag what it was when the version was left. */
export interface RollbackTarget {
  readonly tag: string;
  readonly version: number;
}

/** All versions as plain data; see store-image.ts. */
export interface VersionsImage {
  readonly dormant: number;
  readonly releases: readonly Release[];
  readonly histories: readonly (readonly [tag: string, history: HistoryImage])[];
  readonly drafts: DraftsImage;
  readonly policies: PoliciesImage;
}

/** Only `apply` of src/mutation.ts calls the methods that change what can be seen; they do all of it, or throw and do nothing. */
export class VersionCatalog {
  /** Called when vectors are to be rewritten, or records to be erased. Without it that is done at once. */
  onWork: (() => void) | undefined;
  /** Told of what happens to versions; must do nothing to the store. */
  onEvent: ((event: VersionEvent) => void) | undefined;
  readonly policies = new TagPolicies();
  readonly drafts: DraftCatalog;
  readonly releases = new ReleaseCatalog();
  readonly #store: SegmentStore;
  readonly #histories = new Map<string, TagHistory>();
  readonly #planned = new Set<Publication>();
  /** Sets of users of which drafts are still being made. */
  readonly #sets = new Set<Bitmap>();
  /** May there be dormant records that nothing names? */
  #isUntidy = false;

  constructor(store: SegmentStore) {
    this.#store = store;
    this.drafts = new DraftCatalog(store);
  }

  /** Does somebody want to know of writes, also of those that change nothing? */
  get isWatching(): boolean {
    return this.drafts.isWatching;
  }

  /** Is a publication being planned, so that no record must go? */
  get isPlanning(): boolean {
    return this.#planned.size > 0;
  }

  /** By tag. */
  get histories(): Iterable<[tag: string, history: TagHistory]> {
    return this.#histories;
  }

  /** What is kept besides the tags' own columns, in bytes. */
  get bytes(): number {
    let bytes = 0;
    for (const history of this.#histories.values()) bytes += history.bytes;
    for (const draft of this.drafts.all()) bytes += draft.bytes;
    return bytes;
  }

  historyOf(tag: string): TagHistory | undefined {
    return this.#histories.get(tag);
  }

  /** The history of a tag; throws UNKNOWN_VERSION when it has none. */
  requireHistory(tag: string): TagHistory {
    const history = this.#histories.get(tag);
    if (history !== undefined && history.current >= 0) return history;
    this.#store.catalog.require(tag);
    throw new SegmentdError(
      'UNKNOWN_VERSION',
      `tag ${quote(tag)} has no versions: it was never loaded as a list`,
    );
  }

  /** The column of a version: who had the tag when it was left, or has it now. Throws UNKNOWN_TAG or UNKNOWN_VERSION. */
  columnAt(tag: string, version: number): Column {
    const history = this.requireHistory(tag);
    history.require(version);
    return version === history.current ? this.#store.catalog.require(tag).column : history.columnOf(version);
  }

  /**
   * The version that a tag had right after a release, found by going back from what it has now; -1 when the tag has no versions.
   * Throws UNKNOWN_VERSION when it is not known any more.
   */
  versionAfter(tag: string, release: string): number {
    const { tags: published } = this.releases.require(release);
    const history = this.#histories.get(tag);
    let version = history?.current ?? -1;
    for (const { release: name, tags, left } of this.releases.all().reverse()) {
      version = versionIn(left, tag) ?? version;
      if (name === release) break;
      const number = versionIn(tags, tag);
      const info = history?.versions.find((other) => other.number === number);
      if (info?.release === name) version = info.previous;
      // Before its version 0, it was another tag of the name.
      else if (number !== undefined && version > 0) throw notKnownAfter(tag, release);
    }
    const own = versionIn(published, tag);
    if (own !== undefined && own !== version) throw notKnownAfter(tag, release);
    return version;
  }

  /** Forgets a draft. Returns whether there was one. */
  discard(number: number): boolean {
    const draft = this.drafts.find(number);
    if (draft === undefined) return false;
    if (draft.holding !== undefined) this.#tellDraft('discarded', draft, draft.holding);
    this.#end(draft);
    this.#work();
    return true;
  }

  /** Keeps a draft aside: it stays until it is published or discarded. */
  hold(number: number, holding: Holding): void {
    checkTime(holding.at);
    checkReleaseName(holding.release);
    const draft = this.drafts.require(number);
    draft.checkSound();
    this.#hold(draft, holding, this.#nextGroup());
  }

  /** As `hold`, of drafts of different tags, which are then to be published together. */
  holdRelease(held: readonly HeldDraft[], release: string, source: string, at: number): void {
    checkTime(at);
    checkReleaseName(release);
    checkSource(source);
    this.#targetsOf(held.map(({ draft }) => draft));
    const group = this.#nextGroup();
    for (const { draft, reason, counts } of held) {
      this.#hold(this.drafts.require(draft), { reason, release, source, at, counts }, group);
    }
  }

  /** What is to be published together with a draft, itself too: the drafts that it is held with and that are still there. */
  heldWith(number: number): number[] {
    const { holding, group } = this.drafts.require(number);
    if (holding === undefined) return [number];
    const all = [...this.drafts.all()];
    return all.filter((draft) => draft.holding && draft.group === group).map((draft) => draft.number);
  }

  /** Gives a tag another policy, all of it. */
  setPolicy(tag: string, policy: TagPolicy, at: number): void {
    this.policies.set(this.#store.catalog, tag, policy, at);
  }

  /** Plans the publication of drafts, which `publish` then does in one short step. To be ended with `endPlan`. */
  planDrafts(numbers: readonly number[]): Publication {
    return this.#plan(() => this.#targetsOf(numbers));
  }

  /** As `planDrafts`, for `rollBack`. */
  planRollback(targets: readonly RollbackTarget[]): Publication {
    return this.#plan(() => this.#columnsOf(targets));
  }

  endPlan(publication: Publication): void {
    this.#planned.delete(publication);
    publication.end();
    this.#watchWrites();
    if (this.#planned.size === 0) this.#work();
  }

  /** Publishes drafts together. Returns how many users are different. */
  publish(numbers: readonly number[], release: string, source: string, at: number): number {
    checkTime(at);
    this.releases.checkNew(release, source);
    const published = this.#commit(this.#targetsOf(numbers));
    const tags = published.map(({ tag, former, ...counts }) => {
      const version = this.#historyFor(tag).publish({ release, source, at, ...counts }, former);
      return { tag, version };
    });
    this.releases.add({ release, source, at, state: 'published', tags });
    for (const number of numbers) this.#end(this.drafts.require(number));
    for (const each of published) this.#tell('published', each, release);
    return this.#finish(published);
  }

  /** Makes tags what they were when they had these versions. `release` is what is taken back, if it is all of one. */
  rollBack(targets: readonly RollbackTarget[], release: string): number {
    if (release !== '') this.releases.require(release);
    const published = this.#commit(this.#columnsOf(targets));
    for (const [i, { tag, former }] of published.entries()) {
      const history = this.requireHistory(tag);
      this.releases.noteRollback(tag, history.current);
      const { release: leaves } = history.require(history.current);
      history.goTo(targets[i]!.version, former);
      this.#tell('rolled back', published[i]!, release || leaves);
    }
    if (release !== '') this.releases.setState(release, 'rolled back');
    return this.#finish(published);
  }

  /** What takes a release back: its tags, with the versions that they had before. Throws VERSION_CONFLICT. */
  targetsBefore(release: string): RollbackTarget[] {
    const targets: RollbackTarget[] = [];
    for (const { tag, version } of this.releases.require(release).tags) {
      const history = this.#histories.get(tag);
      const published = history?.versions.find(({ number }) => number === version);
      if (history === undefined || published === undefined || published.release !== release) continue;
      if (history.current === version) targets.push({ tag, version: history.previous });
      else if (published.state !== 'rolled back') {
        throw new SegmentdError(
          'VERSION_CONFLICT',
          `release ${quote(release)} cannot be rolled back: tag ${quote(tag)} has version ${history.current} since; roll that back first`,
        );
      }
    }
    if (targets.length > 0) return targets;
    throw new SegmentdError('VERSION_CONFLICT', `of release ${quote(release)} nothing is current any more`);
  }

  /** Sets how many earlier versions of a tag are kept. */
  keep(tag: string, count: number): void {
    this.#store.catalog.require(tag);
    if (!Number.isInteger(count) || count < 0 || count > MAX_KEPT) {
      throw new SegmentdError(
        'INVALID_ARGUMENT',
        `versions to keep: a whole number from 0 to ${MAX_KEPT}, not ${count}`,
      );
    }
    this.#historyFor(tag).keep(count);
    this.#isUntidy = true;
    this.#work();
  }

  /** Is the user in a version that is kept or prepared, so that the record must stay? */
  names(ordinal: number): boolean {
    if (this.#isEmpty) return false;
    for (const history of this.#histories.values()) if (history.names(ordinal)) return true;
    for (const draft of this.drafts.all()) if (draft.names(ordinal)) return true;
    for (const set of this.#sets) if (set.has(ordinal)) return true;
    return false;
  }

  /** To be called when a record was erased: the ordinal will be another user's. */
  recordGone(ordinal: number): void {
    if (this.#isEmpty) return;
    for (const history of this.#histories.values()) history.forget(ordinal);
    for (const draft of this.drafts.all()) draft.forget(ordinal);
    for (const set of this.#sets) set.delete(ordinal);
    for (const publication of this.#planned) publication.forget(ordinal);
  }

  /** To be called when a tag is dropped: its versions go with it, and what is in preparation cannot be published. */
  tagDropped(tag: string): void {
    this.drafts.obstruct(tag, 'the tag was dropped meanwhile');
    this.#histories.get(tag)?.dispose();
    this.#histories.delete(tag);
    this.releases.tagDropped(tag);
    this.policies.drop(tag);
    this.#isUntidy = true;
    this.#work();
  }

  /** Takes a set of users of whom a draft is being made: their records stay, and who is erased leaves it. */
  watchSet(set: Bitmap): void {
    this.#sets.add(set);
  }

  unwatchSet(set: Bitmap): void {
    if (!this.#sets.delete(set)) return;
    this.#isUntidy = true;
    this.#work();
  }

  /** Erases up to `most` dormant records that nothing names. Returns whether there may be more. */
  sweep(most: number): boolean {
    if (!this.#isUntidy || this.#planned.size > 0) return false;
    const unnamed = this.#store.dormant.clone();
    for (const history of this.#histories.values())
      for (const set of history.sets()) unnamed.andNotInPlace(set);
    for (const draft of this.drafts.all()) for (const set of draft.sets) unnamed.andNotInPlace(set);
    for (const set of this.#sets) unnamed.andNotInPlace(set);
    for (const ordinal of unnamed.rangeUint32Array(new Uint32Array(most), 0, most))
      this.#store.eraseDormant(ordinal);
    this.#isUntidy = unnamed.size > most;
    return this.#isUntidy;
  }

  /** Forgets all versions, drafts and releases. */
  clear(): void {
    this.drafts.clear();
    for (const history of this.#histories.values()) history.dispose();
    this.#histories.clear();
    this.releases.clear();
    this.policies.clear();
    for (const set of this.#sets) set.clear();
    for (const publication of this.#planned) publication.end();
    this.#isUntidy = false;
  }

  compact(): void {
    for (const history of this.#histories.values()) history.compact();
    for (const { changes } of this.drafts.all()) changes.compact();
  }

  /** The image of all versions; nothing must be pending. */
  image(keep: KeepBitmap): VersionsImage {
    return {
      dormant: keep(this.#store.dormant),
      releases: this.releases.all(),
      histories: [...this.#histories].map(([tag, history]) => [tag, history.image(keep)]),
      drafts: this.drafts.image(keep),
      policies: this.policies.image(),
    };
  }

  /** Makes an empty catalogue what the image says. Tags and records must be there. */
  restore(image: VersionsImage, give: GiveBitmap): void {
    this.#store.restoreDormant(give(image.dormant));
    for (const release of image.releases) this.releases.add(release);
    for (const [tag, history] of image.histories)
      this.#historyFor(tag).restore(history, this.#store.catalog, give);
    this.drafts.restore(image.drafts, give);
    this.policies.restore(image.policies);
  }

  /** Is there nothing that could name anybody? Then erasing costs what it cost without versions. */
  get #isEmpty(): boolean {
    return (
      this.#histories.size === 0 &&
      this.drafts.size === 0 &&
      this.#sets.size === 0 &&
      this.#planned.size === 0
    );
  }

  #historyFor(tag: string): TagHistory {
    const history = this.#histories.get(tag) ?? new TagHistory(tag);
    this.#histories.set(tag, history);
    return history;
  }

  #targetsOf(numbers: readonly number[]): PublicationTarget[] {
    const drafts = numbers.map((number) => this.drafts.require(number));
    for (const draft of drafts) {
      draft.checkSound();
      this.drafts.checkKind(draft.tag, draft.kind, draft.scale);
    }
    return this.#distinct(drafts.map((draft) => ({ ...targetOf(draft), draft, column: undefined })));
  }

  #columnsOf(targets: readonly RollbackTarget[]): PublicationTarget[] {
    const columns = targets.map(({ tag, version }) => {
      const history = this.requireHistory(tag);
      if (history.current === version) {
        throw new SegmentdError('VERSION_CONFLICT', `tag ${quote(tag)} has version ${version} already`);
      }
      const column = history.columnOf(version);
      const scale = column instanceof NumberColumn ? column.scale : 0;
      this.drafts.checkKind(tag, column.kind, scale);
      return { tag, kind: column.kind, scale, draft: undefined, column };
    });
    return this.#distinct(columns);
  }

  #distinct(targets: PublicationTarget[]): PublicationTarget[] {
    if (targets.length > 0 && new Set(targets.map(({ tag }) => tag)).size === targets.length) return targets;
    throw new SegmentdError('INVALID_ARGUMENT', 'one version for each of one or more tags is to be given');
  }

  #plan(targets: () => readonly PublicationTarget[]): Publication {
    const publication = new Publication(this.#store, targets(), targets);
    this.#planned.add(publication);
    this.#watchWrites();
    return publication;
  }

  #watchWrites(): void {
    const note = (ordinal: number): void => {
      for (const publication of this.#planned) publication.note(ordinal);
    };
    this.#store.writeWatch = this.#planned.size === 0 ? undefined : { note };
  }

  /** Publishes as it was planned, or else plans it now. */
  #commit(targets: readonly PublicationTarget[]): PublishedTag[] {
    const planned = [...this.#planned].find((publication) => publication.isOf(targets));
    const publication = planned ?? new Publication(this.#store, targets, () => {});
    let published: PublishedTag[];
    try {
      published = publication.commit();
    } catch (error) {
      publication.end();
      throw error;
    }
    for (const other of this.#planned) other.invalidate();
    for (const { tag } of published) this.drafts.obstruct(tag, 'the tag has another version since');
    return published;
  }

  #finish(published: readonly PublishedTag[]): number {
    this.#isUntidy = true;
    this.#work();
    return published.length;
  }

  #end(draft: VersionDraft): void {
    this.drafts.end(draft);
    this.#isUntidy = true;
  }

  /** A number that no draft has as its group. */
  #nextGroup(): number {
    let last = 0;
    for (const { group } of this.drafts.all()) last = Math.max(last, group);
    return last + 1;
  }

  #hold(draft: VersionDraft, holding: Holding, group: number): void {
    draft.holding = holding;
    draft.group = group;
    this.#tellDraft('held', draft, holding);
  }

  #tell(type: VersionEvent['type'], published: PublishedTag, release: string): void {
    const { tag, users, entered, left, changed } = published;
    const version = this.requireHistory(tag).current;
    this.onEvent?.({ type, tag, release, version, draft: 0, users, entered, left, changed, reason: '' });
  }

  #tellDraft(type: VersionEvent['type'], { number, tag }: VersionDraft, holding: Holding): void {
    const { release, reason, counts } = holding;
    const { users, entered, left, changed } = counts;
    const version = this.#histories.get(tag)?.current ?? -1;
    const why = type === 'held' ? reason : '';
    const event = { type, tag, release, version, draft: number, users, entered, left, changed, reason: why };
    this.onEvent?.(event);
  }

  #work(): void {
    if (this.onWork === undefined) this.#store.settle();
    else this.onWork();
  }
}

function versionIn(versions: readonly TagVersion[] | undefined, tag: string): number | undefined {
  return versions?.find((other) => other.tag === tag)?.version;
}

function notKnownAfter(tag: string, release: string): SegmentdError {
  return new SegmentdError(
    'UNKNOWN_VERSION',
    `what tag ${quote(tag)} had right after release ${quote(release)} is not known any more`,
  );
}

function targetOf({ tag, kind, scale }: VersionDraft): Pick<PublicationTarget, 'tag' | 'kind' | 'scale'> {
  return { tag, kind, scale };
}
