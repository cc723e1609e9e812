/** Examples as one would type them, and what comes back. */
import { JSON_TYPE } from '../content.js';
import type { Endpoint, Example } from '../endpoint.js';

const SERVER = 'http://127.0.0.1:7380';
const WIDTH = 100;
/** What no shell takes for anything but text. */
const PLAIN = /^[A-Za-z0-9_./:=,%@+-]+$/;
/** Headers of an example's request, but for those that curl says by itself. */
export function exampleHeaders({ document }: Endpoint, { body, headers }: Example): Record<string, string> {
  const type = body === undefined ? undefined : (document.rawBody?.types[0] ?? JSON_TYPE);
  return { ...(type !== undefined && { 'content-type': type }), ...headers };
}

/** An example's body as it is sent; undefined if there is none. */
export function exampleBody({ document }: Endpoint, { body }: Example): string | undefined {
  if (body === undefined) return undefined;
  return document.rawBody !== undefined && typeof body === 'string' ? body : JSON.stringify(body);
}

/** An example as a command line of curl. */
export function exampleCommand(endpoint: Endpoint, example: Example): string {
  const { method } = endpoint;
  const body = exampleBody(endpoint, example);
  const parts = [`curl ${quoted(SERVER + example.path)}`];
  const usual = body === undefined ? 'GET' : 'POST';
  if (method !== usual) parts[0] = `curl -X ${method} ${quoted(SERVER + example.path)}`;
  for (const [name, value] of Object.entries(exampleHeaders(endpoint, example))) {
    parts.push(`-H ${quoted(`${name}: ${value}`)}`);
  }
  if (body !== undefined) parts.push(`--data-binary ${quoted(prettyBody(example.body))}`);
  const line = parts.join(' ');
  return line.length <= WIDTH ? line : parts.join(' \\\n  ');
}

/** What an example answers, as a terminal shows it; undefined if that is nothing. */
export function exampleAnswer({ answer }: Example): string | undefined {
  if (answer === undefined) return undefined;
  return typeof answer === 'string' ? answer.replaceAll('\r\n', '\n') : pretty(answer);
}

function prettyBody(body: unknown): string {
  return typeof body === 'string' ? body : pretty(body);
}

function quoted(text: string): string {
  return PLAIN.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** JSON on one line if it fits, else each part of it on its own. */
function pretty(value: unknown, indent = ''): string {
  const line = oneLine(value);
  if (indent.length + line.length <= WIDTH || typeof value !== 'object' || value === null) return line;
  const inner = `${indent}  `;
  const isArray = Array.isArray(value);
  const parts = isArray
    ? value.map((item) => pretty(item, inner))
    : Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${pretty(item, inner)}`);
  const [open, close] = isArray ? '[]' : '{}';
  return `${open}\n${inner}${parts.join(`,\n${inner}`)}\n${indent}${close}`;
}

function oneLine(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(oneLine).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const parts = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${oneLine(item)}`);
  return `{${parts.join(', ')}}`;
}
