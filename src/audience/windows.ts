/** The first users of a plan: found in windows of ordinals, one after the other, so that the rest is never looked at. */
import { rangeOf } from '../store/bitmap.js';
import type { Steps } from '../store/steps.js';
import { Evaluation } from './evaluation.js';
import type { PlanNode } from './plan.js';
import type { Sources } from './sources.js';

/** What a bitmap keeps together in one container. */
const CONTAINER = 65_536;
/** At most so many containers in a window: 64 of them are 512 KiB of plain bits, which caches hold. */
const MAX_CONTAINERS = 64;

/** How many users the plan has, but at most `limit`. */
export function* countUpTo(node: PlanNode, limit: number, sources: Sources): Steps<number> {
  let count = 0;
  for (const evaluation of windows(node, 0, limit, sources)) {
    count += yield* evaluation.count(node);
    if (count >= limit) return limit;
    yield;
  }
  return count;
}

/** The first `count` users of the plan from an ordinal on, in the order of ordinals. */
export function* firstUsers(node: PlanNode, from: number, count: number, sources: Sources): Steps<number[]> {
  const found: number[] = [];
  for (const evaluation of windows(node, from, count, sources)) {
    const users = yield* evaluation.users(node);
    const size = Math.min(users.size, count - found.length);
    for (const ordinal of users.rangeUint32Array(new Uint32Array(size), 0, size)) found.push(ordinal);
    if (found.length === count) break;
    yield;
  }
  return found;
}

/** Evaluations of one window after the other. The first should do if users are spread evenly; then they double. */
function* windows(node: PlanNode, from: number, wanted: number, sources: Sources): Iterable<Evaluation> {
  const { users } = sources;
  if (users.isEmpty) return;
  const end = users.maximum() + 1;
  const density = Math.max(1, node.estimate) / end;
  let containers = Math.min(MAX_CONTAINERS, Math.ceil((2 * wanted) / density / CONTAINER));
  for (let start = from; start < end; ) {
    const stop = Math.min(end, (Math.floor(start / CONTAINER) + containers) * CONTAINER);
    const window = rangeOf(start, stop);
    sources.own(window);
    yield new Evaluation(sources, window);
    start = stop;
    containers = Math.min(MAX_CONTAINERS, containers * 2);
  }
}
