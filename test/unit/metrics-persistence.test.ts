/** What Prometheus is told of the data folder. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { renderMetrics } from '../../protocol/metrics/metrics.js';
import { persistenceMetrics } from '../../protocol/metrics/persistence-metrics.js';
import { openEngineOn } from '../../src/open.js';
import { FailingStorage } from '../../src/persistence/storage-crashing.js';
import { MemoryStorage } from '../../src/persistence/storage-memory.js';
import { type BareSession, openBareSession } from '../support/bare-session.js';
import { type Family, lintMetrics, metricValue, parseMetrics } from '../support/prometheus-text.js';
import { SlowStorage } from '../support/slow-storage.js';

type Options = Parameters<typeof openEngineOn>[0];

const bare: BareSession[] = [];
let broken = '';

beforeEach(() => {
  broken = '';
});
afterEach(() => {
  for (const one of bare.splice(0)) {
    try {
      one.close();
    } catch {
      // Its disk was made to fail.
    }
  }
});

/** A session on a folder in memory; operations fail whose name and path contain what `broken` says. */
function open(options: Options = {}, inner = new MemoryStorage()): BareSession {
  const storage = new FailingStorage(inner, (operation, path) => {
    if (broken !== '' && `${operation} ${path}`.includes(broken)) throw new Error('EIO: i/o error');
  });
  const one = openBareSession(
    {},
    openEngineOn({ dataDir: '/data', snapshotAge: 0, snapshotJournalBytes: 0, ...options }, storage),
  );
  bare.push(one);
  return one;
}

async function scrape({ state }: BareSession): Promise<ReadonlyMap<string, Family>> {
  const metrics = parseMetrics(await renderMetrics(state));
  expect(lintMetrics(metrics)).toEqual([]);
  return metrics;
}

/** The value of metrics without labels, by their names without what all begin with. */
async function valuesOf(session: BareSession, ...names: string[]): Promise<(number | undefined)[]> {
  const metrics = await scrape(session);
  return names.map((name) => metricValue(metrics, `segmentd_${name}`));
}

test('there are none in memory', async () => {
  const inMemory = openBareSession();
  bare.push(inMemory);
  const metrics = await scrape(inMemory);
  for (const { name } of persistenceMetrics) expect(metrics.get(name)!.samples, name).toEqual([]);
});

test('a folder that is new has all of them, but for the duration of a snapshot', async () => {
  const metrics = await scrape(open());
  const without = persistenceMetrics.filter(({ name }) => metrics.get(name)!.samples.length === 0);
  expect(without.map(({ name }) => name)).toEqual(['segmentd_snapshot_last_duration_seconds']);
});

describe('journals', () => {
  test('have their size and changes, and what was replayed', async () => {
    const inner = new MemoryStorage();
    const first = open({}, inner);
    first.engine.setTags('u1', { sports: true });
    first.engine.setTags('u2', { sports: true });
    first.engine.flush();
    const { journalBytes } = first.engine.persistence!;
    const names = ['journal_bytes', 'changes_since_snapshot', 'journal_replayed_changes'];
    expect(await valuesOf(first, ...names)).toEqual([journalBytes, 2, 0]);
    first.close();
    const second = open({}, inner);
    second.engine.setTags('u3', { sports: true });
    second.engine.flush();
    const bytes = second.engine.persistence!.journalBytes;
    expect(bytes).toBeGreaterThan(journalBytes);
    expect(await valuesOf(second, ...names, 'journal_torn_bytes')).toEqual([bytes, 3, 2, 0]);
  });

  test('that fail are counted once, with the time, until they are well again', async () => {
    const session = open();
    const names = ['journal_failing', 'journal_failures_total'];
    expect(await valuesOf(session, ...names, 'journal_last_failure_timestamp_seconds')).toEqual([0, 0, 0]);
    broken = 'write /data/journal';
    const before = Date.now() / 1000;
    session.engine.setTags('u1', { sports: true });
    expect(() => session.engine.flush()).toThrow(/EIO/);
    session.state.tick();
    session.state.tick();
    expect(await valuesOf(session, ...names, 'durable')).toEqual([1, 1, 0]);
    const [at] = await valuesOf(session, 'journal_last_failure_timestamp_seconds');
    expect(at).toBeGreaterThanOrEqual(before);
    broken = '';
    session.engine.snapshotNow();
    session.state.tick();
    expect(await valuesOf(session, ...names, 'durable')).toEqual([0, 1, 1]);
  });
});

describe('syncs', () => {
  test('have a histogram, and those that fail are counted apart', async () => {
    const storage = new SlowStorage();
    const session = open({ fsync: 'always' }, storage);
    const count = 'fsync_duration_seconds_count';
    const [before] = await valuesOf(session, count);
    void session.engine.apply({ type: 'addUsers', tag: 'a', users: ['u1'], value: undefined });
    expect(session.engine.commit()).toBe(false);
    expect(await valuesOf(session, 'durable', count)).toEqual([0, before]);
    await storage.finish();
    expect(await valuesOf(session, 'durable', count)).toEqual([1, before! + 1]);
    const [sum] = await valuesOf(session, 'fsync_duration_seconds_sum');
    expect(sum).toBeGreaterThan(0);
    session.engine.apply({ type: 'addUsers', tag: 'a', users: ['u2'], value: undefined });
    await storage.finish(new Error('EIO: i/o error'));
    expect(await valuesOf(session, count, 'fsync_failures_total', 'journal_failing')).toEqual([
      before! + 1,
      1,
      1,
    ]);
  });

  test('that somebody waits for are counted, too', async () => {
    const session = open({ fsync: 'always' });
    session.engine.setTags('u1', { a: true });
    session.engine.flush();
    expect(await valuesOf(session, 'fsync_duration_seconds_count', 'fsync_failures_total')).toEqual([1, 0]);
    broken = 'sync /data/journal';
    session.engine.setTags('u2', { a: true });
    expect(() => session.engine.flush()).toThrow(/EIO/);
    expect(await valuesOf(session, 'fsync_duration_seconds_count', 'fsync_failures_total')).toEqual([1, 1]);
  });

  test('go by a policy', async () => {
    for (const fsync of ['always', 'everysec', 'no'] as const) {
      const { samples } = (await scrape(open({ fsync }, new MemoryStorage()))).get('segmentd_fsync_policy')!;
      const given = samples.filter(({ value }) => value === 1).map(({ labels }) => labels.get('policy'));
      expect([samples.length, given]).toEqual([3, [fsync]]);
    }
  });
});

describe('snapshots', () => {
  const NAMES = ['snapshots_total', 'snapshots_failed_total', 'snapshot_last_success', 'snapshot_running'];

  test('are counted, with the last one, its size and duration', async () => {
    const session = open();
    expect(await valuesOf(session, ...NAMES, 'snapshot_last_timestamp_seconds')).toEqual([0, 0, 1, 0, 0]);
    session.engine.setTags('u1', { sports: true });
    const written = session.engine.snapshot();
    expect(await valuesOf(session, 'snapshot_running')).toEqual([1]);
    const { created, bytes } = await written;
    expect(await valuesOf(session, ...NAMES, 'changes_since_snapshot')).toEqual([1, 0, 1, 0, 0]);
    const last = ['timestamp_seconds', 'bytes'].map((what) => `snapshot_last_${what}`);
    expect(await valuesOf(session, ...last)).toEqual([created / 1000, bytes]);
    const [seconds] = await valuesOf(session, 'snapshot_last_duration_seconds');
    expect(seconds).toBeGreaterThan(0);
    session.engine.snapshotNow();
    expect(await valuesOf(session, ...NAMES)).toEqual([2, 0, 1, 0]);
  });

  test('that fail are counted, and do not hide the last one', async () => {
    const session = open();
    session.engine.snapshotNow();
    const [at] = await valuesOf(session, 'snapshot_last_timestamp_seconds');
    broken = '/data/snapshot';
    await expect(session.engine.snapshot()).rejects.toThrow(/EIO/);
    expect(() => session.engine.snapshotNow()).toThrow(/EIO/);
    expect(await valuesOf(session, ...NAMES, 'snapshot_last_timestamp_seconds')).toEqual([1, 2, 0, 0, at]);
    broken = '';
    await session.engine.snapshot();
    expect(await valuesOf(session, ...NAMES)).toEqual([2, 2, 1, 0]);
  });

  test('of a folder that is only read are told as they are', async () => {
    const inner = new MemoryStorage();
    const owner = open({}, inner);
    const { created } = owner.engine.snapshotNow();
    const reader = open({ readOnly: true }, inner);
    const names = ['read_only', 'durable', 'snapshot_last_timestamp_seconds', 'fsync_duration_seconds_count'];
    expect(await valuesOf(reader, ...names)).toEqual([1, 1, created / 1000, 0]);
  });
});
