/** Clients that mean no good, or go away: nothing ends the server, nothing is left behind. */
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Exchange } from '../../protocol/http/exchange.js';
import type { Route } from '../../protocol/http/route.js';
import type { FinishedRequest } from '../../protocol/http/service.js';
import { ask, RawHttpClient, requestText } from '../support/http-client.js';
import { startTestHttp, type TestHttpServer, TRANSPORTS } from '../support/http-server.js';

const json = { 'content-type': 'application/json' };
/** Cannot be compressed, so that compressed downloads begin as soon as others. */
const PIECE = randomBytes(64 * 1024);

describe.each(TRANSPORTS)('%s', (transport) => {
  let server: TestHttpServer;
  let port: number;
  let finished: FinishedRequest[];
  /** Producers that were made and not released. */
  let held: number;
  /** Handlers that wait until they are told to go on. */
  let waiting: (() => void)[];

  const endless = (exchange: Exchange): void => {
    held++;
    exchange.stream({
      next: () => PIECE,
      release() {
        held--;
      },
    });
  };
  const routes: Route[] = [
    { method: 'GET', path: '/hello', query: ['a'], handle: () => 'hello' },
    { method: 'GET', path: '/{name}/x', handle: (exchange) => exchange.text('name') },
    { method: 'POST', path: '/echo', body: 'value', handle: ({ value }) => value },
    {
      method: 'GET',
      path: '/wait',
      handle: () => new Promise<string>((resolve) => waiting.push(() => resolve('waited'))),
    },
    { method: 'GET', path: '/endless', produces: ['text/plain'], gzip: true, handle: endless },
    { method: 'GET', path: '/large', handle: (exchange) => exchange.send(Buffer.alloc(20_000_000, 'l')) },
  ];

  beforeEach(async () => {
    finished = [];
    waiting = [];
    held = 0;
    const onDone = (request: FinishedRequest): void => void finished.push(request);
    server = await startTestHttp(
      transport,
      routes,
      { httpMaxBodyBytes: 100_000, httpMaxExports: 10_000 },
      { onDone },
    );
    port = server.port;
  });
  afterEach(() => server.close());

  const open = (): Promise<RawHttpClient> => RawHttpClient.open(port);
  const counters = (): object => {
    const { waiting: requests, streams, exports } = server.service;
    return { requests, streams, exports };
  };
  const isIdle = (): object => ({ ...counters(), held, turns: server.state.turns.size });
  const IDLE = { requests: 0, streams: 0, exports: 0, held: 0, turns: 0 };
  const stillServes = async (): Promise<void> => {
    expect(String((await ask(port, 'GET', '/hello')).body)).toBe('"hello"');
    await expect.poll(isIdle).toEqual(IDLE);
  };

  test.each([
    ['no HTTP at all', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    ['another protocol', '*1\r\n$4\r\nPING\r\n'],
    ['a line without a version', 'GET /hello\r\n\r\n'],
    ['another version', 'GET /hello HTTP/3.0\r\nhost: x\r\n\r\n'],
    ['no method', ' /hello HTTP/1.1\r\nhost: x\r\n\r\n'],
    ['an unknown method', 'BREW /hello HTTP/1.1\r\nhost: x\r\n\r\n'],
    ['a target that is none', 'GET hello HTTP/1.1\r\nhost: x\r\n\r\n'],
    ['no host', 'GET /hello HTTP/1.1\r\n\r\n'],
    ['a blank in front of a colon', 'GET /hello HTTP/1.1\r\nhost : x\r\n\r\n'],
    ['a folded header', 'GET /hello HTTP/1.1\r\nhost: x\r\n more\r\n\r\n'],
    ['a NUL in a header', 'GET /hello HTTP/1.1\r\nhost: x\r\na: b\0c\r\n\r\n'],
    ['a length that is none', 'POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: abc\r\n\r\n'],
    ['a length below zero', 'POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n'],
    [
      'a length and chunks',
      'POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ...['xchunked', 'gzip, chunked', 'chunked, identity', 'identity'].map((coding) => [
      `the transfer encoding ${coding}`,
      `POST /echo HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: ${coding}\r\n\r\n1\r\n1\r\n0\r\n\r\n`,
    ]),
    [
      'the transfer encoding that is not looked at',
      'GET /hello HTTP/1.1\r\nhost: x\r\ntransfer-encoding: identity, chunked\r\n\r\n0\r\n\r\n',
    ],
    [
      'a chunk without a length',
      'POST /echo HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n',
    ],
  ])('%s is refused, and the connection ended', async (_, text) => {
    const client = await open();
    client.send(text);
    // A client that sends no more: what is cut off in the middle is not waited for.
    client.socket.end();
    const rest = await client.closed();
    if (rest !== '') expect(rest).toMatch(/^HTTP\/1\.1 (400|404|405|505) /);
    if (rest !== '' && transport === 'node') expect(rest).toMatch(/application\/problem\+json/);
    await stillServes();
  });

  test('a request cut off anywhere is dropped', async () => {
    const whole = requestText('POST', '/echo', { ...json, accept: '*/*' }, '{"a":1}');
    for (let length = 0; length < whole.length; length++) {
      const client = await open();
      client.send(whole.slice(0, length));
      client.socket.end();
      expect(await client.closed()).toMatch(/^(HTTP\/1\.1 400 |$)/);
    }
    await stillServes();
  });

  test('the same where the client breaks off', async () => {
    const whole = requestText('POST', '/echo', { ...json, accept: '*/*' }, '{"a":1}');
    for (let length = 0; length <= whole.length; length++) {
      const client = await open();
      await client.sent(whole.slice(0, length));
      client.socket.resetAndDestroy();
    }
    await stillServes();
  });

  test('paths and queries of any bytes get an answer or the end', async () => {
    for (let byte = 0; byte < 256; byte++) {
      const char = String.fromCharCode(byte);
      for (const target of [
        `/${char}/x`,
        `/%${char}/x`,
        `/%4${char}/x`,
        `/hello?a=${char}`,
        `/hello?a=%${char}`,
      ]) {
        const client = await open();
        client.send(`GET ${target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
        client.socket.end();
        expect(await client.closed()).toMatch(/^(HTTP\/1\.1 (200|400|404) |$)/);
      }
    }
    await stillServes();
  });

  test('headers beyond all measure are refused, and the connection ended', async () => {
    const client = await open();
    client.send(`GET /hello HTTP/1.1\r\nhost: x\r\n${`a: ${'b'.repeat(1000)}\r\n`.repeat(10)}`);
    client.send(`a: ${'b'.repeat(1000)}\r\n`.repeat(2000));
    expect(await client.closed()).toMatch(
      transport === 'node' ? /^HTTP\/1\.1 431 .*HEADERS_TOO_LARGE/s : /^(HTTP\/1\.1 431 |$)/,
    );
    await stillServes();
  });

  test('a URL beyond all measure is refused, and the connection ended', async () => {
    const client = await open();
    for (let i = 0; i < 100; i++) client.send(i === 0 ? `GET /${'x'.repeat(1000)}` : 'x'.repeat(10_000));
    expect(await client.closed()).toMatch(
      transport === 'node' ? /^HTTP\/1\.1 414 .*URL_TOO_LONG/s : /^(HTTP\/1\.1 431 |$)/,
    );
    await stillServes();
  });

  test('an upload that does not end is not kept', async () => {
    const client = await open();
    client.send(requestText('POST', '/echo', { ...json, 'transfer-encoding': 'chunked' }));
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    let sent = 0;
    while (!client.socket.destroyed && sent < 200_000_000) {
      await Promise.race([client.sent(chunk), client.closed()]);
      sent += chunk.length;
    }
    expect(sent).toBeLessThan(200_000_000);
    expect(await client.closed()).toMatch(/^HTTP\/1\.1 413 /);
    await stillServes();
  });

  test('uploads that are broken off leave nothing', async () => {
    for (const text of [
      requestText('POST', '/echo', { ...json, 'content-length': '50000' }),
      `${requestText('POST', '/echo', { ...json, 'transfer-encoding': 'chunked' })}4000\r\n`,
      requestText('POST', '/echo', { ...json, 'content-length': '500000' }),
    ]) {
      const clients = await Promise.all(Array.from({ length: 50 }, open));
      await Promise.all(clients.map((client) => client.sent(text + 'x'.repeat(1000))));
      for (const client of clients) client.destroy();
    }
    await stillServes();
  });

  test('a client that goes away while it is waited for is not answered', async () => {
    const clients = await Promise.all(Array.from({ length: 20 }, open));
    for (const client of clients) client.send(requestText('GET', '/wait'));
    await expect.poll(() => waiting.length).toBe(20);
    expect(counters()).toMatchObject({ requests: 20 });
    for (const client of clients) client.destroy();
    await expect.poll(counters).toMatchObject({ requests: 0 });
    for (const goOn of waiting) goOn();
    expect(finished.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 499));
    await stillServes();
  });

  test('requests ahead of an answer that is waited for are answered in their order, or the connection ends', async () => {
    const client = await open();
    client.send(requestText('GET', '/wait') + requestText('GET', '/hello'));
    await expect.poll(() => waiting.length).toBe(1);
    if (transport === 'uws') expect(await client.closed()).toBe('');
    else {
      waiting[0]!();
      expect(String((await client.answer()).body)).toBe('"waited"');
      expect(String((await client.answer()).body)).toBe('"hello"');
      client.destroy();
    }
    await stillServes();
  });

  test.each(['/wait', '/endless', '/large'])('many of them for %s leave nothing', async (path) => {
    const clients = await Promise.all(Array.from({ length: 20 }, open));
    for (const client of clients) client.send(requestText('GET', path).repeat(5));
    await expect
      .poll(() => finished.length + server.service.waiting + server.service.streams)
      .toBeGreaterThanOrEqual(20);
    for (const client of clients) client.destroy();
    await stillServes();
  });

  test.each([{}, { 'accept-encoding': 'gzip' }])(
    '1,000 downloads that are broken off leave nothing: %j',
    async (headers) => {
      for (let round = 0; round < 50; round++) {
        const clients = await Promise.all(Array.from({ length: 20 }, open));
        for (const client of clients) client.send(requestText('GET', '/endless', headers));
        await Promise.all(clients.map((client) => client.bytes(1000)));
        for (const client of clients) {
          if (round % 2 === 0) client.destroy();
          else client.socket.resetAndDestroy();
        }
      }
      await expect.poll(isIdle).toEqual(IDLE);
      expect(finished.length).toBe(1000);
      expect(new Set(finished.map(({ status, route }) => `${status} ${route}`))).toEqual(
        new Set(['499 /endless']),
      );
      await stillServes();
    },
  );

  test('a download that nobody reads is not made', async () => {
    const client = await open();
    client.socket.pause();
    client.send(requestText('GET', '/endless'));
    await expect.poll(counters).toMatchObject({ streams: 1 });
    // Its turns end when the way to the client is full, and begin again when it reads.
    await expect.poll(() => server.state.turns.size).toBe(0);
    client.socket.resume();
    await client.bytes(10_000_000);
    client.destroy();
    await stillServes();
  });

  test('whole answers that nobody reads leave nothing', async () => {
    const clients = await Promise.all(Array.from({ length: 5 }, open));
    for (const client of clients) {
      client.socket.pause();
      client.send(requestText('GET', '/large'));
    }
    await expect.poll(() => finished.length).toBe(5);
    for (const client of clients) client.destroy();
    await stillServes();
  });

  test('requests without end from a client that does not read are not answered without end', async () => {
    const client = await open();
    client.socket.pause();
    const many = requestText('GET', '/hello').repeat(1000);
    let rounds = 0;
    while (!client.socket.destroyed && client.socket.writableLength < 1_000_000 && rounds < 2000) {
      client.send(many);
      await ask(port, 'GET', '/hello');
      rounds++;
    }
    // By then it is not read from any more, or cut off.
    expect(rounds).toBeLessThan(2000);
    client.destroy();
    await stillServes();
  });
});
