/** What Prometheus is told when it asks. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ServerState } from '../server-state.js';
import { commandMetrics } from './command-metrics.js';
import { engineMetrics } from './engine-metrics.js';
import { histogramText } from './histogram-text.js';
import { memoryPartsOf } from './memory-parts.js';
import type { MetricRow, MetricSource } from './metric.js';
import { persistenceMetrics } from './persistence-metrics.js';
import { processMetrics } from './process-metrics.js';
import { ProcessProbe } from './process-probe.js';
import { trafficMetrics } from './traffic-metrics.js';
import { versionMetrics } from './version-metrics.js';

/** Every metric, in the order in which they are shown. */
export const metricRows: readonly MetricRow[] = [
  ...commandMetrics,
  ...trafficMetrics,
  ...engineMetrics,
  ...persistenceMetrics,
  ...versionMetrics,
  ...processMetrics,
];

export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

const values = metricRows.filter((row) => row.type !== 'histogram');
const histograms = metricRows.filter((row) => row.type === 'histogram');

/** The metrics of one server. Making it begins to watch the process; nothing else is done until somebody asks. */
export class Metrics {
  readonly #probe = new ProcessProbe();
  readonly #source: MetricSource;
  readonly #registry: Promise<{ metrics(): Promise<string> }>;

  constructor(state: ServerState) {
    // The engine may be another one by then: it may still be loading.
    const memoryParts = memoryPartsOf({ stats: () => state.engine.stats() });
    const source = { state, probe: this.#probe, memoryParts };
    this.#source = source;
    // Loading prom-client takes tens of milliseconds, which is nothing to those who serve no metrics.
    this.#registry = import('./registry.js').then(({ registryOf }) => registryOf(values, source));
  }

  /** All metrics in Prometheus's text format, to be sent as METRICS_CONTENT_TYPE. Rejects with ENGINE_CLOSED. */
  async render(): Promise<string> {
    const parts = [await (await this.#registry).metrics()];
    for (const row of histograms) {
      // Others have their turn in between.
      await nextTurn();
      parts.push(histogramText(row, this.#source));
    }
    return parts.join('\n');
  }

  close(): void {
    this.#probe.close();
  }
}

/** The server's metrics in Prometheus's text format, to be sent as METRICS_CONTENT_TYPE. */
export function renderMetrics(state: ServerState): Promise<string> {
  return state.metrics.render();
}
