import { once } from 'node:events';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type SpawnedServer, startCli } from '../support/cli.js';
import { awk, tagsOfRow } from './sample-rows.js';

/** A client that has connected and found the server ready, and the errors it met. */
async function open(
  port: number,
  options: { protocol: 2 | 3; password?: string },
): Promise<{ redis: Redis; errors: Error[] }> {
  const errors: Error[] = [];
  const redis = new Redis({
    ...{ port, host: '127.0.0.1', connectionName: 'tester', lazyConnect: true },
    ...options,
    retryStrategy: () => null,
  });
  redis.on('error', (error: Error) => errors.push(error));
  await redis.connect();
  expect(redis.status).toBe('ready');
  return { redis, errors };
}

async function itemsOf(stream: AsyncIterable<string[]>): Promise<string[]> {
  const items: string[] = [];
  for await (const page of stream) items.push(...page);
  return items;
}

describe.each([2, 3] as const)('ioredis with RESP%i', (protocol) => {
  let server: SpawnedServer;
  let redis: Redis;
  let errors: Error[];

  beforeAll(async () => {
    server = await startCli('--sample');
    ({ redis, errors } = await open(server.port, { protocol }));
  });
  afterAll(async () => {
    redis?.disconnect();
    await server?.stop();
  });

  it('reads the sample', async () => {
    const row = await tagsOfRow(1);
    expect({ ...(await redis.hgetall('user:p1')) }).toEqual(row);
    expect(await redis.hmget('user:p1', 'age', 'nosuch')).toEqual([row['age'], null]);
    expect(await redis.scard('tag:age')).toBe(48_842);
    const both = Number(await awk('$10 == "Female" && $15 == ">50K" { n++ } END { print n }'));
    expect(await redis.sintercard(2, 'tag:high-income', 'tag:sex=Female')).toBe(both);
    expect([...(await redis.sinter('tag:high-income', 'tag:sex=Female'))]).toHaveLength(both);
    expect([...(await redis.smembers('tag:age'))]).toHaveLength(48_842);
    expect(await redis.type('tag:age')).toBe('set');
  });

  it('writes', async () => {
    expect(await redis.sadd('tag:news', 'u1', 'u2')).toBe(2);
    expect(await redis.hset('user:u1', { city: 'Zürich', visits: 1 })).toBe(2);
    expect(await redis.hincrby('user:u1', 'visits', 2)).toBe(3);
    expect({ ...(await redis.hgetall('user:u1')) }).toEqual({ news: '1', city: 'Zürich', visits: '3' });
    expect(await redis.smismember('tag:news', 'u1', 'u9')).toEqual([1, 0]);
    expect(await redis.del('tag:news', 'user:u1')).toBe(2);
    await expect(redis.hset('user:p1', 'age', 'old')).rejects.toThrow('"old" is not an integer');
    expect(await redis.hgetBuffer('user:p1', 'age')).toEqual(Buffer.from('39'));
  });

  it('pipelines and transacts', async () => {
    const replies = await redis.pipeline().hget('user:p1', 'age').sadd('user:p1', 'x').ping().exec();
    expect(replies!.map(([error, reply]) => error?.message ?? reply)).toEqual([
      '39',
      'WRONGTYPE Operation against a key holding the wrong kind of value',
      'PONG',
    ]);
    expect(await redis.multi().sadd('tag:t', 'a').scard('tag:t').exec()).toEqual([
      [null, 1],
      [null, 1],
    ]);
    await redis.watch('tag:t');
    await redis.sadd('tag:t', 'b');
    expect(await redis.multi().sadd('tag:t', 'c').exec()).toBe(null);
    const many = redis.pipeline();
    for (let i = 1; i <= 2_000; i++) many.hget(`user:p${i}`, 'age');
    const ages = (await many.exec())!.map(([, age]) => age);
    expect(ages).toEqual((await awk('NR > 1 && NR <= 2001 { print $1 }')).split('\n'));
  });

  it('streams scans', async () => {
    const keys = await itemsOf(redis.scanStream({ match: 'user:p4884*', count: 5_000 }));
    expect(keys.sort()).toEqual(['user:p4884', 'user:p48840', 'user:p48841', 'user:p48842']);
    const women = await itemsOf(redis.sscanStream('tag:sex=Female', { count: 1_000 }));
    expect(new Set(women).size).toBe(await redis.scard('tag:sex=Female'));
    const cells = await itemsOf(redis.hscanStream('user:p1', { match: '*a*' }));
    expect(cells).toContain('age');
  });

  it('is known to the server', async () => {
    const list = (await redis.client('LIST')) as string;
    expect(list).toContain(' name=tester ');
    expect(list).toContain(` resp=${protocol} `);
    expect(list).toContain('lib-name=ioredis');
    expect(await redis.info('persistence')).toContain('loading:0');
    expect(errors).toEqual([]);
  });
});

describe('ioredis', () => {
  it('authenticates', async () => {
    const server = await startCli('--password', 'sésame');
    for (const protocol of [2, 3] as const) {
      const { redis, errors } = await open(server.port, { protocol, password: 'sésame' });
      expect(await redis.ping()).toBe('PONG');
      redis.disconnect();
      expect(errors).toEqual([]);
      const wrong = new Redis({ port: server.port, protocol, password: 'x', retryStrategy: () => null });
      const [error] = (await once(wrong, 'error')) as [Error];
      expect(error.message).toContain('WRONGPASS');
      wrong.disconnect();
    }
    await server.stop();
  });
});
