/** What Redis clients do shows in the metrics. */
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { serverEndpoints } from '../../protocol/http/endpoints/server.js';
import type { Route } from '../../protocol/http/route.js';
import { listenHttp } from '../../protocol/http/server.js';
import { renderMetrics } from '../../protocol/metrics/metrics.js';
import { observing } from '../../protocol/metrics/mount.js';
import { allCommands } from '../../protocol/registry.js';
import { listenResp, type RespServer } from '../../protocol/resp/server.js';
import { ServerState } from '../../protocol/server-state.js';
import { type Engine, openEngine } from '../../src/index.js';
import { resolveServerOptions } from '../../src/options.js';
import { type Family, lintMetrics, metricValue, parseMetrics } from '../support/prometheus-text.js';
import { encodeCommand } from '../support/resp.js';
import { RespClient } from '../support/resp-client.js';

let engine: Engine;
let state: ServerState;
let server: RespServer;
let client: RespClient;

beforeEach(async () => {
  engine = openEngine();
  state = new ServerState(engine, resolveServerOptions({ respPort: 0 }), allCommands, () => {});
  server = await listenResp(state);
  client = await RespClient.open(server.port);
});
afterEach(async () => {
  await server.close();
  state.close();
  engine.close();
});

async function scrape(): Promise<ReadonlyMap<string, Family>> {
  const metrics = parseMetrics(await renderMetrics(state));
  expect(lintMetrics(metrics)).toEqual([]);
  return metrics;
}

/** How often a command ran, by its counter and by its histogram. */
function calls(metrics: ReadonlyMap<string, Family>, command: string): (number | undefined)[] {
  const labels = { command, face: 'resp' };
  return [
    metricValue(metrics, 'segmentd_commands_total', labels),
    metricValue(metrics, 'segmentd_command_duration_seconds_count', labels),
    metricValue(metrics, 'segmentd_command_duration_seconds_bucket', { ...labels, le: '+Inf' }),
  ];
}

const resp = { face: 'resp' };

describe('commands', () => {
  test('are counted one by one, hot ones in a pipeline too', async () => {
    const writes = Array.from({ length: 50 }, (_, i) => ['HSET', `user:u${i}`, 'sports', '1']);
    const reads = Array.from({ length: 200 }, (_, i) => ['HMGET', `user:u${i}`, 'sports', 'city']);
    await client.replies(250, ...writes, ...reads);
    await client.replies(3, ['HGET', 'user:u1', 'sports'], ['PING'], ['HGET', 'user:u1', 'sports']);
    const metrics = await scrape();
    expect(calls(metrics, 'hset')).toEqual([50, 50, 50]);
    expect(calls(metrics, 'hmget')).toEqual([200, 200, 200]);
    expect(calls(metrics, 'hget')).toEqual([2, 2, 2]);
    expect(calls(metrics, 'ping')).toEqual([1, 1, 1]);
    expect(calls(metrics, 'smembers')).toEqual([0, undefined, undefined]);
    const sum = metricValue(metrics, 'segmentd_command_duration_seconds_sum', { command: 'hmget', ...resp });
    expect(sum).toBeGreaterThan(0);
    expect(metricValue(metrics, 'segmentd_users')).toBe(50);
  });

  test('in a transaction are counted, and EXEC itself', async () => {
    await client.replies(4, ['MULTI'], ['SADD', 'tag:a', 'u1'], ['SADD', 'tag:a', 'u2'], ['EXEC']);
    const metrics = await scrape();
    expect(calls(metrics, 'sadd')).toEqual([2, 2, 2]);
    expect(calls(metrics, 'exec')).toEqual([1, 1, 1]);
  });

  test('that fail, are refused, or are none at all are told apart', async () => {
    await client.error('SADD', 'user:u1', 'x');
    await client.error('HGET', 'user:u1');
    await client.error('NOSUCH', 'user:u1');
    const metrics = await scrape();
    const of = (name: string, command: string) => metricValue(metrics, name, { command, ...resp });
    expect(of('segmentd_commands_failed_total', 'sadd')).toBe(1);
    expect(of('segmentd_commands_rejected_total', 'hget')).toBe(1);
    expect(calls(metrics, 'sadd')).toEqual([1, 1, 1]);
    expect(calls(metrics, 'hget')).toEqual([0, undefined, undefined]);
    const errors = (prefix: string) => metricValue(metrics, 'segmentd_error_replies_total', { prefix });
    expect([errors('WRONGTYPE'), errors('ERR'), errors('NOAUTH')]).toEqual([1, 2, 0]);
    expect(metricValue(metrics, 'segmentd_internal_errors_total')).toBe(0);
  });

  test('make no time series that are not declared, whatever clients send', async () => {
    const names = new Set(state.commands.entries.keys());
    for (let i = 0; i < 100; i++) await client.error(`NOSUCH${i}`, `{x="${i}"}`);
    const metrics = await scrape();
    for (const { samples } of metrics.values()) {
      for (const { labels } of samples) {
        if (labels.has('command')) expect(names).toContain(labels.get('command'));
      }
    }
  });
});

describe('connections', () => {
  test('are counted: open, accepted, rejected', async () => {
    const other = await RespClient.open(server.port);
    await other.call('PING');
    await client.call('CONFIG', 'SET', 'max-clients', '2');
    const refused = await RespClient.open(server.port);
    await refused.closed();
    let metrics = await scrape();
    const of = (name: string) => metricValue(metrics, name, resp);
    expect(of('segmentd_connections')).toBe(2);
    expect(of('segmentd_connections_accepted_total')).toBe(2);
    expect(of('segmentd_connections_rejected_total')).toBe(1);
    await other.close();
    while (state.sessions.size > 1) await client.call('PING');
    metrics = await scrape();
    expect(of('segmentd_connections')).toBe(1);
    expect(of('segmentd_connections_accepted_total')).toBe(2);
  });

  test('have their bytes counted, both ways', async () => {
    const before = await scrape();
    const received = metricValue(before, 'segmentd_received_bytes_total', resp)!;
    const sent = metricValue(before, 'segmentd_sent_bytes_total', resp)!;
    const words = ['ECHO', 'x'.repeat(1000)];
    await client.call(...words);
    const metrics = await scrape();
    const length = encodeCommand(words.map((word) => Buffer.from(word))).length;
    expect(metricValue(metrics, 'segmentd_received_bytes_total', resp)).toBe(received + length);
    expect(metricValue(metrics, 'segmentd_sent_bytes_total', resp)).toBe(
      sent + '$1000\r\n\r\n'.length + 1000,
    );
  });

  test('that break the protocol are errors', async () => {
    const socket = connect(server.port, '127.0.0.1');
    socket.write('*1\r\n$x\r\n');
    for await (const _ of socket);
    const metrics = await scrape();
    expect(metricValue(metrics, 'segmentd_error_replies_total', { prefix: 'ERR' })).toBe(1);
  });
});

describe('over HTTP', () => {
  /** What Prometheus sends. */
  const ACCEPT =
    'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';

  test('metrics are served, and requests counted by the pattern of their route', async () => {
    const broken: Route = {
      method: 'GET',
      path: '/v1/broken/{id}',
      handle() {
        throw new TypeError('a fault');
      },
    };
    const http = await listenHttp(state, [...serverEndpoints, broken], observing(state), 0);
    const get = (path: string) =>
      fetch(`http://127.0.0.1:${http.port}${path}`, { headers: { accept: ACCEPT } });
    try {
      expect((await get('/v1/broken/user-4711')).status).toBe(500);
      expect((await get('/user-4711')).status).toBe(404);
      expect((await get('/metrics')).status).toBe(200);
      const response = await get('/metrics');
      expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
      const text = await response.text();
      expect(text).not.toContain('4711');
      const metrics = parseMetrics(text);
      expect(lintMetrics(metrics)).toEqual([]);
      const requests = metrics.get('segmentd_http_requests_total')!.samples;
      expect(requests.map(({ labels, value }) => [...labels.values(), value])).toEqual([
        ['/v1/broken/{id}', 'GET', '500', 1],
        ['none', 'GET', '404', 1],
        ['/metrics', 'GET', '200', 1],
      ]);
      expect(metricValue(metrics, 'segmentd_internal_errors_total')).toBe(1);
      const { samples } = metrics.get('segmentd_http_request_duration_seconds')!;
      expect(samples.filter(({ name }) => name.endsWith('_count')).map(({ value }) => value)).toEqual([
        1, 1, 1,
      ]);
      expect(metricValue(metrics, 'segmentd_sent_bytes_total', { face: 'http' })).toBeGreaterThan(10_000);
    } finally {
      await http.close();
    }
  });
});
