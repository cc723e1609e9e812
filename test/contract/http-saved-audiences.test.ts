/** Saved audiences, over either transport: how they are made, told and listed, and what is refused. */
import { decode, encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { allEndpoints } from '../../protocol/http/endpoints/index.js';
import { AudienceClient, etagOf, outcomeOf, PLAIN, resultOf } from '../support/audience-client.js';
import { ask } from '../support/http-client.js';
import { startTestHttp, type TestHttpServer, TRANSPORTS } from '../support/http-server.js';

const JSON_TYPE = 'application/json';
const MSGPACK_TYPE = 'application/msgpack';
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

describe.each(TRANSPORTS)('%s', (transport) => {
  let server: TestHttpServer;
  let client: AudienceClient;

  beforeEach(async () => {
    server = await startTestHttp(transport, allEndpoints);
    client = await AudienceClient.open(server.port);
    server.engine.setTags('p1', { a: true, b: true });
    server.engine.setTags('p2', { a: true });
    server.engine.setTags('p3', { b: true, c: 'x' });
  });
  afterEach(async () => {
    client.destroy();
    await server.close();
  });

  test('are made, replaced as a whole, told and forgotten', async () => {
    const details = { description: 'what for', owner: 'crm', labels: ['x', 'ü'] };
    const made = await client.put('one', { expression: ' a and b ', ...details });
    expect(outcomeOf(made)).toBe(201);
    const one = { name: 'one', ...PLAIN, ...details, expression: 'a and b', users: null };
    const times = { created: expect.stringMatching(ISO), changed: expect.stringMatching(ISO) };
    expect(resultOf(made)).toEqual({ ...one, ...times });
    expect(await client.get('one')).toEqual({ ...resultOf<object>(made), etag: etagOf(made) });

    const tree = { type: 'or', operands: [{ type: 'has', tag: 'a' }, { type: 'all' }] };
    const replaced = await client.put('one', { expression: tree, kind: 'dynamic' });
    expect(outcomeOf(replaced)).toBe(200);
    expect(resultOf(replaced)).toEqual({ ...one, ...PLAIN, expression: 'a or all', ...times });
    expect(resultOf<{ created: string }>(replaced).created).toBe(resultOf<{ created: string }>(made).created);
    expect(etagOf(replaced)).not.toBe(etagOf(made));

    expect(outcomeOf(await client.call('DELETE', '/one'))).toBe(204);
    for (const method of ['GET', 'DELETE'])
      expect(outcomeOf(await client.call(method, '/one'))).toEqual([404, 'UNKNOWN_AUDIENCE']);
  });

  test('fixed ones keep their users, whatever is done to these', async () => {
    const made = await client.put('some', { expression: 'a', kind: 'fixed', owner: 'crm', timeout: 5000 });
    expect([outcomeOf(made), resultOf(made)]).toEqual([
      201,
      expect.objectContaining({ kind: 'fixed', users: 2, owner: 'crm', expression: 'a' }),
    ]);
    server.engine.removeTags('p1', ['a']);
    expect(await client.get('some')).toMatchObject({ users: 2 });
    const again = await client.put('some', { expression: 'a', kind: 'fixed' });
    expect([outcomeOf(again), resultOf(again)]).toEqual([
      200,
      expect.objectContaining({ users: 1, owner: '' }),
    ]);
  });

  test('tell how many users they have as soon as that is known', async () => {
    await client.put('one', 'a and not b');
    expect(await client.get('one')).toMatchObject({ users: null });
    server.engine.audiences.count('@one');
    expect(await client.get('one')).toMatchObject({ users: 1 });
  });

  test('speak MessagePack', async () => {
    const types = { 'content-type': MSGPACK_TYPE, accept: MSGPACK_TYPE };
    const made = await client.put('one', encode({ expression: 'a', labels: ['x'] }), types);
    expect([made.status, made.headers.get('content-type')]).toEqual([201, MSGPACK_TYPE]);
    const { etag, ...told } = await client.get('one');
    expect(etag).toBe(etagOf(made));
    expect(decode(made.body)).toEqual(told);
  });

  test.each([
    ['a/b', 'a%2Fb'],
    ['..', '..'],
    ['count', 'count'],
    ['users', 'users'],
    ['großer Kreis = alle?', 'gro%C3%9Fer%20Kreis%20=%20alle%3F'],
    ['__proto__', '__proto__'],
    ['😀', '%F0%9F%98%80'],
    ['x'.repeat(255), 'x'.repeat(255)],
  ])('may be called %j', async (name, path) => {
    expect(outcomeOf(await client.put(path, 'a'))).toBe(201);
    expect(await client.get(path)).toMatchObject({ name, expression: 'a' });
    expect(resultOf(await client.call('GET', ''))).toMatchObject({ items: [{ name }] });
    expect(outcomeOf(await client.call('PATCH', `/${path}`, { owner: 'x' }))).toBe(200);
    expect(outcomeOf(await client.call('DELETE', `/${path}`))).toBe(204);
    expect(server.engine.audiences.list()).toEqual([]);
  });

  describe('what is refused', () => {
    beforeEach(async () => {
      await client.put('base', 'a');
      await client.put('user', '@base and b');
      await client.put('fixed', { expression: 'b', kind: 'fixed' });
    });

    test.each<[method: string, name: string, body: unknown, status: number, code: string]>([
      ['PUT', 'x', { expression: 'a and' }, 400, 'INVALID_EXPRESSION'],
      ['PUT', 'x', { expression: 'a and', kind: 'fixed' }, 400, 'INVALID_EXPRESSION'],
      ['PUT', 'x', { expression: { type: 'has' } }, 400, 'INVALID_EXPRESSION'],
      ['PUT', 'x', { expression: 'missing' }, 404, 'UNKNOWN_TAG'],
      ['PUT', 'x', { expression: '@missing', kind: 'fixed' }, 404, 'UNKNOWN_AUDIENCE'],
      ['PUT', 'x', {}, 400, 'INVALID_ARGUMENT'],
      ['PUT', 'x', { expression: 'a', kind: 'other' }, 400, 'INVALID_ARGUMENT'],
      ['PUT', 'x', { expression: 'a', name: 'y' }, 400, 'INVALID_ARGUMENT'],
      ['PUT', 'x', { expression: 'a', labels: 'x' }, 400, 'INVALID_ARGUMENT'],
      ['PUT', 'x', { expression: 'a', labels: [1] }, 400, 'INVALID_ARGUMENT'],
      ['PUT', 'x', { expression: 'a', labels: ['l'.repeat(256)] }, 400, 'INVALID_ARGUMENT'],
      ['PUT', 'x', { expression: 'a', labels: new Array(65).fill('l') }, 400, 'INVALID_ARGUMENT'],
      ['PUT', 'x', { expression: 'a', owner: null }, 400, 'INVALID_ARGUMENT'],
      ['PUT', 'x', { expression: 'a', owner: 'ü'.repeat(128) }, 400, 'INVALID_ARGUMENT'],
      ['PUT', 'x', { expression: 'a', description: 'x'.repeat(4097) }, 400, 'INVALID_ARGUMENT'],
      ['PUT', 'x', { expression: 'a', kind: 'fixed', timeout: -1 }, 400, 'INVALID_ARGUMENT'],
      ['PUT', 'a%60b', { expression: 'a' }, 400, 'INVALID_ARGUMENT'],
      ['PUT', 'a%0Ab', { expression: 'a', kind: 'fixed' }, 400, 'INVALID_ARGUMENT'],
      ['PUT', 'x'.repeat(256), { expression: 'a' }, 400, 'INVALID_ARGUMENT'],
      ['PUT', '%ff', { expression: 'a' }, 400, 'SYNTAX'],
      ['PUT', 'base', { expression: '@base' }, 409, 'AUDIENCE_CONFLICT'],
      ['PUT', 'base', { expression: '@user' }, 409, 'AUDIENCE_CONFLICT'],
      ['PUT', 'base', { expression: 'a', kind: 'fixed' }, 409, 'AUDIENCE_CONFLICT'],
      ['PUT', 'fixed', { expression: 'a' }, 409, 'AUDIENCE_CONFLICT'],
      ['PATCH', 'x', { owner: 'me' }, 404, 'UNKNOWN_AUDIENCE'],
      ['PATCH', 'base', { name: 'user' }, 409, 'AUDIENCE_CONFLICT'],
      ['PATCH', 'base', { name: 'a`b' }, 400, 'INVALID_ARGUMENT'],
      ['PATCH', 'base', { name: '' }, 400, 'INVALID_ARGUMENT'],
      ['PATCH', 'base', { name: 'free', owner: 'ü'.repeat(128) }, 400, 'INVALID_ARGUMENT'],
      ['PATCH', 'base', { name: 'user', owner: 'me' }, 409, 'AUDIENCE_CONFLICT'],
      ['PATCH', 'base', { expression: 'b' }, 400, 'INVALID_ARGUMENT'],
      ['PATCH', 'base', [], 400, 'INVALID_ARGUMENT'],
      ['PATCH', 'base', undefined, 400, 'INVALID_ARGUMENT'],
      ['DELETE', 'x', undefined, 404, 'UNKNOWN_AUDIENCE'],
      ['DELETE', 'base', undefined, 409, 'AUDIENCE_IN_USE'],
      ['GET', 'x', undefined, 404, 'UNKNOWN_AUDIENCE'],
      ['GET', 'base?users=1', undefined, 400, 'INVALID_ARGUMENT'],
      ['POST', 'base', { expression: 'a' }, 405, 'METHOD_NOT_ALLOWED'],
    ])('%s %.20s %j: %i %s, and nothing changes', async (method, name, body, status, code) => {
      const before = server.engine.audiences.list();
      expect(outcomeOf(await client.call(method, `/${name}`, body))).toEqual([status, code]);
      expect(server.engine.audiences.list()).toEqual(before);
      expect(server.engine.store.audiences.drafts).toEqual([]);
    });

    test('tells the position of an error in an expression', async () => {
      expect(resultOf(await client.put('x', 'a and (b'))).toMatchObject({ position: 9 });
    });

    test('a body that is cut off at any byte saves nothing', async () => {
      const value = { expression: 'a and b', labels: ['ü'], owner: 'x', kind: 'dynamic' };
      const bodies = [
        [JSON_TYPE, Buffer.from(JSON.stringify(value))],
        [MSGPACK_TYPE, Buffer.from(encode(value))],
      ] as const;
      const before = server.engine.audiences.list();
      for (const [type, whole] of bodies) {
        for (let end = 0; end < whole.length; end++) {
          const answer = await client.put('base', whole.subarray(0, end), { 'content-type': type });
          expect(answer.status).toBe(400);
        }
      }
      expect(server.engine.audiences.list()).toEqual(before);
    });
  });

  describe('are changed in part', () => {
    beforeEach(async () => {
      await client.put('one', { expression: 'a', description: 'what for', owner: 'crm', labels: ['x'] });
      await client.put('two', '@one or b');
    });

    test('what is not given stays', async () => {
      const before = await client.get('one');
      for (const part of [{ owner: 'me' }, { labels: [] }, { description: '', owner: '' }]) {
        const { etag, changed } = await client.get('one');
        const answer = await client.call('PATCH', '/one', part);
        expect(outcomeOf(answer)).toBe(200);
        expect(await client.get('one')).toEqual({ ...resultOf<object>(answer), etag: etagOf(answer) });
        expect(await client.get('one')).toMatchObject(part);
        expect(etagOf(answer)).not.toBe(etag);
        expect(resultOf<{ changed: string }>(answer).changed > (changed as string)).toBe(true);
      }
      const { name, kind, expression, created } = before;
      expect(await client.get('one')).toMatchObject({ name, kind, expression, created, description: '' });
    });

    test('nothing to change is no change', async () => {
      const before = await client.get('one');
      for (const body of [{}, { name: 'one' }])
        expect(etagOf(await client.call('PATCH', '/one', body))).toBe(before['etag']);
      expect(await client.get('one')).toEqual(before);
    });

    test('another name is known to those who use it', async () => {
      const { etag } = await client.get('two');
      const answer = await client.call('PATCH', '/one', { name: 'a new one', owner: 'me' });
      expect(resultOf(answer)).toMatchObject({ name: 'a new one', owner: 'me', description: 'what for' });
      expect(outcomeOf(await client.call('GET', '/one'))).toEqual([404, 'UNKNOWN_AUDIENCE']);
      expect(await client.get('a%20new%20one')).toMatchObject({ expression: 'a', etag: etagOf(answer) });
      const two = await client.get('two');
      expect(two).toMatchObject({ expression: '@`a new one` or b' });
      expect(two['etag']).not.toBe(etag);
    });
  });

  describe('are listed', () => {
    test('fewer at a time where their texts are long', async () => {
      const { audiences } = server.engine;
      const names = Array.from({ length: 40 }, (_, i) => `long${i + 10}`);
      const expression = Array.from({ length: 8000 }, (_, i) => `${i}`).join(', ');
      server.engine.declareTag('length', { kind: 'number' });
      for (const name of names) audiences.save(name, `length in (${expression})`);
      const found: string[] = [];
      let pages = 0;
      for (let cursor: string | undefined = ''; cursor !== undefined; pages++) {
        const url = `/v1/audiences?match=long*&limit=1000&cursor=${cursor}`;
        const answer = await ask(server.port, 'GET', url);
        expect(answer.body.length).toBeLessThan(1_500_000);
        const page = JSON.parse(String(answer.body)) as { items: { name: string }[]; cursor?: string };
        found.push(...page.items.map(({ name }) => name));
        cursor = page.cursor;
      }
      expect(found).toEqual(names);
      expect(pages).toBe(2);
    });

    const names = async (query: string): Promise<[string[], string | undefined]> => {
      const answer = await client.call('GET', query);
      expect(outcomeOf(answer)).toBe(200);
      const { items, cursor } = resultOf<{ items: { name: string }[]; cursor?: string }>(answer);
      return [items.map(({ name }) => name), cursor];
    };

    test('as they are told one by one', async () => {
      await client.put('b', { expression: 'a', kind: 'fixed', owner: 'x' });
      await client.put('a', 'b');
      const told = [await client.get('a'), await client.get('b')];
      expect(resultOf(await client.call('GET', ''))).toEqual({
        items: told.map(({ etag, ...rest }) => rest),
      });
    });

    test('page by page, in the order of their names, each once', async () => {
      const { audiences } = server.engine;
      await fc.assert(
        fc.asyncProperty(
          fc.uniqueArray(
            fc.constantFrom('a', 'B', 'ab', 'a b', 'ü', '日本', '😀', '&=?#', '+', '%20', 'x/y', '..', '~'),
          ),
          fc.integer({ min: 1, max: 5 }),
          fc.constantFrom(undefined, '*', 'a*', '?', '*[!-~]'),
          async (saved, limit, match) => {
            for (const { name } of audiences.list()) audiences.drop(name);
            for (const name of saved) audiences.save(name, 'all');
            const found: string[] = [];
            const query = match === undefined ? '' : `&match=${encodeURIComponent(match)}`;
            for (let next: string | undefined = ''; next !== undefined; ) {
              const from: string = next === '' ? '' : `&cursor=${encodeURIComponent(next)}`;
              const [page, cursor]: [string[], string | undefined] = await names(
                `?limit=${limit}${query}${from}`,
              );
              expect(page.length === limit || cursor === undefined).toBe(true);
              found.push(...page);
              next = cursor;
            }
            expect(found).toEqual(audiences.list(match).map(({ name }) => name));
          },
        ),
        { numRuns: 40 },
      );
    });

    test('a thousand of them at the most, a hundred unless more are wanted', async () => {
      const all = Array.from({ length: 1200 }, (_, i) => `n${String(i).padStart(4, '0')}`);
      // Not in their order, so that it is made.
      for (const i of all.keys()) server.engine.audiences.save(all[(i * 7) % 1200]!, 'all');
      expect(await names('')).toEqual([all.slice(0, 100), 'n0099']);
      expect(await names('?limit=1000')).toEqual([all.slice(0, 1000), 'n0999']);
      expect(await names('?limit=1000&cursor=n0999')).toEqual([all.slice(1000), undefined]);
      expect(await names('?cursor=n1199')).toEqual([[], undefined]);
      // A page goes on behind a name that is no more.
      server.engine.audiences.drop('n0099');
      expect(await names('?limit=1&cursor=n0099')).toEqual([['n0100'], 'n0100']);
      for (const wrong of ['?limit=0', '?limit=1001', '?limit=x', '?match=a&match=b', '?cursor=%ff', '?x=1'])
        expect((await client.call('GET', wrong)).status).toBe(400);
    });
  });
});
