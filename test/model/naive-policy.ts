/** Policies and gates, written to be obviously right: a list is judged by looking at its users one by one. */
import type { TagPolicy } from '../../src/store/tag-policies.js';

/** Could it be a tag's policy? */
export function isPolicy(policy: TagPolicy): boolean {
  const { maxGrowth = 0, maxShrinkage = 0, maxUnknown = 0, maxChanged = 0, maxAge = 1 } = policy;
  const { minUsers = 0, maxUsers = 2 ** 32, automatic = true } = policy;
  if (maxGrowth < 0 || maxGrowth > 1_000_000 || Number.isNaN(maxGrowth)) return false;
  if (![maxShrinkage, maxUnknown, maxChanged].every((share) => share >= 0 && share <= 1)) return false;
  const counts = [minUsers, maxUsers];
  if (!counts.every((count) => Number.isInteger(count) && count >= 0 && count <= 2 ** 32)) return false;
  if (!Number.isInteger(maxAge) || maxAge < 1 || maxAge > 1_000_000_000) return false;
  return minUsers <= maxUsers && automatic;
}

/** What a tag has, or is to have: values by user. */
export type Content = ReadonlyMap<string, string>;

/** A list and what it is compared with. */
export interface Compared {
  readonly before: Content;
  readonly after: Content;
  /** The list's different ids, and those of them that are no users. */
  readonly ids: number;
  readonly unknown: number;
}

/** How much of what there was became different, by size and by user; undefined when there was nothing. */
export interface Difference {
  readonly size: number;
  readonly share: number;
}

export function differenceOf(before: Content, after: Content): Difference | undefined {
  if (before.size === 0) return undefined;
  const all = new Set([...before.keys(), ...after.keys()]);
  const different = [...all].filter((user) => before.get(user) !== after.get(user));
  return { size: (after.size - before.size) / before.size, share: different.length / all.size };
}

/** The limits that a list breaks, sorted. `past` is what the tag's versions changed, the oldest first. */
export function naiveBreaches(policy: TagPolicy, list: Compared, past: readonly Difference[]): string[] {
  const { before, after, ids, unknown } = list;
  const broken: string[] = [];
  const breaks = (limit: keyof TagPolicy, isBroken: (limit: number) => boolean): void => {
    const value = policy[limit];
    if (typeof value === 'number' && isBroken(value)) broken.push(limit);
  };
  breaks('minUsers', (least) => after.size < least);
  breaks('maxUsers', (most) => after.size > most);
  breaks('maxUnknown', (most) => ids > 0 && unknown / ids > most);
  const difference = differenceOf(before, after);
  if (difference === undefined) return broken.sort();
  const { size, share } = difference;
  breaks('maxGrowth', (most) => size > most);
  breaks('maxShrinkage', (most) => -size > most);
  breaks('maxChanged', (most) => share > most);
  const last = past.slice(Math.max(0, past.length - 20));
  if (policy.automatic === true && last.length >= 5) {
    const [middle, width] = middleAndWidth(last.map((each) => each.size));
    if (size < middle - width || size > middle + width) broken.push('automatic');
    const [middleShare, widthShare] = middleAndWidth(last.map((each) => each.share));
    if (share > middleShare + widthShare) broken.push('automatic');
  }
  return broken.sort();
}

function middleAndWidth(values: readonly number[]): [middle: number, width: number] {
  const middle = middleOf(values);
  return [middle, Math.max(0.05, 3.5 * 1.4826 * middleOf(values.map((value) => Math.abs(value - middle))))];
}

/** Half of the values are not greater, half are not less. */
function middleOf(values: readonly number[]): number {
  const rest = [...values];
  while (rest.length > 2) {
    rest.splice(rest.indexOf(Math.min(...rest)), 1);
    rest.splice(rest.indexOf(Math.max(...rest)), 1);
  }
  return rest.length === 1 ? rest[0]! : (rest[0]! + rest[1]!) / 2;
}
