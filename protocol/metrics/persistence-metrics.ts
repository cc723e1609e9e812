/** Metrics of the data folder: journals, snapshots, the disk. There are none without one. */
import type { PersistenceInfo } from '../../src/index.js';
import type { HistogramRow, MetricRow, MetricSource, ValueRow } from './metric.js';

function infoOf({ state: { engine } }: MetricSource): PersistenceInfo | undefined {
  return engine.persistence;
}

/** A metric that the data folder tells of; `read` may know nothing of it yet. */
function fromFolder(
  row: Omit<ValueRow, 'read'>,
  read: (info: PersistenceInfo, source: MetricSource) => number | undefined,
): ValueRow {
  return {
    ...row,
    read(source) {
      const info = infoOf(source);
      return info && read(info, source);
    },
  };
}

const POLICIES: readonly PersistenceInfo['fsync'][] = ['always', 'everysec', 'no'];

const stateMetrics: readonly ValueRow[] = [
  fromFolder(
    {
      name: 'segmentd_durable',
      type: 'gauge',
      help: '1 while all changes are as durable as the option fsync promises, else 0: some wait for the disk, or it fails. Only with a data folder, as all about journals and snapshots.',
    },
    (_, { state: { engine } }) => (engine.durable ? 1 : 0),
  ),
  {
    name: 'segmentd_fsync_policy',
    type: 'gauge',
    help: '1 for the option fsync, 0 for what else it could be.',
    labels: ['policy'],
    *read(source) {
      const info = infoOf(source);
      if (info === undefined) return;
      for (const policy of POLICIES) yield { labels: { policy }, value: info.fsync === policy ? 1 : 0 };
    },
  },
  fromFolder(
    {
      name: 'segmentd_read_only',
      type: 'gauge',
      help: '1 when the data folder was opened to be read and changes are refused, else 0.',
    },
    ({ readOnly }) => (readOnly ? 1 : 0),
  ),
];

const journalMetrics: readonly ValueRow[] = [
  fromFolder(
    {
      name: 'segmentd_journal_bytes',
      type: 'gauge',
      help: 'Size of the journals since the last snapshot: what a start replays.',
    },
    ({ journalBytes }) => journalBytes,
  ),
  fromFolder(
    {
      name: 'segmentd_changes_since_snapshot',
      type: 'gauge',
      help: 'Changes that are only in journals.',
    },
    ({ changesSinceSnapshot }) => changesSinceSnapshot,
  ),
  fromFolder(
    {
      name: 'segmentd_journal_failing',
      type: 'gauge',
      help: '1 while changes are refused because the journal could not be written or synced, else 0.',
    },
    ({ failure }) => (failure === undefined ? 0 : 1),
  ),
  fromFolder(
    {
      name: 'segmentd_journal_failures_total',
      type: 'counter',
      help: 'How often that began.',
    },
    (_, { state }) => state.journalWatch.failures,
  ),
  fromFolder(
    {
      name: 'segmentd_journal_last_failure_timestamp_seconds',
      type: 'gauge',
      help: 'When that began last, in seconds since 1970; 0 if never.',
    },
    (_, { state }) => state.journalWatch.lastFailureAt / 1000,
  ),
  fromFolder(
    {
      name: 'segmentd_journal_replayed_changes',
      type: 'gauge',
      help: 'Changes that were replayed at the start.',
    },
    ({ replayed }) => replayed,
  ),
  fromFolder(
    {
      name: 'segmentd_journal_replay_duration_seconds',
      type: 'gauge',
      help: 'How long the start took to read the snapshot and to replay these.',
    },
    ({ replaySeconds }) => replaySeconds,
  ),
  fromFolder(
    {
      name: 'segmentd_journal_torn_bytes',
      type: 'gauge',
      help: 'Bytes of an unfinished record that were cut off at the start.',
    },
    ({ torn }) => torn,
  ),
];

const syncMetrics: readonly [HistogramRow, ValueRow] = [
  {
    name: 'segmentd_fsync_duration_seconds',
    type: 'histogram',
    help: 'How long the disk took to have the changes in the journal.',
    *read(source) {
      const info = infoOf(source);
      if (info !== undefined) yield { labels: {}, counts: info.syncs };
    },
  },
  fromFolder(
    {
      name: 'segmentd_fsync_failures_total',
      type: 'counter',
      help: 'Syncs of the journal that failed. None is ever ignored: changes are refused until everything is written anew.',
    },
    ({ syncs }) => syncs.failed,
  ),
];

const snapshotMetrics: readonly ValueRow[] = [
  fromFolder(
    {
      name: 'segmentd_snapshots_total',
      type: 'counter',
      help: 'Snapshots that were written since the start, whatever began them.',
    },
    ({ snapshots }) => snapshots,
  ),
  fromFolder(
    {
      name: 'segmentd_snapshots_failed_total',
      type: 'counter',
      help: 'Snapshots that were not, because of an error; the journals go on.',
    },
    ({ snapshotsFailed }) => snapshotsFailed,
  ),
  fromFolder(
    {
      name: 'segmentd_snapshot_running',
      type: 'gauge',
      help: '1 while a snapshot is being written, else 0.',
    },
    ({ snapshotProgress }) => (snapshotProgress === undefined ? 0 : 1),
  ),
  fromFolder(
    {
      name: 'segmentd_snapshot_last_success',
      type: 'gauge',
      help: '0 when the last attempt to write a snapshot failed, else 1.',
    },
    ({ snapshotFailure }) => (snapshotFailure === undefined ? 1 : 0),
  ),
  fromFolder(
    {
      name: 'segmentd_snapshot_last_timestamp_seconds',
      type: 'gauge',
      help: 'When the newest snapshot was made, in seconds since 1970; 0 if there is none.',
    },
    ({ snapshot }) => (snapshot?.created ?? 0) / 1000,
  ),
  fromFolder(
    {
      name: 'segmentd_snapshot_last_bytes',
      type: 'gauge',
      help: 'Size of its files; 0 if there is none.',
    },
    ({ snapshot }) => snapshot?.bytes ?? 0,
  ),
  fromFolder(
    {
      name: 'segmentd_snapshot_last_duration_seconds',
      type: 'gauge',
      help: 'How long the last snapshot since the start took; nothing before there is one.',
    },
    ({ snapshotSeconds }) => snapshotSeconds,
  ),
];

export const persistenceMetrics: readonly MetricRow[] = [
  ...stateMetrics,
  ...journalMetrics,
  ...syncMetrics,
  ...snapshotMetrics,
];
