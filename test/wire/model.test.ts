/** Random changes through both faces, the protocol and the process, on one engine: after each, all is as in the naive model. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { afterAll, beforeAll, test } from 'vitest';
import { type Mutation, openEngine, type TagValue, type UserId } from '../../src/index.js';
import { declaration, IDS, mutation, TAGS, tag } from '../model/arbitraries.js';
import { applyToBoth, assertSame } from '../model/compare.js';
import { NaiveStore } from '../model/naive-store.js';
import { Refusal, userKey } from '../model/refusal.js';
import type { Plain, RespClient } from '../support/resp-client.js';
import { startTestServer, type TestServer } from '../support/server.js';

const OPTIONS = { strict: false, maxEnumValues: 3 };

let server: TestServer;
let clients: readonly RespClient[];

beforeAll(async () => {
  server = await startTestServer({ engine: openEngine(OPTIONS) });
  clients = [await server.connect(2), await server.connect(3)];
});
afterAll(() => server.close());

/** What Redis clients send, and the same change as a mutation; undefined for what has no such form. */
interface Sent {
  readonly words: readonly (string | Uint8Array)[];
  readonly mutation: Mutation;
}

function textOf(value: TagValue): string {
  return (value === true ? '1' : String(value)).toWellFormed();
}

function key(prefix: string, id: UserId): Buffer {
  return Buffer.concat([Buffer.from(prefix), Buffer.from(id as string)]);
}

function isAllowed(id: UserId): boolean {
  return Buffer.from(id as string).length > 0 && Buffer.from(id as string).length < 256;
}

/** Names that a key holds as they are: without `=`, which begins a value, and with their UTF-8. */
function isPlain(name: string): boolean {
  return name.isWellFormed() && !name.includes('=');
}

function asCommand(change: Mutation): Sent | undefined {
  switch (change.type) {
    case 'setTags': {
      const values = change.values.map(textOf);
      if (values.length === 0 || !change.tags.every((name) => name.isWellFormed())) return undefined;
      const cells = change.tags.flatMap((name, i) => [name, values[i]!]);
      return { words: ['HSET', key('user:', change.user), ...cells], mutation: { ...change, values } };
    }
    case 'removeTags':
      if (change.tags.length === 0 || !change.tags.every((name) => name.isWellFormed())) return undefined;
      return { words: ['HDEL', key('user:', change.user), ...change.tags], mutation: change };
    case 'addUsers':
    case 'removeUsers': {
      if (change.users.length === 0 || !isPlain(change.tag)) return undefined;
      const value = change.value === undefined ? undefined : textOf(change.value);
      const set = `tag:${change.tag}${value === undefined ? '' : `=${value}`}`;
      const users = change.users.map((id) => key('', id));
      const name = change.type === 'addUsers' ? 'SADD' : 'SREM';
      return { words: [name, set, ...users], mutation: { ...change, value } };
    }
    case 'increment':
      // Beyond ±2^53 other integers have the same double, so that the protocol takes none of them.
      if (!change.tag.isWellFormed() || Math.abs(change.by) >= 2 ** 53) return undefined;
      return { words: ['HINCRBY', key('user:', change.user), change.tag, `${change.by}`], mutation: change };
    case 'eraseUser':
      // DEL takes a key that no user can have for one that is not there.
      return isAllowed(change.user)
        ? { words: ['DEL', key('user:', change.user)], mutation: change }
        : undefined;
    case 'clearTag':
      return isPlain(change.tag) ? { words: ['UNLINK', `tag:${change.tag}`], mutation: change } : undefined;
    case 'declareTag': {
      if (!change.tag.isWellFormed()) return undefined;
      const { kind, scale, description } = change.declaration;
      const words = ['TAG.DECLARE', change.tag, kind.toUpperCase()];
      if (scale !== undefined) words.push('scale', `${scale}`);
      if (description !== undefined) words.push('DESCRIPTION', description);
      return { words, mutation: change };
    }
    case 'dropTag':
      return change.tag.isWellFormed() ? { words: ['TAG.DROP', change.tag], mutation: change } : undefined;
    case 'clear':
      return { words: ['FLUSHALL'], mutation: change };
    default:
      return undefined;
  }
}

/** Sends a change, applies it to the model, and compares what they say of it. */
async function sendToBoth(
  client: RespClient,
  model: NaiveStore,
  { words, mutation: change }: Sent,
): Promise<void> {
  const reply = await client.call(...words);
  let changed: number;
  try {
    changed = model.apply(change);
  } catch (error) {
    assert.ok(error instanceof Refusal);
    assert.ok(reply instanceof Error, `${words[0]} replied ${reply} where the model says ${error.code}`);
    assert.match(reply.message, /^ERR /);
    return;
  }
  assert.deepEqual(reply, expectedReply(change, changed, model));
}

function expectedReply(change: Mutation, changed: number, model: NaiveStore): Plain {
  switch (change.type) {
    case 'declareTag':
    case 'clear':
      return 'OK';
    case 'clearTag':
      return changed > 0 ? 1 : 0;
    case 'increment': {
      const sum = model.tags.get(change.tag)!.cells.get(userKey(change.user))!;
      return Number.isInteger(Number(sum)) ? Number(sum) : sum;
    }
    default:
      return changed;
  }
}

/** Reads users and tags over the protocol. Bytes are compared as hexadecimal digits, as the model has them. */
async function assertSameReplies(
  client: RespClient,
  model: NaiveStore,
  id: UserId,
  name: string,
): Promise<void> {
  const hex = userKey(id);
  const cells = [...model.tags].flatMap(([field, { cells }]) =>
    cells.has(hex) ? [[field, cells.get(hex)!]] : [],
  );
  const fields = cells.map(([field]) => field!);
  const latin1 = (text: string): string => Buffer.from(text).toString('latin1');
  const user = key('user:', id);
  const all = (await client.reply('HGETALL', user)).items.map(({ text }) => text!);
  const pairs = Array.from({ length: all.length / 2 }, (_, i) => all.slice(2 * i, 2 * i + 2));
  assert.deepEqual(pairs.sort(), cells.map((cell) => cell.map(latin1)).sort());
  assert.equal(await client.call('HLEN', user), cells.length);
  assert.equal(await client.call('TYPE', user), cells.length > 0 ? 'hash' : 'none');
  if (fields.length > 0) {
    const values = await client.call('HMGET', user, 'nobody has this', ...fields);
    assert.deepEqual(values, [null, ...cells.map(([, text]) => latin1(text!))]);
  }
  const members = model.members(name).sort();
  const found = (await client.reply('SMEMBERS', `tag:${name}`)).items.map(({ text }) => text!);
  assert.deepEqual(found.map((text) => Buffer.from(text, 'latin1').toString('hex')).sort(), members);
  assert.equal(await client.call('SCARD', `tag:${name}`), members.length);
  assert.equal(await client.call('SISMEMBER', `tag:${name}`, key('', id)), members.includes(hex) ? 1 : 0);
}

test('random changes through both faces', { timeout: 60_000 }, async () => {
  const declared = fc.record({ type: fc.constant('declareTag'), tag, declaration });
  const step = fc.record({
    change: fc.oneof({ arbitrary: mutation, weight: 8 }, declared),
    face: fc.constantFrom(0, 0, 1, 1, 2),
    id: fc.constantFrom(...IDS),
    name: fc.constantFrom(...TAGS),
  });
  let sent = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30, size: 'max' }), async (steps) => {
      server.engine.clear();
      const model = new NaiveStore(OPTIONS);
      for (const { change, face, id, name } of steps) {
        const command = face === 2 ? undefined : asCommand(change);
        if (command === undefined) applyToBoth(server.engine, model, change);
        else {
          await sendToBoth(clients[face]!, model, command);
          sent++;
        }
        assertSame(server.engine, model, IDS, TAGS);
        await assertSameReplies(clients[face % 2]!, model, id, name);
      }
    }),
    { numRuns: 120 },
  );
  assert.ok(sent > 400);
});
