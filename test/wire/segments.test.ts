/** What Redis does not have: values as sets, tags with kinds, the count of unions, and how both sides of the data agree. */
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

async function members(key: string): Promise<Plain[]> {
  return ((await client.call('SMEMBERS', key)) as Plain[]).sort();
}

/** The users of a key by all commands that tell them; they must agree. */
async function usersOf(key: string): Promise<Plain[]> {
  const users = await members(key);
  expect(await client.call('SCARD', key)).toBe(users.length);
  expect(await client.call('SUNIONCARD', '1', key)).toBe(users.length);
  expect(await client.call('EXISTS', key)).toBe(users.length > 0 ? 1 : 0);
  expect(await client.call('TYPE', key)).toBe(users.length > 0 ? 'set' : 'none');
  expect(await client.call('TTL', key)).toBe(users.length > 0 ? -1 : -2);
  expect(await client.call('SMISMEMBER', key, 'u1', 'u2', 'u3', 'u4')).toEqual(
    ['u1', 'u2', 'u3', 'u4'].map((user) => (users.includes(user) ? 1 : 0)),
  );
  for (const user of users) expect(await client.call('SISMEMBER', key, user as string)).toBe(1);
  expect(server.engine.check().problems).toEqual([]);
  return users;
}

describe('a write of one side', () => {
  it('shows on the other at once', async () => {
    expect(await client.call('HSET', 'user:u1', 'sports', '1', 'city', 'Oslo')).toBe(2);
    expect(await client.call('SADD', 'tag:sports', 'u1', 'u2')).toBe(1);
    expect(await client3.call('HGETALL', 'user:u2')).toEqual(new Map([['sports', '1']]));
    expect(await usersOf('tag:sports')).toEqual(['u1', 'u2']);
    expect(await usersOf('tag:city=Oslo')).toEqual(['u1']);
    expect(await client.call('SREM', 'tag:city', 'u1')).toBe(1);
    expect(await client.call('HGETALL', 'user:u1')).toEqual(['sports', '1']);
    expect(await client.call('DEL', 'user:u1')).toBe(1);
    expect(await usersOf('tag:sports')).toEqual(['u2']);
    expect(await client.call('UNLINK', 'tag:sports')).toBe(1);
    expect(await client.call('EXISTS', 'user:u2')).toBe(0);
    expect(await client.call('DBSIZE')).toBe(0);
  });

  it('widens a flag that nobody declared', async () => {
    await client.call('SADD', 'tag:level', 'u1', 'u2');
    expect(await client.call('HSET', 'user:u2', 'level', 'gold', 'x', '1')).toBe(1);
    expect(await usersOf('tag:level')).toEqual(['u1', 'u2']);
    expect(await usersOf('tag:level=1')).toEqual(['u1']);
    expect(await usersOf('tag:level=gold')).toEqual(['u2']);
  });
});

describe('the users of one value', () => {
  it('move from value to value', async () => {
    expect(await client.call('SADD', 'tag:city=Oslo', 'u1', 'u2', 'u3')).toBe(3);
    expect(await client.call('SADD', 'tag:city=Rome', 'u1', 'u4')).toBe(2);
    expect(await client.call('SADD', 'tag:city=Rome', 'u1')).toBe(0);
    expect(await client.call('HGET', 'user:u1', 'city')).toBe('Rome');
    expect(await usersOf('tag:city=Oslo')).toEqual(['u2', 'u3']);
    expect(await usersOf('tag:city=Rome')).toEqual(['u1', 'u4']);
    expect(await usersOf('tag:city')).toEqual(['u1', 'u2', 'u3', 'u4']);
    expect(await client.call('SREM', 'tag:city=Oslo', 'u1', 'u2')).toBe(1);
    expect(await client.call('SMOVE', 'tag:city=Oslo', 'tag:city=Rome', 'u3')).toBe(1);
    expect(await client.call('SMOVE', 'tag:city=Oslo', 'tag:city=Rome', 'u3')).toBe(0);
    expect(await client.call('SMOVE', 'tag:city=Rome', 'tag:been to=Rome', 'u4')).toBe(1);
    expect(await usersOf('tag:city=Rome')).toEqual(['u1', 'u3']);
    expect(await usersOf('tag:city=Oslo')).toEqual([]);
    expect(await usersOf('tag:been to')).toEqual(['u4']);
    expect(await client.call('SPOP', 'tag:city=Rome', 5)).toHaveLength(2);
    expect(await usersOf('tag:city')).toEqual([]);
  });

  it('may be of any value', async () => {
    await client.call('HSET', 'user:u1', 'x', 'a=b', 'y', '', 'z', '日本');
    expect(await usersOf('tag:x=a=b')).toEqual(['u1']);
    expect(await usersOf('tag:x=a')).toEqual([]);
    expect(await usersOf('tag:y=')).toEqual(['u1']);
    expect(await usersOf('tag:z=日本')).toEqual(['u1']);
    expect(await client.call('SADD', 'tag:y==', 'u1')).toBe(1);
    expect(await client.call('HGET', 'user:u1', 'y')).toBe('=');
  });

  it('of a number are found however it is written', async () => {
    await client.call('TAG.DECLARE', 'score', 'number', 'SCALE', 2);
    expect(await client.call('SADD', 'tag:score=1.50', 'u1', 'u2')).toBe(2);
    expect(await client.call('HSET', 'user:u3', 'score', '-1.5')).toBe(1);
    for (const value of ['1.5', '1.50', '+1.5', '01.5']) {
      expect(await usersOf(`tag:score=${value}`)).toEqual(['u1', 'u2']);
    }
    expect(await usersOf('tag:score=-1.50')).toEqual(['u3']);
    for (const value of ['1.501', '0', 'x', '', '99999999999999999999']) {
      expect(await usersOf(`tag:score=${value}`)).toEqual([]);
    }
    expect(await client.call('SREM', 'tag:score=1.500', 'u1', 'u3')).toBe(1);
    expect(await client.call('SMOVE', 'tag:score=1.50', 'tag:score=2', 'u2')).toBe(1);
    expect(await client.call('HGET', 'user:u2', 'score')).toBe('2');
    expect(await client.call('HINCRBY', 'user:u2', 'score', 3)).toBe(5);
    expect(await client.call('HINCRBYFLOAT', 'user:u2', 'score', '0.25')).toBe('5.25');
    expect(await client.call('HINCRBY', 'user:u2', 'score', -1)).toBe('4.25');
    await client.call('SADD', 'tag:flag', 'u1');
    expect(await usersOf('tag:flag=1')).toEqual(['u1']);
    expect(await usersOf('tag:flag=x')).toEqual([]);
  });

  it('lose the value, and nothing else, when its key is deleted', async () => {
    await client.call('HSET', 'user:u1', 'city', 'Oslo', 'sports', '1');
    await client.call('SADD', 'tag:city=Oslo', 'u2');
    await client.call('SADD', 'tag:city=Rome', 'u3');
    expect(await client.call('DEL', 'tag:city=Oslo', 'tag:city=Oslo', 'tag:city=Nowhere')).toBe(1);
    expect(await usersOf('tag:city')).toEqual(['u3']);
    expect(await client.call('EXISTS', 'user:u1', 'user:u2')).toBe(1);
  });
});

describe('combinations', () => {
  beforeEach(async () => {
    await client.call('SADD', 'tag:a', 'u1', 'u2', 'u3');
    await client.call('SADD', 'tag:b', 'u2', 'u3', 'u4');
    await client.call('SADD', 'tag:city=Oslo', 'u3', 'u4');
    await client.call('SADD', 'tag:city=Rome', 'u1');
  });

  it.each<[words: string, count: number]>([
    ['SUNIONCARD 2 tag:a tag:b', 4],
    ['SUNIONCARD 1 tag:a', 3],
    ['SUNIONCARD 3 tag:a tag:none tag:city=Oslo', 4],
    ['SUNIONCARD 2 tag:a tag:b LIMIT 2', 2],
    ['SUNIONCARD 2 tag:a tag:b LIMIT 0', 4],
    ['sunioncard 2 tag:a tag:b approx', 4],
    ['SUNIONCARD 2 tag:a tag:b LIMIT 3 APPROX', 3],
    ['SUNIONCARD 2 tag:a tag:b APPROX LIMIT 30', 4],
    ['SDIFFCARD 2 tag:a tag:b', 1],
    ['SDIFFCARD 1 tag:a', 3],
    ['SDIFFCARD 1 tag:a LIMIT 2', 2],
    ['SDIFFCARD 3 tag:a tag:none tag:city=Oslo', 2],
    ['SDIFFCARD 2 tag:none tag:a', 0],
    ['SDIFFCARD 2 tag:a tag:none LIMIT 1', 1],
    ['SINTERCARD 3 tag:a tag:b tag:city', 1],
    ['SINTERCARD 2 tag:a tag:city=Oslo', 1],
  ])('%s', async (line, count) => {
    expect(await client.call(...line.split(' '))).toBe(count);
  });

  it.each<[words: string, error: string]>([
    ['SUNIONCARD', "wrong number of arguments for 'sunioncard' command"],
    ['SDIFFCARD 1', "wrong number of arguments for 'sdiffcard' command"],
    ['SUNIONCARD 0 tag:a', 'numkeys should be greater than 0'],
    ['SDIFFCARD x tag:a', 'numkeys should be greater than 0'],
    ['SDIFFCARD 2 tag:a', "Number of keys can't be greater than number of args"],
    ['SUNIONCARD 1 tag:a LIMIT', 'syntax error'],
    ['SUNIONCARD 1 tag:a LIMIT -1', "LIMIT can't be negative"],
    ['SDIFFCARD 1 tag:a LIMIT x', "LIMIT can't be negative"],
    ['SDIFFCARD 1 tag:a APPROX', 'syntax error'],
    ['SINTERCARD 1 tag:a APPROX', 'syntax error'],
    ['SUNIONCARD 1 tag:a tag:b', 'syntax error'],
  ])('%s is refused', async (line, error) => {
    expect(await client.error(...line.split(' '))).toBe(`ERR ${error}`);
  });

  it('are stored as tags and as values', async () => {
    expect(await client.call('SUNIONSTORE', 'tag:city=Oslo', 'tag:b', 'tag:city=Rome')).toBe(4);
    expect(await usersOf('tag:city=Oslo')).toEqual(['u1', 'u2', 'u3', 'u4']);
    expect(await usersOf('tag:city=Rome')).toEqual([]);
    expect(await client.call('SDIFFSTORE', 'tag:city=Oslo', 'tag:city=Oslo', 'tag:b')).toBe(1);
    expect(await usersOf('tag:city')).toEqual(['u1']);
    expect(await client.call('SINTERSTORE', 'tag:a', 'tag:a', 'tag:b')).toBe(2);
    expect(await usersOf('tag:a')).toEqual(['u2', 'u3']);
    expect(await client.call('SINTERSTORE', 'tag:b', 'tag:a', 'tag:none')).toBe(0);
    expect(await usersOf('tag:b')).toEqual([]);
    // Their only tag is the one that is stored.
    expect(await client.call('SDIFFSTORE', 'tag:a', 'tag:a')).toBe(2);
    expect(await usersOf('tag:a')).toEqual(['u2', 'u3']);
  });
});

describe('keys', () => {
  it('RANDOMKEY gives any of them', async () => {
    expect(await client.call('RANDOMKEY')).toBe(null);
    await client.call('SADD', 'tag:a', 'u1', 'u2');
    await client.call('SADD', 'tag:b', 'u3');
    await client.call('TAG.DECLARE', 'unused', 'flag');
    const seen = new Set<Plain>();
    // That one of five is missed so often has no chance.
    for (let i = 0; i < 500; i++) seen.add(await client.call('RANDOMKEY'));
    expect([...seen].sort()).toEqual(['tag:a', 'tag:b', 'user:u1', 'user:u2', 'user:u3']);
  });

  it('SCAN gives those that stay exactly once, whatever else comes and goes', async () => {
    const stay = Array.from({ length: 300 }, (_, i) => `stay${i}`);
    for (const id of stay) await client.call('HSET', `user:${id}`, `t${id.length}`, 'x');
    await client.call('SADD', 'tag:go', ...Array.from({ length: 300 }, (_, i) => `go${i}`));
    const seen: string[] = [];
    let cursor = '0';
    let page = 0;
    do {
      const [next, keys] = (await client.call('SCAN', cursor, 'COUNT', 7)) as [string, string[]];
      seen.push(...keys);
      cursor = next;
      await client.call('DEL', `user:go${page * 3}`, `user:new${page}`);
      await client.call('SADD', 'tag:come', `new${page + 1}`, `come${page}`);
      page++;
    } while (cursor !== '0');
    const wanted = [...stay.map((id) => `user:${id}`), 'tag:t5', 'tag:t6', 'tag:t7'];
    for (const key of wanted) expect(seen.filter((other) => other === key)).toEqual([key]);
    expect(page).toBeGreaterThan(50);
  });

  it('WATCH compares contents', async () => {
    await client.call('SADD', 'tag:city=Oslo', 'u1');
    const exec = async (...changes: string[][]): Promise<Plain> => {
      await client.call('WATCH', 'tag:city=Oslo', 'user:u1');
      for (const words of changes) await client3.call(...words);
      await client.call('MULTI');
      await client.call('PING');
      return client.call('EXEC');
    };
    expect(await exec(['SADD', 'tag:city=Oslo', 'u2'])).toBe(null);
    expect(await exec(['SADD', 'tag:city=Rome', 'u2'])).toBe(null);
    expect(await exec(['HSET', 'user:u1', 'age', '1'])).toBe(null);
    expect(await exec(['SADD', 'tag:city=Rome', 'u3'])).toEqual(['PONG']);
    expect(await exec(['SADD', 'tag:city=Rome', 'u1'], ['SADD', 'tag:city=Oslo', 'u1'])).toEqual(['PONG']);
  });
});

describe('tags', () => {
  it('are declared, listed, told of and dropped', async () => {
    expect(await client.call('TAG.DECLARE', 'age', 'number', 'DESCRIPTION', 'in years')).toBe('OK');
    expect(await client.call('TAG.DECLARE', 'city', 'ENUM')).toBe('OK');
    await client.call('HSET', 'user:u1', 'age', '39', 'city', 'Oslo', 'sports', '1');
    await client.call('HSET', 'user:u2', 'age', '40', 'city', 'Rome');
    const info = (await client3.call('TAG.INFO', 'age')) as Map<string, Plain>;
    const common = { declared: 1, users: 2, bytes: expect.any(Number) };
    expect(Object.fromEntries(info)).toEqual({
      name: 'age',
      kind: 'number',
      ...common,
      description: 'in years',
      scale: 0,
    });
    const list = (await client3.call('TAG.LIST')) as Map<string, Plain>[];
    expect(list.map((tag) => tag.get('name'))).toEqual(['age', 'city', 'sports']);
    expect(list[1]!.get('values')).toBe(2);
    expect(list[2]!.get('declared')).toBe(0);
    expect(await client.call('TAG.LIST', 'MATCH', 'c*')).toHaveLength(1);
    // The values allow it.
    expect(await client.call('TAG.DECLARE', 'age', 'enum')).toBe('OK');
    expect(await client.call('TAG.DECLARE', 'age', 'number', 'SCALE', '1')).toBe('OK');
    expect(await client.call('HSET', 'user:u1', 'age', '39.5')).toBe(0);
    expect(await client.error('TAG.DECLARE', 'age', 'number', 'SCALE', '0')).toContain(
      'tag "age" stays number',
    );
    expect(await client.call('DEL', 'tag:city')).toBe(1);
    expect(await client.call('TAG.INFO', 'city')).toContain('enum');
    expect(await client.call('TAG.DROP', 'city')).toBe(1);
    expect(await client.call('TAG.DROP', 'city')).toBe(0);
    expect(await client.error('TAG.INFO', 'city')).toBe('ERR there is no tag "city"');
    expect(await client.call('HGETALL', 'user:u2')).toEqual(['age', '40']);
    expect(await client.error('TAG.DECLARE', 'x', 'list')).toBe('ERR syntax error');
    expect(await client.error('TAG.DECLARE', 'x', 'flag', 'SCALE', '1')).toContain(
      'only numbers have a scale',
    );
  });

  it('and users are checked', async () => {
    await client.call('HSET', 'user:u1', 'age', '39', 'sports', '1');
    const expected = { sound: 1, users: 1, tags: 2, pairs: 2, problems: [] };
    expect(Object.fromEntries((await client3.call('SEG.CHECK')) as Map<string, Plain>)).toEqual(expected);
    // A bitmap that says more than the vectors do is told of.
    const ordinals = server.engine.store.catalog.find('sports')!.column.members();
    ordinals.add(77);
    const report = (await client3.call('SEG.CHECK')) as Map<string, Plain>;
    expect(report.get('sound')).toBe(0);
    expect(String(report.get('problems'))).toContain('tag "sports"');
    ordinals.remove(77);
    expect(Object.fromEntries((await client3.call('SEG.CHECK')) as Map<string, Plain>)).toEqual(expected);
  });
});
