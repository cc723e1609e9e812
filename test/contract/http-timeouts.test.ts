/** Clients that come to a halt, at any point: their connections end. One of the transports takes its own 10 seconds for that. */
import { describe, expect, test } from 'vitest';
import type { Route } from '../../protocol/http/route.js';
import { RawHttpClient, requestText } from '../support/http-client.js';
import { startTestHttp, TRANSPORTS } from '../support/http-server.js';

const routes: Route[] = [
  { method: 'GET', path: '/hello', handle: () => 'hello' },
  { method: 'POST', path: '/echo', body: 'value', handle: ({ value }) => value },
  {
    method: 'GET',
    path: '/endless',
    produces: ['text/plain'],
    handle: (exchange) => exchange.stream({ next: () => Buffer.alloc(65_536), release() {} }),
  },
  { method: 'GET', path: '/large', handle: (exchange) => exchange.send(Buffer.alloc(20_000_000)) },
];

describe.each(TRANSPORTS)('%s', (transport) => {
  test('ends connections on which nothing goes on', { timeout: 30_000 }, async () => {
    const server = await startTestHttp(transport, routes, {
      httpHeadTimeout: 500,
      httpKeepAliveTimeout: 500,
    });
    const open = (): Promise<RawHttpClient> => RawHttpClient.open(server.port);
    const json = { 'content-type': 'application/json' };

    const silent = await open();
    const half = await open();
    half.send('GET /hello HTTP/1.1\r\nhost:');
    const dripping = await open();
    dripping.send('GET /hello HTTP/1.1\r\nx: ');
    const drip = setInterval(() => dripping.send('x'), 100);
    const idle = await open();
    idle.send(requestText('GET', '/hello'));
    await idle.answer();
    const body = await open();
    body.send(`${requestText('POST', '/echo', { ...json, 'content-length': '100' })}[1,`);
    const deaf = await Promise.all([open(), open()]);
    for (const client of deaf) client.socket.pause();
    deaf[0]!.send(requestText('GET', '/endless'));
    deaf[1]!.send(requestText('GET', '/large'));

    for (const client of [silent, half, dripping])
      expect(await client.closed()).toMatch(/^(HTTP\/1\.1 408 |$)/);
    clearInterval(drip);
    for (const client of [idle, body]) expect(await client.closed()).toBe('');
    await expect.poll(() => ({ ...server.service })).toMatchObject({ waiting: 0, streams: 0 });
    for (const client of deaf) {
      client.socket.resume();
      await client.closed();
    }
    await server.close();
  });
});
