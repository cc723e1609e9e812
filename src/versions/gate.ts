/**
 * The quality gate: what of a prepared list breaks its tag's policy. All limits are inclusive: what is exactly as much as
 * allowed passes. A tag without users has nothing that a list could be compared with: then only the limits of size and of
 * unknown ids count.
 *
 * The automatic gate asks whether a list changes the tag as lists use to. Of each of the last versions it takes the relative
 * change of the size, (after - before) / before, and the share of users for whom the tag became different. What is further
 * from their median than
 *
 *   max(0.05, 3.5 × 1.4826 × MAD),   MAD = median of |x - median|
 *
 * is an outlier; of the shares, only what is greater is. Median and MAD do not follow outliers until every second value is
 * one (Hampel, "The Influence Curve and Its Role in Robust Estimation", JASA 69, 1974), so that a broken version that was
 * published once does not spoil the gate. 1.4826 makes the MAD of normal data their standard deviation, and 3.5 of those is
 * the cutoff of Iglewicz and Hoaglin ("How to Detect and Handle Outliers", ASQC, 1993, whose modified z-score
 * 0.6745 (x - median) / MAD is the same formula). The floor is there because lists that always change alike have a MAD of 0,
 * and nobody wants to be asked about five percent.
 */
import type { VersionInfo } from '../store/tag-history.js';
import type { TagPolicy } from '../store/tag-policies.js';
import type { ListCounts } from '../store/version-draft.js';

/** Versions that the automatic gate looks back at: three weeks of daily lists, so that it follows the seasons. */
const MOST_CHANGES = 20;
/** With fewer, two odd ones would be the rule. */
const LEAST_CHANGES = 5;
const CUTOFF = 3.5;
const NORMAL = 1.4826;
const FLOOR = 0.05;

/** A limit that a list breaks. */
export interface Breach {
  readonly limit: Exclude<keyof TagPolicy, 'maxAge'>;
  /** What was measured and what is allowed, in users or as a share. */
  readonly measured: number;
  readonly allowed: number;
  /** The same in words. */
  readonly message: string;
}

/** What of a list breaks the policy; `versions` are the tag's, the oldest first. */
export function breachesOf(
  counts: ListCounts,
  policy: TagPolicy,
  versions: readonly VersionInfo[],
): Breach[] {
  const breaches: Breach[] = [];
  const { users, before, listed, duplicates, unknown } = counts;
  const add = (limit: Breach['limit'], measured: number, allowed: number, message: string): void => {
    breaches.push({ limit, measured, allowed, message });
  };
  const { minUsers, maxUsers, maxUnknown } = policy;
  if (minUsers !== undefined && users < minUsers) {
    add('minUsers', users, minUsers, `it has ${people(users)}, and should have at least ${minUsers}`);
  }
  if (maxUsers !== undefined && users > maxUsers) {
    add('maxUsers', users, maxUsers, `it has ${people(users)}, and should have at most ${maxUsers}`);
  }
  const ids = listed - duplicates;
  if (maxUnknown !== undefined && unknown > 0 && unknown / ids > maxUnknown) {
    const share = unknown / ids;
    const message = `${unknown} of its ${ids} ids (${percent(share)}) are no users, and ${percent(maxUnknown)} may be`;
    add('maxUnknown', share, maxUnknown, message);
  }
  if (before === 0) return breaches;
  const { growth, changed } = changeOf(counts);
  const { maxGrowth, maxShrinkage, maxChanged } = policy;
  if (maxGrowth !== undefined && growth > maxGrowth) {
    add('maxGrowth', growth, maxGrowth, `${sizes(counts, growth)}, and may grow by ${percent(maxGrowth)}`);
  }
  if (maxShrinkage !== undefined && -growth > maxShrinkage) {
    const message = `${sizes(counts, growth)}, and may shrink by ${percent(maxShrinkage)}`;
    add('maxShrinkage', -growth, maxShrinkage, message);
  }
  const differs = `${counts.entered} users enter, ${counts.left} leave and ${counts.changed} get another value: that is ${percent(changed)}`;
  if (maxChanged !== undefined && changed > maxChanged) {
    add('maxChanged', changed, maxChanged, `${differs}, and may be ${percent(maxChanged)}`);
  }
  if (policy.automatic !== true) return breaches;
  const past = pastChanges(versions);
  if (past.length < LEAST_CHANGES) return breaches;
  const usual = usualRange(past.map((change) => change.growth));
  const last = `of the last ${past.length} versions`;
  if (growth > usual.most || growth < usual.least) {
    const allowed = growth > usual.most ? usual.most : usual.least;
    const range = `from ${percent(usual.least)} to ${percent(usual.most)}`;
    add('automatic', growth, allowed, `${sizes(counts, growth)}; ${range} is what is usual ${last}`);
  }
  const { most } = usualRange(past.map((change) => change.changed));
  if (changed > most) {
    add('automatic', changed, most, `${differs}, and up to ${percent(most)} is what is usual ${last}`);
  }
  return breaches;
}

/** From where to where values are what is usual after these; of at least one. */
export function usualRange(values: readonly number[]): { readonly least: number; readonly most: number } {
  const middle = median(values);
  const mad = median(values.map((value) => Math.abs(value - middle)));
  const width = Math.max(FLOOR, CUTOFF * NORMAL * mad);
  return { least: middle - width, most: middle + width };
}

/** The middle value, or the mean of the two in the middle; of at least one. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** How a tag became different. */
interface Change {
  readonly growth: number;
  readonly changed: number;
}

/** `before` is not 0. */
function changeOf({
  users,
  before,
  entered,
  left,
  changed,
}: Pick<ListCounts, 'users' | 'before' | 'entered' | 'left' | 'changed'>): Change {
  return { growth: (users - before) / before, changed: (entered + left + changed) / (before + entered) };
}

/** What the last published versions changed of what they followed, if that had users. */
function pastChanges(versions: readonly VersionInfo[]): Change[] {
  const changes: Change[] = [];
  for (const version of versions) {
    const before = version.users - version.entered + version.left;
    if (version.number > 0 && before > 0) changes.push(changeOf({ ...version, before }));
  }
  return changes.slice(-MOST_CHANGES);
}

function sizes({ users, before }: ListCounts, growth: number): string {
  const how = growth < 0 ? 'fewer' : 'more';
  return `it has ${people(users)}, ${percent(Math.abs(growth))} ${how} than the ${before} before`;
}

function people(users: number): string {
  return users === 1 ? '1 user' : `${users} users`;
}

function percent(share: number): string {
  return `${Number((100 * share).toPrecision(6))} %`;
}
