import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PACKAGE_VERSION } from '../../protocol/version.js';
import { optionFlag, optionRows } from '../../src/options.js';
import { describeWithRedis, type RedisServer, startRedisServer } from '../support/redis-server.js';
import { type Plain, RespClient } from '../support/resp-client.js';
import { startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let client: RespClient;
let client3: RespClient;

beforeAll(async () => {
  server = await startTestServer({ userPrefix: 'user:', tagPrefix: 'tag:' });
  client = await server.connect();
  client3 = await server.connect(3);
});
afterAll(() => server.close());
beforeEach(() => client.call('FLUSHALL'));

/** Names and values of CONFIG GET. */
async function config(...patterns: string[]): Promise<Map<string, Plain>> {
  return (await client3.call('CONFIG', 'GET', ...patterns)) as Map<string, Plain>;
}

/** Sections of INFO with their fields. */
async function info(...sections: string[]): Promise<Map<string, Map<string, string>>> {
  const text = (await client.call('INFO', ...sections)) as string;
  return new Map(
    text
      .split(/\r\n(?=# )/)
      .filter((section) => section !== '')
      .map((section) => {
        const [title, ...lines] = section.trimEnd().split('\r\n');
        const fields = lines.map((line): [string, string] => {
          const colon = line.indexOf(':');
          return [line.slice(0, colon), line.slice(colon + 1)];
        });
        return [title!.slice('# '.length), new Map(fields)];
      }),
  );
}

describe('CONFIG', () => {
  it('shows every option, secrets as empty', async () => {
    const all = await config('*');
    for (const [name] of optionRows) expect(all.has(optionFlag(name)), name).toBe(true);
    const locked = await startTestServer({ password: 'secret' });
    const other = await locked.connect();
    await other.call('AUTH', 'secret');
    expect(await other.call('CONFIG', 'GET', 'password', 'requirepass')).toEqual([
      'password',
      '',
      'requirepass',
      '',
    ]);
    await locked.close();
  });

  it('shows what clients ask for under the names of Redis', async () => {
    const names = ['save', 'appendonly', 'databases', 'maxmemory', 'maxmemory-policy', 'maxclients', 'bind'];
    expect(await config(...names)).toEqual(
      new Map([
        ['bind', '127.0.0.1'],
        ['maxclients', '10000'],
        ['save', ''],
        ['appendonly', 'no'],
        ['databases', '1'],
        ['maxmemory', '0'],
        ['maxmemory-policy', 'noeviction'],
      ]),
    );
  });

  it('finds names by pattern, in any case, once each', async () => {
    expect([...(await config('SLOWLOG-*', 'slowlog-max-le?')).keys()]).toEqual([
      'slowlog-log-slower-than',
      'slowlog-max-len',
    ]);
    expect((await config('nosuch')).size).toBe(0);
    expect(await client.call('CONFIG', 'GET', 'strict')).toEqual(['strict', 'no']);
    expect(await client.error('CONFIG', 'GET')).toBe(
      "ERR wrong number of arguments for 'config|get' command",
    );
  });

  it('sets options at run time, all or none', async () => {
    expect(await client.call('CONFIG', 'SET', 'timeout', '100', 'MAXCLIENTS', '50')).toBe('OK');
    expect(await config('timeout', 'max-clients', 'maxclients')).toEqual(
      new Map([
        ['max-clients', '50'],
        ['timeout', '100'],
        ['maxclients', '50'],
      ]),
    );
    const failed = "ERR CONFIG SET failed (possibly related to argument 'timeout') - ";
    expect(await client.error('CONFIG', 'SET', 'maxclients', '60', 'timeout', 'x')).toBe(
      `${failed}argument must be a whole number from 0 to 2147483`,
    );
    expect(await client.error('CONFIG', 'SET', 'timeout', '1', 'timeout', '2')).toBe(
      `${failed}duplicate parameter`,
    );
    expect(await client.error('CONFIG', 'SET', 'timeout', '1', 'nosuch', '2')).toBe(
      "ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'",
    );
    for (const name of ['host', 'bind', 'strict', 'databases', 'save']) {
      expect(await client.error('CONFIG', 'SET', 'timeout', '1', name, '1')).toBe(
        `ERR CONFIG SET failed (possibly related to argument '${name}') - can't set immutable config`,
      );
    }
    expect((await config('timeout')).get('timeout')).toBe('100');
    expect(await client.error('CONFIG', 'SET', 'timeout')).toMatch(
      /wrong number of arguments for 'config\|set'/,
    );
    await client.call('CONFIG', 'SET', 'timeout', '0', 'max-clients', '10000');
  });

  it('changes the limits of connections that are open', async () => {
    await client.call('CONFIG', 'SET', 'proto-max-bulk-len', `${2 ** 20}`);
    const other = await server.connect();
    expect(await other.error('ECHO', 'x'.repeat(2 ** 20 + 1))).toBe(
      'ERR Protocol error: invalid bulk length',
    );
    expect(await client3.error('ECHO', 'x'.repeat(2 ** 20 + 1))).toBe(
      'ERR Protocol error: invalid bulk length',
    );
    client3 = await server.connect(3);
    await client.call('CONFIG', 'SET', 'proto-max-bulk-len', `${2 ** 29}`);
    expect(await client.call('ECHO', 'x'.repeat(2 ** 20 + 1))).toHaveLength(2 ** 20 + 1);
  });

  it('refuses connections beyond max-clients', async () => {
    await client.call('CONFIG', 'SET', 'max-clients', '2');
    const refused = await server.connect();
    expect(await refused.closed()).toBe('-ERR max number of clients reached\r\n');
    await client.call('CONFIG', 'SET', 'max-clients', '10000');
    expect((await info('stats')).get('Stats')!.get('rejected_connections')).toBe('1');
  });

  it('sets counters to zero and has help', async () => {
    await client.error('NOSUCH');
    expect(await client.call('CONFIG', 'RESETSTAT')).toBe('OK');
    const sections = await info('all');
    expect(sections.get('Stats')!.get('total_commands_processed')).toBe('1');
    expect([...sections.get('Commandstats')!.keys()]).toEqual(['cmdstat_config|resetstat']);
    expect(sections.get('Errorstats')!.size).toBe(0);
    expect(await client.error('CONFIG', 'RESETSTAT', 'x')).toMatch(/^ERR wrong number/);
    expect(await client.call('CONFIG', 'HELP')).toContain('SET parameter value [parameter value ...]');
    expect(await client.error('CONFIG', 'REWRITE')).toBe(
      "ERR unknown subcommand 'REWRITE'. Try CONFIG HELP.",
    );
  });
});

describe('INFO', () => {
  const DEFAULT = ['Server', 'Clients', 'Memory', 'Persistence', 'Stats', 'Replication', 'CPU', 'Modules'];
  const BEHIND = ['Errorstats', 'Cluster', 'Keyspace', 'Segments', 'Audiences'];

  it('has the sections of Redis and its own', async () => {
    expect([...(await info()).keys()]).toEqual([...DEFAULT, ...BEHIND]);
    expect([...(await info('default')).keys()]).toEqual([...DEFAULT, ...BEHIND]);
    expect([...(await info('ALL')).keys()]).toEqual([...DEFAULT, 'Commandstats', ...BEHIND]);
    expect([...(await info('everything')).keys()]).toEqual([...DEFAULT, 'Commandstats', ...BEHIND]);
    expect([...(await info('cluster', 'COMMANDSTATS', 'nosuch', 'cluster')).keys()]).toEqual([
      'Commandstats',
      'Cluster',
    ]);
    expect(await client.call('INFO', 'nosuch')).toBe('');
    expect((await client3.reply('INFO')).type).toBe('=');
  });

  it('tells what clients look for', async () => {
    const sections = await info('everything');
    const get = (section: string, field: string): string | undefined => sections.get(section)!.get(field);
    expect(get('Server', 'redis_version')).toBe('7.4.0');
    expect(get('Server', 'segmentd_version')).toBe(PACKAGE_VERSION);
    expect(get('Server', 'redis_mode')).toBe('standalone');
    expect(get('Server', 'tcp_port')).toBe(`${server.port}`);
    expect(get('Server', 'process_id')).toBe(`${process.pid}`);
    expect(get('Server', 'run_id')).toMatch(/^[0-9a-f]{40}$/);
    expect(get('Clients', 'connected_clients')).toBe('2');
    expect(Number(get('Memory', 'used_memory'))).toBe(server.engine.stats().bytes.total);
    expect(Number(get('Memory', 'used_memory_rss'))).toBeGreaterThan(10_000_000);
    expect(get('Memory', 'used_memory_human')).toMatch(/^[\d.]+[BKMG]$/);
    expect(get('Persistence', 'loading')).toBe('0');
    expect(get('Persistence', 'aof_enabled')).toBe('0');
    expect(get('Replication', 'role')).toBe('master');
    expect(get('Cluster', 'cluster_enabled')).toBe('0');
    expect(Number(get('CPU', 'used_cpu_user'))).toBeGreaterThan(0);
  });

  it('counts commands and errors', async () => {
    await client.call('CONFIG', 'RESETSTAT');
    await client.call('HSET', 'user:u1', 'a', 1);
    await client.call('HGET', 'user:u1', 'a');
    await client.call('HGET', 'user:u1', 'a');
    await client.error('HGET', 'tag:a', 'a');
    await client.error('HGET', 'user:u1');
    await client.error('NOSUCH');
    const sections = await info('all');
    const commands = sections.get('Commandstats')!;
    expect(commands.get('cmdstat_hget')).toMatch(
      /^calls=3,usec=\d+,usec_per_call=\d+\.\d\d,rejected_calls=1,failed_calls=1$/,
    );
    expect(commands.get('cmdstat_hset')).toMatch(/^calls=1,.*,rejected_calls=0,failed_calls=0$/);
    expect(sections.get('Errorstats')).toEqual(
      new Map([
        ['errorstat_WRONGTYPE', 'count=1'],
        ['errorstat_ERR', 'count=2'],
      ]),
    );
    const stats = sections.get('Stats')!;
    expect(stats.get('total_error_replies')).toBe('3');
    expect(stats.get('total_commands_processed')).toBe('5');
    expect(Number(stats.get('total_net_input_bytes'))).toBeGreaterThan(100);
  });

  it('measures the rate of commands', { timeout: 10_000 }, async () => {
    const rate = async (): Promise<number> =>
      Number((await info('stats')).get('Stats')!.get('instantaneous_ops_per_sec'));
    // It is sampled every second: ask until a sample covers a busy second.
    await expect.poll(rate, { timeout: 8_000, interval: 10 }).toBeGreaterThanOrEqual(20);
  });

  it('counts keys as DBSIZE, KEYS and SCAN do', async () => {
    expect((await info('keyspace')).get('Keyspace')!.size).toBe(0);
    expect(await client.call('DBSIZE')).toBe(0);
    await client.call('HSET', 'user:u1', 'a', 1, 'b', 'x');
    await client.call('SADD', 'tag:a', 'u2', 'u3');
    await client.call('TAG.DECLARE', 'unused', 'flag');
    expect(await client.call('DBSIZE')).toBe(5);
    expect(await client.call('KEYS', '*')).toHaveLength(5);
    expect(((await client.call('SCAN', 0, 'COUNT', 100)) as Plain[][])[1]).toHaveLength(5);
    const sections = await info();
    expect(sections.get('Keyspace')!.get('db0')).toBe('keys=5,expires=0,avg_ttl=0');
    const segments = sections.get('Segments')!;
    expect(['users', 'tags', 'pairs'].map((name) => segments.get(name))).toEqual(['3', '3', '4']);
    const parts = ['directory', 'ordinals', 'records', 'slack', 'bitmaps'];
    const sum = parts.reduce((total, part) => total + Number(segments.get(`bytes_${part}`)), 0);
    expect(segments.get('bytes_total')).toBe(`${sum}`);
    expect(await client.error('DBSIZE', 'x')).toBe("ERR wrong number of arguments for 'dbsize' command");
  });
});

describe('TIME', () => {
  it('is the time', async () => {
    const [seconds, microseconds] = (await client.call('TIME')) as string[];
    expect(Math.abs(Number(seconds) - Date.now() / 1000)).toBeLessThan(2);
    expect(microseconds).toMatch(/^\d{1,6}$/);
    expect(await client.error('TIME', 'x')).toBe("ERR wrong number of arguments for 'time' command");
  });
});

describeWithRedis('admin commands next to Redis', () => {
  let redis: RedisServer;

  beforeAll(async () => {
    redis = await startRedisServer();
  });
  afterAll(() => redis?.stop());

  const LINES = [
    'HELLO 4',
    'HELLO x',
    'HELLO 3 FOO',
    'HELLO 3 AUTH a',
    'AUTH x',
    'AUTH a b',
    'AUTH a b c',
    'PING a b',
    'SELECT 99',
    'SELECT a',
    'SELECT 0',
    'CLIENT',
    'CLIENT LIST TYPE x',
    'CLIENT LIST ID',
    'CLIENT LIST ID x',
    'CLIENT KILL ID 0',
    'CLIENT KILL TYPE x',
    'CLIENT KILL SKIPME x',
    'CLIENT GETNAME',
    'CLIENT REPLY x',
    'COMMAND LIST FILTERBY X',
    'CONFIG GET appendonly',
    'CONFIG GET nosuch',
    'CONFIG SET nosuch 1',
    'CONFIG SET timeout 1 timeout 2',
    'CONFIG SET databases 2',
    'DBSIZE',
    'INFO cluster',
    'INFO nosuch',
    'SLOWLOG GET x',
    'SLOWLOG GET -2',
    'LATENCY LATEST',
    'LATENCY HISTOGRAM nosuch',
    'LATENCY RESET',
    'MODULE LIST',
    'OBJECT ENCODING user:nobody',
    'MEMORY USAGE user:nobody',
    'MEMORY USAGE user:nobody SAMPLES x',
    'FLUSHALL x',
    'SHUTDOWN x',
    'SHUTDOWN ABORT',
    'SHUTDOWN SAVE NOSAVE',
    'RESET',
  ];

  it.each(LINES)('%s', async (line) => {
    for (const protocol of [2, 3] as const) {
      const [own, other] = [await server.connect(protocol), await RespClient.open(redis.port, protocol)];
      expect(await own.reply(...line.split(' '))).toEqual(await other.reply(...line.split(' ')));
      await Promise.all([own.close(), other.close()]);
    }
  });

  it('HELLO, TIME and CLIENT INFO have the same shape', async () => {
    for (const protocol of [2, 3] as const) {
      const [own, other] = [await server.connect(protocol), await RespClient.open(redis.port, protocol)];
      const [ours, theirs] = [await own.reply('HELLO'), await other.reply('HELLO')];
      expect(ours.type).toBe(theirs.type);
      expect(ours.items.map(({ type }) => type)).toEqual(theirs.items.map(({ type }) => type));
      const names = (items: typeof ours.items) => items.filter((_, i) => i % 2 === 0).map(({ text }) => text);
      expect(names(ours.items)).toEqual(names(theirs.items));
      const times = [await own.reply('TIME'), await other.reply('TIME')];
      expect(times[0]!.items.map(({ type }) => type)).toEqual(times[1]!.items.map(({ type }) => type));
      const [clients, expected] = [await own.reply('CLIENT', 'INFO'), await other.reply('CLIENT', 'INFO')];
      expect(clients.type).toBe(expected.type);
      const fields = (text: string): string[] => Array.from(text.matchAll(/([\w-]+)=/g), ([, name]) => name!);
      // The sizes of Redis's reply buffers have no counterpart here.
      const common = fields(expected.text!).filter((name) => !['rbs', 'rbp'].includes(name));
      expect(fields(clients.text!).filter((name) => common.includes(name))).toEqual(common);
      await Promise.all([own.close(), other.close()]);
    }
  });
});
