/** Metrics of what the engine holds and keeps: users, tags, audiences, memory. */
import { MEMORY_SECONDS } from './memory-parts.js';
import type { MetricRow, MetricSource } from './metric.js';

/** How often each kind of a thing is there, as samples with the label `kind`. */
function* byKind<K extends string>(kinds: readonly K[], found: Iterable<{ readonly kind: K }>) {
  const counts = new Map<K, number>(kinds.map((kind) => [kind, 0]));
  for (const { kind } of found) counts.set(kind, counts.get(kind)! + 1);
  for (const [kind, value] of counts) yield { labels: { kind }, value };
}

function cacheOf({ state: { engine } }: MetricSource) {
  return engine.audiences.queries.cache;
}

const heldMetrics: readonly MetricRow[] = [
  {
    name: 'segmentd_users',
    type: 'gauge',
    help: 'Users; each has a tag at least.',
    read: ({ state }) => state.engine.store.users.size,
  },
  {
    name: 'segmentd_tags',
    type: 'gauge',
    help: 'Tags by kind, declared ones without users included.',
    labels: ['kind'],
    read: ({ state }) =>
      byKind(
        ['flag', 'enum', 'number'],
        Array.from(state.engine.store.catalog.all(), ({ column }) => column),
      ),
  },
  {
    name: 'segmentd_pairs',
    type: 'gauge',
    help: 'Pairs of a user and a tag that the user has.',
    read: ({ state }) => state.engine.store.pairs,
  },
  {
    name: 'segmentd_audiences',
    type: 'gauge',
    help: 'Saved audiences by kind.',
    labels: ['kind'],
    read: ({ state }) => byKind(['dynamic', 'fixed'], state.engine.store.audiences.all()),
  },
  {
    name: 'segmentd_memory_bytes',
    type: 'gauge',
    help: `Memory of the data by part; their sum is all of it. Counted anew every ${MEMORY_SECONDS} s at most, as that walks all bitmaps.`,
    labels: ['part'],
    *read({ memoryParts }) {
      for (const [part, value] of Object.entries(memoryParts())) yield { labels: { part }, value };
    },
  },
];

const cacheMetrics: readonly MetricRow[] = [
  {
    name: 'segmentd_expression_cache_hits_total',
    type: 'counter',
    help: 'Expressions whose plan was there when they were asked about.',
    read: ({ state }) => state.engine.audiences.queries.plans.hits,
  },
  {
    name: 'segmentd_expression_cache_misses_total',
    type: 'counter',
    help: 'Expressions that had to be read and planned: new ones, long ones, trees, and those whose plan was out of date.',
    read: ({ state }) => state.engine.audiences.queries.plans.misses,
  },
  {
    name: 'segmentd_audience_cache_hits_total',
    type: 'counter',
    help: 'Results of saved audiences that were there when they were asked for.',
    read: (source) => cacheOf(source).hits,
  },
  {
    name: 'segmentd_audience_cache_misses_total',
    type: 'counter',
    help: 'Results of saved audiences that had to be made, because there was none or something had changed.',
    read: (source) => cacheOf(source).misses,
  },
  {
    name: 'segmentd_audience_cache_entries',
    type: 'gauge',
    help: 'Results of saved audiences that are kept.',
    read: (source) => cacheOf(source).size,
  },
  {
    name: 'segmentd_audience_cache_bytes',
    type: 'gauge',
    help: 'Memory of these results.',
    read: (source) => cacheOf(source).bytes,
  },
  {
    name: 'segmentd_audience_cache_limit_bytes',
    type: 'gauge',
    help: 'Memory that they may take: audience-cache-bytes.',
    read: ({ state }) => state.engine.options.audienceCacheBytes,
  },
];

export const engineMetrics: readonly MetricRow[] = [...heldMetrics, ...cacheMetrics];
