import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allCommands } from '../../protocol/registry.js';
import { describeWithRedis, type RedisServer, startRedisServer } from '../support/redis-server.js';
import type { Reply } from '../support/resp.js';
import { type Plain, RespClient, toPlain } from '../support/resp-client.js';
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

/** The markers of a reply and of the replies inside it, with words instead of texts that are prose. */
function shapeOf({ type, text, items }: Reply): unknown {
  return items.length > 0 ? [type, ...items.map(shapeOf)] : [type, text];
}

async function docsOf(name: string): Promise<Map<string, Plain>> {
  const docs = (await client3.call('COMMAND', 'DOCS', name)) as Map<string, Plain>;
  return docs.get(name.toLowerCase()) as Map<string, Plain>;
}

describe('COMMAND', () => {
  it('counts and lists every name', async () => {
    const names = new Set(allCommands.map(({ words }) => words[0]!.toLowerCase()));
    expect(await client.call('COMMAND', 'COUNT')).toBe(names.size);
    expect(new Set((await client.call('COMMAND', 'LIST')) as string[])).toEqual(names);
    expect((await client.call('COMMAND')) as Plain[]).toHaveLength(names.size);
    expect((await client.call('COMMAND', 'INFO')) as Plain[]).toHaveLength(names.size);
    expect(((await client3.call('COMMAND', 'DOCS')) as Map<string, Plain>).size).toBe(names.size);
  });

  it('narrows the list', async () => {
    const list = (...words: string[]): Promise<Plain> => client.call('COMMAND', 'LIST', 'FILTERBY', ...words);
    expect(await list('PATTERN', 'HGET*')).toEqual(['hget', 'hgetall']);
    expect(await list('pattern', 'slowlog*')).toEqual([
      'slowlog',
      'slowlog|get',
      'slowlog|help',
      'slowlog|len',
      'slowlog|reset',
    ]);
    expect(await list('ACLCAT', 'transaction')).toEqual(['discard', 'exec', 'multi', 'unwatch', 'watch']);
    expect(await list('ACLCAT', 'nothing')).toEqual([]);
    expect(await list('MODULE', 'any')).toEqual([]);
    for (const words of [['FILTERBY'], ['FILTERBY', 'PATTERN'], ['FILTERBY', 'X', 'y'], ['X']]) {
      expect(await client.error('COMMAND', 'LIST', ...words)).toBe('ERR syntax error');
    }
  });

  it('tells arity, flags, keys and categories', async () => {
    const info = async (name: string): Promise<Plain[]> => {
      const [entry] = (await client.call('COMMAND', 'INFO', name)) as Plain[][];
      return entry!.slice(0, 7);
    };
    expect(await info('HMGET')).toEqual([
      'hmget',
      -3,
      ['readonly', 'fast'],
      1,
      1,
      1,
      ['@read', '@fast', '@hash'],
    ]);
    expect(await info('sunionstore')).toEqual([
      'sunionstore',
      -3,
      ['write'],
      1,
      -1,
      1,
      ['@write', '@slow', '@set'],
    ]);
    expect((await info('sintercard')).slice(1, 6)).toEqual([-3, ['readonly', 'movablekeys'], 0, 0, 0]);
    expect((await info('smove')).slice(3, 6)).toEqual([1, 2, 1]);
    expect((await info('memory|usage')).slice(0, 6)).toEqual(['memory|usage', -3, ['readonly'], 2, 2, 1]);
    expect((await info('auth')).slice(2, 6)).toEqual([['loading', 'fast', 'no_auth'], 0, 0, 0]);
    expect(await client.call('COMMAND', 'INFO', 'nosuch', 'client|nosuch', 'hget|x')).toEqual([
      null,
      null,
      null,
    ]);
    expect(((await client.call('COMMAND', 'INFO', 'ping', 'nosuch')) as Plain[])[1]).toBe(null);
  });

  it('nests subcommands under their container', async () => {
    const [entry] = (await client.call('COMMAND', 'INFO', 'config')) as Plain[][];
    expect(entry!.slice(0, 7)).toEqual(['config', -2, [], 0, 0, 0, ['@slow']]);
    expect((entry![9] as Plain[][]).map(([name, arity]) => [name, arity])).toEqual([
      ['config|get', -3],
      ['config|help', 2],
      ['config|resetstat', 2],
      ['config|set', -4],
    ]);
    expect([...(await docsOf('config')).keys()]).toEqual(['summary', 'group', 'complexity', 'subcommands']);
    const [command] = (await client.call('COMMAND', 'INFO', 'command')) as Plain[][];
    expect(command!.slice(0, 2)).toEqual(['command', -1]);
  });

  it('documents arguments as redis-cli reads them', async () => {
    const entries = async (name: string): Promise<unknown[]> => {
      const docs = (await docsOf(name)).get('arguments') as Map<string, Plain>[];
      return docs.map((entry) => Object.fromEntries(entry));
    };
    expect(await entries('HSET')).toEqual([
      { name: 'key', type: 'key', key_spec_index: 0 },
      {
        name: 'cell',
        type: 'block',
        flags: new Set(['multiple']),
        arguments: [
          new Map([
            ['name', 'field'],
            ['type', 'string'],
          ]),
          new Map([
            ['name', 'value'],
            ['type', 'string'],
          ]),
        ],
      },
    ]);
    expect(await entries('sintercard')).toEqual([
      { name: 'numkeys', type: 'integer' },
      { name: 'key', type: 'key', key_spec_index: 0, flags: new Set(['multiple']) },
      { name: 'limit', type: 'integer', token: 'LIMIT', flags: new Set(['optional']) },
    ]);
    expect(await entries('sunionstore')).toMatchObject([{ key_spec_index: 0 }, { key_spec_index: 1 }]);
    expect((await docsOf('client|kill')).get('group')).toBe('connection');
    expect((await docsOf('DEL')).get('group')).toBe('generic');
    expect(await client3.call('COMMAND', 'DOCS', 'nosuch', 'ping')).toHaveProperty('size', 1);
    expect(await client.call('COMMAND', 'DOCS', 'nosuch')).toEqual([]);
  });

  it('documents every command completely', async () => {
    for (const { words, summary } of allCommands) {
      const docs = await docsOf(words.join('|'));
      expect(docs.get('summary'), words.join(' ')).toBe(summary);
      expect(docs.get('complexity')).toBeTruthy();
    }
  });

  it('finds keys', async () => {
    const keys = (...words: string[]): Promise<Plain> => client.call('COMMAND', 'GETKEYS', ...words);
    const refused = (...words: string[]): Promise<string> => client.error('COMMAND', 'GETKEYS', ...words);
    expect(await keys('HGET', 'user:a', 'f')).toEqual(['user:a']);
    // Where keys are does not depend on what they are called.
    expect(await keys('hset', 'anything', 'f', 'v')).toEqual(['anything']);
    expect(await keys('SMOVE', 'a', 'b', 'm')).toEqual(['a', 'b']);
    expect(await keys('SUNIONSTORE', 'a', 'b', 'c')).toEqual(['a', 'b', 'c']);
    expect(await keys('SINTERCARD', '2', 'a', 'b', 'LIMIT', '1')).toEqual(['a', 'b']);
    expect(await keys('memory', 'usage', 'a')).toEqual(['a']);
    expect(await keys('WATCH', 'a', 'b')).toEqual(['a', 'b']);
    expect(await refused('nosuch', 'a')).toBe('ERR Invalid command specified');
    expect(await refused('client', 'nosuch')).toBe('ERR Invalid command specified');
    expect(await refused('ping', 'a')).toBe('ERR The command has no key arguments');
    expect(await refused('hget', 'a')).toBe('ERR Invalid number of arguments specified for command');
    for (const count of ['3', '0', '-1', 'x', '1.5']) {
      expect(await refused('sintercard', count, 'a', 'b')).toBe(
        'ERR Invalid arguments specified for command',
      );
    }
    expect(await refused()).toBe("ERR wrong number of arguments for 'command|getkeys' command");
  });

  it('has help', async () => {
    const help = (await client.call('COMMAND', 'HELP')) as string[];
    expect(help).toContain('(no subcommand)');
    expect(help).toContain('LIST [FILTERBY <MODULE | ACLCAT | PATTERN> value]');
    expect(await client.error('COMMAND', 'NOSUCH')).toBe(
      "ERR unknown subcommand 'NOSUCH'. Try COMMAND HELP.",
    );
    expect(await client.error('COMMAND', 'COUNT', 'x')).toMatch(/^ERR wrong number of arguments/);
  });
});

describeWithRedis('COMMAND next to Redis', () => {
  let redis: RedisServer;

  beforeAll(async () => {
    redis = await startRedisServer();
  });
  afterAll(() => redis?.stop());

  /** The replies of both servers to the same words. */
  async function both(protocol: 2 | 3, ...words: string[]): Promise<[ours: Reply, theirs: Reply]> {
    const other = await RespClient.open(redis.port, protocol);
    const own = protocol === 3 ? client3 : client;
    const replies: [Reply, Reply] = [await own.reply(...words), await other.reply(...words)];
    await other.close();
    return replies;
  }

  it.each(['hget', 'smove', 'sintercard', 'smembers', 'sunion', 'module|list', 'nosuch'])(
    'COMMAND INFO %s has the same shape, arity and keys',
    async (name) => {
      for (const protocol of [2, 3] as const) {
        const [ours, theirs] = await both(protocol, 'COMMAND', 'INFO', name);
        const [own, other] = [ours.items[0]!, theirs.items[0]!];
        expect(own.type).toBe(other.type);
        expect(own.items.map(({ type }) => type)).toEqual(other.items.map(({ type }) => type));
        if (own.items.length === 0) continue;
        for (const part of [0, 1, 3, 4, 5, 9])
          expect(shapeOf(own.items[part]!)).toEqual(shapeOf(other.items[part]!));
        expect(own.items[2]!.items.map(({ type }) => type)[0]).toBe(other.items[2]!.items[0]!.type);
        const specs = (reply: Reply): unknown[] =>
          reply.items[8]!.items.map((spec) => spec.items.slice(2).map(shapeOf));
        if (!name.includes('|')) expect(specs(own)).toEqual(specs(other));
      }
    },
  );

  it('COMMAND DOCS has the same shape', async () => {
    for (const protocol of [2, 3] as const) {
      const [ours, theirs] = await both(protocol, 'COMMAND', 'DOCS', 'hstrlen');
      const argumentsOf = (reply: Reply): Plain => {
        const fields = reply.items[1]!.items;
        return toPlain(fields[fields.findIndex(({ text }) => text === 'arguments') + 1]!);
      };
      expect([ours.type, ours.items[1]!.type]).toEqual([theirs.type, theirs.items[1]!.type]);
      expect(argumentsOf(ours)).toEqual(argumentsOf(theirs));
    }
  });

  it.each([
    'hget a f',
    'smove a b m',
    'sunionstore a b c',
    'sintercard 2 a b',
    'sintercard 3 a b',
    'sintercard x a b',
    'memory usage a',
    'nosuch a',
    'client id',
    'client nosuch',
  ])('COMMAND GETKEYS %s', async (line) => {
    const [ours, theirs] = await both(2, 'COMMAND', 'GETKEYS', ...line.split(' '));
    expect(ours).toEqual(theirs);
  });
});
