/** Metrics of tags' versions: what was published, held and taken back, and lists that are older than they may be. */
import { VERSION_EVENTS } from '../../src/store/version-event.js';
import type { MetricRow } from './metric.js';

export const versionMetrics: readonly MetricRow[] = [
  {
    name: 'segmentd_version_events_total',
    type: 'counter',
    help: "What happened to versions of tags, each tag of a release by itself: published, held by a tag's gate, rolled_back, or discarded.",
    labels: ['event'],
    *read({ state: { engine } }) {
      const counts = engine.versions.eventCounts;
      for (const type of VERSION_EVENTS) {
        yield { labels: { event: type.replace(' ', '_') }, value: counts[type] };
      }
    },
  },
  {
    name: 'segmentd_held_versions',
    type: 'gauge',
    help: 'Versions that are held: somebody has to publish or discard them.',
    read: ({ state: { engine } }) => engine.versions.held().length,
  },
  {
    name: 'segmentd_stale_tag_age_seconds',
    type: 'gauge',
    help: 'Of each tag whose list is older than its policy allows (maxAge): how old it is.',
    labels: ['tag'],
    *read({ state: { engine } }) {
      for (const { tag, age } of engine.versions.stale()) yield { labels: { tag }, value: age };
    },
  },
];
