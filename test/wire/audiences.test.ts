/** SEG and TAG commands that ask: what each replies, in RESP2 and RESP3, and the error for each thing that is wrong. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Plain, RespClient } from '../support/resp-client.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { asObject, fillWithSixUsers, markersOf, replyInBoth } from './six-users.js';

let server: TestServer;
const clients = {} as Record<2 | 3, RespClient>;

beforeAll(async () => {
  server = await startTestServer();
  clients[2] = await server.connect();
  clients[3] = await server.connect(3);
});
afterAll(() => server.close());
beforeEach(() => fillWithSixUsers(server.engine));

function both(...words: string[]): Promise<Plain> {
  return replyInBoth(clients, words);
}

describe('SEG.COUNT', () => {
  it.each<[words: string[], count: number]>([
    [['sex = Female'], 3],
    [['sex = Female and not vip'], 2],
    [['sex in (Male, Other)'], 3],
    [['age between 30 and 40 | score > 6'], 4],
    [['at least 2 of (vip, sex = Male, age > 40)'], 1],
    [['users(u1, u2, nobody)'], 2],
    [['none'], 0],
    [['all', 'LIMIT', '4'], 4],
    [['all', 'LIMIT', '40'], 6],
    [['all', 'limit', '0', 'timeout', '0'], 6],
    [['all', 'TIMEOUT', '60000', 'LIMIT', '1', 'LIMIT', '2'], 2],
  ])('%j is %i', async (words, count) => {
    expect(await both('SEG.COUNT', ...words)).toBe(count);
  });

  it.each<[words: (string | Uint8Array)[], error: string]>([
    [['sex ='], 'expected a value at 6, found the end'],
    [[''], 'expected a condition at 1, found the end'],
    [['sex == Female'], 'write `=` instead of `==` at 5'],
    [['nosuch'], 'there is no tag "nosuch"'],
    [['@nosuch'], 'there is no audience "nosuch"'],
    [['vip > 3'], 'tag "vip" is a flag: only numbers have an order'],
    [['age = x'], 'tag "age" is a number: it cannot be compared with "x"'],
    [[Buffer.from('vip\xff', 'latin1')], '"vip\u00ff" is not UTF-8; expressions must be'],
    [['all', 'LIMIT', '-1'], "LIMIT can't be negative"],
    [['all', 'LIMIT'], 'syntax error'],
    [['all', 'TIMEOUT', '-1'], 'value is out of range, value must between 0 and 9007199254740991'],
    [['all', 'TIMEOUT', 'x'], 'value is not an integer or out of range'],
    [['all', 'MOST', '1'], 'syntax error'],
    [[], "wrong number of arguments for 'seg.count' command"],
  ])('%j is refused', async (words, error) => {
    for (const client of Object.values(clients)) {
      const text = await client.error('SEG.COUNT', ...words);
      expect(Buffer.from(text, 'latin1').toString()).toBe(`ERR ${error}`);
    }
  });
});

describe('SEG.USERS', () => {
  it('gives pages, the last with the cursor 0', async () => {
    expect(await both('SEG.USERS', 'all')).toEqual(['0', ['u1', 'u2', 'u3', 'u4', 'u5', 'u6']]);
    expect(await both('SEG.USERS', 'none')).toEqual(['0', []]);
    const ids: Plain[] = [];
    let cursor = '0';
    let pages = 0;
    do {
      const page = await both('SEG.USERS', 'age < 50', 'CURSOR', cursor, 'COUNT', '2', 'TIMEOUT', '60000');
      const [next, found] = page as [string, string[]];
      expect(found.length).toBeLessThanOrEqual(2);
      ids.push(...found);
      cursor = next;
      pages++;
    } while (cursor !== '0');
    expect(ids).toEqual(['u1', 'u2', 'u3', 'u4', 'u5']);
    expect(pages).toBe(3);
    for (const beyond of ['6', '4294967295', '4294967296', '18446744073709549568']) {
      expect(await both('SEG.USERS', 'all', 'CURSOR', beyond)).toEqual(['0', []]);
    }
  });

  it('gives ids that are any bytes', async () => {
    server.engine.addUsers('odd', [Buffer.from([0xff, 0, 10])]);
    const reply = await clients[2].reply('SEG.USERS', 'odd');
    expect(reply.items[1]!.items.map(({ text }) => text)).toEqual(['\xff\0\n']);
  });

  it.each<[words: string[], error: string]>([
    [['all', 'CURSOR', 'x'], 'invalid cursor'],
    [['all', 'CURSOR', '18446744073709551616'], 'invalid cursor'],
    [['all', 'COUNT', '0'], 'value is out of range, value must between 1 and 1000000'],
    [['all', 'COUNT', '1000001'], 'value is out of range, value must between 1 and 1000000'],
    [['all', '0'], 'syntax error'],
    [['all and'], 'expected a condition at 8, found the end'],
  ])('%j is refused', async (words, error) => {
    expect(await clients[2].error('SEG.USERS', ...words)).toBe(`ERR ${error}`);
  });
});

describe('SEG.TEST', () => {
  it('says of each user whether it is in the audience', async () => {
    expect(await both('SEG.TEST', 'sex = Female and age < 35', 'u1', 'u2', 'nobody', 'u3', 'u1')).toEqual([
      1, 0, 0, 0, 1,
    ]);
    expect(await both('SEG.TEST', 'not vip', 'u3', 'nobody')).toEqual([0, 0]);
  });

  it('refuses ids that nobody can have, and what is no expression', async () => {
    const client = clients[2];
    expect(await client.error('SEG.TEST', 'vip', 'u1', '')).toBe(
      'ERR a user id has 1 to 255 bytes, this one has 0',
    );
    expect(await client.error('SEG.TEST', 'vip', 'x'.repeat(256))).toContain('1 to 255 bytes');
    expect(await client.error('SEG.TEST', '(vip', 'u1')).toMatch(/^ERR .*at 5/);
    expect(await client.error('SEG.TEST', '@women', 'u1')).toBe('ERR there is no audience "women"');
    expect(await client.error('SEG.TEST', 'vip')).toMatch(/^ERR wrong number of arguments/);
  });
});

describe('SEG.OVERLAP and SEG.REACH', () => {
  it('compare audiences', async () => {
    const overlap = asObject(await clients[3].call('SEG.OVERLAP', 'sex = Female', 'age >= 40', 'none'));
    expect(overlap).toEqual({
      users: [
        [3, 1, 0],
        [1, 3, 0],
        [0, 0, 0],
      ],
      jaccard: [
        [1, 0.2, 0],
        [0.2, 1, 0],
        [0, 0, 1],
      ],
      containment: [
        [1, 1 / 3, 0],
        [1 / 3, 1, 0],
        [1, 1, 1],
      ],
    });
    const reply = await clients[3].reply('SEG.OVERLAP', 'vip', 'all', 'timeout', '60000');
    const rows = (marker: string) => ['*', ['*', marker, marker], ['*', marker, marker]];
    expect(markersOf(reply)).toEqual(['%', '$', rows(':'), '$', rows(','), '$', rows(',')]);
    expect(await clients[2].call('SEG.OVERLAP', 'vip', 'all')).toEqual([
      'users',
      [
        [2, 2],
        [2, 6],
      ],
      'jaccard',
      [
        ['1', '0.3333333333333333'],
        ['0.3333333333333333', '1'],
      ],
      'containment',
      [
        ['1', '1'],
        ['0.3333333333333333', '1'],
      ],
    ]);
    expect(await both('SEG.REACH', 'vip', 'sex = Female', 'age > 30')).toEqual([1, 2, 2, 1]);
    expect(await both('SEG.REACH', 'vip', 'vip', 'TIMEOUT', '60000')).toEqual([4, 0, 2]);
    expect(await both('SEG.REACH', 'none')).toEqual([6, 0]);
  });

  it('take the last two words for an option only if they are TIMEOUT and digits', async () => {
    const client = clients[2];
    const wrong = (name: string): string => `ERR wrong number of arguments for '${name}' command`;
    expect(await client.error('SEG.OVERLAP', 'vip', 'TIMEOUT', '5')).toBe(wrong('seg.overlap'));
    expect(await client.error('SEG.REACH', 'TIMEOUT', '5')).toBe(wrong('seg.reach'));
    expect(await client.error('SEG.OVERLAP', 'vip', 'all', 'TIMEOUT', 'x')).toBe(
      'ERR there is no tag "TIMEOUT"',
    );
    expect(await client.error('SEG.REACH', 'vip', 'TIMEOUT', '-5')).toBe('ERR there is no tag "TIMEOUT"');
    expect(await client.error('SEG.REACH', 'vip', '5')).toMatch(/^ERR expected a condition at 1, found `5`/);
    expect(await client.error('SEG.REACH', 'vip', 'TIMEOUT', '9'.repeat(20))).toBe(
      'ERR value is not an integer or out of range',
    );
    server.engine.addUsers('TIMEOUT', ['u1', 'u9']);
    expect(await client.call('SEG.REACH', 'vip', 'TIMEOUT')).toEqual([3, 4, 0]);
    expect(await client.call('SEG.REACH', 'TIMEOUT', 'TIMEOUT', '60000')).toEqual([5, 2]);
  });

  it('refuse what is wrong with any of the expressions, and too many', async () => {
    const client = clients[2];
    expect(await client.error('SEG.REACH', 'vip', 'nosuch')).toBe('ERR there is no tag "nosuch"');
    expect(await client.error('SEG.OVERLAP', 'vip', 'vip', 'age >')).toMatch(/^ERR expected a value at 6/);
    expect(await client.error('SEG.OVERLAP', ...Array<string>(101).fill('vip'))).toBe(
      'ERR at most 100 expressions can be compared',
    );
  });
});

describe('SEG.EXPLAIN', () => {
  it('tells the plan, a line a part', async () => {
    const client = clients[2];
    const explain = async (...words: string[]): Promise<string[]> => {
      const lines = (await client.call('SEG.EXPLAIN', ...words)) as string[];
      return lines.map((line) => line.replace(/\d+(\.\d+)? ms/g, 'T'));
    };
    expect(await explain('sex = Female and age >= 30 and not vip', 'TIMEOUT', '60000')).toEqual([
      '1 users in T',
      '  and: 1 users in T (about 1 expected)',
      '    sex = Female: 3 users in T (about 3 expected)',
      '    age >= 30: 2 users in T (about 2 expected)',
      '    not vip: 1 users in T (about 2 expected)',
    ]);
    const reply = await clients[3].reply('SEG.EXPLAIN', 'vip');
    expect(markersOf(reply)).toEqual(['*', '$', '$']);
    expect(await client.error('SEG.EXPLAIN', 'vip or')).toBe('ERR expected a condition at 7, found the end');
    expect(await client.error('SEG.EXPLAIN', 'vip', 'LIMIT', '5')).toBe('ERR syntax error');
  });
});

describe('TAG.DISTRIBUTION', () => {
  it('counts values, and numbers in ranges', async () => {
    const client = clients[3];
    expect(asObject(await client.call('TAG.DISTRIBUTION', 'sex'))).toEqual({
      tag: 'sex',
      kind: 'enum',
      users: 6,
      missing: 0,
      values: [
        ['Female', 3],
        ['Male', 3],
      ],
    });
    expect(asObject(await client.call('TAG.DISTRIBUTION', 'vip', 'OF', 'sex = Female'))).toEqual({
      tag: 'vip',
      kind: 'flag',
      users: 1,
      missing: 2,
      values: [['1', 1]],
    });
    const ages = await client.reply('TAG.DISTRIBUTION', 'age', 'RANGES', '3', 'TIMEOUT', '60000');
    expect(markersOf(ages)).toEqual([
      '%',
      ...['$', '$', '$', '$', '$', ':', '$', ':', '$'],
      ['*', ['*', ',', ',', ':'], ['*', ',', ',', ':']],
    ]);
    expect(await clients[2].call('TAG.DISTRIBUTION', 'age', 'RANGES', '3', 'OF', 'not vip')).toEqual([
      ...['tag', 'age', 'kind', 'number', 'users', 4, 'missing', 0, 'ranges'],
      [
        ['20', '30', 1],
        ['30', '40', 1],
        ['40', '50', 2],
      ],
    ]);
    expect(asObject(await client.call('TAG.DISTRIBUTION', 'score', 'OF', 'none'))).toMatchObject({
      users: 0,
      ranges: [],
    });
    await client.call('TAG.DECLARE', 'unused', 'enum');
    expect(asObject(await client.call('TAG.DISTRIBUTION', 'unused'))).toMatchObject({
      users: 0,
      missing: 6,
      values: [],
    });
  });

  it.each<[words: string[], error: string]>([
    [['nosuch'], 'there is no tag "nosuch"'],
    [['age', 'OF', 'nosuch'], 'there is no tag "nosuch"'],
    [['age', 'OF', 'vip vip'], 'expected `and`, `or` or the end at 5, found `vip`'],
    [['age', 'OF'], 'syntax error'],
    [['age', 'vip'], 'syntax error'],
    [['age', 'RANGES', '0'], 'value is out of range, value must between 1 and 1000'],
    [['age', 'RANGES', '1001'], 'value is out of range, value must between 1 and 1000'],
  ])('%j is refused', async (words, error) => {
    expect(await clients[2].error('TAG.DISTRIBUTION', ...words)).toContain(`ERR ${error}`);
  });
});

describe('TAG.STATS', () => {
  it('gives figures as doubles', async () => {
    const client = clients[3];
    const figures = asObject(await client.call('TAG.STATS', 'score', 'OF', 'vip', 'TIMEOUT', '60000'));
    expect({ ...figures, quantiles: asObject(figures['quantiles']!) }).toEqual({
      count: 2,
      sum: 9.5,
      avg: 4.75,
      min: 3.25,
      max: 6.25,
      missing: 0,
      quantiles: { p1: 3.25, p5: 3.25, p25: 3.25, p50: 3.25, p75: 6.25, p95: 6.25, p99: 6.25 },
    });
    const reply = await client.reply('TAG.STATS', 'age');
    const quantiles = ['%', ...Array<string[]>(7).fill(['$', ',']).flat()];
    expect(markersOf(reply)).toEqual([
      '%',
      ...['$', ':', '$', ',', '$', ',', '$', ',', '$', ',', '$', ':', '$'],
      quantiles,
    ]);
    expect(await clients[2].call('TAG.STATS', 'age')).toEqual([
      ...['count', 6, 'sum', '225', 'avg', '37.5', 'min', '25', 'max', '50', 'missing', 0, 'quantiles'],
      ['p1', '25', 'p5', '25', 'p25', '30', 'p50', '35', 'p75', '45', 'p95', '50', 'p99', '50'],
    ]);
  });

  it('gives nulls where nobody has the tag, and sums beyond what is exact', async () => {
    const client = clients[3];
    const none = asObject(await client.call('TAG.STATS', 'age', 'OF', 'none'));
    expect(none).toMatchObject({ count: 0, sum: 0, avg: null, min: null, max: null, missing: 0 });
    expect(new Set(Object.values(asObject(none['quantiles']!)))).toEqual(new Set([null]));
    await client.call('TAG.DECLARE', 'big', 'number');
    for (let i = 0; i < 5000; i++) server.engine.setTags(`big${i}`, { big: 2 ** 52 });
    const reply = await client.reply('TAG.STATS', 'big');
    expect(reply.items[3]).toMatchObject({ type: ',', text: String(5000 * 2 ** 52) });
    expect(await clients[2].call('TAG.STATS', 'big')).toContain(String(5000 * 2 ** 52));
  });

  it.each<[words: string[], error: string]>([
    [['sex'], 'tag "sex" is an enum: only numbers have statistics; TAG.DISTRIBUTION counts its values'],
    [['vip'], 'tag "vip" is a flag: only numbers have statistics; TAG.DISTRIBUTION counts its values'],
    [['nosuch'], 'there is no tag "nosuch"'],
    [['age', 'OF', '@nosuch'], 'there is no audience "nosuch"'],
    [['age', 'RANGES', '5'], 'syntax error'],
    [[], "wrong number of arguments for 'tag.stats' command"],
  ])('%j is refused', async (words, error) => {
    expect(await clients[2].error('TAG.STATS', ...words)).toBe(`ERR ${error}`);
  });
});

describe('INFO and COMMAND', () => {
  it('tell of audiences', async () => {
    const client = clients[2];
    await client.call('SEG.SAVE', 'women', 'sex = Female');
    await client.call('SEG.FREEZE', 'old', 'age >= 40');
    const read = async (): Promise<Record<string, number>> => {
      const text = (await client.call('INFO', 'audiences')) as string;
      expect(text.startsWith('# Audiences\r\n')).toBe(true);
      return Object.fromEntries(
        [...text.matchAll(/^(\w+):(\d+)\r$/gm)].map(([, key, n]) => [key, Number(n)]),
      );
    };
    const before = await read();
    expect(before).toMatchObject({ audiences: 2, cached_max_bytes: 64 * 2 ** 20 });
    expect(before['fixed_bytes']).toBeGreaterThan(0);
    await client.call('SEG.COUNT', '@women');
    await client.call('SEG.COUNT', '@women');
    const after = await read();
    expect(after['cached_results']! - before['cached_results']!).toBe(1);
    expect(after['cached_bytes']!).toBeGreaterThan(0);
    expect(after['cache_hits']! - before['cache_hits']!).toBe(1);
    expect(after['cache_misses']! - before['cache_misses']!).toBe(1);
    expect(await client.call('CONFIG', 'GET', 'audience-*', 'query-timeout')).toEqual([
      ...[
        'query-timeout',
        '30000',
        'audience-cache-bytes',
        `${64 * 2 ** 20}`,
        'audience-prefix',
        'audience:',
      ],
    ]);
    const [entry] = (await client.call('COMMAND', 'INFO', 'seg.freeze')) as Plain[][];
    expect(entry!.slice(0, 7)).toEqual([
      'seg.freeze',
      -3,
      ['write'],
      0,
      0,
      0,
      ['@write', '@slow', '@segment'],
    ]);
  });
});
