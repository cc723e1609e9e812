/** What clients get wrong: each gets an error that says what and where, and nothing that is in the store is lost. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { allCommands } from '../../protocol/registry.js';
import { type RespClient, toPlain } from '../support/resp-client.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { contentsOf } from './contents.js';
import { toBytes, utf8 } from './words.js';

let server: TestServer;
let client: RespClient;
let before: unknown;

beforeAll(async () => {
  server = await startTestServer({ protoMaxBulkLen: 2 ** 20 });
  client = await server.connect();
  await client.call('TAG.DECLARE', 'age', 'number');
  await client.call('TAG.DECLARE', 'score', 'number', 'SCALE', '2');
  await client.call('TAG.DECLARE', 'vip', 'flag');
  await client.call('TAG.DECLARE', 'city', 'enum');
  await client.call(
    'HSET',
    'user:u1',
    'age',
    '39',
    'score',
    '1.25',
    'vip',
    '1',
    'city',
    'Oslo',
    'sports',
    '1',
  );
  await client.call('HSET', 'user:u2', 'age', '-4503599627370496', 'colour', 'red');
  await client.call('SADD', 'tag:sports', 'u1', 'u2', 'u3');
  before = contentsOf(server.engine);
});
afterEach(async () => {
  const [check] = await client.replies(1, ['SEG.CHECK']);
  expect(toPlain(check!)).toEqual(['sound', 1, 'users', 3, 'tags', 6, 'pairs', 9, 'problems', []]);
  expect(contentsOf(server.engine)).toEqual(before);
});
afterAll(() => server.close());

/** The error that the words, in Latin-1, get; the connection goes on. */
async function refusal(words: readonly string[]): Promise<string> {
  const error = await client.error(...toBytes([words])[0]!);
  expect(await client.call('PING')).toBe('PONG');
  return error;
}

describe('a value that a tag refuses', () => {
  it.each<[line: string[], error: string]>([
    [['HSET', 'user:u1', 'age', 'old'], 'tag "age" is a number: "old" is not an integer'],
    [['HSET', 'user:u1', 'sports', '1', 'age', ''], 'tag "age" is a number: "" is not an integer'],
    [['HMSET', 'user:new', 'colour', 'blue', 'age', '1.5'], 'tag "age" is a number: "1.5" is not an integer'],
    [['HSETNX', 'user:u3', 'age', '0x1'], 'tag "age" is a number: "0x1" is not an integer'],
    [
      ['HSET', 'user:u1', 'score', '1.255'],
      'tag "score" is a number: "1.255" is not a decimal with at most 2 digits after the point',
    ],
    [['HSET', 'user:u1', 'vip', 'yes'], 'tag "vip" is a flag: it takes 1, or is removed, but is not "yes"'],
    [['HSET', 'user:u9', 'vip', '0'], 'tag "vip" is a flag: it takes 1, or is removed, but is not "0"'],
    [['SADD', 'tag:age', 'u3'], 'tag "age" is a number and needs a value: set it by user'],
    [['SADD', 'tag:city', 'u9'], 'tag "city" is an enum and needs a value: name one, as in city=VALUE'],
    [['SADD', 'tag:age=old', 'u3'], 'tag "age" is a number: "old" is not an integer'],
    [['SMOVE', 'tag:sports', 'tag:age', 'u3'], 'tag "age" is a number and needs a value: set it by user'],
    [['SUNIONSTORE', 'tag:city', 'tag:sports'], 'tag "city" is an enum and needs a value'],
    [['HINCRBY', 'user:u1', 'city', '1'], 'hash value is not an integer'],
    [['HINCRBY', 'user:u2', 'colour', '1'], 'hash value is not an integer'],
    [['HINCRBYFLOAT', 'user:u1', 'city', '1'], 'hash value is not a float'],
    [['HINCRBYFLOAT', 'user:u1', 'age', '0.5'], 'tag "age" is a number: "39.5" is not an integer'],
    [
      ['HINCRBYFLOAT', 'user:u1', 'vip', '1'],
      'tag "vip" is a flag: it takes 1, or is removed, but is not "2"',
    ],
    [
      ['HSET', 'user:u1', 'city', 'x'.repeat(16_385)],
      'a value of tag "city" has 16385 bytes; at most 16384 are allowed',
    ],
    [['HSET', 'user:u1', 'city', 'K\xf8ln'], '"K\xf8ln" is not UTF-8; names and values of tags must be'],
    [['TAG.DECLARE', 'city', 'number'], 'tag "city" stays enum: a user has the value "Oslo"'],
    [['TAG.DECLARE', 'age', 'flag'], 'tag "age" stays number: a user has the value'],
  ])('%j', async (words, error) => {
    expect(await refusal(words)).toContain(`ERR ${utf8(error)}`);
  });
});

describe('a number out of range', () => {
  it.each<[line: string[], error: string]>([
    [['HSET', 'user:u1', 'age', '4503599627370497'], 'tag "age": 4503599627370497 is out of range (±2^52'],
    [['HSET', 'user:u1', 'age', '-99999999999999999999'], 'tag "age": -99999999999999999999 is out of range'],
    [['HSET', 'user:u1', 'score', '45035996273704.97'], 'tag "score": 45035996273704.97 is out of range'],
    [['HINCRBY', 'user:u2', 'age', '-1'], 'increment or decrement would overflow: tag "age" holds ±2^52'],
    [['HINCRBY', 'user:u1', 'age', '9007199254740991'], 'increment or decrement would overflow: tag "age"'],
    [['HINCRBY', 'user:u1', 'new', '4503599627370497'], 'increment or decrement would overflow: tag "new"'],
    [['HINCRBY', 'user:u1', 'age', '9007199254740992'], 'value is not an integer or out of range'],
    [['HINCRBY', 'user:u1', 'age', '99999999999999999999999'], 'value is not an integer or out of range'],
    [['HINCRBY', 'user:u1', 'age', '1.0'], 'value is not an integer or out of range'],
    [['TAG.DECLARE', 'x', 'number', 'SCALE', '10'], 'value is out of range, value must between 0 and 9'],
    [['SRANDMEMBER', 'tag:sports', '-1000001'], 'value is out of range, value must between -1000000 and'],
    [
      ['HRANDFIELD', 'user:u1', '-9007199254740991'],
      'value is out of range, value must between -1000000 and',
    ],
    [['SPOP', 'tag:sports', '-1'], 'value is out of range, must be positive'],
    [['SINTERCARD', '99999999999999999999', 'tag:sports'], 'numkeys should be greater than 0'],
    [['SINTERCARD', '9007199254740991', 'tag:sports'], "Number of keys can't be greater than number of args"],
    [['SSCAN', 'tag:sports', '18446744073709551616'], 'invalid cursor'],
    [['SCAN', '-1'], 'invalid cursor'],
  ])('%j', async (words, error) => {
    expect(await refusal(words)).toContain(`ERR ${utf8(error)}`);
  });
});

describe('a name that cannot be', () => {
  const empty = 'ERR a user id has 1 to 255 bytes, this one has 0';
  const long = 'ERR a user id has 1 to 255 bytes, this one has 256';
  const name = 'are not allowed';
  const [no, much] = ['', 'x'.repeat(256)];

  it.each<[line: string[], error: string]>([
    ...['HGETALL', 'HKEYS', 'HVALS', 'HLEN', 'HRANDFIELD'].flatMap((command): [string[], string][] => [
      [[command, 'user:'], empty],
      [[command, `user:${much}`], long],
    ]),
    ...['HGET', 'HMGET', 'HEXISTS', 'HSTRLEN', 'HDEL'].flatMap((command): [string[], string][] => [
      [[command, 'user:', 'sports'], empty],
      [[command, `user:${much}`, 'sports'], long],
    ]),
    [['HSET', 'user:', 'sports', '1'], empty],
    [['HSET', `user:${much}`, 'sports', '1'], long],
    [['HSET', `user:${utf8('é'.repeat(128))}`, 'sports', '1'], long],
    [['HMSET', 'user:', 'sports', '1'], empty],
    [['HSETNX', `user:${much}`, 'sports', '1'], long],
    [['HINCRBY', 'user:', 'age', '1'], empty],
    [['HINCRBYFLOAT', `user:${much}`, 'age', '1'], long],
    [['HSCAN', 'user:', '0'], empty],
    [['SADD', 'tag:sports', 'u8', no, 'u9'], empty],
    [['SADD', 'tag:sports', 'u8', much], long],
    [['SADD', 'tag:new', much], long],
    [['SREM', 'tag:sports', 'u1', no], empty],
    [['SREM', 'tag:sports', 'u1', much], long],
    [['HSET', 'user:u1', '', '1'], "ERR a tag's name has 1 to 255 bytes, this one has 0"],
    [['HSET', 'user:u1', much, '1'], "ERR a tag's name has 1 to 255 bytes, this one has 256"],
    [['HSET', 'user:u1', 'sports', '1', 'a=b', '1'], name],
    [['HSET', 'user:u1', 'a\nb', '1'], name],
    [['HSET', 'user:u1', 'a\xff', '1'], 'is not UTF-8'],
    [['HINCRBY', 'user:u1', 'a<b', '1'], name],
    [['SADD', 'tag:', 'u1'], "ERR a tag's name has 1 to 255 bytes, this one has 0"],
    [['SADD', `tag:${much}`, 'u1'], "ERR a tag's name has 1 to 255 bytes, this one has 256"],
    [['SADD', 'tag:a>b', 'u1'], name],
    [['SADD', 'tag:=x', 'u1'], "ERR a tag's name has 1 to 255 bytes, this one has 0"],
    [['TAG.DECLARE', '', 'flag'], "ERR a tag's name has 1 to 255 bytes, this one has 0"],
    [['TAG.DECLARE', 'a`b', 'flag'], name],
    [['TAG.INFO', 'nosuch'], 'ERR there is no tag "nosuch"'],
  ])('%j', async (words, error) => {
    expect(await refusal(words)).toContain(error);
  });

  it.each(['', 'u1', 'User:u1', 'user', 'tag', 'audience', '\0', '\xff\xfe'])('the key %j', async (key) => {
    const unknown = 'has no known prefix: users are user:ID, tags tag:NAME';
    for (const words of [
      ['HGET', key, 'sports'],
      ['HSET', key, 'sports', '1'],
      ['SADD', key, 'u1'],
      ['SMEMBERS', key],
      ['SUNION', 'tag:sports', key],
      ['TYPE', key],
      ['DEL', 'user:u1', key],
      ['EXISTS', key],
      ['MEMORY', 'USAGE', key],
      ['WATCH', key],
    ]) {
      expect(await refusal(words)).toContain(unknown);
    }
  });

  it('a key of the other kind', async () => {
    const wrong = 'WRONGTYPE Operation against a key holding the wrong kind of value';
    for (const words of [
      ['HGET', 'tag:sports', 'f'],
      ['HSET', 'tag:sports', 'f', '1'],
      ['HDEL', 'tag:sports', 'f'],
      ['SADD', 'user:u1', 'u1'],
      ['SCARD', 'user:u1'],
      ['SUNIONSTORE', 'user:u1', 'tag:sports'],
    ]) {
      expect(await refusal(words)).toBe(wrong);
    }
  });
});

describe('a wrong number of arguments', () => {
  const wrong = (words: readonly string[]): string =>
    `ERR wrong number of arguments for '${words.join('|').toLowerCase()}' command`;
  const needy = allCommands.filter(({ words, minWords }) => minWords > words.length);
  const bounded = allCommands.filter(
    // COMMAND has subcommands as well, and EXEC has an error of its own.
    ({ name, maxWords }) => maxWords < Number.POSITIVE_INFINITY && !['COMMAND', 'EXEC'].includes(name),
  );

  it('too few', async () => {
    for (const { words, minWords } of needy) {
      for (let count = words.length; count < minWords; count++) {
        const sent = [...words, ...Array<string>(count - words.length).fill('x')];
        expect(await refusal(sent)).toBe(wrong(words));
        expect(await refusal(sent.map((word) => word.toLowerCase()))).toBe(wrong(words));
      }
    }
    for (const container of ['CLIENT', 'CONFIG', 'MEMORY', 'OBJECT', 'SLOWLOG', 'LATENCY', 'MODULE']) {
      expect(await refusal([container])).toBe(wrong([container]));
    }
  });

  it('too many', async () => {
    for (const { words, maxWords } of bounded) {
      const sent = [...words, ...Array<string>(maxWords - words.length + 1).fill('x')];
      expect(await refusal(sent)).toBe(wrong(words));
      expect(await refusal([...sent, ...Array<string>(2_000).fill('')])).toBe(wrong(words));
    }
  });

  it('one too many or too few of several', async () => {
    expect(await refusal(['HSET', 'user:u1', 'sports', '1', 'vip'])).toBe(wrong(['HSET']));
    expect(await refusal(['HMSET', 'user:u1', 'sports', '1', 'vip'])).toBe(wrong(['HMSET']));
    expect(await refusal(['CONFIG', 'SET', 'timeout', '1', 'maxclients'])).toBe(wrong(['CONFIG', 'SET']));
    expect(await refusal(['PING', 'a', 'b'])).toBe(wrong(['PING']));
  });
});

describe('a command that there is not', () => {
  it.each<[line: string[], error: string]>([
    [['GET', 'a'], "ERR unknown command 'GET', with args beginning with: 'a' "],
    [['set', 'user:u1', ''], "ERR unknown command 'set', with args beginning with: 'user:u1' '' "],
    [[''], "ERR unknown command '', with args beginning with: "],
    [['HSET\0', '\xff\0x'], "ERR unknown command 'HSET', with args beginning with: '\xff' "],
    [['x'.repeat(200_000)], `ERR unknown command '${'x'.repeat(128)}', with args beginning with: `],
    [
      ['EVAL', "return redis.call('x')", 'y'.repeat(500), 'z'],
      `ERR unknown command 'EVAL', with args beginning with: 'return redis.call('x')' '${'y'.repeat(103)}' `,
    ],
    [['NO\r\nSUCH', '\r\n+OK\r\n'], "ERR unknown command 'NO  SUCH', with args beginning with: '  +OK  ' "],
    [['CLIENT', 'PAUSE', '1'], "ERR unknown subcommand 'PAUSE'. Try CLIENT HELP."],
    [['config', 'rewrite'], "ERR unknown subcommand 'rewrite'. Try CONFIG HELP."],
    [['HGET x'], "ERR unknown command 'HGET x', with args beginning with: "],
  ])('%j', async (words, error) => {
    expect(await refusal(words)).toContain(error);
  });
});

describe('a server with limits of its own', () => {
  it('refuses tags that nobody declared when it is strict, and values beyond the most', async () => {
    const { openEngine } = await import('../../src/index.js');
    const engine = openEngine({ strict: true, maxEnumValues: 2 });
    const strict = await startTestServer({ engine });
    try {
      const other = await strict.connect();
      await other.call('TAG.DECLARE', 'city', 'enum');
      await other.call('HSET', 'user:u1', 'city', 'a');
      await other.call('SADD', 'tag:city=b', 'u2');
      const undeclared = 'is not declared and the catalog is strict: TAG.DECLARE it first';
      expect(await other.error('HSET', 'user:u1', 'x', '1')).toBe(`ERR tag "x" ${undeclared}`);
      expect(await other.error('SADD', 'tag:x', 'u1')).toBe(`ERR tag "x" ${undeclared}`);
      expect(await other.error('HINCRBY', 'user:u1', 'x', 1)).toBe(`ERR tag "x" ${undeclared}`);
      const full = 'tag "city" already has 2 values; raise max-enum-values, or declare it as a number';
      expect(await other.error('HSET', 'user:u3', 'city', 'c')).toBe(`ERR ${full}`);
      expect(await other.error('SADD', 'tag:city=c', 'u1', 'u2')).toBe(`ERR ${full}`);
      expect(await other.call('HGET', 'user:u1', 'city')).toBe('a');
      expect(engine.check().problems).toEqual([]);
    } finally {
      await strict.close();
    }
  });

  it('takes one client more only when one is gone', async () => {
    const small = await startTestServer({ maxClients: 2 });
    try {
      const [first, second] = [await small.connect(), await small.connect()];
      const third = await small.connect();
      expect(await third.closed()).toBe('-ERR max number of clients reached\r\n');
      await first.close();
      // The server hears of it before it accepts the next one, or refuses once more.
      let next = await small.connect();
      while ((await next.reply('PING').catch(() => undefined))?.text !== 'PONG') next = await small.connect();
      expect(await second.call('PING')).toBe('PONG');
    } finally {
      await small.close();
    }
  });
});
