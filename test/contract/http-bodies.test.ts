/** What bodies cost the server while they come, and how long they hold others up. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, test } from 'vitest';
import { chooseTransport } from '../../protocol/http/choose-transport.js';
import type { HttpListener } from '../../protocol/http/transport.js';
import { ask, RawHttpClient, requestText } from '../support/http-client.js';
import { startTestHttp, TRANSPORTS } from '../support/http-server.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const LIMITS = { maxHeaderBytes: 16_384, maxUrlBytes: 8192, headTimeout: 5000, keepAliveTimeout: 5000 };
const NO_GATE = { admit: () => true, release() {} };

function heldBytes(): number {
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

describe.each(TRANSPORTS)('%s', (name) => {
  let listener: HttpListener;
  let client: RawHttpClient;
  /** What was received. */
  let bodies: (Buffer | undefined)[];
  /** Memory that is held when a body is there. */
  let held: number;
  let isRefused: boolean;

  /** Takes a body of so many bytes, and answers as it is told. */
  const listen = async (limit: number, answerEarly = false): Promise<void> => {
    bodies = [];
    isRefused = false;
    const { transport } = await chooseTransport(name, LIMITS.maxHeaderBytes + LIMITS.maxUrlBytes);
    listener = await transport(
      '127.0.0.1',
      0,
      (request, response) => {
        request.body(limit, (bytes) => {
          held = heldBytes();
          bodies.push(bytes);
          response.send(200, [], `${bytes?.length}`);
        });
        if (!answerEarly) return;
        setImmediate(() => {
          response.send(408, [], 'too late');
          isRefused = true;
        });
      },
      LIMITS,
      NO_GATE,
    );
    client = await RawHttpClient.open(listener.port);
  };
  afterEach(async () => {
    client.destroy();
    await listener.close();
  });

  test('a body in many pieces takes no more memory than in one', async () => {
    await listen(1_000_000);
    client.send(requestText('POST', '/', { 'transfer-encoding': 'chunked' }));
    const before = heldBytes();
    const count = 200_000;
    const some = Array.from({ length: 1000 }, (_, i) => `1\r\n${i % 10}\r\n`).join('');
    for (let i = 0; i < count; i += 1000) await client.sent(some);
    client.send('0\r\n\r\n');
    expect(String((await client.answer()).body)).toBe(`${count}`);
    expect(held - before).toBeLessThan(4_000_000);
    expect(String(bodies[0]) === '0123456789'.repeat(count / 10)).toBe(true);
  });

  test('pieces of all lengths come together', async () => {
    await listen(10_000_000);
    const pieces = [1, 70_000, 3, 1, 200_000, 5, 65_536, 17].map((length, i) => `${i}`.repeat(length));
    client.send(requestText('POST', '/', { 'transfer-encoding': 'chunked' }));
    for (const piece of pieces) await client.sent(`${piece.length.toString(16)}\r\n${piece}\r\n`);
    client.send('0\r\n\r\n');
    await client.answer();
    expect(String(bodies[0]) === pieces.join('')).toBe(true);
  });

  test('of a body that is refused before it is there nothing more is kept', async () => {
    await listen(1_000_000, true);
    client.send(requestText('POST', '/', { 'content-length': '900000' }));
    client.send('x'.repeat(100_000));
    await expect.poll(() => isRefused).toBe(true);
    client.send('x'.repeat(800_000));
    expect((await client.answer()).status).toBe(408);
    await client.closed();
    expect(bodies.length).toBe(0);
  });

  test('a value that would hold others up for long is refused', async () => {
    const server = await startTestHttp(name, [
      { method: 'POST', path: '/value', body: 'value', handle: () => ({ done: true }) },
      {
        method: 'POST',
        path: '/bytes',
        body: 'bytes',
        takes: ['text/plain'],
        handle: () => ({ done: true }),
      },
    ]);
    const send = async (path: string, type: string, body: string) =>
      ask(server.port, 'POST', path, { 'content-type': type }, body);
    const text = (length: number): string => `"${'x'.repeat(length - 2)}"`;
    expect((await send('/value', 'application/json', text(4 * 2 ** 20))).status).toBe(200);
    expect((await send('/value', 'application/json', text(4 * 2 ** 20 + 1))).status).toBe(413);
    expect((await send('/bytes', 'text/plain', text(4 * 2 ** 20 + 1))).status).toBe(200);
    const many = await send('/value', 'application/json', `[${'1,'.repeat(100_000)}1]`);
    expect(many.status).toBe(400);
    expect(JSON.parse(String(many.body))).toMatchObject({ code: 'SYNTAX', position: 200_000 });
    const packed = await send(
      '/value',
      'application/msgpack',
      `\xdd\x00\x02\x00\x00${'\x90'.repeat(0x20000)}`,
    );
    expect(packed.status).toBe(400);
    await server.close();
  });
});
