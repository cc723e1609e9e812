/** Random changes over HTTP do what the naive model says, whatever the form of their bodies. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { tagUsers } from '../../protocol/http/endpoints/tag-users.js';
import { tags } from '../../protocol/http/endpoints/tags.js';
import { errorTable, type Mutation } from '../../src/index.js';
import { declaration, IDS, id, TAGS, tag } from '../model/arbitraries.js';
import { assertSame } from '../model/compare.js';
import { NaiveStore } from '../model/naive-store.js';
import { Refusal } from '../model/refusal.js';
import { RawHttpClient, requestText } from '../support/http-client.js';
import { startTestHttp, TRANSPORTS } from '../support/http-server.js';
import { FORMS, latin1 } from '../support/user-bodies.js';

const name = tag.filter((text) => text !== '' && text.isWellFormed());
const value = fc.constantFrom(
  '1',
  'x',
  'y',
  '',
  'ü',
  '2',
  '-3',
  '1.50',
  '1e3',
  '4503599627370497',
  'v'.repeat(300),
);
const form = fc.constantFrom(...Object.keys(FORMS));

type Step = Mutation & { readonly form?: string };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    arbitrary: fc.record({
      type: fc.constantFrom('addUsers' as const, 'removeUsers' as const),
      tag: name,
      value: fc.option(value, { nil: undefined }),
      users: fc.array(id, { maxLength: 6 }),
      form,
    }),
    weight: 8,
  },
  {
    arbitrary: fc.record({
      type: fc.constant('declareTag' as const),
      // Of two things that are wrong, either may be told.
      tag: fc.constantFrom(...TAGS),
      declaration,
    }),
    weight: 3,
  },
  fc.record({ type: fc.constant('dropTag' as const), tag: name }),
);

/** A step as a request. */
function requestOf(one: Step): string {
  switch (one.type) {
    case 'addUsers':
    case 'removeUsers': {
      const body = FORMS[one.form!]!(one.users.map((user) => Buffer.from(user)));
      const query = one.value === undefined ? '' : `?value=${encodeURIComponent(String(one.value))}`;
      const path = `/v1/tags/${encodeURIComponent(one.tag)}/users${query}`;
      const method = one.type === 'addUsers' ? 'POST' : 'DELETE';
      return requestText(method, path, body.headers, latin1(body));
    }
    case 'declareTag': {
      const path = `/v1/tags/${encodeURIComponent(one.tag)}`;
      const body = JSON.stringify(one.declaration);
      return requestText('PUT', path, { 'content-type': 'application/json' }, body);
    }
    case 'dropTag':
      return requestText('DELETE', `/v1/tags/${encodeURIComponent(one.tag)}`);
    default:
      throw new Error(`no request for ${one.type}`);
  }
}

/** What the model answers to it. */
function expected(model: NaiveStore, one: Step): object {
  const isNew = one.type === 'declareTag' && !model.tags.has(one.tag);
  try {
    const changed = model.apply(one);
    if (one.type === 'dropTag') return changed === 1 ? { status: 204 } : refused('UNKNOWN_TAG');
    if (one.type === 'declareTag') return { status: isNew ? 201 : 200 };
    return { status: 200, given: 'users' in one ? one.users.length : 0, changed };
  } catch (error) {
    if (error instanceof Refusal) return refused(error.code);
    throw error;
  }
}

function refused(code: keyof typeof errorTable): object {
  return { status: errorTable[code].http, code };
}

test.each(TRANSPORTS)('%s', async (transport) => {
  const server = await startTestHttp(transport, [...tags, ...tagUsers]);
  const client = await RawHttpClient.open(server.port);
  const answerTo = async (text: string) => {
    client.send(text);
    const { status, body } = await client.answer();
    return { status, value: body.length === 0 ? {} : JSON.parse(String(body)) };
  };
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      server.engine.clear();
      const model = new NaiveStore({ strict: false, maxEnumValues: 65_535 });
      for (const one of steps) {
        const { status, value } = await answerTo(requestOf(one));
        const { code, given, changed } = value;
        const told = Object.entries({ status, code, given, changed }).filter(
          ([, part]) => part !== undefined,
        );
        expect(Object.fromEntries(told)).toEqual(expected(model, one));
        assertSame(server.engine, model, IDS, TAGS);
        const { value: list } = await answerTo(requestText('GET', '/v1/tags'));
        const wanted = [...model.tags].sort(([a], [b]) => (a < b ? -1 : 1));
        expect(list.items).toMatchObject(
          wanted.map(([tagName, { kind, declared, description, cells }]) => {
            return { name: tagName, kind, declared, description, users: cells.size };
          }),
        );
      }
    }),
    { numRuns: 60 },
  );
  client.destroy();
  await server.close();
});
