/** How many clients there may be, and that they are counted. */
import { afterEach, describe, expect, test } from 'vitest';
import { loadUws, uwsTransport } from '../../protocol/http/uws-transport.js';
import { ask, RawHttpClient, requestText } from '../support/http-client.js';
import { startTestHttp, type TestHttpServer } from '../support/http-server.js';

const hello = { method: 'GET', path: '/', handle: () => 'hello' } as const;

describe('node', () => {
  let server: TestHttpServer;

  afterEach(() => server.close());

  test('turns away clients beyond the limit until one has gone', async () => {
    server = await startTestHttp('node', [hello], { httpMaxConnections: 2 });
    const { http, options } = server.state;
    const counts = (): number[] => [http.connections, http.connectionsAccepted, http.connectionsRejected];
    const open = (): Promise<RawHttpClient> => RawHttpClient.open(server.port);
    const kept = [await open(), await open()];
    for (const client of kept) {
      client.send(requestText('GET', '/'));
      expect((await client.answer()).status).toBe(200);
    }
    const turnedAway = await open();
    turnedAway.send(requestText('GET', '/'));
    expect(await turnedAway.closed()).toBe('');
    expect(counts()).toEqual([2, 2, 1]);

    kept[0]!.destroy();
    await expect.poll(counts).toEqual([1, 2, 1]);
    expect((await ask(server.port, 'GET', '/')).status).toBe(200);
    await expect.poll(counts).toEqual([1, 3, 1]);

    options.httpMaxConnections = 1;
    expect(await (await open()).closed()).toBe('');
    kept[1]!.send(requestText('GET', '/'));
    expect((await kept[1]!.answer()).status).toBe(200);
    expect(counts()).toEqual([1, 3, 2]);
    kept[1]!.destroy();
    await expect.poll(counts).toEqual([0, 3, 2]);
  });
});

describe('uws', () => {
  /** How newer versions tell of connections. */
  type Told = (connection: { close(): void }, change: 1 | -1) => void;

  test('does so where it tells of connections', async () => {
    const uws = await loadUws(16_384);
    let told: Told | undefined;
    const App = (): object => Object.assign(uws.App(), { filter: (given: Told) => (told = given) });
    let connections = 0;
    let refusals = 0;
    const gate = {
      admit: () => connections < 2 && ++connections > 0,
      release: () => void connections--,
    };
    const limits = { maxHeaderBytes: 1000, maxUrlBytes: 1000, headTimeout: 1000, keepAliveTimeout: 1000 };
    const transport = uwsTransport({ ...uws, App } as unknown as typeof uws);
    const listener = await transport('127.0.0.1', 0, () => {}, limits, gate);
    const connection = {
      close() {
        refusals++;
        told!(connection, -1);
      },
    };
    for (let i = 0; i < 5; i++) told!(connection, 1);
    expect([connections, refusals]).toEqual([2, 3]);
    told!(connection, -1);
    told!(connection, 1);
    told!(connection, 1);
    expect([connections, refusals]).toEqual([2, 4]);
    told!(connection, -1);
    told!(connection, -1);
    expect([connections, refusals]).toEqual([0, 4]);
    await listener.close();
  });
});
