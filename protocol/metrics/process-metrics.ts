/**
 * Metrics of the process, under the names that Prometheus's client libraries agree on. They are not prom-client's own: those
 * count one garbage collection of several that end together, tell punctual timers as delays, and never stop watching.
 */
import { performance } from 'node:perf_hooks';
import { PACKAGE_VERSION } from '../version.js';
import type { MetricRow } from './metric.js';

const MICROSECONDS = 1e6;

export const processMetrics: readonly MetricRow[] = [
  {
    name: 'segmentd_build_info',
    type: 'gauge',
    help: 'Always 1; the labels tell which segmentd this is, and which Node.js it runs on.',
    labels: ['version', 'node_version'],
    read: () => [{ labels: { version: PACKAGE_VERSION, node_version: process.versions.node }, value: 1 }],
  },
  {
    name: 'segmentd_start_time_seconds',
    type: 'gauge',
    help: 'When the server started, in seconds since 1970.',
    read: ({ state }) => state.startedAt / 1000,
  },
  {
    name: 'process_start_time_seconds',
    type: 'gauge',
    help: 'When the process started, in seconds since 1970.',
    read: () => performance.timeOrigin / 1000,
  },
  {
    name: 'process_cpu_user_seconds_total',
    type: 'counter',
    help: 'CPU time of the process outside the system.',
    read: () => process.cpuUsage().user / MICROSECONDS,
  },
  {
    name: 'process_cpu_system_seconds_total',
    type: 'counter',
    help: 'CPU time of the process inside the system.',
    read: () => process.cpuUsage().system / MICROSECONDS,
  },
  {
    name: 'process_cpu_seconds_total',
    type: 'counter',
    help: 'CPU time of the process.',
    read() {
      const { user, system } = process.cpuUsage();
      return (user + system) / MICROSECONDS;
    },
  },
  {
    name: 'process_resident_memory_bytes',
    type: 'gauge',
    help: 'Memory of the process that is in use, of whatever kind.',
    read: () => process.memoryUsage.rss(),
  },
  {
    name: 'nodejs_heap_size_total_bytes',
    type: 'gauge',
    help: 'Size of the JavaScript heap.',
    read: () => process.memoryUsage().heapTotal,
  },
  {
    name: 'nodejs_heap_size_used_bytes',
    type: 'gauge',
    help: 'Memory of the JavaScript heap that is in use.',
    read: () => process.memoryUsage().heapUsed,
  },
  {
    name: 'nodejs_external_memory_bytes',
    type: 'gauge',
    help: 'Memory outside the heap that belongs to JavaScript objects, buffers included.',
    read: () => process.memoryUsage().external,
  },
  {
    name: 'nodejs_gc_duration_seconds',
    type: 'histogram',
    help: 'How long garbage collections took, by kind: minor, major, incremental or weakcb.',
    labels: ['kind'],
    *read({ probe }) {
      for (const [kind, counts] of probe.collections) yield { labels: { kind }, counts };
    },
  },
  {
    name: 'segmentd_event_loop_delay_p50_seconds',
    type: 'gauge',
    help: 'How late timers were in the middle, since the scrape before, or the one that is 5 s ago.',
    read: ({ probe }) => probe.loopDelay.median,
  },
  {
    name: 'segmentd_event_loop_delay_p99_seconds',
    type: 'gauge',
    help: 'How late timers were, all but one in a hundred, in the same time.',
    read: ({ probe }) => probe.loopDelay.p99,
  },
  {
    name: 'segmentd_event_loop_delay_max_seconds',
    type: 'gauge',
    help: 'How late timers were at most, in the same time.',
    read: ({ probe }) => probe.loopDelay.longest,
  },
];
