import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ContentError } from '../../protocol/http/content-error.js';
import { CONTAINER_SIZE, PortableBitmap } from '../../protocol/http/portable-bitmap.js';
import { bitmapOf, rangeOf } from '../../src/store/bitmap.js';
import { finish } from '../../src/store/steps.js';

/** All that the reader finds. */
function ordinalsOf(bytes: Buffer): number[] {
  const bitmap = finish(PortableBitmap.read(bytes));
  const found: number[] = [];
  const target = new Uint32Array(CONTAINER_SIZE);
  for (const container of bitmap.containers) {
    const count = bitmap.decode(container, target);
    for (let i = 0; i < count; i++) found.push(target[i]!);
  }
  expect(bitmap.size).toBe(found.length);
  return found;
}

/** The ordinals as CRoaring writes them, with runs or without. */
function written(ordinals: Iterable<number>, hasRuns: boolean): Buffer {
  const bitmap = bitmapOf(ordinals);
  if (hasRuns) bitmap.runOptimize();
  else bitmap.removeRunCompression();
  return Buffer.from(bitmap.serialize('portable'));
}

function isRefused(bytes: Buffer): boolean {
  try {
    ordinalsOf(bytes);
    return false;
  } catch (error) {
    if (error instanceof ContentError) return true;
    throw error;
  }
}

const range = fc
  .tuple(fc.nat(2 ** 20), fc.integer({ min: 1, max: 70_000 }), fc.constantFrom(1, 2, 3, 17, 4099))
  .map(([first, count, step]) => Array.from({ length: Math.ceil(count / step) }, (_, i) => first + i * step));
const ordinals = fc
  .tuple(
    fc.array(fc.oneof(fc.nat(100_000), fc.nat(2 ** 32 - 1)), { maxLength: 50 }),
    fc.array(range, { maxLength: 3 }),
  )
  .map(([few, ranges]) => [...few, ...ranges.flat()]);

test('reads what CRoaring writes', () => {
  fc.assert(
    fc.property(ordinals, fc.boolean(), (given, hasRuns) => {
      const wanted = [...new Set(given)].sort((a, b) => a - b);
      expect(ordinalsOf(written(given, hasRuns))).toEqual(wanted);
    }),
    { numRuns: 60 },
  );
});

test.each([
  ['none', []],
  ['the least and the greatest', [0, 2 ** 32 - 1]],
  ['the longest list', Array.from({ length: 4096 }, (_, i) => i * 16)],
  ['the fewest bits', Array.from({ length: 4097 }, (_, i) => i * 15)],
  ['a full container', Array.from({ length: 65_536 }, (_, i) => 65_536 + i)],
  ['three containers, without offsets if there are runs', [1, 2, 3, 65_537, 131_073]],
  ['four containers, with offsets', [1, 2, 3, 4, 5, 65_537, 131_073, 196_609]],
])('reads %s', (_, given) => {
  for (const hasRuns of [false, true]) expect(ordinalsOf(written(given, hasRuns))).toEqual(given);
});

test('reads every container that there can be', () => {
  const all = Array.from({ length: 65_536 }, (_, i) => i * 65_536 + i);
  expect(ordinalsOf(written(all, false))).toEqual(all);
});

test('takes no memory for what is only said: four billion ordinals are some runs', () => {
  const everything = rangeOf(0, 2 ** 32);
  everything.runOptimize();
  const bytes = Buffer.from(everything.serialize('portable'));
  expect(bytes.length).toBeLessThan(2 ** 20);
  const bitmap = finish(PortableBitmap.read(bytes));
  expect(bitmap.size).toBe(2 ** 32);
  expect(bitmap.containers.length).toBe(65_536);
});

describe.each([
  ['lists', written([1, 5, 70_000, 70_001], false)],
  ['lists and runs', written([1, 2, 3, 4, 5, 6, 7, 65_540, 131_080, 200_000], true)],
  [
    'bits',
    written(
      Array.from({ length: 5000 }, (_, i) => i * 2),
      false,
    ),
  ],
])('%s', (_, good) => {
  test('can be read', () => expect(isRefused(good)).toBe(false));

  test('are refused when the end is missing, wherever', () => {
    const cuts = Array.from({ length: good.length }, (_, i) => i).filter((i) => i < 200 || i % 97 === 0);
    expect(cuts.filter((length) => !isRefused(good.subarray(0, length)))).toEqual([]);
  });

  test('are refused with something behind', () => {
    expect(isRefused(Buffer.concat([good, Buffer.alloc(1)]))).toBe(true);
    expect(isRefused(Buffer.concat([good, good]))).toBe(true);
  });

  test('with any bits changed, are refused or are another bitmap in order', () => {
    const flips = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(7)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(flips, (changes) => {
        const bytes = Buffer.from(good);
        for (const [at, bit] of changes) bytes[at]! ^= 1 << bit;
        if (isRefused(bytes)) return;
        const found = ordinalsOf(bytes);
        expect(found.every((ordinal, i) => i === 0 || ordinal > found[i - 1]!)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

test('random bytes are refused', () => {
  const cookie = fc.constantFrom([0x3a, 0x30, 0, 0], [0x3b, 0x30, 0, 0], [0x3b, 0x30, 3, 0], []);
  fc.assert(
    fc.property(cookie, fc.uint8Array({ maxLength: 64 }), (start, rest) => {
      const bytes = Buffer.from([...start, ...rest]);
      if (isRefused(bytes)) return;
      const found = ordinalsOf(bytes);
      expect(found).toEqual(bitmapOf(found).toArray());
    }),
    { numRuns: 2000 },
  );
});

const u16 = (...numbers: number[]): Buffer => Buffer.from(Uint16Array.from(numbers).buffer);
const NO_RUNS = [12_346, 0];

test.each([
  ['another cookie', u16(12_345, 0, 0, 0), 1],
  ['too many containers', u16(...NO_RUNS, 1, 1), 5],
  ['keys that do not ascend', u16(...NO_RUNS, 2, 0, 5, 0, 5, 0, 24, 0, 26, 0, 1, 1), 13],
  ['a container elsewhere', u16(...NO_RUNS, 1, 0, 0, 0, 17, 0, 1), 13],
  ['a list that does not ascend', u16(...NO_RUNS, 1, 0, 0, 1, 16, 0, 7, 7), 19],
  ['bits that are fewer than is said', u16(...NO_RUNS, 1, 0, 0, 5000, 16, 0, ...new Array(4096).fill(1)), 17],
])('refuses %s, and says where', (_, bytes, position) => {
  expect(() => ordinalsOf(bytes)).toThrow(expect.objectContaining({ code: 'SYNTAX', position }));
});

/** A container of runs, which says that it has so many ordinals. */
function runs(size: number, ...pairs: number[]): Buffer {
  return Buffer.concat([u16(12_347, 0), Buffer.from([1]), u16(0, size - 1, pairs.length / 2, ...pairs)]);
}

test.each([
  ['runs that meet are fine', runs(4, 0, 1, 2, 1), false],
  ['runs that overlap', runs(5, 0, 2, 2, 1), true],
  ['runs that begin with the same', runs(3, 0, 0, 0, 1), true],
  ['runs out of order', runs(2, 5, 0, 0, 0), true],
  ['a run that leaves its container', runs(3, 65_535, 2), true],
  ['more than is said', runs(1, 0, 1), true],
  ['less than is said', runs(65_536, 0, 1), true],
  ['no run at all', runs(1), true],
])('%s', (_, bytes, refused) => {
  expect(isRefused(bytes)).toBe(refused);
});
