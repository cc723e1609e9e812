import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CommandTable } from '../../protocol/command-table.js';
import { HttpMeter } from '../../protocol/metrics/http-meter.js';
import { memoryPartsOf } from '../../protocol/metrics/memory-parts.js';
import { METRICS_CONTENT_TYPE, metricRows, renderMetrics } from '../../protocol/metrics/metrics.js';
import { allCommands } from '../../protocol/registry.js';
import { openEngine } from '../../src/index.js';
import { type BareSession, openBareSession } from '../support/bare-session.js';
import { codeOf } from '../support/code-of.js';
import { type Family, lintMetrics, metricValue, parseMetrics } from '../support/prometheus-text.js';
import { TestFolder } from '../support/test-folder.js';

let bare: BareSession;
let folder: TestFolder | undefined;

beforeEach(() => {
  bare = openBareSession();
});
afterEach(() => {
  bare.close();
  folder?.remove();
  folder = undefined;
});

/** The metrics as Prometheus reads them. */
async function scrape(): Promise<ReadonlyMap<string, Family>> {
  return parseMetrics(await renderMetrics(bare.state));
}

/** The value of a metric with these labels. */
async function metricOf(name: string, labels: Record<string, string> = {}): Promise<number | undefined> {
  return metricValue(await scrape(), name, labels);
}

const REQUEST = {
  route: '/users/{id}',
  command: undefined,
  method: 'GET',
  status: 200,
  answeredIn: 0.1,
  bytesIn: 0,
  bytesOut: 0,
  requestId: 'r',
};

describe('the text', () => {
  test('is well formed, and follows the conventions, with everything in it', async () => {
    bare.close();
    folder = new TestFolder();
    bare = openBareSession({}, folder.open());
    bare.engine.snapshotNow();
    for (const { stats } of bare.state.commands.entries.values()) {
      stats.count(3, 0.002);
      stats.count(1, 100_000);
      stats.rejected++;
      stats.failed++;
    }
    for (const entry of bare.state.commands.entries.values())
      bare.state.commands.countHttp(entry, 1, 'failed');
    for (const status of [200, 404, 500]) bare.state.requestDone({ ...REQUEST, status, milliseconds: 0.3 });
    bare.state.http.onConnected();
    bare.state.http.work = { waiting: 0, streams: 0, exports: 0 };
    await bare.send('HSET', 'user:u1', 'sports', '1');
    bare.engine.apply({ type: 'setPolicy', tag: 'sports', policy: { maxAge: 1 }, at: 0 });
    const metrics = await scrape();
    expect(lintMetrics(metrics)).toEqual([]);
    expect([...metrics.keys()].sort()).toEqual(metricRows.map(({ name }) => name).sort());
    for (const { name, type, help, labels = [] } of metricRows) {
      const family = metrics.get(name)!;
      expect([family.type, family.help]).toEqual([type, help]);
      for (const sample of family.samples) {
        expect([...sample.labels.keys()].filter((label) => label !== 'le').sort()).toEqual(
          [...labels].sort(),
        );
      }
      // How late the event loop is cannot be told at once.
      if (!name.startsWith('segmentd_event_loop')) expect(family.samples, name).not.toEqual([]);
    }
  });

  test('is well formed of a server that has done nothing', async () => {
    expect(lintMetrics(await scrape())).toEqual([]);
    expect(METRICS_CONTENT_TYPE).toBe('text/plain; version=0.0.4; charset=utf-8');
  });

  test('can be asked for by many at once', async () => {
    const texts = await Promise.all([1, 2, 3].map(() => renderMetrics(bare.state)));
    for (const text of texts) expect(lintMetrics(parseMetrics(text))).toEqual([]);
  });

  test('escapes what stands in labels', async () => {
    const route = '/a"b\\c\nd';
    bare.state.requestDone({ ...REQUEST, route, milliseconds: 1 });
    const labels = { route, method: 'GET' };
    expect(await metricOf('segmentd_http_requests_total', { ...labels, status: '200' })).toBe(1);
    expect(await metricOf('segmentd_http_request_duration_seconds_count', labels)).toBe(1);
  });

  test('cannot be had of a closed engine', async () => {
    bare.engine.close();
    const error: unknown = await renderMetrics(bare.state).catch((reason: unknown) => reason);
    expect(
      codeOf(() => {
        throw error;
      }),
    ).toBe('ENGINE_CLOSED');
  });
});

describe('commands', () => {
  test('are there before they are called, each once', async () => {
    const { samples } = (await scrape()).get('segmentd_commands_total')!;
    expect(samples.map(({ labels }) => labels.get('command'))).toEqual([
      ...new CommandTable(allCommands).entries.keys(),
    ]);
    for (const { labels, value } of samples) expect([labels.get('face'), value]).toEqual(['resp', 0]);
    expect((await scrape()).get('segmentd_command_duration_seconds')!.samples).toEqual([]);
  });

  test('are counted by name and face, as they went', async () => {
    await bare.send('HSET', 'user:u1', 'sports', '1');
    await bare.send('hset', 'user:u2', 'sports', '1');
    await bare.send('CLIENT', 'ID');
    await bare.send('SADD', 'user:u1', 'x');
    await bare.send('HGET', 'user:u1');
    await bare.send('NOSUCH', 'user:u1');
    await bare.send('CLIENT', 'NOSUCH');
    const { commands } = bare.state;
    commands.countHttp(commands.entries.get('hset')!, 2, 'done');
    commands.countHttp(commands.entries.get('hset')!, 2, 'failed');
    const metrics = await scrape();
    const total = (command: string, face = 'resp') =>
      metricValue(metrics, 'segmentd_commands_total', { command, face });
    expect([total('hset'), total('client|id'), total('sadd'), total('hget')]).toEqual([2, 1, 1, 0]);
    expect([total('hset', 'http'), total('hget', 'http'), total('nosuch')]).toEqual([
      2,
      undefined,
      undefined,
    ]);
    const failed = metrics.get('segmentd_commands_failed_total')!.samples;
    expect(failed.map(({ labels }) => [...labels.values()])).toEqual([
      ['hset', 'http'],
      ['sadd', 'resp'],
    ]);
    const rejected = metrics.get('segmentd_commands_rejected_total')!.samples;
    expect(rejected.map(({ labels }) => [...labels.values()])).toEqual([['hget', 'resp']]);
    expect(metricValue(metrics, 'segmentd_error_replies_total', { prefix: 'WRONGTYPE' })).toBe(1);
    expect(metricValue(metrics, 'segmentd_error_replies_total', { prefix: 'ERR' })).toBe(3);
  });

  test('have histograms of their durations, in seconds', async () => {
    const { stats } = bare.state.commands.entries.get('hmget')!;
    stats.count(10, 0.005); // Half a microsecond each.
    stats.count(1, 0.003);
    stats.count(1, 1.5);
    stats.count(1, 60_000);
    const metrics = await scrape();
    const name = 'segmentd_command_duration_seconds';
    const labels = { command: 'hmget', face: 'resp' };
    const upTo = (le: string) => metricValue(metrics, `${name}_bucket`, { ...labels, le });
    expect(
      ['0.000001', '0.000002', '0.000004', '0.001024', '0.002048', '16.777216', '+Inf'].map(upTo),
    ).toEqual([10, 10, 11, 11, 12, 12, 13]);
    expect(metricValue(metrics, `${name}_count`, labels)).toBe(13);
    expect(metricValue(metrics, `${name}_sum`, labels)).toBeCloseTo(60.001508, 9);
  });

  test('are counted anew after CONFIG RESETSTAT', async () => {
    await bare.send('HSET', 'user:u1', 'sports', '1');
    await bare.send('CONFIG', 'RESETSTAT');
    const metrics = await scrape();
    const total = (command: string) =>
      metricValue(metrics, 'segmentd_commands_total', { command, face: 'resp' });
    expect([total('hset'), total('config|resetstat')]).toEqual([0, 1]);
    expect(lintMetrics(metrics)).toEqual([]);
  });

  test('that are slow are counted, whatever the slow log keeps', async () => {
    await bare.send('CONFIG', 'SET', 'slowlog-log-slower-than', '0', 'slowlog-max-len', '1');
    const before = (await metricOf('segmentd_slow_commands_total'))!;
    for (let i = 0; i < 5; i++) await bare.send('PING');
    await bare.send('SLOWLOG', 'RESET');
    expect(await metricOf('segmentd_slow_commands_total')).toBe(before + 6);
  });
});

describe('HTTP requests', () => {
  test('are counted by route, method and status, with their durations and bytes', async () => {
    const done = (status: number, milliseconds: number) =>
      bare.state.requestDone({ ...REQUEST, status, milliseconds, bytesIn: 10, bytesOut: 100 });
    done(200, 0.5);
    done(200, 1.5);
    done(404, 0.1);
    const metrics = await scrape();
    const labels = { route: '/users/{id}', method: 'GET' };
    const count = (status: string) =>
      metricValue(metrics, 'segmentd_http_requests_total', { ...labels, status });
    expect([count('200'), count('404'), count('500')]).toEqual([2, 1, undefined]);
    const durations = 'segmentd_http_request_duration_seconds';
    expect(metricValue(metrics, `${durations}_count`, labels)).toBe(3);
    expect(metricValue(metrics, `${durations}_sum`, labels)).toBeCloseTo(0.0021, 12);
    expect(metricValue(metrics, `${durations}_bucket`, { ...labels, le: '0.000512' })).toBe(2);
    expect(metricValue(metrics, 'segmentd_received_bytes_total', { face: 'http' })).toBe(30);
    expect(metricValue(metrics, 'segmentd_sent_bytes_total', { face: 'http' })).toBe(300);
  });

  test('make no more time series than there are routes, however many there seem to be', () => {
    const meter = new HttpMeter();
    for (let i = 0; i < 1000; i++) meter.onDone({ ...REQUEST, route: `/users/u${i}`, milliseconds: 1 });
    for (let i = 0; i < 100; i++) meter.onDone({ ...REQUEST, route: '/a', method: `X${i}`, milliseconds: 1 });
    const routes = [...meter.routes()];
    expect(routes.length).toBeLessThan(210);
    const counted = routes.reduce((sum, { durations }) => sum + durations.calls, 0);
    expect(counted).toBe(1100);
    expect(routes.find(({ route, method }) => route === 'other' && method === 'other')!.durations.calls).toBe(
      100,
    );
    expect(routes.find(({ route, method }) => route === 'other' && method === 'GET')!.durations.calls).toBe(
      800,
    );
  });

  test('that are worked on are counted, once there is a server', async () => {
    expect(await metricOf('segmentd_http_waiting_requests')).toBeUndefined();
    bare.state.http.work = { waiting: 3, streams: 2, exports: 1 };
    const metrics = await scrape();
    const of = (what: string) => metricValue(metrics, `segmentd_http_${what}`);
    expect([of('waiting_requests'), of('streams'), of('exports')]).toEqual([3, 2, 1]);
  });

  test('have connections as soon as the transport tells of them', async () => {
    const { http } = bare.state;
    expect(await metricOf('segmentd_connections', { face: 'http' })).toBeUndefined();
    http.onConnected();
    http.onConnected();
    http.onDisconnected();
    http.onRejected();
    const metrics = await scrape();
    const of = (name: string) => metricValue(metrics, name, { face: 'http' });
    expect(of('segmentd_connections')).toBe(1);
    expect(of('segmentd_connections_accepted_total')).toBe(2);
    expect(of('segmentd_connections_rejected_total')).toBe(1);
  });
});

describe('the data', () => {
  test('is counted: users, tags, pairs, audiences', async () => {
    const { engine } = bare;
    engine.declareTag('age', { kind: 'number' });
    engine.setTags('u1', { age: 3, city: 'Oslo', sports: true });
    engine.setTags('u2', { sports: true });
    engine.audiences.save('players', 'sports');
    engine.audiences.save('locals', 'city = "Oslo"');
    engine.audiences.freeze('frozen', 'sports');
    const metrics = await scrape();
    expect(metricValue(metrics, 'segmentd_users')).toBe(2);
    expect(metricValue(metrics, 'segmentd_pairs')).toBe(4);
    for (const kind of ['flag', 'enum', 'number']) {
      expect(metricValue(metrics, 'segmentd_tags', { kind })).toBe(1);
    }
    expect(metricValue(metrics, 'segmentd_audiences', { kind: 'dynamic' })).toBe(2);
    expect(metricValue(metrics, 'segmentd_audiences', { kind: 'fixed' })).toBe(1);
  });

  test('has its memory by part, which is all of it', async () => {
    bare.engine.setTags('u1', { sports: true });
    bare.engine.audiences.freeze('frozen', 'sports');
    bare.engine.audiences.save('kept', 'sports');
    bare.engine.audiences.count('@kept');
    expect(bare.engine.audiences.queries.cache.bytes).toBeGreaterThan(0);
    const { samples } = (await scrape()).get('segmentd_memory_bytes')!;
    const sum = samples.reduce((bytes, { value }) => bytes + value, 0);
    expect(sum).toBe(bare.engine.stats().bytes.total);
    expect(samples.map(({ labels }) => labels.get('part'))).toEqual([
      'directory',
      'ordinals',
      'records',
      'slack',
      'bitmaps',
      'audiences',
      'versions',
    ]);
  });

  test('has its memory counted once in five seconds', () => {
    const engine = openEngine();
    let now = 0;
    let walks = 0;
    const stats = engine.stats.bind(engine);
    engine.stats = () => {
      walks++;
      return stats();
    };
    const parts = memoryPartsOf(engine, () => now);
    const before = parts();
    engine.setTags('u1', { sports: true });
    now = 4_999;
    expect([parts(), walks]).toEqual([before, 1]);
    now = 5_000;
    expect(parts()['records']).toBeGreaterThan(before['records']!);
    expect(walks).toBe(2);
    engine.close();
  });

  test('has a cache of audiences, with hits and misses', async () => {
    const { engine } = bare;
    engine.addUsers('sports', ['u1', 'u2', 'u3']);
    engine.addUsers('news', ['u1', 'u2']);
    engine.audiences.save('both', 'sports and news');
    for (let i = 0; i < 3; i++) expect(engine.audiences.count('@both')).toBe(2);
    const metrics = await scrape();
    const of = (what: string) => metricValue(metrics, `segmentd_audience_cache_${what}`);
    const { cache } = engine.audiences.queries;
    expect([of('hits_total'), of('misses_total')]).toEqual([cache.hits, cache.misses]);
    expect(of('hits_total')).toBeGreaterThan(0);
    expect([of('entries'), of('bytes')]).toEqual([1, cache.bytes]);
    expect(of('limit_bytes')).toBe(engine.options.audienceCacheBytes);
  });

  test('has a cache of expressions, with hits and misses', async () => {
    const { engine } = bare;
    engine.addUsers('sports', ['u1', 'u2', 'u3']);
    for (let i = 0; i < 3; i++) expect(engine.audiences.count('sports or none')).toBe(3);
    expect(engine.audiences.count({ type: 'has', tag: 'sports' })).toBe(3);
    expect(codeOf(() => engine.audiences.count('nosuch'))).toBe('UNKNOWN_TAG');
    const metrics = await scrape();
    const of = (what: string) => metricValue(metrics, `segmentd_expression_cache_${what}_total`);
    expect([of('hits'), of('misses')]).toEqual([2, 3]);
  });
});

describe('the process', () => {
  test('has its own metrics', async () => {
    const metrics = await scrape();
    const of = (name: string) => metricValue(metrics, name)!;
    expect(of('process_resident_memory_bytes')).toBeGreaterThan(2 ** 20);
    expect(of('nodejs_heap_size_used_bytes')).toBeLessThanOrEqual(of('nodejs_heap_size_total_bytes'));
    expect(of('process_start_time_seconds')).toBeLessThanOrEqual(of('segmentd_start_time_seconds') + 0.001);
    expect(metrics.get('segmentd_build_info')!.samples).toHaveLength(1);
  });

  test('has its garbage collections counted', async () => {
    const waste: unknown[] = [];
    // The observer is told some time after a collection.
    for (let found = 0; found < 2; ) {
      waste.length = 0;
      for (let i = 0; i < 300_000; i++) waste.push({ i });
      found = (await metricOf('nodejs_gc_duration_seconds_count', { kind: 'minor' }))!;
    }
    expect(await metricOf('nodejs_gc_duration_seconds_sum', { kind: 'minor' })).toBeGreaterThan(0);
  });

  test('has the delay of its event loop told as soon as there is one', async () => {
    let p99: number | undefined;
    while (p99 === undefined) p99 = await metricOf('segmentd_event_loop_delay_p99_seconds');
    const metrics = await scrape();
    const longest = metricValue(metrics, 'segmentd_event_loop_delay_max_seconds')!;
    expect(longest).toBeGreaterThanOrEqual(metricValue(metrics, 'segmentd_event_loop_delay_p50_seconds')!);
    expect(metricValue(metrics, 'segmentd_event_loop_delay_p99_seconds')).toBe(p99);
  });
});
