/** Who may ask: with a password those who send it, and never a page of another site. */
import { afterEach, describe, expect, test } from 'vitest';
import { SegmentdClient } from '../../protocol/client/index.js';
import { freePort } from '../support/free-port.js';
import { ask, type RawAnswer, RawHttpClient, requestText } from '../support/http-client.js';
import { TRANSPORTS } from '../support/http-server.js';
import { keptLog } from '../support/log-lines.js';
import { startTestServer, type TestServer } from '../support/server.js';

const PASSWORD = 's3cret: \u{1f511} ~';
const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;
const OPEN = ['/healthz', '/readyz'];
const CLOSED = ['/metrics', '/docs', '/openapi.json', '/v1/tags'];

describe.each(TRANSPORTS)('%s', (httpTransport) => {
  let server: TestServer | undefined;
  let port: number;

  afterEach(async () => {
    await server?.close();
    server = undefined;
  });

  const serve = async (options: Parameters<typeof startTestServer>[0] = {}): Promise<TestServer> => {
    port = await freePort();
    server = await startTestServer({ httpTransport, httpPort: port, ...options });
    return server;
  };
  const get = (path: string, headers: Record<string, string> = {}): Promise<RawAnswer> =>
    ask(port, 'GET', path, headers);
  const statusOf = async (path: string, headers: Record<string, string> = {}): Promise<number> =>
    (await get(path, headers)).status;
  const codeOf = async (headers: Record<string, string>): Promise<string> =>
    (JSON.parse(String((await get('/v1/tags', headers)).body)) as { code: string }).code;

  describe('with a password', () => {
    test('nobody gets an answer without it, but on the server’s health', async () => {
      await serve({ password: PASSWORD });
      for (const path of OPEN) expect(await statusOf(path)).toBe(200);
      for (const path of CLOSED) expect(await statusOf(path)).toBe(401);
      const { headers } = await fetch(`http://127.0.0.1:${port}/docs`);
      expect(headers.get('www-authenticate')).toBe(
        'Bearer realm="segmentd", Basic realm="segmentd", charset="UTF-8"',
      );
    });

    test.each([
      ['none', '', 'NO_AUTH'],
      ['another scheme', 'Digest username="x"', 'NO_AUTH'],
      ['no token', 'Bearer', 'NO_AUTH'],
      ['a wrong one', 'Bearer nosuch', 'WRONG_PASSWORD'],
      ['its beginning', basic(`:${PASSWORD.slice(0, -1)}`), 'WRONG_PASSWORD'],
      ['more than it', basic(`:${PASSWORD}\0`), 'WRONG_PASSWORD'],
      ['a user only', basic(`${PASSWORD}:`), 'WRONG_PASSWORD'],
      ['nothing', basic(':'), 'WRONG_PASSWORD'],
      ['no base64', 'Basic ****', 'WRONG_PASSWORD'],
    ])('%s is refused', async (_, authorization, code) => {
      await serve({ password: PASSWORD });
      expect(await codeOf({ authorization })).toBe(code);
    });

    test('it comes as a token or behind any user’s name', async () => {
      await serve({ password: 'to-ken~1' });
      for (const authorization of [
        'Bearer to-ken~1',
        'bearer   to-ken~1',
        basic(':to-ken~1'),
        basic('anna:to-ken~1').replace('Basic', 'BASIC'),
      ]) {
        for (const path of CLOSED) expect(await statusOf(path, { authorization })).toBe(200);
      }
      await server!.close();
      await serve({ password: PASSWORD });
      expect(await statusOf('/v1/tags', { authorization: basic(`anna:${PASSWORD}`) })).toBe(200);
    });

    test.each(['to-ken~1', 'with blanks', 'pässwörd', ':'])('the client sends it: %s', async (password) => {
      await serve({ password });
      const client = new SegmentdClient({ url: `http://127.0.0.1:${port}`, password });
      expect(await client.listTags()).toEqual({ items: [] });
    });

    test('it changes when CONFIG SET changes it', async () => {
      const { connect } = await serve({ password: 'a' });
      const client = await connect();
      await client.call('AUTH', 'a');
      await client.call('CONFIG', 'SET', 'password', 'b');
      expect(await statusOf('/v1/tags', { authorization: 'Bearer a' })).toBe(401);
      expect(await statusOf('/v1/tags', { authorization: 'Bearer b' })).toBe(200);
      await client.call('CONFIG', 'SET', 'password', '');
      expect(await statusOf('/v1/tags')).toBe(200);
    });

    test('who does not send it is refused before the body has come', async () => {
      await serve({ password: PASSWORD });
      const client = await RawHttpClient.open(port);
      const headers = { 'content-type': 'application/json', 'content-length': '1000000' };
      client.send(requestText('POST', '/v1/audiences/count', headers));
      expect((await client.answer()).status).toBe(401);
      client.destroy();
    });

    test('failures are logged, without what was sent', async () => {
      const { logger, of, text } = keptLog('debug');
      await serve({ password: PASSWORD, logger });
      await get('/v1/users/anna/tags', { authorization: 'Bearer wr0ng', 'x-request-id': 'r1' });
      await get('/v1/users/anna/tags', { authorization: basic('anna:wr0ng'), 'x-request-id': 'r2' });
      const where = { level: 'warn', route: '/v1/users/{id}/tags', address: '127.0.0.1' };
      expect(of('authentication failed')).toMatchObject([
        { ...where, requestId: 'r1' },
        { ...where, requestId: 'r2' },
      ]);
      for (const secret of [PASSWORD, 'wr0ng', 'anna']) expect(text.join('')).not.toContain(secret);
    });
  });

  describe('a page', () => {
    test.each([undefined, 'to-ken'])('of another site gets nothing; password: %s', async (password) => {
      await serve(password === undefined ? {} : { password });
      const login: Record<string, string> =
        password === undefined ? {} : { authorization: `Bearer ${password}` };
      const host = `localhost:${port}`;
      const from = (origin: string): Promise<number> => statusOf('/v1/tags', { ...login, host, origin });
      expect(await from(`http://localhost:${port}`)).toBe(200);
      expect(await from(`HTTP://LOCALHOST:${port}`)).toBe(200);
      for (const origin of [
        'http://localhost',
        `http://localhost:${port}0`,
        `http://127.0.0.1:${port}`,
        'https://example.com',
        `https://localhost:${port}.example.com`,
        'null',
        'file://',
        'x',
      ]) {
        expect(await from(origin)).toBe(403);
      }
    });

    test('of another site changes nothing', async () => {
      const { engine } = await serve();
      engine.setTags('u1', { a: true });
      const page = { origin: 'http://example.com', 'content-type': 'text/plain' };
      expect((await ask(port, 'DELETE', '/v1/users/u1', page)).status).toBe(403);
      expect((await ask(port, 'POST', '/v1/tags/a/users', page, 'u2\n')).status).toBe(403);
      expect(engine.stats().pairs).toBe(1);
    });

    test('may not be led to a server of this machine by a name of its own', async () => {
      await serve();
      for (const host of [
        'localhost',
        `LocalHost:${port}`,
        '127.0.0.1',
        '127.0.0.2:1',
        '[::1]',
        '[::1]:7380',
      ]) {
        expect(await statusOf('/v1/tags', { host })).toBe(200);
      }
      for (const host of [
        'example.com',
        `example.com:${port}`,
        'localhost.example.com',
        '127.0.0.1.example.com',
        '10.0.0.1',
        '[::2]',
      ]) {
        expect(await codeOf({ host })).toBe('NOT_ALLOWED');
        for (const path of OPEN) expect(await statusOf(path, { host })).toBe(200);
      }
    });

    test('names do not matter where a password does, or other machines ask', async () => {
      await serve({ password: 'a' });
      expect(await statusOf('/v1/tags', { host: 'example.com', authorization: 'Bearer a' })).toBe(200);
      // What `null` has behind a mark that it does not have.
      const odd = { host: 'll', origin: 'null', authorization: 'Bearer a' };
      expect(await statusOf('/v1/tags', odd)).toBe(403);
      await server!.close();
      await serve({ host: '0.0.0.0' });
      expect(await statusOf('/v1/tags', { host: 'example.com' })).toBe(200);
    });
  });
});
