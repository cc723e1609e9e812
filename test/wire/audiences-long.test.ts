/** Questions that take many turns: nobody else waits, replies stay in order, and answers are of the moment of the question. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Plain, RespClient } from '../support/resp-client.js';
import { startTestServer, type TestServer } from '../support/server.js';
import {
  expectNothingHeld,
  fillBig,
  idOf,
  LONG,
  LONG_USERS,
  openQuestions,
  pending,
  saveLong,
  USERS,
  until,
} from './long-questions.js';

let server: TestServer;
let client: RespClient;
let other: RespClient;
let open: () => number;

beforeAll(async () => {
  server = await startTestServer();
  open = openQuestions(server.engine.store);
  fillBig(server.engine);
});
afterAll(() => server.close());
beforeEach(async () => {
  saveLong(server.engine);
  client = await server.connect();
  other = await server.connect();
});
afterEach(async () => {
  await client.close();
  await other.close();
  await expectNothingHeld(server, open);
});

/** Resolves when the server works on a question that is not answered yet. */
async function begun(): Promise<void> {
  await until(() => open() > 0);
}

const long: [name: string, words: string[], isRight: (reply: Plain) => void][] = [
  ['SEG.COUNT', ['SEG.COUNT', LONG], (reply) => expect(reply).toBe(LONG_USERS.length)],
  [
    'SEG.USERS',
    ['SEG.USERS', `not (${LONG})`, 'CURSOR', '250000', 'COUNT', '100'],
    (reply) =>
      expect((reply as Plain[])[1]).toEqual(Array.from({ length: 100 }, (_, i) => idOf(250_064 + i))),
  ],
  [
    'SEG.REACH',
    ['SEG.REACH', LONG, 'few', 'none'],
    (reply) => expect(reply).toEqual([USERS - LONG_USERS.length - 2, LONG_USERS.length - 3 + 2, 3, 0]),
  ],
  [
    'SEG.OVERLAP',
    ['SEG.OVERLAP', LONG, 'few', 'TIMEOUT', '60000'],
    (reply) =>
      expect((reply as Plain[])[1]).toEqual([
        [LONG_USERS.length, 3],
        [3, 5],
      ]),
  ],
  [
    'SEG.EXPLAIN',
    ['SEG.EXPLAIN', LONG],
    (reply) => expect((reply as string[])[0]).toMatch(`${LONG_USERS.length} users in `),
  ],
  [
    'TAG.DISTRIBUTION',
    ['TAG.DISTRIBUTION', 'few', 'OF', LONG],
    (reply) =>
      expect(reply).toEqual([
        ...['tag', 'few', 'kind', 'flag', 'users', 3, 'missing', LONG_USERS.length - 3, 'values'],
        [['1', 3]],
      ]),
  ],
  [
    'TAG.STATS',
    ['TAG.STATS', 'n', 'OF', LONG],
    (reply) => expect((reply as Plain[]).slice(0, 2)).toEqual(['count', LONG_USERS.length]),
  ],
  ['SEG.FREEZE', ['SEG.FREEZE', 'frozen', LONG], (reply) => expect(reply).toBe(LONG_USERS.length)],
  ['SCARD', ['SCARD', 'audience:long'], (reply) => expect(reply).toBe(LONG_USERS.length)],
  [
    'SMEMBERS',
    ['SMEMBERS', 'audience:long'],
    (reply) => expect(reply).toEqual(LONG_USERS.map((i) => idOf(i))),
  ],
  [
    'SINTER',
    ['SINTER', 'tag:few', 'audience:long'],
    (reply) => expect((reply as Plain[]).sort()).toEqual([1, 2, 3].map(idOf)),
  ],
  [
    'SDIFFCARD',
    ['SDIFFCARD', '2', 'tag:all', 'audience:long'],
    (reply) => expect(reply).toBe(USERS - LONG_USERS.length),
  ],
  [
    'SSCAN',
    ['SSCAN', 'audience:other', '250000', 'COUNT', '2'],
    (reply) => expect((reply as Plain[])[1]).toEqual([idOf(250_064), idOf(250_065)]),
  ],
  [
    'SRANDMEMBER',
    ['SRANDMEMBER', 'audience:long', '5'],
    (reply) => {
      for (const id of reply as string[]) expect(Number(id.slice(1)) % 200).toBeLessThan(64);
    },
  ],
  [
    'SINTERSTORE',
    ['SINTERSTORE', 'tag:stored', 'tag:few', 'audience:long'],
    (reply) => expect(reply).toBe(3),
  ],
];

describe('a long question', () => {
  it.each(long)('as %s: others are answered meanwhile', async (_, words, isRight) => {
    const question = pending(client.call(...words));
    await begun();
    for (let i = 0; i < 5; i++) expect(await other.call('PING')).toBe('PONG');
    expect(await other.call('SCARD', 'tag:few')).toBe(5);
    expect(question.done).toBe(false);
    isRight(await question.reply);
  });

  // The client takes seconds to read the ids of SMEMBERS twice.
  it.each(long.filter(([name]) => name !== 'SMEMBERS'))(
    'as %s: what is sent behind it is answered behind it',
    async (_, words, isRight) => {
      const commands = [['PING', 'a'], words, ['PING', 'b'], words, ['SCARD', 'tag:few'], ['PING', 'c']];
      const replies = pending(client.replies(commands.length, ...commands));
      await begun();
      expect(await other.call('PING')).toBe('PONG');
      expect(replies.done).toBe(false);
      const texts = (await replies.reply).map(({ text }) => text);
      expect([texts[0], texts[2], texts[4], texts[5]]).toEqual(['a', 'b', '5', 'c']);
      isRight(await client.call(...words));
    },
  );

  it('is asked by several at once, who all get on', async () => {
    const clients = await Promise.all(Array.from({ length: 5 }, () => server.connect(3)));
    const questions = clients.map((each) => pending(each.call('SEG.COUNT', LONG)));
    await begun();
    expect(await other.call('PING')).toBe('PONG');
    expect(questions.map(({ done }) => done)).toEqual(questions.map(() => false));
    for (const { reply } of questions) expect(await reply).toBe(LONG_USERS.length);
    for (const each of clients) await each.close();
  });

  it('is about the moment in which it came', async () => {
    const erased = LONG_USERS.slice(0, 100).map(idOf);
    const asked = [
      pending(client.call('SMEMBERS', 'audience:long')),
      pending((await server.connect()).call('SEG.COUNT', LONG)),
      pending((await server.connect()).call('SUNION', 'tag:few', 'audience:long')),
    ];
    await begun();
    // Ids of new users take the places of those who are erased.
    await other.replies(erased.length, ...erased.map((id) => ['DEL', `user:${id}`]));
    for (let i = 0; i < 200; i++) server.engine.setTags(`new${i}`, { n: 1 });
    expect(asked.map(({ done }) => done)).toEqual([false, false, false]);
    const [members, count, union] = await Promise.all(asked.map(({ reply }) => reply));
    const left = LONG_USERS.slice(100).map(idOf);
    expect(new Set(members as string[])).toEqual(new Set(left));
    expect(members).toHaveLength(left.length);
    expect(count).toBe(LONG_USERS.length);
    expect(new Set(union as string[])).toEqual(new Set([...left, 'u199', 'u100']));
    for (let i = 0; i < 200; i++) server.engine.eraseUser(`new${i}`);
    for (const i of LONG_USERS.slice(0, 100)) server.engine.setTags(idOf(i), { n: i, all: true });
    server.engine.addUsers('few', [1, 2, 3].map(idOf));
    expect(server.engine.check().problems).toEqual([]);
  });

  it('in a transaction is answered before the next command', async () => {
    const commands = [
      ['MULTI'],
      ['SEG.COUNT', LONG],
      ['SINTERCARD', '2', 'tag:few', 'audience:long'],
      ['SEG.FREEZE', 'frozen', 'few and @long'],
      ['SMEMBERS', 'audience:frozen'],
      ['SEG.COUNT', 'nosuch'],
      ['SEG.COUNT', LONG, 'TIMEOUT', '1'],
      ['EXEC'],
    ];
    const replies = await client.replies(commands.length, ...commands);
    const { items } = replies.at(-1)!;
    expect(items.map(({ text }) => text)).toEqual([
      String(LONG_USERS.length),
      '3',
      '3',
      expect.anything(),
      'ERR there is no tag "nosuch"',
      'ERR the query took longer than 1 ms: ask for less, or raise query-timeout',
    ]);
    expect(items[3]!.items.map(({ text }) => text).sort()).toEqual([1, 2, 3].map(idOf));
  });

  it('that nobody wants the reply of is asked all the same', async () => {
    const quiet = ['SUNIONSTORE', 'tag:quiet', 'audience:long', 'tag:few'];
    client.send(['CLIENT', 'REPLY', 'SKIP'], ['SMEMBERS', 'audience:long']);
    expect(await client.call('PING')).toBe('PONG');
    client.send(['CLIENT', 'REPLY', 'SKIP'], ['SEG.COUNT', LONG, 'TIMEOUT', '1']);
    expect(await client.call('PING')).toBe('PONG');
    client.send(['CLIENT', 'REPLY', 'SKIP'], ['SEG.FREEZE', 'frozen', LONG]);
    expect(await client.call('SCARD', 'audience:frozen')).toBe(LONG_USERS.length);
    client.send(['CLIENT', 'REPLY', 'OFF'], quiet, ['SMEMBERS', 'audience:long'], ['SEG.COUNT', LONG]);
    expect(await client.replies(2, ['CLIENT', 'REPLY', 'ON'], ['SCARD', 'tag:quiet'])).toMatchObject([
      { text: 'OK' },
      { text: String(LONG_USERS.length + 2) },
    ]);
    await other.call('DEL', 'tag:quiet');
  });

  it('is part of the reply to EXEC, whatever the transaction does to replies', async () => {
    client.send(['CLIENT', 'REPLY', 'OFF'], ['MULTI'], ['SEG.COUNT', LONG], ['EXEC']);
    expect(await client.call('CLIENT', 'REPLY', 'ON')).toBe('OK');
    const commands = [
      ['MULTI'],
      ['CLIENT', 'REPLY', 'OFF'],
      ['SEG.COUNT', LONG],
      ['SMEMBERS', 'audience:other'],
      ['SEG.FREEZE', 'frozen', 'few'],
      ['CLIENT', 'REPLY', 'ON'],
      ['EXEC'],
      ['PING'],
    ];
    const replies = await client.replies(commands.length, ...commands);
    expect(replies.at(-1)).toMatchObject({ type: '+', text: 'PONG' });
    const { items } = replies.at(-2)!;
    expect(items.map(({ text }) => text)).toEqual(['OK', String(LONG_USERS.length), '', '5', 'OK']);
    expect(items[2]!.items).toHaveLength(USERS - LONG_USERS.length);
  });

  it('counts once, with all of its time', async () => {
    await client.call('CONFIG', 'RESETSTAT');
    const question = pending(client.call('SEG.COUNT', LONG));
    await begun();
    const info = async (): Promise<string> => (await other.call('INFO', 'commandstats')) as string;
    expect(await info()).not.toContain('cmdstat_seg.count:');
    expect(question.done).toBe(false);
    await question.reply;
    const [, calls, microseconds] = /cmdstat_seg\.count:calls=(\d+),usec=(\d+)/.exec(await info())!;
    expect(calls).toBe('1');
    expect(Number(microseconds)).toBeGreaterThan(10_000);
    const log = (await other.call('SLOWLOG', 'GET', '10')) as Plain[][];
    expect(log.some((entry) => (entry[3] as string[])[0] === 'SEG.COUNT')).toBe(true);
  });
});

describe('SEG.FREEZE of many users', () => {
  it('goes on while others write, and is seen as a whole or not at all', async () => {
    const { engine } = server;
    const freezing = pending(client.call('SEG.FREEZE', 'frozen', 'all and n >= 0'));
    await until(() => engine.store.audiences.drafts.length > 0);
    const erased = [5, 150_005, 299_995].map(idOf);
    let turns = 0;
    while (!freezing.done) {
      expect(await other.call('EXISTS', 'audience:frozen')).toBe(freezing.done ? 1 : 0);
      // Erased users are out of it, and who gets their places is not in it.
      if (turns < erased.length) expect(await other.call('DEL', `user:${erased[turns]}`)).toBe(1);
      await other.call('HSET', `user:late${turns}`, 'n', '1', 'all', '1');
      turns++;
    }
    expect(turns).toBeGreaterThan(3);
    expect(await freezing.reply).toBe(USERS - erased.length);
    expect(await other.call('SMISMEMBER', 'audience:frozen', ...erased, 'late0', 'late1', 'u0')).toEqual([
      0, 0, 0, 0, 0, 1,
    ]);
    expect(await other.call('SDIFFCARD', '2', 'audience:frozen', 'tag:all')).toBe(0);
    expect(await other.call('SCARD', 'audience:frozen')).toBe(USERS - erased.length);
    expect(engine.check().problems).toEqual([]);
    for (let i = 0; i < turns; i++) engine.eraseUser(`late${i}`);
    for (const id of erased) engine.setTags(id, { n: Number(id.slice(1)), all: true });
  });
});
