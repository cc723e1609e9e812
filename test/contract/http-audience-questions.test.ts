/** Questions about expressions, over either transport. */
import { decode, encode } from '@msgpack/msgpack';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { allEndpoints } from '../../protocol/http/endpoints/index.js';
import type { Expression } from '../../src/index.js';
import { ask, type RawAnswer, RawHttpClient, requestText } from '../support/http-client.js';
import { startTestHttp, type TestHttpServer, TRANSPORTS } from '../support/http-server.js';

const JSON_TYPE = 'application/json';
const MSGPACK_TYPE = 'application/msgpack';
/** User n is odd, has the rest of n divided by 3, and the number n. */
const USERS = 300;
const BYTES = Buffer.from([0xff, 0x00, 0xc3]);

const numbers = Array.from({ length: USERS }, (_, i) => i);
/** Expressions, each with what it says of user n. */
const sets: [text: string, tree: Expression, has: (n: number) => boolean][] = [
  ['odd', { type: 'has', tag: 'odd' }, (n) => n % 2 === 1],
  ['rest = r2', { type: 'compare', tag: 'rest', operator: '=', value: 'r2' }, (n) => n % 3 === 2],
  ['n < 100', { type: 'compare', tag: 'n', operator: '<', value: 100 }, (n) => n < 100],
  ['none', { type: 'none' }, () => false],
  ['@low', { type: 'audience', name: 'low' }, (n) => n < 10],
];
const texts = sets.map(([text]) => text);
const trees = sets.map(([, tree]) => tree);

function sizeOf(...has: ((n: number) => boolean)[]): number {
  return numbers.filter((n) => has.every((each) => each(n))).length;
}

/** A tree of so many operators, one inside the other. */
function deepTree(levels: number): string {
  return `${'{"type":"not","operand":'.repeat(levels)}{"type":"all"}${'}'.repeat(levels)}`;
}

describe.each(TRANSPORTS)('%s', (transport) => {
  let server: TestHttpServer;

  beforeAll(async () => {
    server = await startTestHttp(transport, allEndpoints);
    const { engine } = server;
    engine.declareTag('n', { kind: 'number' });
    for (const n of numbers) {
      engine.setTags(n === 299 ? BYTES : `u${n}`, {
        n,
        rest: `r${n % 3}`,
        ...(n % 2 === 1 && { odd: true }),
      });
    }
    engine.audiences.save('low', 'n < 10');
  });
  afterAll(() => server.close());

  const post = (question: string, body: string, headers: Record<string, string> = {}): Promise<RawAnswer> =>
    ask(
      server.port,
      'POST',
      `/v1/audiences/${question}`,
      { 'content-type': JSON_TYPE, ...headers },
      Buffer.from(body).toString('latin1'),
    );
  const resultOf = ({ status, headers, body }: RawAnswer): unknown => {
    expect([status, headers.get('content-type')]).toEqual([200, JSON_TYPE]);
    return JSON.parse(String(body));
  };
  const question = async (name: string, body: object): Promise<unknown> =>
    resultOf(await post(name, JSON.stringify(body)));
  const refusal = async (name: string, body: unknown): Promise<object> => {
    const answer = await post(name, typeof body === 'string' ? body : JSON.stringify(body));
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    const problem = JSON.parse(String(answer.body)) as { status: number };
    expect(problem.status).toBe(answer.status);
    return problem;
  };
  /** Asks in MessagePack, and is answered in it. */
  const packed = async (name: string, body: object): Promise<unknown> => {
    const text = Buffer.from(encode(body, { maxDepth: 500 })).toString('latin1');
    const headers = { 'content-type': MSGPACK_TYPE, accept: MSGPACK_TYPE };
    const answer = await ask(server.port, 'POST', `/v1/audiences/${name}`, headers, text);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, MSGPACK_TYPE]);
    return decode(answer.body);
  };

  test.each(sets)('counts %s, as text and as a tree', async (text, tree, has) => {
    const count = sizeOf(has);
    for (const expression of [text, tree]) {
      expect(await question('count', { expression })).toEqual({ count });
      expect(await packed('count', { expression })).toEqual({ count });
      for (const limit of [0, 1, 1000]) {
        const expected = { count: limit === 0 ? count : Math.min(limit, count) };
        expect(await question('count', { expression, limit, timeout: 0 })).toEqual(expected);
      }
    }
  });

  test('tests users of all kinds, in the order in which they are given', async () => {
    const ids = ['u1', 'u2', 'nobody', 'u1', 'ü', { base64: BYTES.toString('base64') }];
    const members = [true, false, false, true, false, true];
    const items = ids.map((id, i) => ({ id, isMember: members[i] }));
    expect(await question('test', { expression: 'odd', ids })).toEqual({ items });
    expect(await question('test', { expression: trees[0], ids, timeout: 1000 })).toEqual({ items });
    expect(await question('test', { expression: 'odd', ids: [] })).toEqual({ items: [] });

    const answer = await packed('test', { expression: 'odd', ids: [...ids, BYTES, Buffer.from('u1')] });
    // As one id can be told in two ways, it comes back in the way that the answer's type has.
    expect(answer).toEqual({
      items: [
        ...items.slice(0, -1),
        { id: BYTES, isMember: true },
        { id: BYTES, isMember: true },
        { id: 'u1', isMember: true },
      ],
    });
  });

  test('tests 10,000 users at a time', async () => {
    const ids = Array.from({ length: 10_000 }, (_, i) => `u${i % 400}`);
    const { items } = (await question('test', { expression: 'n >= 0', ids })) as { items: object[] };
    expect(items).toEqual(ids.map((id, i) => ({ id, isMember: i % 400 < 299 })));
    expect(await refusal('test', { expression: 'n >= 0', ids: [...ids, 'u1'] })).toMatchObject({
      code: 'INVALID_ARGUMENT',
      detail: expect.stringContaining('/ids'),
    });
  });

  test.each([
    ['as text', texts],
    ['as trees', trees],
  ])('compares expressions, %s', async (_, expressions) => {
    const users = sets.map(([, , a]) => sets.map(([, , b]) => sizeOf(a, b)));
    const share = (part: number, whole: number) => (whole === 0 ? 1 : part / whole);
    const expected = {
      users,
      jaccard: users.map((row, i) => row.map((both, j) => share(both, users[i]![i]! + users[j]![j]! - both))),
      containment: users.map((row, i) => row.map((both) => share(both, users[i]![i]!))),
    };
    expect(await question('overlap', { expressions })).toEqual(expected);
    expect(await packed('overlap', { expressions, timeout: 5000 })).toEqual(expected);

    const reach = new Array<number>(sets.length + 1).fill(0);
    for (const n of numbers) reach[sets.filter(([, , has]) => has(n)).length]!++;
    expect(await question('reach', { expressions })).toEqual({ users: reach });
    expect(await packed('reach', { expressions, timeout: 0 })).toEqual({ users: reach });
    expect(await question('reach', { expressions: [expressions[0]] })).toEqual({ users: [150, 150] });
  });

  test('explains, and tells null where nobody had to look', async () => {
    const expected = {
      users: 0,
      milliseconds: expect.any(Number),
      plan: {
        operation: 'and',
        estimated: expect.any(Number),
        actual: 0,
        milliseconds: expect.any(Number),
        parts: [
          { operation: 'none', estimated: 0, actual: 0, milliseconds: expect.any(Number), parts: [] },
          { operation: 'odd', estimated: 150, actual: null, milliseconds: null, parts: [] },
        ],
      },
    };
    const nobody: Expression = { type: 'and', operands: [{ type: 'users', ids: ['nobody'] }, trees[0]!] };
    const plan = { ...expected.plan, parts: [expect.anything(), expected.plan.parts[1]] };
    expect(await question('explain', { expression: nobody })).toEqual({ ...expected, plan });
    expect(await packed('explain', { expression: nobody })).toEqual({ ...expected, plan });
  });

  test.each([
    ['odd and', 'INVALID_EXPRESSION', 400, 8],
    ['rest == r2', 'INVALID_EXPRESSION', 400, 6],
    ['', 'INVALID_EXPRESSION', 400, 1],
    [{ type: 'not', operand: { type: 'has', tag: 7 } }, 'INVALID_EXPRESSION', 400, undefined],
    [{ type: 'nothing' }, 'INVALID_EXPRESSION', 400, undefined],
    ['odd > 5', 'INVALID_EXPRESSION', 400, undefined],
    ['missing', 'UNKNOWN_TAG', 404, undefined],
    [{ type: 'has', tag: 'missing' }, 'UNKNOWN_TAG', 404, undefined],
    ['@missing', 'UNKNOWN_AUDIENCE', 404, undefined],
  ])('%j is %s, whatever is asked', async (expression, code, status, position) => {
    const rest = { code, status, ...(position !== undefined && { position }) };
    for (const name of ['count', 'explain']) expect(await refusal(name, { expression })).toMatchObject(rest);
    expect(await refusal('test', { expression, ids: [] })).toMatchObject(rest);
    for (const name of ['overlap', 'reach']) {
      expect(await refusal(name, { expressions: ['all', expression] })).toMatchObject(rest);
    }
    if (position === undefined) expect(await refusal('count', { expression })).not.toHaveProperty('position');
  });

  test('a wrong tree is told with the path to what is wrong', async () => {
    const expression = { type: 'and', operands: [{ type: 'all' }, { type: 'has', tag: '' }] };
    expect(await refusal('count', { expression })).toMatchObject({
      detail: expect.stringMatching(/^operands\[1\]\.tag: /),
    });
  });

  test.each([
    ['count', {}],
    ['count', []],
    ['count', 'null'],
    ['count', '"odd"'],
    ['count', { expression: 5 }],
    ['count', { expression: null }],
    ['count', { expression: ['odd'] }],
    ['count', { expression: {} }],
    ['count', { expression: 'odd', limits: 5 }],
    ['count', { expression: 'odd', limit: -1 }],
    ['count', { expression: 'odd', limit: 1.5 }],
    ['count', { expression: 'odd', timeout: -1 }],
    ['count', { expression: 'odd', timeout: '5' }],
    ['test', { expression: 'odd' }],
    ['test', { ids: ['u1'] }],
    ['test', { expression: 'odd', ids: 'u1' }],
    ['test', { expression: 'odd', ids: [1] }],
    ['test', { expression: 'odd', ids: [''] }],
    ['test', { expression: 'odd', ids: ['x'.repeat(256)] }],
    ['test', { expression: 'odd', ids: [{ base64: '%%%' }] }],
    ['test', { expression: 'odd', ids: [{ hex: 'ff' }] }],
    ['test', { expression: 'odd', ids: [[]] }],
    ['overlap', { expressions: [] }],
    ['overlap', { expressions: ['odd'] }],
    ['overlap', { expressions: 'odd' }],
    ['overlap', { expressions: new Array(101).fill('odd') }],
    ['reach', { expressions: [] }],
    ['reach', { expression: 'odd' }],
    ['reach', { expressions: new Array(101).fill('odd') }],
    ['explain', { expression: 'odd', limit: 5 }],
  ])('%s refuses %j', async (name, body) => {
    expect(await refusal(name, body)).toMatchObject({ status: 400, code: 'INVALID_ARGUMENT' });
  });

  test('an id that is too long in bytes is refused', async () => {
    expect(await refusal('test', { expression: 'odd', ids: ['é'.repeat(200)] })).toMatchObject({
      status: 400,
      code: 'INVALID_USER_ID',
    });
  });

  test('as many expressions as can be compared', async () => {
    const expressions = new Array<string>(100).fill('odd');
    const { users } = (await question('reach', { expressions })) as { users: number[] };
    expect([users[0], users[100], users.length]).toEqual([150, 150, 101]);
    const overlap = (await question('overlap', { expressions })) as { users: number[][] };
    expect(new Set(overlap.users.flat())).toEqual(new Set([150]));
  });

  test('a name that is not known is told with those that are', async () => {
    expect(await refusal('count', { expresion: 'odd' })).toMatchObject({
      detail:
        'the body has no property "expresion" here; known are: expression, limit, version, release, timeout',
    });
    const many = Object.fromEntries(numbers.map((n) => [`x${n}`, n]));
    expect(await refusal('reach', { expressions: texts, ...many })).toMatchObject({
      detail: 'the body has no property "x0" here; known are: expressions, timeout',
    });
    expect(await refusal('test', '{"__proto__":1,"expression":"odd","ids":[]}')).toMatchObject({
      detail: expect.stringContaining('no property "__proto__"'),
    });
  });

  test('no body, or one of another kind', async () => {
    expect(await refusal('count', '')).toMatchObject({ status: 400, code: 'INVALID_ARGUMENT' });
    const path = '/v1/audiences/count';
    expect((await ask(server.port, 'POST', path, { 'content-type': 'text/plain' }, 'odd')).status).toBe(415);
    expect((await post('count', '{"expression":"odd"}', { accept: 'text/csv' })).status).toBe(406);
    expect((await post('count?limit=5', '{"expression":"odd"}')).status).toBe(400);
  });

  test('a question that is cut off at any byte is told so, and nobody is worse off', async () => {
    const client = await RawHttpClient.open(server.port);
    const value = { expression: sets[1]![1], ids: ['ü', { base64: '/w==' }], timeout: 500 };
    for (const [type, whole] of [
      [JSON_TYPE, Buffer.from(JSON.stringify(value))],
      [MSGPACK_TYPE, Buffer.from(encode(value))],
    ] as const) {
      for (let end = 0; end <= whole.length; end++) {
        const cut = whole.toString('latin1', 0, end);
        client.send(requestText('POST', '/v1/audiences/test', { 'content-type': type }, cut));
        const { status, body } = await client.answer();
        const { code, position } = JSON.parse(String(body));
        if (end === whole.length) expect(status).toBe(200);
        else if (end === 0) expect([status, code]).toEqual([400, 'INVALID_ARGUMENT']);
        else {
          expect([status, code]).toEqual([400, 'SYNTAX']);
          expect(position).toBeLessThanOrEqual(end + 1);
        }
      }
    }
    client.destroy();
  });

  test('trees are as deep as they may be, and no deeper', async () => {
    const ask = (levels: number) => `{"expression":${deepTree(levels)}}`;
    expect(resultOf(await post('count', ask(200)))).toEqual({ count: USERS });
    expect(await refusal('count', ask(201))).toMatchObject({ status: 400, code: 'INVALID_EXPRESSION' });
    for (const levels of [1000, 10_000, 100_000]) {
      expect(await refusal('count', ask(levels))).toMatchObject({ status: 400, code: 'SYNTAX' });
    }
    const and = (levels: number): Expression =>
      levels === 0 ? trees[0]! : { type: 'and', operands: [and(levels - 1), { type: 'all' }] };
    expect(await question('explain', { expression: and(200) })).toMatchObject({ users: 150 });
    expect(await packed('explain', { expression: and(200) })).toMatchObject({ users: 150 });
    expect(await refusal('count', { expression: 'not '.repeat(10_000) })).toMatchObject({
      code: 'INVALID_EXPRESSION',
      position: expect.any(Number),
    });
  });

  test('huge lists are refused', async () => {
    const values = new Array<string>(90_000).fill('x');
    const expression = { type: 'in', tag: 'rest', negated: false, values };
    expect(await refusal('count', { expression })).toMatchObject({ code: 'INVALID_EXPRESSION', status: 400 });
    const operands = new Array<object>(49_000).fill({ type: 'all' });
    expect(await refusal('count', { expression: { type: 'or', operands } })).toMatchObject({
      code: 'INVALID_EXPRESSION',
    });
    expect(await refusal('count', { expression: `odd${' '.repeat(70_000)}` })).toMatchObject({
      code: 'INVALID_EXPRESSION',
    });
    for (const [name, rest] of [
      ['test', { expression: 'odd', ids: values }],
      ['reach', { expressions: values }],
      ['overlap', { expressions: values }],
    ] as const) {
      expect(await refusal(name, rest)).toMatchObject({ code: 'INVALID_ARGUMENT', status: 400 });
    }
    const more = new Array<string>(500_000).fill('x');
    expect(await refusal('reach', { expressions: more })).toMatchObject({ code: 'SYNTAX', status: 400 });
  });

  describe('while many users are tested', () => {
    // Takes every part of the expression for each user: hundreds of turns.
    const operands = Array.from({ length: 3000 }, (_, i) => ({
      type: 'compare',
      tag: 'n',
      operator: '=',
      value: 1000 + i,
    }));
    const ids = Array.from({ length: 10_000 }, (_, i) => `u${i % USERS}`);
    const long = JSON.stringify({ expression: { type: 'atLeast', count: 2, operands }, ids });
    const sent = requestText('POST', '/v1/audiences/test', { 'content-type': JSON_TYPE }, long);

    test('others are answered, and what they change holds for who is tested after that', async () => {
      const { engine } = server;
      const client = await RawHttpClient.open(server.port);
      let isAnswered = false;
      const answer = client.answer().then((given) => {
        isAnswered = true;
        return given;
      });
      client.send(sent);
      await expect.poll(() => server.service.waiting).toBe(1);
      expect(await question('count', { expression: 'odd' })).toEqual({ count: 150 });
      expect(isAnswered).toBe(false);
      // Plans are made anew when what they are about has changed.
      engine.setTags('u1', { another: true });
      engine.audiences.save('other', 'another');
      engine.dropTag('rest');
      const { items } = resultOf(await answer) as { items: { isMember: boolean }[] };
      expect(items.map(({ isMember }) => isMember)).toEqual(ids.map(() => false));
      for (const n of numbers) engine.setTags(n === 299 ? BYTES : `u${n}`, { rest: `r${n % 3}` });
      client.destroy();
    });

    test('one who leaves is forgotten', async () => {
      const client = await RawHttpClient.open(server.port);
      client.send(sent);
      await expect.poll(() => server.service.waiting).toBe(1);
      client.destroy();
      await expect.poll(() => server.service.waiting).toBe(0);
      await expect.poll(() => server.state.turns.size).toBe(0);
    });
  });
});
