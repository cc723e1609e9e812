import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS, ProtocolError } from '../../protocol/resp/limits.js';
import { RespReader } from '../../protocol/resp/reader.js';
import { INVALID, UNFINISHED, VALID } from '../support/protocol-cases.js';
import { currentWords, type Outcome, readCommands } from '../support/read-commands.js';
import { encodeCommand } from '../support/resp.js';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Every case, and the outcome; a good command in front of an error is still served. */
const CASES: { input: string; expected: Outcome }[] = [
  ...VALID.map(([input, ...commands]) => ({ input, expected: { commands, error: null, pending: 0 } })),
  ...INVALID.map(([input, detail]) => ({
    input: `*1\r\n$4\r\nPING\r\n${input}`,
    expected: { commands: [['PING']], error: `Protocol error: ${detail}`, pending: 0 },
  })),
  ...UNFINISHED.map((input) => ({ input, expected: { commands: [], error: null, pending: input.length } })),
];

const latin1 = (text: string) => Buffer.from(text, 'latin1');

/** The pieces between the offsets, which are in order. */
function cut(input: Buffer, ...offsets: number[]): Buffer[] {
  const bounds = [0, ...offsets, input.length];
  return bounds.slice(1).map((end, i) => input.subarray(bounds[i], end));
}

/** Pieces of a fixed size. */
function pieces(input: Buffer, size: number): Buffer[] {
  return Array.from({ length: Math.ceil(input.length / size) }, (_, i) =>
    input.subarray(i * size, (i + 1) * size),
  );
}

/** Feeds all pieces; the commands are counted only. */
function count(reader: RespReader, chunks: Iterable<Buffer>): number {
  let commands = 0;
  for (const chunk of chunks) {
    reader.feed(chunk);
    while (reader.next()) commands++;
  }
  return commands;
}

function errorOf(...chunks: Buffer[]): string | null {
  return readCommands(chunks).error;
}

describe('RespReader', () => {
  describe.each(CASES)('reads $input', ({ input, expected }) => {
    const whole = latin1(input);

    it('whole', () => expect(readCommands([whole])).toEqual(expected));

    it('cut at every byte', () => {
      for (let i = 0; i <= whole.length; i++) expect(readCommands(cut(whole, i))).toEqual(expected);
    });

    it('byte by byte', () => expect(readCommands(pieces(whole, 1))).toEqual(expected));

    if (whole.length > 40) return;

    it('cut at every pair of bytes', () => {
      for (let i = 0; i < whole.length; i++) {
        for (let k = i; k <= whole.length; k++) expect(readCommands(cut(whole, i, k))).toEqual(expected);
      }
    });
  });

  it('reads commands that are pipelined in one chunk, and cut at every byte', () => {
    const whole = latin1(VALID.map(([input]) => input).join(''));
    const expected = { commands: VALID.flatMap(([, ...commands]) => commands), error: null, pending: 0 };
    for (let i = 0; i <= whole.length; i++) expect(readCommands(cut(whole, i))).toEqual(expected);
  });

  it('reads random commands, cut at random places', () => {
    const command = fc.array(fc.uint8Array({ maxLength: 130 }), { minLength: 1, maxLength: 20 });
    const property = fc.property(fc.array(command), fc.array(fc.nat()), (commands, places) => {
      const whole = Buffer.concat(commands.map(encodeCommand));
      const offsets = places.map((place) => place % (whole.length + 1)).sort((a, b) => a - b);
      const expected = commands.map((words) => words.map((word) => Buffer.from(word).toString('latin1')));
      expect(readCommands(cut(whole, ...offsets))).toEqual({ commands: expected, error: null, pending: 0 });
    });
    fc.assert(property, { numRuns: 500 });
  });

  it('gives an extent that parses to the same command', () => {
    for (const [input, ...commands] of VALID) {
      const reader = new RespReader(DEFAULT_LIMITS);
      reader.feed(latin1(input));
      for (const words of commands) {
        expect(reader.next()).toBe(true);
        const extent = reader.buffer.subarray(reader.commandStart, reader.commandEnd);
        expect(readCommands([extent])).toEqual({ commands: [words], error: null, pending: 0 });
      }
    }
  });

  it('reads a chunk where it lies', () => {
    const reader = new RespReader(DEFAULT_LIMITS);
    const chunk = latin1('*2\r\n$4\r\nECHO\r\n$1\r\na\r\nPING now\r\n');
    reader.feed(chunk);
    for (let i = 0; i < 2; i++) {
      expect(reader.next()).toBe(true);
      expect(reader.buffer).toBe(chunk);
    }
    expect(reader.next()).toBe(false);
    expect(reader.extraWork).toBe(0);
    expect(reader.buffer.length).toBe(0);
  });

  it('takes chunks while it has some', () => {
    const reader = new RespReader(DEFAULT_LIMITS);
    const whole = latin1(VALID.map(([input]) => input).join(''));
    for (const chunk of pieces(whole, 7)) reader.feed(chunk);
    expect(reader.pendingBytes).toBe(whole.length);
    for (const words of VALID.flatMap(([, ...commands]) => commands)) {
      expect(reader.next()).toBe(true);
      expect(currentWords(reader)).toEqual(words);
    }
    expect(reader.next()).toBe(false);
    expect(reader.pendingBytes).toBe(0);
  });

  it('keeps the order of chunks when one comes while others wait', () => {
    const reader = new RespReader(DEFAULT_LIMITS);
    const words: string[] = [];
    reader.feed(latin1('A\n'));
    reader.feed(latin1('B\n'));
    for (let next = 'C'; reader.next(); next = 'D') {
      words.push(...currentWords(reader));
      if (words.length < 3) reader.feed(latin1(`${next}\n`));
    }
    expect(words).toEqual(['A', 'B', 'C', 'D']);
  });

  it('ignores its input after an error', () => {
    const reader = new RespReader(DEFAULT_LIMITS);
    reader.feed(latin1('*a\r\n*1\r\n$1\r\na\r\n'));
    expect(() => reader.next()).toThrow(ProtocolError);
    reader.feed(latin1('PING\r\n'));
    expect(reader.next()).toBe(false);
    expect(reader.pendingBytes).toBe(0);
  });
});

describe('limits of RespReader', () => {
  it('refuses lines that are too long, whether or not they end', () => {
    const digits = '1'.repeat(64 * KIB);
    for (const end of ['', '\n']) {
      expect(errorOf(latin1(`${digits}${end}`))).toBe(null);
      expect(errorOf(latin1(`${digits}x${end}`))).toBe('Protocol error: too big inline request');
      expect(errorOf(latin1(`*${digits}\r${end}`))).toBe('Protocol error: too big mbulk count string');
      expect(errorOf(latin1(`*1\r\n$${digits}\r${end}`))).toBe('Protocol error: too big bulk count string');
    }
    expect(errorOf(...pieces(latin1('x'.repeat(70 * KIB)), 1000))).toMatch('too big inline request');
    expect(errorOf(...pieces(latin1(`*\0${'x'.repeat(70 * KIB)}`), 1000))).toMatch(
      'too big mbulk count string',
    );
  });

  it('holds a client that has not logged in to less', () => {
    const reader = new RespReader({ ...DEFAULT_LIMITS, unauthenticated: true });
    reader.feed(encodeCommand(Array(10).fill('x'.repeat(16_384))));
    expect(reader.next()).toBe(true);
    const refusal = (input: string) => {
      const { error } = readCommands([latin1(input)], { ...DEFAULT_LIMITS, unauthenticated: true });
      return error;
    };
    expect(refusal('*11\r\n')).toBe('Protocol error: unauthenticated multibulk length');
    expect(refusal('*1048577\r\n')).toBe('Protocol error: invalid multibulk length');
    expect(refusal('*1\r\n$16385\r\n')).toBe('Protocol error: unauthenticated bulk length');
    expect(refusal('*1\r\n$536870913\r\n')).toBe('Protocol error: invalid bulk length');
  });

  it('takes other limits between two commands of one chunk', () => {
    const reader = new RespReader({ ...DEFAULT_LIMITS, unauthenticated: true });
    reader.feed(Buffer.concat([encodeCommand(['AUTH', 'x']), encodeCommand(Array(11).fill('a'))]));
    expect(reader.next()).toBe(true);
    reader.limits = DEFAULT_LIMITS;
    expect(reader.next()).toBe(true);
    expect(reader.argc).toBe(11);
  });

  it('refuses to keep more than the query buffer may hold', () => {
    const limits = { ...DEFAULT_LIMITS, maxBufferLength: 1000 };
    const endless = pieces(latin1(`*1\r\n$2000\r\n${'x'.repeat(1500)}`), 100);
    expect(readCommands(endless, limits).error).toBe('Protocol error: query buffer limit exceeded');
    const reader = new RespReader(limits);
    for (let i = 0; i < 10; i++) reader.feed(Buffer.alloc(100, 'x'));
    expect(() => reader.feed(Buffer.alloc(1))).toThrow(ProtocolError);
    const many = Array.from({ length: 100 }, () => encodeCommand(['PING', 'x'.repeat(50)]));
    expect(readCommands(pieces(Buffer.concat(many), 333), limits).commands.length).toBe(100);
  });
});

describe('work and memory of RespReader', () => {
  const MILLION = 1_000_000;

  it.each([
    [
      'a command of a million arguments',
      64 * KIB,
      () => latin1(`*${MILLION}\r\n${'$3\r\ntag\r\n'.repeat(MILLION)}`),
    ],
    ['a million commands', 64 * KIB, () => Buffer.alloc(14 * MILLION, '*1\r\n$4\r\nPING\r\n')],
    ['a bulk string of 64 MiB', 64 * KIB, () => encodeCommand(['ECHO', Buffer.alloc(64 * MIB)])],
    ['many long bulk strings', 64 * KIB, () => encodeCommand(Array(200).fill(Buffer.alloc(200 * KIB)))],
    ['short chunks', 100, () => encodeCommand(Array(40_000).fill('tag'))],
    ['a line, byte by byte', 1, () => latin1(`${'x'.repeat(64 * KIB)}\n`)],
    ['a line that never ends, byte by byte', 1, () => latin1(`${'x'.repeat(64 * KIB)}`)],
    ['a command, byte by byte', 1, () => encodeCommand(['ECHO', Buffer.alloc(64 * KIB)])],
  ])('is linear for %s', (_name, size, make) => {
    const reader = new RespReader(DEFAULT_LIMITS);
    const input = make();
    count(reader, pieces(input, size));
    expect(reader.extraWork).toBeLessThan(4 * input.length);
  });

  it('takes no more memory for an announcement than twice what has come', () => {
    for (const announcement of ['*2\r\n$4\r\nECHO\r\n$536870912\r\n', '*1048576\r\n']) {
      const reader = new RespReader(DEFAULT_LIMITS);
      reader.feed(latin1(announcement));
      expect(reader.next()).toBe(false);
      // Nor is the chunk kept.
      expect(reader.buffer.length).toBe(0);
      expect(reader.capacity).toBeLessThanOrEqual(KIB);
      expect(reader.starts.length).toBeLessThanOrEqual(64);
    }
    const reader = new RespReader(DEFAULT_LIMITS);
    reader.feed(latin1('*2\r\n$4\r\nECHO\r\n$536870912\r\n'));
    for (let sent = 0; sent < 8 * MIB; sent += 64 * KIB) {
      reader.feed(Buffer.alloc(64 * KIB));
      expect(reader.next()).toBe(false);
      expect(reader.capacity).toBeLessThanOrEqual(2 * reader.pendingBytes + KIB);
    }
  });

  it('does not keep the memory of a big command', () => {
    const reader = new RespReader(DEFAULT_LIMITS);
    count(reader, pieces(encodeCommand(Array(100_000).fill('tag')), 64 * KIB));
    expect(reader.starts.length).toBeLessThan(KIB);
    reader.feed(latin1('*1\r\n'));
    expect(reader.next()).toBe(false);
    expect(reader.capacity).toBeLessThanOrEqual(KIB);
  });
});
