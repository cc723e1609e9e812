/** One of several things that are measured in the same run. */
export interface Contestant {
  readonly name: string;
  /** Does the work once. Returns how many operations that was. */
  run(): number | Promise<number>;
}

/** Nanoseconds per operation. */
export interface Timing {
  readonly name: string;
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/**
 * Runs the contestants in turn, `rounds` times after one unmeasured round, so that whatever else the machine does meanwhile
 * falls on all of them alike.
 */
export async function inTurn(contestants: readonly Contestant[], rounds: number): Promise<Timing[]> {
  const samples = contestants.map((): number[] => []);
  for (let round = -1; round < rounds; round++) {
    for (const [i, contestant] of contestants.entries()) {
      const start = process.hrtime.bigint();
      const operations = await contestant.run();
      const elapsed = Number(process.hrtime.bigint() - start);
      if (round >= 0) samples[i]!.push(elapsed / operations);
    }
  }
  return contestants.map(({ name }, i) => ({
    name,
    median: median(samples[i]!),
    least: Math.min(...samples[i]!),
    most: Math.max(...samples[i]!),
  }));
}

/** The middle of the numbers, or the mean of the two in the middle. */
export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >>> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
