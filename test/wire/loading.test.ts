/** A server whose engine is still loading: everybody is told to wait, and nobody ever sees an empty store. */
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LoadingEngine } from '../../protocol/loading.js';
import { allCommands } from '../../protocol/registry.js';
import { type RunningServer, type StartServerOptions, startServer } from '../../protocol/server.js';
import { type Engine, type OpenLaterOptions, openEngine } from '../../src/index.js';
import { codeOf } from '../support/code-of.js';
import { freePort } from '../support/free-port.js';
import { ask } from '../support/http-client.js';
import { TRANSPORTS } from '../support/http-server.js';
import { describeWith, startRedisServer } from '../support/redis-server.js';
import { RespClient } from '../support/resp-client.js';

const LOADING = 'LOADING segmentd is loading the dataset in memory';
const TOTAL = 1_000;

let engine: Engine;
let loading: LoadingEngine;
let later: OpenLaterOptions;
let finish: (engine: Engine) => void;
let fail: (error: Error) => void;
let server: RunningServer;

const serve = async (options: Partial<StartServerOptions> = {}): Promise<void> => {
  server = await startServer({ respPort: 0, httpPort: 0, ...options, engine: loading });
};

/** What is loaded is there, and everybody was told. */
const load = async (): Promise<void> => {
  finish(engine);
  await loading.engine;
};

beforeEach(() => {
  engine = openEngine();
  engine.setTags('u1', { city: 'Oslo', sports: true });
  engine.audiences.save('athletes', 'sports');
  loading = new LoadingEngine({ dataDir: 'data', snapshotAge: 60 }, (_, given) => {
    later = given;
    return new Promise((resolve, reject) => {
      finish = resolve;
      fail = reject;
    });
  });
  later.onProgress!(421, TOTAL);
});
afterEach(async () => {
  await server?.close();
  engine.close();
});

describe('over RESP', () => {
  let client: RespClient;

  const connect = async (): Promise<void> => {
    await serve();
    client = await RespClient.open(server.respPort);
  };
  const persistence = async (): Promise<Map<string, string>> => {
    const lines = String(await client.call('INFO', 'persistence')).split('\r\n');
    return new Map(lines.map((line) => line.split(':') as [string, string]));
  };

  test.each(allCommands.map((command) => [command.name, command] as const))(
    '%s tells to wait, or asks nothing of the data',
    async (_, { words, minWords, flags }) => {
      await connect();
      const command = Array.from({ length: minWords }, (_, i) => words[i] ?? 'user:u1');
      if (!flags.has('loading')) {
        expect(await client.error(...command)).toBe(LOADING);
        return;
      }
      client.send(command, ['QUIT']);
      expect(await client.closed()).not.toMatch(/LOADING|engine is closed|internal error/);
    },
  );

  test('who may not ask at all is told that', async () => {
    await serve({ password: 'secret' });
    client = await RespClient.open(server.respPort);
    expect(await client.error('HGETALL', 'user:u1')).toMatch(/^NOAUTH/);
    expect(await client.error('HGETALL')).toMatch(/^ERR wrong number/);
    expect(await client.call('AUTH', 'secret')).toBe('OK');
    expect(await client.error('HGETALL', 'user:u1')).toBe(LOADING);
  });

  test('a transaction with what must wait is none', async () => {
    await connect();
    await client.call('MULTI');
    expect(await client.call('ECHO', 'a')).toBe('QUEUED');
    expect(await client.error('HGETALL', 'user:u1')).toBe(LOADING);
    expect(await client.error('EXEC')).toMatch(/^EXECABORT/);
    await client.call('MULTI');
    await client.call('ECHO', 'a');
    expect(await client.call('EXEC')).toEqual(['a']);
  });

  test('INFO tells how far it is, and nothing of data', async () => {
    await connect();
    const fields = await persistence();
    expect(Object.fromEntries(fields)).toMatchObject({
      loading: '1',
      loading_start_time: `${Math.floor(loading.startedAt / 1000)}`,
      loading_total_bytes: '1000',
      loading_loaded_bytes: '421',
      loading_loaded_perc: '42.10',
      aof_enabled: '1',
    });
    // Clients wait for so long, and would not wait at all for 0.
    expect(Number(fields.get('loading_eta_seconds'))).toBeGreaterThanOrEqual(1);
    const all = String(await client.call('INFO', 'everything'));
    expect(all).not.toMatch(/db0|# Segments|# Audiences|used_memory:/);
    expect(all).toContain('used_memory_rss:');
    expect(await client.call('CONFIG', 'GET', 'data-dir', 'save')).toEqual([
      ...['data-dir', 'data'],
      ...['save', '60 1'],
    ]);
    await load();
    expect((await persistence()).get('loading')).toBe('0');
    expect(await client.call('INFO', 'keyspace')).toContain('db0:keys=4');
  });

  test('connections go on with the data when it is there, and count what was refused', async () => {
    await connect();
    const asked = [
      ['HMGET', 'user:u1', 'city', 'sports'],
      ['SMEMBERS', 'tag:sports'],
      ['SISMEMBER', 'audience:athletes', 'u1'],
      ['HGET', 'user:u1', 'city'],
    ];
    for (const reply of await client.replies(asked.length, ...asked)) expect(reply.text).toBe(LOADING);
    await load();
    expect(await client.call(...asked[0]!)).toEqual(['Oslo', '1']);
    expect(await client.call(...asked[1]!)).toEqual(['u1']);
    expect(await client.call(...asked[2]!)).toBe(1);
    expect(await client.call(...asked[3]!)).toBe('Oslo');
    expect(await client.call('SCAN', 0)).toEqual(['0', expect.arrayContaining(['audience:athletes'])]);
    expect(await client.call('INFO', 'errorstats')).toContain('errorstat_LOADING:count=4');
  });

  test('SHUTDOWN ends it and saves nothing', async () => {
    let onEnd: () => void;
    const ended = new Promise<void>((resolve) => {
      onEnd = resolve;
    });
    await serve({ onShutdown: () => onEnd() });
    client = await RespClient.open(server.respPort);
    client.send(['SHUTDOWN', 'SAVE']);
    expect(await client.closed()).toBe('');
    await ended;
  });

  test('when it fails, nobody is told anything else', async () => {
    await connect();
    fail(new Error('damaged'));
    await expect(loading.engine).rejects.toThrow('damaged');
    expect(await client.error('HGETALL', 'user:u1')).toBe(LOADING);
  });
});

describe('real clients', () => {
  test('ioredis waits until it is ready, and loses no command', async () => {
    await serve();
    const redis = new Redis(server.respPort, { maxLoadingRetryTime: 20 });
    try {
      const answer = redis.hgetall('user:u1');
      const seen: string[] = [];
      redis.on('ready', () => seen.push('ready'));
      const probe = await RespClient.open(server.respPort);
      // It asks for INFO again and again.
      for (let own = 0, asked = 0; asked < 3; own++) {
        const stats = String(await probe.call('INFO', 'commandstats'));
        asked = Number(/cmdstat_info:calls=(\d+)/.exec(stats)?.[1] ?? 0) - own;
      }
      expect([seen, redis.status]).toEqual([[], 'connect']);
      await load();
      expect({ ...(await answer) }).toEqual({ city: 'Oslo', sports: '1' });
      expect(seen).toEqual(['ready']);
    } finally {
      redis.disconnect();
    }
  });

  test.each([2, 3] as const)('node-redis with RESP%i is told, and goes on', async (RESP) => {
    await serve();
    const client = createClient({ socket: { port: server.respPort, reconnectStrategy: false }, RESP });
    const errors: Error[] = [];
    client.on('error', (error: Error) => errors.push(error));
    try {
      await client.connect();
      await expect(client.hGetAll('user:u1')).rejects.toThrow(LOADING);
      await load();
      expect({ ...(await client.hGetAll('user:u1')) }).toEqual({ city: 'Oslo', sports: '1' });
      expect(errors).toEqual([]);
    } finally {
      client.destroy();
    }
  });
});

describeWith('redis-server', 'commands that Redis has', () => {
  test('run while it loads only if Redis’s do', async () => {
    const redis = await startRedisServer();
    try {
      const client = await RespClient.open(redis.port);
      const names = allCommands.map(({ words }) => words.join('|').toLowerCase());
      const infos = (await client.call('COMMAND', 'INFO', ...names)) as (unknown[] | null)[];
      const differing = allCommands.filter(({ flags }, i) => {
        const info = infos[i];
        if (!Array.isArray(info)) return false;
        return [...(info[2] as Iterable<unknown>)].includes('loading') !== flags.has('loading');
      });
      // Both would tell of data that is not there yet.
      expect(differing.map(({ name }) => name).sort()).toEqual(['LASTSAVE', 'WATCH']);
      await client.close();
    } finally {
      await redis.stop();
    }
  });
});

describe.each(TRANSPORTS)('over HTTP by %s', (httpTransport) => {
  let httpPort: number;
  const get = async (path: string, headers: Record<string, string> = {}) => {
    const { status, headers: answered, body } = await ask(httpPort, 'GET', path, headers);
    const isJson = answered.get('content-type')?.includes('json') === true;
    return {
      status,
      retryAfter: answered.get('retry-after'),
      body: isJson ? JSON.parse(String(body)) : body,
    };
  };

  test('nobody gets an answer but on the server’s health', async () => {
    httpPort = await freePort();
    await serve({ httpPort, httpTransport, password: 'secret' });
    const headers = { authorization: 'Bearer secret' };
    for (const path of ['/v1/users/u1/tags', '/v1/tags', '/metrics']) {
      expect((await get(path)).status).toBe(401);
      expect(await get(path, headers)).toMatchObject({
        status: 503,
        retryAfter: '1',
        body: { code: 'LOADING', detail: 'segmentd is loading the dataset in memory' },
      });
    }
    expect(await get('/healthz')).toMatchObject({ status: 200, body: { status: 'ok' } });
    const readiness = { status: 503, retryAfter: '1', body: { status: 'loading', progress: 0.42 } };
    expect(await get('/readyz')).toEqual(readiness);
    await load();
    expect(await get('/readyz')).toMatchObject({ status: 200, body: { status: 'ready' } });
    expect(await get('/v1/users/u1/tags', headers)).toMatchObject({
      status: 200,
      body: { id: 'u1', tags: { city: 'Oslo', sports: true } },
    });
    expect(String((await get('/metrics', headers)).body)).toMatch(
      /segmentd_memory_bytes\{part="records"\} [1-9]/,
    );
  });
});

describe('an engine that is loading', () => {
  test('tells how far it is', () => {
    expect(loading).toMatchObject({ loadedBytes: 421, totalBytes: TOTAL, progress: 0.421 });
    later.onProgress!(TOTAL, TOTAL);
    expect(loading).toMatchObject({ progress: 1, secondsLeft: 0 });
    expect(new LoadingEngine({})).toMatchObject({ progress: 0, secondsLeft: 0 });
  });

  test('has nothing to give', () => {
    expect(codeOf(() => loading.standIn.has('u1'))).toBe('ENGINE_CLOSED');
    expect(codeOf(() => loading.standIn.setTags('u1', { a: true }))).toBe('ENGINE_CLOSED');
    expect(loading.standIn.options).toMatchObject({ dataDir: 'data', fsync: 'everysec' });
    expect(codeOf(() => new LoadingEngine({ maxEnumValues: 0 }))).toBe('INVALID_OPTION');
  });

  test('can be given up', () => {
    expect(later.signal!.aborted).toBe(false);
    loading.cancel(new Error('enough'));
    expect(later.signal!.reason).toEqual(new Error('enough'));
  });
});
