/** What must be watched while it happens: garbage collections, and how late the event loop is. */
import {
  constants,
  monitorEventLoopDelay,
  type PerformanceEntry,
  PerformanceObserver,
  performance,
} from 'node:perf_hooks';
import { LatencyCounts } from '../../src/latency-counts.js';

/** How late the event loop was, in seconds; undefined until anything was measured. */
export interface LoopDelay {
  readonly median: number | undefined;
  readonly p99: number | undefined;
  readonly longest: number | undefined;
}

const RESOLUTION_MILLISECONDS = 10;
/** Within so much of each other, all who ask are told the same: else one would take the other's measurements away. */
const WINDOW_MILLISECONDS = 5_000;

/** Node's types leave the detail out. */
type CollectionEntry = PerformanceEntry & { readonly detail: { readonly kind: number } };

const KINDS: ReadonlyMap<number, string> = new Map([
  [constants.NODE_PERFORMANCE_GC_MINOR, 'minor'],
  [constants.NODE_PERFORMANCE_GC_MAJOR, 'major'],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, 'incremental'],
  [constants.NODE_PERFORMANCE_GC_WEAKCB, 'weakcb'],
]);

/** Watches this process until it is closed. */
export class ProcessProbe {
  /** Garbage collections by kind. */
  readonly collections: ReadonlyMap<string, LatencyCounts> = new Map(
    Array.from(KINDS.values(), (kind) => [kind, new LatencyCounts()]),
  );
  readonly #histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MILLISECONDS });
  readonly #observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries() as CollectionEntry[]) this.#countCollection(entry);
  });
  #delay: LoopDelay = { median: undefined, p99: undefined, longest: undefined };
  #readAt = Number.NEGATIVE_INFINITY;

  constructor() {
    this.#histogram.enable();
    this.#observer.observe({ entryTypes: ['gc'] });
  }

  /** Of the time since it was last asked for, five seconds ago or more. */
  get loopDelay(): LoopDelay {
    const now = performance.now();
    const histogram = this.#histogram;
    if (now - this.#readAt >= WINDOW_MILLISECONDS && histogram.max > 0) {
      this.#readAt = now;
      this.#delay = {
        median: secondsLate(histogram.percentile(50)),
        p99: secondsLate(histogram.percentile(99)),
        longest: secondsLate(histogram.max),
      };
      histogram.reset();
    }
    return this.#delay;
  }

  close(): void {
    this.#histogram.disable();
    this.#observer.disconnect();
  }

  #countCollection({ detail: { kind }, duration }: CollectionEntry): void {
    const name = KINDS.get(kind);
    if (name !== undefined) this.collections.get(name)!.count(1, duration);
  }
}

/** Node measures from one tick of its timer to the next; the time between two that are punctual is no delay. */
function secondsLate(nanoseconds: number): number {
  return Math.max(0, nanoseconds / 1e9 - RESOLUTION_MILLISECONDS / 1e3);
}
