/** The page of the API: sound HTML that needs nothing from elsewhere and shows everything, and nothing of it as markup. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { Type } from 'typebox';
import { describe, expect, test } from 'vitest';
import { apiMarkdown } from '../../protocol/http/documents/api-markdown.js';
import { apiPage } from '../../protocol/http/documents/api-page.js';
import { exampleBody, exampleCommand, exampleHeaders } from '../../protocol/http/documents/example-text.js';
import { referenceOf } from '../../protocol/http/documents/reference.js';
import { type Endpoint, endpoint } from '../../protocol/http/endpoint.js';
import { allEndpoints, clientEndpoints } from '../../protocol/http/endpoints/index.js';
import { textParameter } from '../../protocol/http/parameters.js';
import { startTestHttp, TRANSPORTS } from '../support/http-server.js';

const page = apiPage(referenceOf(allEndpoints));

/** Elements that have no end tag. */
const VOID = ['meta', 'link', 'br'];
const TAG = /<(\/?)([a-z][a-z0-9]*)((?:\s+[a-z-]+="[^"<>]*")*)>/g;

interface Tag {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
}

/** The tags of a page; throws for one that is not sound: everything ends in order, and what is no tag has neither < nor >. */
function tagsOf(html: string): Tag[] {
  const body = html.replace(/^<!doctype html>/, '').replace(/<style>[^<]*<\/style>/, '');
  const open: string[] = [];
  const tags: Tag[] = [];
  for (const [, slash, name, rest] of body.matchAll(TAG)) {
    if (slash === '/') {
      if (open.pop() !== name) throw new Error(`</${name}> ends what is not open`);
    } else {
      const attributes = new Map(
        [...rest!.matchAll(/([a-z-]+)="([^"]*)"/g)].map(([, key, value]) => [key!, value!]),
      );
      tags.push({ name: name!, attributes });
      if (!VOID.includes(name!)) open.push(name!);
    }
  }
  if (open.length > 0) throw new Error(`${open.join(', ')} has no end`);
  const text = body.replace(TAG, '');
  if (/[<>]|&(?!(amp|lt|gt|quot|#39);)/.test(text)) throw new Error('there is markup that is no tag');
  return tags;
}

const attributesOf = (tags: readonly Tag[], name: string): string[] =>
  tags.flatMap(({ attributes }) => attributes.get(name) ?? []);

test('commands are in the file as they are, so that lines of a body do not move', () => {
  const markdown = apiMarkdown(referenceOf(allEndpoints));
  for (const one of allEndpoints) {
    for (const example of one.document.examples) {
      expect(markdown).toContain(`\n$ ${exampleCommand(one, example)}\n`);
    }
  }
});

test('methods of the client are named where the client has them, and nowhere else', () => {
  const ids = clientEndpoints.map(({ document }) => document.id).sort();
  const inMarkdown = [...apiMarkdown(referenceOf(allEndpoints)).matchAll(/^In the client `(\w+)`/gm)];
  const inPage = [...page.matchAll(/In the client <code>(\w+)<\/code>/g)];
  expect(inMarkdown.map(([, id]) => id).sort()).toEqual(ids);
  expect(inPage.map(([, id]) => id).sort()).toEqual(ids);
});

describe('the page', () => {
  const tags = tagsOf(page);

  test('is sound, and its links lead somewhere', () => {
    const ids = attributesOf(tags, 'id');
    expect(new Set(ids).size).toBe(ids.length);
    const links = attributesOf(tags, 'href').filter((href) => href.startsWith('#'));
    expect(links.length).toBeGreaterThan(100);
    expect(links.filter((href) => !ids.includes(href.slice(1)))).toEqual([]);
    expect(attributesOf(tags, 'aria-labelledby').filter((id) => !ids.includes(id))).toEqual([]);
  });

  test('needs nothing from elsewhere, and runs nothing', () => {
    const names = new Set(tags.map(({ name }) => name));
    for (const name of ['script', 'iframe', 'object', 'img', 'form', 'base'])
      expect(names).not.toContain(name);
    const attributes = tags.flatMap((tag) => [...tag.attributes.keys()]);
    expect(attributes.filter((name) => name.startsWith('on') || name === 'src' || name === 'style')).toEqual(
      [],
    );
    const elsewhere = attributesOf(tags, 'href').filter(
      (href) => !/^(#|\/openapi\.json$|data:,$)/.test(href),
    );
    expect(elsewhere).toEqual([]);
    expect(page).not.toMatch(/url\(|@import/);
  });

  test("can be found one's way in: a language, a place to skip to, headings in order", () => {
    expect(page).toMatch(/^<!doctype html>\n<html lang="en">/);
    expect(page).toContain('<meta name="viewport" content="width=device-width, initial-scale=1">');
    expect(page).toContain('<a class="skip" href="#content">');
    expect(page).toContain('<main id="content">');
    const levels = tags.flatMap(({ name }) => (/^h\d$/.test(name) ? Number(name[1]) : []));
    expect(levels.filter((level) => level === 1)).toHaveLength(1);
    for (let i = 1; i < levels.length; i++) expect(levels[i]! - levels[i - 1]!).toBeLessThanOrEqual(1);
  });

  test('shows every endpoint with its parameters, errors and examples', () => {
    const text = page.replaceAll(/<[^<>]*>/g, '');
    for (const item of allEndpoints) {
      const { id, query = {}, errors = [] } = item.document;
      expect(attributesOf(tags, 'id')).toContain(id);
      const from = page.indexOf(`id="${id}"`);
      const article = page.slice(from, page.indexOf('</article>', from));
      for (const word of [...Object.keys(query), ...errors])
        expect(article, id).toContain(`<code>${word}</code>`);
      for (const example of item.document.examples)
        expect(text).toContain(escaped(exampleCommand(item, example)));
    }
  });
});

function escaped(text: string): string {
  const entities: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replace(/[&<>"']/g, (char) => entities[char]!);
}

describe('what is hostile', () => {
  const evil = `<script>alert("1")</script> \`<b>' onload="x\` & </style>`;
  const hostile = endpoint({
    id: 'evil',
    method: 'POST',
    path: '/v1/evil/{id}',
    group: 'users',
    summary: evil,
    description: `${evil}\n\n- ${evil}`,
    command: evil,
    parameters: { id: evil },
    query: { [evil]: textParameter(evil) },
    body: Type.Object({ [evil]: Type.Enum([evil], { description: evil }) }, { description: evil }),
    answer: Type.Union([Type.Literal(evil), Type.Object({ [evil]: Type.String() })]),
    rawAnswer: { types: [evil], description: evil },
    statuses: { 200: evil },
    requestHeaders: { [evil]: evil },
    answerHeaders: { [evil]: evil },
    examples: [{ title: evil, path: `/v1/evil/${evil}`, body: { [evil]: evil }, answer: evil }],
    handle() {},
  });

  test('is shown as text', () => {
    const html = apiPage(referenceOf([hostile]));
    const tags = tagsOf(html);
    expect(tags.filter(({ name }) => name === 'script' || name === 'b')).toEqual([]);
    expect(attributesOf(tags, 'onload')).toEqual([]);
    expect(html.split('alert(&quot;1&quot;)').length).toBeGreaterThan(12);
  });

  test('is found by the test', () => {
    expect(() => tagsOf(page.replace('</h1>', '<b></h1>'))).toThrow();
    expect(() => tagsOf(page.replace('</h1>', '& </h1>'))).toThrow();
    expect(() => tagsOf(page.replace('</h1>', '<img src=x></h1>'))).toThrow();
  });
});

test('in Markdown, a row of a table has as many cells as its head', () => {
  const text = apiMarkdown(referenceOf(allEndpoints)).replace(/```[\s\S]*?```/g, '');
  const lines = text.split('\n');
  const cells = (line: string): number => line.replaceAll('\\|', '').split('|').length;
  let width = 0;
  for (const [i, line] of lines.entries()) {
    if (!line.startsWith('|')) continue;
    if (!lines[i - 1]!.startsWith('|')) width = cells(line);
    expect(cells(line), line).toBe(width);
  }
  expect(width).toBeGreaterThan(0);
});

describe('the commands of examples', () => {
  /** What a shell makes of a command: curl's arguments. */
  const argumentsOf = (command: string): string[] => {
    const script = `curl() { printf '%s\\0' "$@"; }\n${command}`;
    return execFileSync('sh', ['-c', script], { encoding: 'utf8' }).split('\0').slice(0, -1);
  };
  const check = (item: Endpoint): void => {
    for (const example of item.document.examples) {
      const args = argumentsOf(exampleCommand(item, example));
      const behind = (flag: string): string[] => args.filter((_, i) => args[i - 1] === flag);
      const body = exampleBody(item, example);
      const [data] = behind('--data-binary');
      expect(args.find((one) => one.startsWith('http'))).toBe(`http://127.0.0.1:7380${example.path}`);
      expect(behind('-X')[0] ?? (data === undefined ? 'GET' : 'POST')).toBe(item.method);
      const headers = Object.entries(exampleHeaders(item, example)).map(
        ([name, value]) => `${name}: ${value}`,
      );
      expect(behind('-H')).toEqual(headers);
      if (typeof example.body === 'object') expect(JSON.parse(data!)).toEqual(JSON.parse(body!));
      else expect(data).toBe(body);
    }
  };

  test.each(allEndpoints.map((item) => [item.document.id, item] as const))(
    '%s asks what it shows',
    (_, item) => {
      check(item);
    },
  );

  test('are quoted, whatever is in them', () => {
    const odd = `it's "$HOME" \`ls\` \\n\n!`;
    const body = { expression: odd };
    const item = {
      method: 'PUT',
      path: '/x',
      document: { examples: [{ title: '', path: `/x?a=b&c='`, body }] },
    };
    check(item as unknown as Endpoint);
  });
});

describe.each(TRANSPORTS)('over %s', (transport) => {
  test('it may run nothing but its own style', async () => {
    const server = await startTestHttp(transport, allEndpoints);
    const response = await fetch(`http://127.0.0.1:${server.port}/docs`);
    const html = await response.text();
    expect(html).toBe(page);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    const [, style] = /<style>([^<]*)<\/style>/.exec(html)!;
    const hash = createHash('sha256').update(style!).digest('base64');
    const policy = response.headers.get('content-security-policy')!.split('; ');
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain(`style-src 'sha256-${hash}'`);
    expect(policy.join()).not.toMatch(/unsafe|script|http|\*/);
    await server.close();
  });
});
