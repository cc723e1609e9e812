import { describe, expect, test } from 'vitest';
import { chooseTransport } from '../../protocol/http/choose-transport.js';
import { problemOf } from '../../protocol/http/problem.js';
import { RequestIds } from '../../protocol/http/request-id.js';
import type { Transport } from '../../protocol/http/transport.js';
import { type ErrorCode, ExpressionError, errorTable, SegmentdError } from '../../src/index.js';

describe('a problem', () => {
  test.each(Object.keys(errorTable) as ErrorCode[])('says what %s is', (code) => {
    const { status, headers, body } = problemOf(new SegmentdError(code, 'what and where'), 'r1');
    const parsed = JSON.parse(body) as { title: string };
    expect(status).toBe(errorTable[code].http);
    expect(parsed).toEqual({
      type: `urn:segmentd:problem:${code.toLowerCase().replaceAll('_', '-')}`,
      title: expect.stringMatching(/^[A-Z][a-z]+( [a-z]+)*$/),
      status,
      detail: 'what and where',
      code,
      requestId: 'r1',
    });
    const names = headers.map(([name]) => name);
    expect(headers[0]).toEqual(['content-type', 'application/problem+json']);
    expect(names.includes('retry-after')).toBe(status === 503 || status === 429);
    expect(names.includes('www-authenticate')).toBe(status === 401);
  });

  test('has the place of an error that knows it', () => {
    expect(JSON.parse(problemOf(new ExpressionError('wrong', 7)).body)).toMatchObject({ position: 7 });
    expect(JSON.parse(problemOf(new ExpressionError('wrong')).body)).not.toHaveProperty('position');
  });

  test.each([new TypeError('secret'), 'secret', undefined, { code: 'UNKNOWN_TAG', message: 'secret' }])(
    'says nothing of a fault: %s',
    (error) => {
      const { status, body } = problemOf(error);
      expect(status).toBe(500);
      expect(JSON.parse(body)).toEqual({
        type: 'urn:segmentd:problem:internal',
        title: 'Internal',
        status: 500,
        detail: 'a fault of the server; its log has more',
        code: 'INTERNAL',
      });
    },
  );
});

test('ids of requests are those of clients if they can be logged, else new ones', () => {
  const ids = new RequestIds();
  for (const id of ['a', '!', '~', 'x'.repeat(128)]) expect(ids.of(id)).toBe(id);
  const made = [undefined, '', ' ', 'a b', 'x'.repeat(129), 'ü', '\x7f', 'a\n'].map((id) => ids.of(id));
  for (const id of made) expect(id).toMatch(/^[\da-f]{12}-[\da-z]+$/);
  expect(new Set(made).size).toBe(made.length);
  expect(new RequestIds().of(undefined)).not.toBe(made[0]);
});

describe('the transport', () => {
  const uws: Transport = () => Promise.reject(new Error('not to be used'));
  const load = (): Promise<Transport> => Promise.resolve(uws);
  const fail = (): Promise<Transport> => Promise.reject(new Error('Cannot find package\nImported from here'));

  test('is uWebSockets.js if it is there, else Node’s own', async () => {
    expect(await chooseTransport('auto', 16_384, load)).toEqual({ name: 'uws', transport: uws });
    expect(await chooseTransport('uws', 16_384, load)).toEqual({ name: 'uws', transport: uws });
    expect(await chooseTransport('node', 16_384, load)).toMatchObject({ name: 'node' });
    expect(await chooseTransport('auto', 16_384, fail)).toMatchObject({ name: 'node' });
    expect(await chooseTransport('auto', 16_384)).toMatchObject({ name: 'uws' });
  });

  test('that is not installed is asked for in vain, and it is told how to get it', async () => {
    const failing = chooseTransport('uws', 16_384, fail);
    await expect(failing).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await expect(failing).rejects.toThrow(
      '--http-transport is uws, but the package uWebSockets.js cannot be loaded: Cannot find package; install',
    );
  });

  test.each(['uws', 'node'] as const)('%s says why it cannot listen', async (name) => {
    const { transport } = await chooseTransport(name, 16_384);
    const limits = { maxHeaderBytes: 1000, maxUrlBytes: 1000, headTimeout: 1000, keepAliveTimeout: 1000 };
    const gate = { admit: () => true, release() {} };
    const listen = (host: string, port: number) => transport(host, port, () => {}, limits, gate);
    const first = await listen('127.0.0.1', 0);
    await expect(listen('127.0.0.1', first.port)).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      message: expect.stringContaining(
        `port 127.0.0.1:${first.port} is in use: stop the other server or choose`,
      ),
    });
    await expect(listen('192.0.2.1', 0)).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining('cannot listen on 192.0.2.1:0'),
    });
    await first.close();
    await first.close();
    const again = await listen('127.0.0.1', first.port);
    expect(again.port).toBe(first.port);
    await again.close();
  });
});
