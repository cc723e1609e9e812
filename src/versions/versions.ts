/**
 * Versions of tags as the engine offers them. A tag's new list is *prepared* while everything goes on, and *published* in one
 * short step, alone or together with others as a release; earlier versions are kept, to be read and to go back to.
 */
import type { Mutation } from '../mutation.js';
import type { Bitmap } from '../store/bitmap.js';
import type { Column } from '../store/column.js';
import { type ColumnDifference, differenceBetween } from '../store/column-difference.js';
import type { Publication } from '../store/publication.js';
import { Query, type Work } from '../store/query.js';
import type { Release } from '../store/release-catalog.js';
import type { SegmentStore } from '../store/segment-store.js';
import type { Steps } from '../store/steps.js';
import { DEFAULT_KEPT, type VersionInfo } from '../store/tag-history.js';
import { changedPolicy, type PolicyChanges, type TagPolicy } from '../store/tag-policies.js';
import type { RollbackTarget } from '../store/version-catalog.js';
import type { Holding } from '../store/version-draft.js';
import type { VersionEvent } from '../store/version-event.js';
import { Background } from './background.js';
import { type OnVersionEvent, VersionEvents } from './events.js';
import { type StaleTag, staleTags } from './freshness.js';
import type { Breach } from './gate.js';
import { type ListBatch, Preparation, type PreparationOptions, type PreparedVersion } from './preparation.js';
import { judge, type Replacement, replaceAll, type SubmitOptions, submit, type TagList } from './replace.js';

/** What a release is to be called, and what is noted of it. */
export interface ReleaseDetails {
  /** A name that no release has; a number by default. */
  readonly release?: string;
  /** Where the lists came from. */
  readonly source?: string;
  /** When, in milliseconds since the epoch; now by default. */
  readonly at?: number;
}

/** A version that is kept aside. */
export interface HeldVersion extends PreparedVersion, Omit<Holding, 'counts'> {
  /** The same number for all that are published together. */
  readonly group: number;
  /** Why it cannot be published any more; empty while it can. */
  readonly obstacle: string;
}

/** How often a publication is planned anew when a value is written for the first or the last time meanwhile. */
const MOST_PLANS = 3;

/** What `engine.versions` is. */
export class Versions {
  readonly #store: SegmentStore;
  readonly #apply: (mutation: Mutation) => number;
  readonly #background: Background;
  readonly #events = new VersionEvents();

  /** `apply` is the engine's. */
  constructor(store: SegmentStore, apply: (mutation: Mutation) => number) {
    this.#store = store;
    this.#apply = apply;
    this.#background = new Background(store);
    store.versions.onWork = () => this.#background.start();
    store.versions.onEvent = (event) => this.#events.take(event);
    // What was replayed may have left something to do.
    this.#background.start();
  }

  /** Begins to take a tag's new list, part by part. */
  begin(tag: string, options?: PreparationOptions): Preparation {
    return new Preparation(this.#store, this.#apply, tag, options);
  }

  /**
   * Prepares a tag's new list: results in what is different, and in the draft's number, with which it is published, put aside
   * or discarded. Throws TAG_CONFLICT when the tag is of another kind, INVALID_USER_ID and INVALID_VALUE, and VERSION_CONFLICT
   * when another version was published meanwhile.
   */
  prepare(tag: string, list: Iterable<ListBatch>, options?: PreparationOptions): Query<PreparedVersion> {
    const preparation = this.begin(tag, options);
    function* steps(): Steps<PreparedVersion> {
      for (const batch of list) yield* preparation.add(batch);
      return yield* preparation.finish();
    }
    return new Query(() => ({ steps: steps(), release: () => preparation.cancel() }));
  }

  /**
   * Publishes prepared versions of different tags: all of them become visible at once, or none. What was written to a user's
   * tag since its preparation began is kept. Vectors are rewritten afterwards; until then reads know what they will say.
   */
  publish(drafts: readonly number[], details: ReleaseDetails = {}): Query<Release> {
    const { releases } = this.#store.versions;
    const { release = releases.nextName(), source = '', at = Date.now() } = details;
    return this.#planned(
      () => this.#store.versions.planDrafts(drafts),
      () => {
        this.#apply({ type: 'publishRelease', release, source, at, drafts });
        return releases.require(release);
      },
    );
  }

  /**
   * A tag's full list becomes its next version: it is prepared, and published unless it breaks the tag's gate; then it is held,
   * and the tag stays as it is. Throws as `prepare` and `publish`; then nothing is left of it.
   */
  replace(
    tag: string,
    list: Iterable<ListBatch>,
    options: SubmitOptions & PreparationOptions = {},
  ): Query<Replacement> {
    const { declaration, unknown, ...rest } = options;
    const preparation = { ...(declaration && { declaration }), ...(unknown && { unknown }) };
    return this.replaceAll([{ tag, list, ...preparation }], rest);
  }

  /**
   * As `replace`, of several tags as one release: all become visible at once or, when one of them breaks its gate, all are
   * held, to be published together (`publishHeld`).
   */
  replaceAll(lists: readonly TagList[], options: SubmitOptions = {}): Query<Replacement> {
    return replaceAll(this.#store, this, this.#apply, lists, options);
  }

  /**
   * Publishes prepared versions as one release unless one of them breaks its tag's gate: then all are held. When it throws, they
   * are still prepared.
   */
  submit(prepared: readonly PreparedVersion[], options: SubmitOptions = {}): Query<Replacement> {
    return submit(this.#store, this, this.#apply, prepared, options);
  }

  /** What of a prepared version breaks its tag's gate; nothing if it may be published. */
  check(prepared: PreparedVersion): Breach[] {
    return judge(this.#store, prepared);
  }

  /** A tag's gate and greatest age; empty if nothing is limited. Throws UNKNOWN_TAG. */
  policy(tag: string): TagPolicy {
    this.#store.catalog.require(tag);
    return this.#store.versions.policies.of(tag);
  }

  /**
   * Changes a tag's policy and returns it: what is not given stays, `null` takes a limit away. The tag stays from then on, also
   * without users. Throws UNKNOWN_TAG, and INVALID_ARGUMENT for limits that cannot be.
   */
  setPolicy(tag: string, changes: PolicyChanges): TagPolicy {
    const policy = changedPolicy(this.#store.versions.policies.of(tag), changes);
    this.#apply({ type: 'setPolicy', tag, policy, at: Date.now() });
    return this.policy(tag);
  }

  /** The tags whose lists are older than their policies allow, by name; `now` in milliseconds since the epoch. */
  stale(now = Date.now()): StaleTag[] {
    return staleTags(this.#store, now);
  }

  /**
   * Has every event told from now on: what is published, held, rolled back or discarded, of each tag; soon after it, and not
   * before the call that caused it returns. Returns what ends it.
   */
  onEvent(listener: OnVersionEvent): () => void {
    return this.#events.listen(listener);
  }

  /** How many events of each type there were since the engine was opened. */
  get eventCounts(): Readonly<Record<VersionEvent['type'], number>> {
    return this.#events.counts;
  }

  /**
   * Makes a tag what it was when it had the version, by default the one before the current. Later writes to the tag are undone
   * with that, erased users stay erased. Throws UNKNOWN_VERSION when it is not kept.
   */
  rollBack(tag: string, version?: number): Query<VersionInfo> {
    const { versions } = this.#store;
    const target = { tag, version: version ?? versions.requireHistory(tag).previous };
    return this.#rollBackAll([target], '', () => versions.requireHistory(tag).require(target.version));
  }

  /** Takes a release back: all of its tags at once, or none. Throws VERSION_CONFLICT when a tag has another version since. */
  rollBackRelease(release: string): Query<Release> {
    const { versions } = this.#store;
    const targets = versions.targetsBefore(release);
    return this.#rollBackAll(targets, release, () => versions.releases.require(release));
  }

  /** Keeps a prepared version aside: it stays, also when the data folder is opened again, until somebody decides. */
  hold(prepared: PreparedVersion, reason: string, details: ReleaseDetails = {}): HeldVersion {
    const { draft, tag: _, ...counts } = prepared;
    const { release = this.#store.versions.releases.nextName(), source = '', at = Date.now() } = details;
    this.#apply({ type: 'holdVersion', draft, holding: { reason, release, source, at, counts } });
    return this.held().find((held) => held.draft === draft)!;
  }

  /** The versions that are kept aside, of one tag or of all, the oldest first. */
  held(tag?: string): HeldVersion[] {
    const held: HeldVersion[] = [];
    for (const { number, tag: name, holding, group, obstacle } of this.#store.versions.drafts.all()) {
      if (holding === undefined || (tag !== undefined && tag !== name)) continue;
      const { counts, ...rest } = holding;
      held.push({ draft: number, tag: name, ...counts, ...rest, group, obstacle });
    }
    return held;
  }

  /**
   * Publishes a version that was kept aside, with all that are still held with it, as what they were to be unless the details
   * say otherwise. No gate is asked again.
   */
  publishHeld(draft: number, details: ReleaseDetails = {}): Query<Release> {
    const { holding } = this.#store.versions.drafts.require(draft);
    const { releases } = this.#store.versions;
    const isFree = holding !== undefined && releases.find(holding.release) === undefined;
    const release = isFree ? holding.release : releases.nextName();
    return this.publish(this.#store.versions.heldWith(draft), {
      release,
      source: holding?.source ?? '',
      ...details,
    });
  }

  /** Forgets a prepared version, put aside or not; others that it was held with stay. Returns whether there was one. */
  discard(draft: number): boolean {
    return this.#apply({ type: 'discardVersion', draft }) > 0;
  }

  /** The versions of a tag that are told of, the oldest first. Throws UNKNOWN_TAG. */
  list(tag: string): readonly VersionInfo[] {
    const history = this.#store.versions.historyOf(tag);
    if (history === undefined) this.#store.catalog.require(tag);
    return history?.versions ?? [];
  }

  /** The releases that are told of, the oldest first. */
  releases(): readonly Release[] {
    return this.#store.versions.releases.all();
  }

  /** How many earlier versions of a tag are kept. */
  kept(tag: string): number {
    return this.#store.versions.historyOf(tag)?.kept ?? DEFAULT_KEPT;
  }

  /** Sets how many earlier versions of a tag are kept, 2 by default; those there are too many of go at once. */
  keep(tag: string, kept: number): void {
    this.#apply({ type: 'keepVersions', tag, kept });
  }

  /**
   * The column of a version: the tag's own for the current one, or as it was when the version was left. To be held as any
   * column for a question that takes turns. Throws UNKNOWN_TAG or UNKNOWN_VERSION.
   */
  columnAt(tag: string, version: number): Column {
    return this.#store.versions.columnAt(tag, version);
  }

  /** Everybody in a version, as a new bitmap; those who are no users any more too, whose ids are known still. */
  usersAt(tag: string, version: number): Bitmap {
    return this.columnAt(tag, version).members().clone();
  }

  /** Who is different in a version from what an earlier one says, as new bitmaps. */
  difference(tag: string, from: number, to: number): Query<ColumnDifference> {
    const [before, after] = [this.columnAt(tag, from).fork(), this.columnAt(tag, to).fork()];
    const release = (): void => {
      before.dispose();
      after.dispose();
    };
    return new Query(() => ({ steps: differenceBetween(before, after), release }));
  }

  /** Users whose vectors are still to be rewritten. */
  get pending(): number {
    return this.#store.pendingUsers;
  }

  /** Does now what would be done in the background. */
  settle(): void {
    this.#store.settle();
  }

  /** Ends what is done in the background. */
  close(): void {
    this.#background.stop();
    this.#store.versions.onWork = undefined;
    this.#store.versions.onEvent = undefined;
  }

  #rollBackAll<T>(targets: readonly RollbackTarget[], release: string, result: () => T): Query<T> {
    return this.#planned(
      () => this.#store.versions.planRollback(targets),
      () => {
        this.#apply({ type: 'rollBack', release, targets });
        return result();
      },
    );
  }

  /** Plans in turns, then does it in one step. */
  #planned<T>(plan: () => Publication, publish: () => T): Query<T> {
    const { versions } = this.#store;
    function start(): Work<T> {
      const publication = plan();
      function* steps(): Steps<T> {
        for (let plans = 0; plans < MOST_PLANS && !publication.isCurrent; plans++) yield* publication.plan();
        return publish();
      }
      return { steps: steps(), release: () => versions.endPlan(publication) };
    }
    return new Query(start);
  }
}
