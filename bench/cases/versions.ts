import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { type Engine, openEngine } from '../../src/index.js';
import type { ListBatch } from '../../src/versions/preparation.js';
import { readOptions } from '../support/options.js';
import { printTable } from '../support/table.js';
import { userId } from '../support/users.js';

export const name = 'versions';
export const summary =
  'ms to publish a new list of a tag and to roll it back, and the longest hold; --users --changed (per mille) --kind';

/** Ids that come at once. */
const BATCH = 1000;
const TAG = 'loaded';
const KINDS = ['flag', 'enum', 'number'] as const;

/** Prints a line for each part of the work: how long it takes, and for how long nobody else had a turn at the most. */
export async function run(args: readonly string[]): Promise<void> {
  const { users, changed, kind } = readOptions(args, { users: 10_000_000, changed: 10, kind: 0 });
  const half = Math.round((users * changed) / 2000);
  const kindName = KINDS[kind] ?? 'flag';
  console.log(
    `${users} users of a ${kindName}; a list without ${half} of them, with ${half} others, half of them new`,
  );
  const engine = openEngine();
  fill(engine, users, Math.ceil(half / 2), kindName);
  const rows: [string, number, number, number][] = [];
  const measure = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    const holds = new Holds();
    const start = performance.now();
    const result = await work();
    const milliseconds = performance.now() - start;
    await holds.end();
    rows.push([what, milliseconds, ...holds.longest]);
    return result;
  };
  const preparation = engine.versions.begin(TAG);
  let making = 0;
  await measure('the list: looked up', () => later(addAll()));
  rows[0]![1] -= making;
  const prepared = await measure('prepare: what is different', () => later(preparation.finish()));
  await measure('publish: until it is visible', () => engine.versions.publish([prepared.draft]).later());
  await measure('publish: until vectors are rewritten', () => rewritten(engine));
  const total = rows.slice(1).reduce((sum, [, milliseconds]) => sum + milliseconds, 0);
  await measure('roll back: until it is visible', () => engine.versions.rollBack(TAG).later());
  await measure('roll back: until vectors are rewritten', () => rewritten(engine));
  printTable(['part', 'ms', 'longest hold, ms', 'on the processor, ms'], rows);
  console.log(`publishing, without the look-up of the list: ${total.toFixed(0)} ms in all`);
  const { entered, left, changed: other, unknown } = prepared;
  console.log(
    `${entered} entered, ${left} left, ${other} changed, ${unknown} unknown; ${engine.versions.pending} pending`,
  );
  engine.close();

  function* addAll(): Generator<undefined, void> {
    const every = Math.floor(users / half);
    for (let user = 0; user < users + half; ) {
      const start = performance.now();
      const wanted: number[] = [];
      for (; wanted.length < BATCH && user < users + half; user++) {
        if (user >= users || user % every !== 0) wanted.push(user);
      }
      const batch = batchOf(wanted);
      making += performance.now() - start;
      yield* preparation.add(batch);
    }
  }

  function batchOf(wanted: readonly number[]): ListBatch {
    const list = { users: wanted.map(userId) };
    return kindName === 'flag' ? list : { ...list, values: wanted.map((user) => valueFor(kindName, user)) };
  }
}

/** Users 0 to `users` − 1 have the tag, `others` more have not; most have another tag besides. */
function fill(engine: Engine, users: number, others: number, kind: (typeof KINDS)[number]): void {
  engine.declareTag(TAG, { kind });
  engine.declareTag('base', { kind: 'flag' });
  for (let user = 0; user < users + others; user++) {
    const [tags, values] = [[] as string[], [] as (true | string | number)[]];
    if (user >= users || user % 10 !== 0) {
      tags.push('base');
      values.push(true);
    }
    if (user < users) {
      tags.push(TAG);
      values.push(kind === 'flag' ? true : valueFor(kind, user));
    }
    engine.apply({ type: 'setTags', user: userId(user), tags, values });
  }
}

function valueFor(kind: (typeof KINDS)[number], user: number): string | number {
  return kind === 'enum' ? `value ${user % 100}` : user % 1000;
}

/** Runs steps in turns of a millisecond. */
async function later<T>(steps: Generator<undefined, T>): Promise<T> {
  for (;;) {
    const ends = performance.now() + 1;
    do {
      const step = steps.next();
      if (step.done === true) return step.value;
    } while (performance.now() < ends);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function rewritten(engine: Engine): Promise<void> {
  while (engine.versions.pending > 0) await new Promise((resolve) => setImmediate(resolve));
}

/** The longest time between two turns of the event loop, by the clock and on the processor. */
class Holds {
  readonly longest: [wall: number, processor: number] = [0, 0];
  #last = performance.now();
  #lastProcessor = processorTime();
  #isOver = false;

  constructor() {
    this.#watch();
  }

  async end(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#isOver = true;
  }

  #watch(): void {
    const [now, processor] = [performance.now(), processorTime()];
    this.longest[0] = Math.max(this.longest[0], now - this.#last);
    this.longest[1] = Math.max(this.longest[1], processor - this.#lastProcessor);
    this.#last = now;
    this.#lastProcessor = processor;
    if (!this.#isOver) setImmediate(() => this.#watch());
  }
}

/** Milliseconds that this thread has had of a processor; on a busy machine the clock says little. 0 if nobody knows. */
function processorTime(): number {
  try {
    return Number(readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ')[0]) / 1e6;
  } catch {
    return 0;
  }
}
