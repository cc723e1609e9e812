/** Questions that are given up, or whose users are gone when they are answered: nothing is left of them. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Plain, RespClient } from '../support/resp-client.js';
import { startTestServer, type TestServer } from '../support/server.js';
import {
  expectNothingHeld,
  fillBig,
  fillWithNumbers,
  isHeld,
  LONG,
  LONG_USERS,
  openQuestions,
  pending,
  ranges,
  saveLong,
  until,
} from './long-questions.js';
import { readSet, SlowClient } from './slow-client.js';

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

describe('a question is given up', () => {
  const ends: [how: string, end: (slow: SlowClient) => unknown][] = [
    ['resets the connection', (slow) => slow.socket.resetAndDestroy()],
    ['is killed', (slow) => other.call('CLIENT', 'KILL', slow.address)],
  ];

  it.each(ends)('when its client %s', async (_, end) => {
    for (const words of [
      ['SEG.COUNT', LONG],
      ['SMEMBERS', 'audience:long'],
      ['TAG.STATS', 'n', 'OF', LONG],
      ['SUNIONSTORE', 'tag:never', 'audience:long'],
      ['SEG.FREEZE', 'frozen', LONG],
    ]) {
      const slow = await SlowClient.open(server.port);
      slow.send(words, ['SADD', 'tag:never', 'x']);
      await begun();
      await end(slow);
      await until(() => open() === 0);
      expect(isHeld(server.engine)).toBe(false);
      expect(await other.call('CLIENT', 'LIST')).not.toContain(slow.address);
    }
    // Neither were the questions answered, nor what was sent behind them executed.
    expect(await other.call('EXISTS', 'tag:never', 'audience:frozen')).toBe(0);
    expect(server.engine.audiences.queries.knownSize(server.engine.store.audiences.require('long'))).toBe(
      undefined,
    );
  });

  it('when its client goes while an audience is frozen', async () => {
    const { audiences } = server.engine.store;
    const slow = await SlowClient.open(server.port);
    slow.send(['SEG.FREEZE', 'frozen', 'all']);
    await until(() => audiences.drafts.length > 0);
    slow.socket.resetAndDestroy();
    await until(() => audiences.drafts.length === 0);
    expect(await other.error('SEG.GET', 'frozen')).toBe('ERR there is no audience "frozen"');
  });

  it('but not when more and more is sent behind it: that waits in the client', async () => {
    const slow = await SlowClient.open(server.port);
    slow.send(['SEG.COUNT', LONG]);
    await begun();
    const echo = ['ECHO', 'x'.repeat(100_000)];
    for (let i = 0; i < 200; i++) slow.send(echo);
    slow.send(['PING']);
    let most = 0;
    while (open() > 0) {
      const list = (await other.call('CLIENT', 'LIST')) as string;
      const line = list.split('\n').find((text) => text.includes(` addr=${slow.address} `));
      most = Math.max(most, Number(/ qbuf=(\d+) /.exec(line!)![1]));
    }
    expect(most).toBeGreaterThan(100_000);
    expect(most).toBeLessThan(2 * 2 ** 20);
    const reply = await slow.readUntil('+PONG\r\n');
    const head = `:${LONG_USERS.length}\r\n`;
    expect(reply.toString('latin1', 0, head.length)).toBe(head);
    expect(reply.length).toBe(head.length + 200 * (100_000 + '$100000\r\n\r\n'.length) + '+PONG\r\n'.length);
    slow.destroy();
  });

  it('but not when its client has said all: it still reads', async () => {
    const slow = await SlowClient.open(server.port);
    slow.send(['SEG.COUNT', LONG], ['SMEMBERS', 'audience:long'], ['PING']);
    slow.socket.end();
    const reply = await slow.readUntil('+PONG\r\n');
    const head = `:${LONG_USERS.length}\r\n`;
    expect(reply.toString('latin1', 0, head.length)).toBe(head);
    expect(readSet(reply.subarray(head.length)).ids).toHaveLength(LONG_USERS.length);
    await expect(slow.read()).rejects.toThrow('the connection has ended');
  });

  it('when its time is over, and the session goes on', async () => {
    const tooLong = 'ERR the query took longer than 1 ms: ask for less, or raise query-timeout';
    for (const words of [
      ['SEG.COUNT', LONG],
      ['SEG.USERS', `not (${LONG})`, 'COUNT', '100000'],
      ['SEG.OVERLAP', LONG, 'few'],
      ['SEG.REACH', LONG],
      ['SEG.EXPLAIN', LONG],
      ['SEG.FREEZE', 'frozen', LONG],
      ['TAG.DISTRIBUTION', 'n', 'OF', LONG],
      ['TAG.STATS', 'n', 'OF', LONG],
    ]) {
      expect(await client.error(...words, 'TIMEOUT', '1')).toBe(tooLong);
    }
    expect(await client.error('SEG.GET', 'frozen')).toBe('ERR there is no audience "frozen"');
    // A short one is either answered or too late.
    for (let i = 0; i < 50; i++) {
      const reply = await client.call('SEG.COUNT', ranges(1 + i), 'TIMEOUT', '1');
      if (reply instanceof Error) expect(reply.message).toBe(tooLong);
      else expect(reply).toBe(64 * (1 + i));
    }
    const stats = (await client.call('INFO', 'commandstats')) as string;
    expect(stats).toMatch(/cmdstat_seg\.freeze:.*failed_calls=[1-9]/);
  });

  it('with the server', async () => {
    const second = await startTestServer();
    const { engine } = second;
    fillWithNumbers(engine, 70_000);
    const slow = await SlowClient.open(second.port);
    const openThere = openQuestions(engine.store);
    slow.send(['SEG.COUNT', LONG]);
    await until(() => openThere() > 0);
    await second.close();
    expect(openThere()).toBe(0);
    slow.destroy();
  });
});

describe('FLUSHALL while questions are open', () => {
  it('leaves counts as they were, and no ids', async () => {
    const second = await startTestServer();
    const { engine } = second;
    try {
      fillWithNumbers(engine, 100_000);
      engine.audiences.save('long', LONG);
      const openThere = openQuestions(engine.store);
      const clients = await Promise.all(Array.from({ length: 6 }, () => second.connect()));
      const [one, two, three, four, five, last] = clients as [
        RespClient,
        RespClient,
        RespClient,
        RespClient,
        RespClient,
        RespClient,
      ];
      const asked = [
        pending(one.call('SEG.COUNT', LONG)),
        pending(two.call('SMEMBERS', 'audience:long')),
        pending(three.call('SEG.USERS', `not (${LONG}) and n > 90000`)),
        pending(four.call('SUNIONSTORE', 'tag:stored', 'audience:long')),
      ];
      await until(() => openThere() === 4);
      const frozen = five.call('SEG.FREEZE', 'frozen', 'all');
      await until(() => engine.store.audiences.drafts.length > 0);
      expect(asked.map(({ done }) => done)).toEqual([false, false, false, false]);
      expect(await last.call('FLUSHALL')).toBe('OK');
      engine.setTags('new', { n: 1 });
      expect(await asked[0]!.reply).toBe(32_000);
      expect(await asked[1]!.reply).toEqual([]);
      expect(((await asked[2]!.reply) as Plain[])[1]).toEqual([]);
      expect(await asked[3]!.reply).toBe(0);
      const reply = await frozen;
      expect(reply === 0 || (reply instanceof Error && /^ERR there is no draft/.test(reply.message))).toBe(
        true,
      );
      expect(await last.call('KEYS', 'user:*')).toEqual(['user:new']);
      expect(engine.store.audiences.drafts).toEqual([]);
      expect(engine.check().problems).toEqual([]);
    } finally {
      await second.close();
    }
  });
});
