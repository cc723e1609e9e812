/** Random changes of users over HTTP do what the naive model says, and every way to read them tells the same. */
import { isUtf8 } from 'node:buffer';
import { encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { users } from '../../protocol/http/endpoints/users.js';
import { parseMsgpack } from '../../protocol/http/msgpack.js';
import { errorTable, type Mutation, type TagValue, type UserId } from '../../src/index.js';
import { declaration, IDS, id, TAGS, tag } from '../model/arbitraries.js';
import { applyToBoth, assertSame } from '../model/compare.js';
import { NaiveStore } from '../model/naive-store.js';
import { Refusal, userKey } from '../model/refusal.js';
import { type RawAnswer, RawHttpClient, requestText } from '../support/http-client.js';
import { startTestHttp, TRANSPORTS } from '../support/http-server.js';

interface Patch {
  readonly type: 'patch';
  readonly user: UserId;
  readonly set: Readonly<Record<string, TagValue>>;
  readonly remove: readonly string[];
}
interface Erasure {
  readonly type: 'erase';
  readonly user: UserId;
}
type Step = Patch | Erasure | Mutation;

// An empty id is no segment of a path; what is no text cannot be sent as JSON.
const user = id.filter((one) => one.length > 0);
const name = tag.filter((text) => text.isWellFormed());
const value: fc.Arbitrary<TagValue> = fc.oneof(
  fc.constantFrom<TagValue[]>(true, 1, '1', 'x', 'y', '', 'ü', 2, '2', -3, 1.5, 0.01, 1e-9, 2 ** 52, 1e21),
  fc.constantFrom<TagValue[]>('"', '\\', '\u0000\u2028😀', '-0', '1.50', '4503599627370497', 'v'.repeat(300)),
  fc.string({ unit: 'grapheme', maxLength: 8 }),
  fc.integer({ min: -2000, max: 2000 }),
);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    arbitrary: fc.record({
      type: fc.constant('patch' as const),
      user,
      set: fc.array(fc.tuple(name, value), { maxLength: 4 }).map((cells) => Object.fromEntries(cells)),
      remove: fc.array(name, { maxLength: 3 }),
    }),
    weight: 10,
  },
  { arbitrary: fc.record({ type: fc.constant('erase' as const), user }), weight: 2 },
  // What changes the catalogue behind the back of what is remembered of it.
  fc.record({ type: fc.constant('declareTag' as const), tag: fc.constantFrom(...TAGS), declaration }),
  fc.record({ type: fc.constant('dropTag' as const), tag: fc.constantFrom(...TAGS) }),
  fc.constant<Mutation>({ type: 'clear' }),
);

function pathOf(one: UserId): string {
  return `/v1/users/${Buffer.from(one).toString('hex').replace(/../g, '%$&')}`;
}

function sent(method: string, path: string, body: unknown, type = 'application/json', accept = type): string {
  const bytes = type === 'application/json' ? Buffer.from(JSON.stringify(body)) : Buffer.from(encode(body));
  return requestText(method, path, { 'content-type': type, accept }, bytes.toString('latin1'));
}

/** An id as bodies tell it. */
function idIn(type: string, one: UserId): unknown {
  const bytes = Buffer.from(one);
  if (isUtf8(bytes)) return bytes.toString();
  return type === 'application/json' ? { base64: bytes.toString('base64') } : bytes;
}

function answered({ status, headers, body }: RawAnswer): unknown {
  expect(status).toBe(200);
  const isJson = headers.get('content-type') === 'application/json';
  return isJson ? JSON.parse(String(body)) : parseMsgpack(body, 4);
}

/** What the model does with it, and what is to be answered. */
function expected(model: NaiveStore, one: Patch | Erasure): object {
  try {
    userKey(one.user);
    if (one.type === 'erase') {
      return model.apply({ type: 'eraseUser', user: one.user }) === 1
        ? { status: 204 }
        : refused('UNKNOWN_USER');
    }
    const { user: whose, set, remove } = one;
    if (remove.some((removed) => Object.hasOwn(set, removed))) return refused('INVALID_ARGUMENT');
    const tags = Object.keys(set);
    const added = model.apply({ type: 'setTags', user: whose, tags, values: Object.values(set) });
    return { status: 200, added, removed: model.apply({ type: 'removeTags', user: whose, tags: remove }) };
  } catch (error) {
    if (error instanceof Refusal) return refused(error.code);
    throw error;
  }
}

function refused(code: keyof typeof errorTable): object {
  return { status: errorTable[code].http, code };
}

test.each(TRANSPORTS)('%s', async (transport) => {
  const server = await startTestHttp(transport, users);
  const { engine } = server;
  const client = await RawHttpClient.open(server.port);
  const answerTo = (text: string): Promise<RawAnswer> => {
    client.send(text);
    return client.answer();
  };

  const change = async (model: NaiveStore, one: Step): Promise<void> => {
    if (one.type !== 'patch' && one.type !== 'erase') {
      applyToBoth(engine, model, one);
      return;
    }
    const path = pathOf(one.user);
    const text =
      one.type === 'erase'
        ? requestText('DELETE', path)
        : sent('PATCH', `${path}/tags`, { set: one.set, remove: one.remove });
    const { status, body } = await answerTo(text);
    const { code, added, removed } = body.length === 0 ? ({} as never) : JSON.parse(String(body));
    const told = Object.entries({ status, code, added, removed }).filter(([, part]) => part !== undefined);
    expect(Object.fromEntries(told)).toEqual(expected(model, one));
  };

  /** Reads users in every way that there is. */
  const compare = async (model: NaiveStore, ids: readonly UserId[], names: readonly string[]) => {
    const known = model.users();
    const query = `?tags=${names.map(encodeURIComponent).join(',')}`;
    for (const type of ['application/json', 'application/msgpack']) {
      const chosen: unknown[] = [];
      const whole: unknown[] = [];
      for (const one of ids) {
        const tags = known.get(userKey(one));
        const asked = Object.fromEntries(names.map((wanted) => [wanted, tags?.get(wanted) ?? null]));
        chosen.push({ id: idIn(type, one), tags: asked });
        whole.push({ id: idIn(type, one), tags: Object.fromEntries(tags ?? []) });
        const path = `${pathOf(one)}/tags`;
        const some = await answerTo(requestText('GET', path + query, { accept: type }));
        expect(answered(some)).toEqual(chosen.at(-1));
        const all = await answerTo(requestText('GET', path, { accept: type }));
        if (tags === undefined) expect(all.status).toBe(404);
        else expect(answered(all)).toEqual(whole.at(-1));
      }
      const body = { ids: ids.map((one) => idIn(type, one)) };
      const rows = await answerTo(sent('POST', '/v1/users/lookup', { ...body, tags: names }, type));
      expect(answered(rows)).toEqual({ items: chosen });
      expect(answered(await answerTo(sent('POST', '/v1/users/lookup', body, type)))).toEqual({
        items: whole,
      });
    }
  };

  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 20 }),
      fc.subarray([...IDS], { maxLength: 4 }),
      fc.shuffledSubarray(TAGS),
      async (steps, ids, names) => {
        engine.clear();
        const model = new NaiveStore({ strict: false, maxEnumValues: 65_535 });
        for (const one of steps) {
          await change(model, one);
          const whose = 'user' in one && IDS.includes(one.user) ? [one.user] : [];
          await compare(model, [...whose, ...ids], names);
        }
        assertSame(engine, model, IDS, TAGS);
      },
    ),
    { numRuns: 60 },
  );
  client.destroy();
  await server.close();
});
