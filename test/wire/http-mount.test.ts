import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let base: string;

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  probe.close();
  await once(probe, 'close');
  return port;
}

beforeAll(async () => {
  const httpPort = await freePort();
  server = await startTestServer({ httpPort });
  base = `http://127.0.0.1:${httpPort}`;
});
afterAll(() => server.close());

it.each(['/healthz', '/readyz'])('%s says that all is well', async (path) => {
  const response = await fetch(base + path);
  expect(response.status).toBe(200);
  expect(Object.keys((await response.json()) as object)).toEqual(['status']);
});

it('/metrics counts what Redis clients did', async () => {
  const client = await server.connect();
  await client.call('PING');
  const response = await fetch(`${base}/metrics`);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain/);
  expect(await response.text()).toMatch(/^segmentd_commands_total\{.*"ping".*\} 1$/m);
});

it('other paths are a problem that is told as such', async () => {
  const response = await fetch(`${base}/nosuch`);
  expect(response.status).toBe(404);
  expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
});

it('without a port there is no HTTP', async () => {
  const other = await startTestServer({});
  await other.close();
});
