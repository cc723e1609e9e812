/** Users given to tags and taken from them, in every form of body, over either transport. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { encode } from '@msgpack/msgpack';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { tagUsers } from '../../protocol/http/endpoints/tag-users.js';
import { bitmapOf, rangeOf } from '../../src/store/bitmap.js';
import { ask, RawHttpClient, requestText } from '../support/http-client.js';
import { startTestHttp, type TestHttpServer, TRANSPORTS } from '../support/http-server.js';
import { FORMS, latin1, roaringBody, type UserBody } from '../support/user-bodies.js';

const PATH = '/v1/tags/vip/users';
const lines = { 'content-type': 'text/plain' };
const ndjson = { 'content-type': 'application/x-ndjson' };
const json = { 'content-type': 'application/json' };
const msgpack = { 'content-type': 'application/msgpack' };
const roaring = { 'content-type': 'application/vnd.roaring' };

function textBody(headers: Record<string, string>, text: string | Uint8Array): UserBody {
  return { headers, bytes: Buffer.from(text as string) };
}

/** Ids of all kinds, but for those that lines cannot say. */
const IDS = [
  ...['p1', 'p2', 'ü', '😀', '"', '\\', '{}', ' ', 'a,b', '\u0000', 'a\rb', '\r\r!', 'x'.repeat(255)].map(
    (id) => Buffer.from(id),
  ),
  ...[[0xff], [0xc3], [0, 1, 2, 3], [0xef, 0xbb, 0xbf]].map((bytes) => Buffer.from(bytes)),
  Buffer.alloc(255, 0x80),
];

describe.each(TRANSPORTS)('%s', (transport) => {
  let server: TestHttpServer;

  beforeEach(async () => {
    server = await startTestHttp(transport, tagUsers);
  });
  afterEach(() => server.close());

  const call = async (method: string, path: string, body: UserBody) => {
    const answer = await ask(server.port, method, path, body.headers, latin1(body));
    return { status: answer.status, value: JSON.parse(String(answer.body)) };
  };
  const changed = (given: number, count: number) => ({ status: 200, value: { given, changed: count } });
  const members = (tag: string, value?: string) =>
    [...server.engine.memberBytes(tag, value)].map((id) => Buffer.from(id).toString('hex')).sort();
  const hex = (ids: readonly Buffer[]) => ids.map((id) => id.toString('hex')).sort();

  describe.each(Object.entries(FORMS))('%s', (_, form) => {
    test('gives and takes the same as any other', async () => {
      expect(await call('POST', PATH, form(IDS))).toEqual(changed(IDS.length, IDS.length));
      expect(members('vip')).toEqual(hex(IDS));
      expect(await call('POST', PATH, form(IDS))).toEqual(changed(IDS.length, 0));
      const some = IDS.slice(3, 8);
      expect(await call('DELETE', PATH, form(some))).toEqual(changed(5, 5));
      expect(members('vip')).toEqual(hex(IDS.filter((id) => !some.includes(id))));
      expect(await call('DELETE', PATH, form(IDS))).toEqual(changed(IDS.length, IDS.length - 5));
      expect(server.engine.stats().users).toBe(0);
    });

    test('counts who is named twice once', async () => {
      const twice = [...IDS, ...IDS];
      expect(await call('POST', PATH, form(twice))).toEqual(changed(twice.length, IDS.length));
      expect(await call('DELETE', PATH, form(twice))).toEqual(changed(twice.length, IDS.length));
    });

    test.each([0, 1, 255, 256, 257, 1000])('takes %i', async (count) => {
      const ids = Array.from({ length: count }, (__, i) => Buffer.from(`user-${i}`));
      expect(await call('POST', PATH, form(ids))).toEqual(changed(count, count));
      expect(server.engine.count('vip')).toBe(count);
    });

    test('moves users to a value', async () => {
      const { engine } = server;
      engine.addUsers('size', IDS.slice(0, 4), 'S');
      const path = '/v1/tags/size/users?value=L%20%26%20XL';
      expect(await call('POST', path, form(IDS.slice(2, 6)))).toEqual(changed(4, 4));
      expect(members('size', 'L & XL')).toEqual(hex(IDS.slice(2, 6)));
      expect(members('size', 'S')).toEqual(hex(IDS.slice(0, 2)));
      expect(await call('DELETE', '/v1/tags/size/users?value=S', form(IDS))).toEqual(changed(IDS.length, 2));
      expect(members('size')).toEqual(hex(IDS.slice(2, 6)));
      expect(engine.check().problems).toEqual([]);
    });
  });

  describe('values', () => {
    const people = FORMS['lines']!(['a', 'b', 'c'].map((id) => Buffer.from(id)));

    test('of a number', async () => {
      server.engine.declareTag('price', { kind: 'number', scale: 2 });
      expect(await call('POST', '/v1/tags/price/users?value=1.50', people)).toEqual(changed(3, 3));
      expect(server.engine.get('b', ['price'])).toEqual([1.5]);
      expect(await call('DELETE', '/v1/tags/price/users?value=1.51', people)).toEqual(changed(3, 0));
      expect(await call('DELETE', '/v1/tags/price/users?value=1.5', people)).toEqual(changed(3, 3));
      for (const value of ['1.555', 'many', '']) {
        const answer = await call('POST', `/v1/tags/price/users?value=${value}`, people);
        expect(answer).toMatchObject({ status: 422, value: { code: 'INVALID_VALUE' } });
      }
    });

    test('that is needed and not said changes nobody', async () => {
      server.engine.declareTag('size', { kind: 'enum' });
      server.engine.addUsers('size', ['a'], 'S');
      const answer = await call('POST', '/v1/tags/size/users', people);
      expect(answer).toMatchObject({ status: 422, value: { code: 'INVALID_VALUE' } });
      expect(members('size')).toEqual(['61']);
      // Who has one keeps it.
      expect(await call('POST', '/v1/tags/size/users', textBody(lines, 'a'))).toEqual(changed(1, 0));
    });

    test('of a tag that nobody has', async () => {
      expect(await call('DELETE', '/v1/tags/none/users?value=x', people)).toEqual(changed(3, 0));
      expect(await call('DELETE', '/v1/tags/none/users', people)).toEqual(changed(3, 0));
      expect(await call('POST', '/v1/tags/a%3Db/users', people)).toMatchObject({
        status: 400,
        value: { code: 'INVALID_TAG_NAME' },
      });
    });

    test('given twice are refused', async () => {
      expect(await call('POST', `${PATH}?value=1&value=2`, people)).toMatchObject({ status: 400 });
    });
  });

  const long = 'x'.repeat(256);
  test.each<[string, UserBody, string, string | RegExp]>([
    ['an empty line', textBody(lines, 'a\n\nb\n'), 'INVALID_USER_ID', 'line 2: '],
    ['a line of CR', textBody(lines, 'a\nb\n\r\n'), 'INVALID_USER_ID', 'line 3: '],
    [
      'a line that is too long',
      textBody(lines, `a\r\nb\r\n${long}\r\n`),
      'INVALID_USER_ID',
      /^line 3: .* 256$/,
    ],
    ['a last line that is too long', textBody(lines, `a\n${long}`), 'INVALID_USER_ID', 'line 2: '],
    ['wrong JSON at line 3', textBody(ndjson, '"a"\n"b"\n"c\n"d"\n'), 'SYNTAX', /line 3: .* at byte 11$/],
    ['two values in a line', textBody(ndjson, '"a"\n"b" "c"\n'), 'SYNTAX', /line 2: .* at byte 9$/],
    ['an empty line of NDJSON', textBody(ndjson, '"a"\n\n'), 'SYNTAX', 'line 2: '],
    ['what is not UTF-8', textBody(ndjson, Buffer.from('"a"\n"\xff"\n', 'latin1')), 'SYNTAX', 'line 2: '],
    ['half a surrogate pair', textBody(ndjson, '"a"\n"\\ud800"\n'), 'SYNTAX', 'line 2: '],
    ['an empty id', textBody(ndjson, '"a"\n""\n'), 'INVALID_USER_ID', 'line 2: '],
    ['256 bytes', textBody(ndjson, `"a"\n{"id":"${long}"}`), 'INVALID_USER_ID', 'line 2: '],
    ['256 bytes as characters', textBody(ndjson, `"${'é'.repeat(128)}"`), 'INVALID_USER_ID', 'line 1: '],
    ['a number', textBody(ndjson, '"a"\n"b"\n3\n'), 'INVALID_ARGUMENT', 'line 3: '],
    ['null', textBody(ndjson, 'null'), 'INVALID_ARGUMENT', 'line 1: '],
    ['a list', textBody(ndjson, '["a"]'), 'INVALID_ARGUMENT', 'line 1: '],
    ['no id', textBody(ndjson, '{"name":"a"}'), 'INVALID_ARGUMENT', 'line 1: '],
    ['more than an id', textBody(ndjson, '{"id":"a","tags":{}}'), 'INVALID_ARGUMENT', 'line 1: '],
    ['an id in an id', textBody(ndjson, '{"id":{"id":"a"}}'), 'INVALID_ARGUMENT', 'line 1: '],
    ['what it inherits', textBody(ndjson, '{"__proto__":{"id":"a"}}'), 'INVALID_ARGUMENT', 'line 1: '],
    ['no base64', textBody(ndjson, '{"base64":"ä"}'), 'INVALID_ARGUMENT', 'line 1: '],
    ['too deep', textBody(ndjson, `${'['.repeat(10)}${']'.repeat(10)}`), 'SYNTAX', 'line 1: '],
    ['an endless line', textBody(ndjson, `"a"\n"${'x'.repeat(100_000)}"`), 'INVALID_ARGUMENT', 'line 2: '],
    ['a value that ends early', textBody(json, '{"ids":["a","b"'), 'SYNTAX', 'at byte 16'],
    ['a list of ids alone', textBody(json, '["a"]'), 'INVALID_ARGUMENT', '{"ids"'],
    ['another property', textBody(json, '{"ids":["a"],"more":1}'), 'INVALID_ARGUMENT', '{"ids"'],
    ['ids that are no list', textBody(json, '{"ids":"a"}'), 'INVALID_ARGUMENT', '{"ids"'],
    ['an empty id in a value', textBody(json, '{"ids":["a","b",""]}'), 'INVALID_USER_ID', '/ids/2'],
    ['a number in a value', textBody(json, '{"ids":["a",1]}'), 'INVALID_ARGUMENT', '/ids/1'],
    ['a list in MessagePack', textBody(msgpack, encode({ ids: ['a', []] })), 'INVALID_ARGUMENT', '/ids/1'],
    [
      'no bytes in MessagePack',
      textBody(msgpack, encode({ ids: [new Uint8Array()] })),
      'INVALID_USER_ID',
      '/ids/0',
    ],
    ['no JSON at all', textBody(json, ''), 'INVALID_ARGUMENT', '{"ids"'],
  ])('refuses %s, says where, and changes nothing', async (_, body, code, detail) => {
    server.engine.addUsers('vip', ['a', 'z']);
    for (const method of ['POST', 'DELETE']) {
      const { status, value } = await call(method, PATH, body);
      expect({ status, code: value.code }).toEqual({ status: 400, code });
      expect(value.detail).toMatch(detail);
      expect(members('vip')).toEqual(['61', '7a']);
    }
    expect(server.engine.stats()).toMatchObject({ users: 2, tags: 1 });
  });

  test('refuses other types, and no type', async () => {
    for (const type of ['application/octet-stream', 'text/csv', 'text/plain; charset=utf-16']) {
      const answer = await call('POST', PATH, textBody({ 'content-type': type }, 'a'));
      expect(answer).toMatchObject({ status: 415, value: { code: 'UNSUPPORTED_TYPE' } });
    }
    expect(await call('POST', PATH, textBody({}, 'a'))).toMatchObject({ status: 415 });
    expect(await call('POST', PATH, textBody({}, ''))).toMatchObject({ status: 400 });
  });

  test('takes values up to a megabyte, and says how to send more', async () => {
    const ids = JSON.stringify({ ids: Array.from({ length: 100_000 }, (_, i) => `user-${i}`) });
    const { status, value } = await call('POST', PATH, textBody(json, ids));
    expect({ status, code: value.code }).toEqual({ status: 413, code: 'BODY_TOO_LARGE' });
    expect(value.detail).toContain('application/x-ndjson');
    expect(server.engine.stats().users).toBe(0);
  });

  describe('ordinals', () => {
    beforeEach(() => {
      const { engine } = server;
      for (let i = 0; i < 100; i++) engine.setTags(`u${i}`, { age: String(i) });
      for (let i = 0; i < 100; i += 10) engine.eraseUser(`u${i}`);
    });

    test('are users of this store', async () => {
      const ids = ['u1', 'u5', 'u99'];
      const body = roaringBody(server.engine.store, ids);
      expect(await call('POST', PATH, body)).toEqual(changed(3, 3));
      expect([...server.engine.members('vip')].sort()).toEqual(ids);
      expect(await call('POST', '/v1/tags/age/users?value=x', body)).toEqual(changed(3, 3));
      expect([...server.engine.members('age', 'x')].sort()).toEqual(ids);
      expect(await call('DELETE', PATH, body)).toEqual(changed(3, 3));
      expect(server.engine.tag('vip')).toBeUndefined();
    });

    test('that are none mean nobody: of those who are gone, and of those who never were', async () => {
      const { store } = server.engine;
      const bytes = rangeOf(0, 2 ** 32).serialize('portable');
      const everything = { headers: { ...roaring, 'segmentd-ordinals': store.ordinalEpoch }, bytes };
      expect(await call('POST', PATH, everything)).toEqual(changed(2 ** 32, 90));
      expect(server.engine.stats().users).toBe(90);
      expect(server.engine.check().problems).toEqual([]);
    });

    test('mean nobody once the user is erased, and are refused once they are given out again', async () => {
      const body = roaringBody(server.engine.store, ['u1', 'u2', 'u3']);
      server.engine.eraseUser('u2');
      expect(await call('POST', PATH, body)).toEqual(changed(3, 2));
      server.engine.setTags('new', { age: '1' });
      const { status, value } = await call('POST', PATH, body);
      expect({ status, code: value.code }).toEqual({ status: 412, code: 'PRECONDITION_FAILED' });
      expect([...server.engine.members('vip')].sort()).toEqual(['u1', 'u3']);
    });

    test.each(['x.0', 'other'])('of the epoch "%s" are refused', async (epoch) => {
      const { bytes } = roaringBody(server.engine.store, ['u1']);
      const answer = await call('POST', PATH, { headers: { ...roaring, 'segmentd-ordinals': epoch }, bytes });
      expect(answer).toMatchObject({ status: 412 });
      expect(server.engine.tag('vip')).toBeUndefined();
    });

    test('without a header are refused', async () => {
      const { bytes } = roaringBody(server.engine.store, ['u1']);
      const answer = await call('POST', PATH, { headers: roaring, bytes });
      expect(answer).toMatchObject({ status: 400, value: { code: 'INVALID_ARGUMENT' } });
    });

    test('that are cut off are refused, wherever', async () => {
      const { headers } = roaringBody(server.engine.store, []);
      const bitmap = bitmapOf([1, 2, 3, 4, 5, 6, 7, 8, 9, 70_001, 70_003]);
      bitmap.runOptimize();
      const bytes = bitmap.serialize('portable');
      expect(await call('POST', PATH, { headers, bytes })).toMatchObject(changed(11, 9));
      expect(await call('DELETE', PATH, { headers, bytes })).toMatchObject(changed(11, 9));
      for (let length = 0; length < bytes.length; length++) {
        const answer = await call('POST', PATH, { headers, bytes: bytes.subarray(0, length) });
        expect(answer).toMatchObject({ status: 400, value: { code: 'SYNTAX' } });
      }
      expect(server.engine.tag('vip')).toBeUndefined();
    });
  });

  describe('many', () => {
    const count = 20_000;
    const many = Buffer.from(Array.from({ length: count }, (_, i) => `user-${i}\n`).join(''));

    /** Sends a request and waits until it is half done. */
    const begin = async (path: string, body: UserBody): Promise<RawHttpClient> => {
      const client = await RawHttpClient.open(server.port);
      client.send(requestText('POST', path, body.headers, latin1(body)));
      const tag = path.split('/')[3]!;
      while (server.engine.count(tag) < count / 4) await nextTurn();
      expect(server.engine.count(tag)).toBeLessThan(count);
      return client;
    };

    test('are done in turns with others', async () => {
      const client = await begin(PATH, textBody(lines, many));
      const seen = new Set<number>();
      for (let now = 0; now < count; await nextTurn()) {
        now = server.engine.count('vip');
        seen.add(now);
      }
      expect(seen.size).toBeGreaterThan(5);
      expect(JSON.parse(String((await client.answer()).body))).toEqual({ given: count, changed: count });
      client.destroy();
    });

    test('are not begun when the last line is wrong', async () => {
      const answer = await call('POST', PATH, textBody(lines, Buffer.concat([many, Buffer.from('\n')])));
      expect(answer.value.detail).toMatch(`line ${count + 1}: `);
      expect(server.engine.stats().users).toBe(0);
    });

    test('stay as they are when the client leaves', async () => {
      const client = await begin(PATH, textBody(lines, many));
      client.destroy();
      while (server.service.waiting > 0) await nextTurn();
      const done = server.engine.count('vip');
      for (let i = 0; i < 10; i++) await nextTurn();
      expect(server.engine.count('vip')).toBe(done);
      expect(server.engine.check().problems).toEqual([]);
    });

    test('tell how many were done when one cannot be', async () => {
      const client = await begin('/v1/tags/size/users?value=S', textBody(lines, many));
      server.engine.apply({ type: 'clearTag', tag: 'size' });
      server.engine.declareTag('size', { kind: 'number' });
      const { status, body } = await client.answer();
      expect(status).toBe(422);
      const { code, detail } = JSON.parse(String(body));
      expect(code).toBe('INVALID_VALUE');
      const done = Number(/; done before that: (\d+) of 20000$/.exec(detail)?.[1]);
      expect(done).toBeGreaterThanOrEqual(count / 4);
      expect(done).toBeLessThan(count);
      client.destroy();
    });

    test('ordinals given to others on the way are not theirs', async () => {
      const { engine } = server;
      const ids = Array.from({ length: count }, (_, i) => `user-${i}`);
      engine.addUsers('all', ids);
      const client = await begin(PATH, roaringBody(engine.store, ids));
      engine.eraseUser(ids.at(-1)!);
      engine.setTags('new', { all: true });
      const answer = await client.answer();
      expect(JSON.parse(String(answer.body))).toEqual({ given: count, changed: count - 1 });
      expect(engine.get('new', ['all', 'vip'])).toEqual([true, null]);
      expect(engine.count('vip')).toBe(count - 1);
      client.destroy();
    });
  });
});
