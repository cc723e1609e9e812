import { performance } from 'node:perf_hooks';
import type { Engine } from '../../src/index.js';

/** For so long the memory is not counted anew. */
export const MEMORY_SECONDS = 5;

/** Bytes of the data by part. */
export type MemoryParts = Readonly<Record<string, number>>;

/** The engine's memory, some seconds old at most: counting walks all bitmaps, and metrics may be asked for all the time. */
export function memoryPartsOf(
  engine: Pick<Engine, 'stats'>,
  now = () => performance.now(),
): () => MemoryParts {
  let parts: MemoryParts | undefined;
  let countedAt = 0;
  return () => {
    if (parts === undefined || now() - countedAt >= MEMORY_SECONDS * 1000) {
      const { total: _, ...bytes } = engine.stats().bytes;
      parts = bytes;
      countedAt = now();
    }
    return parts;
  };
}
