/**
 * The same commands to this server and to a real Redis: equal replies. What is different on purpose, and said so in the
 * commands' declarations, is not sent: values that a tag cannot have (over 16 KiB, not UTF-8), names that no tag and ids that
 * no user can have, integers beyond ±2^52, sums of large decimals, WATCH of what is changed back, commands newer than
 * Redis 7.0. Nor are SSCAN and the like on pages, and random picks, whose contents are each server's choice: those are
 * compared by what must be true of them.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeWithRedis, type RedisServer, startRedisServer } from '../support/redis-server.js';
import { type Plain, RespClient } from '../support/resp-client.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { conversation, type Prefixes } from './redis-arbitraries.js';
import { normalReplies } from './redis-normal.js';
import { type Command, toBytes } from './words.js';

const RUNS = 250;
const CASES: readonly [protocol: 2 | 3, Prefixes][] = [
  [2, { user: '', tag: '' }],
  [3, { user: '', tag: '' }],
  [2, { user: 'user:', tag: 'tag:' }],
  [3, { user: 'user:', tag: 'tag:' }],
];

describeWithRedis('commands next to Redis', () => {
  let redis: RedisServer;

  beforeAll(async () => {
    redis = await startRedisServer();
  });
  afterAll(() => redis?.stop());

  describe.each(CASES)('in RESP%i with prefixes %j', (protocol, prefixes) => {
    let server: TestServer;
    let ours: RespClient;
    let theirs: RespClient;

    beforeAll(async () => {
      server = await startTestServer({ userPrefix: prefixes.user, tagPrefix: prefixes.tag });
      ours = await server.connect(protocol);
      theirs = await RespClient.open(redis.port, protocol);
    });
    afterAll(async () => {
      await theirs?.close();
      await server?.close();
    });

    /** Sends the commands to both, on an empty store, and compares the replies. */
    async function compare(commands: readonly Command[]): Promise<void> {
      const sent = toBytes([['DISCARD'], ['UNWATCH'], ['FLUSHALL'], ...commands]);
      const [own, other] = await Promise.all(
        [ours, theirs].map(async (client) => {
          const replies = await client.replies(sent.length, ...sent);
          return normalReplies(commands, replies.slice(3));
        }),
      );
      expect(own).toEqual(other);
    }

    /** The reply of both to one command, which must be equal. */
    async function both(...words: string[]): Promise<Plain> {
      const [own, other] = await Promise.all([ours.call(...words), theirs.call(...words)]);
      expect(own, words.join(' ')).toEqual(other);
      return own;
    }

    const user = (name: string): string => prefixes.user + name;
    const tag = (name: string): string => prefixes.tag + name;

    it('random commands', () =>
      fc.assert(
        fc.asyncProperty(conversation(prefixes), async (commands) => {
          await compare(commands);
          expect(server.engine.check().problems).toEqual([]);
        }),
        { numRuns: RUNS },
      ));

    it('transactions on watched keys, changed by this or by another client', async () => {
      const others = await Promise.all([server.connect(), RespClient.open(redis.port)]);
      const changes: [string, ...string[]][] = [
        ['HSET', user('h1'), 'f1', 'new'],
        ['HDEL', user('h1'), 'f1'],
        ['DEL', user('h1')],
        ['SADD', tag('s1'), 'm9'],
        ['SREM', tag('s1'), 'm1'],
        ['UNLINK', tag('s1')],
        ['FLUSHALL'],
        ['SUNIONSTORE', tag('s1'), tag('s2')],
        // These leave the watched keys alone.
        ['HSET', user('h2'), 'f1', 'new'],
        ['SADD', tag('s2'), 'm9'],
        ['HGETALL', user('h1')],
        ['PING'],
      ];
      let aborted = 0;
      for (const change of changes) {
        for (const byOther of [false, true]) {
          for (const unwatch of [false, true]) {
            await both('FLUSHALL');
            await both('HSET', user('h1'), 'f1', 'x', 'f2', 'y');
            await both('SADD', tag('s1'), 'm1', 'm2');
            await both('WATCH', user('h1'), tag('s1'), user('none'));
            if (byOther) await Promise.all(others.map((client) => client.call(...change)));
            else await Promise.all([ours.call(...change), theirs.call(...change)]);
            if (unwatch) await both('UNWATCH');
            await both('MULTI');
            await both('SADD', tag('s1'), 'm7');
            if ((await both('EXEC')) === null) aborted++;
            await both('SCARD', tag('s1'));
          }
        }
      }
      expect(aborted).toBe(16);
      await Promise.all(others.map((client) => client.close()));
    });

    it('scans of more than a page give everything', async () => {
      await both('FLUSHALL');
      const members = Array.from({ length: 700 }, (_, i) => `m${i}`);
      const cells = Array.from({ length: 700 }, (_, i) => [`f${i}`, `v${i}`]);
      await both('SADD', tag('s1'), ...members);
      await both('HSET', user('h1'), ...cells.flat());
      for (let i = 0; i < 50; i++) await both('HSET', user(`h${i}`), 'f1', 'x');
      const scans: [string[], width: number][] = [
        [['SSCAN', tag('s1')], 1],
        [['SSCAN', tag('s1'), 'MATCH', 'm?5*'], 1],
        [['SSCAN', tag('s1'), 'COUNT', '1'], 1],
        [['SSCAN', tag('s1'), 'COUNT', '333'], 1],
        [['HSCAN', user('h1')], 2],
        [['HSCAN', user('h1'), 'MATCH', 'f1*', 'COUNT', '100'], 2],
        [['SCAN', 'MATCH', `${prefixes.user}h*`], 1],
        [['SCAN', 'MATCH', `${prefixes.user}h1*`, 'TYPE', 'hash', 'COUNT', '3'], 1],
        [['SCAN', 'MATCH', `${prefixes.tag}s*`, 'TYPE', 'SET', 'COUNT', '7'], 1],
        [['SCAN', 'TYPE', 'string'], 1],
      ];
      for (const [words, width] of scans) {
        const [own, other] = await Promise.all([scanned(ours, words, width), scanned(theirs, words, width)]);
        // A scan may give an element twice; this server does not.
        expect(own, words.join(' ')).toEqual([...new Set(other)].sort());
      }
    });

    it('random picks are from what is there', async () => {
      await both('FLUSHALL');
      const cells = Array.from({ length: 40 }, (_, i) => [`f${i}`, `v${i}`] as const);
      const fields = new Map<string, Plain>(cells);
      const members = Array.from({ length: 40 }, (_, i) => `m${i}`);
      await both('HSET', user('h1'), ...cells.flat());
      await both('SADD', tag('s1'), ...members);
      for (const count of [0, 1, 3, 20, 39, 40, 41, 1000, -1, -7, -100]) {
        const size = count < 0 ? -count : Math.min(count, 40);
        for (const client of [ours, theirs]) {
          const users = (await client.call('SRANDMEMBER', tag('s1'), count)) as string[];
          const names = (await client.call('HRANDFIELD', user('h1'), count)) as string[];
          const pairs = (await client.call('HRANDFIELD', user('h1'), count, 'WITHVALUES')) as Plain[];
          const flat = pairs.flat(1) as string[];
          expect([users.length, names.length, pairs.flat(1).length / 2]).toEqual([size, size, size]);
          if (count > 0) expect([new Set(users).size, new Set(names).size]).toEqual([size, size]);
          expect(users.filter((member) => !members.includes(member))).toEqual([]);
          expect(names.filter((name) => !fields.has(name))).toEqual([]);
          for (let i = 0; i < flat.length; i += 2) expect(fields.get(flat[i]!)).toBe(flat[i + 1]);
          expect(members).toContain(await client.call('SRANDMEMBER', tag('s1')));
          expect([...fields.keys()]).toContain(await client.call('HRANDFIELD', user('h1')));
        }
      }
      for (const client of [ours, theirs]) {
        const left = new Set(members);
        for (const words of [[], ['0'], ['1'], ['7'], ['30'], ['30'], ['1'], []]) {
          const popped = [await client.call('SPOP', tag('s1'), ...words)]
            .flatMap((reply) => (reply instanceof Set ? [...reply] : reply))
            .filter((member) => member !== null);
          const most = Number(words[0] ?? 1);
          expect(popped).toHaveLength(Math.min(most, left.size));
          for (const member of popped) expect(left.delete(member as string)).toBe(true);
          expect(await client.call('SCARD', tag('s1'))).toBe(left.size);
        }
      }
      await both('EXISTS', tag('s1'));
    });

    it('a key of the other kind', async () => {
      // Without prefixes, a name can be both a user and a tag; to Redis it is the one or the other.
      if (prefixes.user === prefixes.tag) return;
      await both('FLUSHALL');
      await both('HSET', user('h1'), 'f1', 'x');
      await both('SADD', tag('s1'), 'm1');
      const [hash, set] = [user('h1'), tag('s1')];
      const commands: string[][] = [
        ['HGET', set, 'f1'],
        ['HMGET', set, 'f1', 'f2'],
        ['HGETALL', set],
        ['HSET', set, 'f1', 'x'],
        ['HDEL', set, 'm1'],
        ['HINCRBY', set, 'f1', '1'],
        ['HINCRBYFLOAT', set, 'f1', '1'],
        ['HSCAN', set, '0'],
        ['HRANDFIELD', set],
        ['SADD', hash, 'm1'],
        ['SREM', hash, 'm1'],
        ['SISMEMBER', hash, 'm1'],
        ['SCARD', hash],
        ['SMEMBERS', hash],
        ['SSCAN', hash, '0'],
        ['SPOP', hash],
        ['SRANDMEMBER', hash, '1'],
        ['SMOVE', hash, set, 'm1'],
        ['SMOVE', set, hash, 'm1'],
        ['SINTER', set, hash],
        ['SUNION', hash],
        ['SDIFF', set, hash],
        ['SUNIONSTORE', tag('s2'), set, hash],
        ['SINTERCARD', '2', set, hash],
      ];
      for (const words of commands) expect(await both(...words)).toBeInstanceOf(Error);
      await both('HGETALL', hash);
      await both('SMEMBERS', set);
    });
  });
});

/** What a scan gives from its first page to its last, sorted; every `width` items are one element. */
async function scanned(client: RespClient, [name, ...rest]: string[], width: number): Promise<string[]> {
  const found: string[] = [];
  // SCAN has no key before the cursor.
  const before = name === 'SCAN' ? [] : [rest.shift()!];
  let cursor: Plain = '0';
  do {
    const page: Plain = await client.call(name!, ...before, cursor as string, ...rest);
    const [next, items] = page as [string, string[]];
    for (let i = 0; i < items.length; i += width) found.push(items.slice(i, i + width).join('='));
    cursor = next;
  } while (cursor !== '0');
  return found.sort();
}
