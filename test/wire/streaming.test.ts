/** Replies that are larger than what a slow client takes: nobody else waits, nothing piles up, nothing gets lost. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeCommand } from '../support/resp.js';
import type { RespClient } from '../support/resp-client.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { readSet, SlowClient } from './slow-client.js';

const USERS = 60_000;
const ids = Array.from({ length: USERS }, (_, i) => `${i}-${'x'.repeat(220)}`);
const MIB = 2 ** 20;
/** One reply is at least this long. The sockets of a client that does not read hold half of it. */
const REPLY_BYTES = USERS * 230;

let server: TestServer;
let other: RespClient;
let slow: SlowClient;

beforeEach(async () => {
  server = await startTestServer();
  server.engine.addUsers('big', ids);
  server.engine.addUsers('half', ids.slice(USERS / 2));
  server.engine.addUsers('small', ['a', 'b']);
  other = await server.connect();
  slow = await SlowClient.open(server.port);
});
afterEach(async () => {
  slow.destroy();
  await server.close();
});

/** Resolves when the condition is true; other events come in between. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

/** How many bytes of replies wait in the server for a client, by CLIENT LIST. */
async function waiting(client: SlowClient): Promise<number> {
  const list = (await other.call('CLIENT', 'LIST')) as string;
  const line = list.split('\n').find((text) => text.includes(` addr=${client.address} `));
  return Number(/ omem=(\d+) /.exec(line ?? '')?.[1] ?? -1);
}

/** Resolves when the client has so much to read that the server waits for it. */
async function stalled(client: SlowClient): Promise<void> {
  while ((await waiting(client)) <= 0) await other.call('PING');
}

function usedMemory(): number {
  const { external, heapUsed } = process.memoryUsage();
  return external + heapUsed;
}

/** Fails unless these are the ids of the big set, each once. */
function expectAll(found: readonly string[], expected: readonly string[] = ids): void {
  expect(found.length).toBe(expected.length);
  const missing = new Set(expected);
  for (const id of found) missing.delete(id);
  expect(missing.size).toBe(0);
}

describe('while one client does not read a long reply', () => {
  it('others are answered', async () => {
    slow.send(['SMEMBERS', 'tag:big'], ['PING']);
    await stalled(slow);
    for (let i = 0; i < 100; i++) expect(await other.call('PING')).toBe('PONG');
    expect(await other.call('SCARD', 'tag:big')).toBe(USERS);
    expect(slow.length).toBe(0);
    expect(server.engine.store.openCursors).toBe(1);
    // Reading bit by bit, with a question in between each time.
    let turns = 0;
    while (slow.length < REPLY_BYTES / 2) {
      await slow.read();
      expect(await other.call('ECHO', `${turns}`)).toBe(`${turns}`);
      turns++;
    }
    const reply = await slow.readUntil('+PONG\r\n');
    const { ids: found, end } = readSet(reply);
    expectAll(found);
    expect(reply.toString('latin1', end)).toBe('+PONG\r\n');
    expect(server.engine.store.openCursors).toBe(0);
  });

  const half = ids.slice(0, USERS / 2);
  const changes: [name: string, change: () => unknown, sizeAfter: number][] = [
    [
      'erases users',
      () => pipeline(half.slice(0, 10_000).map((id) => ['DEL', `user:${id}`])),
      USERS - 10_000,
    ],
    [
      'adds users',
      () =>
        server.engine.addUsers(
          'big',
          Array.from({ length: 1000 }, (_, i) => `new${i}`),
        ),
      USERS + 1000,
    ],
    [
      'erases users and gives others their places',
      () => {
        for (const id of half) server.engine.eraseUser(id);
        server.engine.addUsers(
          'big',
          half.map((_, i) => `other${i}`),
        );
      },
      USERS,
    ],
    ['takes the tag from users', () => other.call('SREM', 'tag:big', ...half.slice(0, 1000)), USERS - 1000],
    ['deletes the key', () => other.call('DEL', 'tag:big'), 0],
    ['drops the tag', () => other.call('TAG.DROP', 'big'), 0],
    ['removes everything', () => other.call('FLUSHALL'), 0],
    [
      'removes everything and begins again',
      async () => {
        await other.call('FLUSHALL');
        server.engine.addUsers(
          'big',
          half.map((_, i) => `other${i}`),
        );
        await other.call('FLUSHDB');
        server.engine.addUsers('big', ['one']);
      },
      1,
    ],
  ];

  async function pipeline(commands: string[][]): Promise<void> {
    await other.replies(commands.length, ...commands);
  }

  it.each(changes)('a client that %s does not change the reply', async (_, change, sizeAfter) => {
    slow.send(['SMEMBERS', 'tag:big'], ['SCARD', 'tag:big'], ['PING']);
    await stalled(slow);
    await change();
    expect(slow.length).toBe(0);
    const reply = await slow.readUntil('+PONG\r\n');
    const { ids: found, end } = readSet(reply);
    expectAll(found);
    // What was sent behind it is answered behind it, and sees the change.
    expect(reply.toString('latin1', end)).toBe(`:${sizeAfter}\r\n+PONG\r\n`);
    expect(server.engine.store.openCursors).toBe(0);
    expect(server.engine.check().problems).toEqual([]);
  });

  it('memory does not grow with those who wait', async () => {
    const readers = await Promise.all(Array.from({ length: 30 }, () => SlowClient.open(server.port)));
    const before = usedMemory();
    for (const reader of readers) reader.send(['SMEMBERS', 'tag:big'], ['SUNION', 'tag:big', 'tag:half']);
    for (const reader of readers) await stalled(reader);
    const grown = usedMemory() - before;
    expect(server.engine.store.openCursors).toBe(30);
    for (const reader of readers) expect(await waiting(reader)).toBeLessThan(2 * MIB);
    // All replies together are ten times as much.
    expect(30 * REPLY_BYTES).toBeGreaterThan(340 * MIB);
    expect(grown).toBeLessThan(32 * MIB);
    for (const reader of readers) reader.destroy();
    await until(() => server.engine.store.openCursors === 0);
  });
});

describe('a long reply', () => {
  it.each([
    ['SMEMBERS tag:big', ids],
    ['SUNION tag:small tag:half', [...ids.slice(USERS / 2), 'a', 'b']],
    ['SDIFF tag:big tag:half', ids.slice(0, USERS / 2)],
    ['SINTER tag:big tag:half', ids.slice(USERS / 2)],
    ['SMEMBERS tag:big=1', ids],
  ])('of %s is a set in RESP3, and comes in order with others', async (line, expected) => {
    const words = line.split(' ');
    slow.send(['HELLO', '3'], ['PING', 'first'], words, ['HGET', 'user:none', 'a'], words, ['PING', 'last']);
    const all = await slow.readUntil('$4\r\nlast\r\n');
    const begin = all.indexOf('$5\r\nfirst\r\n') + '$5\r\nfirst\r\n'.length;
    const first = readSet(all.subarray(begin), '~');
    expectAll(first.ids, expected);
    const rest = all.subarray(begin + first.end);
    expect(rest.toString('latin1', 0, 4)).toBe('_\r\n~');
    const second = readSet(rest.subarray(3), '~');
    expectAll(second.ids, expected);
    expect(rest.toString('latin1', 3 + second.end)).toBe('$4\r\nlast\r\n');
    expect(server.engine.store.openCursors).toBe(0);
  });

  it('inside a transaction is part of the reply to EXEC', async () => {
    slow.send(
      ['MULTI'],
      ['SCARD', 'tag:big'],
      ['SMEMBERS', 'tag:big'],
      ['DEL', 'tag:big'],
      ['SCARD', 'tag:big'],
    );
    slow.send(['EXEC'], ['PING']);
    const reply = await slow.readUntil('+PONG\r\n');
    const before = `+OK\r\n${'+QUEUED\r\n'.repeat(4)}*4\r\n:${USERS}\r\n`;
    expect(reply.toString('latin1', 0, before.length)).toBe(before);
    const { ids: found, end } = readSet(reply.subarray(before.length));
    expectAll(found);
    expect(reply.toString('latin1', before.length + end)).toBe(':1\r\n:0\r\n+PONG\r\n');
    expect(server.engine.store.openCursors).toBe(0);
  });

  it('is not sent to a client that wants no replies', async () => {
    const big = ['SMEMBERS', 'tag:big'];
    slow.send(['CLIENT', 'REPLY', 'OFF'], big, ['SCARD', 'tag:big'], ['CLIENT', 'REPLY', 'ON'], ['PING']);
    expect((await slow.readUntil('+PONG\r\n')).toString()).toBe('+OK\r\n+PONG\r\n');
    slow.send(['CLIENT', 'REPLY', 'SKIP'], big, ['PING']);
    expect((await slow.readUntil('+PONG\r\n')).toString()).toBe('+PONG\r\n');
    slow.send(['CLIENT', 'REPLY', 'OFF'], ['MULTI'], big, ['EXEC'], ['CLIENT', 'REPLY', 'ON'], ['PING']);
    expect((await slow.readUntil('+PONG\r\n')).toString()).toBe('+OK\r\n+PONG\r\n');
    const quiet = [['MULTI'], ['CLIENT', 'REPLY', 'OFF'], big, ['CLIENT', 'REPLY', 'ON'], ['EXEC'], ['PING']];
    slow.send(...quiet);
    const reply = await slow.readUntil('+PONG\r\n');
    const before = `+OK\r\n${'+QUEUED\r\n'.repeat(3)}*3\r\n+OK\r\n`;
    expect(reply.toString('latin1', 0, before.length)).toBe(before);
    const { ids: found, end } = readSet(reply.subarray(before.length));
    expectAll(found);
    expect(reply.toString('latin1', before.length + end)).toBe('+OK\r\n+PONG\r\n');
    expect(server.engine.store.openCursors).toBe(0);
  });

  it('that is QUIT behind is sent to its end', async () => {
    slow.send(['SMEMBERS', 'tag:big'], ['QUIT'], ['SMEMBERS', 'tag:big']);
    const reply = await slow.readUntil('+OK\r\n');
    const { ids: found, end } = readSet(reply);
    expectAll(found);
    expect(reply.length - end).toBe('+OK\r\n'.length);
    await expect(slow.read()).rejects.toThrow('the connection has ended');
  });

  it('that QUIT and much more is behind is the last, and the connection ends', async () => {
    const more = Array.from({ length: 40_000 }, (_, i) => ['PING', `${i}`]);
    slow.send(['SMEMBERS', 'tag:big'], ['QUIT'], ...more);
    await stalled(slow);
    expectAll(readSet(await slow.readUntil('+OK\r\n')).ids);
    await expect(slow.read()).rejects.toThrow('the connection has ended');
    slow.socket.end();
    while (((await other.call('CLIENT', 'LIST')) as string).includes(slow.address)) await other.call('PING');
  });

  it('that bad input is behind is sent to its end', async () => {
    slow.send(['SMEMBERS', 'tag:big']);
    slow.socket.write('*1\r\n$x\r\n');
    const error = '-ERR Protocol error: invalid bulk length\r\n';
    const reply = await slow.readUntil(error);
    const { ids: found, end } = readSet(reply);
    expectAll(found);
    expect(reply.toString('latin1', end)).toBe(error);
    await expect(slow.read()).rejects.toThrow('the connection has ended');
  });

  it('is sent to its end to a client that has said all', async () => {
    slow.socket.end(Buffer.from('SMEMBERS tag:big\r\nPING\r\n'));
    await stalled(slow);
    const reply = await slow.readUntil('+PONG\r\n');
    expectAll(readSet(reply).ids);
    await expect(slow.read()).rejects.toThrow('the connection has ended');
  });
});

describe('a stream ends with its client', () => {
  const ends: [how: string, end: () => unknown][] = [
    ['goes away', () => slow.destroy()],
    ['resets the connection', () => slow.socket.resetAndDestroy()],
    ['is killed', () => other.call('CLIENT', 'KILL', slow.address)],
  ];

  it.each(ends)('that %s', async (_, end) => {
    slow.send(['SMEMBERS', 'tag:big'], ['SMEMBERS', 'tag:half']);
    await stalled(slow);
    expect(server.engine.store.openCursors).toBe(1);
    await end();
    await until(() => server.engine.store.openCursors === 0);
    expect(await other.call('CLIENT', 'LIST')).not.toContain(slow.address);
    expect(await other.call('SCARD', 'tag:big')).toBe(USERS);
  });

  it('and with the server', async () => {
    slow.send(['SMEMBERS', 'tag:big']);
    await stalled(slow);
    const { store } = server.engine;
    await server.close();
    expect(store.openCursors).toBe(0);
    server = await startTestServer();
  });
});

describe('many replies', () => {
  it('are sent to their end when the client is slow and has said QUIT', async () => {
    const value = 'v'.repeat(10_000);
    server.engine.setTags('wide', { value });
    const one = `$${value.length}\r\n${value}\r\n`;
    let count = 0;
    const ask = (...more: string[][]) => {
      slow.send(...Array.from({ length: 20 }, () => ['HGET', 'user:wide', 'value']), ...more);
      count += 20;
    };
    // The sockets are full when the first bytes wait in the server, which still takes commands then.
    while ((await waiting(slow)) === 0) ask();
    for (let i = 0; i < 40; i++) {
      ask();
      await slow.read();
      expect(await other.call('PING')).toBe('PONG');
    }
    ask(['QUIT']);
    const replies = await slow.readUntil('+OK\r\n');
    expect(replies.length).toBe(count * one.length + '+OK\r\n'.length);
    expect(replies.equals(Buffer.from(`${one.repeat(count)}+OK\r\n`))).toBe(true);
  });

  it.each([
    ['large', ['HGETALL', 'user:wide'], 30_000],
    ['small', ['HGET', 'user:wide', 'long'], 150_000],
  ] as const)('that are %s wait in the client, not in the server', async (_, words, count) => {
    const tags = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`tag number ${i}`, `value ${i}`]));
    server.engine.setTags('wide', { ...tags, long: 'x'.repeat(400) });
    const before = usedMemory();
    const command = encodeCommand(words);
    slow.socket.write(Buffer.alloc(command.length * count, command));
    slow.send(['PING']);
    await stalled(slow);
    for (let i = 0; i < 100; i++) expect(await other.call('PING')).toBe('PONG');
    expect(await waiting(slow)).toBeLessThan(4 * MIB);
    expect(usedMemory() - before).toBeLessThan(40 * MIB);
    expect(slow.length).toBe(0);
    const replies = await slow.readUntil('+PONG\r\n');
    const size = (replies.length - '+PONG\r\n'.length) / count;
    expect(size * count).toBeGreaterThan(55 * MIB);
    const first = replies.subarray(0, size);
    for (let i = 0; i < count; i++) {
      if (first.compare(replies, i * size, (i + 1) * size) !== 0) expect.fail(`reply ${i} is another`);
    }
  });
});
