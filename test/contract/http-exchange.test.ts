/** What handlers of routes can do, over either transport. */
import { gunzipSync } from 'node:zlib';
import { decode, encode } from '@msgpack/msgpack';
import { afterEach, describe, expect, test } from 'vitest';
import type { Route } from '../../protocol/http/route.js';
import type { FinishedRequest, HttpHooks } from '../../protocol/http/service.js';
import { ExpressionError, SegmentdError } from '../../src/index.js';
import type { ServerOptions } from '../../src/options.js';
import { Query } from '../../src/store/query.js';
import { ask, type RawAnswer, RawHttpClient, requestText } from '../support/http-client.js';
import { startTestHttp, type TestHttpServer, TRANSPORTS } from '../support/http-server.js';

const json = { 'content-type': 'application/json' };

/** A query that takes so many steps, counts those it has taken, and tells when it lets go. */
class CountedQuery {
  steps = 0;
  released = 0;
  readonly query: Query<string>;

  constructor(steps: number) {
    const counted = this;
    function* work(): Generator<undefined, string> {
      while (counted.steps < steps) {
        counted.steps++;
        yield;
      }
      return `${steps} steps`;
    }
    this.query = new Query(() => ({
      steps: work(),
      release() {
        counted.released++;
      },
    }));
  }
}

describe.each(TRANSPORTS)('%s', (transport) => {
  let server: TestHttpServer;

  afterEach(() => server.close());

  const serve = async (
    routes: Route | Route[],
    options: Partial<ServerOptions> = {},
    hooks: HttpHooks = {},
  ) => {
    server = await startTestHttp(transport, [routes].flat(), options, hooks);
  };
  const get = (path: string, headers = {}): Promise<RawAnswer> => ask(server.port, 'GET', path, headers);
  const post = (path: string, headers: Record<string, string>, body: string): Promise<RawAnswer> =>
    ask(server.port, 'POST', path, headers, body);
  const problem = ({ status, headers, body }: RawAnswer): object => {
    expect(headers.get('content-type')).toBe('application/problem+json');
    const parsed = JSON.parse(String(body)) as object;
    expect(parsed).toMatchObject({ status });
    return parsed;
  };

  test('ids and text come out of the path', async () => {
    await serve({
      method: 'GET',
      path: '/{a}/x/{b}',
      handle: (exchange) => [Buffer.from(exchange.id('a') as string).toString('hex'), exchange.text('b')],
    });
    expect(String((await get('/%00%ff/x/%C3%BC+%2F')).body)).toBe('["00ff","ü+/"]');
    expect(problem(await get('/a/x/%ff'))).toMatchObject({
      code: 'SYNTAX',
      detail: "the path's b is not UTF-8",
    });
  });

  test('values go both ways, as JSON or MessagePack', async () => {
    await serve({ method: 'POST', path: '/echo', body: 'value', handle: ({ value }) => value });
    const value = { text: 'ü', list: [1, -2.5, null, true], map: { '': 2 ** 40 } };
    const packed = Buffer.from(encode(value)).toString('latin1');
    for (const type of [
      'application/json',
      'application/msgpack',
      'application/vnd.msgpack',
      'application/x-msgpack',
    ]) {
      const accept = { accept: `text/html, ${type}` };
      for (const [sent, body] of [
        [type, packed],
        ['application/json', Buffer.from(JSON.stringify(value)).toString('latin1')],
      ]) {
        if (sent === 'application/json' && body === packed) continue;
        const answer = await post('/echo', { 'content-type': sent!, ...accept }, body!);
        expect(answer.headers.get('content-type')).toBe(type);
        expect(type === 'application/json' ? JSON.parse(String(answer.body)) : decode(answer.body)).toEqual(
          value,
        );
      }
    }
  });

  test('wrong bodies are told with the place of the error', async () => {
    await serve({ method: 'POST', path: '/echo', body: 'value', handle: ({ value }) => value });
    expect(problem(await post('/echo', json, '{"a": }'))).toMatchObject({
      status: 400,
      code: 'SYNTAX',
      position: 7,
    });
    const packed = { 'content-type': 'application/msgpack' };
    expect(problem(await post('/echo', packed, '\x92\x01\xc1'))).toMatchObject({ status: 400, position: 3 });
  });

  test('errors of the engine keep their code and place; faults say nothing', async () => {
    const errors: [unknown, object][] = [];
    await serve(
      [
        { method: 'GET', path: '/tag', handle: () => missing() },
        { method: 'GET', path: '/expression', handle: () => Promise.reject(new ExpressionError('wrong', 5)) },
        { method: 'GET', path: '/busy', handle: () => busy() },
        { method: 'GET', path: '/fault', handle: () => JSON.parse('secret') },
        { method: 'GET', path: '/twice', handle: (exchange) => [exchange.send('a'), exchange.send('b')] },
        { method: 'GET', path: '/bigint', handle: () => 1n },
      ],
      {},
      { onError: (error, where) => errors.push([error, where]) },
    );
    expect(problem(await get('/tag', { 'x-request-id': 'a' }))).toEqual({
      type: 'urn:segmentd:problem:unknown-tag',
      title: 'Unknown tag',
      status: 404,
      detail: 'there is no such tag',
      code: 'UNKNOWN_TAG',
      requestId: 'a',
    });
    expect(problem(await get('/expression'))).toMatchObject({
      status: 400,
      code: 'INVALID_EXPRESSION',
      position: 5,
    });
    const limited = await get('/busy');
    expect(limited.headers.get('retry-after')).toBe('1');
    expect(problem(limited)).toMatchObject({ status: 503, code: 'LIMIT_REACHED' });
    for (const path of ['/fault', '/bigint']) {
      const answer = await get(path, { 'x-request-id': 'f' });
      expect(String(answer.body)).not.toContain('secret');
      expect(problem(answer)).toMatchObject({
        status: 500,
        code: 'INTERNAL',
        detail: expect.stringContaining('under f'),
      });
    }
    expect(errors.map(([, where]) => where)).toContainEqual({
      route: '/fault',
      requestId: 'f',
      address: '127.0.0.1',
    });
    expect(String((await get('/twice')).body)).toBe('a');
  });

  test('requests have ids: the client’s if it can be logged, else one of their own', async () => {
    await serve({ method: 'GET', path: '/', handle: (exchange) => exchange.requestId });
    for (const id of ['a', '!~', 'x'.repeat(128)]) {
      const { headers, body } = await get('/', { 'x-request-id': id });
      expect([headers.get('x-request-id'), JSON.parse(String(body))]).toEqual([id, id]);
    }
    const made = new Set<string>();
    for (const id of ['', 'a b', 'ü', 'x'.repeat(129), 'a\tb']) {
      const { headers } = await get('/', { 'x-request-id': id });
      expect(headers.get('x-request-id')).toMatch(/^[\da-f]{12}-[\da-z]+$/);
      made.add(headers.get('x-request-id')!);
    }
    expect(made.size).toBe(5);
  });

  test('a route gets the headers that it says it reads, even behind a body', async () => {
    const handle: Route['handle'] = (exchange) => [
      exchange.header('if-match') ?? null,
      exchange.header('x-other') ?? null,
    ];
    await serve([
      { method: 'POST', path: '/a', body: 'value', headers: ['if-match', 'x-none'], handle },
      { method: 'POST', path: '/b', body: 'value', handle },
    ]);
    const headers = { ...json, 'If-Match': '"1"', 'X-Other': 'o' };
    expect(String((await post('/a', headers, '1')).body)).toBe('["\\"1\\"",null]');
    const client = await RawHttpClient.open(server.port);
    await client.sent(requestText('POST', '/b', { ...headers, 'content-length': '1' }));
    await client.sent('1');
    expect(String((await client.answer()).body)).toBe('[null,null]');
    client.destroy();
  });

  test('a guard refuses requests before anything else is looked at', async () => {
    const handled: string[] = [];
    const handle: Route['handle'] = ({ method }) => handled.push(method);
    await serve(
      [
        { method: 'GET', path: '/', handle },
        { method: 'POST', path: '/', body: 'value', handle },
      ],
      {},
      {
        guard(exchange) {
          if (exchange.header('authorization') !== 'yes') throw new SegmentdError('NO_AUTH', 'log in');
        },
      },
    );
    expect(problem(await get('/?wrong=1', { accept: 'image/png' }))).toMatchObject({
      status: 401,
      code: 'NO_AUTH',
    });
    expect((await post('/', { 'content-type': 'text/plain' }, '{')).status).toBe(401);
    expect(handled).toEqual([]);
    expect((await get('/', { authorization: 'yes' })).status).toBe(200);
  });

  test('what happened is told once a request', async () => {
    const done: FinishedRequest[] = [];
    await serve(
      [
        { method: 'GET', path: '/a/{id}', command: 'HGET', handle: () => 'ü' },
        { method: 'POST', path: '/b', body: 'value', handle: async () => undefined },
      ],
      {},
      { onDone: (request) => done.push(request) },
    );
    await get('/a/1', { 'x-request-id': 'r' });
    await post('/b', json, '[1]');
    await get('/c');
    await ask(server.port, 'OPTIONS', '/a/1');
    expect(done.map(({ milliseconds: _, answeredIn: __, requestId: ___, ...rest }) => rest)).toEqual([
      { route: '/a/{id}', command: 'HGET', method: 'GET', status: 200, bytesIn: 0, bytesOut: 4 },
      { route: '/b', method: 'POST', status: 204, bytesIn: 3, bytesOut: 0 },
      { route: 'none', method: 'GET', status: 404, bytesIn: 0, bytesOut: expect.any(Number) },
      { route: 'none', method: 'OPTIONS', status: 204, bytesIn: 0, bytesOut: 0 },
    ]);
    expect(done[0]!.requestId).toBe('r');
    for (const { milliseconds, answeredIn } of done) {
      expect(answeredIn).toBeGreaterThanOrEqual(0);
      expect(milliseconds).toBeGreaterThanOrEqual(answeredIn);
    }
  });

  test('the time that a client takes to send or to read is told apart', async () => {
    const done: FinishedRequest[] = [];
    const endless: Route['handle'] = (exchange) =>
      exchange.stream({ next: () => Buffer.alloc(1000), release() {} });
    await serve(
      [
        { method: 'POST', path: '/b', body: 'value', handle: () => 'done' },
        { method: 'GET', path: '/endless', produces: ['text/plain'], handle: endless },
      ],
      {},
      { onDone: (request) => done.push(request) },
    );
    const client = await RawHttpClient.open(server.port);
    await client.sent(requestText('POST', '/b', { ...json, 'content-length': '1' }));
    await expect.poll(() => server.service.waiting).toBe(1);
    await client.sent('1');
    await client.answer();
    client.send(requestText('GET', '/endless'));
    await client.bytes(1_000_000);
    client.destroy();
    await expect.poll(() => done.length).toBe(2);
    for (const { milliseconds, answeredIn } of done) expect(answeredIn).toBeLessThan(milliseconds);
  });

  describe('a query', () => {
    test('is answered, at once or in turns', async () => {
      const queries = [new CountedQuery(3), new CountedQuery(300_000)];
      await serve([
        { method: 'GET', path: '/short', handle: () => queries[0]!.query },
        { method: 'GET', path: '/long', handle: async () => queries[1]!.query },
      ]);
      expect(String((await get('/short')).body)).toBe('"3 steps"');
      expect(String((await get('/long')).body)).toBe('"300000 steps"');
      expect(queries.map(({ released }) => released)).toEqual([1, 1]);
      expect(server.state.turns.size).toBe(0);
    });

    test('leaves room for other requests', async () => {
      const endless = new CountedQuery(Number.POSITIVE_INFINITY);
      await serve([
        { method: 'GET', path: '/endless', handle: () => endless.query },
        { method: 'GET', path: '/hello', handle: () => 'hello' },
      ]);
      const client = await RawHttpClient.open(server.port);
      client.send(requestText('GET', '/endless'));
      await expect.poll(() => endless.steps).toBeGreaterThan(0);
      for (let i = 0; i < 20; i++) expect(String((await get('/hello')).body)).toBe('"hello"');
      expect([endless.released, server.service.waiting]).toEqual([0, 1]);
      client.destroy();
      await expect.poll(() => [endless.released, server.service.waiting]).toEqual([1, 0]);
    });

    test('may be waited for by a handler, which learns that it failed', async () => {
      const failing = new Query<string>(() => ({
        // biome-ignore lint/correctness/useYield: it fails before it has anything to yield for.
        steps: (function* () {
          throw new SegmentdError('UNKNOWN_TAG', 'no such tag');
        })(),
        release() {},
      }));
      await serve({
        method: 'GET',
        path: '/',
        async handle(exchange) {
          const long = await exchange.finish(new CountedQuery(200_000).query);
          const failure = await exchange.finish(failing).catch((error: SegmentdError) => error.code);
          return [long, failure];
        },
      });
      expect(JSON.parse(String((await get('/')).body))).toEqual(['200000 steps', 'UNKNOWN_TAG']);
    });

    test('that takes longer than a request may is given up', async () => {
      const queries = [1, 2].map(() => new CountedQuery(Number.POSITIVE_INFINITY));
      await serve(
        {
          method: 'GET',
          path: '/',
          handle: (exchange) => Promise.all(queries.map(({ query }) => exchange.finish(query))),
        },
        { httpRequestTimeout: 20 },
      );
      expect(problem(await get('/'))).toMatchObject({
        status: 503,
        code: 'QUERY_TIMEOUT',
        detail: expect.stringContaining('longer than 20 ms'),
      });
      expect(queries.map(({ released }) => released)).toEqual([1, 1]);
      expect(server.service.waiting).toBe(0);
    });

    test('is refused when too many are waited for', async () => {
      const queries: CountedQuery[] = [];
      await serve(
        [
          {
            method: 'GET',
            path: '/',
            handle() {
              queries.push(new CountedQuery(Number.POSITIVE_INFINITY));
              return queries.at(-1)!.query;
            },
          },
          { method: 'POST', path: '/', body: 'value', handle: () => 1 },
          { method: 'GET', path: '/hello', handle: () => 'hello' },
        ],
        { httpMaxRequests: 1 },
      );
      const client = await RawHttpClient.open(server.port);
      client.send(requestText('GET', '/'));
      await expect.poll(() => server.service.waiting).toBe(1);
      expect(problem(await get('/'))).toMatchObject({ status: 503, code: 'LIMIT_REACHED' });
      expect(problem(await post('/', json, '1'))).toMatchObject({ status: 503, code: 'LIMIT_REACHED' });
      expect(queries.map(({ released }) => released)).toEqual([0, 1]);
      expect((await get('/hello')).status).toBe(200);
      client.destroy();
      await expect.poll(() => server.service.waiting).toBe(0);
    });
  });

  test('a body that does not come in time is given up', async () => {
    await serve({ method: 'POST', path: '/', body: 'value', handle: () => 1 }, { httpRequestTimeout: 20 });
    const client = await RawHttpClient.open(server.port);
    client.send(requestText('POST', '/', { ...json, 'content-length': '5' }));
    expect(problem(await client.answer())).toMatchObject({ status: 408, code: 'REQUEST_TIMEOUT' });
    expect(await client.closed()).toBe('');
    expect(server.service.waiting).toBe(0);
  });

  describe('a stream', () => {
    const pieces = ['one\n', '', 'two\n', 'x'.repeat(200_000)].map((text) => Buffer.from(text));
    let released: number;
    const streaming = (isExport = false, fault = Number.POSITIVE_INFINITY): Route => ({
      method: 'GET',
      path: `/stream${isExport ? '/export' : ''}${fault < Infinity ? `/fault/${fault}` : ''}`,
      gzip: true,
      produces: ['text/plain'],
      async handle(exchange) {
        released = 0;
        let next = 0;
        exchange.stream(
          {
            next() {
              if (next === fault) throw new Error('secret');
              return pieces[next++];
            },
            release: () => released++,
          },
          { isExport },
        );
      },
    });

    test('is compressed for those who take it', async () => {
      await serve(streaming());
      for (const encoding of ['', 'br', 'gzip;q=0', 'identity']) {
        const { headers, body } = await get('/stream', { 'accept-encoding': encoding });
        expect([headers.get('content-encoding'), headers.get('vary')]).toEqual([
          undefined,
          'accept-encoding',
        ]);
        expect(body.equals(Buffer.concat(pieces))).toBe(true);
      }
      for (const encoding of ['gzip', 'br, gzip;q=0.5', '*', 'x-gzip']) {
        const { headers, body } = await get('/stream', { 'accept-encoding': encoding });
        expect([headers.get('content-encoding'), headers.get('vary')]).toEqual(['gzip', 'accept-encoding']);
        expect(gunzipSync(body).equals(Buffer.concat(pieces))).toBe(true);
      }
      expect(released).toBe(1);
      expect(server.service.streams).toBe(0);
    });

    test('that fails before its first piece is an error', async () => {
      await serve(streaming(false, 0));
      for (const headers of [{}, { 'accept-encoding': 'gzip' }]) {
        const answer = await get('/stream/fault/0', headers);
        expect(problem(answer)).toMatchObject({ status: 500 });
        expect([released, server.service.streams]).toEqual([1, 0]);
      }
    });

    test('that fails later is broken off, so that nobody takes it for complete', async () => {
      const errors: unknown[] = [];
      const done: FinishedRequest[] = [];
      await serve(
        streaming(false, 3),
        {},
        { onError: (error) => errors.push(error), onDone: (request) => done.push(request) },
      );
      for (const headers of [{}, { 'accept-encoding': 'gzip' }]) {
        const client = await RawHttpClient.open(server.port);
        client.send(requestText('GET', '/stream/fault/3', headers));
        expect(await client.closed()).not.toContain('\r\n0\r\n\r\n');
        await expect.poll(() => [released, server.service.streams]).toEqual([1, 0]);
      }
      expect(errors.map(String)).toEqual(['Error: secret', 'Error: secret']);
      expect(done.map(({ status }) => status)).toEqual([499, 499]);
    });

    test('of which there are too many is refused, and made room for', async () => {
      await serve(
        [
          streaming(true),
          {
            method: 'GET',
            path: '/endless',
            produces: ['text/plain'],
            handle: (exchange) =>
              exchange.stream({ next: () => Buffer.alloc(65_536), release() {} }, { isExport: true }),
          },
        ],
        { httpMaxExports: 1 },
      );
      expect((await get('/stream/export')).status).toBe(200);
      const client = await RawHttpClient.open(server.port);
      client.send(requestText('GET', '/endless'));
      await expect.poll(() => server.service.exports).toBe(1);
      const refused = await get('/stream/export');
      expect(refused.headers.get('retry-after')).toBe('1');
      expect(problem(refused)).toMatchObject({ status: 429, code: 'TOO_MANY_EXPORTS' });
      expect(released).toBe(1);
      client.destroy();
      await expect.poll(() => server.service.exports).toBe(0);
      expect((await get('/stream/export')).status).toBe(200);
    });

    test('is not made for those who want the head only', async () => {
      await serve(streaming());
      const { status, headers } = await ask(server.port, 'HEAD', '/stream', { 'accept-encoding': 'gzip' });
      expect([status, headers.get('content-encoding')]).toEqual([200, 'gzip']);
      expect([released, server.service.streams]).toEqual([1, 0]);
    });
  });
});

function missing(): never {
  throw new SegmentdError('UNKNOWN_TAG', 'there is no such tag');
}

function busy(): never {
  throw new SegmentdError('LIMIT_REACHED', 'come back later');
}
