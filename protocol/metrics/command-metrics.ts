/** Metrics of commands: how many, how long, what went wrong. */
import { errorTable } from '../../src/index.js';
import type { CommandStats } from '../command-table.js';
import type { Labels, MetricRow, MetricSource, Sample } from './metric.js';

/** What is counted of each command on each face. A command that never came over HTTP has nothing to tell of that face. */
function* statsByFace({
  state: { commands },
}: MetricSource): Iterable<{ labels: Labels; stats: CommandStats }> {
  for (const [name, entry] of commands.entries) {
    yield { labels: { command: name, face: 'resp' }, stats: entry.stats };
    const stats = commands.httpStats.get(entry);
    if (stats !== undefined) yield { labels: { command: name, face: 'http' }, stats };
  }
}

function* samplesOf(source: MetricSource, count: (stats: CommandStats) => number): Iterable<Sample> {
  for (const { labels, stats } of statsByFace(source)) yield { labels, value: count(stats) };
}

const prefixes = new Set(Object.values(errorTable).map(({ resp }) => resp));
const byCommand = ['command', 'face'];

export const commandMetrics: readonly MetricRow[] = [
  {
    name: 'segmentd_commands_total',
    type: 'counter',
    help: 'Commands that ran, failed ones included. CONFIG RESETSTAT sets what is counted of commands to zero.',
    labels: byCommand,
    read: (source) => samplesOf(source, ({ calls }) => calls),
  },
  {
    name: 'segmentd_command_duration_seconds',
    type: 'histogram',
    help: 'How long commands that ran took, without what a slow client takes. Those of one kind that come in one piece of input count with their mean.',
    labels: byCommand,
    *read(source) {
      for (const { labels, stats } of statsByFace(source))
        if (stats.calls > 0) yield { labels, counts: stats };
    },
  },
  {
    name: 'segmentd_commands_failed_total',
    type: 'counter',
    help: 'Commands that ran and replied an error.',
    labels: byCommand,
    *read(source) {
      for (const sample of samplesOf(source, ({ failed }) => failed)) if (sample.value > 0) yield sample;
    },
  },
  {
    name: 'segmentd_commands_rejected_total',
    type: 'counter',
    help: 'Commands that were refused before they ran: wrong number of arguments, not authenticated.',
    labels: byCommand,
    *read(source) {
      for (const sample of samplesOf(source, ({ rejected }) => rejected)) if (sample.value > 0) yield sample;
    },
  },
  {
    name: 'segmentd_error_replies_total',
    type: 'counter',
    help: 'Errors replied to Redis clients, by the prefix of the reply.',
    labels: ['prefix'],
    *read({ state: { errors } }) {
      for (const prefix of prefixes) yield { labels: { prefix }, value: errors.get(prefix) ?? 0 };
    },
  },
  {
    name: 'segmentd_slow_commands_total',
    type: 'counter',
    help: 'Commands and HTTP requests that went into the slow log.',
    read: ({ state }) => state.slowLog.total,
  },
  {
    name: 'segmentd_query_timeouts_total',
    type: 'counter',
    help: 'Audience queries that were given up after query-timeout.',
    read: ({ state }) => state.failures.queryTimeouts,
  },
  {
    name: 'segmentd_internal_errors_total',
    type: 'counter',
    help: 'Errors that are faults of segmentd itself; each is in the log with its stack.',
    read: ({ state }) => state.failures.internalErrors,
  },
  {
    name: 'segmentd_pending_jobs',
    type: 'gauge',
    help: 'Work that is done in turns, so that nobody waits for it, and is not over: audience queries, long answers over HTTP.',
    read: ({ state }) => state.turns.size,
  },
];
