/** What HTTP asks for, by either transport. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Route } from '../../protocol/http/route.js';
import { ask, RawHttpClient, requestText } from '../support/http-client.js';
import { startTestHttp, type TestHttpServer, TRANSPORTS } from '../support/http-server.js';

const PIECE = 64 * 1024;

/** A body of `count` pieces, each of other bytes. */
function pieces(count: number): Buffer[] {
  return Array.from({ length: count }, (_, i) => Buffer.alloc(PIECE, i % 251));
}

const routes: Route[] = [
  { method: 'GET', path: '/hello', handle: () => 'hello' },
  {
    method: 'GET',
    path: '/later',
    handle: () => new Promise((resolve) => setImmediate(() => resolve('later'))),
  },
  { method: 'GET', path: '/nothing', handle: () => undefined },
  {
    method: 'GET',
    path: '/large/{bytes}',
    handle: (exchange) => exchange.send('x'.repeat(Number(exchange.text('bytes')))),
  },
  {
    method: 'GET',
    path: '/stream/{pieces}',
    produces: ['application/octet-stream'],
    handle(exchange) {
      const left = pieces(Number(exchange.text('pieces')));
      exchange.stream({ next: () => left.shift(), release() {} });
    },
  },
  {
    method: 'GET',
    path: '/headers',
    query: ['name'],
    handle: (exchange) => exchange.header(exchange.query.text('name')!) ?? null,
  },
  { method: 'GET', path: '/address', handle: (exchange) => exchange.remoteAddress },
  {
    method: 'GET',
    path: '/bytes/{any}',
    handle: (exchange) => Buffer.from(exchange.id('any') as string).toString('hex'),
  },
  {
    method: 'POST',
    path: '/length',
    body: 'bytes',
    takes: ['text/plain'],
    handle: ({ body }) => body.length,
  },
  { method: 'POST', path: '/echo', body: 'value', handle: ({ value }) => value },
  { method: 'POST', path: '/ignore', handle: () => 'ignored' },
];

describe.each(TRANSPORTS)('%s', (transport) => {
  let server: TestHttpServer;
  let port: number;

  beforeAll(async () => {
    server = await startTestHttp(transport, routes, { httpMaxBodyBytes: 100_000, httpMaxUrlBytes: 2000 });
    port = server.port;
  });
  afterAll(() => server.close());

  const open = (): Promise<RawHttpClient> => RawHttpClient.open(port);

  describe('an answer', () => {
    test('has its length, type, date and the request’s id', async () => {
      const { status, reason, headers, body } = await ask(port, 'GET', '/hello', { 'x-request-id': 'r-1' });
      expect([status, reason, String(body)]).toEqual([200, 'OK', '"hello"']);
      expect(headers.get('content-length')).toBe('7');
      expect(headers.get('content-type')).toBe('application/json');
      expect(headers.get('x-request-id')).toBe('r-1');
      expect(new Date(headers.get('date')!).getTime()).toBeGreaterThan(1e12);
      expect(headers.has('connection')).toBe(false);
    });

    test('comes to HEAD without its body', async () => {
      const client = await open();
      client.send(requestText('HEAD', '/hello') + requestText('GET', '/hello'));
      const { status, headers, body } = await client.answer(true);
      expect([status, headers.get('content-length'), body.length]).toEqual([200, '7', 0]);
      expect(String((await client.answer()).body)).toBe('"hello"');
      client.destroy();
    });

    test('with nothing to say has neither body nor length', async () => {
      const { status, reason, headers } = await ask(port, 'GET', '/nothing');
      expect([status, reason, headers.has('content-length')]).toEqual([204, 'No Content', false]);
    });

    test.each([16_000, 70_000, 5_000_000])('of %i bytes is complete', async (bytes) => {
      const client = await open();
      for (let i = 0; i < 2; i++) {
        client.send(requestText('GET', `/large/${bytes}`));
        const { body } = await client.answer();
        expect(body.equals(Buffer.alloc(bytes, 'x'))).toBe(true);
      }
      client.destroy();
    });

    test('of unknown length comes in chunks, and the connection goes on', async () => {
      const client = await open();
      for (const count of [1, 100]) {
        client.send(requestText('GET', `/stream/${count}`));
        const { status, headers, body } = await client.answer();
        expect(status).toBe(200);
        expect(headers.get('transfer-encoding')).toBe('chunked');
        expect(headers.has('content-length')).toBe(false);
        expect(body.equals(Buffer.concat(pieces(count)))).toBe(true);
      }
      client.send(requestText('GET', '/stream/0'));
      expect((await client.answer()).body.length).toBe(0);
      client.send(requestText('HEAD', '/stream/100'));
      expect((await client.answer(true)).headers.get('content-type')).toBe('application/octet-stream');
      client.send(requestText('GET', '/hello'));
      expect(String((await client.answer()).body)).toBe('"hello"');
      client.destroy();
    });

    test('that waits for its reader arrives whole', async () => {
      const client = await open();
      client.socket.pause();
      client.send(requestText('GET', '/stream/300'));
      await expect.poll(() => server.service.streams).toBe(1);
      client.socket.resume();
      const { body } = await client.answer();
      expect(body.equals(Buffer.concat(pieces(300)))).toBe(true);
      expect(server.service.streams).toBe(0);
      client.destroy();
    });
  });

  describe('a connection', () => {
    test('is kept for further requests', async () => {
      const client = await open();
      for (const [path, text] of [
        ['/hello', '"hello"'],
        ['/later', '"later"'],
        ['/hello', '"hello"'],
      ]) {
        client.send(requestText('GET', path!));
        expect(String((await client.answer()).body)).toBe(text);
      }
      client.destroy();
    });

    test('takes requests ahead of their answers', async () => {
      const client = await open();
      client.send(requestText('GET', '/hello').repeat(50));
      for (let i = 0; i < 50; i++) expect(String((await client.answer()).body)).toBe('"hello"');
      const post = requestText('POST', '/echo', { 'content-type': 'application/json' }, '[1]');
      client.send((post + requestText('GET', '/hello')).repeat(3));
      for (let i = 0; i < 3; i++) {
        expect(String((await client.answer()).body)).toBe('[1]');
        expect(String((await client.answer()).body)).toBe('"hello"');
      }
      client.destroy();
    });

    test.each(['/hello', '/later', '/large/100000', '/stream/10'])(
      'is ended behind the answer of %s when the client wants it so',
      async (path) => {
        const client = await open();
        client.send(requestText('GET', path, { connection: 'close' }));
        expect((await client.answer()).status).toBe(200);
        expect(await client.closed()).toBe('');
      },
    );

    test('is ended with the server', async () => {
      const other = await startTestHttp(transport, routes);
      const clients = await Promise.all([1, 2, 3].map(() => RawHttpClient.open(other.port)));
      clients[1]!.send(requestText('GET', '/hello'));
      await clients[1]!.answer();
      clients[2]!.send('GET /hel');
      await other.close();
      for (const client of clients) expect(await client.closed()).toBe('');
      await expect(RawHttpClient.open(other.port)).rejects.toThrow('ECONNREFUSED');
    });
  });

  describe('a request', () => {
    test('may come a byte at a time', async () => {
      const client = await open();
      for (const byte of requestText('POST', '/echo', { 'content-type': 'application/json' }, '{"a":1}')) {
        await client.sent(byte);
      }
      expect(String((await client.answer()).body)).toBe('{"a":1}');
      client.destroy();
    });

    test('tells its headers, whatever their case', async () => {
      for (const name of ['X-Thing', 'x-thing', 'X-THING']) {
        const { body } = await ask(port, 'GET', '/headers?name=x-thing', { [name]: 'Value 1' });
        expect(String(body)).toBe('"Value 1"');
      }
      expect(String((await ask(port, 'GET', '/headers?name=x-thing')).body)).toBe('null');
      expect(String((await ask(port, 'GET', '/headers?name=x-thing', { 'x-thing': '' })).body)).toBe('null');
    });

    test('tells where it comes from', async () => {
      expect(String((await ask(port, 'GET', '/address')).body)).toBe('"127.0.0.1"');
    });

    test('has bytes of any kind in its path', async () => {
      for (let byte = 0; byte < 256; byte++) {
        const hex = byte.toString(16).padStart(2, '0');
        expect(String((await ask(port, 'GET', `/bytes/a%${hex}`)).body)).toBe(`"61${hex}"`);
      }
    });

    test('may have a URL as long as the option says', async () => {
      const prefix = '/hello?';
      const answer = await ask(port, 'GET', prefix + 'x'.repeat(2000 - prefix.length));
      expect(answer.status).toBe(400); // For the parameter.
      const tooLong = await ask(port, 'GET', prefix + 'x'.repeat(2001 - prefix.length));
      expect(tooLong.status).toBe(414);
      expect(JSON.parse(String(tooLong.body))).toMatchObject({ code: 'URL_TOO_LONG', status: 414 });
    });
  });

  describe('a body', () => {
    const plain = { 'content-type': 'text/plain' };
    const length = (body: string | string[], headers: Record<string, string> = {}): Promise<string> =>
      lengthOf(open, body, { ...plain, ...headers });

    test.each([0, 1, 99_999, 100_000])('of %i bytes is read', async (bytes) => {
      expect(await length('b'.repeat(bytes))).toBe(`200 ${bytes}`);
    });

    test('may come in chunks, without a length', async () => {
      const chunked = { 'transfer-encoding': 'chunked' };
      expect(await length(['3\r\nabc\r\n', '0\r\n\r\n'], chunked)).toBe('200 3');
      expect(await length(['3\r', '\nab', 'c\r\n1', '0\r\n0123456789abcdef\r\n', '0\r\n\r\n'], chunked)).toBe(
        '200 19',
      );
      expect(await length(['0\r\n\r\n'], chunked)).toBe('200 0');
    });

    test('without a length is none', async () => {
      const client = await open();
      client.send(requestText('POST', '/length', plain) + requestText('GET', '/hello'));
      expect(String((await client.answer()).body)).toBe('0');
      expect(String((await client.answer()).body)).toBe('"hello"');
      client.destroy();
    });

    test('may wait to be asked for', async () => {
      const client = await open();
      client.send(
        requestText('POST', '/length', { ...plain, 'content-length': '3', expect: '100-continue' }),
      );
      expect((await client.answer()).status).toBe(100);
      client.send('abc');
      expect(String((await client.answer()).body)).toBe('3');
      client.destroy();
    });

    test('that is too large is refused with 413, and the connection ended', async () => {
      const client = await open();
      client.send(requestText('POST', '/length', plain, 'b'.repeat(100_001)));
      await expectTooLarge(client);
    });

    test('that turns out too large is, too', async () => {
      const client = await open();
      client.send(requestText('POST', '/length', { ...plain, 'transfer-encoding': 'chunked' }));
      for (let i = 0; i < 40; i++) client.send(`1000\r\n${'b'.repeat(0x1000)}\r\n`);
      client.send('0\r\n\r\n');
      await expectTooLarge(client);
    });

    test('that is too large and does not come is, too', async () => {
      const client = await open();
      client.send(requestText('POST', '/length', { ...plain, 'content-length': '100001' }));
      await expectTooLarge(client);
    });

    test('that nobody reads does not get into the way of the next request', async () => {
      const client = await open();
      client.send(requestText('POST', '/ignore', plain, 'b'.repeat(300_000)) + requestText('GET', '/hello'));
      expect(String((await client.answer()).body)).toBe('"ignored"');
      expect(String((await client.answer()).body)).toBe('"hello"');
      client.send(requestText('GET', '/hello', { 'content-length': '5' }));
      client.send('12345');
      expect(String((await client.answer()).body)).toBe('"hello"');
      client.send(requestText('POST', '/nowhere', plain, 'b'.repeat(10)) + requestText('GET', '/hello'));
      expect((await client.answer()).status).toBe(404);
      expect((await client.answer()).status).toBe(200);
      client.destroy();
    });
  });
});

/** Sends a body to /length, in pieces if there are several. */
async function lengthOf(
  open: () => Promise<RawHttpClient>,
  body: string | string[],
  headers: Record<string, string>,
): Promise<string> {
  const client = await open();
  if (typeof body === 'string') client.send(requestText('POST', '/length', headers, body));
  else {
    await client.sent(requestText('POST', '/length', headers));
    for (const piece of body) await client.sent(piece);
  }
  const answer = await client.answer();
  client.destroy();
  return `${answer.status} ${answer.body}`;
}

async function expectTooLarge(client: RawHttpClient): Promise<void> {
  const { status, headers, body } = await client.answer();
  expect(status).toBe(413);
  expect(headers.get('connection')).toBe('close');
  expect(JSON.parse(String(body))).toMatchObject({
    code: 'BODY_TOO_LARGE',
    detail: 'a body may have at most 100000 bytes here',
  });
  expect(await client.closed()).toBe('');
}
