/** The examples of the documents are true: each is run, and answers what it says. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { engineTarget } from '../../loaders/engine-target.js';
import { loadSample } from '../../loaders/sample.js';
import { exampleBody, exampleHeaders } from '../../protocol/http/documents/example-text.js';
import { statusesOf } from '../../protocol/http/documents/parts.js';
import type { Endpoint, Example } from '../../protocol/http/endpoint.js';
import { allEndpoints } from '../../protocol/http/endpoints/index.js';
import { allCommands } from '../../protocol/registry.js';
import { startTestHttp, type TestHttpServer, TRANSPORTS } from '../support/http-server.js';

interface Case {
  readonly id: string;
  readonly title: string;
  readonly endpoint: Endpoint;
  readonly example: Example;
}

const cases = allEndpoints.flatMap((endpoint): Case[] =>
  endpoint.document.examples.map((example) => ({
    id: endpoint.document.id,
    title: example.title,
    endpoint,
    example,
  })),
);
const reading = cases.filter((one) => !isWriting(one));
const writing = cases.filter(isWriting);

function isWriting({ endpoint: { method, document }, example }: Case): boolean {
  const command = allCommands.find(({ name }) => name === document.command);
  const isRead = command === undefined ? method === 'GET' : !command.flags.has('write');
  return !isRead || example.after !== undefined;
}

test('there are examples of both kinds, and one for almost every endpoint', () => {
  expect(reading.length).toBeGreaterThan(10);
  expect(writing.length).toBeGreaterThan(5);
  const without = allEndpoints.filter(({ document }) => document.examples.length === 0);
  // The first needs a data folder; what the others answer is too long to be shown.
  const ids = ['startSnapshot', 'getMetrics', 'getOpenApi', 'getDocs'];
  expect(without.map(({ document }) => document.id)).toEqual(ids);
});

describe.each(TRANSPORTS)('over %s', (transport) => {
  describe('what changes nothing', () => {
    let server: TestHttpServer;
    beforeAll(async () => {
      server = await startWithSample(transport);
    });
    afterAll(() => server.close());

    test.each(reading)('$id answers what it says: $title', ({ endpoint, example }) =>
      check(server, endpoint, example),
    );
  });

  test.each(writing)('$id answers what it says: $title', async ({ endpoint, example }) => {
    const server = await startWithSample(transport);
    for (const id of example.after ?? []) {
      const before = allEndpoints.find(({ document }) => document.id === id)!;
      await check(server, before, before.document.examples[0]!);
    }
    await check(server, endpoint, example).finally(() => server.close());
  });
});

/** A server of the sample, as the command line would serve it. */
async function startWithSample(transport: (typeof TRANSPORTS)[number]): Promise<TestHttpServer> {
  const server = await startTestHttp(transport, allEndpoints);
  await loadSample(engineTarget(server.engine));
  server.engine.compact();
  return server;
}

async function check(server: TestHttpServer, endpoint: Endpoint, example: Example): Promise<void> {
  const body = exampleBody(endpoint, example);
  const response = await fetch(`http://127.0.0.1:${server.port}${example.path}`, {
    method: endpoint.method,
    headers: exampleHeaders(endpoint, example),
    ...(body !== undefined && { body }),
  });
  const text = await response.text();
  const isText = typeof example.answer === 'string';
  const answer = text === '' ? undefined : isText ? text : JSON.parse(text);
  const where = `${endpoint.document.id}: ${example.title}`;
  expect(steady(answer, example), where).toEqual(steady(example.answer, example));
  const statuses = statusesOf(endpoint.document).filter((one) => one.hasBody === (answer !== undefined));
  expect(
    statuses.map(({ status }) => status),
    where,
  ).toContain(response.status);
}

/** Of what differs from time to time, only what kind of value it is. */
function steady(answer: unknown, { varying = [] }: Example): unknown {
  if (answer === undefined) return undefined;
  return JSON.parse(JSON.stringify(answer), (key, value) => (varying.includes(key) ? typeof value : value));
}
