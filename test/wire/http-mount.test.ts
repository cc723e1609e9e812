/** A server with its API over HTTP: that all of it is there, that it is counted, and what its log does not tell. */
import { afterEach, describe, expect, test } from 'vitest';
import { CommandTable } from '../../protocol/command-table.js';
import { allEndpoints } from '../../protocol/http/endpoints/index.js';
import { allCommands } from '../../protocol/registry.js';
import { startServer } from '../../protocol/server.js';
import { openEngine } from '../../src/index.js';
import { openEngineOn } from '../../src/open.js';
import { FailingStorage } from '../../src/persistence/storage-crashing.js';
import { fileStorage } from '../../src/persistence/storage-file.js';
import { freePort } from '../support/free-port.js';
import { TRANSPORTS } from '../support/http-server.js';
import { keptLog } from '../support/log-lines.js';
import { type Family, metricValue, parseMetrics } from '../support/prometheus-text.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { TestFolder } from '../support/test-folder.js';

/** An id that shows up in nothing else. */
const USER = 'user-4711';
const JSON_TYPE = { 'content-type': 'application/json' };

describe.each(TRANSPORTS)('%s', (httpTransport) => {
  let server: TestServer | undefined;
  let base: string;

  afterEach(async () => {
    await server?.close();
    server = undefined;
  });

  const serve = async (options: Parameters<typeof startTestServer>[0] = {}): Promise<TestServer> => {
    server = await startTestServer({ httpTransport, httpPort: await freePort(), ...options });
    base = `http://127.0.0.1:${server.httpPort}`;
    return server;
  };
  const ask = (method: string, path: string, body?: unknown): Promise<Response> =>
    fetch(base + path, {
      method,
      ...(body !== undefined && { headers: JSON_TYPE, body: JSON.stringify(body) }),
    });
  const scrape = async (): Promise<ReadonlyMap<string, Family>> =>
    parseMetrics(await (await ask('GET', '/metrics')).text());

  test('has every endpoint', async () => {
    await serve();
    for (const { method, path } of allEndpoints) {
      const response = await ask('OPTIONS', path.replaceAll(/[{}]/g, ''));
      expect(response.headers.get('allow')?.split(', ')).toContain(method);
    }
    expect((await ask('GET', '/docs')).headers.get('content-type')).toMatch(/^text\/html/);
    const problem = await ask('GET', '/nosuch');
    expect(problem.status).toBe(404);
    expect(problem.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  });

  test('counts commands by name, whatever the face', async () => {
    const { connect } = await serve();
    const client = await connect();
    await client.call('HSET', `user:${USER}`, 'age', 'old');
    await client.call('HMGET', `user:${USER}`, 'age');
    for (let i = 0; i < 3; i++)
      expect((await ask('GET', `/v1/users/${USER}/tags?tags=age`)).status).toBe(200);
    expect((await ask('POST', '/v1/audiences/count', { expression: 'age' })).status).toBe(200);
    expect((await ask('POST', '/v1/audiences/count', { expression: 'nosuch' })).status).toBe(404);
    const plain = { method: 'POST', headers: { 'content-type': 'text/csv' }, body: 'x' };
    expect((await fetch(`${base}/v1/audiences/count`, plain)).status).toBe(415);
    const of = (metrics: ReadonlyMap<string, Family>, command: string, face: string) =>
      [
        'commands_total',
        'command_duration_seconds_count',
        'commands_failed_total',
        'commands_rejected_total',
      ].map((name) => metricValue(metrics, `segmentd_${name}`, { command, face }));
    let metrics = await scrape();
    expect(of(metrics, 'hmget', 'resp')).toEqual([1, 1, undefined, undefined]);
    expect(of(metrics, 'hmget', 'http')).toEqual([3, 3, undefined, undefined]);
    expect(of(metrics, 'seg.count', 'resp')).toEqual([0, undefined, undefined, undefined]);
    expect(of(metrics, 'seg.count', 'http')).toEqual([2, 2, 1, 1]);
    const labels = { route: '/v1/audiences/count', method: 'POST', status: '404' };
    expect(metricValue(metrics, 'segmentd_http_requests_total', labels)).toBe(1);
    await client.call('CONFIG', 'RESETSTAT');
    metrics = await scrape();
    expect(of(metrics, 'seg.count', 'http')).toEqual([undefined, undefined, undefined, undefined]);
  });

  test('has slow requests in the slow log and the log, by the patterns of their routes', async () => {
    const { logger, of } = keptLog('info');
    const { connect } = await serve({ logger });
    const client = await connect();
    await client.call('CONFIG', 'SET', 'slowlog-log-slower-than', '0');
    const headers = { 'x-request-id': 'r-7' };
    await fetch(`${base}/v1/users/${USER}/tags`, { headers });
    await client.call('CONFIG', 'SET', 'slowlog-log-slower-than', '10000000');
    const slow = (await client.call('SLOWLOG', 'GET')) as [
      number,
      number,
      number,
      string[],
      string,
      string,
    ][];
    const [, , , words, address, name] = slow.find(([, , , [word]]) => word === 'GET')!;
    expect([words, address, name]).toEqual([['GET', '/v1/users/{id}/tags'], '', 'r-7']);
    expect(of('slow command')).toContainEqual(
      expect.objectContaining({ command: 'HMGET', route: '/v1/users/{id}/tags', requestId: 'r-7' }),
    );
    await ask('GET', `/v1/users/${USER}/tags`);
    expect((await client.call('SLOWLOG', 'LEN')) as number).toBe(slow.length);
  });

  test('tells no ids of users in its log, from level info on', async () => {
    const { logger, of, text } = keptLog('info');
    await serve({ logger, slowlogLogSlowerThan: 0 });
    const bodies = [
      undefined,
      {},
      { set: { [USER]: USER }, remove: [USER] },
      { ids: [USER], tags: [USER] },
      { expression: `users("${USER}") and ${USER}` },
      { expression: USER, expressions: [USER, `@${USER}`] },
      { kind: USER },
      USER,
    ];
    let requests = 0;
    for (const { method, path } of allEndpoints) {
      const target = path.replaceAll(/\{\w+\}/g, USER);
      for (const query of ['', `?${USER}=${USER}`, `?limit=${USER}`, `?tags=${USER}`, '?%']) {
        for (const body of method === 'GET' ? [undefined] : bodies) {
          const response = await ask(method, target + query, body);
          await response.arrayBuffer();
          requests++;
        }
      }
    }
    for (const path of [
      `/${USER}`,
      `/v1/users/${USER}`,
      `/v1/users/%ff${USER}%/tags`,
      `/v1/tags/${USER}/x`,
    ]) {
      const { headers } = await ask('GET', path);
      const { requestId } = of('request').at(-1)!;
      expect(headers.get('x-request-id')).toBe(requestId);
      requests++;
    }
    const lines = of('request');
    expect(lines.length).toBe(requests);
    expect(new Set(lines.map(({ requestId }) => requestId)).size).toBe(requests);
    for (const status of [200, 400, 404]) expect(lines.map((line) => line['status'])).toContain(status);
    expect(text.join('')).not.toContain(USER);
    expect(lines.filter(({ status }) => status === 500)).toEqual([]);
  });

  test('is ready, if only for questions when its disk fails', async () => {
    const folder = new TestFolder();
    let isFull = false;
    const storage = new FailingStorage(fileStorage, (operation, _path, act) => {
      if (isFull && operation === 'write') throw new Error('ENOSPC: no space left on device, write');
      act();
    });
    const engine = openEngineOn({ dataDir: folder.path }, storage);
    try {
      await serve({ engine });
      engine.setTags(USER, { sports: true });
      expect(await (await ask('GET', '/readyz')).json()).toEqual({ status: 'ready' });
      isFull = true;
      expect(
        (await ask('PATCH', `/v1/users/${USER}/tags`, { set: { sports: true, city: 'Oslo' } })).status,
      ).toBe(503);
      const degraded = await ask('GET', '/readyz');
      expect([degraded.status, await degraded.json()]).toEqual([
        200,
        { status: 'degraded', reasons: ['changes are refused: the journal cannot be written'] },
      ]);
      expect((await ask('GET', `/v1/users/${USER}/tags`)).status).toBe(200);
      expect(await (await ask('GET', '/healthz')).json()).toEqual({ status: 'ok' });
      isFull = false;
    } finally {
      await server?.close().catch(() => {});
      server = undefined;
      folder.remove();
    }
  });

  test('that cannot have its port leaves nothing behind', async () => {
    const { httpPort } = await serve();
    const engine = openEngine();
    const respPort = await freePort();
    const start = (port: number) => startServer({ engine, httpTransport, respPort, httpPort: port });
    await expect(start(httpPort)).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      message: `port 127.0.0.1:${httpPort} is in use: stop the other server or choose another with --http-port (0: no HTTP)`,
    });
    const other = await start(0);
    expect([other.respPort, other.httpPort]).toEqual([respPort, 0]);
    await other.close();
    engine.close();
  });
});

test('the command that an endpoint is counted as is one that there is', () => {
  const commands = new CommandTable(allCommands);
  for (const { document } of allEndpoints) {
    if (document.command !== undefined)
      expect(commands.named(document.command)?.command.name).toBe(document.command);
  }
});
