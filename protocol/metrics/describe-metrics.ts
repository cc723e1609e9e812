/** docs/metrics.md, made from the rows. `npm run docs` writes it; a test fails when it is stale. */
import { HISTOGRAM_BOUNDS } from './metric.js';
import { metricRows } from './metrics.js';

export function metricsMarkdown(): string {
  const rows = metricRows.map(
    ({ name, type, labels = [], help }) =>
      `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help} |`,
  );
  const last = HISTOGRAM_BOUNDS.at(-1)!.toFixed(1);
  return `# Metrics

Made from the declarations in protocol/metrics/ by \`npm run docs\`; do not edit. A dashboard that uses them is in
[grafana-dashboard.json](grafana-dashboard.json).

\`GET /metrics\` gives them in Prometheus's text format. \`face\` is \`resp\` for Redis clients and \`http\`. Commands are those
that are declared, routes the patterns of the server's own, so that the number of time series is bounded. Buckets of the
histograms double from 1 microsecond to ${last} seconds. Metrics with labels have a line only for what there is.

| metric | type | labels | what it is |
|---|---|---|---|
${rows.join('\n')}
`;
}
