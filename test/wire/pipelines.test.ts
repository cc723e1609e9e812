/** Pipelines of commands that look alike, which the server parses and looks up in a shorter way. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS } from '../../protocol/resp/limits.js';
import { Outbox } from '../../protocol/resp/outbox.js';
import { RespReader } from '../../protocol/resp/reader.js';
import { RespWriter } from '../../protocol/resp/writer.js';
import { currentWords } from '../support/read-commands.js';
import { encodeCommand } from '../support/resp.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { type Command, toBytes } from './words.js';

/** Lists of fields that differ in a byte at the beginning, in the middle, at the end, in number, or not at all. */
const LISTS: readonly Command[] = [
  ['sports', 'music', 'travel', 'e1'],
  ['tports', 'music', 'travel', 'e1'],
  ['sports', 'nusic', 'travel', 'e1'],
  ['sports', 'music', 'travel', 'e2'],
  ['sports', 'music', 'travel', 'e1', 'n'],
  ['sports', 'music', 'travele1'],
  ['sports', 'music', 'travel\r\n$2\r\ne1'],
  ['e1'],
];
const IDS = [
  'u1',
  'u2',
  'u3',
  'user-4',
  'user-5',
  'nobody',
  '',
  'x'.repeat(255),
  'x'.repeat(256),
  '\r\n$2\r\nu1',
];

const list = fc.constantFrom(...LISTS);
const id = fc.constantFrom(...IDS);
/** Runs of HMGET with the same fields, with other commands among them. */
const pipeline = fc
  .array(
    fc.oneof(
      {
        weight: 4,
        arbitrary: fc
          .tuple(list, fc.array(id, { minLength: 1, maxLength: 24, size: 'max' }))
          .map(([fields, ids]): Command[] => ids.map((each) => ['HMGET', `user:${each}`, ...fields])),
      },
      fc
        .tuple(id, fc.constantFrom('sports', 'e1', 'n'), fc.constantFrom('1', 'x'))
        .map(([user, tag, value]): Command[] => [['HSET', `user:${user}`, tag, value]]),
      fc.tuple(id, list).map(([user, fields]): Command[] => [['HDEL', `user:${user}`, ...fields]]),
      fc.tuple(id, list).map(([user, fields]): Command[] => [['hmget', `user:${user}`, ...fields]]),
      fc.constantFrom<Command[]>([['TAG.DROP', 'e1']], [['PING']], [['HMGET', 'tag:sports', ...LISTS[0]!]]),
    ),
    { minLength: 1, maxLength: 12, size: 'max' },
  )
  .map((runs) => runs.flat());

function encode(commands: readonly Command[]): Buffer {
  return Buffer.concat(toBytes(commands).map((words) => encodeCommand(words)));
}

/** The input in two to five pieces. */
function cut(input: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...places.map((place) => place % (input.length + 1)), input.length].sort((a, b) => a - b);
  return ends.map((end, i) => input.subarray(ends[i - 1] ?? 0, end));
}

describe('a reader of commands that end alike', () => {
  it('finds the same words however the input is cut, and the same number only behind the same words', () => {
    let repeated = 0;
    fc.assert(
      fc.property(pipeline, fc.array(fc.nat(), { maxLength: 4 }), (commands, places) => {
        const reader = new RespReader(DEFAULT_LIMITS);
        const found: string[][] = [];
        const tails = new Map<number, string>();
        for (const piece of cut(encode(commands), places)) {
          const copy = Buffer.from(piece);
          reader.feed(copy);
          while (reader.next()) {
            const words = currentWords(reader);
            found.push(words);
            const tail = JSON.stringify(words.slice(2));
            if (tails.has(reader.tail)) repeated++;
            expect(tails.get(reader.tail) ?? tail).toBe(tail);
            tails.set(reader.tail, tail);
          }
          copy.fill('*');
        }
        expect(found).toEqual(commands);
      }),
    );
    expect(repeated).toBeGreaterThan(100);
  });

  it('gives inline commands a number of their own', () => {
    const reader = new RespReader(DEFAULT_LIMITS);
    const command = encodeCommand(['HMGET', 'user:u1', ...LISTS[0]!].map((word) => Buffer.from(word)));
    reader.feed(Buffer.concat([command, command, Buffer.from('HMGET user:u1 "sports" music\r\n'), command]));
    const tails: number[] = [];
    while (reader.next()) tails.push(reader.tail);
    expect(tails).toHaveLength(4);
    expect(tails[1]).toBe(tails[0]);
    expect(new Set(tails).size).toBe(3);
  });
});

describe('a pipeline', () => {
  let fast: TestServer;
  let plain: TestServer;
  beforeAll(async () => {
    fast = await startTestServer({ slowlogLogSlowerThan: -1 });
    // Whoever logs all commands runs them one by one.
    plain = await startTestServer({ slowlogLogSlowerThan: 0 });
  });
  afterAll(async () => {
    await fast.close();
    await plain.close();
  });

  it('gets the replies that its commands get one by one, whatever they change on the way', async () => {
    const [own, other] = [await fast.connect(), await plain.connect()];
    await fc.assert(
      fc.asyncProperty(pipeline, async (commands) => {
        const all = [['FLUSHALL'], ['TAG.DECLARE', 'n', 'number'], ...commands];
        const words = toBytes(all);
        expect(await own.replies(all.length, ...words)).toEqual(await other.replies(all.length, ...words));
        expect(fast.engine.check().problems).toEqual([]);
      }),
    );
  });
});

describe('the outbox', () => {
  class Receiver {
    readonly sent: string[] = [];
    readonly lent: Buffer[] = [];
    takesAll = true;
    send(replies: Buffer): boolean {
      this.sent.push(replies.toString());
      return this.takesAll;
    }
    lend(buffer: Buffer): void {
      this.lent.push(buffer);
    }
  }

  it('sends each its own, in order, those in a row at once, when the event ends', async () => {
    const writer = new RespWriter();
    const outbox = new Outbox(writer);
    const [a, b] = [new Receiver(), new Receiver()];
    for (const [receiver, text] of [
      [a, '1'],
      [a, '2'],
      [b, '3'],
      [a, '4'],
    ] as const) {
      const start = writer.length;
      writer.simple(text);
      outbox.add(receiver, start);
    }
    expect(a.sent).toEqual([]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(a.sent).toEqual(['+1\r\n+2\r\n', '+4\r\n']);
    expect(b.sent).toEqual(['+3\r\n']);
    expect(writer.length).toBe(0);
  });

  it('leaves the buffer to a connection that still sends from it, and goes on with another', () => {
    const writer = new RespWriter();
    const spare = Buffer.alloc(1000);
    const outbox = new Outbox(writer);
    outbox.takeBack([spare]);
    const slow = new Receiver();
    slow.takesAll = false;
    const { buffer } = writer;
    writer.simple('x');
    outbox.add(slow, 0);
    outbox.flush();
    expect(slow.lent).toEqual([buffer]);
    expect(writer.buffer).toBe(spare);
    expect(writer.length).toBe(0);
  });

  it('lends no buffer that others sent from as well', () => {
    const writer = new RespWriter();
    const outbox = new Outbox(writer);
    const [quick, slow] = [new Receiver(), new Receiver()];
    slow.takesAll = false;
    const { buffer } = writer;
    writer.simple('q');
    outbox.add(quick, 0);
    const start = writer.length;
    writer.simple('s');
    outbox.add(slow, start);
    outbox.flush();
    expect(slow.lent).toEqual([]);
    expect(writer.buffer).not.toBe(buffer);
  });

  it('sends at once when much is waiting', () => {
    const writer = new RespWriter();
    const outbox = new Outbox(writer);
    const receiver = new Receiver();
    writer.bulkBytes(Buffer.alloc(300_000));
    outbox.add(receiver, 0);
    expect(receiver.sent).toHaveLength(1);
  });
});
