/**
 * How old a tag's list is. It counts from the publication of the current version, so that rolling back makes a tag as old as
 * what it goes back to; but not from before the tag got a greatest age. What is held makes nothing fresh.
 */
import type { SegmentStore } from '../store/segment-store.js';

/** A tag whose list is older than it may be. */
export interface StaleTag {
  readonly tag: string;
  /** Seconds since it was loaded, or got a greatest age if that was later. */
  readonly age: number;
  /** Seconds. */
  readonly maxAge: number;
  /** When the current version was published, in milliseconds since the epoch; undefined when none ever was. */
  readonly loadedAt: number | undefined;
}

/** What is told of every tag: the first two if it was ever loaded as a list, the last two if it has a greatest age. */
export interface TagFreshness {
  /** Its current version; 0 is what it had before it was loaded. */
  readonly version?: number;
  /** When that was published, in milliseconds since the epoch. */
  readonly loadedAt?: number;
  /** Seconds after which the version is stale. */
  readonly maxAge?: number;
  readonly stale?: boolean;
}

export function freshnessOf({ versions }: SegmentStore, tag: string, now: number): TagFreshness {
  const current = versions.historyOf(tag)?.current ?? -1;
  const loadedAt = loadedAtOf(versions, tag);
  const { maxAge } = versions.policies.of(tag);
  return {
    ...(current >= 0 && { version: current }),
    ...(loadedAt !== undefined && { loadedAt }),
    ...(maxAge !== undefined && { maxAge, stale: ageOf(versions, tag, now) > maxAge }),
  };
}

/** The tags that are stale at a moment, in milliseconds since the epoch; by name. */
export function staleTags({ versions }: SegmentStore, now: number): StaleTag[] {
  const stale: StaleTag[] = [];
  for (const tag of versions.policies.tags()) {
    const { maxAge } = versions.policies.of(tag);
    const age = ageOf(versions, tag, now);
    if (maxAge !== undefined && age > maxAge) {
      stale.push({ tag, age, maxAge, loadedAt: loadedAtOf(versions, tag) });
    }
  }
  return stale.sort((a, b) => (a.tag < b.tag ? -1 : 1));
}

type Versions = SegmentStore['versions'];

function loadedAtOf(versions: Versions, tag: string): number | undefined {
  const history = versions.historyOf(tag);
  // Version 0 was never loaded.
  return history === undefined || history.current < 1 ? undefined : history.require(history.current).at;
}

/** In seconds; of a tag that has a greatest age. */
function ageOf(versions: Versions, tag: string, now: number): number {
  const from = Math.max(loadedAtOf(versions, tag) ?? 0, versions.policies.since(tag));
  return Math.max(0, now - from) / 1000;
}
