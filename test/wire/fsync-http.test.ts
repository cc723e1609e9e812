/** With fsync `always`, an HTTP answer waits until what it promises is on the disk; a storage says when that is. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { allEndpoints } from '../../protocol/http/endpoints/index.js';
import { openEngineOn } from '../../src/open.js';
import { FailingStorage } from '../../src/persistence/storage-crashing.js';
import { MemoryStorage } from '../../src/persistence/storage-memory.js';
import { ask, type RawAnswer, RawHttpClient, requestText } from '../support/http-client.js';
import { startTestHttp, type TestHttpServer, TRANSPORTS } from '../support/http-server.js';
import { SlowStorage } from '../support/slow-storage.js';

const JSON_BODY = { 'content-type': 'application/json' };
const ANNA = '/v1/users/anna/tags';
/** Many users in one request: the change takes several turns. */
const MANY = JSON.stringify({ ids: Array.from({ length: 60_000 }, (_, i) => `user-${i}`) });

let storage: SlowStorage;
let server: TestHttpServer;

/** Asks, and notes when the answer is there. */
function watch(...request: Parameters<typeof requestText>): {
  readonly answer: Promise<RawAnswer>;
  isSettled: boolean;
} {
  const watched = { answer: ask(server.port, ...request), isSettled: false };
  const settle = (): void => {
    watched.isSettled = true;
  };
  watched.answer.then(settle, settle);
  return watched;
}

function setAnna(tag = 'sports') {
  return watch('PATCH', ANNA, JSON_BODY, JSON.stringify({ set: { [tag]: true } }));
}

/** Waits until a sync is under way. */
async function syncing(): Promise<void> {
  await expect.poll(() => storage.waiting.length).toBe(1);
}

function codeIn({ body }: RawAnswer): unknown {
  return (JSON.parse(body.toString()) as { code?: unknown }).code;
}

async function stop(): Promise<void> {
  await server.close().catch(() => {}); // Its disk may have failed.
}

describe.each(TRANSPORTS)('over %s', (transport) => {
  beforeEach(async () => {
    storage = new SlowStorage();
    const engine = openEngineOn({ dataDir: '/data', fsync: 'always' }, storage);
    server = await startTestHttp(transport, allEndpoints, {}, {}, engine);
  });
  afterEach(stop);

  test('an answer to a change waits for its sync, and whoever reads does not', async () => {
    const change = setAnna();
    await syncing();
    const lookup = JSON.stringify({ ids: ['anna'] });
    const count = JSON.stringify({ expression: 'sports' });
    const answers = [
      await ask(server.port, 'GET', ANNA),
      await ask(server.port, 'POST', '/v1/users/lookup', JSON_BODY, lookup),
      await ask(server.port, 'POST', '/v1/audiences/count', JSON_BODY, count),
      await ask(server.port, 'GET', '/v1/tags/sports/users', { accept: 'application/x-ndjson' }),
      await ask(server.port, 'GET', '/v1/persistence'),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    for (const { body } of answers.slice(0, 2)) expect(body.toString()).toContain('sports');
    expect(change.isSettled).toBe(false);
    expect(storage.waiting).toHaveLength(1);
    await storage.finish();
    expect(await change.answer).toMatchObject({ status: 200 });
    expect(server.service.waiting).toBe(0);
  });

  test.each([
    ['DELETE', ANNA, 204],
    ['PUT', '/v1/tags/age', 201],
    ['POST', '/v1/tags/age/users?value=3', 200],
    ['PUT', '/v1/audiences/players', 201],
  ] as const)('so does %s %s', async (method, path, status) => {
    const first = setAnna();
    await syncing();
    await storage.finish();
    await first.answer;
    const bodies = { DELETE: '', POST: '{"ids":["anna"]}', PUT: '{"kind":"number"}' };
    const body = path.includes('audiences') ? '{"expression":"sports"}' : bodies[method];
    const change = watch(method, path, body === '' ? {} : JSON_BODY, body);
    await syncing();
    expect((await ask(server.port, 'GET', '/healthz')).status).toBe(200);
    expect(change.isSettled).toBe(false);
    await storage.finish();
    expect((await change.answer).status).toBe(status);
  });

  test('what changed in earlier turns than that of the answer is waited for, too', async () => {
    const change = watch('POST', '/v1/tags/sports/users', JSON_BODY, MANY);
    // Syncs end as they come, but for the last one.
    while (server.engine.count('sports') < 60_000) {
      await new Promise(setImmediate);
      if (server.engine.count('sports') < 60_000) storage.waiting.shift()?.(null);
    }
    await syncing();
    expect((await ask(server.port, 'GET', '/healthz')).status).toBe(200);
    expect(change.isSettled).toBe(false);
    while (!change.isSettled) {
      storage.waiting.shift()?.(null);
      await new Promise(setImmediate);
    }
    expect(JSON.parse((await change.answer).body.toString())).toEqual({ given: 60_000, changed: 60_000 });
  });

  test('many share a sync', async () => {
    const first = setAnna('a');
    await syncing();
    const others = ['b', 'c', 'd'].map((tag) => setAnna(tag));
    await expect.poll(() => server.engine.tags().length).toBe(4);
    await storage.finish();
    await first.answer;
    expect(others.some(({ isSettled }) => isSettled)).toBe(false);
    await storage.finish();
    for (const { answer } of others) expect((await answer).status).toBe(200);
    expect(storage.waiting).toHaveLength(0);
  });

  test('answers on one connection come in the order of their requests', async () => {
    const client = await RawHttpClient.open(server.port);
    const change = requestText('PATCH', ANNA, JSON_BODY, JSON.stringify({ set: { sports: true } }));
    client.send(change);
    await syncing();
    client.send(requestText('GET', ANNA));
    await storage.finish();
    expect(JSON.parse((await client.answer()).body.toString())).toEqual({ added: 1, removed: 0 });
    expect((await client.answer()).body.toString()).toContain('sports');
    client.destroy();
  });

  test('a sync that fails is an error for whoever waits for it, and reads go on', async () => {
    const change = setAnna();
    await storage.finish(new Error('EIO: i/o error'));
    const answer = await change.answer;
    expect([answer.status, codeIn(answer)]).toEqual([503, 'PERSISTENCE_FAILED']);
    const refused = await setAnna('b').answer;
    expect([refused.status, codeIn(refused)]).toEqual([503, 'PERSISTENCE_FAILED']);
    expect((await ask(server.port, 'GET', ANNA)).status).toBe(200);
    const count = JSON.stringify({ expression: 'sports' });
    expect((await ask(server.port, 'POST', '/v1/audiences/count', JSON_BODY, count)).status).toBe(200);
    expect((await ask(server.port, 'GET', '/v1/users', { accept: 'text/plain' })).status).toBe(200);
    const state = JSON.parse((await ask(server.port, 'GET', '/v1/persistence')).body.toString());
    expect(state.failure).toContain('EIO');
    expect(server.service.waiting).toBe(0);
  });

  test('a client that leaves meanwhile leaves nothing behind', async () => {
    const client = await RawHttpClient.open(server.port);
    client.send(requestText('PATCH', ANNA, JSON_BODY, JSON.stringify({ set: { sports: true } })));
    await syncing();
    expect(server.service.waiting).toBe(1);
    client.destroy();
    await expect.poll(() => server.service.waiting).toBe(0);
    await storage.finish();
    expect(await setAndFinish('b')).toBe(200);
    expect({ ...server.service }).toMatchObject({ waiting: 0, streams: 0, exports: 0 });
  });
});

/** The status of a change whose sync ends at once. */
async function setAndFinish(tag: string): Promise<number> {
  const change = setAnna(tag);
  await storage.finish();
  return (await change.answer).status;
}

describe.each(TRANSPORTS)('with a deadline, over %s', (transport) => {
  afterEach(stop);

  test('a disk that takes too long is told', async () => {
    storage = new SlowStorage();
    const engine = openEngineOn({ dataDir: '/data', fsync: 'always' }, storage);
    server = await startTestHttp(transport, allEndpoints, { httpRequestTimeout: 50 }, {}, engine);
    for (const [method, body] of [
      ['PATCH', '{"set":{"sports":true}}'],
      ['DELETE', ''],
    ] as const) {
      const answer = await ask(server.port, method, ANNA, body === '' ? {} : JSON_BODY, body);
      expect([answer.status, codeIn(answer)]).toEqual([503, 'PERSISTENCE_FAILED']);
      expect(answer.body.toString()).toContain('the disk did not take it within 50 ms');
      expect(server.service.waiting).toBe(0);
    }
    while (storage.waiting.length > 0) await storage.finish();
    await expect.poll(() => server.engine.durable).toBe(true);
  });
});

describe.each(TRANSPORTS)('with other policies, over %s', (transport) => {
  afterEach(stop);

  test.each(['everysec', 'no'] as const)(
    '%s: changes that cannot be written are refused, reads go on',
    async (fsync) => {
      let isFull = false;
      const failing = new FailingStorage(new MemoryStorage(), (operation) => {
        if (isFull && operation === 'write') throw new Error('ENOSPC: no space left');
      });
      const engine = openEngineOn({ dataDir: '/data', fsync }, failing);
      server = await startTestHttp(transport, allEndpoints, {}, {}, engine);
      expect((await setAnna().answer).status).toBe(200);
      isFull = true;
      for (const tag of ['b', 'c']) {
        const answer = await setAnna(tag).answer;
        expect([answer.status, codeIn(answer)]).toEqual([503, 'PERSISTENCE_FAILED']);
      }
      const lookup = JSON.stringify({ ids: ['anna'] });
      const answer = await ask(server.port, 'POST', '/v1/users/lookup', JSON_BODY, lookup);
      expect(answer.status).toBe(200);
      isFull = false;
      server.engine.snapshotNow();
      expect((await setAnna('d').answer).status).toBe(200);
    },
  );
});
