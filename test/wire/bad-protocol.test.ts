/** Input that is no Redis protocol, or too much of it: the connection ends where Redis ends it, and nobody else suffers. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { allCommands } from '../../protocol/registry.js';
import type { Connection } from '../../protocol/resp/connection.js';
import { DEFAULT_LIMITS } from '../../protocol/resp/limits.js';
import { Session } from '../../protocol/resp/session.js';
import { ServerState } from '../../protocol/server-state.js';
import { resolveServerOptions } from '../../src/options.js';
import { INVALID, UNFINISHED, VALID } from '../support/protocol-cases.js';
import { damagedProtocol, randomInput, randomNumbers, randomPieces } from '../support/random-protocol.js';
import { readCommands } from '../support/read-commands.js';
import { describeWithRedis, exchange, type RedisServer, startRedisServer } from '../support/redis-server.js';
import { decodeReplies } from '../support/resp.js';
import type { RespClient } from '../support/resp-client.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { contentsOf } from './contents.js';

const MIB = 2 ** 20;

let server: TestServer;
let client: RespClient;
let before: unknown;

beforeAll(async () => {
  server = await startTestServer();
  client = await server.connect();
  for (let i = 0; i < 100; i++) server.engine.setTags(`u${i}`, { sports: true, city: `c${i % 7}`, age: i });
  before = contentsOf(server.engine);
});
afterEach(async () => {
  expect(await client.call('PING')).toBe('PONG');
  const check = await client.call('SEG.CHECK');
  expect(check).toEqual(['sound', 1, 'users', 100, 'tags', 3, 'pairs', 300, 'problems', []]);
  expect(contentsOf(server.engine)).toEqual(before);
});
afterAll(() => server.close());

/** All replies to some input, by a client that says no more. */
async function replies(
  input: string | Buffer,
  port = server.port,
): Promise<[type: string, text: string | null][]> {
  const bytes = typeof input === 'string' ? Buffer.from(input, 'latin1') : input;
  return decodeReplies(await exchange(port, bytes)).map(({ type, text }) => [type, text]);
}

/** How many replies there must be, and the protocol error that must be the last. */
function expected(input: Buffer): { count: number; error: string | null } {
  const { commands, error } = readCommands([input]);
  const text = error === null ? null : `ERR ${error.replace(/[\r\n]/g, ' ')}`;
  return { count: commands.length + (error === null ? 0 : 1), error: text };
}

describe('a connection', () => {
  it.each(INVALID)('that sends %j gets an error and ends', async (input, detail) => {
    const found = await replies(`PING\r\n${input}PING\r\n`);
    expect(found).toEqual([
      ['+', 'PONG'],
      ['-', `ERR Protocol error: ${detail.replace(/[\r\n]/g, ' ')}`],
    ]);
  });

  it.each(INVALID)('that sends %j ends without having said that it is done', async (input) => {
    const socket = connect(server.port, '127.0.0.1');
    socket.write(Buffer.from(input, 'latin1'));
    socket.resume();
    await once(socket, 'close');
  });

  it.each(VALID)('that sends %j gets as many replies', async (input, ...commands) => {
    expect(await replies(input)).toHaveLength(commands.length);
  });

  it.each(UNFINISHED)('that ends after %j gets nothing for it', async (input) => {
    expect(await replies(`PING\r\n${input}`)).toEqual([['+', 'PONG']]);
  });
});

describe('too much', () => {
  const tooBig = (what: string): [string, string][] => [['-', `ERR Protocol error: ${what}`]];

  it('a MiB without an end of line', async () => {
    for (const byte of ['x', ' ', '"', '\0', '\xff', '+']) {
      expect(await replies(byte.repeat(MIB))).toEqual(tooBig('too big inline request'));
    }
    expect(await replies('*'.repeat(MIB))).toEqual(tooBig('too big mbulk count string'));
    expect(await replies(`*1\r\n${'$'.repeat(MIB)}`)).toEqual(tooBig('too big bulk count string'));
  });

  it('a MiB of lines that are no commands, each of which is answered', async () => {
    const line = 'gar bage\r\n';
    const count = Math.floor(MIB / line.length);
    const found = await replies(line.repeat(count));
    expect(found).toHaveLength(count);
    const error = "ERR unknown command 'gar', with args beginning with: 'bage' ";
    expect(found.every(([type, text]) => type === '-' && text === error)).toBe(true);
  });

  it('a MiB of commands, of which some are refused, before the end', async () => {
    const good = '*2\r\n$5\r\nSCARD\r\n$10\r\ntag:sports\r\n';
    const bad = '*4\r\n$4\r\nHSET\r\n$7\r\nuser:u1\r\n$3\r\na=b\r\n$1\r\n1\r\n';
    const count = Math.floor(MIB / (good.length + bad.length));
    const found = await replies((good + bad).repeat(count));
    expect(found).toHaveLength(2 * count);
    expect(found.filter(([type, text]) => type === ':' && text === '100')).toHaveLength(count);
    expect(found.filter(([type]) => type === '-')).toHaveLength(count);
  });

  it('more arguments or longer ones than are allowed', async () => {
    const invalid = { count: tooBig('invalid multibulk length'), length: tooBig('invalid bulk length') };
    expect(await replies(`*${DEFAULT_LIMITS.maxArguments + 1}\r\n`)).toEqual(invalid.count);
    expect(await replies('*2147483648\r\n')).toEqual(invalid.count);
    expect(await replies(`*1\r\n$${512 * MIB + 1}\r\n`)).toEqual(invalid.length);
    await client.call('CONFIG', 'SET', 'proto-max-bulk-len', String(MIB));
    expect(await replies(`*1\r\n$${MIB + 1}\r\n`)).toEqual(invalid.length);
    expect(await replies(`*2\r\n$4\r\nPING\r\n$${MIB}\r\n${'x'.repeat(MIB)}\r\n`)).toHaveLength(1);
    await client.call('CONFIG', 'SET', 'proto-max-bulk-len', String(512 * MIB));
  });

  it('an unfinished command that is larger than what is kept', async () => {
    await client.call('CONFIG', 'SET', 'client-query-buffer-limit', String(MIB));
    const input = `*2\r\n$4\r\nPING\r\n$${3 * MIB}\r\n${'x'.repeat(3 * MIB)}\r\n`;
    const other = connect(server.port, '127.0.0.1');
    other.on('error', () => {});
    other.resume();
    other.write(input);
    await once(other, 'close');
    await client.call('CONFIG', 'SET', 'client-query-buffer-limit', String(1024 * MIB));
    expect(await replies(input)).toHaveLength(1);
  });

  it('a hundred thousand arguments are one command', async () => {
    const fields = Array.from({ length: 100_000 }, (_, i) => `f${i}`);
    const [values, error] = await client.replies(2, ['HMGET', 'user:u1', ...fields], fields);
    expect(values!.items).toHaveLength(fields.length);
    expect(values!.items.filter(({ text }) => text !== null)).toEqual([]);
    expect(error!.text).toMatch(/^ERR unknown command 'f0', with args beginning with: 'f1' 'f2' /);
  });
});

/** A connection that goes nowhere. */
class DeadEnd implements Connection {
  readonly remoteAddress = '127.0.0.1:1';
  readonly localAddress = '127.0.0.1:2';
  readonly pendingBytes = 0;
  readonly output: Buffer[] = [];
  paused = false;
  ended = false;

  write(bytes: Uint8Array): boolean {
    this.output.push(Buffer.from(bytes));
    return true;
  }
  pause(): void {
    this.paused = true;
  }
  resume(): void {
    this.paused = false;
  }
  end(): void {
    this.ended = true;
  }
  destroy(): void {
    this.ended = true;
  }
}

describe('random bytes', () => {
  it('a hundred thousand strings to sessions: each gets its replies, and ends where it must', async () => {
    const state = new ServerState(server.engine, resolveServerOptions({}), allCommands, () => {});
    const seed = Date.now() & 0x7fffffff;
    const random = randomNumbers(seed);
    let ended = 0;
    for (let run = 0; run < 100_000; run++) {
      const input = randomInput(random);
      const connection = new DeadEnd();
      const session = new Session(state, connection);
      for (const piece of random(4) === 0 ? randomPieces(random, input) : [input]) {
        session.receive(piece);
        while (connection.paused) await new Promise((resolve) => setImmediate(resolve));
        state.outbox.flush();
      }
      const { count, error } = expected(input);
      const where = `seed ${seed}, run ${run}, ${JSON.stringify(input.toString('latin1'))}`;
      const found = decodeReplies(Buffer.concat(connection.output));
      if (found.length !== count || connection.ended !== (error !== null)) expect.fail(where);
      if (error !== null) expect(found.at(-1)!.text, where).toBe(error);
      if (connection.ended) ended++;
      session.closed();
    }
    expect(ended).toBeGreaterThan(10_000);
    expect(ended).toBeLessThan(90_000);
  });

  it('to sockets, many at once', async () => {
    const seed = Date.now() & 0x7fffffff;
    const random = randomNumbers(seed);
    for (let batch = 0; batch < 40; batch++) {
      const inputs = Array.from({ length: 25 }, () =>
        Buffer.concat(Array.from({ length: random(4) }, () => randomInput(random))),
      );
      const all = await Promise.all(inputs.map((input) => replies(input)));
      for (const [i, input] of inputs.entries()) {
        const where = `seed ${seed}, ${JSON.stringify(input.toString('latin1'))}`;
        const { count, error } = expected(input);
        expect(all[i]!.length, where).toBe(count);
        if (error !== null) expect(all[i]!.at(-1), where).toEqual(['-', error]);
      }
    }
  });
});

describe('clients that go away', () => {
  it('in the middle of a command, in all ways', async () => {
    const part = '*4\r\n$4\r\nHSET\r\n$7\r\nuser:u1\r\n$6\r\nsports\r\n$1\r\n1';
    for (let length = 0; length < part.length; length += 3) {
      const sockets = [0, 1, 2].map(() => connect(server.port, '127.0.0.1'));
      await Promise.all(sockets.map((socket) => once(socket, 'connect')));
      for (const socket of sockets) if (length > 0) socket.write(part.slice(0, length));
      sockets[0]!.end();
      sockets[1]!.destroy();
      sockets[2]!.resetAndDestroy();
      sockets[0]!.resume();
      await Promise.all(sockets.map((socket) => socket.closed || once(socket, 'close')));
    }
    // Only this test's own client is left, as soon as the server has heard of all the others.
    while (((await client.call('CLIENT', 'LIST')) as string).trim().split('\n').length > 1) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  });
});

describeWithRedis('damaged input next to Redis', () => {
  let redis: RedisServer;

  beforeAll(async () => {
    redis = await startRedisServer();
  });
  afterAll(() => redis?.stop());

  it('gets the same replies', async () => {
    const seed = Date.now() & 0x7fffffff;
    const random = randomNumbers(seed);
    for (let run = 0; run < 300; run++) {
      const input = damagedProtocol(random);
      // Redis takes more arguments, and would wait for them.
      if (/\*\d{7,}/.test(input.toString('latin1'))) continue;
      const [own, other] = await Promise.all([replies(input), replies(input, redis.port)]);
      const where = `seed ${seed}, run ${run}, ${JSON.stringify(input.toString('latin1'))}`;
      expect(own, where).toEqual(other);
    }
  });
});
