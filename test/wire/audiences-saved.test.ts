/** SEG commands that keep audiences: what each replies, in RESP2 and RESP3, and the error for each thing that is wrong. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Plain, RespClient } from '../support/resp-client.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { asObject, fillWithSixUsers, replyInBoth } from './six-users.js';

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

describe('saved audiences', () => {
  const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

  async function info(name: string): Promise<Record<string, Plain>> {
    return asObject(await both('SEG.GET', name));
  }

  it('that are dynamic are saved, changed, listed and dropped', async () => {
    const client = clients[2];
    const noted = ['DESCRIPTION', 'all women', 'OWNER', 'crm', 'LABELS', '2', 'a', 'b c'];
    expect(await client.call('SEG.SAVE', 'women', ' sex = Female ', ...noted)).toBe('OK');
    expect(await info('women')).toEqual({
      name: 'women',
      kind: 'dynamic',
      expression: 'sex = Female',
      users: null,
      description: 'all women',
      owner: 'crm',
      labels: ['a', 'b c'],
      created: TIME,
      changed: TIME,
    });
    expect(await client.call('SEG.COUNT', '@women')).toBe(3);
    // What a query has found is known.
    expect((await info('women'))['users']).toBe(3);
    expect(await client.call('SEG.SAVE', 'women', 'sex = Female and age > 30', 'LABELS', '0')).toBe('OK');
    expect(await info('women')).toMatchObject({ description: 'all women', labels: [], users: null });
    expect(await client.call('SEG.COUNT', '@women')).toBe(2);
    expect(await client.call('SEG.DESCRIBE', 'women', 'OWNER', '', 'LABELS', '1', 'x')).toBe('OK');
    expect(await info('women')).toMatchObject({ description: 'all women', owner: '', labels: ['x'] });
    expect(await client.call('SEG.SAVE', 'Älter', 'age >= 40')).toBe('OK');
    const list = (await both('SEG.LIST')) as Map<string, Plain>[];
    expect(list.map((map) => map.get('kind'))).toEqual(['dynamic', 'dynamic']);
    expect(list.map((map) => Buffer.from(map.get('name') as string, 'latin1').toString())).toEqual([
      'women',
      'Älter',
    ]);
    expect(await both('SEG.LIST', 'MATCH', 'w[aeo]m*')).toHaveLength(1);
    expect(await both('SEG.LIST', 'MATCH', 'Ä*')).toHaveLength(1);
    expect(await client.call('SEG.DROP', 'women')).toBe(1);
    expect(await client.call('SEG.DROP', 'women')).toBe(0);
    expect(await client.error('SEG.GET', 'women')).toBe('ERR there is no audience "women"');
    expect(await both('SEG.LIST')).toHaveLength(1);
  });

  it('that are fixed keep who is in them', async () => {
    const client = clients[2];
    expect(await client.call('SEG.FREEZE', 'old', 'age >= 40', 'OWNER', 'me', 'TIMEOUT', '60000')).toBe(3);
    await client.call('HSET', 'user:u4', 'age', '20');
    await client.call('HSET', 'user:u1', 'age', '90');
    expect(await client.call('SEG.TEST', '@old', 'u1', 'u4', 'u5', 'u6')).toEqual([0, 1, 1, 1]);
    expect(await info('old')).toMatchObject({
      kind: 'fixed',
      expression: 'age >= 40',
      users: 3,
      owner: 'me',
    });
    expect(await client.call('SEG.ADD', 'old', 'u1', 'nobody', 'u6', 'u1')).toBe(1);
    expect(await client.call('SEG.REMOVE', 'old', 'u5', 'u2', 'nobody')).toBe(1);
    expect(await client.call('SEG.USERS', '@old')).toEqual(['0', ['u1', 'u4', 'u6']]);
    expect(await client.call('DEL', 'user:u6')).toBe(1);
    expect((await info('old'))['users']).toBe(2);
    // Others take their place; what is noted stays.
    expect(await client.call('SEG.FREEZE', 'old', 'vip')).toBe(1);
    expect(await info('old')).toMatchObject({ expression: 'vip', users: 1, owner: 'me' });
    expect(await client.call('SEG.FREEZE', 'empty', 'none')).toBe(0);
    expect((await info('empty'))['users']).toBe(0);
  });

  it('are renamed in the audiences that use them too', async () => {
    const client = clients[2];
    await client.call('SEG.SAVE', 'women', 'sex = Female');
    await client.call('SEG.FREEZE', 'old', 'age >= 40');
    await client.call('SEG.SAVE', 'older women', '@women and not not @old');
    expect(await client.call('SEG.RENAME', 'women', 'the ladies')).toBe('OK');
    expect((await info('older women'))['expression']).toBe('@`the ladies` and not not @old');
    expect(await client.call('SEG.COUNT', '@`older women`')).toBe(1);
    expect(await client.error('SEG.DROP', 'the ladies')).toBe(
      'ERR audience "the ladies" is used by audience "older women": drop or change it first',
    );
    expect(await client.error('TAG.DROP', 'sex')).toBe(
      'ERR tag "sex" is used by audience "the ladies": drop or change it first',
    );
  });

  it('that hold a user are found', async () => {
    const client = clients[2];
    await client.call('SEG.SAVE', 'women', 'sex = Female');
    await client.call('SEG.SAVE', 'others', 'not @women');
    await client.call('SEG.FREEZE', 'old', 'age >= 40');
    expect(await both('SEG.MATCH', 'u5')).toEqual(['old', 'women']);
    expect(await both('SEG.MATCH', 'u6', 'women', 'others', 'old')).toEqual(['others', 'old']);
    expect(await both('SEG.MATCH', 'nobody')).toEqual([]);
    expect(await client.error('SEG.MATCH', 'u5', 'women', 'nosuch')).toBe(
      'ERR there is no audience "nosuch"',
    );
    expect(await client.error('SEG.MATCH', '')).toBe('ERR a user id has 1 to 255 bytes, this one has 0');
  });

  const label = Array<string>(65).fill('l');
  const wrongName = 'backquote, control characters and broken UTF-8 are not allowed';
  it.each<[words: string[], error: string]>([
    [['SEG.SAVE', 'a`b', 'all'], `audience name "a\`b": ${wrongName}`],
    [['SEG.SAVE', 'a\nb', 'all'], `audience name "a\\nb": ${wrongName}`],
    [['SEG.SAVE', '', 'all'], "an audience's name has 1 to 255 bytes, this one has 0"],
    [['SEG.FREEZE', 'x'.repeat(256), 'all'], "an audience's name has 1 to 255 bytes, this one has 256"],
    [['SEG.SAVE', 'x', 'nosuch'], 'there is no tag "nosuch"'],
    [['SEG.SAVE', 'x', 'vip and'], 'expected a condition at 8, found the end'],
    [['SEG.SAVE', 'x', 'all', 'LABELS', '3', 'a', 'b'], 'syntax error'],
    [['SEG.SAVE', 'x', 'all', 'LABELS', '1', 'a', 'b'], 'syntax error'],
    [['SEG.SAVE', 'x', 'all', 'LABELS', 'a'], 'value is not an integer or out of range'],
    [
      ['SEG.SAVE', 'x', 'all', 'LABELS', '-1'],
      'value is out of range, value must between 0 and 9007199254740991',
    ],
    [['SEG.SAVE', 'x', 'all', 'LABELS', '65', ...label], 'an audience has at most 64 labels, these are 65'],
    [
      ['SEG.SAVE', 'x', 'all', 'OWNER', 'o'.repeat(256)],
      "an audience's owner has at most 255 bytes, this one has 256",
    ],
    [
      ['SEG.DESCRIBE', 'dynamic', 'DESCRIPTION', 'd'.repeat(4097)],
      "an audience's description has at most 4096 bytes, this one has 4097",
    ],
    [['SEG.SAVE', 'x', 'all', 'TIMEOUT', '5'], 'syntax error'],
    [['SEG.FREEZE', 'x', 'all', 'TIMEOUT'], 'syntax error'],
    [
      ['SEG.SAVE', 'fixed', 'all'],
      'audience "fixed" is fixed: drop it first, or take another name for the dynamic one',
    ],
    [
      ['SEG.FREEZE', 'dynamic', 'all'],
      'audience "dynamic" is dynamic: drop it first, or take another name for the fixed one',
    ],
    [
      ['SEG.ADD', 'dynamic', 'u1'],
      'audience "dynamic" is dynamic: its expression says who is in it, so change that',
    ],
    [
      ['SEG.REMOVE', 'dynamic', 'u1'],
      'audience "dynamic" is dynamic: its expression says who is in it, so change that',
    ],
    [['SEG.ADD', 'fixed', 'u1', ''], 'a user id has 1 to 255 bytes, this one has 0'],
    [['SEG.ADD', 'nosuch', 'u1'], 'there is no audience "nosuch"'],
    [['SEG.REMOVE', 'nosuch', 'u1'], 'there is no audience "nosuch"'],
    [['SEG.DESCRIBE', 'nosuch', 'OWNER', 'x'], 'there is no audience "nosuch"'],
    [['SEG.DESCRIBE', 'fixed'], "wrong number of arguments for 'seg.describe' command"],
    [['SEG.GET', 'nosuch'], 'there is no audience "nosuch"'],
    [['SEG.RENAME', 'nosuch', 'x'], 'there is no audience "nosuch"'],
    [
      ['SEG.RENAME', 'fixed', 'dynamic'],
      'there is an audience "dynamic" already: drop it first, or take another name',
    ],
    [['SEG.RENAME', 'fixed', '`'], `audience name "\`": ${wrongName}`],
    [['SEG.LIST', 'MATCH'], 'syntax error'],
    [['SEG.LIST', 'w*'], 'syntax error'],
    [['SEG.DROP', 'fixed', 'dynamic'], "wrong number of arguments for 'seg.drop' command"],
  ])('%j is refused, and changes nothing', async (words, error) => {
    const client = clients[2];
    await client.call('SEG.SAVE', 'dynamic', 'vip');
    await client.call('SEG.FREEZE', 'fixed', 'vip');
    const before = server.engine.audiences.list();
    expect(await client.error(...words)).toBe(`ERR ${error}`);
    expect(server.engine.audiences.list()).toEqual(before);
    expect(server.engine.check().problems).toEqual([]);
  });

  it('cannot use themselves', async () => {
    const client = clients[2];
    await client.call('SEG.SAVE', 'a', 'vip');
    await client.call('SEG.SAVE', 'b', '@a');
    const error = await client.error('SEG.SAVE', 'a', '@b or vip');
    expect(Buffer.from(error, 'latin1').toString()).toBe('ERR audience "a" would use itself: a → b → a');
    expect(await client.call('SEG.COUNT', '@b')).toBe(2);
  });

  it('need names of UTF-8', async () => {
    const name = Buffer.from('w\xff', 'latin1');
    for (const words of [
      ['SEG.SAVE', name, 'all'],
      ['SEG.GET', name],
      ['SEG.MATCH', 'u1', name],
    ]) {
      const error = await clients[2].error(...words);
      expect(Buffer.from(error, 'latin1').toString()).toBe(
        'ERR "wÿ" is not UTF-8; names of audiences must be',
      );
    }
  });
});
