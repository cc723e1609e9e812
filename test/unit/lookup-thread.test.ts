import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { Random } from '../../bench/support/random.js';
import type { Engine } from '../../src/index.js';

/** The worker loads compiled code, so this side does as well; `npm test` builds it. */
const built = new URL('../../dist/src/index.js', import.meta.url);
const worker = new URL('../support/lookup-worker.mjs', import.meta.url);

const CHANGES = 1_000_000;
const VALUES = 997;
/** Those with an even number are never erased. */
const group = Array.from({ length: 2000 }, (_, i) => `user ${i}`);
/** Long, so that the newcomers fill more than one arena. */
const newcomer = `newcomer with a name of its own, as long as names go, ${'-'.repeat(150)} number `;

/** Words that both threads see; as in the worker. */
const SHARED = { VERSION: 0, NEWCOMERS: 1, STOP: 2, READS: 3, CLEARING: 4 };

interface Findings {
  readonly problem: string | undefined;
  readonly reads: number;
  readonly changes: number;
  readonly absent: number;
  readonly newcomers: number;
}

async function openBuiltEngine(): Promise<Engine> {
  if (!existsSync(built)) throw new Error('dist/ is missing: run `npm test`, or `npm run build` first');
  const { openEngine } = (await import(built.href)) as typeof import('../../src/index.js');
  return openEngine();
}

/** A worker that reads `engine`, once it is reading. */
async function startReader(engine: Engine, shared: Int32Array, values: number): Promise<Worker> {
  const handle = engine.share();
  const workerData = { lookupModule: built.href, handle, shared, group, newcomer, values };
  const reader = new Worker(worker, { workerData, transferList: [handle.port] });
  expect(await once(reader, 'message')).toEqual(['ready']);
  return reader;
}

/** Stops the worker's reading; what it found, and all that it reads of some users afterwards. */
async function findingsOf(reader: Worker, shared: Int32Array, ids: string[]): Promise<[Findings, unknown[]]> {
  const found = once(reader, 'message');
  Atomics.store(shared, SHARED.STOP, 1);
  const [findings] = (await found) as [Findings];
  const rest = once(reader, 'message');
  const exit = once(reader, 'exit');
  reader.postMessage(ids);
  const [rows] = (await rest) as [unknown[]];
  await exit;
  return [findings, rows];
}

test('a worker that reads during a million changes never sees half of one', {
  timeout: 120_000,
}, async () => {
  const engine = await openBuiltEngine();
  const shared = new Int32Array(new SharedArrayBuffer(64));
  const random = new Random(8);
  let version = 0;
  let come = 0;
  /** Writes a version that nobody has had; `user` of the group, or a newcomer. */
  const write = (user: number) => {
    version += group.length;
    const c = version + Math.max(user, 0);
    const k = c % VALUES;
    Atomics.store(shared, SHARED.VERSION, c);
    const id = user < 0 ? `${newcomer}${come++}` : group[user]!;
    engine.apply({ type: 'setTags', user: id, tags: ['a', 'b', 'c', 'f'], values: [`v${k}`, `v${k}`, c, k] });
    Atomics.store(shared, SHARED.NEWCOMERS, come);
  };
  const populate = () => {
    engine.declareTag('c', { kind: 'number' });
    engine.declareTag('f', { kind: 'number' });
    for (const user of group.keys()) write(user);
  };

  populate();
  const reader = await startReader(engine, shared, VALUES);
  for (let change = 0; change < CHANGES; change++) {
    const user = random.below(group.length);
    if (change % 5 === 0) write(-1);
    else if (change % 10 === 1) engine.eraseUser(group[user | 1]!);
    else if (change % 500 === 2) engine.setTags(group[user]!, { [`t${change % 77}`]: 'x', flag: true });
    else if (change % 500 === 3) engine.dropTag(`t${random.below(77)}`);
    else if (change % 100_000 === 4)
      engine.declareTag('f', { kind: change % 200_000 === 4 ? 'enum' : 'number' });
    else if (change === 500_006) {
      Atomics.add(shared, SHARED.CLEARING, 1);
      engine.clear();
      populate();
      Atomics.add(shared, SHARED.CLEARING, 1);
    } else write(user);
  }
  const ids = [...group, ...Array.from({ length: 3000 }, (_, i) => `${newcomer}${come - 1 - i}`)];
  const [findings, rows] = await findingsOf(reader, shared, ids);

  expect(findings.problem).toBeUndefined();
  expect(findings.reads).toBeGreaterThan(50_000);
  expect(findings.changes).toBeGreaterThan(5000);
  expect(findings.absent).toBeGreaterThan(100);
  expect(findings.newcomers).toBeGreaterThan(5000);
  // What there was to trip over: new arenas, grown shards, evacuated frames.
  expect(engine.store.world.lists.records.length).toBeGreaterThan(1);
  expect(engine.store.world.lists.slots.length).toBeGreaterThan(0);
  expect(rows).toEqual(ids.map((id) => engine.getAll(id)));
  expect(engine.check().problems).toEqual([]);
  engine.close();
});

test('a worker is not kept from reading by changes that all bring new values', {
  timeout: 60_000,
}, async () => {
  const engine = await openBuiltEngine();
  const shared = new Int32Array(new SharedArrayBuffer(64));
  engine.declareTag('c', { kind: 'number' });
  engine.declareTag('f', { kind: 'enum' });
  // So many that no value is written twice.
  const values = 2 ** 31;
  let reader: Worker | undefined;
  for (let change = 0; change < 100_000; change++) {
    if (change === group.length) reader = await startReader(engine, shared, values);
    const c = change + group.length;
    const user = c % group.length;
    Atomics.store(shared, SHARED.VERSION, c);
    engine.setTags(group[user]!, { a: `v${c}`, b: `v${c}`, c, f: String(c) });
  }
  const before = Atomics.load(shared, SHARED.READS);
  const [findings, rows] = await findingsOf(reader!, shared, group);
  expect(findings.problem).toBeUndefined();
  expect(before).toBeGreaterThan(1000);
  expect(rows).toEqual(group.map((id) => engine.getAll(id)));
  engine.close();
});
