/** Snapshots by command, and what INFO and CONFIG tell of the data folder. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openEngineOn } from '../../src/open.js';
import { FailingStorage } from '../../src/persistence/storage-crashing.js';
import { fileStorage } from '../../src/persistence/storage-file.js';
import { describeWithRedis, type RedisServer, startRedisServer } from '../support/redis-server.js';
import { type Plain, RespClient } from '../support/resp-client.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { TestFolder } from '../support/test-folder.js';

const OPTIONS = { snapshotAge: 0, snapshotJournalBytes: 0 };
const PROTOCOLS = [2, 3] as const;

let folder: TestFolder;
let isFull = false;
const servers: TestServer[] = [];

beforeEach(() => {
  folder = new TestFolder();
  isFull = false;
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close().catch(() => {})));
  folder.remove();
});

/** A server on the folder, whose disk is full when `isFull` says so. */
async function start(options: Parameters<typeof openEngineOn>[0] = {}): Promise<TestServer> {
  const storage = new FailingStorage(fileStorage, (_, path) => {
    if (isFull && path.includes('snapshot')) throw new Error('ENOSPC: no space\nleft');
  });
  const engine = openEngineOn({ dataDir: folder.path, ...OPTIONS, ...options }, storage);
  const server = await startTestServer({ engine });
  servers.push(server);
  return server;
}

/** A server that keeps nothing. */
async function startInMemory(): Promise<TestServer> {
  const server = await startTestServer();
  servers.push(server);
  return server;
}

async function info(client: RespClient): Promise<Map<string, string>> {
  const text = (await client.call('INFO', 'persistence')) as string;
  const lines = text.trimEnd().split('\r\n').slice(1);
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]));
}

/** Asks until no snapshot is being written. */
async function saved(client: RespClient): Promise<Map<string, string>> {
  for (;;) {
    const fields = await info(client);
    const isSaving = ['rdb_bgsave_in_progress', 'aof_rewrite_in_progress'].some(
      (name) => fields.get(name) !== '0',
    );
    if (!isSaving) return fields;
  }
}

const snapshots = (): string[] => readdirSync(folder.path).filter((name) => name.startsWith('snapshot'));

describe.each(PROTOCOLS)('over RESP%i', (protocol) => {
  test('SAVE writes a snapshot before it replies', async () => {
    const server = await start();
    const client = await server.connect(protocol);
    expect(await client.reply('LASTSAVE')).toMatchObject({ type: ':', text: '0' });
    await client.call('SADD', 'tag:a', 'anna', 'bert');
    const before = Math.floor(Date.now() / 1000);
    const [reply] = await client.replies(1, ['SAVE']);
    expect(reply).toMatchObject({ type: '+', text: 'OK' });
    expect(snapshots()).toEqual(['snapshot-000002']);
    expect(await client.call('LASTSAVE')).toBeGreaterThanOrEqual(before);
    await server.close();
    const again = await (await start()).connect(protocol);
    expect((await info(again)).get('rdb_changes_since_last_save')).toBe('0');
    expect(await again.call('SCARD', 'tag:a')).toBe(2);
  });

  test('BGSAVE and BGREWRITEAOF begin one, and refuse a second', async () => {
    const client = await (await start()).connect(protocol);
    await client.call('SADD', 'tag:a', 'anna');
    const replies = await client.replies(
      5,
      ['BGSAVE'],
      ['BGSAVE'],
      ['BGSAVE', 'schedule'],
      ['BGREWRITEAOF'],
      ['SAVE'],
    );
    const running = 'ERR Background save already in progress';
    expect(replies.map(({ type, text }) => type + text)).toEqual([
      '+Background saving started',
      `-${running}`,
      `-${running}`,
      '-ERR Background append only file rewriting already in progress',
      `-${running}`,
    ]);
    await saved(client);
    expect(snapshots()).toEqual(['snapshot-000002']);
    expect(await client.reply('BGREWRITEAOF')).toMatchObject({
      type: '+',
      text: 'Background append only file rewriting started',
    });
    await saved(client);
    expect(await client.call('BGSAVE', 'SCHEDULE')).toBe('Background saving started');
    await saved(client);
    expect(snapshots()).toEqual(['snapshot-000004']);
    expect(existsSync(join(folder.path, 'journal-000003.log'))).toBe(false);
    expect(await client.call('LASTSAVE')).toBeGreaterThan(0);
  });

  test('without a data folder, or with one that is only read, there is nothing to save', async () => {
    const inMemory = await (await startInMemory()).connect(protocol);
    const none = 'ERR there is no data folder to save to: everything is in memory. Start with --data-dir';
    for (const name of ['SAVE', 'BGSAVE', 'BGREWRITEAOF']) expect(await inMemory.error(name)).toBe(none);
    expect(await inMemory.error('SHUTDOWN', 'SAVE')).toBe(none);
    expect(await inMemory.call('LASTSAVE')).toBe(0);

    await (await start()).close();
    const reader = await (await start({ readOnly: true })).connect(protocol);
    for (const name of ['SAVE', 'BGSAVE', 'BGREWRITEAOF'])
      expect(await reader.error(name)).toMatch(/^READONLY .* was opened with --read-only/);
    expect((await info(reader)).get('aof_enabled')).toBe('0');
    expect(await reader.error('SADD', 'tag:a', 'anna')).toMatch(/^READONLY /);
  });
});

describe('INFO', () => {
  test('tells how the folder fares', async () => {
    const server = await start();
    const client = await server.connect();
    expect(Object.fromEntries(await info(client))).toEqual({
      loading: '0',
      async_loading: '0',
      rdb_bgsave_in_progress: '0',
      aof_enabled: '1',
      aof_rewrite_in_progress: '0',
      aof_rewrite_scheduled: '0',
      rdb_changes_since_last_save: '0',
      rdb_last_save_time: '0',
      rdb_last_bgsave_status: 'ok',
      rdb_last_bgsave_time_sec: '-1',
      aof_last_rewrite_time_sec: '-1',
      aof_last_bgrewrite_status: 'ok',
      aof_last_write_status: 'ok',
      aof_current_size: '16',
      snapshot_name: '',
      snapshot_bytes: '0',
    });
    await client.replies(
      3,
      ['SADD', 'tag:a', 'anna'],
      ['SADD', 'tag:a', 'anna'],
      ['HSET', 'user:bert', 'b', 'x'],
    );
    const after = await info(client);
    expect(after.get('rdb_changes_since_last_save')).toBe('3');
    expect(after.get('aof_current_size')).toBe(`${statSync(folder.journal).size}`);

    const [, during] = await client.replies(2, ['BGSAVE'], ['INFO', 'persistence']);
    expect(during!.text).toMatch(
      /rdb_bgsave_in_progress:1\r\n.*aof_rewrite_in_progress:1\r\n.*snapshot_progress:0\.00\r\n/s,
    );
    const done = await saved(client);
    const { created, bytes } = server.engine.persistence!.snapshot!;
    expect(done.get('rdb_last_save_time')).toBe(`${Math.floor(created / 1000)}`);
    expect(done.get('snapshot_name')).toBe('snapshot-000002');
    expect(done.get('snapshot_bytes')).toBe(`${bytes}`);
    expect(done.get('rdb_changes_since_last_save')).toBe('0');
    expect(done.get('rdb_last_bgsave_time_sec')).toMatch(/^\d+$/);
    expect(done.has('snapshot_progress')).toBe(false);
  });

  test('tells why there is no snapshot, until there is one', async () => {
    const client = await (await start()).connect();
    await client.call('SADD', 'tag:a', 'anna');
    isFull = true;
    expect(await client.error('SAVE')).toMatch(/^MISCONF no snapshot was written: ENOSPC/);
    await client.call('BGSAVE');
    const failed = await saved(client);
    expect(failed.get('rdb_last_bgsave_status')).toBe('err');
    expect(failed.get('aof_last_bgrewrite_status')).toBe('err');
    expect(failed.get('aof_last_write_status')).toBe('ok');
    expect(failed.get('snapshot_error')).toMatch(/ENOSPC: no space left/);
    expect(await client.call('SADD', 'tag:a', 'bert')).toBe(1);
    isFull = false;
    expect(await client.call('SAVE')).toBe('OK');
    const fields = await info(client);
    expect(fields.get('rdb_last_bgsave_status')).toBe('ok');
    expect(fields.has('snapshot_error')).toBe(false);
  });

  test('of a server in memory says so', async () => {
    const client = await (await startInMemory()).connect();
    expect(Object.fromEntries(await info(client))).toMatchObject({ loading: '0', aof_enabled: '0' });
  });
});

describe('CONFIG GET', () => {
  const names = ['save', 'appendonly', 'appendfsync'];

  test.each<[string, Parameters<typeof start>[0], Plain[]]>([
    [
      'a folder',
      { snapshotAge: 3600, fsync: 'always' },
      ['save', '3600 1', 'appendonly', 'yes', 'appendfsync', 'always'],
    ],
    ['no age', {}, ['save', '', 'appendonly', 'yes', 'appendfsync', 'everysec']],
  ])('tells the truth of %s', async (_, options, expected) => {
    const client = await (await start(options)).connect();
    expect(await client.call('CONFIG', 'GET', ...names)).toEqual(expected);
  });

  test('tells the truth of memory, and of a folder that is only read', async () => {
    const expected = ['save', '', 'appendonly', 'no', 'appendfsync', 'everysec'];
    const inMemory = await (await startInMemory()).connect();
    expect(await inMemory.call('CONFIG', 'GET', ...names)).toEqual(expected);
    await (await start()).close();
    const reader = await (await start({ readOnly: true })).connect();
    expect(await reader.call('CONFIG', 'GET', ...names)).toEqual(expected);
    expect(await reader.error('CONFIG', 'SET', 'appendonly', 'yes')).toMatch(/can't set immutable config/);
  });
});

describe('SHUTDOWN', () => {
  test('SAVE writes a snapshot first', async () => {
    const client = await (await start()).connect();
    await client.call('SADD', 'tag:a', 'anna');
    client.send(['SHUTDOWN', 'SAVE']);
    expect(await client.closed()).toBe('');
    expect(snapshots()).toEqual(['snapshot-000002']);
  });

  test('NOSAVE does not, and nothing is lost', async () => {
    const server = await start();
    const client = await server.connect();
    await client.call('SADD', 'tag:a', 'anna');
    client.send(['SHUTDOWN', 'NOSAVE']);
    await client.closed();
    expect(snapshots()).toEqual([]);
    await server.close();
    expect((await start()).engine.count('a')).toBe(1);
  });

  test('SAVE is refused, and the server goes on, when that fails, unless it is forced', async () => {
    const client = await (await start()).connect();
    await client.call('SADD', 'tag:a', 'anna');
    isFull = true;
    expect(await client.error('SHUTDOWN', 'SAVE')).toMatch(/^MISCONF no snapshot was written: ENOSPC/);
    expect(await client.call('PING')).toBe('PONG');
    client.send(['SHUTDOWN', 'SAVE', 'FORCE']);
    expect(await client.closed()).toBe('');
  });
});

describeWithRedis('as Redis does', () => {
  let redis: RedisServer;
  beforeEach(async () => {
    redis = await startRedisServer('--dir', folder.path);
  });
  afterEach(() => redis.stop());

  test.each([
    'SAVE',
    'SAVE x',
    'BGSAVE',
    'BGSAVE x',
    'BGSAVE SCHEDULE x',
    'BGREWRITEAOF',
    'BGREWRITEAOF x',
    'LASTSAVE x',
  ])('%s', async (line) => {
    for (const protocol of PROTOCOLS) {
      const server = await start();
      const own = await server.connect(protocol);
      const other = await RespClient.open(redis.port, protocol);
      expect(await own.reply(...line.split(' '))).toEqual(await other.reply(...line.split(' ')));
      await saved(own);
      await saved(other);
      await Promise.all([own.close(), other.close()]);
      await server.close();
    }
  });

  test('INFO has the same names', async () => {
    const own = await (await start()).connect();
    const other = await RespClient.open(redis.port);
    const [ours, theirs] = [await info(own), await info(other)];
    // Redis tells the size of its journal only when it has one.
    const added = ['aof_current_size', 'snapshot_name', 'snapshot_bytes'];
    expect([...ours.keys()].filter((name) => !theirs.has(name))).toEqual(added);
    await other.close();
  });
});
