/** docs/audiences.md: what it shows is what happens. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { engineTarget } from '../../loaders/engine-target.js';
import { loadSample } from '../../loaders/sample.js';
import { parseExpression } from '../../src/index.js';
import type { RespClient } from '../support/resp-client.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { consoleExamples, shown, wordsOf } from './console-examples.js';

const text = readFileSync(new URL('../../docs/audiences.md', import.meta.url), 'utf8');

let server: TestServer;
let client: RespClient;

beforeAll(async () => {
  server = await startTestServer();
  await loadSample(engineTarget(server.engine));
  client = await server.connect();
});
afterAll(() => server.close());

const examples = consoleExamples(text);
const withoutTimes = (lines: string): string => lines.replace(/\d+(\.\d+)? ms/g, 'T');

it('has examples', () => {
  expect(examples.length).toBeGreaterThan(15);
});

it.each(examples)('%s', async (command, expected) => {
  const reply = await client.reply(...wordsOf(command));
  expect(withoutTimes(shown(reply))).toBe(withoutTimes(expected));
});

it('tells of expressions that are some', () => {
  const table = text.slice(text.indexOf('## The language'), text.indexOf('**Who lacks a tag**'));
  const expressions = Array.from(table.matchAll(/^\| `([^`]+)` \|/gm), ([, expression]) => expression!);
  expect(expressions.length).toBe(13);
  for (const expression of expressions) {
    expect(() => parseExpression(expression), expression).not.toThrow();
    if (!expression.includes('@')) expect(server.engine.audiences.count(expression)).toBeGreaterThan(0);
  }
});
