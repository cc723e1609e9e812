import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Random } from '../../bench/support/random.js';
import { CellEncoder } from '../../src/store/cell-encoder.js';
import { CellQuery, decodeCells, probeCell, queryCells } from '../../src/store/cell-reader.js';
import { Cells, Format, MAX_VECTOR_WORDS } from '../../src/store/cells.js';

/** What a vector may look like. */
interface Shape {
  readonly seed: number;
  /** Cells wanted, and how many tags there are. */
  readonly count: number;
  readonly universe: number;
  /** Share of the cells with a code, and how great the codes may be. */
  readonly coded: number;
  readonly codeBits: number;
}

const shape: fc.Arbitrary<Shape> = fc.record({
  seed: fc.integer(),
  count: fc.oneof(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 700 })),
  universe: fc.constantFrom(40, 300, 5000, 1_000_000),
  coded: fc.constantFrom(0, 0.1, 0.5, 1),
  codeBits: fc.constantFrom(3, 7, 16, 32, 53),
});

/** A sorted map of tags and codes. */
function randomCells({ seed, count, universe, coded, codeBits }: Shape): Map<number, number> {
  const random = new Random(seed);
  const cells = new Map<number, number>();
  while (cells.size < Math.min(count, universe / 2)) {
    const code = random.below(1000) < coded * 1000 ? random.below(2 ** random.below(codeBits + 1)) + 1 : 0;
    cells.set(random.below(universe), code);
  }
  return new Map([...cells].sort(([a], [b]) => a - b));
}

function fill(target: Cells, cells: Map<number, number>): void {
  target.clear();
  // From both ends, so that cells are put in front of, behind and between others.
  const entries = [...cells];
  while (entries.length > 0) {
    const [tag, code] = entries.length % 3 === 0 ? entries.shift()! : entries.pop()!;
    expect(target.put(tag, code)).toBe(-1);
  }
}

function entriesOf(cells: Cells): [number, number][] {
  return Array.from({ length: cells.count }, (_, i) => [cells.tags[i]!, cells.codes[i]!]);
}

const cells = new Cells();
const decoded = new Cells();
const encoder = new CellEncoder();

/** Words with the encoder's vector at `start`, and something else around it. */
function placed(start: number): Int32Array {
  const words = new Int32Array(start + encoder.wordCount + 8).fill(-1);
  words.set(encoder.words.subarray(0, encoder.wordCount), start);
  return words;
}

/** Bytes of the cells as a list. */
function listBytes(entries: Iterable<[number, number]>): number {
  const varint = (value: number): number => (value < 128 ? 1 : 1 + varint(Math.floor(value / 128)));
  let bytes = 0;
  let previous = -1;
  for (const [tag, code] of entries) {
    bytes += varint((tag - previous - 1) * 2) + (code === 0 ? 0 : varint(code));
    previous = tag;
  }
  return bytes;
}

test('what is encoded is decoded and found, in every format', () => {
  const seen = new Set<number>();
  fc.assert(
    fc.property(shape, fc.nat({ max: 5 }), (wanted, start) => {
      const expected = randomCells(wanted);
      fill(cells, expected);
      expect(encoder.encode(cells)).toBe(true);
      seen.add(encoder.format);
      expect(encoder.wordCount * 4).toBeLessThan(2 * listBytes(expected) + 16);
      const words = placed(start);
      const { format, headerCount } = encoder;
      decodeCells(words, start, format, headerCount, decoded);
      expect(entriesOf(decoded)).toEqual([...expected]);
      const tags = [...expected.keys()].flatMap((tag) => [
        tag - 1,
        tag,
        tag + 1,
        tag ^ 32,
        tag ^ 64,
        tag + 2048,
      ]);
      for (const tag of [0, 63, 64, 1_000_000, 2 ** 24, ...tags]) {
        if (tag < 0) continue;
        const found = probeCell(words, start, format, headerCount, tag);
        if (found !== (expected.get(tag) ?? -1)) expect([tag, found]).toEqual([tag, expected.get(tag) ?? -1]);
      }
      const random = new Random(wanted.seed);
      const asked = Array.from(
        { length: random.below(30) },
        () => (tags[random.below(tags.length)] ?? 0) - random.below(2),
      );
      const query = new CellQuery(asked);
      // Twice, because what one user's answer leaves behind must not be in the next one's.
      for (let i = 0; i < 2; i++) {
        queryCells(words, start, format, headerCount, query);
        expect([...query.codes]).toEqual(asked.map((tag) => expected.get(tag) ?? -1));
        query.codes.fill(7);
      }
    }),
    { numRuns: 400 },
  );
  expect([...seen].sort()).toEqual(Object.values(Format).sort());
});

test.each([0, 1, 127, 128, 16_383, 16_384, 2 ** 31, 2 ** 32, 2 ** 52, 2 ** 53 - 1, 2 ** 53])(
  'the code %d survives in every format',
  (code) => {
    for (const count of [1, 40, 300]) {
      for (const gap of [1, 3, 700]) {
        const expected = new Map(Array.from({ length: count }, (_, i) => [i * gap, i % 2 === 0 ? code : 0]));
        fill(cells, expected);
        expect(encoder.encode(cells)).toBe(true);
        const words = placed(2);
        for (const [tag, wanted] of expected) {
          expect(probeCell(words, 2, encoder.format, encoder.headerCount, tag)).toBe(wanted);
        }
        decodeCells(words, 2, encoder.format, encoder.headerCount, decoded);
        expect(entriesOf(decoded)).toEqual([...expected]);
      }
    }
  },
);

test('cells are changed as a sorted map is', () => {
  const change = fc.tuple(fc.nat({ max: 300 }), fc.option(fc.nat({ max: 5 }), { nil: undefined }));
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 600 }), (changes) => {
      const model = new Map<number, number>();
      cells.clear();
      for (const [tag, code] of changes) {
        const before = model.get(tag) ?? -1;
        expect(cells.codeOf(tag)).toBe(before);
        expect(code === undefined ? cells.delete(tag) : cells.put(tag, code)).toBe(before);
        if (code === undefined) model.delete(tag);
        else model.set(tag, code);
      }
      expect(entriesOf(cells)).toEqual([...model].sort(([a], [b]) => a - b));
    }),
    { numRuns: 100 },
  );
});

test('a vector is refused only when it is too large as a list too', () => {
  const outcomes = new Set<boolean>();
  fc.assert(
    fc.property(
      fc.record({
        seed: fc.integer(),
        count: fc.integer({ min: 3000, max: 30_000 }),
        universe: fc.constantFrom(60_000, 200_000, 1_000_000),
        coded: fc.constantFrom(0, 0.2, 1),
        codeBits: fc.constantFrom(1, 7, 30, 53),
      }),
      (wanted) => {
        const expected = randomCells(wanted);
        cells.clear();
        for (const [tag, code] of expected) cells.push(tag, code);
        const encoded = encoder.encode(cells);
        outcomes.add(encoded);
        if (!encoded) {
          expect(listBytes(expected)).toBeGreaterThan(MAX_VECTOR_WORDS * 4 - 4);
          return;
        }
        expect(encoder.wordCount).toBeLessThanOrEqual(MAX_VECTOR_WORDS);
        decodeCells(placed(1), 1, encoder.format, encoder.headerCount, decoded);
        expect(decoded.count).toBe(expected.size);
        // Taking a tag away must always be possible.
        const random = new Random(wanted.seed);
        for (let i = 0; i < 20; i++) {
          cells.delete([...expected.keys()][random.below(expected.size)]!);
          expect(encoder.encode(cells)).toBe(true);
        }
      },
    ),
    { numRuns: 40 },
  );
  expect(outcomes.size).toBe(2);
});

test('a list that fits is not refused because bits, which are preferred, do not', () => {
  // Five of each 64 tags up to 387,200: 30,250 bytes as a list, 48,404 as bits.
  cells.clear();
  for (let i = 0; i < 6050; i++) for (const tag of [0, 12, 24, 36, 48]) cells.push(i * 64 + tag, 0);
  expect(encoder.encode(cells)).toBe(true);
  expect(encoder.format).toBe(Format.LONG_LIST);
});

test('words that are no vector are refused before they take memory', () => {
  const words = new Int32Array(16).fill(-1);
  for (const format of [Format.LONG_LIST, Format.BITS]) {
    expect(() => decodeCells(words, 0, format, 0, decoded)).toThrow('not a vector');
    expect(decoded.count).toBeLessThan(100_000);
  }
  // One word of presence without a tag, and a code for one.
  words.fill(0).fill(1 << 16, 0, 1);
  expect(() => decodeCells(words, 0, Format.BITS, 1, decoded)).toThrow('not a vector');
});
