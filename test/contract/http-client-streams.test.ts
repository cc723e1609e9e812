/** Streams of the client: whole, left early, cut, and wherever their pieces are cut; and servers that do not do as they should. */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { SegmentdClient } from '../../protocol/client/index.js';
import { allEndpoints } from '../../protocol/http/endpoints/index.js';
import { all, failure } from '../support/client-outcomes.js';
import { startTestHttp, type TestHttpServer, TRANSPORTS } from '../support/http-server.js';

describe.each(TRANSPORTS)('over %s', (transport) => {
  let server: TestHttpServer;
  let client: SegmentdClient;

  beforeEach(async () => {
    server = await startTestHttp(transport, allEndpoints);
    client = new SegmentdClient({ url: `http://127.0.0.1:${server.port}` });
    const { engine } = server;
    engine.declareTag('age', { kind: 'number' });
    engine.setTags('p1', { age: 39, sex: 'Male' });
    engine.setTags('p2', { age: 50, sex: 'Female', vip: true });
    engine.setTags('p3', { sex: 'Female' });
  });
  afterEach(() => server.close());

  test('streams: of an expression, an audience, a tag, a value, all; with a limit, with tags', async () => {
    await client.saveAudience({ name: 'old', expression: 'age > 40' });
    expect(await all(client.exportUsers({ expression: 'sex = Female' }))).toEqual(['p2', 'p3']);
    expect(await all(client.exportUsers({ audience: 'old' }))).toEqual(['p2']);
    expect(await all(client.exportUsers({ tag: 'age' }))).toEqual(['p1', 'p2']);
    expect(await all(client.exportUsers({ tag: 'sex', value: 'Male' }))).toEqual(['p1']);
    expect(await all(client.exportUsers())).toEqual(['p1', 'p2', 'p3']);
    expect(await all(client.exportUsers({ limit: 1, after: 'p1' }))).toEqual(['p2']);
    expect(await all(client.exportUsers({ expression: 'none' }))).toEqual([]);
    expect(await all(client.exportRows({ tag: 'age', tags: ['sex', 'vip'], ordinals: true }))).toEqual([
      { ordinal: expect.any(Number), id: 'p1', tags: { sex: 'Male', vip: null } },
      { ordinal: expect.any(Number), id: 'p2', tags: { sex: 'Female', vip: true } },
    ]);
    expect((await failure(all(client.exportUsers({ tag: 'nothing' })))).code).toBe('UNKNOWN_TAG');
  });

  test('a slip of the pen does not stream everybody', async () => {
    // @ts-expect-error a name that there is not
    await expect(all(client.exportUsers({ expresion: 'vip' }))).rejects.toThrow(TypeError);
    for (const name of ['audience', 'tag']) {
      await expect(all(client.exportUsers({ [name]: undefined }))).rejects.toThrow(TypeError);
    }
    const none = client.exportUsers({ expression: undefined as unknown as string });
    expect((await failure(all(none))).code).toBe('INVALID_ARGUMENT');
    await expect(all(client.exportUsers({ audience: 'old', expression: 'vip' }))).rejects.toThrow(TypeError);
  });

  describe('a long stream', () => {
    const COUNT = 200_000;

    beforeEach(() => {
      const users = Array.from({ length: COUNT }, (_, i) => `user-${String(i).padStart(12, '0')}`);
      server.engine.apply({ type: 'addUsers', tag: 'many', value: undefined, users });
    });

    test('comes whole', async () => {
      let count = 0;
      let isOrdered = true;
      for await (const id of client.exportUsers({ tag: 'many' })) {
        isOrdered &&= id === `user-${String(count).padStart(12, '0')}`;
        count++;
      }
      expect({ count, isOrdered }).toEqual({ count: COUNT, isOrdered: true });
      await vi.waitUntil(() => server.service.exports === 0);
    });

    test('that is left frees the server', async () => {
      for await (const id of client.exportUsers({ tag: 'many' })) {
        expect(id).toBe('user-000000000000');
        expect(server.service.exports).toBe(1);
        break;
      }
      await vi.waitUntil(() => server.service.exports === 0 && server.service.streams === 0);
    });

    test('that an error or a signal ends frees the server', async () => {
      const loop = async (): Promise<void> => {
        for await (const _ of client.exportUsers({ tag: 'many' })) throw new RangeError('enough');
      };
      await expect(loop()).rejects.toThrow(RangeError);
      const controller = new AbortController();
      const reason = new Error('no more');
      const read = async (): Promise<void> => {
        for await (const _ of client.exportUsers({ tag: 'many' }, { signal: controller.signal }))
          controller.abort(reason);
      };
      await expect(read()).rejects.toBe(reason);
      await vi.waitUntil(() => server.service.exports === 0 && server.service.streams === 0);
    });

    test('that nobody begins to read asks for nothing', () => {
      client.exportUsers({ tag: 'many' });
      expect(server.service.exports).toBe(0);
    });
  });
});

describe('with a server that', () => {
  let handler: RequestListener;
  let server: Server;
  let url: string;

  beforeAll(async () => {
    server = createServer((request, response) => handler(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  const count = (client: SegmentdClient): Promise<unknown> => client.countUsers({ expression: 'all' });

  test('wants a password, and lies behind a path', async () => {
    let asked: unknown;
    handler = ({ method, url, headers: { authorization, accept, 'content-type': type } }, response) => {
      asked = { method, url, authorization, accept, type };
      response.end('{"count":1}');
    };
    const client = new SegmentdClient({ url: `${url}/segments/`, password: 'secret' });
    expect(await count(client)).toEqual({ count: 1 });
    expect(asked).toEqual({
      method: 'POST',
      url: '/segments/v1/audiences/count',
      authorization: 'Bearer secret',
      accept: 'application/json',
      type: 'application/json',
    });
  });

  test('is not there', async () => {
    const gone = new SegmentdClient({ url: 'http://127.0.0.1:1' });
    expect(await failure(count(gone))).toMatchObject({ code: 'CONNECTION_FAILED', status: undefined });
  });

  test('is no segmentd', async () => {
    handler = (_, response) => response.writeHead(502).end('<html>Bad Gateway</html>');
    const client = new SegmentdClient({ url });
    expect(await failure(count(client))).toMatchObject({ code: 'BAD_ANSWER', status: 502 });
    handler = (_, response) => response.end('<html>');
    expect((await failure(count(client))).code).toBe('BAD_ANSWER');
    expect((await failure(all(client.exportUsers()))).code).toBe('BAD_ANSWER');
    handler = (_, response) => response.end('"p1"');
    expect((await failure(all(client.exportUsers()))).code).toBe('BAD_ANSWER');
  });

  test('says nothing, or stops in the middle', async () => {
    const client = new SegmentdClient({ url, timeout: 50 });
    handler = () => {};
    expect((await failure(count(client))).code).toBe('CLIENT_TIMEOUT');
    handler = (_, response) => response.write('{"count":');
    expect((await failure(count(client))).code).toBe('CLIENT_TIMEOUT');
    handler = (_, response) => response.write('{"id":"p1"}\n{"id":');
    const ids: string[] = [];
    const read = async (): Promise<void> => {
      for await (const id of client.exportUsers()) ids.push(id);
    };
    expect((await failure(read())).code).toBe('CLIENT_TIMEOUT');
    expect(ids).toEqual(['p1']);
  });

  test('cuts a stream', async () => {
    handler = (_, response) => response.write('{"id":"p1"}\n', () => response.destroy());
    const client = new SegmentdClient({ url });
    expect((await failure(all(client.exportUsers()))).code).toBe('CONNECTION_FAILED');
  });
});

describe('lines', () => {
  const lines = Buffer.from('{"id":"p1"}\n{"id":"ü\\"\\\\"}\n{"id":{"base64":"/w=="}}\n{"id":"\u{1f600}"}\n');
  const ids = ['p1', 'ü"\\', '/w==', '\u{1f600}'];

  /** A client to whom a server answers with these pieces. */
  const clientOf = (pieces: readonly Uint8Array[]): SegmentdClient => {
    const body = (): ReadableStream => {
      let at = 0;
      return new ReadableStream({
        pull: (controller) => (at < pieces.length ? controller.enqueue(pieces[at++]!) : controller.close()),
      });
    };
    return new SegmentdClient({ url: 'http://test', fetch: async () => new Response(body()) });
  };
  const read = async (pieces: readonly Uint8Array[]): Promise<string[]> => {
    const found = await all(clientOf(pieces).exportUsers({ bytes: true }));
    return found.map((id) => (id[0] === 0xff ? '/w==' : Buffer.from(id).toString()));
  };

  test('come the same wherever they are cut', async () => {
    for (let at = 0; at <= lines.length; at++) {
      expect(await read([lines.subarray(0, at), lines.subarray(at)])).toEqual(ids);
    }
    expect(await read(Array.from(lines, (byte) => Uint8Array.of(byte)))).toEqual(ids);
  });

  test('are read no faster than they are asked for', async () => {
    let pulled = 0;
    const body = new ReadableStream({
      pull(controller) {
        pulled++;
        controller.enqueue(Buffer.from('{"id":"p1"}\n'));
      },
    });
    const client = new SegmentdClient({ url: 'http://test', fetch: async () => new Response(body) });
    const ids = client.exportUsers();
    for (let i = 0; i < 10; i++) await ids.next();
    expect(pulled).toBeLessThanOrEqual(12);
    await ids.return();
  });

  test('that never end are refused', async () => {
    const piece = Buffer.alloc(4 * 1024 * 1024, 'x');
    expect((await failure(read(Array.from({ length: 6 }, () => piece)))).code).toBe('BAD_ANSWER');
  });

  test.each([
    ['no UTF-8', [0x7b, 0xff, 0x0a]],
    ['cut in a character', [...Buffer.from('{"id":"p1"}\n'), 0xc3]],
    ['null', Buffer.from('null\n')],
    ['no users', Buffer.from('{"name":"p1"}\n')],
    ['no ids', Buffer.from('{"id":{"a":"b"}}\n')],
  ])('that are %s are refused', async (_, bytes) => {
    expect((await failure(read([Uint8Array.from(bytes)]))).code).toBe('BAD_ANSWER');
  });

  test('that are not there are none', async () => {
    const client = new SegmentdClient({
      url: 'http://test',
      fetch: async () => new Response(null, { status: 204 }),
    });
    expect(await all(client.exportUsers())).toEqual([]);
  });
});
