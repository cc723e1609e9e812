import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type OperationId, SegmentdClient, type UserId } from '../../protocol/client/index.js';
import { operations } from '../../protocol/client/operations.js';
import { allEndpoints, clientEndpoints } from '../../protocol/http/endpoints/index.js';
import { all, failure } from '../support/client-outcomes.js';
import { startTestHttp, type TestHttpServer, TRANSPORTS } from '../support/http-server.js';
import { importsOf } from '../support/sources.js';

/** Bytes that are no UTF-8. */
const BYTES = Uint8Array.of(0xff, 0x00, 0x2e);
/** Ids that something could stumble over. */
const ODD_IDS = [
  'a/b',
  'ü',
  'a b',
  '%2e',
  '"quoted"',
  'back\\slash',
  'line\nend',
  '{"id":"x"}',
  '\u2028',
  '?#&+,',
];

describe.each(TRANSPORTS)('over %s', (transport) => {
  let server: TestHttpServer;
  let client: SegmentdClient;

  beforeEach(async () => {
    server = await startTestHttp(transport, allEndpoints);
    client = new SegmentdClient({ url: `http://127.0.0.1:${server.port}` });
    const { engine } = server;
    engine.declareTag('age', { kind: 'number' });
    engine.setTags('p1', { age: 39, sex: 'Male' });
    engine.setTags('p2', { age: 50, sex: 'Female', vip: true });
    engine.setTags('p3', { sex: 'Female' });
  });
  afterEach(() => server.close());

  /** Each method once, with what it answers; what comes later sees what came before. */
  const calls: { readonly [I in OperationId]: (client: SegmentdClient) => Promise<void> } = {
    async getUserTags(client) {
      const { tags } = await client.getUserTags({ id: 'p2', tags: ['age', 'nothing'] });
      expect(tags).toEqual({ age: 50, nothing: null });
      expect(await client.getUserTags({ id: 'p2' })).toEqual({
        id: 'p2',
        tags: { age: 50, sex: 'Female', vip: true },
      });
    },
    async changeUserTags(client) {
      expect(await client.changeUserTags({ id: 'new', set: { age: 1, vip: true }, remove: ['sex'] })).toEqual(
        {
          added: 2,
          removed: 0,
        },
      );
      expect((await client.getUserTags({ id: 'new' })).tags).toEqual({ age: 1, vip: true });
    },
    async eraseUser(client) {
      expect(await client.eraseUser({ id: 'p1' })).toBeUndefined();
      expect((await failure(client.getUserTags({ id: 'p1' }))).code).toBe('UNKNOWN_USER');
    },
    async removeUserTags(client) {
      expect(await client.removeUserTags({ id: 'p1' })).toBeUndefined();
      expect(await client.countUsers({ expression: 'all' })).toEqual({ count: 2 });
    },
    async lookUpUsers(client) {
      expect(await client.lookUpUsers({ ids: ['p1', BYTES], tags: ['age'] })).toEqual({
        items: [
          { id: 'p1', tags: { age: 39 } },
          { id: BYTES, tags: { age: null } },
        ],
      });
    },
    async getUserAudiences(client) {
      await client.saveAudience({ name: 'old', expression: 'age > 40' });
      expect(await client.getUserAudiences({ id: 'p2', names: ['old'] })).toEqual({ items: ['old'] });
    },
    async listUsers(client) {
      const { items, cursor } = await client.listUsers({ limit: 2, ordinals: true });
      expect(items.map((item) => (typeof item === 'object' && 'id' in item ? item.id : item))).toEqual([
        'p1',
        'p2',
      ]);
      expect((await client.listUsers({ cursor })).items).toEqual(['p3']);
    },
    async listTags(client) {
      const { items } = await client.listTags({ match: '?e?' });
      expect(items.map(({ name, kind }) => [name, kind])).toEqual([['sex', 'enum']]);
      expect((await client.listTags()).items).toHaveLength(3);
    },
    async getTag(client) {
      expect(await client.getTag({ name: 'age' })).toMatchObject({ name: 'age', kind: 'number', users: 2 });
    },
    async declareTag(client) {
      const tag = await client.declareTag({ name: 'a/b c', kind: 'number', scale: 2 });
      expect(tag).toMatchObject({ name: 'a/b c', kind: 'number', scale: 2 });
      expect(server.engine.tag('a/b c')?.scale).toBe(2);
    },
    async dropTag(client) {
      await client.dropTag({ name: 'age' });
      expect(server.engine.tag('age')).toBeUndefined();
    },
    async tagDistribution(client) {
      const { values } = await client.tagDistribution({ name: 'sex', of: 'age > 0' });
      expect(values).toEqual([
        { value: 'Female', users: 1 },
        { value: 'Male', users: 1 },
      ]);
    },
    async tagStatistics(client) {
      expect(await client.tagStatistics({ name: 'age', timeout: 1000 })).toMatchObject({ count: 2, sum: 89 });
    },
    async addTagUsers(client) {
      const ids = new Set<UserId>(['p1', 'new', BYTES]);
      expect(await client.addTagUsers({ name: 'vip', ids })).toEqual({ given: 3, changed: 3 });
      expect((await client.getUserTags({ id: BYTES })).tags).toEqual({ vip: true });
    },
    async removeTagUsers(client) {
      expect(await client.removeTagUsers({ name: 'sex', value: 'Male', ids: ['p1', 'p2'] })).toEqual({
        given: 2,
        changed: 1,
      });
    },
    async listTagUsers(client) {
      expect(await client.listTagUsers({ name: 'sex', value: 'Female' })).toEqual({ items: ['p2', 'p3'] });
    },
    async countUsers(client) {
      const tree = { type: 'compare', tag: 'sex', operator: '=', value: 'Female' } as const;
      expect(await client.countUsers({ expression: tree })).toEqual({ count: 2 });
      expect(await client.countUsers({ expression: 'sex = Female', limit: 1 })).toEqual({ count: 1 });
    },
    async testUsers(client) {
      const { items } = await client.testUsers({ expression: 'vip', ids: ['p1', 'p2'] });
      expect(items.map(({ isMember }) => isMember)).toEqual([false, true]);
    },
    async explainCount(client) {
      expect(await client.explainCount({ expression: 'vip' })).toMatchObject({ users: 1 });
    },
    async compareAudiences(client) {
      const { users } = await client.compareAudiences({ expressions: ['vip', 'sex = Female'] });
      expect(users).toEqual([
        [1, 1],
        [1, 2],
      ]);
    },
    async reachOfAudiences(client) {
      expect(await client.reachOfAudiences({ expressions: ['vip', 'sex = Female'] })).toEqual({
        users: [1, 1, 1],
      });
    },
    async findUsers(client) {
      const page = await client.findUsers({ expression: 'sex = Female', limit: 1, tags: ['age'] });
      expect(page.items).toEqual([{ id: 'p2', tags: { age: 50 } }]);
      expect((await client.findUsers({ expression: 'sex = Female', cursor: page.cursor! })).items).toEqual([
        'p3',
      ]);
    },
    async listAudiences(client) {
      await client.saveAudience({ name: 'one', expression: 'vip' });
      expect((await client.listAudiences({ limit: 10 })).items.map(({ name }) => name)).toEqual(['one']);
    },
    async saveAudience(client) {
      const saved = await client.saveAudience({ name: 'x/y', expression: 'vip', labels: ['a'] as const });
      expect(saved).toMatchObject({ name: 'x/y', expression: 'vip', labels: ['a'] });
    },
    async getAudience(client) {
      let etag: string | null = null;
      await client.saveAudience(
        { name: 'one', expression: 'vip' },
        { onHeaders: (headers) => (etag = headers.get('etag')) },
      );
      expect(await client.getAudience({ name: 'one' })).toMatchObject({ kind: 'dynamic', users: null });
      const again = client.getAudience({ name: 'one' }, { headers: { 'if-none-match': etag! } });
      expect(await failure(again)).toMatchObject({ code: 'NOT_MODIFIED', status: 304 });
    },
    async changeAudience(client) {
      await client.saveAudience({ name: 'one', expression: 'vip' });
      const changed = await client.changeAudience({ name: 'one', newName: 'two', owner: 'me' });
      expect(changed).toMatchObject({ name: 'two', owner: 'me' });
      const stale = client.changeAudience(
        { name: 'two', owner: 'you' },
        { headers: { 'if-match': '"stale"' } },
      );
      expect(await failure(stale)).toMatchObject({ code: 'PRECONDITION_FAILED', status: 412 });
    },
    async deleteAudience(client) {
      await client.saveAudience({ name: 'one', expression: 'vip' });
      await client.deleteAudience({ name: 'one' });
      expect(server.engine.audiences.get('one')).toBeUndefined();
    },
    async replaceTagUsers(client) {
      const replaced = await client.replaceTagUsers({ name: 'vip', ids: ['p1', 'p3'], release: 'one' });
      expect(replaced).toMatchObject({ state: 'published', version: 1, entered: 2, left: 1 });
    },
    async listTagVersions(client) {
      await client.replaceTagUsers({ name: 'vip', ids: ['p1'] });
      const { items } = await client.listTagVersions({ name: 'vip' });
      expect(items.map(({ state }) => state)).toEqual(['kept', 'current']);
    },
    async compareTagVersions(client) {
      await client.replaceTagUsers({ name: 'vip', ids: ['p1', 'p3'] });
      const difference = await client.compareTagVersions({ name: 'vip', side: 'left' });
      expect(difference).toEqual({ from: 0, to: 1, entered: 2, left: 1, changed: 0, items: ['p2'] });
    },
    async rollBackTag(client) {
      await client.replaceTagUsers({ name: 'vip', ids: [] });
      expect(await client.rollBackTag({ name: 'vip', version: 0 })).toMatchObject({ version: 0, users: 1 });
    },
    async setTagPolicy(client) {
      expect(await client.setTagPolicy({ name: 'vip', minUsers: 1 })).toMatchObject({ minUsers: 1, keep: 2 });
    },
    async getTagPolicy(client) {
      expect(await client.getTagPolicy({ name: 'vip' })).toMatchObject({ maxUsers: null, automatic: false });
    },
    async prepareTagUsers(client) {
      const prepared = await client.prepareTagUsers({ name: 'club', ids: ['p1'] });
      expect(prepared).toMatchObject({ tag: 'club', draft: 1, users: 1 });
    },
    async publishRelease(client) {
      const { draft } = await client.prepareTagUsers({ name: 'club', ids: ['p1'] });
      const release = { release: 'two', drafts: [draft], lists: [{ tag: 'vip', ids: ['p3'] }] };
      expect((await client.publishRelease(release)).tags).toMatchObject([{ tag: 'club' }, { tag: 'vip' }]);
    },
    async listReleases(client) {
      await client.replaceTagUsers({ name: 'vip', ids: [], release: 'one' });
      expect((await client.listReleases()).items).toMatchObject([{ release: 'one', state: 'published' }]);
    },
    async rollBackRelease(client) {
      await client.replaceTagUsers({ name: 'vip', ids: [], release: 'one' });
      expect((await client.rollBackRelease({ release: 'one' })).state).toBe('rolled back');
    },
    async listHeld(client) {
      await client.setTagPolicy({ name: 'vip', minUsers: 1 });
      expect((await client.replaceTagUsers({ name: 'vip', ids: [] })).state).toBe('held');
      expect((await client.listHeld({ tag: 'vip' })).items).toMatchObject([{ draft: 1, users: 0 }]);
    },
    async publishHeld(client) {
      const { draft } = await client.prepareTagUsers({ name: 'vip', ids: ['p1'] });
      expect((await client.publishHeld({ draft: String(draft) })).tags).toEqual([{ tag: 'vip', version: 1 }]);
    },
    async discardHeld(client) {
      const { draft } = await client.prepareTagUsers({ name: 'vip', ids: ['p1'] });
      expect(await client.discardHeld({ draft: String(draft) })).toBeUndefined();
    },
    async listAudienceUsers(client) {
      await client.saveAudience({ name: 'one', expression: 'age > 0' });
      expect(await client.listAudienceUsers({ name: 'one' })).toEqual({ items: ['p1', 'p2'] });
    },
    async getPersistence(client) {
      expect(await client.getPersistence()).toBeNull();
    },
    async startSnapshot(client) {
      const refused = await failure(client.startSnapshot({ wait: true }));
      expect(refused).toMatchObject({ code: 'NOT_ALLOWED', status: 403 });
    },
  };

  test.each(Object.keys(calls) as OperationId[])('%s', (id) => calls[id](client));

  test('every operation of the API has a method, and a test', () => {
    const ids = clientEndpoints.map(({ document }) => document.id);
    expect(Object.keys(calls).sort()).toEqual([...ids].sort());
    for (const id of ids) expect(client).toHaveProperty(id);
  });

  test('ids of any bytes go there and come back', async () => {
    for (const id of [...ODD_IDS, BYTES]) await client.changeUserTags({ id, set: { odd: true } });
    const { items } = await client.lookUpUsers({ ids: [...ODD_IDS, BYTES] });
    expect(items.map(({ id }) => id)).toEqual([...ODD_IDS, BYTES]);
    for (const { tags } of items) expect(tags).toEqual({ odd: true });
    const ids = await all(client.exportUsers({ tag: 'odd', bytes: true }));
    expect(ids.map((id) => Buffer.from(id).toString('hex'))).toEqual(
      [...ODD_IDS, BYTES].map((id) => Buffer.from(id).toString('hex')),
    );
    const text = client.exportUsers({ tag: 'odd' });
    expect((await failure(all(text))).code).toBe('INVALID_USER_ID');
    await client.eraseUser({ id: BYTES });
    expect(await all(client.exportUsers({ tag: 'odd' }))).toEqual(ODD_IDS);
    await vi.waitUntil(() => server.service.exports === 0);
  });

  test('a tag may be called as bytes are', async () => {
    await client.changeUserTags({ id: BYTES, set: { base64: 'aGk=' } });
    expect(await client.getUserTags({ id: BYTES })).toEqual({
      id: new Uint8Array(BYTES),
      tags: { base64: 'aGk=' },
    });
    const rows = await all(client.exportRows({ tag: 'base64', tags: ['base64'] }));
    expect(rows).toEqual([{ id: new Uint8Array(BYTES), tags: { base64: 'aGk=' } }]);
  });

  test.each(['', '.', '..'])('a name that no path can have is refused: %j', async (name) => {
    await expect(client.getAudience({ name })).rejects.toThrow(TypeError);
    await expect(client.eraseUser({ id: Buffer.from(name) })).rejects.toThrow(TypeError);
  });

  test('other types come as they are', async () => {
    const response = await client.request(
      'findUsers',
      { expression: 'age > 0', tags: ['age'] },
      { accept: 'text/csv' },
    );
    expect(await response.text()).toBe('id,age\r\np1,39\r\np2,50\r\n');
  });

  test('errors tell all that the server told', async () => {
    const error = await failure(
      client.countUsers({ expression: 'sex == Male' }, { headers: { 'x-request-id': 'r-17' } }),
    );
    expect(error).toMatchObject({
      name: 'SegmentdClientError',
      code: 'INVALID_EXPRESSION',
      status: 400,
      position: 5,
      requestId: 'r-17',
    });
    expect(error.detail).toContain('=');
    expect(error.message).toBe(`INVALID_EXPRESSION: ${error.detail}`);
  });

  test('a call that was given up before it began asks for nothing', async () => {
    const signal = AbortSignal.abort(new Error('never mind'));
    await expect(client.eraseUser({ id: 'p1' }, { signal })).rejects.toThrow('never mind');
    expect(server.engine.has('p1')).toBe(true);
  });
});

test('what is wrong with a call is told by the compiler', () => {
  // Never called.
  const wrong = (client: SegmentdClient): unknown => [
    // @ts-expect-error a property that there is not
    client.countUsers({ expressions: 'all' }),
    // @ts-expect-error no expression
    client.countUsers({ limit: 1 }),
    // @ts-expect-error no request
    client.getTag(),
    // @ts-expect-error a type of node that there is not
    client.countUsers({ expression: { type: 'some' } }),
    // @ts-expect-error an answer that is not so
    client.countUsers({ expression: 'all' }).then((answer) => answer.users),
    // @ts-expect-error no body of one kind with the query of another
    client.listTags({ value: 'Male' }),
  ];
  expect(wrong).toBeTypeOf('function');
});

test('a wrong URL is told at once', () => {
  expect(() => new SegmentdClient({ url: 'here' })).toThrow(TypeError);
  expect(() => new SegmentdClient({ url: 'redis://127.0.0.1' })).toThrow(TypeError);
});

test('the client imports nothing of the server or the engine but types', () => {
  const seen = new Set<string>();
  const visit = (path: string): void => {
    if (seen.has(path)) return;
    seen.add(path);
    for (const { to, typeOnly } of importsOf(path)) if (!typeOnly) visit(to);
  };
  visit('protocol/client/index.ts');
  expect(seen.size).toBeGreaterThan(5);
  expect([...seen].filter((path) => !path.startsWith('protocol/client/'))).toEqual([]);
  expect(Object.keys(operations)).toHaveLength(clientEndpoints.length);
});
