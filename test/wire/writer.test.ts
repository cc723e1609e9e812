import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeBulk, RespWriter } from '../../protocol/resp/writer.js';
import { decodeReplies } from '../support/resp.js';

type Write = (writer: RespWriter) => void;

/** What the calls write in one version of the protocol, as Latin-1. */
function written(protocol: 2 | 3, write: Write): string {
  const writer = new RespWriter();
  writer.protocol = protocol;
  write(writer);
  return writer.view().toString('latin1');
}

const utf8 = (text: string) => Buffer.from(text).toString('latin1');

/** Name, call, RESP2; and RESP3 where it differs. */
const CASES: [name: string, write: Write, resp2: string, resp3?: string][] = [
  ['simple', (w) => w.simple('OK'), '+OK\r\n'],
  ['error', (w) => w.error('ERR no'), '-ERR no\r\n'],
  ['error with line breaks', (w) => w.error('ERR a\r\nb\nc'), '-ERR a  b c\r\n'],
  ['error with accents', (w) => w.error('ERR é€'), `-ERR ${utf8('é€')}\r\n`],
  ['integer 0', (w) => w.integer(0), ':0\r\n'],
  ['integer 42', (w) => w.integer(42), ':42\r\n'],
  ['integer -1', (w) => w.integer(-1), ':-1\r\n'],
  ['integer -0', (w) => w.integer(-0), ':0\r\n'],
  ['integer 2^31', (w) => w.integer(2 ** 31), ':2147483648\r\n'],
  ['integer -2^31', (w) => w.integer(-(2 ** 31)), ':-2147483648\r\n'],
  ['integer 2^53', (w) => w.integer(2 ** 53), ':9007199254740992\r\n'],
  ['integer -2^63', (w) => w.integer(-(2n ** 63n)), ':-9223372036854775808\r\n'],
  ['bulk string', (w) => w.bulkString('abc'), '$3\r\nabc\r\n'],
  ['empty bulk string', (w) => w.bulkString(''), '$0\r\n\r\n'],
  ['bulk string of two bytes a character', (w) => w.bulkString('é'), `$2\r\n${utf8('é')}\r\n`],
  ['bulk string of four bytes a character', (w) => w.bulkString('a😀'), `$5\r\n${utf8('a😀')}\r\n`],
  ['lone surrogate', (w) => w.bulkString('\ud800'), '$3\r\n\xef\xbf\xbd\r\n'],
  ['bulk bytes', (w) => w.bulkBytes(Buffer.from('a\r\n\0')), '$4\r\na\r\n\0\r\n'],
  ['part of bulk bytes', (w) => w.bulkBytes(Buffer.from('abcdef'), 2, 4), '$2\r\ncd\r\n'],
  ['bulk bytes from an offset', (w) => w.bulkBytes(Buffer.from('abcdef'), 5), '$1\r\nf\r\n'],
  ['bulk integer 7', (w) => w.bulkInteger(7), '$1\r\n7\r\n'],
  ['bulk integer -12', (w) => w.bulkInteger(-12), '$3\r\n-12\r\n'],
  ['bulk integer 999,999,999', (w) => w.bulkInteger(999_999_999), '$9\r\n999999999\r\n'],
  ['bulk integer 1,000,000,000', (w) => w.bulkInteger(1_000_000_000), '$10\r\n1000000000\r\n'],
  ['bulk integer -99,999,999', (w) => w.bulkInteger(-99_999_999), '$9\r\n-99999999\r\n'],
  ['bulk integer -100,000,000', (w) => w.bulkInteger(-100_000_000), '$10\r\n-100000000\r\n'],
  ['bulk integer 2^63 - 1', (w) => w.bulkInteger(2n ** 63n - 1n), '$19\r\n9223372036854775807\r\n'],
  ['null', (w) => w.null(), '$-1\r\n', '_\r\n'],
  ['null array', (w) => w.nullArray(), '*-1\r\n', '_\r\n'],
  ['array', (w) => w.array(3), '*3\r\n'],
  ['long array', (w) => w.array(1_048_576), '*1048576\r\n'],
  ['map', (w) => w.map(7), '*14\r\n', '%7\r\n'],
  ['set', (w) => w.set(2), '*2\r\n', '~2\r\n'],
  ['push', (w) => w.push(2), '*2\r\n', '>2\r\n'],
  ['double', (w) => w.double(0.1), '$3\r\n0.1\r\n', ',0.1\r\n'],
  ['whole double', (w) => w.double(3), '$1\r\n3\r\n', ',3\r\n'],
  ['huge double', (w) => w.double(1e100), '$6\r\n1e+100\r\n', ',1e+100\r\n'],
  ['negative zero', (w) => w.double(-0), '$2\r\n-0\r\n', ',-0\r\n'],
  ['infinity', (w) => w.double(Number.POSITIVE_INFINITY), '$3\r\ninf\r\n', ',inf\r\n'],
  ['negative infinity', (w) => w.double(Number.NEGATIVE_INFINITY), '$4\r\n-inf\r\n', ',-inf\r\n'],
  ['no number', (w) => w.double(Number.NaN), '$3\r\nnan\r\n', ',nan\r\n'],
  ['true', (w) => w.boolean(true), ':1\r\n', '#t\r\n'],
  ['false', (w) => w.boolean(false), ':0\r\n', '#f\r\n'],
  [
    'verbatim text',
    (w) => w.verbatim('é\n', 'txt'),
    `$3\r\n${utf8('é\n')}\r\n`,
    `=7\r\ntxt:${utf8('é\n')}\r\n`,
  ],
  ['big number', (w) => w.bigNumber(-(2n ** 70n)), `$23\r\n${-(2n ** 70n)}\r\n`, `(${-(2n ** 70n)}\r\n`],
  ['raw', (w) => w.raw(Buffer.from('+PONG\r\n')), '+PONG\r\n'],
  ['encoded bulk', (w) => w.raw(encodeBulk('é')), `$2\r\n${utf8('é')}\r\n`],
];

describe('RespWriter', () => {
  it.each(CASES)('writes %s', (_name, write, resp2, resp3 = resp2) => {
    expect(written(2, write)).toBe(resp2);
    expect(written(3, write)).toBe(resp3);
  });

  it('writes sizes and integers of every number of digits', () => {
    for (let power = 1; power < 1e9; power *= 10) {
      for (const n of [power - 1, power, power + 1, power * 3]) {
        expect(written(2, (w) => w.integer(n))).toBe(`:${n}\r\n`);
        expect(written(2, (w) => w.integer(-n))).toBe(`:${n === 0 ? 0 : -n}\r\n`);
        expect(written(2, (w) => w.array(n))).toBe(`*${n}\r\n`);
        expect(written(2, (w) => w.bulkInteger(n))).toBe(`$${`${n}`.length}\r\n${n}\r\n`);
      }
    }
  });

  it('copies bytes and text of every size around the limits of its loops, and while it grows', () => {
    const shared = new Uint8Array(new SharedArrayBuffer(400)).map((_, i) => 97 + (i % 26));
    for (const writer of [new RespWriter(), new RespWriter()]) {
      let expected = '';
      for (let size = 0; size < 300; size++) {
        const text = Buffer.from(shared.subarray(3, 3 + size)).toString();
        writer.bulkBytes(shared, 3, 3 + size);
        writer.bulkString(text);
        writer.raw(encodeBulk(text));
        expected += `$${size}\r\n${text}\r\n`.repeat(3);
      }
      expect(writer.view().toString()).toBe(expected);
    }
  });

  it('writes what a plain decoder reads back', () => {
    const value = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }).map((v) => wrote((w) => w.bulkString(v), utf8(v))),
      fc
        .uint8Array({ maxLength: 100 })
        .map((v) => wrote((w) => w.bulkBytes(v), Buffer.from(v).toString('latin1'))),
      fc.maxSafeInteger().map((v) => wrote((w) => w.integer(v), `${v}`)),
      fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n).map((v) => wrote((w) => w.bulkInteger(v), `${v}`)),
      fc.double().map((v) => wrote((w) => w.double(v), v, parseDouble)),
      fc.constant(wrote((w) => w.null(), null)),
    );
    const property = fc.property(fc.array(value), fc.constantFrom<2 | 3>(2, 3), (values, protocol) => {
      const writer = new RespWriter();
      writer.protocol = protocol;
      writer.array(values.length);
      for (const { write } of values) write(writer);
      const [reply, ...others] = decodeReplies(writer.view());
      expect(others).toEqual([]);
      const read = reply!.items.map((item, i) => values[i]!.parse(item.text));
      expect(read).toEqual(values.map(({ expected }) => expected));
    });
    fc.assert(property, { numRuns: 500 });
  });

  it('detaches bytes that later replies do not change', () => {
    const writer = new RespWriter();
    const taken: [Buffer, string][] = [];
    for (const size of [1, 3_000, 5_000, 15_000, 60_000, 10, 2_000_000, 7]) {
      const text = `${taken.length}`.repeat(size);
      writer.bulkString(text);
      taken.push([writer.view(), `$${size}\r\n${text}\r\n`]);
      writer.detach();
      expect(writer.length).toBe(0);
    }
    for (const [bytes, text] of taken) expect(bytes.toString() === text).toBe(true);
  });

  it('does not keep a huge buffer after one big reply', () => {
    for (const empty of [(w: RespWriter) => w.reset(), (w: RespWriter) => w.detach()] as const) {
      const writer = new RespWriter();
      writer.bulkBytes(Buffer.alloc(3_000_000));
      expect(writer.buffer.length).toBeGreaterThan(3_000_000);
      empty(writer);
      expect(writer.buffer.length).toBeLessThan(1_048_576);
      expect(writer.length).toBe(0);
    }
  });

  it('grows by doubling', () => {
    const writer = new RespWriter();
    let last = writer.buffer;
    let replaced = 0;
    for (let i = 0; i < 200_000; i++) {
      writer.integer(i);
      if (writer.buffer !== last) {
        expect(writer.buffer.length).toBe(last.length * 2);
        last = writer.buffer;
        replaced++;
      }
    }
    expect(replaced).toBeLessThan(10);
  });
});

/** A call, and what the text of its reply should be read as. */
function wrote(write: Write, expected: unknown, parse: (text: string | null) => unknown = (text) => text) {
  return { write, expected, parse };
}

/** A double of the protocol. */
function parseDouble(text: string | null): number {
  if (text === 'nan') return Number.NaN;
  if (text === 'inf') return Number.POSITIVE_INFINITY;
  return text === '-inf' ? Number.NEGATIVE_INFINITY : Number(text);
}
