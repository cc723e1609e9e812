import { describe, expect, it } from 'vitest';
import type { Argument } from '../../protocol/arguments.js';
import {
  anyKey,
  block,
  bytes,
  integer,
  many,
  numberedKeys,
  option,
  optional,
  options,
} from '../../protocol/arguments.js';
import { flattenDocs, keySpecsOf, keysAmong } from '../../protocol/key-specs.js';

const docsOf = (parts: Record<string, Argument<unknown>>) =>
  Object.entries(parts).map(([name, part]) => part.doc(name));
const range = (first: number, toEnd = false) => ({ kind: 'range', first, toEnd });

describe('keySpecsOf', () => {
  it('finds keys at their places, up to where places are not known', () => {
    expect(keySpecsOf(docsOf({ key: anyKey(), field: bytes() }), 1)).toEqual([range(1)]);
    expect(keySpecsOf(docsOf({ a: anyKey(), b: anyKey(), rest: bytes() }), 2)).toEqual([range(2), range(3)]);
    expect(keySpecsOf(docsOf({ to: anyKey(), keys: many(anyKey()) }), 1)).toEqual([range(1), range(2, true)]);
    expect(keySpecsOf(docsOf({ count: optional(integer()), key: anyKey() }), 1)).toEqual([]);
    expect(keySpecsOf(docsOf({ pair: block({ first: bytes(), key: anyKey() }) }), 1)).toEqual([range(2)]);
    expect(keySpecsOf(docsOf({ keys: numberedKeys() }), 1)).toEqual([{ kind: 'counted', countAt: 1 }]);
    expect(keySpecsOf([], 1)).toEqual([]);
  });
});

describe('keysAmong', () => {
  it('takes the words there, or nothing where a count does not fit', () => {
    const counted = [{ kind: 'counted', countAt: 1 }] as const;
    const words = (line: string): string[] => line.split(' ');
    expect(keysAmong([{ kind: 'range', first: 1, toEnd: true }], words('x a b'))).toEqual(['a', 'b']);
    expect(keysAmong(counted, words('x 2 a b c'))).toEqual(['a', 'b']);
    for (const line of ['x 3 a b', 'x 0 a', 'x -1 a', 'x y a', 'x 1.5 a b']) {
      expect(keysAmong(counted, words(line)), line).toBe(undefined);
    }
  });
});

describe('flattenDocs', () => {
  it('opens lists of options and sequences, but nothing that repeats, has a token or is optional as a whole', () => {
    const names = (part: Argument<unknown>): string[] =>
      flattenDocs(docsOf({ part })).map(({ name }) => name);
    expect(names(block({ a: bytes(), b: bytes() }))).toEqual(['a', 'b']);
    expect(
      names(options({ x: option('X', bytes()), y: option('Y', block({ a: bytes(), b: bytes() })) })),
    ).toEqual(['x', 'y']);
    expect(names(many(block({ a: bytes(), b: bytes() })))).toEqual(['part']);
    expect(names(optional(block({ a: bytes(), b: bytes() })))).toEqual(['part']);
  });
});
