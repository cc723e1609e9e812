/** How long things took, as counts that cost next to nothing: for INFO, LATENCY HISTOGRAM and the metrics. */

/** Bucket i counts calls of less than 2^i microseconds. */
export const LATENCY_BUCKETS = 32;

export class LatencyCounts {
  calls = 0;
  microseconds = 0;
  readonly histogram = new Float64Array(LATENCY_BUCKETS);

  /** Counts `calls` that took `milliseconds` together. */
  count(calls: number, milliseconds: number): void {
    const microseconds = milliseconds * 1000;
    this.calls += calls;
    this.microseconds += microseconds;
    const bucket = 32 - Math.clz32(microseconds / calls);
    this.histogram[Math.min(bucket, LATENCY_BUCKETS - 1)]! += calls;
  }

  reset(): void {
    this.calls = 0;
    this.microseconds = 0;
    this.histogram.fill(0);
  }
}
