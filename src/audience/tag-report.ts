/** How the values of a tag are spread over all users, or over an audience. */
import { SegmentdError } from '../errors.js';
import type { Bitmap } from '../store/bitmap.js';
import type { Column, TagKind } from '../store/column.js';
import { EnumColumn } from '../store/enum-column.js';
import type { FlagColumn } from '../store/flag-column.js';
import { NumberColumn } from '../store/number-column.js';
import { quote, unscale } from '../store/numbers.js';
import type { SegmentStore } from '../store/segment-store.js';
import type { Steps } from '../store/steps.js';
import type { Tag } from '../store/tag-catalog.js';

/** Users with one value. */
export interface ValueCount {
  /** `true` for a flag. */
  readonly value: string | true;
  readonly users: number;
}

/** Users whose number is at least `from` and less than `to`. */
export interface RangeCount {
  readonly from: number;
  readonly to: number;
  readonly users: number;
}

/** A tag's values among some users. */
export interface Distribution {
  readonly tag: string;
  readonly kind: TagKind;
  /** Users with the tag. */
  readonly users: number;
  /** Users without the tag. */
  readonly missing: number;
  /** Flags and enums: the values that somebody has, the most frequent first. */
  readonly values: readonly ValueCount[];
  /** Numbers: ranges that follow each other, from the least number to the greatest. */
  readonly ranges: readonly RangeCount[];
}

/** Figures of a number tag among some users. */
export interface TagStatistics {
  readonly tag: string;
  /** Users with the tag. */
  readonly count: number;
  /** Users without the tag. */
  readonly missing: number;
  /** Exact up to 2^53, beyond that the nearest double; so is everything made from it. */
  readonly sum: number;
  /** Undefined, as are all below, when nobody has the tag. */
  readonly average: number | undefined;
  readonly minimum: number | undefined;
  readonly maximum: number | undefined;
  /** By fraction: the least number that so great a share of the users do not exceed. Exact. */
  readonly quantiles: ReadonlyMap<number, number>;
}

/** Fractions whose quantiles `statisticsOf` gives. */
export const QUANTILES: readonly number[] = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99];

export class TagReporter {
  readonly #held: { release(): void }[] = [];
  readonly #name: string;
  readonly #column: Column;
  readonly #users: Bitmap;
  readonly #values: { readonly value: string | true; readonly bitmap: Bitmap }[] = [];
  readonly #slices: ReturnType<NumberColumn['hold']>['slices'] | undefined;
  readonly #scale: number = 0;

  /** Holds the tag as it is now. */
  constructor(store: SegmentStore, tag: Tag) {
    this.#name = tag.name;
    this.#column = tag.column;
    this.#users = this.#hold(store.users.hold()).bitmap;
    const { column } = tag;
    if (column instanceof NumberColumn) {
      this.#slices = this.#hold(column.hold()).slices;
      this.#scale = column.scale;
    } else if (column instanceof EnumColumn) {
      for (const { value } of column.values())
        this.#values.push({ value, bitmap: this.#hold(column.hold(value)!).bitmap });
    } else this.#values.push({ value: true, bitmap: this.#hold((column as FlagColumn).hold()).bitmap });
  }

  release(): void {
    for (const held of this.#held) held.release();
  }

  /** The tag's distribution over `within`, or over all users, with about so many ranges for a number. */
  *distribution(within: Bitmap | undefined, ranges: number): Steps<Distribution> {
    const found = this.#slices === undefined ? [] : yield* this.#ranges(within, ranges);
    const values: ValueCount[] = [];
    for (const { value, bitmap } of this.#values) {
      const users = within === undefined ? bitmap.size : bitmap.andCardinality(within);
      if (users > 0) values.push({ value, users });
      yield;
    }
    values.sort((a, b) => b.users - a.users || (a.value < b.value ? -1 : 1));
    const users = [...values, ...found].reduce((sum, part) => sum + part.users, 0);
    const missing = (within ?? this.#users).size - users;
    return { tag: this.#name, kind: this.#column.kind, users, missing, values, ranges: found };
  }

  /** Figures of the tag over `within`, or over all users. */
  *statistics(within: Bitmap | undefined): Steps<TagStatistics> {
    const slices = this.#slices;
    if (slices === undefined) {
      throw new SegmentdError(
        'INVALID_ARGUMENT',
        `tag ${quote(this.#name)} is ${this.#column.kind === 'enum' ? 'an enum' : 'a flag'}: only numbers have statistics; TAG.DISTRIBUTION counts its values`,
      );
    }
    const count = within === undefined ? slices.exists.size : slices.exists.andCardinality(within);
    const exact = yield* slices.sum(within);
    const sum = Number(exact) / 10 ** this.#scale;
    const found = yield* slices.quantiles([0, 1, ...QUANTILES], within);
    const [minimum, maximum, ...quantiles] = found.map((scaled) => unscale(scaled, this.#scale));
    return {
      tag: this.#name,
      count,
      missing: (within ?? this.#users).size - count,
      sum,
      average: count === 0 ? undefined : sum / count,
      minimum,
      maximum,
      quantiles: new Map(quantiles.map((number, i) => [QUANTILES[i]!, number])),
    };
  }

  *#ranges(within: Bitmap | undefined, ranges: number): Steps<RangeCount[]> {
    const slices = this.#slices!;
    const [least, greatest] = yield* slices.quantiles([0, 1], within);
    if (least === undefined || greatest === undefined) return [];
    const bounds = niceBounds(least, greatest, ranges);
    const counts = yield* slices.histogram(bounds, within);
    return counts.map((users, i) => ({
      from: unscale(bounds[i]!, this.#scale),
      to: unscale(bounds[i + 1]!, this.#scale),
      users,
    }));
  }

  #hold<H extends { release(): void }>(held: H): H {
    this.#held.push(held);
    return held;
  }
}

/**
 * Ascending bounds around all integers from `least` to `greatest`, the last above it: multiples of 1, 2 or 5 times a power of
 * ten, for at most so many ranges.
 */
export function niceBounds(least: number, greatest: number, ranges: number): number[] {
  if (ranges === 1) {
    // No multiple of anything is below −1 and above 1 but none in between: 0 is one of all.
    const bounds = niceBounds(least, greatest, 2);
    return [bounds[0]!, bounds.at(-1)!];
  }
  let step = 1;
  for (let power = 1; ; power *= 10) {
    const found = [1, 2, 5]
      .map((factor) => factor * power)
      .find((size) => Math.floor(greatest / size) - Math.floor(least / size) + 1 <= ranges);
    if (found === undefined) continue;
    step = found;
    break;
  }
  const first = Math.floor(least / step);
  const count = Math.floor(greatest / step) - first + 1;
  return Array.from({ length: count + 1 }, (_, i) => (first + i) * step);
}
