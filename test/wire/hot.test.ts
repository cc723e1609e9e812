/**
 * The handlers on byte spans and the declarations say the same: two servers get the same commands, one of which logs them
 * all and so takes the general path.
 */
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Command as DeclaredCommand, HotHandler } from '../../protocol/command.js';
import { allCommands } from '../../protocol/registry.js';
import type { Plain, RespClient } from '../support/resp-client.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { contentsOf } from './contents.js';
import { type Command, toBytes, utf8 } from './words.js';

interface Prefixes {
  readonly user: string;
  readonly tag: string;
}

const HOT = allCommands.filter(({ hot }) => hot !== undefined);
const RUNS = 80;

const IDS = [
  ...[
    'u1',
    'u1',
    'u1',
    'u1',
    'u2',
    'u2',
    'u3',
    '',
    utf8('é'),
    '\xff\xfe',
    '\0',
    'u=1',
    'user:u1',
    'tag:f1',
    '1',
  ],
  ...[254, 255, 256, 1000].map((length) => 'x'.repeat(length)),
];
/** The last is what a byte that is no UTF-8 would be decoded to. */
const PLAIN_NAMES = ['f1', 'f2', 'e1', utf8('f1\ufffd')];
/** Tags: undeclared, declared of each kind (see DECLARED), of strange names, and impossible ones. */
const NAMES = [
  ...[
    ...PLAIN_NAMES,
    'flag',
    'enum',
    'number',
    'decimal',
    utf8('naïve'),
    utf8('標籤'),
    'a b',
    '__proto__',
    '1',
  ],
  ...['', 'a=b', 'enum=x', 'f1=1', 'number=7', '<', 'a\nb', '\xff', 'f1\xff', utf8('é').slice(0, 1)],
  ...[255, 256].map((length) => 't'.repeat(length)),
];
const VALUES = [
  ...[
    '1',
    '1',
    '1',
    '0',
    'x',
    'y',
    '',
    '01',
    '1.5',
    '-7',
    '7',
    utf8('ü'),
    '\xff',
    '\0',
    ' 1',
    '+1',
    '1e3',
    'old',
  ],
  ...[
    '4503599627370496',
    '4503599627370497',
    '-4503599627370497',
    'v'.repeat(16_384),
    'v'.repeat(16_385),
    utf8('é'.repeat(8193)),
  ],
];
/** Lists that are remembered; of the last two, the protocol's bytes are the same. */
const LISTS = [
  ['f1', 'e1', 'number', 'f1', 'nobody has this'],
  ['f1', 'f1\xff'],
  ['f1', 'e1\r\n$2\r\nf2'],
  ['f1\r\n$10\r\ne1', 'f2'],
];
const DECLARED: readonly Command[] = [
  ['TAG.DECLARE', 'flag', 'flag'],
  ['TAG.DECLARE', 'enum', 'enum'],
  ['TAG.DECLARE', 'number', 'number'],
  ['TAG.DECLARE', 'decimal', 'number', 'SCALE', '2'],
];

const one = (...words: readonly string[]): fc.Arbitrary<string> => fc.constantFrom(...words);
/** Keys of the right kind mostly, else of any. */
function keyOf(prefix: string, names: readonly string[], { user, tag }: Prefixes): fc.Arbitrary<string> {
  return fc.oneof(
    { arbitrary: one(...names).map((name) => prefix + name), weight: 12 },
    fc
      .tuple(one('', user, tag, 'audience:', 'User:', prefix.slice(0, -1)), one(...names))
      .map(([kind, name]) => kind + name),
  );
}

/** Commands with hot handlers, and some between them that change what the handlers remember. */
function conversation(prefixes: Prefixes): fc.Arbitrary<Command[]> {
  const user = keyOf(prefixes.user, IDS, prefixes);
  const tag = keyOf(prefixes.tag, NAMES, prefixes);
  const name = one(...NAMES);
  const id = one(...IDS);
  const some = (words: fc.Arbitrary<string>, maxLength = 4) => fc.array(words, { maxLength });
  const cells = fc.array(fc.tuple(name, one(...VALUES)), { maxLength: 3 }).map((pairs) => pairs.flat());
  const plainCells = fc.array(fc.tuple(one(...PLAIN_NAMES), one('1', 'x')), {
    minLength: 1,
    maxLength: 3,
  });
  const of = (first: string, ...words: fc.Arbitrary<string | readonly string[]>[]) =>
    fc.tuple(one(first, first.toLowerCase()), ...words).map((parts) => parts.flat());
  const hot = fc.oneof(
    of('HGET', user, name),
    of('HGET', user, some(name)),
    of('HMGET', user, some(name, 6)),
    of('HMGET', user, fc.constantFrom(...LISTS)),
    of('HMGET', user, fc.constant(Array<string>(1_100).fill('f1'))),
    of('HSET', user, cells),
    of(
      'HSET',
      user,
      plainCells.map((pairs) => pairs.flat()),
    ),
    of('HSET', user, some(name, 5)),
    of('HDEL', user, some(name)),
    of('SADD', tag, some(id)),
    of('SADD', tag, one('u1', 'u2', 'u3')),
    of('SREM', tag, some(id)),
    of('SISMEMBER', tag, id),
    of('SISMEMBER', tag, some(id, 2)),
    of('SCARD', tag),
    of('SCARD', some(tag, 2)),
  );
  const kind = one('flag', 'enum', 'number');
  const other = fc.oneof(
    of('TAG.DECLARE', name, kind),
    of('TAG.DROP', name),
    of('DEL', user),
    of('SEG.SAVE', one(...PLAIN_NAMES), one('all', 'f1', 'none')),
    of('SEG.FREEZE', one('enum', 'u1'), one('all', 'f1')),
    of('HINCRBY', user, name, one('1', '-3')),
    fc.constantFrom<Command>(['MULTI'], ['EXEC'], ['NOSUCH']),
    of('HGETALL', user),
  );
  return fc.array(fc.oneof({ arbitrary: hot, weight: 8 }, other), { maxLength: 40, size: 'max' });
}

describe.each<[name: string, Prefixes]>([
  ['usual', { user: 'user:', tag: 'tag:' }],
  ['no', { user: '', tag: '' }],
  ['nested', { user: 'u', tag: 'u:' }],
  ['inversely nested', { user: 'tag:u', tag: 'tag:' }],
])('hot commands with %s prefixes', (_, prefixes) => {
  let hotServer: TestServer;
  let generalServer: TestServer;
  /** By name: how often the handler did the work, and how often it left it to the general path. */
  const taken = new Map<string, { yes: number; no: number; threw: number }>();
  const originals = new Map<DeclaredCommand, HotHandler>();

  beforeAll(async () => {
    const options = { userPrefix: prefixes.user, tagPrefix: prefixes.tag };
    hotServer = await startTestServer({ ...options, slowlogLogSlowerThan: -1 });
    generalServer = await startTestServer({ ...options, slowlogLogSlowerThan: 0 });
    for (const command of HOT) {
      const handler = command.hot!;
      const counts = { yes: 0, no: 0, threw: 0 };
      originals.set(command, handler);
      taken.set(command.name, counts);
      const counting: HotHandler = (...args) => {
        counts.threw++;
        const done = handler(...args);
        counts.threw--;
        counts[done ? 'yes' : 'no']++;
        return done;
      };
      Object.assign(command, { hot: counting });
    }
  });
  afterEach(() => {
    for (const counts of taken.values()) Object.assign(counts, { yes: 0, no: 0, threw: 0 });
  });
  afterAll(async () => {
    for (const [command, hot] of originals) Object.assign(command, { hot });
    await hotServer.close();
    await generalServer.close();
  });

  it.each([2, 3] as const)('reply and change the same in RESP%i', async (protocol) => {
    const clients = [await hotServer.connect(protocol), await generalServer.connect(protocol)] as const;
    await fc.assert(
      fc.asyncProperty(conversation(prefixes), async (commands) => {
        const [own, other] = await Promise.all(clients.map((client) => converse(client, commands)));
        expect(own).toEqual(other);
        expect(contentsOf(hotServer.engine)).toEqual(contentsOf(generalServer.engine));
        for (const { engine } of [hotServer, generalServer]) expect(engine.check().problems).toEqual([]);
      }),
      { numRuns: RUNS },
    );
    // Nothing would be proved if the handlers had not been called, or called only for what they refuse.
    for (const [name, { yes, no }] of taken) {
      expect(yes, `${name} taken`).toBeGreaterThan(0);
      expect(no, `${name} left`).toBeGreaterThan(0);
    }
    expect(taken.get('HSET')!.threw).toBeGreaterThan(0);
    expect(taken.get('SADD')!.threw).toBeGreaterThan(0);
  });
});

/** Replies to the commands on a store with declared tags, and what the server counted of them. */
async function converse(client: RespClient, commands: readonly Command[]): Promise<unknown[]> {
  const all = [['DISCARD'], ['FLUSHALL'], ['CONFIG', 'RESETSTAT'], ...DECLARED, ...commands, ['DISCARD']];
  const replies = await client.replies(all.length, ...toBytes(all));
  return [replies, countsOf(await client.call('INFO', 'commandstats'))];
}

/** Calls, rejected and failed calls of each command. */
function countsOf(info: Plain): string[] {
  const lines = [
    ...String(info).matchAll(/^cmdstat_(\S+):calls=(\d+).*(rejected_calls=\d+,failed_calls=\d+)/gm),
  ];
  return lines.map(([, name, calls, rest]) => `${name} ${calls} ${rest}`);
}
