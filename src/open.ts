/** Opens an engine: at once, or while other work goes on. */
import { performance } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Engine, StoreEngine } from './engine.js';
import { type EngineOptions, resolveEngineOptions } from './options.js';
import { openPersistence } from './persistence/persistence.js';
import type { OnProgress } from './persistence/snapshot.js';
import type { Storage } from './persistence/storage.js';
import { fileStorage } from './persistence/storage-file.js';
import { SegmentStore } from './store/segment-store.js';
import { finish, type Steps } from './store/steps.js';

/** How long opening goes on before others have their turn. */
const TURN_MILLISECONDS = 5;

/**
 * Opens an engine, with what is kept in its data folder if it has one. Throws INVALID_OPTION when an option is unknown or out
 * of its range; DATA_DIR_IN_USE, DATA_CORRUPT or PERSISTENCE_FAILED when the data folder cannot be opened.
 */
export function openEngine(options: Partial<EngineOptions> = {}): Engine {
  return openEngineOn(options, fileStorage);
}

/** As `openEngine`, with files of one's own making: for tests of what happens when a disk fails. */
export function openEngineOn(options: Partial<EngineOptions>, storage: Storage): Engine {
  return finish(opening(resolveEngineOptions(options), storage));
}

/** What `openEngineLater` takes besides the engine's options. */
export interface OpenLaterOptions {
  /** Told how far it is: bytes of the data folder that are read, of all. */
  readonly onProgress?: OnProgress;
  /** Gives up when it is aborted: the promise rejects with its reason. */
  readonly signal?: AbortSignal;
}

/** As `openEngine`, while the event loop goes on: never more than a few milliseconds at a time are spent on it. */
export async function openEngineLater(
  options: Partial<EngineOptions> = {},
  { onProgress, signal }: OpenLaterOptions = {},
): Promise<Engine> {
  const steps = opening(resolveEngineOptions(options), fileStorage, onProgress);
  try {
    for (;;) {
      const turnEnds = performance.now() + TURN_MILLISECONDS;
      do {
        const step = steps.next();
        if (step.done === true) return step.value;
      } while (performance.now() < turnEnds);
      await nextTurn();
      signal?.throwIfAborted();
    }
  } finally {
    steps.return(undefined as never);
  }
}

function* opening(options: EngineOptions, storage: Storage, onProgress?: OnProgress): Steps<Engine> {
  // What was written before the engine became strict is still there: it is strict once that is replayed.
  const storeOptions = { maxEnumValues: options.maxEnumValues, strict: false };
  const persistence =
    options.dataDir === '' ? undefined : yield* openPersistence(options, storage, storeOptions, onProgress);
  const store = persistence?.store ?? new SegmentStore(storeOptions);
  storeOptions.strict = options.strict;
  return new StoreEngine(options, store, persistence);
}
