import { expect, it } from 'vitest';
import { randomInput, randomNumbers, randomPieces } from '../support/random-protocol.js';
import { readCommands } from '../support/read-commands.js';

/** How many inputs a run tries, each whole and in pieces; a few seconds. */
const RUNS = 100_000;

it('makes the same of random bytes whole and in pieces, and fails with protocol errors only', () => {
  const seed = Date.now() & 0x7fffffff;
  const random = randomNumbers(seed);
  let errors = 0;
  let commands = 0;
  for (let run = 0; run < RUNS; run++) {
    const input = randomInput(random);
    const whole = readCommands([input]);
    const inPieces = readCommands(randomPieces(random, input));
    if (JSON.stringify(inPieces) !== JSON.stringify(whole)) {
      expect
        .soft(inPieces, `seed ${seed}, run ${run}, ${JSON.stringify(input.toString('latin1'))}`)
        .toEqual(whole);
    }
    if (whole.error !== null) errors++;
    commands += whole.commands.length;
  }
  // The inputs are worth something only when they are neither all refused nor all fine.
  expect(errors).toBeGreaterThan(RUNS / 10);
  expect(commands).toBeGreaterThan(RUNS / 10);
});
