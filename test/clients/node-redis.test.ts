import { createClient } from 'redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type SpawnedServer, startCli } from '../support/cli.js';
import { awk, tagsOfRow } from './sample-rows.js';

/** A client that has connected, and the errors it met. */
async function open(port: number, RESP: 2 | 3, options: { password?: string } = {}) {
  const errors: Error[] = [];
  const client = createClient({
    socket: { port, host: '127.0.0.1', reconnectStrategy: false },
    RESP,
    ...options,
  });
  client.on('error', (error: Error) => errors.push(error));
  await client.connect();
  return { client, errors };
}

type Client = Awaited<ReturnType<typeof open>>['client'];

describe.each([2, 3] as const)('node-redis with RESP%i', (protocol) => {
  let server: SpawnedServer;
  let client: Client;
  let errors: Error[];

  beforeAll(async () => {
    server = await startCli('--sample');
    ({ client, errors } = await open(server.port, protocol));
  });
  afterAll(async () => {
    client?.destroy();
    await server?.stop();
  });

  it('reads the sample', async () => {
    const row = await tagsOfRow(1);
    expect({ ...(await client.hGetAll('user:p1')) }).toEqual(row);
    expect(await client.hGet('user:p1', 'age')).toBe(row['age']);
    expect(await client.hmGet('user:p1', ['sex', 'nosuch', 'age'])).toEqual([row['sex'], null, row['age']]);
    expect((await client.hKeys('user:p1')).sort()).toEqual(Object.keys(row).sort());
    expect((await client.hVals('user:p1')).sort()).toEqual(Object.values(row).sort());
    expect(await client.hLen('user:p1')).toBe(Object.keys(row).length);
    expect({ ...(await client.hGetAll('user:nobody')) }).toEqual({});
    expect(await client.sCard('tag:age')).toBe(48_842);
    expect(await client.type('user:p1')).toBe('hash');
    expect(await client.exists(['user:p1', 'tag:sex', 'user:nobody'])).toBe(2);
    expect(await client.ttl('user:p1')).toBe(-1);
    expect(await client.dbSize()).toBe(48_842 + 15);
  });

  it('counts combinations', async () => {
    const women = Number(await awk('$10 == "Female" { n++ } END { print n }'));
    const rich = Number(await awk('$15 == ">50K" { n++ } END { print n }'));
    const both = Number(await awk('$10 == "Female" && $15 == ">50K" { n++ } END { print n }'));
    const keys = ['tag:high-income', 'tag:sex=Female'];
    expect(both).toBeGreaterThan(0);
    expect(await client.sInterCard(keys)).toBe(both);
    expect(await client.sInterCard(keys, 10)).toBe(10);
    expect(await client.sUnionCard(keys)).toBe(women + rich - both);
    expect(await client.sUnionCard(keys, { APPROX: true, LIMIT: 7 })).toBe(7);
    expect(await client.sDiffCard(keys)).toBe(rich - both);
    expect([...(await client.sInter(keys))]).toHaveLength(both);
    expect([...(await client.sUnion(keys))]).toHaveLength(women + rich - both);
  });

  it('writes', async () => {
    expect(await client.sAdd('tag:news', ['u1', 'u2', 'ü3'])).toBe(3);
    expect(await client.sIsMember('tag:news', 'u1')).toBe(1);
    expect(await client.smIsMember('tag:news', ['u1', 'u9'])).toEqual([1, 0]);
    expect([...(await client.sMembers('tag:news'))].sort()).toEqual(['u1', 'u2', 'ü3']);
    expect(await client.hSet('user:u1', { city: 'Zürich', visits: '3' })).toBe(2);
    expect({ ...(await client.hGetAll('user:u1')) }).toEqual({ news: '1', city: 'Zürich', visits: '3' });
    expect(await client.hIncrBy('user:u1', 'visits', 4)).toBe(7);
    expect(await client.hIncrByFloat('user:u1', 'visits', 0.5)).toBe('7.5');
    expect(await client.sRem('tag:news', 'u2')).toBe(1);
    expect(await client.sCard('tag:city=Zürich')).toBe(1);
    expect(await client.sMove('tag:news', 'tag:old', 'u1')).toBe(1);
    expect(await client.hDel('user:u1', ['city', 'visits'])).toBe(2);
    expect(await client.del(['user:u1', 'tag:news'])).toBe(2);
    await expect(client.hSet('user:p1', 'age', 'old')).rejects.toThrow(
      'tag "age" is a number: "old" is not an integer',
    );
    expect(await client.hGet('user:p1', 'age')).toBe('39');
    await expect(client.get('user:p1')).rejects.toThrow("unknown command 'GET'");
    await expect(client.sAdd('user:p1', 'x')).rejects.toThrow('WRONGTYPE');
  });

  it('iterates', async () => {
    const ids = new Set<string>();
    for await (const keys of client.scanIterator({ MATCH: 'user:p4884*', COUNT: 5_000, TYPE: 'hash' })) {
      for (const key of keys) ids.add(key);
    }
    // p4884, and p48840 to p48842.
    expect([...ids].sort()).toEqual(['user:p4884', 'user:p48840', 'user:p48841', 'user:p48842']);
    let members = 0;
    for await (const page of client.sScanIterator('tag:sex=Female', { COUNT: 1_000 })) members += page.length;
    expect(members).toBe(await client.sCard('tag:sex=Female'));
    const cells: Record<string, string> = {};
    for await (const page of client.hScanIterator('user:p1')) {
      for (const { field, value } of page) cells[field] = value;
    }
    expect(cells).toEqual(await tagsOfRow(1));
  });

  it('streams', async () => {
    const all = [...(await client.sMembers('tag:age'))];
    expect(all).toHaveLength(48_842);
    expect(new Set(all).size).toBe(48_842);
  });

  it('transacts', async () => {
    const replies = await client.multi().sAdd('tag:t', 'a').hGet('user:p1', 'age').sCard('tag:t').exec();
    expect(replies).toEqual([1, '39', 1]);
    await client.watch('tag:t');
    await client.sAdd('tag:t', 'b');
    await expect(client.multi().sAdd('tag:t', 'c').exec()).rejects.toThrow(
      'One (or more) of the watched keys',
    );
    expect(await client.sCard('tag:t')).toBe(2);
    await expect(client.multi().ping().addCommand(['NOSUCH']).exec()).rejects.toThrow();
    expect(await client.ping()).toBe('PONG');
  });

  it('pipelines', async () => {
    const ages = await Promise.all(
      Array.from({ length: 2_000 }, (_, i) => client.hGet(`user:p${i + 1}`, 'age')),
    );
    const wanted = (await awk('NR > 1 && NR <= 2001 { print $1 }')).split('\n');
    expect(ages).toEqual(wanted);
    expect(errors).toEqual([]);
  });

  it('administers', async () => {
    await client.clientSetName('tester');
    expect(await client.clientGetName()).toBe('tester');
    const own = await client.clientInfo();
    expect(own).toMatchObject({ name: 'tester', resp: protocol, libName: 'node-redis' });
    expect(await client.info('server')).toContain('redis_version:');
    expect(await client.configGet('maxclients')).toEqual({ maxclients: '10000' });
    expect((await client.commandCount()) > 50).toBe(true);
    expect((await client.time()).length).toBe(2);
    expect(errors).toEqual([]);
  });
});

describe('node-redis and a password', () => {
  let server: SpawnedServer;

  beforeAll(async () => {
    server = await startCli('--password', 'sésame');
  });
  afterAll(() => server?.stop());

  it.each([2, 3] as const)('in RESP%i', async (protocol) => {
    const { client, errors } = await open(server.port, protocol, { password: 'sésame' });
    expect(await client.sAdd('tag:news', `u${protocol}`)).toBe(1);
    await client.close();
    expect(errors).toEqual([]);
    await expect(open(server.port, protocol, { password: 'wrong' })).rejects.toThrow('WRONGPASS');
    await expect(open(server.port, protocol).then(({ client: other }) => other.ping())).rejects.toThrow(
      'NOAUTH',
    );
  });
});
