/** What is written about the metrics is true: docs/metrics.md, and the dashboard's queries. */
import { describe, expect, test } from 'vitest';
import { metricsMarkdown } from '../../protocol/metrics/describe-metrics.js';
import { metricRows } from '../../protocol/metrics/metrics.js';
import { textOf } from '../support/sources.js';

test('docs/metrics.md is what the declarations say', () => {
  const advice = 'docs/metrics.md is stale; npm run docs makes it anew';
  expect(textOf('docs/metrics.md') === metricsMarkdown(), advice).toBe(true);
});

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly {
    readonly refId: string;
    readonly expr: string;
    readonly legendFormat: string;
  }[];
}

/** Every series that a scrape can have, with its labels. */
const series = new Map<string, readonly string[]>();
for (const { name, type, labels = [] } of metricRows) {
  if (type !== 'histogram') series.set(name, labels);
  else {
    series.set(`${name}_bucket`, [...labels, 'le']);
    series.set(`${name}_sum`, labels);
    series.set(`${name}_count`, labels);
  }
}

const NAME = /\b(?:segmentd|process|nodejs)_\w+/g;

describe('the dashboard', () => {
  const dashboard = JSON.parse(textOf('docs/grafana-dashboard.json')) as {
    readonly panels: readonly Panel[];
    readonly templating: {
      readonly list: readonly { readonly name: string; readonly definition?: string }[];
    };
  };
  const panels = dashboard.panels.filter(({ type }) => type !== 'row');
  const queries = panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr, legendFormat }) => ({ title, expr, legendFormat })),
  );

  test('asks for metrics that exist, and for most of them', () => {
    expect(queries.length).toBeGreaterThan(30);
    const asked = queries.flatMap(({ expr }) => expr.match(NAME)!);
    expect(asked.filter((name) => !series.has(name))).toEqual([]);
    const [, instance] = dashboard.templating.list;
    expect(series.has(NAME.exec(instance!.definition!)![0])).toBe(true);
    const shown = metricRows.filter(({ name }) => asked.some((found) => found.startsWith(name)));
    expect(shown.length).toBeGreaterThan(metricRows.length * 0.7);
  });

  test.each(queries)('$title: $expr has labels that its metrics have', ({ expr, legendFormat }) => {
    const names = expr.match(NAME)!;
    const known = new Set(names.flatMap((name) => series.get(name)!));
    const matched = [...expr.matchAll(/(\w+)\s*(?:=~|=|!=|!~)\s*"/g)].map(([, label]) => label!);
    expect(matched.filter((label) => label !== 'instance' && !known.has(label))).toEqual([]);
    const grouped = [...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list]) => list!.split(/,\s*/));
    expect(grouped.filter((label) => !known.has(label))).toEqual([]);
    const told = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label!);
    expect(told.filter((label) => !grouped.includes(label))).toEqual([]);
    // A histogram's buckets are only worth something by their bounds, a counter's values by how they grow.
    if (/_bucket\b/.test(expr)) expect(grouped).toContain('le');
    if (names.some((name) => /_(total|bucket|sum|count)$/.test(name)))
      expect(expr).toMatch(/\b(rate|increase)\(/);
  });

  test('has panels of their own numbers and places', () => {
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    for (const { gridPos } of dashboard.panels) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
    expect(new Set(dashboard.panels.map(({ title }) => title)).size).toBe(ids.length);
  });
});
