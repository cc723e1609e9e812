/** What is said of a body that is not as it should be: the place, and what may stand there. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { allEndpoints } from '../../protocol/http/endpoints/index.js';
import { startTestHttp, type TestHttpServer } from '../support/http-server.js';

describe('a wrong body', () => {
  let server: TestHttpServer;
  beforeAll(async () => {
    server = await startTestHttp('node', allEndpoints);
  });
  afterAll(() => server.close());

  test.each([
    ['PATCH', '/v1/users/u/tags', [], 'the body is not as it should be: it must be an object'],
    [
      'PATCH',
      '/v1/users/u/tags',
      { set: { vip: false } },
      'the body\'s /set/vip is not as it should be. A string, a number, or true for a flag. To take a tag away, name it in "remove".',
    ],
    ['POST', '/v1/users/lookup', {}, 'the body is not as it should be: it must have "ids"'],
    [
      'PUT',
      '/v1/tags/t',
      { kind: 'text' },
      "the body's /kind is not as it should be: it must be one of flag, enum, number. " +
        'flag: has it or not; enum: one string of several; number: an integer or a decimal.',
    ],
    [
      'POST',
      '/v1/audiences/count',
      { expression: 5 },
      "the body's /expression is not as it should be. " +
        'An audience in the language of docs/audiences.md, as text or as a tree of JSON.',
    ],
    [
      'POST',
      '/v1/audiences/count',
      { expression: 'all', limit: 1.5 },
      "the body's /limit is not as it should be: it must be a whole number. " +
        'Count no further than this; 0 means to the end.',
    ],
  ])('of %s %s: %j', async (method, path, body, detail) => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect(await response.json()).toMatchObject({ status: 400, code: 'INVALID_ARGUMENT', detail });
  });
});
