/** Exports that go on for a while: what others do meanwhile, and readers who are slow or leave. */
import { type IncomingMessage, request } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createGunzip } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { audienceExports } from '../../protocol/http/endpoints/audience-exports.js';
import { users as userEndpoints } from '../../protocol/http/endpoints/users.js';
import type { ServerOptions } from '../../src/options.js';
import { Holds } from '../model/audience-holds.js';
import { ask, RawHttpClient, requestText } from '../support/http-client.js';
import { startTestHttp, type TestHttpServer, TRANSPORTS } from '../support/http-server.js';

const MIB = 2 ** 20;
/** Together 12 MB as lines: far more than systems keep for a reader who does not read. */
const USERS = 50_000;
const ID_BYTES = 240;
const ids = Array.from({ length: USERS }, (_, i) => `${i}`.padEnd(ID_BYTES, '.'));
const lines = (some: readonly string[]): string => some.map((id) => `${id}\n`).join('');

const routes = [...audienceExports, ...userEndpoints];

describe.each(TRANSPORTS)('%s', (transport) => {
  let server: TestHttpServer;
  let holds: Holds;

  beforeEach(() => {
    holds = new Holds();
  });
  afterEach(async () => {
    await server.close();
    vi.restoreAllMocks();
  });

  const serve = async (options: Partial<ServerOptions> = {}): Promise<void> => {
    server = await startTestHttp(transport, routes, { httpMaxExports: 2, ...options });
    for (let i = 0; i < USERS; i += 10_000) server.engine.addUsers('t', ids.slice(i, i + 10_000));
  };
  /** Begins an export, of which nothing is read before somebody does. */
  const begin = (path: string, headers: Record<string, string>): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const sent = request({ port: server.port, path, headers, agent: false }, resolve);
      sent.on('error', reject);
      sent.end();
    });
  /** Waits until nothing goes on in the server that does not wait for a reader. */
  const untilBlocked = async (exports: number): Promise<void> => {
    await expect.poll(() => [server.service.exports, server.state.turns.size]).toEqual([exports, 0]);
  };
  const untilIdle = async (): Promise<void> => {
    const { engine, service } = server;
    const held = () => [
      service.exports,
      service.streams,
      service.waiting,
      engine.store.openCursors,
      holds.open,
    ];
    await expect.poll(held, { interval: 5 }).toEqual([0, 0, 0, 0, 0]);
  };
  const textOf = async (stream: AsyncIterable<Buffer>): Promise<string> => {
    const pieces: Buffer[] = [];
    for await (const piece of stream) pieces.push(piece);
    return Buffer.concat(pieces).toString();
  };

  test.each(['identity', 'gzip'])(
    'an export is of its moment, whatever is written meanwhile: %s',
    async (encoding) => {
      await serve();
      const { engine } = server;
      const answer = await begin('/v1/tags/t/users', { accept: 'text/plain', 'accept-encoding': encoding });
      if (encoding === 'identity') await untilBlocked(1);
      for (const id of ids) if (!id.startsWith('7')) engine.eraseUser(id);
      // Others get the ordinals.
      for (let i = 0; i < 40; i++) engine.addUsers('t', [`another-${i}`]);
      const text = await textOf(encoding === 'gzip' ? answer.pipe(createGunzip()) : answer);
      expect(text === lines(ids)).toBe(true);
      await untilIdle();
      expect(engine.check().problems).toEqual([]);
    },
  );

  test('an export goes on when everything is cleared', async () => {
    await serve();
    const answer = await begin('/v1/users?tags=t', { accept: 'text/csv' });
    await untilBlocked(1);
    server.engine.clear();
    server.engine.addUsers('t', ['newcomer']);
    const [header, ...records] = (await textOf(answer)).split('\r\n');
    expect(header).toBe('id,t');
    const read = records.slice(0, -1).map((record) => record.split(','));
    expect(read.map(([id]) => id).join() === ids.join()).toBe(true);
    // Values are of the moment in which they are told: those who are gone have none.
    const kept = read.findIndex(([, value]) => value === '');
    expect(kept).toBeGreaterThan(0);
    expect(new Set(read.slice(0, kept).map(([, value]) => value))).toEqual(new Set(['true']));
    expect(new Set(read.slice(kept).map(([, value]) => value))).toEqual(new Set(['']));
    await untilIdle();
  });

  test('a reader who does not read holds nobody else up', async () => {
    await serve();
    const slow = await begin('/v1/users', { accept: 'application/x-ndjson' });
    await untilBlocked(1);
    const fast = await begin('/v1/users', { accept: 'text/plain' });
    expect((await textOf(fast)) === lines(ids)).toBe(true);
    const tags = await ask(server.port, 'GET', `/v1/users/${ids[0]}/tags?tags=t`);
    expect(JSON.parse(String(tags.body))).toEqual({ id: ids[0], tags: { t: true } });
    expect(server.service.exports).toBe(1);
    expect(await textOf(slow)).toHaveLength(lines(ids).length + USERS * '{"id":""}'.length);
    await untilIdle();
  });

  test('one export too many gets 429, until one is over', async () => {
    await serve();
    const running = [
      await begin('/v1/users', { accept: 'text/plain' }),
      await begin('/v1/users', { accept: 'text/csv' }),
    ];
    await untilBlocked(2);
    for (const accept of ['text/plain', 'application/vnd.roaring']) {
      const refused = await ask(server.port, 'GET', '/v1/users', { accept });
      expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
      expect(JSON.parse(String(refused.body))).toMatchObject({ code: 'TOO_MANY_EXPORTS' });
    }
    expect(server.engine.store.openCursors).toBe(2);
    // A page is no export.
    const page = await ask(server.port, 'GET', '/v1/users?limit=100000');
    expect(JSON.parse(String(page.body))).toEqual({ items: ids });
    running[0]!.destroy();
    await untilBlocked(1);
    expect((await ask(server.port, 'GET', '/v1/users?limit=1', { accept: 'text/plain' })).status).toBe(200);
    expect(await textOf(running[1]!)).toHaveLength(USERS * (ID_BYTES + 2) + 'id\r\n'.length);
    await untilIdle();
  });

  test('an id that cannot be told in text/plain cuts an answer that has begun', async () => {
    await serve();
    server.engine.addUsers('t', ['line\nend']);
    const client = await RawHttpClient.open(server.port);
    client.send(requestText('GET', '/v1/users', { accept: 'text/plain' }));
    const received = await client.closed();
    expect(received).toMatch(/^HTTP\/1\.1 200 /);
    expect(received).not.toContain('line\n');
    expect(received.endsWith('0\r\n\r\n')).toBe(false);
    const rest = await ask(server.port, 'GET', `/v1/users?after=${ids.at(-1)}`, { accept: 'text/plain' });
    expect([rest.status, JSON.parse(String(rest.body))]).toMatchObject([406, { code: 'NOT_ACCEPTABLE' }]);
    await untilIdle();
  });

  test('1,000 readers who leave take nothing with them', async () => {
    const AT_ONCE = 50;
    await serve({ httpMaxExports: AT_ONCE });
    const collect = garbageCollector();
    const kinds = [
      { accept: 'text/plain' },
      { accept: 'text/csv', 'accept-encoding': 'gzip' },
      { accept: 'application/x-ndjson' },
      { accept: 'application/vnd.segmentd.msgpack-seq' },
    ];
    const abortSome = async (count: number): Promise<number> => {
      for (let i = 0; i < count; i += AT_ONCE) {
        await Promise.all(
          Array.from({ length: AT_ONCE }, async (_, k) => {
            const client = await RawHttpClient.open(server.port);
            // Some leave before anything came, others in the middle.
            client.send(requestText('GET', '/v1/tags/t/users?tags=t', kinds[1 + ((i + k) % 3)]));
            if (k > 0) await client.bytes(k * 500);
            client.destroy();
          }),
        );
        await untilIdle();
      }
      collect();
      const { heapUsed, external } = process.memoryUsage();
      return heapUsed + external;
    };
    const before = await abortSome(100);
    const after = await abortSome(1000);
    expect((after - before) / MIB).toBeLessThan(4);
    // Nothing of it is in the way of who comes next.
    const whole = await begin('/v1/tags/t/users', kinds[0]!);
    expect((await textOf(whole)) === lines(ids)).toBe(true);
    await untilIdle();
  }, 120_000);
});

test('a user who is erased by the next request on the line is still told', async () => {
  // Of the two, only Node's server takes requests that are sent ahead in one turn.
  const server = await startTestHttp('node', routes);
  server.engine.addUsers('t', ['a', 'b', 'c']);
  const client = await RawHttpClient.open(server.port);
  const get = requestText('GET', '/v1/users?ordinals', { accept: 'text/csv' });
  client.send(get + requestText('DELETE', '/v1/users/b'));
  expect(String((await client.answer()).body)).toBe('ordinal,id\r\n0,a\r\n1,b\r\n2,c\r\n');
  expect((await client.answer()).status).toBe(204);
  client.send(get);
  expect(String((await client.answer()).body)).toBe('ordinal,id\r\n0,a\r\n2,c\r\n');
  client.destroy();
  await server.close();
});

/** Collects garbage, all of it. */
function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  setFlagsFromString('--no-expose-gc');
  return () => {
    for (let i = 0; i < 3; i++) gc();
  };
}
