/** Users over HTTP: their tags, read and changed, one by one and many at a time; the audiences that they are in. */
import { decode, encode } from '@msgpack/msgpack';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { users } from '../../protocol/http/endpoints/users.js';
import type { TagValue } from '../../src/index.js';
import { ask, type RawAnswer, RawHttpClient, requestText } from '../support/http-client.js';
import { startTestHttp, type TestHttpServer, TRANSPORTS } from '../support/http-server.js';

const JSON_BODY = { 'content-type': 'application/json' };
const MSGPACK_BODY = { 'content-type': 'application/msgpack' };
const WANTS_MSGPACK = { accept: 'application/msgpack' };

/** Bytes as they stand in a path, none of them as itself. */
function encoded(id: string | Uint8Array): string {
  return Buffer.from(id).toString('hex').replace(/../g, '%$&');
}

function manyTags(count: number): Record<string, TagValue> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, i) => [`tag-${i}`, i % 2 === 0 || `value ${i}`]),
  );
}

function value({ status, headers, body }: RawAnswer): unknown {
  expect(status).toBe(200);
  const isJson = headers.get('content-type') === 'application/json';
  return isJson ? JSON.parse(String(body)) : decode(new Uint8Array(body));
}

function refusal({ status, headers, body }: RawAnswer): { status: number; code: string; detail: string } {
  expect(headers.get('content-type')).toBe('application/problem+json');
  const { code, detail } = JSON.parse(String(body));
  return { status, code, detail };
}

describe.each(TRANSPORTS)('%s', (transport) => {
  let server: TestHttpServer;

  beforeEach(async () => {
    server = await startTestHttp(transport, users);
    const { engine } = server;
    engine.declareTag('age', { kind: 'number' });
    engine.declareTag('score', { kind: 'number', scale: 2 });
    engine.declareTag('sex', { kind: 'enum' });
    engine.setTags('p1', { age: 39, sex: 'Male', score: -0.5, vip: true });
  });

  afterEach(() => server.close());

  const get = (path: string, headers = {}): Promise<RawAnswer> => ask(server.port, 'GET', path, headers);
  const send = (method: string, path: string, body: unknown): Promise<RawAnswer> =>
    ask(server.port, method, path, JSON_BODY, Buffer.from(JSON.stringify(body)).toString('latin1'));
  const lookUp = (body: unknown): Promise<RawAnswer> => send('POST', '/v1/users/lookup', body);
  const tagsOf = (id: string | Uint8Array): object => Object.fromEntries(server.engine.getAll(id) ?? []);

  describe('GET tags', () => {
    test('answers those that were asked for, in their order, null for what is missing', async () => {
      const answer = await get('/v1/users/p1/tags?tags=vip,high-income,sex,score,age');
      expect(String(answer.body)).toBe(
        '{"id":"p1","tags":{"vip":true,"high-income":null,"sex":"Male","score":-0.5,"age":39}}',
      );
      expect(answer.headers.get('content-type')).toBe('application/json');
      expect(answer.headers.get('x-request-id')).toMatch(/^[\da-f]{12}-/);
      expect(value(await get('/v1/users/p1/tags?tags=age&tags=sex', WANTS_MSGPACK))).toEqual({
        id: 'p1',
        tags: { age: 39, sex: 'Male' },
      });
    });

    test('answers all that the user has when none are asked for', async () => {
      const all = { id: 'p1', tags: { age: 39, sex: 'Male', score: -0.5, vip: true } };
      expect(value(await get('/v1/users/p1/tags'))).toEqual(all);
      expect(value(await get('/v1/users/p1/tags', WANTS_MSGPACK))).toEqual(all);
    });

    test('of nobody is null, or 404 when no tags are asked for', async () => {
      const nobody = { id: 'nobody', tags: { age: null, vip: null } };
      expect(value(await get('/v1/users/nobody/tags?tags=age,vip'))).toEqual(nobody);
      expect(value(await get('/v1/users/nobody/tags?tags=age,vip', WANTS_MSGPACK))).toEqual(nobody);
      expect(refusal(await get('/v1/users/nobody/tags'))).toMatchObject({
        status: 404,
        code: 'UNKNOWN_USER',
      });
    });

    test('names each tag once, and may be asked for none', async () => {
      expect(String((await get('/v1/users/p1/tags?tags=age,sex,age')).body)).toBe(
        '{"id":"p1","tags":{"age":39,"sex":"Male"}}',
      );
      expect(String((await get('/v1/users/p1/tags?tags=')).body)).toBe('{"id":"p1","tags":{}}');
      expect(String((await get('/v1/users/nobody/tags?tags=')).body)).toBe('{"id":"nobody","tags":{}}');
    });

    test('takes names and values of any text', async () => {
      const strange = { 'a,b': 'say "hi"\\\n\u2028', '日本 語': '😀\u0000', 'q"\\': 'é', __proto__x: '' };
      server.engine.setTags('q', strange);
      const wanted = Object.keys(strange).map(encodeURIComponent).join(',');
      for (const search of ['', `?tags=${wanted}`]) {
        for (const headers of [{}, WANTS_MSGPACK]) {
          expect(value(await get(`/v1/users/q/tags${search}`, headers))).toEqual({ id: 'q', tags: strange });
        }
      }
    });

    test('refuses parameters that there are not, and wrong encoding', async () => {
      expect(refusal(await get('/v1/users/p1/tags?tag=age'))).toMatchObject({
        status: 400,
        code: 'INVALID_ARGUMENT',
      });
      for (const path of ['/v1/users/p%1/tags', '/v1/users/%zz/tags?tags=age', '/v1/users/p1/tags?tags=%f']) {
        expect(refusal(await get(path))).toMatchObject({ status: 400, code: 'SYNTAX' });
      }
      expect(refusal(await get('/v1/users/p1/tags?tags=%ff'))).toMatchObject({ status: 400, code: 'SYNTAX' });
      expect(refusal(await get(`/v1/users/${'x'.repeat(256)}/tags`))).toMatchObject({
        status: 400,
        code: 'INVALID_USER_ID',
      });
    });

    test('follows the catalogue, though the same query string came before', async () => {
      const { engine } = server;
      const path = '/v1/users/p1/tags?tags=age,sex,new';
      const now = async () => {
        const [one, other] = [value(await get(path)), value(await get(path, WANTS_MSGPACK))];
        expect(one).toEqual(other);
        return (one as { tags: object }).tags;
      };
      expect(await now()).toEqual({ age: 39, sex: 'Male', new: null });
      engine.setTags('p1', { sex: 'Female', new: true });
      expect(await now()).toEqual({ age: 39, sex: 'Female', new: true });
      // The code of a value that nobody has any more goes to the next new one.
      engine.setTags('p1', { sex: 'other', new: 'wide' });
      expect(await now()).toEqual({ age: 39, sex: 'other', new: 'wide' });
      engine.declareTag('age', { kind: 'enum' });
      expect(await now()).toEqual({ age: '39', sex: 'other', new: 'wide' });
      engine.dropTag('age');
      expect(await now()).toEqual({ age: null, sex: 'other', new: 'wide' });
      engine.clear();
      engine.setTags('p1', { age: 'old', sex: true });
      expect(await now()).toEqual({ age: 'old', sex: true, new: null });
      expect(value(await get('/v1/users/p1/tags'))).toEqual({ id: 'p1', tags: { age: 'old', sex: true } });
    });

    test('is right with more lists of tags than are remembered', async () => {
      const client = await RawHttpClient.open(server.port);
      for (let round = 0; round < 2; round++) {
        for (let i = 0; i < 300; i++) {
          client.send(requestText('GET', `/v1/users/p1/tags?tags=t${i},age`));
          expect(value(await client.answer())).toEqual({ id: 'p1', tags: { [`t${i}`]: null, age: 39 } });
        }
      }
      client.destroy();
    });

    test('is right with more values than are remembered', async () => {
      const client = await RawHttpClient.open(server.port);
      for (let round = 0; round < 2; round++) {
        for (const age of [0, 1, 255, 256, 257, 511, 512, 513, 1024, -1, -257, 2 ** 52, -(2 ** 52)]) {
          for (const sex of ['Male', `${age}`, 'x'.repeat(300)]) {
            server.engine.setTags('p1', { age, score: age % 1000 === 0 ? 0 : (age % 1000) / 100, sex });
            client.send(requestText('GET', '/v1/users/p1/tags?tags=age,score,sex'));
            const [score] = server.engine.get('p1', ['score']);
            expect(value(await client.answer())).toEqual({ id: 'p1', tags: { age, score, sex } });
          }
        }
      }
      client.destroy();
    });
  });

  test.each([
    ['NUL', '\0', 'text'],
    ['a slash', 'a/b', 'text'],
    ['what looks encoded', '%2F', 'text'],
    ['quotes', '"\\', 'text'],
    ['UTF-8', 'ü😀', 'text'],
    ['a byte order mark', '\ufeffa', 'text'],
    ['what is not UTF-8', Uint8Array.of(0xff), 'bytes'],
    ['half a character', Uint8Array.of(0x61, 0xc3), 'bytes'],
    ['255 bytes', new Uint8Array(255).fill(0x80), 'bytes'],
  ] as const)('an id may be %s', async (_, id, form) => {
    const { engine } = server;
    const path = `/v1/users/${encoded(id)}`;
    const inJson = form === 'text' ? id : { base64: Buffer.from(id).toString('base64') };
    expect(value(await send('PATCH', `${path}/tags`, { set: { vip: true } }))).toEqual({
      added: 1,
      removed: 0,
    });
    expect(engine.get(id, ['vip'])).toEqual([true]);
    const item = { id: inJson, tags: { vip: true } };
    const packed = { id, tags: { vip: true } };
    for (const search of ['', '?tags=vip']) {
      expect(value(await get(`${path}/tags${search}`))).toEqual(item);
      expect(value(await get(`${path}/tags${search}`, WANTS_MSGPACK))).toEqual(packed);
    }
    expect(value(await lookUp({ ids: [inJson] }))).toEqual({ items: [item] });
    for (const given of [id, Buffer.from(id)]) {
      const body = Buffer.from(encode({ ids: [given], tags: ['vip'] })).toString('latin1');
      const headers = { ...MSGPACK_BODY, ...WANTS_MSGPACK };
      const answer = await ask(server.port, 'POST', '/v1/users/lookup', headers, body);
      expect(value(answer)).toEqual({ items: [packed] });
    }
    engine.audiences.save('vips', 'vip');
    expect(value(await get(`${path}/audiences`))).toEqual({ items: ['vips'] });
    expect((await ask(server.port, 'DELETE', path)).status).toBe(204);
    expect(engine.has(id)).toBe(false);
  });

  describe('PATCH tags', () => {
    const patch = (body: unknown, id = 'p1') => send('PATCH', `/v1/users/${id}/tags`, body);

    test('gives tags and takes others', async () => {
      const body = { set: { age: 40, city: 'Köln' }, remove: ['vip', 'nothing', 'vip'] };
      expect(value(await patch(body))).toEqual({ added: 1, removed: 1 });
      expect(tagsOf('p1')).toEqual({ age: 40, sex: 'Male', score: -0.5, city: 'Köln' });
      expect(value(await patch({ remove: ['age'] }))).toEqual({ added: 0, removed: 1 });
      expect(value(await patch({ set: { vip: 1 } }))).toEqual({ added: 1, removed: 0 });
      expect(value(await patch({}))).toEqual({ added: 0, removed: 0 });
      expect(tagsOf('p1')).toEqual({ sex: 'Male', score: -0.5, city: 'Köln', vip: true });
    });

    test('makes users with their first tag, and ends them with the last', async () => {
      expect(value(await patch({ remove: ['vip'] }, 'new'))).toEqual({ added: 0, removed: 0 });
      expect(value(await patch({ set: {} }, 'new'))).toEqual({ added: 0, removed: 0 });
      expect(server.engine.has('new')).toBe(false);
      expect(value(await patch({ set: { vip: true } }, 'new'))).toEqual({ added: 1, removed: 0 });
      expect(server.engine.has('new')).toBe(true);
      expect(value(await patch({ remove: ['vip'] }, 'new'))).toEqual({ added: 0, removed: 1 });
      expect(server.engine.has('new')).toBe(false);
    });

    test('a user whose tags are all exchanged is still the same', async () => {
      const { engine } = server;
      engine.audiences.freeze('firm', 'users(p1)');
      await patch({ set: { only: true }, remove: ['age', 'sex', 'score', 'vip'] });
      expect(tagsOf('p1')).toEqual({ only: true });
      expect(engine.audiences.count('@firm')).toBe(1);
    });

    test.each([
      ['a text for a number', { set: { age: 'old' } }, 422, 'INVALID_VALUE', 'age'],
      ['too many decimals', { set: { fine: 'x', score: 0.001 } }, 422, 'INVALID_VALUE', 'score'],
      ['too large a number', { set: { age: 2 ** 52 + 1 } }, 422, 'OUT_OF_RANGE', 'age'],
      ['a name that is none', { set: { 'a=b': 1 } }, 400, 'INVALID_TAG_NAME', 'a=b'],
      ['an empty name', { set: { fine: true, '': 1 } }, 400, 'INVALID_TAG_NAME', '1 to 255 bytes'],
      ['too long a value', { set: { city: 'v'.repeat(16_385) } }, 422, 'INVALID_VALUE', '16384'],
      ['false', { set: { vip: false } }, 400, 'INVALID_ARGUMENT', 'To take a tag away, name it in "remove"'],
      ['null', { set: { fine: 'x', vip: null } }, 400, 'INVALID_ARGUMENT', 'name it in "remove"'],
      ['a list as a value', { set: { fine: ['x'] } }, 400, 'INVALID_ARGUMENT', '/set/fine'],
      ['a tag twice', { set: { sex: 'x' }, remove: ['age', 'sex'] }, 400, 'INVALID_ARGUMENT', '"sex"'],
      ['a list to set', { set: ['age'] }, 400, 'INVALID_ARGUMENT', '/set'],
      ['a text to remove', { set: { fine: 1 }, remove: 'spare' }, 400, 'INVALID_ARGUMENT', '/remove'],
      ['no name to remove', { set: { fine: 1 }, remove: [1] }, 400, 'INVALID_ARGUMENT', '/remove/0'],
      ['a wrong word', { set: { fine: 1 }, delete: ['spare'] }, 400, 'INVALID_ARGUMENT', '"delete"'],
      ['a list', [{ set: { fine: 1 } }], 400, 'INVALID_ARGUMENT', 'the body'],
      ['nothing', null, 400, 'INVALID_ARGUMENT', 'the body'],
      ['too much to remove', { remove: Array(1001).fill('spare') }, 400, 'INVALID_ARGUMENT', '1000'],
      ['too much to set', { set: manyTags(1001) }, 400, 'INVALID_ARGUMENT', '1000'],
    ])('%s is refused, and nothing is done', async (_, body, status, code, detail) => {
      const { engine } = server;
      engine.setTags('p1', { spare: true });
      const before = [tagsOf('p1'), engine.tags()];
      const isOnlySet = body !== null && 'set' in body && !('remove' in body);
      for (const one of isOnlySet ? [body, { ...body, remove: ['spare'] }] : [body]) {
        expect(refusal(await patch(one))).toEqual({ status, code, detail: expect.stringContaining(detail) });
      }
      expect([tagsOf('p1'), engine.tags()]).toEqual(before);
      expect(engine.check().problems).toEqual([]);
    });

    test('what cannot be read is refused, wherever it is cut', async () => {
      const before = tagsOf('p1');
      const text = JSON.stringify({ set: { age: 1, city: 'x' }, remove: ['vip'] });
      const client = await RawHttpClient.open(server.port);
      for (let length = 1; length < text.length; length++) {
        client.send(requestText('PATCH', '/v1/users/p1/tags', JSON_BODY, text.slice(0, length)));
        expect(refusal(await client.answer())).toMatchObject({ status: 400, code: 'SYNTAX' });
      }
      const packed = Buffer.from(encode({ set: { age: 1 }, remove: ['vip'] })).toString('latin1');
      for (let length = 1; length < packed.length; length++) {
        client.send(requestText('PATCH', '/v1/users/p1/tags', MSGPACK_BODY, packed.slice(0, length)));
        expect(refusal(await client.answer())).toMatchObject({ status: 400, code: 'SYNTAX' });
      }
      client.destroy();
      expect(tagsOf('p1')).toEqual(before);
      const path = '/v1/users/p1/tags';
      expect((await ask(server.port, 'PATCH', path, { 'content-type': 'text/plain' }, text)).status).toBe(
        415,
      );
      expect(refusal(await ask(server.port, 'PATCH', path))).toMatchObject({ code: 'INVALID_ARGUMENT' });
    });

    test('takes MessagePack', async () => {
      const body = Buffer.from(encode({ set: { age: 41 }, remove: ['vip'] })).toString('latin1');
      const headers = { ...MSGPACK_BODY, ...WANTS_MSGPACK };
      const answer = await ask(server.port, 'PATCH', '/v1/users/p1/tags', headers, body);
      expect(value(answer)).toEqual({ added: 0, removed: 1 });
      expect(tagsOf('p1')).toEqual({ age: 41, sex: 'Male', score: -0.5 });
    });

    test('an id that is too long is refused, even when nothing is to be done', async () => {
      const long = 'x'.repeat(256);
      for (const body of [{}, { set: { vip: true } }, { remove: ['vip'] }]) {
        expect(refusal(await patch(body, long))).toMatchObject({ status: 400, code: 'INVALID_USER_ID' });
      }
    });
  });

  test.each(['/v1/users/p1', '/v1/users/p1/tags'])('DELETE %s erases the user', async (path) => {
    const gone = await ask(server.port, 'DELETE', path);
    expect([gone.status, gone.body.length]).toEqual([204, 0]);
    expect(server.engine.has('p1')).toBe(false);
    const again = await ask(server.port, 'DELETE', path);
    expect(refusal(again)).toMatchObject({ status: 404, code: 'UNKNOWN_USER' });
  });

  describe('POST lookup', () => {
    test('answers an item for each id, in their order', async () => {
      server.engine.setTags('p2', { sex: 'Female' });
      const ids = ['p2', 'nobody', 'p1', 'p2'];
      const [p2, nobody, p1] = [
        { id: 'p2', tags: { sex: 'Female', age: null, none: null } },
        { id: 'nobody', tags: { sex: null, age: null, none: null } },
        { id: 'p1', tags: { sex: 'Male', age: 39, none: null } },
      ];
      expect(value(await lookUp({ ids, tags: ['sex', 'age', 'none', 'sex'] }))).toEqual({
        items: [p2, nobody, p1, p2],
      });
      expect(value(await lookUp({ ids }))).toEqual({
        items: [
          { id: 'p2', tags: { sex: 'Female' } },
          { id: 'nobody', tags: {} },
          { id: 'p1', tags: { age: 39, sex: 'Male', score: -0.5, vip: true } },
          { id: 'p2', tags: { sex: 'Female' } },
        ],
      });
      expect(value(await lookUp({ ids: [], tags: ['age'] }))).toEqual({ items: [] });
      expect(value(await lookUp({ ids: ['p1'], tags: [] }))).toEqual({ items: [{ id: 'p1', tags: {} }] });
    });

    test.each([
      ['nobody', {}, 'INVALID_ARGUMENT', 'ids'],
      ['a text', { ids: 'p1' }, 'INVALID_ARGUMENT', '/ids'],
      ['null', { ids: ['p1', null] }, 'INVALID_ARGUMENT', '/ids/1'],
      ['an empty id', { ids: [''] }, 'INVALID_ARGUMENT', '/ids/0'],
      ['an object', { ids: ['p1', {}] }, 'INVALID_ARGUMENT', '/ids/1'],
      ['empty base64', { ids: [{ base64: '' }] }, 'INVALID_ARGUMENT', '/ids/0'],
      ['no base64', { ids: [{ base64: '?!' }] }, 'INVALID_ARGUMENT', '/ids/0'],
      ['base64 of nothing', { ids: [{ base64: 'A' }] }, 'INVALID_USER_ID', '0'],
      ['base64 of 300 bytes', { ids: [{ base64: 'A'.repeat(400) }] }, 'INVALID_USER_ID', '300'],
      ['text of 256 bytes', { ids: ['é'.repeat(128)] }, 'INVALID_USER_ID', '256'],
      ['a tag that is no text', { ids: ['p1'], tags: [1] }, 'INVALID_ARGUMENT', '/tags/0'],
      ['too many tags', { ids: ['p1'], tags: Array(1001).fill('age') }, 'INVALID_ARGUMENT', '1000'],
      ['a wrong word', { ids: ['p1'], tag: ['age'] }, 'INVALID_ARGUMENT', '"tag"'],
      ['too many users', { ids: Array(10_001).fill('p1') }, 'INVALID_ARGUMENT', '10000'],
    ])('%s is refused', async (_, body, code, detail) => {
      expect(refusal(await lookUp(body))).toEqual({
        status: 400,
        code,
        detail: expect.stringContaining(detail),
      });
    });

    describe('of the most users', () => {
      const most = 10_000;
      const tags = manyTags(100);
      const names = Object.keys(tags);
      const ids = Array.from({ length: most }, (_, i) => (i % 3 === 0 ? 'big' : `nobody-${i}`));
      const expected = (withNames: boolean) => {
        const nothing = withNames ? Object.fromEntries(names.map((name) => [name, null])) : {};
        return { items: ids.map((id) => ({ id, tags: id === 'big' ? tags : nothing })) };
      };
      const request = (body: object, headers = {}) =>
        requestText('POST', '/v1/users/lookup', { ...JSON_BODY, ...headers }, JSON.stringify(body));

      beforeEach(() => {
        server.engine.setTags('big', tags);
      });

      test.each([
        ['JSON', {}],
        ['MessagePack', WANTS_MSGPACK],
      ])('is a stream of %s that others need not wait for', async (_, headers) => {
        const client = await RawHttpClient.open(server.port);
        client.socket.pause();
        client.send(request({ ids, tags: names }, headers));
        await expect.poll(() => server.service.streams).toBe(1);
        expect((await get('/v1/users/p1/tags?tags=age')).status).toBe(200);
        expect(server.service.streams).toBe(1);
        client.socket.resume();
        expect(value(await client.answer())).toEqual(expected(true));
        client.send(request({ ids }, headers));
        expect(value(await client.answer())).toEqual(expected(false));
        expect([server.service.streams, server.service.waiting]).toEqual([0, 0]);
        client.destroy();
      });

      test('is given up when the client leaves', async () => {
        const client = await RawHttpClient.open(server.port);
        client.socket.pause();
        client.send(request({ ids, tags: names }));
        await expect.poll(() => server.service.streams).toBe(1);
        client.destroy();
        await expect.poll(() => [server.service.streams, server.service.waiting]).toEqual([0, 0]);
        expect(server.state.turns.size).toBe(0);
      });
    });
  });

  test('GET audiences answers those that the user is in', async () => {
    const { audiences } = server.engine;
    const audiencesOf = async (id: string, search = '') =>
      value(await get(`/v1/users/${id}/audiences${search}`));
    expect(await audiencesOf('p1')).toEqual({ items: [] });
    audiences.save('men', 'sex = Male');
    audiences.save('adults', 'age >= 18');
    audiences.save('children', 'age < 18');
    audiences.save('a,b', 'vip');
    expect(await audiencesOf('p1')).toEqual({ items: ['a,b', 'adults', 'men'] });
    expect(await audiencesOf('p1', '?names=men,children,a%2Cb')).toEqual({ items: ['men', 'a,b'] });
    expect(await audiencesOf('p1', '?names=')).toEqual({ items: [] });
    expect(await audiencesOf('nobody')).toEqual({ items: [] });
    expect(value(await get('/v1/users/p1/audiences', WANTS_MSGPACK))).toEqual({
      items: ['a,b', 'adults', 'men'],
    });
    expect(refusal(await get('/v1/users/p1/audiences?names=men,none'))).toMatchObject({
      status: 404,
      code: 'UNKNOWN_AUDIENCE',
    });
  });
});
