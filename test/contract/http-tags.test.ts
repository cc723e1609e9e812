/** The catalogue of tags, and what is told of their values, over either transport. */
import { decode } from '@msgpack/msgpack';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { tagReports } from '../../protocol/http/endpoints/tag-reports.js';
import { tags } from '../../protocol/http/endpoints/tags.js';
import type { Engine } from '../../src/index.js';
import { ask } from '../support/http-client.js';
import { startTestHttp, type TestHttpServer, TRANSPORTS } from '../support/http-server.js';
import type { Reply } from '../support/resp.js';
import type { RespClient } from '../support/resp-client.js';
import { startTestServer, type TestServer } from '../support/server.js';

const json = { 'content-type': 'application/json' };

/** A reply as a value: maps as objects, `bytes` and the like as numbers. */
function plain({ type, text, items }: Reply): unknown {
  if (type === '%') {
    const entries: [string, unknown][] = [];
    for (let i = 0; i < items.length; i += 2) entries.push([items[i]!.text!, plain(items[i + 1]!)]);
    return Object.fromEntries(entries);
  }
  if (type === '*' || type === '~') return items.map(plain);
  if (text === null) return null;
  return type === ':' || type === ',' ? Number(text) : Buffer.from(text, 'latin1').toString();
}

function fill(engine: Engine): void {
  engine.declareTag('age', { kind: 'number', description: 'in years' });
  engine.declareTag('height', { kind: 'number', scale: 2 });
  engine.declareTag('nobody', { kind: 'number' });
  for (let i = 0; i < 50; i++) {
    const values = new Map<string, number | string | true>([['Größe/2', i % 3 === 0 ? 'L' : 'S']]);
    if (i % 2 === 0) values.set('age', 20 + i);
    if (i % 5 === 0) values.set('height', 1.5 + i / 100);
    if (i % 7 === 0) values.set('vip', true);
    engine.setTags(`u${i}`, values);
  }
}

describe.each(TRANSPORTS)('%s', (transport) => {
  let server: TestHttpServer;

  beforeEach(async () => {
    server = await startTestHttp(transport, [...tags, ...tagReports]);
  });
  afterEach(() => server.close());

  const call = async (method: string, path: string, body?: unknown) => {
    const text = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body);
    const bytes = Buffer.from(text).toString('latin1');
    const answer = await ask(server.port, method, path, text === '' ? {} : json, bytes);
    const value = answer.body.length === 0 ? undefined : JSON.parse(String(answer.body));
    return { status: answer.status, value };
  };

  describe('declaring', () => {
    test('makes a tag, and then says that there is one', async () => {
      const declaration = { kind: 'number', scale: 2, description: 'Grüße' };
      const made = await call('PUT', '/v1/tags/price', declaration);
      expect(made).toEqual({
        status: 201,
        value: { name: 'price', ...declaration, declared: true, users: 0, bytes: expect.any(Number) },
      });
      expect(await call('PUT', '/v1/tags/price', declaration)).toEqual({ ...made, status: 200 });
      expect(await call('GET', '/v1/tags/price')).toEqual({ ...made, status: 200 });
    });

    test('keeps what is not given', async () => {
      await call('PUT', '/v1/tags/price', { kind: 'number', scale: 2, description: 'in euros' });
      const { value } = await call('PUT', '/v1/tags/price', { kind: 'number' });
      expect(value).toMatchObject({ scale: 2, description: 'in euros' });
      const other = await call('PUT', '/v1/tags/price', { kind: 'number', description: '' });
      expect(other.value).toMatchObject({ scale: 2, description: '' });
    });

    test('converts when every value allows it', async () => {
      server.engine.setTags('a', { size: '10' });
      server.engine.setTags('b', { size: '12' });
      const { status, value } = await call('PUT', '/v1/tags/size', { kind: 'number' });
      expect(status).toBe(200);
      expect(value).toMatchObject({ kind: 'number', scale: 0, declared: true, users: 2 });
      expect(value).not.toHaveProperty('values');
      expect(server.engine.get('b', ['size'])).toEqual([12]);
    });

    test('says which value does not allow it, and changes nothing', async () => {
      server.engine.setTags('a', { size: '10' });
      server.engine.setTags('b', { size: 'large' });
      const { status, value } = await call('PUT', '/v1/tags/size', { kind: 'number' });
      expect(status).toBe(409);
      expect(value).toMatchObject({ code: 'TAG_CONFLICT', detail: expect.stringContaining('large') });
      expect(server.engine.tag('size')).toMatchObject({ kind: 'enum', declared: false, values: 2 });
    });

    test('converts no tag that a saved audience uses', async () => {
      server.engine.setTags('a', { size: '10' });
      server.engine.audiences.save('large', 'size = 10');
      expect(await call('PUT', '/v1/tags/size', { kind: 'number' })).toMatchObject({ status: 409 });
    });

    test.each([
      ['no body', '', 400, 'INVALID_ARGUMENT'],
      ['no kind', {}, 400, 'INVALID_ARGUMENT'],
      ['another kind', { kind: 'set' }, 400, 'INVALID_ARGUMENT'],
      ['a scale that is too large', { kind: 'number', scale: 10 }, 400, 'INVALID_ARGUMENT'],
      ['half a scale', { kind: 'number', scale: 0.5 }, 400, 'INVALID_ARGUMENT'],
      ['a scale for a flag', { kind: 'flag', scale: 1 }, 400, 'INVALID_ARGUMENT'],
      ['what is not known', { kind: 'flag', color: 'red' }, 400, 'INVALID_ARGUMENT'],
      ['no JSON', '{"kind":', 400, 'SYNTAX'],
    ])('refuses %s', async (_, body, status, code) => {
      expect(await call('PUT', '/v1/tags/a', body)).toMatchObject({ status, value: { code } });
      expect(server.engine.tag('a')).toBeUndefined();
    });

    test.each(['a%3Db', '%3C', 'a%0Ab', 'x'.repeat(256), '%C3%A9'.repeat(128)])(
      'refuses the name %s',
      async (name) => {
        const { status, value } = await call('PUT', `/v1/tags/${name}`, { kind: 'flag' });
        expect({ status, code: value.code }).toEqual({ status: 400, code: 'INVALID_TAG_NAME' });
        expect(await call('GET', `/v1/tags/${name}`)).toMatchObject({ status: 404 });
      },
    );
  });

  describe('dropping', () => {
    test('takes it from its users', async () => {
      server.engine.setTags('a', { vip: true, age: '3' });
      server.engine.setTags('b', { vip: true });
      expect(await call('DELETE', '/v1/tags/vip')).toEqual({ status: 204, value: undefined });
      expect(server.engine.tags().map(({ name }) => name)).toEqual(['age']);
      expect(server.engine.has('b')).toBe(false);
      expect(await call('DELETE', '/v1/tags/vip')).toMatchObject({
        status: 404,
        value: { code: 'UNKNOWN_TAG' },
      });
    });

    test('is refused as long as an audience uses it', async () => {
      server.engine.setTags('a', { vip: true });
      server.engine.audiences.save('best', 'vip');
      const { status, value } = await call('DELETE', '/v1/tags/vip');
      expect({ status, code: value.code }).toEqual({ status: 409, code: 'AUDIENCE_IN_USE' });
      expect(value.detail).toContain('best');
      server.engine.audiences.drop('best');
      expect(await call('DELETE', '/v1/tags/vip')).toMatchObject({ status: 204 });
    });
  });

  describe('listing', () => {
    const names = ['B', 'a', 'a,b', 'a/b', 'b', 'Öl', 'ü ü', '標籤', '😀'];

    beforeEach(() => {
      for (const name of [...names].reverse()) server.engine.declareTag(name, { kind: 'flag' });
    });

    const listed = async (query: string) => {
      const { value } = await call('GET', `/v1/tags${query}`);
      return { names: value.items.map(({ name }: { name: string }) => name), cursor: value.cursor };
    };

    test('gives all, by name', async () => {
      expect(await listed('')).toEqual({ names: [...names].sort(), cursor: undefined });
    });

    test('gives those that match', async () => {
      expect((await listed('?match=a*')).names).toEqual(['a', 'a,b', 'a/b']);
      expect((await listed('?match=%5BbB%5D')).names).toEqual(['B', 'b']);
      expect((await listed('?match=none')).names).toEqual([]);
    });

    test.each([1, 2, 3, 8, 9, 10])('gives all in pages of %i', async (limit) => {
      const found: string[] = [];
      let cursor = '';
      let pages = 0;
      for (; cursor !== undefined; pages++) {
        const page = await listed(`?limit=${limit}&cursor=${encodeURIComponent(cursor)}`);
        expect(page.names.length).toBeLessThanOrEqual(limit);
        found.push(...page.names);
        cursor = page.cursor;
      }
      expect(found).toEqual([...names].sort());
      expect(pages).toBe(Math.ceil(names.length / limit));
    });

    test('goes on where it was, whatever came and went', async () => {
      const first = await listed('?limit=3');
      server.engine.dropTag(first.names[2]!);
      server.engine.declareTag('0', { kind: 'flag' });
      const rest = await listed(`?cursor=${encodeURIComponent(first.cursor)}`);
      expect([...first.names, ...rest.names]).toEqual([...names].sort());
    });

    test.each(['limit=0', 'limit=10001', 'limit=x', 'limit=', 'match=%ff', 'count=1'])(
      'refuses %s',
      async (query) => {
        expect(await call('GET', `/v1/tags?${query}`)).toMatchObject({ status: 400 });
      },
    );

    test('answers in MessagePack, too', async () => {
      const { body } = await ask(server.port, 'GET', '/v1/tags?limit=1', { accept: 'application/msgpack' });
      const item = { name: 'B', kind: 'flag', description: '', declared: true, users: 0 };
      expect(decode(body)).toEqual({ items: [{ ...item, bytes: expect.any(Number) }], cursor: 'B' });
    });
  });

  describe('reports', () => {
    beforeEach(() => fill(server.engine));

    test('count the values of an enum and of a flag', async () => {
      expect(await call('GET', '/v1/tags/Gr%C3%B6%C3%9Fe%2F2/distribution?of=age')).toEqual({
        status: 200,
        value: {
          tag: 'Größe/2',
          kind: 'enum',
          users: 25,
          missing: 0,
          values: [
            { value: 'S', users: 16 },
            { value: 'L', users: 9 },
          ],
        },
      });
      const flag = await call('GET', '/v1/tags/vip/distribution');
      const values = [{ value: true, users: 8 }];
      expect(flag.value).toEqual({ tag: 'vip', kind: 'flag', users: 8, missing: 42, values });
    });

    test('give no figures where nobody has the tag', async () => {
      const none = { p1: null, p5: null, p25: null, p50: null, p75: null, p95: null, p99: null };
      expect(await call('GET', '/v1/tags/nobody/stats')).toEqual({
        status: 200,
        value: {
          tag: 'nobody',
          count: 0,
          missing: 50,
          sum: 0,
          average: null,
          minimum: null,
          maximum: null,
          quantiles: none,
        },
      });
      const { value } = await call('GET', '/v1/tags/nobody/distribution');
      expect(value).toEqual({ tag: 'nobody', kind: 'number', users: 0, missing: 50, ranges: [] });
    });

    test.each([
      ['/v1/tags/none/distribution', 404, 'UNKNOWN_TAG'],
      ['/v1/tags/none/stats', 404, 'UNKNOWN_TAG'],
      ['/v1/tags/vip/stats', 400, 'INVALID_ARGUMENT'],
      ['/v1/tags/age/stats?of=age%20%3E', 400, 'INVALID_EXPRESSION'],
      ['/v1/tags/age/stats?of=', 400, 'INVALID_EXPRESSION'],
      ['/v1/tags/age/stats?of=unheard', 404, 'UNKNOWN_TAG'],
      ['/v1/tags/age/stats?of=@unheard', 404, 'UNKNOWN_AUDIENCE'],
      ['/v1/tags/age/stats?ranges=3', 400, 'INVALID_ARGUMENT'],
      ['/v1/tags/age/stats?timeout=-1', 400, 'INVALID_ARGUMENT'],
      ['/v1/tags/age/distribution?ranges=0', 400, 'INVALID_ARGUMENT'],
      ['/v1/tags/age/distribution?ranges=1001', 400, 'INVALID_ARGUMENT'],
    ])('%s is refused', async (path, status, code) => {
      expect(await call('GET', path)).toMatchObject({ status, value: { status, code } });
    });

    test('say where an expression is wrong', async () => {
      const { value } = await call('GET', '/v1/tags/age/stats?of=age%20%3E');
      expect(value.position).toBe(6);
    });
  });
});

describe('the same as over RESP', () => {
  let server: TestHttpServer;
  let other: TestServer;
  let client: RespClient;

  beforeAll(async () => {
    server = await startTestHttp('node', [...tags, ...tagReports]);
    fill(server.engine);
    other = await startTestServer({ engine: server.engine });
    client = await other.connect(3);
  });
  afterAll(async () => {
    await other.close();
    await server.close();
  });

  const http = async (path: string) => JSON.parse(String((await ask(server.port, 'GET', path)).body));
  const resp = async (...words: string[]) => plain(await client.reply(...words));

  test('tags', async () => {
    const { items } = await http('/v1/tags');
    const told = items.map(({ declared, ...tag }: { declared: boolean }) => ({
      ...tag,
      declared: declared ? 1 : 0,
    }));
    expect(told).toEqual(await resp('TAG.LIST'));
    for (const tag of told) {
      expect(await resp('TAG.INFO', tag.name)).toEqual(tag);
      const one = await http(`/v1/tags/${encodeURIComponent(tag.name)}`);
      expect({ ...one, declared: one.declared ? 1 : 0 }).toEqual(tag);
    }
  });

  test.each(['', 'vip', 'age > 40', 'not height', 'none'])('reports on %s', async (expression) => {
    const of = expression === '' ? [] : ['OF', expression];
    const query = expression === '' ? '' : `&of=${encodeURIComponent(expression)}`;
    for (const tag of ['age', 'height', 'nobody']) {
      const { quantiles, sum, count, missing, average, minimum, maximum } = await http(
        `/v1/tags/${tag}/stats?timeout=0${query}`,
      );
      const figures = { count, sum, avg: average, min: minimum, max: maximum, missing, quantiles };
      expect(figures).toEqual(await resp('TAG.STATS', tag, ...of));
      const distribution = await http(`/v1/tags/${tag}/distribution?ranges=7${query}`);
      const ranges = distribution.ranges.map((range: object) => Object.values(range));
      expect({ ...distribution, ranges }).toEqual(await resp('TAG.DISTRIBUTION', tag, ...of, 'RANGES', '7'));
    }
  });
});
