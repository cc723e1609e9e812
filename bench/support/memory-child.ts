/**
 * A process of its own that loads a population and says what it takes; started by the case `memory`, which tells it
 * what to load on the command line, as JSON, and reads its answer from stdout, as JSON.
 */
import { type EngineStats, openEngine } from '../../src/index.js';
import { forEachPair, type Population, tagName, userId, writeUsers } from './users.js';

/** What to load, and how: one write for each user, or for each pair in random order. */
export interface LoadPlan extends Population {
  readonly by: 'user' | 'pair';
}

/** Resident memory of the process in bytes, and what the engine says of itself. */
export interface MemoryReport {
  readonly afterLoad: number;
  readonly afterCompact: number;
  /** Of it, after the load: V8's heap, and the memory outside it that V8 knows of. */
  readonly heap: number;
  readonly seconds: number;
  readonly stats: EngineStats;
}

function measure(plan: LoadPlan): MemoryReport {
  const engine = openEngine();
  const start = performance.now();
  if (plan.by === 'user') writeUsers(engine, plan);
  else forEachPair(plan, (user, tag) => engine.addUsers(tagName(tag), [userId(user)]));
  const seconds = (performance.now() - start) / 1000;
  const afterLoad = process.memoryUsage.rss();
  const heap = process.memoryUsage().heapTotal;
  const stats = engine.stats();
  engine.compact();
  return { afterLoad, afterCompact: process.memoryUsage.rss(), heap, seconds, stats };
}

process.stdout.write(JSON.stringify(measure(JSON.parse(process.argv[2]!) as LoadPlan)));
