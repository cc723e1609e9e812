import { encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  contentType,
  decodeValue,
  encodeValue,
  JSON_TYPE,
  MSGPACK_TYPE,
  Negotiator,
  takesGzip,
  VALUE_TYPES,
} from '../../protocol/http/content.js';
import { ContentError } from '../../protocol/http/content-error.js';
import { codeOf } from '../support/code-of.js';

const json = (text: string | Buffer): unknown => decodeValue(Buffer.from(text as string), JSON_TYPE);
const packed = (...bytes: number[]): unknown => decodeValue(Buffer.from(bytes), MSGPACK_TYPE);

/** Where an error is, and what. */
function errorOf(run: () => unknown): [position: number, message: string] {
  try {
    run();
  } catch (error) {
    if (error instanceof ContentError) {
      expect(error.code).toBe('SYNTAX');
      return [error.position, error.message];
    }
    throw error;
  }
  throw new Error('nothing was wrong');
}

/** Does it have a number that is refused, though JSON.parse takes it? */
function hasLargeNumber(value: unknown): boolean {
  if (typeof value === 'number')
    return !Number.isFinite(value) || (Number.isInteger(value) && Math.abs(value) > 2 ** 53 - 1);
  return typeof value === 'object' && value !== null && Object.values(value).some(hasLargeNumber);
}

describe('JSON', () => {
  test('of any value comes back', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(undefined, 1, '\t'), (value, space) => {
        fc.pre(!hasLargeNumber(value));
        expect(json(` ${JSON.stringify(value, null, space)}\r\n`)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  test('is taken and refused as JSON.parse does, whatever is changed in it', () => {
    const text = '{"a":[1,-0.5e+3,"\\u00e9\\n",true,false,null,{}],"b":{"c":[]}}';
    const chars = fc.constantFrom(...'{}[],:"\\0129.-+eEutrfalsn \n\x01x');
    fc.assert(
      fc.property(fc.nat(text.length), fc.nat(2), fc.array(chars, { maxLength: 3 }), (at, cut, added) => {
        const changed = text.slice(0, at) + added.join('') + text.slice(at + cut);
        let wanted: unknown;
        try {
          wanted = JSON.parse(changed);
        } catch {
          const [position] = errorOf(() => json(changed));
          expect(position).toBeGreaterThanOrEqual(1);
          expect(position).toBeLessThanOrEqual(changed.length + 1);
          return;
        }
        fc.pre(!hasLargeNumber(wanted));
        expect(json(changed)).toEqual(wanted);
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    ['', 1, 'it ends where a value should be'],
    ['  ', 3, 'it ends where a value should be'],
    ['{"a":}', 6, 'a value should be'],
    ['{"a" 1}', 6, '":" should be'],
    ['{"a":1,}', 8, 'a name in double quotes should be'],
    ["{'a':1}", 2, 'a name in double quotes should be'],
    ['{"a":1', 7, 'it ends where "," or "}" should be'],
    ['[1 2]', 4, '"," or "]" should be'],
    ['[1,]', 4, 'a value should be'],
    ['1 2', 3, 'the end should be'],
    ['"a', 3, 'it ends where the end of a string should be'],
    ['"a\n"', 3, 'the end of a string should be'],
    ['"\\x"', 3, 'an escape such as \\n should be'],
    ['"\\u12g4"', 4, 'an escape \\u without four digits'],
    ['"ab\\ud800"', 4, 'half a surrogate pair without the other'],
    ['"\\ud800\\u0041"', 2, 'half a surrogate pair without the other'],
    ['"\\udc00"', 2, 'half a surrogate pair without the other'],
    ['01', 2, 'the end should be'],
    ['-', 2, 'it ends where a digit should be'],
    ['1.', 3, 'it ends where a digit should be'],
    ['1e+', 4, 'it ends where a digit should be'],
    ['.5', 1, 'a value should be'],
    ['NaN', 1, 'a value should be'],
    ['-Infinity', 2, 'a digit should be'],
    ['undefined', 1, 'a value should be'],
    ['tru', 1, 'a value should be'],
    ['\ufeff1', 1, 'a value should be'],
    ['["ü",]', 7, 'a value should be'],
  ])('%j is wrong at byte %i', (text, position, message) => {
    expect(() => JSON.parse(text === '"ab\\ud800"' || text.includes('\\u') ? '{' : text)).toThrow();
    expect(errorOf(() => json(text))).toEqual([
      position,
      `the body cannot be read: ${message} at byte ${position}`,
    ]);
  });

  test('that is not UTF-8 is wrong, and where', () => {
    expect(errorOf(() => json(Buffer.from('["ü\xff"]', 'latin1')))[0]).toBe(3);
    expect(errorOf(() => json(Buffer.concat([Buffer.from('["ü'), Buffer.from([0xc3, 0x28])])))[0]).toBe(5);
  });

  test('has no number that would come out as another', () => {
    expect(
      json('[9007199254740991,-9007199254740991,1e300,0.1234567890123456789,10000000000000000e-5]'),
    ).toEqual([2 ** 53 - 1, -(2 ** 53 - 1), 1e300, 0.12345678901234568, 1e11]);
    for (const text of [
      '9007199254740993',
      '-9007199254740993',
      '123456789012345678901234567890',
      '1e400',
      '-1e400',
    ]) {
      expect(errorOf(() => json(`[${text}]`))).toEqual([
        2,
        expect.stringContaining('a number too large to be exact'),
      ]);
    }
  });

  test('has names that change nothing but the value', () => {
    const value = json('{"__proto__":{"x":1},"constructor":2,"a":1,"a":2}') as Record<string, unknown>;
    expect(Object.entries(value)).toEqual([
      ['__proto__', { x: 1 }],
      ['constructor', 2],
      ['a', 2],
    ]);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(({} as { x?: unknown }).x).toBeUndefined();
  });

  test('is as deep as it may be', () => {
    expect(json('['.repeat(512) + ']'.repeat(512))).toBeDefined();
    expect(errorOf(() => json('['.repeat(513) + ']'.repeat(513)))).toEqual([
      513,
      expect.stringContaining('too deep'),
    ]);
    expect(errorOf(() => json('{"a":'.repeat(1_000_000)))[1]).toContain('too deep');
    expect(json(`[${'[],'.repeat(1000)}[]]`)).toHaveLength(1001);
  });
});

describe('MessagePack', () => {
  test('of any value comes back', () => {
    const values = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        fc.string({ unit: 'binary' }),
        fc.integer(),
        fc.maxSafeInteger(),
        // Packed, zero has no sign.
        fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
        fc.constantFrom(null, true, false),
        fc.array(tie('value')),
        fc.dictionary(
          fc.string({ unit: 'binary' }).filter((key) => key !== '__proto__'),
          tie('value'),
          {
            noNullPrototype: true,
          },
        ),
      ),
    })).value;
    fc.assert(
      fc.property(values, (value) => {
        expect(decodeValue(Buffer.from(encode(value)), MSGPACK_TYPE)).toEqual(value);
        expect(decodeValue(Buffer.from(encodeValue(value, MSGPACK_TYPE)), MSGPACK_TYPE)).toEqual(value);
      }),
    );
  });

  test('of all widths is read', () => {
    expect(packed(0xc4, 1, 0xff)).toEqual(Buffer.from([0xff]));
    expect(packed(0xc5, 0, 1, 0xff)).toEqual(Buffer.from([0xff]));
    expect(packed(0xc6, 0, 0, 0, 1, 0xff)).toEqual(Buffer.from([0xff]));
    expect(packed(0xca, 0x3f, 0xc0, 0, 0)).toBe(1.5);
    expect([packed(0xcc, 200), packed(0xcd, 1, 0), packed(0xce, 255, 255, 255, 255)]).toEqual([
      200,
      256,
      2 ** 32 - 1,
    ]);
    expect([packed(0xd0, 0xff), packed(0xd1, 0xff, 0), packed(0xd2, 0x80, 0, 0, 0)]).toEqual([
      -1,
      -256,
      -(2 ** 31),
    ]);
    expect(packed(0xcf, 0, 0x1f, 255, 255, 255, 255, 255, 255)).toBe(2 ** 53 - 1);
    expect(packed(0xd3, 255, 255, 255, 255, 255, 255, 255, 254)).toBe(-2);
    expect([packed(0x7f), packed(0xe0), packed(0xff), packed(0xc0), packed(0xc2), packed(0xc3)]).toEqual([
      127,
      -32,
      -1,
      null,
      false,
      true,
    ]);
    expect([packed(0xd9, 1, 0x61), packed(0xda, 0, 1, 0x61), packed(0xdb, 0, 0, 0, 1, 0x61)]).toEqual([
      'a',
      'a',
      'a',
    ]);
    expect([packed(0xdc, 0, 1, 1), packed(0xdd, 0, 0, 0, 1, 1)]).toEqual([[1], [1]]);
    expect([packed(0xde, 0, 1, 0xa1, 0x61, 1), packed(0xdf, 0, 0, 0, 1, 0xa1, 0x61, 1)]).toEqual([
      { a: 1 },
      { a: 1 },
    ]);
  });

  test.each([
    [[], 1, 'it ends in the middle of a value'],
    [[0x92, 1], 3, 'it ends in the middle of a value'],
    [[1, 2], 2, 'the end should be'],
    [[0xc1], 1, 'a type that is not known'],
    [[0x91, 0xd6, 0xff, 0, 0, 0, 0], 2, 'a type that is not known'],
    [[0x81, 1, 2], 2, 'a key that is no string'],
    [[0xa1, 0xff], 2, 'a string that is not UTF-8'],
    [[0x91, 0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0], 2, 'a number that is not finite'],
    [[0xca, 0x7f, 0x80, 0, 0], 1, 'a number that is not finite'],
    [
      [0xcf, 0, 0x20, 0, 0, 0, 0, 0, 0],
      1,
      'a number too large to be exact (send it as a string, if that will do)',
    ],
    [
      [0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0],
      1,
      'a number too large to be exact (send it as a string, if that will do)',
    ],
    [[0xdd, 0xff, 0xff, 0xff, 0xff], 6, 'it ends in the middle of a value'],
    [[0xdf, 0xff, 0xff, 0xff, 0xff], 6, 'it ends in the middle of a value'],
    [[0xdb, 0xff, 0xff, 0xff, 0xff], 6, 'it ends in the middle of a value'],
    [[0xc6, 0xff, 0xff, 0xff, 0xff], 6, 'it ends in the middle of a value'],
    [Array.from({ length: 513 }, () => 0x91), 513, 'arrays and maps are too deep in each other'],
  ])('%j is wrong at byte %i', (bytes, position, message) => {
    expect(errorOf(() => packed(...bytes))).toEqual([
      position,
      `the body cannot be read: ${message} at byte ${position}`,
    ]);
  });

  test('of any bytes is read or refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 50 }), (bytes) => {
        try {
          packed(...bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(ContentError);
        }
      }),
      { numRuns: 5000 },
    );
  });

  test('has names that change nothing but the value', () => {
    const key = [...Buffer.from('__proto__')];
    const value = packed(0x82, 0xa9, ...key, 0x81, 0xa1, 0x78, 1, 0xa9, ...key, 2) as Record<string, unknown>;
    expect(Object.entries(value)).toEqual([['__proto__', 2]]);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  });
});

test('values leave as what was chosen', () => {
  const value = { a: undefined, b: [1, 'ü', null], c: { d: 1.5 } };
  expect(encodeValue(value, JSON_TYPE)).toBe('{"b":[1,"ü",null],"c":{"d":1.5}}');
  for (const type of VALUE_TYPES.slice(1)) {
    expect(decodeValue(Buffer.from(encodeValue(value, type)), type)).toEqual({
      b: [1, 'ü', null],
      c: { d: 1.5 },
    });
  }
});

describe('the type of an answer', () => {
  const values = new Negotiator(VALUE_TYPES);

  test.each([
    [undefined, JSON_TYPE],
    ['*/*', JSON_TYPE],
    ['application/*', JSON_TYPE],
    ['application/json', JSON_TYPE],
    ['APPLICATION/JSON; charset=utf-8', JSON_TYPE],
    ['application/msgpack', MSGPACK_TYPE],
    ['application/x-msgpack', 'application/x-msgpack'],
    ['application/vnd.msgpack, */*;q=0.1', 'application/vnd.msgpack'],
    ['application/json;q=0.5,application/msgpack', MSGPACK_TYPE],
    ['application/json;q=0.5,application/msgpack;q=0.4', JSON_TYPE],
    ['application/json;q=0,*/*', MSGPACK_TYPE],
    ['application/json;q=0, application/*;q=0.2', MSGPACK_TYPE],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', JSON_TYPE],
    ['application/json;q=wrong, application/msgpack;q=0.1', MSGPACK_TYPE],
  ])('for %j is %s', (accept, type) => {
    expect(values.choose(accept)).toBe(type);
    expect(values.choose(accept)).toBe(type);
  });

  test.each([
    'text/html',
    'application/json;q=0',
    '*/*;q=0',
    'json',
    ',',
    ' ',
    'application/json;q=0, text/*',
  ])('for %j there is none', (accept) => {
    expect(codeOf(() => values.choose(accept))).toBe('NOT_ACCEPTABLE');
    expect(() => values.choose(accept)).toThrow(
      'the answer can be application/json or application/msgpack or ',
    );
  });

  test('may have parameters of its own', () => {
    const text = new Negotiator(['text/plain; charset=utf-8']);
    for (const accept of ['text/plain', 'text/*', undefined])
      expect(text.choose(accept)).toBe('text/plain; charset=utf-8');
  });

  test('is not remembered without end', () => {
    for (let i = 0; i < 1000; i++) expect(values.choose(`application/json;v=${i}`)).toBe(JSON_TYPE);
  });
});

describe('the type of a body', () => {
  test.each([
    ['application/json', JSON_TYPE],
    ['Application/JSON', JSON_TYPE],
    ['application/json; charset=utf-8', JSON_TYPE],
    ['application/json;charset="UTF-8"', JSON_TYPE],
    ['application/json; charset=utf8; x=y', JSON_TYPE],
    ['application/x-msgpack', 'application/x-msgpack'],
  ])('%j is %s', (header, type) => {
    expect(contentType(header, VALUE_TYPES)).toBe(type);
  });

  test.each([
    [undefined, 'it has no Content-Type'],
    ['', 'its Content-Type is ""'],
    ['text/plain', 'its Content-Type is "text/plain"'],
    ['application/jsonp', 'its Content-Type is'],
    ['*/*', 'its Content-Type is'],
    ['application/json; charset=latin1', 'it is not UTF-8'],
    ['application/json; charset="utf-8', 'it is not UTF-8'],
    ['application/json; charset=utf-16', 'it is not UTF-8'],
  ])('%j is not taken', (header, reason) => {
    expect(codeOf(() => contentType(header, VALUE_TYPES))).toBe('UNSUPPORTED_TYPE');
    expect(() => contentType(header, VALUE_TYPES)).toThrow(`the body is not taken: ${reason}`);
  });
});

test.each([
  [undefined, false],
  ['gzip', true],
  ['GZIP', true],
  ['deflate, gzip;q=0.001', true],
  ['gzip;q=0', false],
  ['*', true],
  ['*, gzip;q=0', false],
  ['*;q=0', false],
  ['br', false],
  ['identity', false],
])('Accept-Encoding %j takes gzip: %s', (header, takes) => {
  expect(takesGzip(header)).toBe(takes);
});

test('wishes beyond all measure are not looked at', () => {
  const values = new Negotiator(VALUE_TYPES);
  expect(values.choose(`${'a/b,'.repeat(63)}${MSGPACK_TYPE}`)).toBe(MSGPACK_TYPE);
  expect(() => values.choose(`${'a/b,'.repeat(64)}${MSGPACK_TYPE}`)).toThrow('Accept leaves out');
  expect(takesGzip(`${'a,'.repeat(64)}gzip`)).toBe(false);
});
