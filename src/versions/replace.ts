/**
 * Lists of tags from their first part to the end: prepared, judged, and published if they pass. Several make one release: if
 * one of them breaks its tag's gate, none is published; all are held, and then published together too, those that are not
 * discarded by then.
 */
import { SegmentdError } from '../errors.js';
import type { Mutation } from '../mutation.js';
import { quote } from '../store/numbers.js';
import { Query } from '../store/query.js';
import { checkSource } from '../store/release-catalog.js';
import type { SegmentStore } from '../store/segment-store.js';
import type { Steps } from '../store/steps.js';
import { type Breach, breachesOf } from './gate.js';
import type { ListBatch, Preparation, PreparationOptions, PreparedVersion } from './preparation.js';
import type { ReleaseDetails, Versions } from './versions.js';

/** A tag's full list. */
export interface TagList extends PreparationOptions {
  readonly tag: string;
  readonly list: Iterable<ListBatch>;
}

/** What a release is to be called, and whether gates count. */
export interface SubmitOptions extends ReleaseDetails {
  /** Publish also what breaks a gate. */
  readonly force?: boolean;
}

/** What became of lists that were to be one release. */
export interface Replacement {
  /** All of them, or none. */
  readonly state: 'published' | 'held';
  /** What the release is called, or is to be. */
  readonly release: string;
  /** In the order of the lists. */
  readonly tags: readonly ReplacedTag[];
}

/** What became of one list. `draft` is the number of what is held. */
export interface ReplacedTag extends PreparedVersion {
  /** The number of the version; undefined when it is held. */
  readonly version: number | undefined;
  /** What of it breaks the tag's gate; may be empty of what is held, because of the others, and not of what was forced. */
  readonly breaches: readonly Breach[];
}

interface Judged extends PreparedVersion {
  readonly breaches: readonly Breach[];
}

type Apply = (mutation: Mutation) => number;

/** What of a prepared list breaks its tag's gate as it is now. */
export function judge({ versions }: SegmentStore, prepared: PreparedVersion): Breach[] {
  const { tag } = prepared;
  return breachesOf(prepared, versions.policies.of(tag), versions.historyOf(tag)?.versions ?? []);
}

/** See `Versions.submit`. */
export function submit(
  store: SegmentStore,
  versions: Versions,
  apply: Apply,
  prepared: readonly PreparedVersion[],
  options: SubmitOptions,
): Query<Replacement> {
  checkRelease(store, options, prepared);
  return new Query(() => {
    const steps = submission(store, versions, apply, prepared, options);
    return { steps, release: () => steps.return(undefined as never) };
  });
}

/** See `Versions.replaceAll`. */
export function replaceAll(
  store: SegmentStore,
  versions: Versions,
  apply: Apply,
  lists: readonly TagList[],
  options: SubmitOptions,
): Query<Replacement> {
  checkRelease(store, options, lists);
  return new Query(() => {
    const preparations: Preparation[] = [];
    let isDone = false;
    function* run(): Steps<Replacement> {
      const prepared: PreparedVersion[] = [];
      for (const [i, { list }] of lists.entries()) {
        for (const batch of list) yield* preparations[i]!.add(batch);
        prepared.push(yield* preparations[i]!.finish());
      }
      const replacement = yield* submission(store, versions, apply, prepared, options);
      isDone = true;
      return replacement;
    }
    const steps = run();
    const release = (): void => {
      steps.return(undefined as never);
      if (!isDone) for (const preparation of preparations) abandon(preparation, versions);
    };
    try {
      // All before the first list is read: what is written from now on counts, whichever of the tags it is about.
      for (const { tag, list: _, ...rest } of lists) preparations.push(versions.begin(tag, rest));
    } catch (error) {
      release();
      throw error;
    }
    return { steps, release };
  });
}

function* submission(
  store: SegmentStore,
  versions: Versions,
  apply: Apply,
  prepared: readonly PreparedVersion[],
  { force = false, ...details }: SubmitOptions,
): Steps<Replacement> {
  const judged = prepared.map((each): Judged => ({ ...each, breaches: judge(store, each) }));
  const broken = judged.filter(({ breaches }) => breaches.length > 0);
  if (broken.length > 0 && !force) return hold(store, apply, judged, broken, details);
  const query = versions.publish(
    judged.map(({ draft }) => draft),
    details,
  );
  try {
    while (!query.advance(-1)) yield;
  } finally {
    query.cancel();
  }
  const { release, tags } = query.result;
  const published = judged.map((each, i): ReplacedTag => {
    const { version } = tags[i]!;
    // What was written meanwhile makes a difference.
    const { users, entered, left, changed } = store.versions.requireHistory(each.tag).require(version);
    return { ...each, users, entered, left, changed, version };
  });
  return { state: 'published', release, tags: published };
}

function hold(
  store: SegmentStore,
  apply: Apply,
  judged: readonly Judged[],
  broken: readonly Judged[],
  { release = store.versions.releases.nextName(), source = '', at = Date.now() }: ReleaseDetails,
): Replacement {
  const others = `held with tag ${quote(broken[0]!.tag)} of the same release, which breaks its gate`;
  const held = judged.map(({ draft, tag: _, breaches, ...counts }) => {
    const reason = breaches.map(({ message }) => message).join('; ');
    return { draft, reason: reason || others, counts };
  });
  apply({ type: 'holdRelease', release, source, at, held });
  return { state: 'held', release, tags: judged.map((each) => ({ ...each, version: undefined })) };
}

/** Nothing is left of what was prepared, or was being prepared. */
function abandon(preparation: Preparation, versions: Versions): void {
  preparation.cancel();
  try {
    versions.discard(preparation.draft);
  } catch {
    // The engine is closed, or cannot keep changes: drafts are forgotten at the next start.
  }
}

/** Throws what would be refused at the end, before the work is done. */
function checkRelease(
  { versions }: SegmentStore,
  { release, source = '' }: ReleaseDetails,
  lists: readonly { readonly tag: string }[],
): void {
  if (release === undefined) checkSource(source);
  else versions.releases.checkNew(release, source);
  if (lists.length > 0 && new Set(lists.map(({ tag }) => tag)).size === lists.length) return;
  throw new SegmentdError('INVALID_ARGUMENT', 'one list for each of one or more tags is to be given');
}
