/** docs/versions.md: what it shows is what happens. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { engineTarget } from '../../loaders/engine-target.js';
import { loadSample } from '../../loaders/sample.js';
import { LIMITS } from '../../src/store/tag-policies.js';
import type { RespClient } from '../support/resp-client.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { consoleExamples, shown, wordsOf } from './console-examples.js';

const text = readFileSync(new URL('../../docs/versions.md', import.meta.url), 'utf8');
const examples = consoleExamples(text);

let server: TestServer;
let client: RespClient;

beforeAll(async () => {
  server = await startTestServer();
  await loadSample(engineTarget(server.engine));
  client = await server.connect();
});
afterAll(() => server.close());

it('has examples', () => {
  expect(examples.length).toBeGreaterThan(15);
});

it.each(examples)('%s', async (command, expected) => {
  expect(shown(await client.reply(...wordsOf(command)))).toBe(expected);
});

it('tells of every limit', () => {
  const table = text.slice(text.indexOf('| limit |'), text.indexOf('`NONE`'));
  for (const name of LIMITS) expect(table).toContain(name.toUpperCase());
});
