/** docs/audiences.md: what it shows is what happens. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { engineTarget } from '../../loaders/engine-target.js';
import { loadSample } from '../../loaders/sample.js';
import { parseExpression } from '../../src/index.js';
import type { Reply } from '../support/resp.js';
import type { RespClient } from '../support/resp-client.js';
import { startTestServer, type TestServer } from '../support/server.js';

const text = readFileSync(new URL('../../docs/audiences.md', import.meta.url), 'utf8');
const PROMPT = '127.0.0.1:7379> ';

let server: TestServer;
let client: RespClient;

beforeAll(async () => {
  server = await startTestServer();
  await loadSample(engineTarget(server.engine));
  client = await server.connect();
});
afterAll(() => server.close());

/** A command and what redis-cli shows of its reply. */
const examples = [...text.matchAll(/```console\n([^`]*(?:`[^`]+`[^`]*)*?)```/g)].flatMap(([, lines]) =>
  lines!
    .split(PROMPT)
    .slice(1)
    .map((example) => {
      const [command, ...reply] = example.trimEnd().split('\n');
      return [command!, reply.join('\n')] as const;
    }),
);

/** The words of a line; quotes hold them together. */
function wordsOf(line: string): string[] {
  return Array.from(line.matchAll(/"([^"]*)"|(\S+)/g), ([, quoted, bare]) => quoted ?? bare!);
}

/** A reply as redis-cli shows it. */
function shown({ type, text: value, items }: Reply, indent = ''): string {
  if (type === '-') return `(error) ${value}`;
  if (type === ':') return `(integer) ${value}`;
  if (type === '+') return value!;
  if (type === '$') return value === null ? '(nil)' : JSON.stringify(value);
  const width = String(items.length).length;
  const lines = items.map((item, i) => {
    const number = `${String(i + 1).padStart(width)}) `;
    return number + shown(item, indent + ' '.repeat(number.length));
  });
  return lines.join(`\n${indent}`);
}

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
