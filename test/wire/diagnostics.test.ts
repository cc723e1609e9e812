import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Plain, RespClient } from '../support/resp-client.js';
import { startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let client: RespClient;
let client3: RespClient;

beforeAll(async () => {
  server = await startTestServer();
  client = await server.connect();
  client3 = await server.connect(3);
});
afterAll(() => server.close());
beforeEach(() => client.call('FLUSHALL'));

type SlowEntry = [
  id: number,
  time: number,
  microseconds: number,
  words: string[],
  client: string,
  name: string,
];

describe('SLOWLOG', () => {
  beforeEach(async () => {
    await client.call('CONFIG', 'SET', 'slowlog-log-slower-than', '0', 'slowlog-max-len', '128');
    await client.call('SLOWLOG', 'RESET');
  });
  afterAll(() => client.call('CONFIG', 'SET', 'slowlog-log-slower-than', '10000'));

  it('logs what was slow with who asked for it, newest first', async () => {
    const address = /addr=(\S+)/.exec((await client.call('CLIENT', 'INFO')) as string)![1];
    await client.call('SLOWLOG', 'RESET');
    await client.call('CLIENT', 'SETNAME', 'me');
    // Hot commands too, each with its own words, wherever they stand in a pipeline.
    await client.replies(
      3,
      ['HSET', 'user:u1', 'a', '1'],
      ['HGET', 'user:u1', 'a'],
      ['HMGET', 'user:u1', 'b'],
    );
    const entries = (await client.call('SLOWLOG', 'GET', 4)) as SlowEntry[];
    expect(entries.map(([, , , words]) => words)).toEqual([
      ['HMGET', 'user:u1', 'b'],
      ['HGET', 'user:u1', 'a'],
      ['HSET', 'user:u1', 'a', '1'],
      ['CLIENT', 'SETNAME', 'me'],
    ]);
    const [id, time, microseconds, , from, name] = entries[0]!;
    expect(id).toBe(entries[1]![0] + 1);
    expect(Math.abs(time - Date.now() / 1000)).toBeLessThan(2);
    expect(microseconds).toBeGreaterThanOrEqual(0);
    expect([from, name]).toEqual([address, 'me']);
    await client.call('CLIENT', 'SETNAME', '');
  });

  it('gives as many as are wanted', async () => {
    for (let i = 0; i < 20; i++) await client.call('ECHO', i);
    expect(await client.call('SLOWLOG', 'GET')).toHaveLength(10);
    expect(await client.call('SLOWLOG', 'GET', 3)).toHaveLength(3);
    expect(await client.call('SLOWLOG', 'GET', 0)).toEqual([]);
    const length = (await client.call('SLOWLOG', 'LEN')) as number;
    expect(length).toBeGreaterThan(20);
    expect(await client.call('SLOWLOG', 'GET', -1)).toHaveLength(length + 1);
    for (const count of ['-2', 'x', '1.5']) {
      expect(await client.error('SLOWLOG', 'GET', count)).toBe(
        'ERR count should be greater than or equal to -1',
      );
    }
    await client.call('CONFIG', 'SET', 'slowlog-max-len', '5');
    await client.call('PING');
    expect(await client.call('SLOWLOG', 'LEN')).toBe(5);
  });

  it('shortens what is long', async () => {
    await client.call('ECHO', 'x'.repeat(200));
    await client.call('HMGET', 'user:u1', ...Array.from({ length: 50 }, (_, i) => `f${i}`));
    const [many, long] = ((await client.call('SLOWLOG', 'GET', 2)) as SlowEntry[]).map(
      ([, , , words]) => words,
    );
    expect(many).toHaveLength(32);
    expect(many!.at(-1)).toBe('... (21 more arguments)');
    expect(long![1]).toBe(`${'x'.repeat(128)}... (72 more bytes)`);
  });

  it('logs nothing that is quick enough, or nothing at all', async () => {
    await client.call('CONFIG', 'SET', 'slowlog-log-slower-than', '5000000');
    await client.call('SLOWLOG', 'RESET');
    await client.call('PING');
    expect(await client.call('SLOWLOG', 'LEN')).toBe(0);
    await client.call('CONFIG', 'SET', 'slowlog-log-slower-than', '-1');
    await client.call('PING');
    expect(await client.call('SLOWLOG', 'LEN')).toBe(0);
    expect(await client.call('SLOWLOG', 'HELP')).toContain('GET [count]');
    expect(await client.error('SLOWLOG', 'GET', '1', '2')).toMatch(/^ERR wrong number/);
  });
});

describe('LATENCY', () => {
  it('records long events once a threshold is set', async () => {
    const users = Array.from({ length: 50_000 }, (_, i) => `u${i}`);
    server.engine.addUsers('many', users);
    await client.call('SEG.CHECK');
    expect(await client.call('LATENCY', 'LATEST')).toEqual([]);
    await client.call('CONFIG', 'SET', 'latency-monitor-threshold', '1');
    await client.call('SEG.CHECK');
    const [event] = (await client.call('LATENCY', 'LATEST')) as [string, number, number, number][];
    expect(event![0]).toBe('command');
    expect(Math.abs(event![1] - Date.now() / 1000)).toBeLessThan(2);
    expect(event![2]).toBeGreaterThanOrEqual(1);
    expect(event![3]).toBeGreaterThanOrEqual(event![2]);
    expect(await client.call('LATENCY', 'RESET', 'nosuch')).toBe(0);
    expect(await client.call('LATENCY', 'RESET', 'command')).toBe(1);
    expect(await client.call('LATENCY', 'LATEST')).toEqual([]);
    await client.call('SEG.CHECK');
    expect(await client.call('LATENCY', 'RESET')).toBe(1);
    await client.call('CONFIG', 'SET', 'latency-monitor-threshold', '0');
  });

  it('counts how long calls took', async () => {
    await client.call('CONFIG', 'RESETSTAT');
    for (let i = 0; i < 5; i++) await client.call('HGET', 'user:u1', 'a');
    await client.call('CLIENT', 'ID');
    const all = (await client3.call('LATENCY', 'HISTOGRAM', 'hget', 'CLIENT', 'nosuch')) as Map<
      string,
      Plain
    >;
    expect([...all.keys()]).toEqual(['client|id', 'hget']);
    const hget = all.get('hget') as Map<string, Plain>;
    expect(hget.get('calls')).toBe(5);
    const buckets = [...(hget.get('histogram_usec') as Map<string, number>)];
    expect(buckets.at(-1)![1]).toBe(5);
    for (const [bound] of buckets) expect(Math.log2(Number(bound)) % 1).toBe(0);
    const [name, flat] = (await client.call('LATENCY', 'HISTOGRAM', 'client|id')) as [string, Plain[]];
    expect([name, flat[0], flat[1], flat[2]]).toEqual(['client|id', 'calls', 1, 'histogram_usec']);
    expect(((await client3.call('LATENCY', 'HISTOGRAM')) as Map<string, Plain>).size).toBeGreaterThan(2);
    expect(await client.call('LATENCY', 'HELP')).toContain('HISTOGRAM [command [command ...]]');
    expect(await client.error('LATENCY', 'DOCTOR')).toBe(
      "ERR unknown subcommand 'DOCTOR'. Try LATENCY HELP.",
    );
  });
});

describe('MEMORY USAGE and OBJECT ENCODING', () => {
  beforeEach(async () => {
    await client.call('HSET', 'user:few', 'a', 1, 'city', 'Berlin');
    await client.call('TAG.DECLARE', 'age', 'NUMBER');
    await client.call('HSET', 'user:few', 'age', 39);
    await client.call('HSET', 'user:many', ...Array.from({ length: 200 }, (_, i) => [`t${i}`, 1]).flat());
  });

  it('estimates what keys take', async () => {
    const usage = async (key: string): Promise<number> =>
      (await client.call('MEMORY', 'USAGE', key)) as number;
    expect(await usage('user:few')).toBeGreaterThan(20);
    expect(await usage('user:many')).toBeGreaterThan(await usage('user:few'));
    expect(await usage('tag:city')).toBe(server.engine.tag('city')!.bytes);
    expect(await usage('tag:city=Berlin')).toBe(await usage('tag:city'));
    expect(await usage('tag:age=39')).toBe(0);
    expect(await usage('tag:city=Rome')).toBe(null);
    expect(await usage('user:nobody')).toBe(null);
    expect(await client.call('MEMORY', 'USAGE', 'user:few', 'SAMPLES', 5)).toBe(await usage('user:few'));
  });

  it('refuses other words', async () => {
    expect(await client.error('MEMORY', 'USAGE', 'user:few', 'SAMPLES')).toBe('ERR syntax error');
    expect(await client.error('MEMORY', 'USAGE', 'user:few', 'X', 1)).toBe('ERR syntax error');
    expect(await client.error('MEMORY', 'USAGE', 'x')).toMatch(/^ERR key "x" has no known prefix/);
    expect(await client.error('MEMORY', 'USAGE')).toMatch(/^ERR wrong number of arguments/);
    expect(await client.error('MEMORY', 'DOCTOR')).toBe("ERR unknown subcommand 'DOCTOR'. Try MEMORY HELP.");
    expect(await client.call('MEMORY', 'HELP')).toContain('USAGE key [SAMPLES samples]');
  });

  it('tells how keys are stored', async () => {
    const encoding = (key: string): Promise<Plain> => client.call('OBJECT', 'ENCODING', key);
    expect(await encoding('user:few')).toBe('listpack');
    expect(await encoding('user:many')).toBe('hashtable');
    expect(await encoding('tag:city')).toBe('roaring');
    expect(await encoding('tag:nosuch')).toBe(null);
    expect(await encoding('user:nobody')).toBe(null);
    expect(await client.call('OBJECT', 'HELP')).toContain('ENCODING key');
    expect(await client.error('OBJECT', 'FREQ', 'user:few')).toMatch(/^ERR unknown subcommand 'FREQ'/);
  });
});

describe('MODULE, FLUSHALL, FLUSHDB and SHUTDOWN', () => {
  it('lists no modules', async () => {
    expect(await client.call('MODULE', 'LIST')).toEqual([]);
    expect(await client.call('MODULE', 'HELP')).toContain('LIST');
    expect(await client.error('MODULE', 'LOAD', 'x')).toMatch(/^ERR unknown subcommand 'LOAD'/);
  });

  it.each([['FLUSHALL'], ['FLUSHALL', 'ASYNC'], ['FLUSHDB'], ['FLUSHDB', 'sync']])(
    '%s removes everything',
    async (...words) => {
      await client.call('HSET', 'user:u1', 'a', 1);
      await client.call('TAG.DECLARE', 'kept', 'FLAG');
      expect(await client.call(...words)).toBe('OK');
      expect(await client.call('DBSIZE')).toBe(0);
      expect(await client.call('TAG.LIST')).toEqual([]);
      expect(server.engine.check().sound).toBe(true);
    },
  );

  it('removes nothing when asked wrongly', async () => {
    await client.call('HSET', 'user:u1', 'a', 1);
    expect(await client.error('FLUSHALL', 'x')).toBe('ERR syntax error');
    expect(await client.error('FLUSHDB', 'x')).toBe('ERR syntax error');
    expect(await client.call('DBSIZE')).toBe(2);
  });

  it('shuts down after the replies so far, and not when asked wrongly', async () => {
    let shutDown = (): void => {};
    const down = new Promise<void>((resolve) => {
      shutDown = resolve;
    });
    const other = await startTestServer({ onShutdown: shutDown });
    const [admin, idle] = [await other.connect(), await other.connect()];
    for (const words of [['x'], ['SAVE', 'NOSAVE'], ['ABORT', 'NOW']]) {
      expect(await admin.error('SHUTDOWN', ...words)).toBe('ERR syntax error');
    }
    expect(await admin.error('SHUTDOWN', 'ABORT')).toBe('ERR No shutdown in progress.');
    admin.send(['PING'], ['SHUTDOWN', 'NOSAVE', 'NOW'], ['PING']);
    expect(await admin.closed()).toBe('+PONG\r\n');
    expect(await idle.closed()).toBe('');
    await down;
    await expect(other.connect()).rejects.toThrow('ECONNREFUSED');
    // The engine is its owner's.
    expect(other.engine.stats().users).toBe(0);
    other.engine.close();
  });
});
