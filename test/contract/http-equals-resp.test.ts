/** Whatever is asked, HTTP and RESP say the same, errors too: about random stores, with random expressions, over either transport. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { allEndpoints } from '../../protocol/http/endpoints/index.js';
import { type ErrorCode, errorTable, printExpression, type UserId } from '../../src/index.js';
import {
  change,
  expression,
  IDS,
  NAMES,
  settingTags,
  shortExpression,
  TAGS,
} from '../model/audience-changes.js';
import { asInput, Pair } from '../model/audience-pair.js';
import { RawHttpClient, requestText } from '../support/http-client.js';
import { startTestHttp, type TestHttpServer, TRANSPORTS } from '../support/http-server.js';
import type { Plain, RespClient } from '../support/resp-client.js';
import { toPlain } from '../support/resp-client.js';
import { startTestServer, type TestServer } from '../support/server.js';

/** What an HTTP answer's JSON is. */
// biome-ignore lint/suspicious/noExplicitAny: it is taken apart as it should be, and a test fails if it is not so
type Json = any;

interface HttpCall {
  readonly method: string;
  readonly path: string;
  readonly body?: object;
}

/** One question in the words of both, and what either answer is to be compared as. */
interface Question {
  readonly resp: readonly (string | number | Uint8Array)[];
  readonly http: HttpCall;
  readonly fromResp: (reply: Json) => unknown;
  readonly fromHttp: (answer: Json) => unknown;
}

const ANYBODY: readonly UserId[] = [...IDS, 'nobody'];
/** Longer URLs are refused. */
const MAX_PATH = 8000;

const same = (value: Json): unknown => value;
const hexOf = (id: UserId): string => Buffer.from(id as string).toString('hex');
const latinHex = (text: string): string => Buffer.from(text, 'latin1').toString('hex');
const text = (latin: string): string => Buffer.from(latin, 'latin1').toString();
const texts = (latin: string[]): string[] => latin.map(text);
/** A tag's value as RESP writes it. */
const written = (value: Json): string | null =>
  value === null ? null : value === true ? '1' : String(value);
const encoded = (id: UserId): string => hexOf(id).replace(/../g, '%$&');
const jsonId = (id: UserId): unknown => (typeof id === 'string' ? id : { base64: hexToBase64(hexOf(id)) });
const hexToBase64 = (hex: string): string => Buffer.from(hex, 'hex').toString('base64');
const hexOfJson = (id: Json): string =>
  typeof id === 'string' ? hexOf(id) : Buffer.from(id.base64, 'base64').toString('hex');
/** A map of RESP3 with text in it. */
const entries = (map: Map<string, Json>, read: (value: Json) => unknown): unknown =>
  Object.fromEntries([...map].map(([key, value]) => [text(key), read(value)]));
const get = (path: string, query: Record<string, string> = {}): HttpCall => {
  const search = Object.entries(query).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return { method: 'GET', path: search.length === 0 ? path : `${path}?${search.join('&')}` };
};
const post = (question: string, body: object): HttpCall => ({
  method: 'POST',
  path: `/v1/audiences/${question}`,
  body,
});
const listed = (names: readonly string[]): string => names.map(encodeURIComponent).join(',');

/** Has it only numbers that JSON tells exactly? Others are refused there, and have to be sent as text. */
function isExact(tree: object): boolean {
  const all = JSON.stringify(tree, (_, value) =>
    Number.isInteger(value) && !Number.isSafeInteger(value) ? 'inexact' : value,
  );
  return !all.includes('"inexact"');
}

/** About an expression, in any form. */
function questionsAbout(asked: string, others: readonly string[], tag: string): Question[] {
  // Nothing is compared with nothing.
  const all = [asked, ...others, 'all'];
  const statistics = (value: Json): unknown => [
    ...[value.count, value.sum, value.average, value.minimum, value.maximum, value.missing],
    value.quantiles,
  ];
  const path = `/v1/tags/${encodeURIComponent(tag)}`;
  return [
    {
      resp: ['SEG.COUNT', asked],
      http: post('count', { expression: asked }),
      fromResp: same,
      fromHttp: ({ count }) => count,
    },
    {
      resp: ['SEG.COUNT', asked, 'LIMIT', 2, 'TIMEOUT', 0],
      http: post('count', { expression: asked, limit: 2, timeout: 0 }),
      fromResp: same,
      fromHttp: ({ count }) => count,
    },
    {
      resp: ['SEG.TEST', asked, ...ANYBODY.map((id) => Buffer.from(id as string))],
      http: post('test', { expression: asked, ids: ANYBODY.map(jsonId) }),
      fromResp: (reply: number[]) => ANYBODY.map((id, i) => [hexOf(id), Number(reply[i]) === 1]),
      fromHttp: ({ items }) => items.map(({ id, isMember }: Json) => [hexOfJson(id), isMember]),
    },
    {
      resp: ['SEG.OVERLAP', ...all],
      http: post('overlap', { expressions: all }),
      fromResp: (reply) => Object.fromEntries(reply),
      fromHttp: same,
    },
    {
      resp: ['SEG.REACH', ...all, 'TIMEOUT', 10_000],
      http: post('reach', { expressions: all, timeout: 10_000 }),
      fromResp: same,
      fromHttp: ({ users }) => users,
    },
    {
      resp: ['SEG.EXPLAIN', asked],
      http: post('explain', { expression: asked }),
      fromResp: ([first]: string[]) => Number(first!.split(' ')[0]),
      fromHttp: ({ users }) => users,
    },
    {
      resp: ['TAG.DISTRIBUTION', tag, 'OF', asked, 'RANGES', 4],
      http: get(`${path}/distribution`, { of: asked, ranges: '4' }),
      fromResp: (reply) => {
        const { values, ranges, ...rest } = Object.fromEntries(reply) as Json;
        const parts = ranges ?? values.map(([value, users]: [string, number]) => [text(value), users]);
        return { ...rest, tag: text(rest.tag), parts };
      },
      fromHttp: ({ values, ranges, ...rest }) => {
        const parts =
          ranges?.map(({ from, to, users }: Json) => [from, to, users]) ??
          values.map(({ value, users }: Json) => [written(value), users]);
        return { ...rest, parts };
      },
    },
    {
      resp: ['TAG.STATS', tag, 'OF', asked],
      http: get(`${path}/stats`, { of: asked }),
      fromResp: (reply) => {
        const { avg, min, max, ...rest } = Object.fromEntries(reply) as Json;
        const quantiles = Object.fromEntries(rest.quantiles);
        return statistics({ ...rest, quantiles, average: avg, minimum: min, maximum: max });
      },
      fromHttp: statistics,
    },
    ...[0, 3].map(
      (cursor): Question => ({
        resp: ['SEG.USERS', asked, 'CURSOR', cursor, 'COUNT', 3],
        http: post('users', { expression: asked, cursor: String(cursor), limit: 3 }),
        fromResp: ([next, ids]: [string, string[]]) => [next, ids.map(latinHex)],
        fromHttp: ({ items, cursor: next = '0' }) => [next, items.map(hexOfJson)],
      }),
    ),
  ];
}

/** About a user. */
function questionsOf(id: UserId, tags: readonly string[], names: readonly string[]): Question[] {
  const user = Buffer.concat([Buffer.from('user:'), Buffer.from(id as string)]);
  const path = `/v1/users/${encoded(id)}`;
  return [
    {
      resp: ['HMGET', user, ...tags],
      http: get(`${path}/tags?tags=${listed(tags)}`),
      fromResp: (values: (string | null)[]) =>
        Object.fromEntries(tags.map((tag, i) => [tag, values[i] === null ? null : text(values[i]!)])),
      fromHttp: ({ tags: told }) => entries(new Map(Object.entries(told).map(latinKey)), written),
    },
    {
      resp: ['HGETALL', user],
      http: get(`${path}/tags`),
      // A hash that is not there is empty in Redis.
      fromResp: (reply: Map<string, string>) =>
        reply.size === 0 ? 'ERR there is no such user' : entries(reply, text),
      fromHttp: ({ tags: told }) => entries(new Map(Object.entries(told).map(latinKey)), written),
    },
    {
      resp: ['SEG.MATCH', Buffer.from(id as string)],
      http: get(`${path}/audiences`),
      fromResp: texts,
      fromHttp: ({ items }) => items,
    },
    {
      resp: ['SEG.MATCH', Buffer.from(id as string), ...names],
      http: get(`${path}/audiences?names=${listed(names)}`),
      fromResp: texts,
      fromHttp: ({ items }) => items,
    },
  ];
}

const latinKey = ([key, value]: [string, unknown]): [string, unknown] => [
  Buffer.from(key).toString('latin1'),
  value,
];

/** About what is kept. */
function questionsAboutAll(): Question[] {
  const audience = (reply: Map<string, Json>): unknown =>
    entries(reply, (value) =>
      typeof value === 'string' ? text(value) : Array.isArray(value) ? texts(value) : value,
    );
  const tag = (reply: Map<string, Json>): Json =>
    entries(reply, (value) => (typeof value === 'string' ? text(value) : value));
  return [
    {
      resp: ['SEG.LIST'],
      http: get('/v1/audiences'),
      fromResp: (reply: Map<string, Json>[]) => reply.map(audience),
      fromHttp: ({ items }) => items,
    },
    {
      resp: ['TAG.LIST'],
      http: get('/v1/tags'),
      fromResp: (reply: Map<string, Json>[]) =>
        reply.map((one) => {
          const { name, kind, users } = tag(one);
          return [name, kind, users];
        }),
      fromHttp: ({ items }) => items.map(({ name, kind, users }: Json) => [name, kind, users]),
    },
    ...[...NAMES, 'missing'].map(
      (name): Question => ({
        resp: ['SEG.GET', name],
        http: get(`/v1/audiences/${encodeURIComponent(name)}`),
        fromResp: audience,
        fromHttp: same,
      }),
    ),
  ];
}

describe.each(TRANSPORTS)('%s and RESP', (transport) => {
  let pair: Pair;
  let resp: TestServer;
  let http: TestHttpServer;
  let respClient: RespClient;
  let httpClient: RawHttpClient;

  beforeAll(async () => {
    pair = new Pair();
    const { engine } = pair;
    resp = await startTestServer({ engine, httpPort: 0 });
    http = await startTestHttp(transport, allEndpoints, {}, {}, engine);
    respClient = await resp.connect(3);
    httpClient = await RawHttpClient.open(http.port);
  });
  afterAll(async () => {
    httpClient.destroy();
    await http.close();
    await resp.close();
  });

  /** What RESP says, or the text of its error. */
  const askResp = async ({ resp: words, fromResp }: Question): Promise<unknown> => {
    const plain: Plain = toPlain(await respClient.reply(...words));
    return plain instanceof Error ? text(plain.message) : fromResp(plain);
  };
  /** What HTTP says, or its error as RESP would have it. */
  const askHttp = async ({ http: { method, path, body }, fromHttp }: Question): Promise<unknown> => {
    const json = body === undefined ? '' : Buffer.from(JSON.stringify(body)).toString('latin1');
    const headers: Record<string, string> = json === '' ? {} : { 'content-type': 'application/json' };
    httpClient.send(requestText(method, path, headers, json));
    const answer = await httpClient.answer();
    const value = JSON.parse(String(answer.body)) as Json;
    if (answer.status === 200) return fromHttp(value);
    const { resp: prefix, http: status } = errorTable[value.code as ErrorCode];
    assert.equal(answer.status, status);
    return `${prefix} ${value.detail}`;
  };
  /** Returns what both said. */
  const assertSame = async (question: Question): Promise<unknown> => {
    if (question.http.path.length > MAX_PATH) return undefined;
    const [known, told] = [await askResp(question), await askHttp(question)];
    assert.deepEqual(told, known, `${question.resp[0]} and ${question.http.path} differ`);
    return told;
  };

  const changes = fc.oneof(
    fc.array(settingTags, { minLength: 5, maxLength: 20, size: 'max' }),
    fc.array(change),
  );
  const tags = fc.subarray([...TAGS, 'missing', '標籤, mit Komma & mehr'], { minLength: 1 });

  test('answer every question alike', { timeout: 120_000 }, async () => {
    const seen = { answers: 0, errors: 0 };
    await fc.assert(
      fc.asyncProperty(
        changes,
        fc.array(fc.oneof(expression, shortExpression), { minLength: 1, maxLength: 4 }),
        tags,
        fc.subarray([...NAMES, 'missing'], { minLength: 1 }),
        async (changed, trees, tags, names) => {
          pair.change({ type: 'clear' });
          pair.declare();
          for (const each of changed) {
            pair.change(each);
            if (each.type === 'clear') pair.declare();
          }
          const asked = trees.map(printExpression);
          const questions = [
            ...asked.flatMap((one) => questionsAbout(one, asked.slice(1), tags[0]!)),
            ...ANYBODY.flatMap((id) => questionsOf(id, tags, names)),
            ...questionsAboutAll(),
          ];
          for (const question of questions) {
            const told = await assertSame(question);
            if (typeof told === 'string') seen.errors++;
            else seen.answers++;
          }
          // A tree means what its text means.
          for (const tree of trees) {
            const count = (input: unknown): Question => ({
              ...questionsAbout(printExpression(tree), [], TAGS[0]!)[0]!,
              http: post('count', { expression: input }),
            });
            const told = await assertSame(count(printExpression(tree)));
            if (typeof told === 'number' && isExact(tree)) await assertSame(count(asInput(tree)));
          }
        },
      ),
      { numRuns: 30 },
    );
    // It has not only compared errors, and not only what works.
    assert.ok(seen.answers > 1000 && seen.errors > 20, JSON.stringify(seen));
  });

  test.each([
    '',
    ' ',
    'a b',
    'vip and',
    '(vip',
    'vip = = 1',
    'nothing',
    'nothing and also-nothing',
    '@missing',
    '@`a\tb`',
    '"ü',
    'vip > 1',
    'vip = 2',
    'city < Rome',
    'age = old',
    'age between x and 2',
    'at least 3 of (vip, age)',
    'ünknown',
    '日本 = "',
    'vip\r\nor',
    '\0',
  ])('refuse %j with the same words', async (asked) => {
    for (const question of questionsAbout(asked, ['vip'], 'age')) await assertSame(question);
    for (const question of questionsAbout('vip', [asked], 'age')) await assertSame(question);
  });

  test.each([
    ['deep', `${'('.repeat(201)}vip${')'.repeat(201)}`],
    ['long', 'vip '.repeat(20_000)],
    ['large', `users(${'x, '.repeat(10_001)}y)`],
  ])('refuse what is too %s with the same words', async (_, asked) => {
    for (const question of questionsAbout(asked, ['vip'], 'age')) await assertSame(question);
  });

  test.each(['nothing', 'city', 'vip', 'score'])('tell of the tag %s, or refuse it, alike', async (tag) => {
    for (const question of questionsAbout('all', [], tag)) await assertSame(question);
  });
});
