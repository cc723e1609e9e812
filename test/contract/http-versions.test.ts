/** Versions, releases and policies over HTTP, on either transport; and questions about another moment. */

import { encode } from '@msgpack/msgpack';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { allEndpoints } from '../../protocol/http/endpoints/index.js';
import { startTestHttp, type TestHttpServer, TRANSPORTS } from '../support/http-server.js';
import { FORMS } from '../support/user-bodies.js';

describe.each(TRANSPORTS)('%s', (transport) => {
  let server: TestHttpServer;
  beforeEach(async () => {
    server = await startTestHttp(transport, allEndpoints);
    server.engine.addUsers('base', ['u1', 'u2', 'u3', 'u4', 'u5', 'u6']);
  });
  afterEach(() => server.close());

  const call = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const isRaw = typeof body === 'string' || body instanceof Uint8Array;
    const response = await fetch(`http://127.0.0.1:${server.port}/v1${path}`, {
      method,
      headers: { ...(body !== undefined && !isRaw && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: isRaw ? (body as string) : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, value: text === '' ? undefined : JSON.parse(text) };
  };
  const put = (tag: string, ids: readonly string[], query = '') =>
    call('PUT', `/tags/${tag}/users${query}`, { ids });
  const members = (tag: string) => [...server.engine.members(tag)].sort();
  const refusal = async (...args: Parameters<typeof call>) => {
    const { status, value } = await call(...args);
    return [status, value.code, value.detail];
  };
  const ndjson = { 'content-type': 'application/x-ndjson' };

  test.each(Object.entries(FORMS))('a list in %s replaces the users of a tag', async (_, form) => {
    server.engine.addUsers('vip', ['u1', 'u2']);
    const ids = ['u2', 'u3', 'u4'].map((id) => Buffer.from(id));
    const { headers, bytes } = form(ids);
    const { status, value } = await call('PUT', '/tags/vip/users?release=r&source=crm', bytes, {
      ...headers,
    });
    expect([status, value]).toEqual([
      200,
      {
        ...{ state: 'published', release: 'r', tag: 'vip', version: 1, breaches: [] },
        ...{ listed: 3, unknown: 0, duplicates: 0, users: 3, before: 2, entered: 2, left: 1, changed: 0 },
      },
    ]);
    expect(members('vip')).toEqual(['u2', 'u3', 'u4']);
  });

  test('a list has values, in lines and in JSON, and makes a tag of their kind', async () => {
    const lines = '{"id":"u1","value":39.5}\n{"value":7,"id":{"base64":"dTI="}}\n';
    expect((await call('PUT', '/tags/score/users', lines, ndjson)).status).toBe(200);
    expect(server.engine.tag('score')).toMatchObject({ kind: 'number', scale: 1 });
    expect(server.engine.get('u2', ['score'])).toEqual([7]);
    const users = [{ id: 'u1', value: 'pro' }];
    expect((await call('PUT', '/tags/plan/users', { users })).status).toBe(200);
    expect(server.engine.get('u1', ['plan'])).toEqual(['pro']);
    const packed = encode({ users: [{ id: 'u3', value: 'basic' }] });
    const msgpack = { 'content-type': 'application/msgpack' };
    expect((await call('PUT', '/tags/plan/users', packed, msgpack)).status).toBe(200);
    expect((await put('plan', ['u1', 'u2'], '?value=basic')).value).toMatchObject({ entered: 2, left: 1 });
    expect(server.engine.get('u1', ['plan'])).toEqual(['basic']);
  });

  test('a list that is wrong changes nothing, and says where', async () => {
    await put('vip', ['u1']);
    const at = '/tags/vip/users';
    expect(await refusal('PUT', at, '"u1"\n{"id":1}\n', ndjson)).toEqual([
      ...[400, 'INVALID_ARGUMENT', 'line 2: it is no id: neither a string nor {"base64": "…"}'],
    ]);
    expect(await refusal('PUT', at, '{"id":"u1","value":1}\n"u2"\n', ndjson)).toEqual([
      ...[400, 'INVALID_ARGUMENT', 'line 2: it is not as it should be: {"id": "…", "value": …}'],
    ]);
    expect(await refusal('PUT', '/tags/new/users', { users: [{ id: 'u1' }] })).toEqual([
      ...[
        400,
        'INVALID_ARGUMENT',
        'the body\'s /users/0: it is not as it should be: {"id": "…", "value": …}',
      ],
    ]);
    expect((await refusal('PUT', at))[0]).toBe(400);
    expect((await refusal('PUT', `${at}?unknown=maybe`, { ids: [] }))[1]).toBe('INVALID_ARGUMENT');
    expect((await refusal('PUT', `${at}?release=1`, { ids: ['u2'] }))[1]).toBe('VERSION_CONFLICT');
    server.engine.declareTag('plan', { kind: 'enum' });
    expect(await refusal('PUT', '/tags/plan/users', { ids: ['u1'] })).toEqual([
      ...[400, 'INVALID_ARGUMENT', 'tag "plan" needs a value for each user of the list'],
    ]);
    expect(members('vip')).toEqual(['u1']);
    expect([...server.engine.store.versions.drafts.all()]).toEqual([]);
  });

  test('an empty list empties the tag, unknown ids can be left out', async () => {
    await put('vip', ['u1', 'u2']);
    expect((await put('vip', ['u1', 'x'], '?unknown=skip')).value).toMatchObject({ unknown: 1, users: 1 });
    expect(server.engine.has('x')).toBe(false);
    expect((await put('vip', [])).value).toMatchObject({ users: 0, left: 1 });
  });

  test('what breaks the policy is held, and somebody decides', async () => {
    await put('vip', ['u1', 'u2', 'u3']);
    const policy = { maxShrinkage: 0.5, minUsers: null, keep: 3 };
    expect((await call('PUT', '/tags/vip/policy', policy)).value).toMatchObject({
      maxShrinkage: 0.5,
      keep: 3,
    });
    const { status, value } = await put('vip', ['u1'], '?release=small');
    expect([status, value.state, value.version]).toEqual([202, 'held', undefined]);
    expect(value.breaches).toHaveLength(1);
    const { items } = (await call('GET', '/held?tag=vip')).value;
    expect(items).toMatchObject([{ draft: value.draft, tag: 'vip', release: 'small', users: 1 }]);
    expect(items[0]).not.toHaveProperty('obstacle');
    expect((await call('GET', '/held?tag=base')).value).toEqual({ items: [] });
    const published = await call('POST', `/held/${value.draft}/publish`);
    expect(published.value).toMatchObject({ release: 'small', tags: [{ tag: 'vip', version: 2 }] });
    expect(members('vip')).toEqual(['u1']);
    expect((await put('vip', [], '?force')).value).toMatchObject({ state: 'published' });
    expect(await refusal('POST', `/held/${value.draft}/publish`)).toEqual([
      ...[404, 'UNKNOWN_VERSION', `there is no list of draft ${value.draft} on its way`],
    ]);
  });

  test('what is held can be forgotten', async () => {
    await put('vip', ['u1', 'u2', 'u3']);
    await call('PUT', '/tags/vip/policy', { minUsers: 2 });
    const { draft } = (await put('vip', ['u1'])).value;
    expect((await call('DELETE', `/held/${draft}`)).status).toBe(204);
    expect(await refusal('DELETE', `/held/${draft}`)).toEqual([
      ...[404, 'UNKNOWN_VERSION', `nothing is held or prepared as draft ${draft}`],
    ]);
    expect((await refusal('DELETE', '/held/x'))[0]).toBe(404);
    expect(members('vip')).toHaveLength(3);
  });

  test('policies are shown, changed, and refused', async () => {
    const nothing = {
      ...{ maxGrowth: null, maxShrinkage: null, minUsers: null, maxUsers: null, maxUnknown: null },
      ...{ maxChanged: null, maxAge: null, automatic: false, keep: 2 },
    };
    expect((await call('GET', '/tags/base/policy')).value).toEqual(nothing);
    const changed = { ...nothing, automatic: true, maxAge: 60 };
    expect((await call('PUT', '/tags/base/policy', { automatic: true, maxAge: 60 })).value).toEqual(changed);
    expect((await call('GET', '/tags/base/policy')).value).toEqual(changed);
    await put('base', ['u1']);
    expect((await call('GET', '/tags/base')).value).toMatchObject({
      ...{ version: 1, loadedAt: expect.stringMatching(/^20.*Z$/), maxAge: 60, stale: false },
    });
    expect((await refusal('GET', '/tags/nosuch/policy')).slice(0, 2)).toEqual([404, 'UNKNOWN_TAG']);
    expect((await refusal('PUT', '/tags/base/policy', { maxAge: 0.5 }))[1]).toBe('INVALID_ARGUMENT');
    expect((await refusal('PUT', '/tags/base/policy', { size: 1 }))[1]).toBe('INVALID_ARGUMENT');
  });

  test('versions are listed, compared, and gone back to', async () => {
    await put('vip', ['u1', 'u2', 'u3']);
    await put('vip', ['u3', 'u4']);
    const { items } = (await call('GET', '/tags/vip/versions')).value;
    expect(items.map(({ version, state }: { version: number; state: string }) => [version, state])).toEqual([
      [0, 'kept'],
      [1, 'kept'],
      [2, 'current'],
    ]);
    const counts = { from: 1, to: 2, entered: 1, left: 2, changed: 0 };
    expect((await call('GET', '/tags/vip/diff')).value).toEqual(counts);
    const first = (await call('GET', '/tags/vip/diff?from=1&to=2&side=left&limit=1')).value;
    expect(first).toEqual({ ...counts, items: ['u1'], cursor: 1 });
    const rest = await call('GET', `/tags/vip/diff?from=1&to=2&side=left&cursor=${first.cursor}`);
    expect(rest.value).toEqual({ ...counts, items: ['u2'] });
    expect((await call('POST', '/tags/vip/rollback')).value).toMatchObject({ version: 1, state: 'current' });
    expect((await call('POST', '/tags/vip/rollback', { version: 2 })).value).toMatchObject({ version: 2 });
    expect(members('vip')).toEqual(['u3', 'u4']);
    expect((await refusal('POST', '/tags/vip/rollback', { version: 2 }))[0]).toBe(409);
    expect((await refusal('POST', '/tags/vip/rollback', { version: 9 }))[0]).toBe(404);
    expect((await refusal('GET', '/tags/base/diff'))[1]).toBe('UNKNOWN_VERSION');
    expect((await refusal('GET', '/tags/nosuch/versions'))[1]).toBe('UNKNOWN_TAG');
  });

  test('several lists are one release, which goes back as one', async () => {
    const { draft } = (await call('POST', '/tags/vip/drafts', { ids: ['u1', 'u2'] })).value;
    const lists = [{ tag: 'plan', users: [{ id: 'u1', value: 'pro' }] }];
    const { status, value } = await call('POST', '/releases', { release: 'both', lists, drafts: [draft] });
    expect([status, value.tags.map(({ tag }: { tag: string }) => tag)]).toEqual([200, ['vip', 'plan']]);
    expect([members('vip'), members('plan')]).toEqual([['u1', 'u2'], ['u1']]);
    const { items } = (await call('GET', '/releases')).value;
    expect(items).toMatchObject([{ release: 'both', state: 'published' }]);
    expect((await call('POST', '/releases/both/rollback')).value).toMatchObject({ state: 'rolled back' });
    expect([members('vip'), members('plan')]).toEqual([[], []]);
    expect((await refusal('POST', '/releases/both/rollback'))[0]).toBe(409);
    expect((await refusal('POST', '/releases/none/rollback'))[0]).toBe(404);
  });

  test('of a release that cannot be published nothing is left', async () => {
    server.engine.declareTag('age', { kind: 'number' });
    const good = { tag: 'vip', ids: ['u1'] };
    const wrong = [
      { tag: 'age', users: [{ id: 'u1', value: 'x' }] },
      { tag: 'age' },
      { tag: 'vip', ids: [] },
    ];
    for (const list of wrong) {
      expect((await call('POST', '/releases', { lists: [good, list] })).status).toBeGreaterThanOrEqual(400);
    }
    expect((await refusal('POST', '/releases', { drafts: [7] }))[1]).toBe('UNKNOWN_VERSION');
    expect((await refusal('POST', '/releases', {}))[1]).toBe('INVALID_ARGUMENT');
    expect([...server.engine.store.versions.drafts.all()]).toEqual([]);
    expect(server.engine.tag('vip')).toBeUndefined();
    await call('PUT', '/tags/base/policy', { minUsers: 3 });
    const held = await call('POST', '/releases', { lists: [good, { tag: 'base', ids: [] }] });
    expect([held.status, held.value.state]).toEqual([202, 'held']);
    expect((await call('GET', '/held')).value.items).toHaveLength(2);
  });

  test('questions and exports are about a version, or about what was after a release', async () => {
    await put('vip', ['u1', 'u2', 'gone'], '?release=r1');
    await put('score', ['u1'], '?value=5&release=r2');
    await put('vip', ['u3'], '?release=r3');
    server.engine.audiences.save('club', 'vip');
    const count = async (body: object) => (await call('POST', '/audiences/count', body)).value.count;
    expect(await count({ expression: 'vip', version: 1 })).toBe(3);
    expect(await count({ expression: '@club', release: 'r2' })).toBe(3);
    expect(await count({ expression: 'vip and score', release: 'r1' })).toBe(0);
    expect(await count({ expression: 'vip' })).toBe(1);
    const explained = await call('POST', '/audiences/explain', { expression: 'vip', version: 1 });
    expect(explained.value.users).toBe(3);
    const page = async (path: string) => (await call('GET', path)).value;
    expect(await page('/tags/vip/users?version=1')).toEqual({ items: ['u1', 'u2', 'gone'] });
    expect(await page('/audiences/club/users?release=r1&limit=2')).toEqual({
      items: ['u1', 'u2'],
      cursor: '6',
    });
    expect(await page('/tags/vip/users?version=1&after=gone')).toEqual({ items: [] });
    const users = await call('POST', '/audiences/users', { expression: 'vip', version: 1, tags: ['vip'] });
    expect(users.value.items).toEqual([
      { id: 'u1', tags: { vip: null } },
      { id: 'u2', tags: { vip: null } },
      { id: 'gone', tags: { vip: null } },
    ]);
    const stream = await fetch(`http://127.0.0.1:${server.port}/v1/tags/vip/users?version=1`, {
      headers: { accept: 'text/plain' },
    });
    expect(await stream.text()).toBe('u1\nu2\ngone\n');
    server.engine.eraseUser('gone');
    expect(await page('/tags/vip/users?version=1')).toEqual({ items: ['u1', 'u2'] });
    const wrong = { expression: 'vip', version: 1, release: 'r1' };
    expect((await refusal('POST', '/audiences/count', wrong))[1]).toBe('INVALID_ARGUMENT');
    expect((await refusal('GET', '/tags/vip/users?version=9'))[0]).toBe(404);
    expect((await refusal('GET', '/tags/base/users?version=0'))[1]).toBe('UNKNOWN_VERSION');
  });
});
