/** Figures of a tag and of sets of users, counted one by one. */
import assert from 'node:assert/strict';
import type { Distribution, Overlap, TagKind, TagStatistics } from '../../src/index.js';
import { compared, scaled } from './naive-audience.js';

/** What a tag says of some users, as it was at some moment. */
export interface TagValues {
  readonly tag: string;
  readonly kind: TagKind;
  /** Of a number: digits behind the point. */
  readonly scale: number;
  /** One for each user who has the tag. */
  readonly texts: readonly string[];
  /** Users without the tag. */
  readonly missing: number;
}

/** Compares a distribution with the values that it is about. At most `ranges` ranges were asked for. */
export function assertDistribution(found: Distribution, values: TagValues, ranges: number): void {
  const { tag, kind, texts, missing } = values;
  const isNumber = kind === 'number';
  const counts = new Map<string, number>();
  if (!isNumber) for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  const expected = [...counts]
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .map(([value, users]) => ({ value: kind === 'flag' ? true : value, users }));
  const { ranges: foundRanges, ...rest } = found;
  assert.deepEqual(rest, { tag, kind, users: texts.length, missing, values: expected });
  if (!isNumber || texts.length === 0) assert.deepEqual(foundRanges, []);
  else assertRanges(foundRanges, values, ranges);
}

function assertRanges(found: Distribution['ranges'], { texts, scale }: TagValues, ranges: number): void {
  assert.ok(found.length >= 1 && found.length <= ranges, `${found.length} of ${ranges} ranges`);
  const width = (found[0]!.to - found[0]!.from) * 10 ** scale;
  if (ranges > 1) assert.match(width.toPrecision(9), /^0*[125]0*(\.0+)?(e\+\d+)?$/);
  for (const [i, { from, to, users }] of found.entries()) {
    assert.ok(from < to);
    if (i > 0) assert.equal(from, found[i - 1]!.to);
    assert.ok(Math.abs(((to - from) * 10 ** scale) / width - 1) < 1e-9);
    const within = texts.filter((text) => compared(text, plain(from)) >= 0 && compared(text, plain(to)) < 0);
    assert.equal(users, within.length);
  }
  // Nobody is left out, and no range at an end is empty.
  assert.equal(
    found.reduce((sum, { users }) => sum + users, 0),
    texts.length,
  );
  assert.ok(found[0]!.users > 0 && found.at(-1)!.users > 0);
}

/** A bound as a decimal: bounds have few digits, whatever double stands for them. */
function plain(bound: number): string {
  return String(bound);
}

const PERCENT = [1, 5, 25, 50, 75, 95, 99];

/** Compares statistics with the values that they are about. */
export function assertStatistics(found: TagStatistics, values: TagValues): void {
  const { tag, texts, missing, scale } = values;
  const numbers = texts.map((text) => scaled(text, scale)).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const count = numbers.length;
  const total = numbers.reduce((sum, number) => sum + number, 0n);
  const sum = Number(total) / 10 ** scale;
  const at = (percent: number): number => {
    const rank = Math.max(1, Math.ceil((percent * count) / 100));
    return Number(numbers[rank - 1]) / 10 ** scale;
  };
  assert.deepEqual(found, {
    tag,
    count,
    missing,
    sum,
    average: count === 0 ? undefined : sum / count,
    minimum: count === 0 ? undefined : at(0),
    maximum: count === 0 ? undefined : at(100),
    quantiles: new Map(count === 0 ? [] : PERCENT.map((percent) => [percent / 100, at(percent)])),
  });
}

/** What sets of users have in common. */
export function overlapOf(sets: readonly ReadonlySet<string>[]): Overlap {
  const both = (a: ReadonlySet<string>, b: ReadonlySet<string>) => [...a].filter((key) => b.has(key)).length;
  const table = (cell: (a: ReadonlySet<string>, b: ReadonlySet<string>) => number) =>
    sets.map((row) => sets.map((column) => cell(row, column)));
  return {
    users: table(both),
    jaccard: table((a, b) => (a.size + b.size === 0 ? 1 : both(a, b) / new Set([...a, ...b]).size)),
    containment: table((a, b) => (a.size === 0 ? 1 : both(a, b) / a.size)),
  };
}

/** By number of sets: how many of the users are in exactly so many. */
export function reachOf(sets: readonly ReadonlySet<string>[], users: readonly string[]): number[] {
  const counts = new Array<number>(sets.length + 1).fill(0);
  for (const user of users) counts[sets.filter((set) => set.has(user)).length]!++;
  return counts;
}
