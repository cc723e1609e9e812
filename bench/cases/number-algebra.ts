import { BitSlices } from '../../src/store/bit-slices.js';
import { type Bitmap, bitmapOf } from '../../src/store/bitmap.js';
import type { Steps } from '../../src/store/steps.js';
import { readOptions } from '../support/options.js';
import { Random } from '../support/random.js';
import { median } from '../support/rounds.js';
import { printTable } from '../support/table.js';

export const name = 'number-algebra';
export const summary = 'ms for questions about a number of all users, by bit slices; --users --rounds';

interface Question {
  readonly text: string;
  ask(): Steps<unknown>;
}

/** Prints a table for numbers from 0 to 100 of all users, and one for 0 to 100,000 of a tenth as many. */
export async function run(args: readonly string[]): Promise<void> {
  const { users, rounds } = readOptions(args, { users: 10_000_000, rounds: 15 });
  measure(users, 1, rounds);
  console.log('');
  measure(Math.ceil(users / 10), 1000, rounds);
}

/** One table: all users have a number from 0 to 100 × `unit`. */
function measure(users: number, unit: number, rounds: number): void {
  const slices = slicesOf(users, 100 * unit);
  const questions = questionsOf(slices, users, unit);
  const times = questions.map((): number[] => []);
  const steps = questions.map((): number[] => []);
  for (let round = -1; round < rounds; round++) {
    for (const [i, { ask }] of questions.entries()) {
      const { total, longest } = timed(ask());
      if (round < 0) continue;
      times[i]!.push(total);
      steps[i]!.push(longest);
    }
  }
  console.log(`${users.toLocaleString('en')} users, numbers from 0 to ${(100 * unit).toLocaleString('en')}`);
  printTable(
    ['question', 'ms', 'least', 'most', 'longest step, ms'],
    questions.map(({ text }, i) => {
      const all = times[i]!;
      return [text, median(all), Math.min(...all), Math.max(...all), median(steps[i]!)];
    }),
  );
}

function questionsOf(slices: BitSlices, users: number, unit: number): Question[] {
  const every = (n: number): Bitmap => {
    const random = new Random(n);
    return bitmapOf(Uint32Array.from({ length: Math.ceil(users / n) }, () => random.below(users)));
  };
  const [half, few] = [every(2), every(1000)];
  const [low, high] = [25 * unit, 40 * unit];
  const fractions = [0.05, 0.25, 0.5, 0.75, 0.95];
  const bounds = Array.from({ length: 11 }, (_, i) => (i < 10 ? i * 10 * unit : 100 * unit + 1));
  return [
    { text: 'between 25 % and 40 %', ask: () => slices.inRange(low, high) },
    { text: 'the same, within half of all', ask: () => slices.inRange(low, high, half) },
    { text: 'the same, within one of 1,000', ask: () => slices.inRange(low, high, few) },
    { text: 'the same, counted', ask: () => slices.countInRange(low, high) },
    { text: 'from 90 %', ask: () => slices.inRange(90 * unit, Number.POSITIVE_INFINITY) },
    { text: 'exactly 33 %', ask: () => slices.inRange(33 * unit, 33 * unit) },
    { text: 'sum', ask: () => slices.sum() },
    { text: 'minimum', ask: () => slices.minimum() },
    { text: 'maximum', ask: () => slices.maximum() },
    { text: 'median', ask: () => slices.quantiles([0.5]) },
    { text: '5 quantiles', ask: () => slices.quantiles(fractions) },
    { text: '5 quantiles, within one of 1,000', ask: () => slices.quantiles(fractions, few) },
    { text: 'histogram of 10', ask: () => slices.histogram(bounds) },
  ];
}

/** Numbers from 0 to `most` at random, one for each user. */
function slicesOf(users: number, most: number): BitSlices {
  const random = new Random(7);
  const numbers = Uint32Array.from({ length: users }, () => random.below(most + 1));
  const ordinals = new Uint32Array(users);
  const slices: Bitmap[] = [];
  for (let bit = 0; most >>> bit > 0; bit++) {
    let count = 0;
    for (let ordinal = 0; ordinal < users; ordinal++) {
      if (((numbers[ordinal]! >>> bit) & 1) === 1) ordinals[count++] = ordinal;
    }
    slices.push(bitmapOf(ordinals.subarray(0, count)));
  }
  const exists = bitmapOf(ordinals.map((_, ordinal) => ordinal));
  exists.runOptimize();
  return new BitSlices(exists, bitmapOf(), slices);
}

/** Milliseconds of all steps, and of the longest. */
function timed(steps: Steps<unknown>): { total: number; longest: number } {
  const start = performance.now();
  let last = start;
  let longest = 0;
  let isDone = false;
  while (!isDone) {
    isDone = steps.next().done === true;
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  }
  return { total: last - start, longest };
}
