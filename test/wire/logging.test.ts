/** What is logged of real commands, and what never is. */
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import type { Route } from '../../protocol/http/route.js';
import { listenHttp } from '../../protocol/http/server.js';
import { requestLogger } from '../../protocol/logging.js';
import { observing } from '../../protocol/metrics/mount.js';
import { allCommands } from '../../protocol/registry.js';
import { startServer } from '../../protocol/server.js';
import { ServerState } from '../../protocol/server-state.js';
import { type Engine, openEngine } from '../../src/index.js';
import { openEngineOn } from '../../src/open.js';
import { resolveServerOptions } from '../../src/options.js';
import { FailingStorage } from '../../src/persistence/storage-crashing.js';
import { fileStorage } from '../../src/persistence/storage-file.js';
import { runCli, startCli } from '../support/cli.js';
import { type KeptLog, keptLog, type LogLine } from '../support/log-lines.js';
import { RespClient } from '../support/resp-client.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { TestFolder } from '../support/test-folder.js';

const USER = 'user-4711';
const PASSWORD = 'open-sesame-4712';

let server: TestServer | undefined;
let folder: TestFolder | undefined;

afterEach(async () => {
  await server?.close();
  server = undefined;
  folder?.remove();
  folder = undefined;
});

/** A server whose FLUSHALL meets a fault of our own that quotes a user's id. */
function faultyEngine(): Engine {
  const engine = openEngine();
  engine.clear = () => {
    throw new TypeError(`cannot read "${USER}"`);
  };
  return engine;
}

/** Everything that clients do with users, right and wrong, so that each kind of event happens. */
async function useIt(server: TestServer): Promise<void> {
  const client = await server.connect();
  await client.error('AUTH', `not-${PASSWORD}`);
  await client.error('HELLO', '3', 'AUTH', 'default', `not-${PASSWORD}`);
  await client.call('AUTH', PASSWORD);
  await client.call('HELLO', '3', 'AUTH', 'default', PASSWORD, 'SETNAME', 'me');
  // From here on each command is slow, and logged as such.
  await client.call('CONFIG', 'SET', 'slowlog-log-slower-than', '0');
  await client.call('CONFIG', 'SET', 'password', PASSWORD);
  const key = `user:${USER}`;
  const commands = [
    ['TAG.DECLARE', 'age', 'number'],
    ['HSET', key, 'sports', '1', 'city', 'Oslo'],
    ['HSET', key, 'age', USER],
    ['HGET', key, 'city'],
    ['HMGET', key, 'city', 'age'],
    ['HGETALL', key],
    ['SADD', 'tag:news', USER],
    ['SADD', key, USER],
    ['SISMEMBER', 'tag:news', USER],
    ['SMEMBERS', 'tag:news'],
    ['HGET', key],
    ['AUTH', 'default', PASSWORD, 'more'],
    ['NOSUCH', key, PASSWORD],
    [USER, PASSWORD],
    ['MULTI'],
    ['AUTH', PASSWORD],
    ['HGET', key, 'city'],
    ['EXEC'],
    ['FLUSHALL'],
    ['CONFIG', 'SET', 'max-clients', '1'],
  ];
  for (const words of commands) await client.reply(...words);
  const refused = await server.connect();
  await refused.closed();
  await client.call('CONFIG', 'SET', 'max-clients', '10');
  const socket = connect(server.port, '127.0.0.1');
  socket.write(`"${USER}\r\n`);
  for await (const _ of socket);
  await client.close();
}

async function logOfUse(level: 'trace' | 'info'): Promise<KeptLog> {
  const log = keptLog(level);
  server = await startTestServer({ engine: faultyEngine(), logger: log.logger, password: PASSWORD });
  await useIt(server);
  await server.close();
  server = undefined;
  return log;
}

describe('the log of a server', () => {
  test('tells what happened, at level info without a user, and at no level with a password', async () => {
    const info = await logOfUse('info');
    const happened = new Set(info.lines().map(({ level, msg }) => `${level}: ${msg}`));
    expect([...happened].sort()).toEqual([
      'error: internal error',
      'info: listening',
      'info: slow command',
      'info: stopped',
      'info: stopping',
      'warn: authentication failed',
      'warn: client rejected',
    ]);
    expect(info.text.join('')).not.toContain(USER);
    expect(info.text.join('')).not.toContain(PASSWORD);

    const trace = await logOfUse('trace');
    expect(trace.of('protocol error')).toHaveLength(1);
    // That this finds it shows that it would be found above.
    expect(trace.text.join('')).toContain(USER);
    expect(trace.text.join('')).not.toContain(PASSWORD);
  });

  test('says who did what, by name and connection', async () => {
    const { of } = await logOfUse('info');
    expect(of('listening')[0]).toMatchObject({ face: 'resp', host: '127.0.0.1', port: expect.any(Number) });
    const [error] = of('internal error');
    expect(error).toMatchObject({ command: 'FLUSHALL', client: 1, error: 'TypeError' });
    expect(error!['address']).toMatch(/^127\.0\.0\.1:\d+$/);
    expect((error!['stack'] as string[])[0]).toMatch(/^at .*logging\.test\.ts/);
    expect(of('client rejected')[0]).toMatchObject({ clients: 1, level: 'warn' });
    expect(of('authentication failed').map((line) => line['command'])).toEqual(['AUTH', 'HELLO']);
    const slow = of('slow command');
    expect(slow.length).toBeGreaterThan(5);
    for (const line of slow) expect(line['milliseconds']).toBeGreaterThanOrEqual(0);
    expect(slow.map((line) => line['command'])).toContain('TAG.DECLARE');
  });

  test('tells of HTTP requests by the pattern of their route and the id of the request', async () => {
    const { logger, of, text } = keptLog('info');
    const engine = openEngine();
    const state = new ServerState(engine, resolveServerOptions({}), allCommands, () => {}, logger);
    const broken: Route = {
      method: 'GET',
      path: '/v1/users/{id}',
      query: ['q'],
      handle(exchange) {
        requestLogger(exchange.server.logger, exchange.requestId).warn({}, 'by the way');
        throw new TypeError(`a fault with ${exchange.text('id')}`);
      },
    };
    const http = await listenHttp(state, [broken], observing(state), 0);
    try {
      const headers = { 'x-request-id': 'r-7', authorization: `Bearer ${PASSWORD}` };
      const response = await fetch(`http://127.0.0.1:${http.port}/v1/users/${USER}?q=${USER}`, { headers });
      expect(response.status).toBe(500);
    } finally {
      await http.close();
      state.close();
      engine.close();
    }
    const requestId = 'r-7';
    expect(of('by the way')).toMatchObject([{ requestId }]);
    expect(of('internal error')).toMatchObject([{ requestId, route: '/v1/users/{id}', error: 'TypeError' }]);
    expect(of('request')).toMatchObject([{ requestId, route: '/v1/users/{id}', method: 'GET', status: 500 }]);
    expect(text.join('')).not.toContain(USER);
    expect(text.join('')).not.toContain(PASSWORD);
  });

  test('tells of a journal that cannot be written, as soon as a change is refused', async () => {
    folder = new TestFolder();
    let isFull = false;
    const storage = new FailingStorage(fileStorage, (operation) => {
      if (isFull && operation === 'write') throw new Error('ENOSPC: no space left on device, write');
    });
    const engine = openEngineOn({ dataDir: folder.path }, storage);
    folder.closing(engine);
    const { logger, of, text } = keptLog('info');
    const running = await startServer({ engine, respPort: 0, httpPort: 0, logger });
    const client = await RespClient.open(running.respPort);
    expect(await client.call('SADD', 'tag:a', USER)).toBe(1);
    isFull = true;
    expect(await client.error('SADD', 'tag:b', USER)).toMatch(/^MISCONF /);
    const [line, ...others] = of('changes are refused: the journal fails');
    expect(line).toMatchObject({ level: 'error', reason: expect.stringContaining('no space left') });
    expect(others).toEqual([]);
    isFull = false;
    // Writing is tried again every second, and the watch looks every second.
    await expect
      .poll(() => of('changes are taken again: the journal is written').length, { timeout: 10_000 })
      .toBe(1);
    expect(text.join('')).not.toContain(USER);
    await client.closed();
    await running.close();
  });
});

describe('a server in a process of somebody else', () => {
  test('is silent unless it is asked to log', async () => {
    const written: unknown[] = [];
    const write = process.stderr.write;
    process.stderr.write = (chunk: unknown) => written.push(chunk) > 0;
    try {
      server = await startTestServer({ engine: faultyEngine(), password: PASSWORD });
      await useIt(server);
      await server.close();
      server = undefined;
    } finally {
      process.stderr.write = write;
    }
    expect(written).toEqual([]);
  });
});

describe('segmentd serve', () => {
  /** What a server writes to the standard error from its start to its end, and whether it says where it serves. */
  async function logOf(...options: string[]): Promise<string> {
    const { lines, stop } = await startCli(...options);
    expect(lines.at(-1)).toMatch(/^segmentd \S+ serves Redis clients on /);
    const { code, stderr } = await stop();
    expect(code).toBe(0);
    return stderr;
  }

  test('logs to the standard error, as JSON, from warnings on unless told otherwise', async () => {
    expect(await logOf()).toBe('');
    folder = new TestFolder();
    const text = await logOf('--log-level', 'info', '--sample', '--data-dir', folder.path);
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as LogLine);
    expect(lines.map(({ level, msg }) => `${level}: ${msg}`)).toEqual([
      'info: data folder opened',
      'info: listening',
      'info: sample loaded',
      'info: stopping',
      'info: stopped',
      'info: data folder closed',
    ]);
    expect(lines[2]).toMatchObject({ users: 48_842, tags: 15 });
  });

  test('logs as text for people when asked to', async () => {
    const text = await logOf('--log-level', 'info', '--log-format', 'text');
    expect(text).toMatch(/^\S+ INFO {2}listening face=resp host=127\.0\.0\.1 port=\d+\n/);
  });

  test('knows the levels', async () => {
    expect(await runCli(['serve', '--log-level', 'loud'])).toEqual({
      code: 2,
      stdout: '',
      stderr: 'segmentd: --log-level must be one of fatal, error, warn, info, debug, trace, silent\n',
    });
  });
});
