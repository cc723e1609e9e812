/** What a metric is: declared once, as one row. The registry and docs/metrics.md are made from the rows. */
import type { LatencyCounts } from '../../src/latency-counts.js';
import type { ServerState } from '../server-state.js';
import type { MemoryParts } from './memory-parts.js';
import type { ProcessProbe } from './process-probe.js';

/** What metrics are read from. */
export interface MetricSource {
  readonly state: ServerState;
  readonly probe: ProcessProbe;
  memoryParts(): MemoryParts;
}

export type Labels = Readonly<Record<string, string>>;

/** One value of a metric with labels. */
export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

/** One histogram of a metric with labels. */
export interface Distribution {
  readonly labels: Labels;
  readonly counts: LatencyCounts;
}

interface Row {
  /** By Prometheus's conventions: base units, `_total` behind counters. */
  readonly name: string;
  /** One sentence, shown as HELP and in docs/metrics.md. */
  readonly help: string;
  readonly labels?: readonly string[];
}

export interface ValueRow extends Row {
  readonly type: 'counter' | 'gauge';
  /** The value now, one for each set of labels, or `undefined` where there is no such thing. */
  read(source: MetricSource): number | undefined | Iterable<Sample>;
}

/** Seconds, in the buckets of `LatencyCounts`. */
export interface HistogramRow extends Row {
  readonly type: 'histogram';
  read(source: MetricSource): Iterable<Distribution>;
}

export type MetricRow = ValueRow | HistogramRow;

/** Buckets of `LatencyCounts` that are shown; what took longer than 17 seconds is in the last, `+Inf`. */
const SHOWN_BUCKETS = 25;

/** Upper bounds of the shown buckets, in seconds. */
export const HISTOGRAM_BOUNDS: readonly number[] = Array.from(
  { length: SHOWN_BUCKETS },
  (_, i) => 2 ** i / 1e6,
);
