/** Keys of saved audiences: sets that every set command reads and none changes. */
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openEngine } from '../../src/index.js';
import type { Plain, RespClient } from '../support/resp-client.js';
import { startTestServer, type TestServer } from '../support/server.js';

const READ_ONLY = 'ERR audience keys are read-only: use SEG.SAVE, SEG.FREEZE, SEG.ADD or SEG.DROP';
const WRONG_TYPE = 'WRONGTYPE Operation against a key holding the wrong kind of value';

let server: TestServer;
let client: RespClient;
let client3: RespClient;

beforeAll(async () => {
  server = await startTestServer();
  client = await server.connect();
  client3 = await server.connect(3);
});
afterAll(() => server.close());
/** `@dynamic` and `@fixed` hold the users of the tag `same`: u2, u4, u6 and u8 of ten. */
beforeEach(() => {
  const { engine } = server;
  engine.clear();
  engine.declareTag('score', { kind: 'number', scale: 2 });
  for (let i = 0; i < 10; i++) {
    engine.setTags(`u${i}`, { score: i / 2, sex: i % 3 === 0 ? 'Female' : 'Male', any: true });
    if (i % 2 === 0 && i > 0) engine.addUsers('same', [`u${i}`]);
  }
  engine.audiences.save('dynamic', 'score in (1, 2, 3, 4)');
  engine.audiences.freeze('fixed', 'same');
  engine.audiences.save('empty', 'same and not same');
});

function sorted(reply: Plain): Plain[] {
  return [...(reply as Plain[] | Set<Plain>)].sort();
}

describe.each(['audience:dynamic', 'audience:fixed'])('%s', (key) => {
  /** Commands about the key that reply the same about the tag that has the same users. */
  const lines: string[] = [
    'SCARD KEY',
    'SISMEMBER KEY u4',
    'SISMEMBER KEY u3',
    'SISMEMBER KEY nobody',
    'SMISMEMBER KEY u1 u2 nobody u8 u2',
    'SSCAN KEY 0',
    'SSCAN KEY 5 COUNT 2',
    'SSCAN KEY 9 COUNT 2',
    'SSCAN KEY 18446744073709549568',
    'SSCAN KEY 0 MATCH u[46] COUNT 100',
    'SSCAN KEY 0 MATCH nothing',
    'SINTERCARD 1 KEY',
    'SINTERCARD 1 KEY LIMIT 3',
    'SINTERCARD 2 KEY tag:sex=Female',
    'SINTERCARD 2 tag:any KEY LIMIT 2',
    'SINTERCARD 3 KEY tag:any tag:sex=Male',
    'SUNIONCARD 2 KEY tag:sex=Female',
    'SUNIONCARD 2 KEY KEY APPROX LIMIT 30',
    'SDIFFCARD 2 KEY tag:sex=Female',
    'SDIFFCARD 2 tag:any KEY LIMIT 5',
    'SDIFFCARD 2 KEY KEY',
    'SINTERCARD 2 KEY tag:score=1.00',
    'SINTERCARD 2 KEY tag:score=x',
    'SINTERCARD 2 KEY tag:any=1',
    'SINTERCARD 2 KEY tag:any=2',
    'SUNIONCARD 2 KEY tag:nosuch',
    'SUNIONCARD 2 KEY audience:nosuch',
    'SUNIONCARD 3 KEY audience:empty audience:fixed',
    'SRANDMEMBER KEY 100',
    'TYPE KEY',
    'EXISTS KEY KEY tag:nosuch',
    'TTL KEY',
    'PTTL KEY',
  ];

  it.each(lines)('%s', async (line) => {
    const commands = [key, 'tag:same'].map((set) => line.replaceAll('KEY', set).split(' '));
    const [audience, tag] = await client3.replies(2, ...commands);
    expect(audience).toEqual(tag);
    expect(audience!.type).not.toBe('-');
    const inside = await client.replies(4, ['MULTI'], ...commands, ['EXEC']);
    const { items } = inside[3]!;
    expect(items[0]).toEqual(items[1]);
  });

  it.each([
    ['SMEMBERS KEY', ['u2', 'u4', 'u6', 'u8']],
    ['SINTER KEY tag:sex=Female', ['u6']],
    ['SINTER KEY', ['u2', 'u4', 'u6', 'u8']],
    ['SUNION tag:sex=Female KEY', ['u0', 'u2', 'u3', 'u4', 'u6', 'u8', 'u9']],
    ['SDIFF tag:any KEY tag:sex=Female', ['u1', 'u5', 'u7']],
    ['SDIFF KEY audience:fixed', []],
    ['SINTER KEY audience:nosuch', []],
    ['SUNION audience:empty KEY tag:score=0.5', ['u1', 'u2', 'u4', 'u6', 'u8']],
  ])('%s', async (line, ids) => {
    const words = line.replaceAll('KEY', key).split(' ');
    const [three, two] = [await client3.reply(...words), await client.reply(...words)];
    expect([three.type, two.type]).toEqual(['~', '*']);
    expect(three.items.map(({ text }) => text).sort()).toEqual(ids);
    expect(two.items.map(({ text }) => text).sort()).toEqual(ids);
  });

  it('is scanned in pages', async () => {
    const seen: Plain[] = [];
    let cursor = '0';
    do {
      const [next, ids] = (await client.call('SSCAN', key, cursor, 'COUNT', '3')) as [string, string[]];
      seen.push(...ids);
      cursor = next;
    } while (cursor !== '0');
    expect(seen).toEqual(['u2', 'u4', 'u6', 'u8']);
  });

  it('gives random users', async () => {
    const users = ['u2', 'u4', 'u6', 'u8'];
    expect(users).toContain(await client.call('SRANDMEMBER', key));
    const three = (await client.call('SRANDMEMBER', key, '3')) as string[];
    expect(new Set(three).size).toBe(3);
    for (const id of [...three, ...((await client.call('SRANDMEMBER', key, '-20')) as string[])])
      expect(users).toContain(id);
    expect(await client.call('SRANDMEMBER', key, '-20')).toHaveLength(20);
    expect(await client.call('SRANDMEMBER', key, '0')).toEqual([]);
  });

  it('can be stored as a tag or a value of one', async () => {
    expect(await client.call('SUNIONSTORE', 'tag:copy', key)).toBe(4);
    expect(sorted(await client.call('SMEMBERS', 'tag:copy'))).toEqual(['u2', 'u4', 'u6', 'u8']);
    expect(await client.call('SDIFFSTORE', 'tag:copy', 'tag:copy', key)).toBe(0);
    expect(await client.call('SINTERSTORE', 'tag:sex=Other', key, 'tag:sex=Male')).toBe(3);
    expect(sorted(await client.call('SMEMBERS', 'tag:sex=Other'))).toEqual(['u2', 'u4', 'u8']);
    await client.call('TAG.DECLARE', 'number', 'number');
    expect(await client.error('SUNIONSTORE', 'tag:number', key)).toBe(
      'ERR tag "number" is a number and needs a value: set it by user',
    );
    // A write of a client that wants no reply is a write nevertheless.
    client.send(['CLIENT', 'REPLY', 'SKIP'], ['SUNIONSTORE', 'tag:quiet', key]);
    expect(await client.call('SCARD', 'tag:quiet')).toBe(4);
    expect(server.engine.check().problems).toEqual([]);
  });

  it.each([
    'SADD KEY u1',
    'SREM KEY u2',
    'SPOP KEY',
    'SMOVE KEY tag:same u2',
    'SMOVE tag:same KEY u2',
    'SINTERSTORE KEY tag:same',
    'SUNIONSTORE KEY KEY',
    'SDIFFSTORE KEY tag:same',
    'DEL KEY',
    'UNLINK user:u1 tag:same KEY',
  ])('%s is refused', async (line) => {
    const before = server.engine.stats();
    for (const name of [key, 'audience:nosuch']) {
      expect(await client.error(...line.replaceAll('KEY', name).split(' '))).toBe(READ_ONLY);
    }
    expect(server.engine.stats()).toEqual(before);
    expect(await client.call('SCARD', key)).toBe(4);
  });

  it.each([
    'HGET KEY a',
    'HMGET KEY a',
    'HGETALL KEY',
    'HEXISTS KEY a',
    'HSET KEY a 1',
    'HDEL KEY a',
    'HINCRBY KEY a 1',
    'HSCAN KEY 0',
    'HRANDFIELD KEY',
  ])('%s has the wrong type', async (line) => {
    expect(await client.error(...line.replace('KEY', key).split(' '))).toBe(WRONG_TYPE);
  });

  it('is told of', async () => {
    const isFixed = key === 'audience:fixed';
    expect(await client.call('OBJECT', 'ENCODING', key)).toBe(isFixed ? 'roaring' : 'expression');
    const bytes = (await client.call('MEMORY', 'USAGE', key)) as number;
    expect(bytes).toBeGreaterThan(isFixed ? 200 : 10);
    expect(bytes).toBeLessThan(400);
    expect(await client.call('COMMAND', 'GETKEYS', 'SMISMEMBER', key, 'u1')).toEqual([key]);
    expect(await client.call('COMMAND', 'GETKEYS', 'SINTERCARD', '2', 'tag:a', key)).toEqual(['tag:a', key]);
    expect(await client.call('COMMAND', 'GETKEYS', 'SUNIONSTORE', 'tag:a', key, key)).toEqual([
      'tag:a',
      key,
      key,
    ]);
  });
});

describe('an audience that there is not', () => {
  it.each<[line: string, reply: Plain]>([
    ['TYPE KEY', 'none'],
    ['EXISTS KEY', 0],
    ['TTL KEY', -2],
    ['SCARD KEY', 0],
    ['SISMEMBER KEY u1', 0],
    ['SMISMEMBER KEY u1 u2', [0, 0]],
    ['SMEMBERS KEY', []],
    ['SSCAN KEY 0', ['0', []]],
    ['SRANDMEMBER KEY', null],
    ['SRANDMEMBER KEY 5', []],
    ['SUNIONCARD 1 KEY', 0],
    ['SUNIONSTORE tag:same KEY', 0],
    ['MEMORY USAGE KEY', null],
    ['OBJECT ENCODING KEY', null],
  ])('%s', async (line, reply) => {
    const names = ['audience:nosuch', 'audience:', 'audience:dynamic ', 'audience:fixed=1'];
    for (const key of [...names, Buffer.from('audience:fixed\xff', 'latin1')]) {
      const words = line.split(' ').map((word) => (word === 'KEY' ? key : word));
      expect(await client.call(...words)).toEqual(reply);
    }
  });

  it('is another thing than one that nobody is in', async () => {
    expect(await client.call('SMEMBERS', 'audience:empty')).toEqual([]);
    expect(await client.call('SCARD', 'audience:empty')).toBe(0);
    expect(await client.call('EXISTS', 'audience:empty')).toBe(1);
    expect(await client.call('TYPE', 'audience:empty')).toBe('set');
  });

  it('nobody is in who cannot be', async () => {
    expect(await client.call('SMISMEMBER', 'audience:fixed', '', 'u2', 'x'.repeat(300), 'u4')).toEqual([
      0, 1, 0, 1,
    ]);
  });
});

describe('combinations', () => {
  /** Sets that have a key: tags, values, dynamic and fixed audiences, and what there is not. */
  const IDS = Array.from({ length: 12 }, (_, i) => `u${i}`);
  const KEYS = ['tag:a', 'tag:e', 'tag:e=x', 'tag:n=-1', 'tag:nosuch', 'tag:n=old'];
  const AUDIENCES = [
    'audience:is a',
    'audience:not a',
    'audience:e or n',
    'audience:kept',
    'audience:nosuch',
  ];

  const user = fc.record({
    a: fc.boolean(),
    e: fc.constantFrom('', 'x', 'y'),
    n: fc.integer({ max: 1, min: -1 }),
  });
  const keys = fc.array(fc.constantFrom(...KEYS, ...AUDIENCES, ...AUDIENCES), { minLength: 1, maxLength: 4 });
  const question = fc.tuple(fc.constantFrom('INTER', 'UNION', 'DIFF'), keys, fc.nat(6));

  it('are those of the sets behind the keys', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(user, { minLength: 12, maxLength: 12 }),
        fc.array(question, { minLength: 1, maxLength: 10, size: 'max' }),
        async (users, questions) => {
          const { engine } = server;
          engine.clear();
          engine.declareTag('a', { kind: 'flag' });
          engine.declareTag('e', { kind: 'enum' });
          engine.declareTag('n', { kind: 'number' });
          const having = (is: (user: (typeof users)[number]) => boolean): Set<string> =>
            new Set(IDS.filter((_, i) => is(users[i]!)));
          users.forEach(({ a, e, n }, i) => {
            engine.setTags(IDS[i]!, { n, ...(a ? { a: true } : {}), ...(e === '' ? {} : { e }) });
          });
          engine.audiences.save('is a', 'a');
          engine.audiences.save('not a', 'not @`is a`');
          engine.audiences.save('e or n', 'e = y or n > 0');
          engine.audiences.freeze('kept', 'a or n = 0');
          const sets = new Map([
            ['tag:a', having(({ a }) => a)],
            ['tag:e', having(({ e }) => e !== '')],
            ['tag:e=x', having(({ e }) => e === 'x')],
            ['tag:n=-1', having(({ n }) => n === -1)],
            ['audience:is a', having(({ a }) => a)],
            ['audience:not a', having(({ a }) => !a)],
            ['audience:e or n', having(({ e, n }) => e === 'y' || n > 0)],
            ['audience:kept', having(({ a, n }) => a || n === 0)],
          ]);
          for (const [verb, names, limit] of questions) {
            const [first, ...others] = names.map((name) => sets.get(name) ?? new Set<string>());
            const expected = IDS.filter((id) => {
              if (verb === 'INTER') return [first!, ...others].every((set) => set.has(id));
              if (verb === 'UNION') return [first!, ...others].some((set) => set.has(id));
              return first!.has(id) && !others.some((set) => set.has(id));
            });
            expect(sorted(await client3.call(`S${verb}`, ...names)).sort()).toEqual([...expected].sort());
            const count = await client.call(`S${verb}CARD`, names.length, ...names, 'LIMIT', limit);
            expect(count).toBe(limit === 0 ? expected.length : Math.min(limit, expected.length));
            expect(await client.call(`S${verb}STORE`, 'tag:e=stored', ...names)).toBe(expected.length);
            expect(sorted(await client.call('SMEMBERS', 'tag:e=stored'))).toEqual([...expected].sort());
            users.forEach(({ e }, i) => {
              if (e === '') engine.removeTags(IDS[i]!, ['e']);
              else engine.setTags(IDS[i]!, { e });
            });
          }
          expect(engine.check().problems).toEqual([]);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('all keys', () => {
  it('are listed and counted with those of audiences, which come last', async () => {
    const tags = ['tag:any', 'tag:same', 'tag:score', 'tag:sex'];
    const audiences = ['audience:dynamic', 'audience:empty', 'audience:fixed'];
    const users = Array.from({ length: 10 }, (_, i) => `user:u${i}`);
    expect(await client.call('DBSIZE')).toBe(17);
    expect(await client.call('INFO', 'keyspace')).toContain('db0:keys=17,');
    expect(sorted(await client.call('KEYS', '*'))).toEqual([...audiences, ...tags, ...users]);
    expect(sorted(await client.call('KEYS', 'a*:[df]*'))).toEqual(['audience:dynamic', 'audience:fixed']);
    const scan = async (...options: string[]): Promise<string[]> => {
      const [cursor, keys] = (await client.call('SCAN', '0', 'COUNT', '100', ...options)) as [
        string,
        string[],
      ];
      expect(cursor).toBe('0');
      return keys;
    };
    expect((await scan()).slice(-3).sort()).toEqual(audiences);
    expect((await scan('TYPE', 'set')).sort()).toEqual([...audiences, ...tags]);
    expect((await scan('TYPE', 'hash')).sort()).toEqual(users);
    expect((await scan('MATCH', '*:empty')).sort()).toEqual(['audience:empty']);
    const seen = new Set<Plain>();
    // That one of 17 is missed so often has no chance.
    for (let i = 0; i < 1500; i++) seen.add(await client.call('RANDOMKEY'));
    expect(sorted(seen as unknown as Plain)).toEqual([...audiences, ...tags, ...users]);
    expect(await client.call('FLUSHALL')).toBe('OK');
    expect(await client.call('KEYS', '*')).toEqual([]);
    expect(await client.call('RANDOMKEY')).toBe(null);
    await client.call('SEG.SAVE', 'all', 'all');
    expect(await client.call('RANDOMKEY')).toBe('audience:all');
    expect(await client.call('DBSIZE')).toBe(1);
  });

  it('that stay come exactly once, whatever else comes and goes', async () => {
    const { audiences } = server.engine;
    for (let i = 0; i < 300; i++) audiences.save(`stay${i}`, 'any');
    for (let i = 0; i < 300; i++) audiences.save(`go${i}`, 'any');
    const seen: string[] = [];
    let cursor = '0';
    let page = 0;
    do {
      const [next, keys] = (await client.call('SCAN', cursor, 'COUNT', 7)) as [string, string[]];
      expect(keys.length).toBeLessThan(10);
      seen.push(...keys);
      cursor = next;
      audiences.drop(`go${page * 3}`);
      audiences.save(`come${page}`, 'any');
      audiences.save(`stay${page}`, 'same');
      if (page < 100) audiences.rename(`go${page * 3 + 1}`, `other${page}`);
      page++;
    } while (cursor !== '0');
    for (let i = 0; i < 300; i++) {
      expect(seen.filter((key) => key === `audience:stay${i}`)).toHaveLength(1);
    }
    expect(page).toBeGreaterThan(80);
    for (const strange of ['8589934592', '12884901887', '12884901888', '1e3', '18446744073709549568']) {
      const reply = await client.reply('SCAN', strange);
      expect(reply.type === '*' || reply.text === 'ERR invalid cursor', strange).toBe(true);
    }
  });
});

describe('WATCH', () => {
  async function exec(key: string, ...changes: string[][]): Promise<Plain> {
    await client.call('WATCH', key);
    for (const words of changes) expect(await client3.reply(...words)).not.toMatchObject({ type: '-' });
    await client.call('MULTI');
    await client.call('PING');
    return client.call('EXEC');
  }

  it('of a dynamic audience sees whatever its users follow from', async () => {
    const key = 'audience:dynamic';
    expect(await exec(key)).toEqual(['PONG']);
    expect(await exec(key, ['HSET', 'user:u1', 'other', '1'])).toEqual(['PONG']);
    expect(await exec(key, ['SEG.ADD', 'fixed', 'u1'])).toEqual(['PONG']);
    expect(await exec(key, ['HSET', 'user:u1', 'score', '1'])).toBe(null);
    expect(await exec(key, ['SEG.SAVE', 'dynamic', 'any'])).toBe(null);
    expect(await exec(key, ['SEG.RENAME', 'dynamic', 'other'])).toBe(null);
    expect(await exec('audience:other', ['SEG.DROP', 'other'])).toBe(null);
    await client.call('SEG.SAVE', 'on fixed', '@fixed and any');
    expect(await exec('audience:on fixed', ['SEG.REMOVE', 'fixed', 'u1'])).toBe(null);
  });

  it('of a fixed audience compares who is in it', async () => {
    const key = 'audience:fixed';
    expect(await exec(key, ['HSET', 'user:u1', 'score', '1'])).toEqual(['PONG']);
    expect(await exec(key, ['SEG.ADD', 'fixed', 'u2'])).toEqual(['PONG']);
    expect(await exec(key, ['SEG.ADD', 'fixed', 'u1'], ['SEG.REMOVE', 'fixed', 'u1'])).toEqual(['PONG']);
    expect(await exec(key, ['SEG.FREEZE', 'fixed', 'same'])).toEqual(['PONG']);
    expect(await exec(key, ['SEG.ADD', 'fixed', 'u1'])).toBe(null);
    expect(await exec(key, ['DEL', 'user:u1'])).toBe(null);
    expect(await exec(key, ['SEG.DROP', 'fixed'])).toBe(null);
    expect(await exec(key)).toEqual(['PONG']);
    expect(await exec(key, ['SEG.SAVE', 'fixed', 'any'])).toBe(null);
    expect(await exec(key, ['SEG.DROP', 'fixed'], ['SEG.FREEZE', 'fixed', 'any'])).toBe(null);
  });
});

describe('prefixes', () => {
  async function withPrefixes<T>(
    [userPrefix, tagPrefix, audiencePrefix]: [string, string, string],
    use: (client: RespClient) => Promise<T>,
  ): Promise<T> {
    const engine = openEngine();
    engine.setTags('audience:x', { 'audience:y': true, y: true });
    engine.setTags('x', { y: true });
    engine.audiences.save('y', 'not y');
    engine.audiences.save('x', 'y');
    const other = await startTestServer({ engine, userPrefix, tagPrefix, audiencePrefix });
    try {
      return await use(await other.connect());
    } finally {
      await other.close();
    }
  }

  it('may be others', async () => {
    await withPrefixes(['u/', 't/', 'seg/'], async (other) => {
      expect(await other.call('SMEMBERS', 'seg/x')).toHaveLength(2);
      expect(await other.call('SUNIONCARD', '3', 'seg/x', 'seg/y', 't/y')).toBe(2);
      expect(sorted(await other.call('KEYS', 'seg*'))).toEqual(['seg/x', 'seg/y']);
      expect(await other.error('TYPE', 'audience:x')).toContain(
        'has no known prefix: users are u/ID, tags t/NAME, audiences seg/NAME',
      );
    });
  });

  it('may be none: then audiences have no keys', async () => {
    await withPrefixes(['user:', 'tag:', ''], async (other) => {
      expect(await other.error('SCARD', 'audience:x')).toBe(
        'ERR key "audience:x" has no known prefix: users are user:ID, tags tag:NAME',
      );
      expect(await other.call('DBSIZE')).toBe(4);
      expect(await other.call('KEYS', '*')).toHaveLength(4);
      expect(((await other.call('SCAN', '0', 'COUNT', '100')) as Plain[])[1]).toHaveLength(4);
      for (let i = 0; i < 50; i++) expect(await other.call('RANDOMKEY')).toMatch(/^(user|tag):/);
    });
    await withPrefixes(['', '', ''], async (other) => {
      expect(await other.call('SCARD', 'audience:y')).toBe(1);
      expect(await other.call('HLEN', 'audience:x')).toBe(2);
      expect(await other.call('DBSIZE')).toBe(4);
    });
  });

  it('may begin with each other: the longest is meant', async () => {
    await withPrefixes(['', '', 'audience:'], async (other) => {
      expect(await other.call('SCARD', 'audience:y')).toBe(0);
      expect(await other.call('SCARD', 'audience:x')).toBe(2);
      expect(await other.error('HLEN', 'audience:x')).toBe(WRONG_TYPE);
      expect(await other.error('HSET', 'audience:x', 'a', '1')).toBe(WRONG_TYPE);
      expect(await other.error('SADD', 'audience:y', 'x')).toBe(READ_ONLY);
      expect(await other.error('DEL', 'audience:x')).toBe(READ_ONLY);
      expect(await other.call('HLEN', 'x')).toBe(1);
      expect(await other.call('SCARD', 'y')).toBe(2);
      expect(await other.call('EXISTS', 'x', 'y', 'audience:x', 'audience:y')).toBe(4);
    });
    await withPrefixes(['k:a:u:', 'k:', 'k:a:'], async (other) => {
      expect(await other.call('HLEN', 'k:a:u:x')).toBe(1);
      expect(await other.call('SCARD', 'k:a:x')).toBe(2);
      expect(await other.call('SCARD', 'k:y')).toBe(2);
      expect(await other.error('SCARD', 'k:a:u:x')).toBe(WRONG_TYPE);
      expect(await other.error('SADD', 'k:a:x', 'x')).toBe(READ_ONLY);
      expect(await other.call('SADD', 'k:b', 'x')).toBe(1);
      expect(await other.call('TYPE', 'k:a:u:x')).toBe('hash');
    });
    await withPrefixes(['user:audience:', 'tag:', 'user:'], async (other) => {
      expect(await other.call('HLEN', 'user:audience:x')).toBe(1);
      expect(await other.call('SCARD', 'user:x')).toBe(2);
    });
  });

  it('must be another one than those of users and tags', async () => {
    const engine = openEngine();
    for (const [options, owner] of [
      [{ audiencePrefix: 'user:' }, 'users'],
      [{ audiencePrefix: 'tag:' }, 'tags'],
    ] as const) {
      await expect(startTestServer({ engine, ...options })).rejects.toMatchObject({
        code: 'INVALID_OPTION',
        message: `audience-prefix "${options.audiencePrefix}" is the prefix of ${owner} already`,
      });
    }
    engine.close();
  });
});
