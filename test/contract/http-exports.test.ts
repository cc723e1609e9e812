/** What comes out when users are exported, in every format and over either transport, against a naive list. */
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { audienceExports } from '../../protocol/http/endpoints/audience-exports.js';
import { CONTAINER_SIZE, PortableBitmap } from '../../protocol/http/portable-bitmap.js';
import type { TagValue } from '../../src/index.js';
import { csvText, type ReadUser, readPage, STREAM_READERS } from '../support/export-readers.js';
import { ask, type RawAnswer } from '../support/http-client.js';
import { startTestHttp, type TestHttpServer, TRANSPORTS } from '../support/http-server.js';

const STREAMS = Object.keys(STREAM_READERS);
const WITH_COLUMNS = STREAMS.filter((type) => type !== 'text/plain');
const PAGES = ['application/json', 'application/msgpack'];
const ROARING = 'application/vnd.roaring';
/** Tags whose names need care in JSON or CSV. */
const TAGS = ['age', 'city', 'vip', 'a,"b"', 'nobody has it'];

const oddText = fc.string({
  unit: fc.constantFrom(
    'a',
    'b',
    ' ',
    ',',
    '"',
    '\\',
    '\r',
    '\n',
    '\t',
    '\0',
    '\x7f',
    'é',
    '\u2028',
    '😀',
    '{',
    "'",
  ),
  minLength: 1,
  maxLength: 12,
});
const id = fc.oneof(
  { weight: 3, arbitrary: oddText.map((text) => Buffer.from(text)) },
  {
    weight: 2,
    arbitrary: fc.uint8Array({ minLength: 1, maxLength: 255 }).map((bytes) => Buffer.from(bytes)),
  },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom('é'.repeat(127), 'x'.repeat(255), 'y'.repeat(32))
      .map((text) => Buffer.from(text)),
  },
);
const user = fc.record({
  id,
  isIn: fc.boolean(),
  age: fc.option(fc.integer({ min: -1000, max: 1000 }).map((n) => n / 100)),
  city: fc.option(fc.oneof(oddText, fc.constant(''))),
  vip: fc.option(fc.constant<true>(true)),
  'a,"b"': fc.option(oddText),
});
type User = typeof user extends fc.Arbitrary<infer T> ? T : never;
const users = fc.uniqueArray(user, { maxLength: 40, selector: (one) => one.id.toString('hex') });

const hasLineEnd = (bytes: Buffer): boolean => bytes.includes(0x0a) || bytes.includes(0x0d);

describe.each(TRANSPORTS)('%s', (transport) => {
  let server: TestHttpServer;

  beforeAll(async () => {
    server = await startTestHttp(transport, audienceExports);
  });
  beforeEach(() => server.engine.clear());
  afterAll(() => server.close());

  /** Makes users, each with one more tag, in this order, which is that of their ordinals. */
  const fill = (all: readonly User[]): void => {
    const { engine } = server;
    engine.clear();
    engine.declareTag('age', { kind: 'number', scale: 2 });
    engine.declareTag('city', { kind: 'enum' });
    engine.declareTag('chosen', { kind: 'flag' });
    for (const { id, isIn, ...values } of all) {
      const given = Object.entries({ ...values, chosen: isIn || null }).filter(([, value]) => value !== null);
      engine.setTags(id, Object.fromEntries([...given, ['user', true]]) as Record<string, TagValue>);
    }
  };
  const post = (accept: string, body: object, headers = {}): Promise<RawAnswer> => {
    const all = { 'content-type': 'application/json', accept, ...headers };
    return ask(
      server.port,
      'POST',
      '/v1/audiences/users',
      all,
      Buffer.from(JSON.stringify(body)).toString('latin1'),
    );
  };
  const get = (path: string, headers = {}): Promise<RawAnswer> => ask(server.port, 'GET', path, headers);
  const problem = ({ body }: RawAnswer): { code: string; detail: string; status: number } =>
    JSON.parse(String(body)) as { code: string; detail: string; status: number };
  const idsOf = async (accept: string, body: object, headers = {}): Promise<string[]> => {
    const answer = await post(accept, body, headers);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, accept]);
    const bytes = answer.headers.get('content-encoding') === 'gzip' ? gunzipSync(answer.body) : answer.body;
    return STREAM_READERS[accept]!(bytes).map(({ id }) => id.toString('latin1'));
  };

  test.each(WITH_COLUMNS)('%s says who is in an audience, and what they have', async (type) => {
    const asked = fc.record({
      ordinals: fc.boolean(),
      tags: fc.option(fc.subarray(TAGS, { minLength: 1 }), { nil: undefined }),
      limit: fc.option(fc.integer({ min: 1, max: 40 }), { nil: undefined }),
    });
    await fc.assert(
      fc.asyncProperty(users, asked, async (all, { ordinals, tags, limit }) => {
        fill(all);
        const answer = await post(type, { expression: 'chosen', ordinals, tags, limit });
        expect([answer.status, answer.headers.get('content-type')]).toEqual([200, type]);
        const expected = all.flatMap(({ id, isIn }, ordinal): ReadUser[] => {
          if (!isIn) return [];
          const values = tags && server.engine.get(id, tags);
          const told = values?.map((value) =>
            type === 'text/csv' && value !== null ? csvText(value) : value,
          );
          const named = tags && Object.fromEntries(tags.map((tag, i) => [tag, told![i]]));
          return [{ id, ...(ordinals && { ordinal }), ...(named && { tags: named }) }];
        });
        expect(STREAM_READERS[type]!(answer.body)).toEqual(expected.slice(0, limit));
      }),
      { numRuns: 40 },
    );
  });

  test('text/plain says ids as they are, and fails rather than to say two lines for one', async () => {
    await fc.assert(
      fc.asyncProperty(users, async (all) => {
        fill(all);
        const ids = all.filter(({ isIn }) => isIn).map(({ id }) => id);
        const answer = await post('text/plain', { expression: 'chosen' });
        if (ids.some(hasLineEnd))
          expect(problem(answer)).toMatchObject({ status: 406, code: 'NOT_ACCEPTABLE' });
        else
          expect(answer.body.toString('latin1')).toBe(ids.map((id) => `${id.toString('latin1')}\n`).join(''));
      }),
      { numRuns: 40 },
    );
  });

  test.each(PAGES)('pages of %s join to the whole', async (type) => {
    await fc.assert(
      fc.asyncProperty(users, fc.integer({ min: 1, max: 15 }), fc.boolean(), async (all, limit, ordinals) => {
        fill(all);
        const found: ReadUser[] = [];
        let cursor: string | undefined;
        do {
          const tags = ordinals ? ['city'] : undefined;
          const answer = await post(type, { expression: 'chosen', limit, cursor, ordinals, tags });
          const page = readPage(answer.body, type);
          expect(page.items.length === limit || page.cursor === undefined).toBe(true);
          found.push(...page.items);
          cursor = page.cursor;
        } while (cursor !== undefined);
        const expected = all.flatMap(({ id, isIn, city }, ordinal): ReadUser[] =>
          isIn ? [ordinals ? { id, ordinal, tags: { city } } : { id }] : [],
        );
        expect(found).toEqual(expected);
      }),
      { numRuns: 40 },
    );
  });

  test('a bitmap has the ordinals that the list of all users tells', async () => {
    await fc.assert(
      fc.asyncProperty(
        users,
        fc.option(fc.integer({ min: 1, max: 40 }), { nil: undefined }),
        async (all, limit) => {
          fill(all);
          const answer = await post(ROARING, { expression: 'chosen', limit });
          const list = await get('/v1/users?ordinals', { accept: 'text/csv' });
          expect(answer.headers.get('segmentd-ordinals')).toBe(server.engine.store.ordinalEpoch);
          expect(list.headers.get('segmentd-ordinals')).toBe(server.engine.store.ordinalEpoch);
          const listed = new Map(STREAM_READERS['text/csv']!(list.body).map((one) => [one.ordinal, one.id]));
          const ordinals = ordinalsIn(answer.body);
          const expected = all.filter(({ isIn }) => isIn).map(({ id }) => id);
          expect(ordinals.map((ordinal) => listed.get(ordinal))).toEqual(expected.slice(0, limit));
        },
      ),
      { numRuns: 20 },
    );
  });

  test.each(WITH_COLUMNS)('%s that was cut is gone on with', async (type) => {
    const all = Array.from({ length: 60 }, (_, i) =>
      Buffer.from(`user "${i}",\n\xff`, i % 2 ? 'latin1' : 'utf8'),
    );
    server.engine.addUsers('chosen', all);
    const whole = await idsOf(type, { expression: 'chosen' });
    const { body } = await post(type, { expression: 'chosen' });
    expect(whole).toHaveLength(60);
    await fc.assert(
      fc.asyncProperty(fc.nat(body.length), async (cut) => {
        const kept = completeRows(body.subarray(0, cut), type);
        const last = kept.at(-1);
        const after = last && (type.includes('json') ? jsonId(last) : { base64: last.toString('base64') });
        const rest = await idsOf(type, { expression: 'chosen', after });
        expect([...kept.map((id) => id.toString('latin1')), ...rest]).toEqual(whole);
        const encoded = last && `?after=${last.toString('hex').replace(/../g, '%$&')}`;
        const same = await get(`/v1/users${encoded ?? ''}`, { accept: type });
        expect(STREAM_READERS[type]!(same.body).map(({ id }) => id.toString('latin1'))).toEqual(rest);
      }),
      { numRuns: 25 },
    );
  });

  test('the order can be made sure of', async () => {
    const { engine } = server;
    engine.addUsers('chosen', ['a', 'b', 'c', 'd']);
    const first = await get('/v1/users?limit=2', { accept: 'text/plain' });
    expect(String(first.body)).toBe('a\nb\n');
    const epoch = { 'segmentd-ordinals': first.headers.get('segmentd-ordinals')! };
    const next = (user: string) => get(`/v1/users?after=${user}`, { accept: 'text/plain', ...epoch });
    engine.eraseUser('c');
    expect(String((await next('b')).body)).toBe('d\n');
    const gone = await next('c');
    expect(problem(gone)).toMatchObject({ status: 404, code: 'UNKNOWN_USER' });
    engine.addUsers('chosen', ['e']);
    expect(problem(await next('b'))).toMatchObject({ status: 412, code: 'PRECONDITION_FAILED' });
    expect(String((await get('/v1/users?after=b', { accept: 'text/plain' })).body)).toBe('e\nd\n');
  });

  test('a saved audience, a tag and a value of it are exported as well', async () => {
    const { engine } = server;
    engine.addUsers('city', ['a', 'c'], 'Köln');
    engine.addUsers('city', ['b'], 'Rom');
    engine.audiences.save('Köln, all', 'city = Köln');
    const plain = { accept: 'text/plain' };
    expect(String((await get('/v1/audiences/K%C3%B6ln%2C%20all/users', plain)).body)).toBe('a\nc\n');
    expect(String((await get('/v1/tags/city/users', plain)).body)).toBe('a\nc\nb\n');
    expect(String((await get('/v1/tags/city/users?value=K%C3%B6ln', plain)).body)).toBe('a\nc\n');
    expect(String((await get('/v1/tags/city/users?value=Bonn', plain)).body)).toBe('');
    expect(String((await get('/v1/users', plain)).body)).toBe('a\nc\nb\n');
    expect(problem(await get('/v1/audiences/none/users'))).toMatchObject({ code: 'UNKNOWN_AUDIENCE' });
    expect(problem(await get('/v1/tags/none/users'))).toMatchObject({ code: 'UNKNOWN_TAG' });
    expect(problem(await post('text/csv', { expression: 'chosen and' }))).toMatchObject({
      code: 'INVALID_EXPRESSION',
    });
  });

  test('many users: pieces join, compressed or not, in pages as in streams', async () => {
    const many = Array.from({ length: 120_000 }, (_, i) => `user-${i}`);
    for (let i = 0; i < many.length; i += 10_000) server.engine.addUsers('chosen', many.slice(i, i + 10_000));
    for (const type of STREAMS) {
      expect(await idsOf(type, { expression: 'chosen' })).toEqual(many);
      const some = await idsOf(
        type,
        { expression: 'chosen', cursor: '7', limit: 110_000 },
        { 'accept-encoding': 'gzip' },
      );
      expect(some).toEqual(many.slice(7, 110_007));
    }
    for (const type of PAGES) {
      const first = readPage((await post(type, { expression: 'chosen', limit: 100_000 })).body, type);
      expect([first.items.length, first.cursor]).toEqual([100_000, '100000']);
      const body = { expression: 'chosen', limit: 100_000, cursor: first.cursor };
      const answer = await post(type, body, { 'accept-encoding': 'gzip' });
      const last = readPage(gunzipSync(answer.body), type);
      expect([...first.items, ...last.items].map(({ id }) => String(id))).toEqual(many);
      expect(last.cursor).toBeUndefined();
      const usual = readPage((await post(type, { expression: 'chosen' })).body, type);
      expect([usual.items.length, usual.cursor]).toEqual([1000, '1000']);
    }
  });

  test('what does not go together is refused', async () => {
    server.engine.addUsers('chosen', ['a', 'b']);
    const refused: [body: object, accept: string, status: number][] = [
      [{ tags: ['chosen'] }, 'text/plain', 400],
      [{ ordinals: true }, 'text/plain', 400],
      [{ tags: ['chosen'] }, ROARING, 400],
      [{ limit: 100_001 }, 'application/json', 400],
      [{ limit: 0 }, 'text/csv', 400],
      [{ limit: 2 ** 32 + 1 }, 'text/csv', 400],
      [{ cursor: '1', after: 'a' }, 'text/csv', 400],
      [{ cursor: 'x' }, 'text/csv', 400],
      [{ cursor: '-1' }, 'application/json', 400],
      [{ cursor: '4294967296' }, 'application/json', 400],
      [{ after: 'c' }, 'text/csv', 404],
      [{ after: 'x'.repeat(256) }, 'text/csv', 400],
      [{ tags: new Array(1001).fill('chosen') }, 'text/csv', 400],
      [{}, 'application/pdf', 406],
    ];
    for (const [body, accept, status] of refused) {
      const answer = await post(accept, { expression: 'chosen', ...body });
      expect([body, problem(answer).status]).toEqual([body, status]);
    }
    const path = `/v1/users?tags=${new Array(1001).fill('chosen').join(',')}`;
    expect(problem(await get(path))).toMatchObject({ code: 'INVALID_ARGUMENT' });
    // The ends of what is allowed.
    for (const cursor of ['2', '4294967295']) {
      expect(String((await post('text/plain', { expression: 'chosen', cursor })).body)).toBe('');
      expect(String((await post('application/json', { expression: 'chosen', cursor })).body)).toBe(
        '{"items":[]}',
      );
    }
    expect(String((await post('text/plain', { expression: 'chosen', limit: 2 ** 32 })).body)).toBe('a\nb\n');
  });

  test('a tag that is named twice is told once', async () => {
    server.engine.addUsers('chosen', ['a']);
    const { body } = await get('/v1/users?tags=chosen,x,chosen', { accept: 'text/csv' });
    expect(String(body)).toBe('id,chosen,x\r\na,true,\r\n');
  });

  test.each([...STREAMS, ROARING, ...PAGES])('HEAD has the head of GET: %s', async (accept) => {
    server.engine.addUsers('chosen', ['a', 'b']);
    const heads = [];
    for (const method of ['GET', 'HEAD']) {
      const { status, headers } = await ask(server.port, method, '/v1/users', {
        accept,
        'x-request-id': 'r',
      });
      heads.push([
        status,
        ...[...headers].filter(([name]) => !/^(date|transfer-encoding)$/.test(name)).sort(),
      ]);
    }
    expect(heads[1]).toEqual(heads[0]);
    expect(server.service).toMatchObject({ exports: 0, streams: 0, waiting: 0 });
    expect(server.engine.store.openCursors).toBe(0);
  });
});

function ordinalsIn(body: Buffer): number[] {
  const reading = PortableBitmap.read(body);
  let step = reading.next();
  while (step.done !== true) step = reading.next();
  const bitmap = step.value;
  const target = new Uint32Array(CONTAINER_SIZE);
  return bitmap.containers.flatMap((container) => [...target.subarray(0, bitmap.decode(container, target))]);
}

function jsonId(id: Buffer): unknown {
  const text = id.toString();
  return Buffer.from(text).equals(id) ? text : { base64: id.toString('base64') };
}

/** The ids of the rows that are there from end to end. */
function completeRows(body: Buffer, type: string): Buffer[] {
  for (let end = body.length; end > 0; end--) {
    try {
      const rows = STREAM_READERS[type]!(body.subarray(0, end));
      return rows.map(({ id }) => id);
    } catch {
      // A row is cut there.
    }
  }
  return [];
}
