/** Who entered a version, left it, or has another value in it than in an earlier one: how many, and a page of them. */
import { SegmentdError } from '../errors.js';
import type { ColumnDifference } from '../store/column-difference.js';
import { Query } from '../store/query.js';
import type { SegmentStore } from '../store/segment-store.js';
import type { Steps } from '../store/steps.js';
import type { Versions } from './versions.js';

/** `entered`: who has the tag in the later version only; `left`: in the earlier one only; `changed`: has another value. */
export const SIDES = ['entered', 'left', 'changed'] as const;
export type Side = (typeof SIDES)[number];

/** How two versions differ. */
export interface DifferencePage {
  /** Users of each side. */
  readonly entered: number;
  readonly left: number;
  readonly changed: number;
  /** The side that was asked for. */
  readonly side: Side | undefined;
  /** Its users, in ordinal order; none without one. */
  readonly ids: readonly Buffer[];
  /** What to ask the next page with; 0 when this was the last. */
  readonly cursor: number;
}

/**
 * Compares version `to` of a tag with version `from`; `count` users of the side from `cursor` on, which is 0 for the first
 * page. Users who are erased meanwhile are left out. Throws UNKNOWN_TAG and UNKNOWN_VERSION.
 */
export function differencePage(
  store: SegmentStore,
  versions: Versions,
  { tag, from, to }: { readonly tag: string; readonly from: number; readonly to: number },
  { side, cursor = 0, count = 10 }: { side?: Side | undefined; cursor?: number; count?: number } = {},
): Query<DifferencePage> {
  if (!Number.isInteger(count) || count < 1) {
    throw new SegmentdError('INVALID_ARGUMENT', 'a page has at least one user');
  }
  const query = versions.difference(tag, from, to);
  const departures = store.departures.begin();
  function* steps(): Steps<DifferencePage> {
    while (!query.advance(-1)) yield;
    const difference = query.result;
    const counts = {
      entered: difference.entered.size,
      left: difference.left.size,
      changed: difference.changed.size,
    };
    const found = side === undefined ? [] : ordinalsOf(difference, side, cursor, count + 1);
    const next = found.length > count ? found.pop()! : 0;
    const there = found.filter((ordinal) => !departures.ordinals.has(ordinal));
    return { ...counts, side, ids: there.map((ordinal) => store.idOf(ordinal)), cursor: next };
  }
  const release = (): void => {
    departures.end();
    query.cancel();
  };
  return new Query(() => ({ steps: steps(), release }));
}

function ordinalsOf(difference: ColumnDifference, side: Side, from: number, count: number): number[] {
  const users = difference[side];
  const skip = from === 0 ? 0 : users.rank(Math.min(from, 2 ** 32) - 1);
  const size = Math.min(count, Math.max(0, users.size - skip));
  return [...users.rangeUint32Array(new Uint32Array(size), skip, size)];
}
