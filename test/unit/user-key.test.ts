import fc from 'fast-check';
import { expect, test } from 'vitest';
import { UserKey } from '../../src/store/user-key.js';
import { codeOf } from '../support/code-of.js';

const seed = fc.integer();

/** HalfSipHash (32 bits of output) as its paper has it, on bytes. */
function halfSipHash(bytes: Uint8Array, k0: number, k1: number, rounds: number, finalRounds: number): number {
  const v = Uint32Array.of(k0, k1, 0x6c796765 ^ k0, 0x74656462 ^ k1);
  const rotate = (i: number, bits: number) => {
    v[i] = (v[i]! << bits) | (v[i]! >>> (32 - bits));
  };
  const mix = (times: number) => {
    for (let i = 0; i < times; i++) {
      v[0]! += v[1]!;
      rotate(1, 5);
      v[1]! ^= v[0]!;
      rotate(0, 16);
      v[2]! += v[3]!;
      rotate(3, 8);
      v[3]! ^= v[2]!;
      v[0]! += v[3]!;
      rotate(3, 7);
      v[3]! ^= v[0]!;
      v[2]! += v[1]!;
      rotate(1, 13);
      v[1]! ^= v[2]!;
      rotate(2, 16);
    }
  };
  const padded = new Uint8Array((bytes.length & ~3) + 4);
  padded.set(bytes);
  padded[padded.length - 1] = bytes.length;
  const view = new DataView(padded.buffer);
  for (let at = 0; at < padded.length; at += 4) {
    const word = view.getUint32(at, true);
    v[3]! ^= word;
    mix(rounds);
    v[0]! ^= word;
  }
  v[2]! ^= 0xff;
  mix(finalRounds);
  return (v[1]! ^ v[3]!) | 0;
}

test('the reference in this file gives the published values', () => {
  // From the reference implementation's vectors.h: HalfSipHash-2-4, key 00 01 … 07, inputs of 0 to 2 bytes.
  const expected = [0xa9359f5b, 0x27475ab8, 0xfa62a603];
  expected.forEach((value, length) => {
    const bytes = Uint8Array.from({ length }, (_, i) => i);
    const hash = halfSipHash(bytes, 0x03020100, 0x07060504, 2, 4);
    expect(Buffer.from(Int32Array.of(hash).buffer).toString('hex')).toBe(value.toString(16));
  });
});

test('the hash is HalfSipHash-1-3', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 255 }), seed, (bytes, key) => {
      const { hash } = new UserKey(key).setBytes(bytes, 0, bytes.length);
      expect(hash).toBe(halfSipHash(bytes, key, Math.imul(key, 0x9e3779b1), 1, 3));
    }),
  );
});

test('an id is the same as text, as bytes anywhere in a buffer, and as words', () => {
  const text = fc.oneof(
    fc.string({ minLength: 1, maxLength: 255 }),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 80 }),
    fc.constantFrom('é', '日本語', '😀', 'aé', 'aaaaé', '\u0080', '\u007f', '\0', '\0\0\0\0\0', '\ud800'),
  );
  // One key for all, as in the store: nothing of the id before may be left.
  const key = new UserKey(1);
  const other = new UserKey(1);
  fc.assert(
    fc.property(text, fc.nat({ max: 7 }), (id, offset) => {
      const bytes = new TextEncoder().encode(id);
      fc.pre(bytes.length <= 255);
      const buffer = new Uint8Array(offset + bytes.length + 4).fill(0xee);
      buffer.set(bytes, offset);
      key.set(id);
      const state = () => [key.hash, key.length, key.wordCount, ...key.words.subarray(0, key.wordCount)];
      const expected = state();
      expect(Buffer.from(key.toBytes())).toEqual(Buffer.from(bytes));
      key.setBytes(buffer, offset, offset + bytes.length);
      expect(state()).toEqual(expected);
      key.set(bytes);
      expect(state()).toEqual(expected);
      other.set('something longer than most of them, to leave words behind');
      key.setWords(Int32Array.of(-1, -1, ...expected.slice(3)), 2, bytes.length);
      expect(state()).toEqual(expected);
    }),
    { numRuns: 200 },
  );
});

test('an id has 1 to 255 bytes', () => {
  const key = new UserKey(1);
  for (const id of ['x', 'x'.repeat(255), 'é'.repeat(127), new Uint8Array(255)]) {
    expect(codeOf(() => key.set(id))).toBeUndefined();
  }
  for (const [id, bytes] of [
    ['', 0],
    ['x'.repeat(256), 256],
    ['é'.repeat(128), 256],
    ['日'.repeat(255), 765],
    ['x'.repeat(100_000), 100_000],
    [new Uint8Array(0), 0],
    [new Uint8Array(256), 256],
  ] as const) {
    expect(codeOf(() => key.set(id))).toBe('INVALID_USER_ID');
    expect(() => key.set(id)).toThrow(`this one has ${bytes}`);
  }
});

test('ids that differ only in trailing zero bytes, or only in where words are cut, have other hashes', () => {
  const key = new UserKey(7);
  const hashes = new Set<number>();
  for (let length = 1; length <= 255; length++) hashes.add(key.set(new Uint8Array(length)).hash);
  for (const id of ['ab', 'ab\0', '\0ab', 'abab', 'abcdabcd', 'abcd']) hashes.add(key.set(id).hash);
  expect(hashes.size).toBe(261);
});

test('no change of two words cancels out under every seed', () => {
  const id = (a: number, b: number) => new Uint8Array(Int32Array.of(a, b, 5, 6).buffer);
  for (let shift = 0; shift < 32; shift++) {
    for (const [a, b] of [
      [1 << 31, 0x80010000],
      [1 << shift, 1 << shift],
      [1 << 31, 1 << shift],
    ]) {
      let collisions = 0;
      for (let attempt = 1; attempt <= 50; attempt++) {
        const key = new UserKey(Math.imul(attempt, 0x9e3779b1));
        if (key.set(id(1, 2)).hash === key.set(id(1 ^ a!, 2 ^ b!)).hash) collisions++;
      }
      expect(collisions).toBeLessThan(3);
    }
  }
});
