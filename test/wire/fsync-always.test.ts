/** With fsync `always`, a reply waits until what it promises is on the disk; a storage says when that is. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openEngineOn } from '../../src/open.js';
import { type RespClient, toPlain } from '../support/resp-client.js';
import { startTestServer } from '../support/server.js';
import { SlowStorage } from '../support/slow-storage.js';

let storage: SlowStorage;
let server: Awaited<ReturnType<typeof startTestServer>>;
let writer: RespClient;
let reader: RespClient;

beforeEach(async () => {
  storage = new SlowStorage();
  const engine = openEngineOn({ dataDir: '/data', fsync: 'always' }, storage);
  server = await startTestServer({ engine });
  [writer, reader] = [await server.connect(), await server.connect()];
});

afterEach(async () => {
  await server.close().catch(() => {}); // Its disk may have failed.
});

/** Notes when a promise is settled. */
function watch<T>(promise: Promise<T>): { result: Promise<T>; isSettled: boolean } {
  const watched = { result: promise, isSettled: false };
  const settle = (): void => {
    watched.isSettled = true;
  };
  promise.then(settle, settle);
  return watched;
}

describe('a reply to a change', () => {
  test('waits for its sync, and those of who only reads do not', async () => {
    const first = watch(writer.call('HSET', 'user:anna', 'sports', 1));
    await expect.poll(() => storage.waiting.length).toBe(1);
    expect(await reader.call('HGET', 'user:anna', 'sports')).toBe('1');
    expect(first.isSettled).toBe(false);
    await storage.finish();
    expect(await first.result).toBe(1);
  });

  test('comes before the replies to what the client sent after it', async () => {
    const replies = watch(
      writer.replies(4, ['HSET', 'user:a', 's', '1'], ['PING'], ['HGET', 'user:a', 's'], ['DBSIZE']),
    );
    await expect.poll(() => storage.waiting.length).toBe(1);
    expect(await reader.call('PING')).toBe('PONG');
    expect(replies.isSettled).toBe(false);
    await storage.finish();
    expect((await replies.result).map((reply) => toPlain(reply))).toEqual([1, 'PONG', '1', 2]);
  });

  test('shares its sync with others: while one is under way, the next ones gather', async () => {
    const first = watch(writer.call('HSET', 'user:a', 's', 1));
    await expect.poll(() => storage.waiting.length).toBe(1);
    const others = await Promise.all([server.connect(), server.connect(), server.connect()]);
    const second = others.map((client, i) => watch(client.call('HSET', `user:b${i}`, 's', 1)));
    expect(await reader.call('PING')).toBe('PONG');
    await expect.poll(() => server.engine.count('s')).toBe(4);
    expect(storage.waiting).toHaveLength(1);
    await storage.finish();
    expect(await first.result).toBe(1);
    expect(second.some(({ isSettled }) => isSettled)).toBe(false);
    await storage.finish();
    for (const { result } of second) expect(await result).toBe(1);
    expect(storage.waiting).toHaveLength(0);
  });

  test('is an error, and the last, when the sync fails', async () => {
    writer.send(['HSET', 'user:a', 's', '1'], ['PING']);
    await storage.finish(new Error('EIO: i/o error'));
    expect(await writer.closed()).toMatch(/^-MISCONF changes are refused: .*EIO.*\r\n$/);
    expect(await reader.error('HSET', 'user:b', 's', 1)).toMatch(/^MISCONF /);
    expect(await reader.call('HGET', 'user:a', 's')).toBe('1');
  });

  test('is sent before the connection ends', async () => {
    writer.send(['HSET', 'user:a', 's', '1'], ['QUIT']);
    await storage.finish();
    expect(await writer.closed()).toBe(':1\r\n+OK\r\n');
  });
});
