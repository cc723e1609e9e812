/** The API about itself: for programs, and for people. */
import { JSON_TYPE } from '../content.js';
import { apiPage, PAGE_POLICY } from '../documents/api-page.js';
import { openApiDocument } from '../documents/openapi.js';
import { referenceOf } from '../documents/reference.js';
import { type Endpoint, endpoint } from '../endpoint.js';

const HTML = 'text/html; charset=utf-8';

/** The endpoints that give the documents of others, and of themselves. */
export function documentsOf(others: readonly Endpoint[]): readonly Endpoint[] {
  const all: Endpoint[] = [...others];
  // They are made once, when somebody first asks.
  let document: string | undefined;
  let page: string | undefined;
  const own = [
    endpoint({
      id: 'getOpenApi',
      method: 'GET',
      path: '/openapi.json',
      group: 'server',
      summary: 'The API as an OpenAPI 3.1 document.',
      rawAnswer: { types: [JSON_TYPE], description: 'The document.' },
      examples: [],
      handle() {
        document ??= JSON.stringify(openApiDocument(all));
        return document;
      },
    }),
    endpoint({
      id: 'getDocs',
      method: 'GET',
      path: '/docs',
      group: 'server',
      summary: 'The API as a page to read.',
      rawAnswer: { types: [HTML], description: 'The page.' },
      examples: [],
      handle(exchange) {
        page ??= apiPage(referenceOf(all));
        exchange.setHeader('content-security-policy', PAGE_POLICY);
        exchange.setHeader('x-content-type-options', 'nosniff');
        exchange.setHeader('referrer-policy', 'no-referrer');
        return page;
      },
    }),
  ];
  all.push(...own);
  return own;
}
