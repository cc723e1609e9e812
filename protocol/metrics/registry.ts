/** The counters and gauges as metrics of prom-client, which hold nothing: each is read when it is asked for. */
import { Counter, Gauge, Registry } from 'prom-client';
import type { MetricSource, ValueRow } from './metric.js';

/** A registry of its own for these rows, read from `source`. */
export function registryOf(rows: readonly ValueRow[], source: MetricSource): Registry {
  const registry = new Registry();
  for (const row of rows) register(registry, row, source);
  return registry;
}

function register(registry: Registry, row: ValueRow, source: MetricSource): void {
  const { name, help, labels = [], type } = row;
  const refill = (metric: Counter | Gauge): void => {
    metric.reset();
    const read = row.read(source);
    if (read === undefined) metric.remove();
    else if (typeof read === 'number') metric.inc(read);
    else for (const sample of read) metric.inc(sample.labels, sample.value);
  };
  const Metric = type === 'counter' ? Counter : Gauge;
  new Metric({
    name,
    help,
    labelNames: [...labels],
    registers: [registry],
    collect() {
      refill(this);
    },
  });
}
