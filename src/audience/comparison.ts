/** Several audiences side by side: how much they have in common. */
import type { Bitmap } from '../store/bitmap.js';
import type { Steps } from '../store/steps.js';
import type { Evaluation } from './evaluation.js';
import type { PlanNode } from './plan.js';

/** By row and column, in the order in which the audiences were given. */
export interface Overlap {
  /** Users in both; on the diagonal, users of the one. */
  readonly users: readonly (readonly number[])[];
  /** Users in both, as a share of those in either: 0 to 1; 1 for two empty ones. */
  readonly jaccard: readonly (readonly number[])[];
  /** Users in both, as a share of those in the row's audience: 0 to 1; 1 for an empty one. */
  readonly containment: readonly (readonly number[])[];
}

/** Compares each audience with each. */
export function* overlapOf(nodes: readonly PlanNode[], evaluation: Evaluation): Steps<Overlap> {
  const sets: Bitmap[] = [];
  for (const node of nodes) {
    sets.push(yield* evaluation.users(node));
    yield;
  }
  const users = sets.map((set) => sets.map(() => set.size));
  for (let i = 0; i < sets.length; i++) {
    for (let j = 0; j < i; j++) {
      const both = sets[i]!.andCardinality(sets[j]!);
      users[i]![j] = both;
      users[j]![i] = both;
      yield;
    }
  }
  const sizes = users.map((row, i) => row[i]!);
  const shares = (whole: (i: number, j: number, both: number) => number): number[][] =>
    users.map((row, i) => row.map((both, j) => share(both, whole(i, j, both))));
  return {
    users,
    jaccard: shares((i, j, both) => sizes[i]! + sizes[j]! - both),
    containment: shares((i) => sizes[i]!),
  };
}

function share(part: number, whole: number): number {
  return whole === 0 ? 1 : part / whole;
}
