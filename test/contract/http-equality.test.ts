/** Both transports say the same: answers are compared byte for byte, but for what is the transport's own business. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Route } from '../../protocol/http/route.js';
import { RawHttpClient, requestText } from '../support/http-client.js';
import { startTestHttp, type TestHttpServer, TRANSPORTS } from '../support/http-server.js';

const routes: Route[] = [
  {
    method: 'GET',
    path: '/v1/things/{name}',
    query: ['a', 'b'],
    handle: (exchange) => ({ name: exchange.text('name') }),
  },
  { method: 'PUT', path: '/v1/things/{name}', body: 'value', handle: ({ value }) => ({ value }) },
  { method: 'DELETE', path: '/v1/things/{name}', handle: () => undefined },
  {
    method: 'GET',
    path: '/v1/marked',
    handle(exchange) {
      exchange.setHeader('etag', '"e1"');
      exchange.status = 203;
      return 'ü';
    },
  },
  { method: 'GET', path: '/v1/fault', handle: () => undefinedFunction() },
  { method: 'GET', path: '/v1/later', handle: async () => [1, 2, 3] },
  { method: 'GET', path: '/v1/text', produces: ['text/plain; charset=utf-8'], handle: () => 'text' },
  {
    method: 'GET',
    path: '/v1/stream',
    gzip: true,
    produces: ['text/plain'],
    handle(exchange) {
      const left = [Buffer.from('one\n'), Buffer.from('two\n')];
      exchange.stream({ next: () => left.shift(), release() {} });
    },
  },
];

function undefinedFunction(): never {
  throw new TypeError('secret things');
}

const json = { 'content-type': 'application/json' };

/** Requests, with the status of the answer. */
const requests: [name: string, status: number, text: string][] = [
  ['a value', 200, requestText('GET', '/v1/things/a%20b')],
  ['a value as MessagePack', 200, requestText('GET', '/v1/things/a', { accept: 'application/msgpack' })],
  ['a value whose head only is wanted', 200, requestText('HEAD', '/v1/things/a')],
  ['a parameter', 200, requestText('GET', '/v1/things/a?a=1&b=2')],
  ['an empty query', 200, requestText('GET', '/v1/things/a?')],
  ['an unknown parameter', 400, requestText('GET', '/v1/things/a?c=1')],
  ['wrong encoding in the path', 400, requestText('GET', '/v1/things/%zz')],
  ['wrong encoding at the end of the path', 400, requestText('GET', '/v1/things/%2')],
  ['text that is no UTF-8 in the path', 400, requestText('GET', '/v1/things/%ff')],
  ['wrong encoding in the query', 400, requestText('GET', '/v1/things/a?a=%')],
  ['no such path', 404, requestText('GET', '/v1/nothing')],
  ['the root', 404, requestText('GET', '/')],
  ['an empty segment', 404, requestText('GET', '/v1/things/')],
  ['one segment too many', 404, requestText('GET', '/v1/things/a/')],
  ['another method', 405, requestText('PATCH', '/v1/things/a')],
  ['a method that no route has', 405, requestText('TRACE', '/v1/things/a')],
  ['what there is', 204, requestText('OPTIONS', '/v1/things/a')],
  ['what there is nowhere', 404, requestText('OPTIONS', '/v1/nothing')],
  ['nothing to say', 204, requestText('DELETE', '/v1/things/a')],
  ['a status and a header of its own', 203, requestText('GET', '/v1/marked')],
  ['a fault', 500, requestText('GET', '/v1/fault')],
  ['a fault whose head only is wanted', 500, requestText('HEAD', '/v1/fault')],
  ['a promise', 200, requestText('GET', '/v1/later')],
  ['a type of its own', 200, requestText('GET', '/v1/text')],
  ['a type that is not acceptable', 406, requestText('GET', '/v1/text', { accept: 'image/png' })],
  ['a stream', 200, requestText('GET', '/v1/stream')],
  ['a stream whose head only is wanted', 200, requestText('HEAD', '/v1/stream')],
  ['a stream, compressed', 200, requestText('GET', '/v1/stream', { 'accept-encoding': 'gzip' })],
  ['a body', 200, requestText('PUT', '/v1/things/a', json, '{"a":[1,null]}')],
  [
    'a body in chunks',
    200,
    `${requestText('PUT', '/v1/things/a', { ...json, 'transfer-encoding': 'chunked' })}2\r\n[]\r\n0\r\n\r\n`,
  ],
  ['no body', 200, requestText('PUT', '/v1/things/a', json)],
  ['a body that is no JSON', 400, requestText('PUT', '/v1/things/a', json, '{"a":}')],
  ['a body without a type', 415, requestText('PUT', '/v1/things/a', {}, '[]')],
  ['a body of another type', 415, requestText('PUT', '/v1/things/a', { 'content-type': 'text/plain' }, '[]')],
  [
    'a body in another character set',
    415,
    requestText('PUT', '/v1/things/a', { 'content-type': 'application/json; charset=latin1' }, '[]'),
  ],
  [
    'a body that is compressed',
    415,
    requestText('PUT', '/v1/things/a', { ...json, 'content-encoding': 'gzip' }, '[]'),
  ],
  ['a body that is too large', 413, requestText('PUT', '/v1/things/a', json, ' '.repeat(2000))],
  ['an expectation', 200, requestText('PUT', '/v1/things/a', { ...json, expect: '100-continue' }, '[1]')],
  ['an expectation of something else', 200, requestText('GET', '/v1/later', { expect: 'miracles' })],
  ['a URL that is too long', 414, requestText('GET', `/v1/things/${'x'.repeat(8200)}`)],
];

/** Headers that are the transport's own, or differ from one second to the next. */
const IGNORED = ['date', 'uwebsockets'];

describe('both transports', () => {
  let servers: TestHttpServer[];

  beforeAll(async () => {
    servers = await Promise.all(
      TRANSPORTS.map((transport) => startTestHttp(transport, routes, { httpMaxBodyBytes: 1024 })),
    );
  });
  afterAll(() => Promise.all(servers.map((server) => server.close())));

  test.each(requests)('answer the same: %s', async (_, status, text) => {
    const [uws, node] = await Promise.all(servers.map(({ port }) => answerOf(port, text)));
    expect(uws).toEqual(node);
    expect(uws!.at(-1)!.status).toMatch(new RegExp(`^${status} `));
  });
});

/** Everything of an answer that must not differ. */
interface PlainAnswer {
  readonly status: string;
  readonly headers: readonly string[];
  readonly body: string;
}

/** What both must say. */
async function answerOf(port: number, text: string): Promise<PlainAnswer[]> {
  const client = await RawHttpClient.open(port);
  client.send(text.replace('\r\n', '\r\nx-request-id: r1\r\n'));
  const answers: PlainAnswer[] = [];
  do {
    const { status, reason, headers, body } = await client.answer(text.startsWith('HEAD'));
    const fields = [...headers].filter(([name]) => !IGNORED.includes(name)).map((field) => field.join(': '));
    const isText = /json|text/.test(headers.get('content-type') ?? '') && !headers.has('content-encoding');
    answers.push({
      status: `${status} ${reason}`,
      headers: fields.sort(),
      body: body.toString(isText ? 'utf8' : 'hex'),
    });
  } while (answers.length === 1 && answers[0]!.status.startsWith('100'));
  client.destroy();
  return answers;
}
