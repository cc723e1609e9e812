/** An engine that is still being opened: the servers listen already, and tell everybody to wait. */
import { performance } from 'node:perf_hooks';
import { StoreEngine } from '../src/engine.js';
import { type Engine, type OpenLaterOptions, openEngineLater, SegmentdError } from '../src/index.js';
import { type EngineOptions, resolveEngineOptions } from '../src/options.js';
import { SegmentStore } from '../src/store/segment-store.js';

/** What opens the engine: `openEngineLater`, or for tests something that takes as long as they like. */
export type OpenEngine = (options: Partial<EngineOptions>, later: OpenLaterOptions) => Promise<Engine>;

/** Opens an engine while the event loop goes on. Throws INVALID_OPTION when an option is unknown or out of its range. */
export class LoadingEngine {
  /** The engine; rejects as `openEngineLater`, or with what `cancel` was given. */
  readonly engine: Promise<Engine>;
  /** Has the options, and is closed: whoever asks it for data by mistake is told so, never that there is none. */
  readonly standIn: Engine;
  /** Milliseconds since the epoch. */
  readonly startedAt = Date.now();
  readonly #began = performance.now();
  readonly #canceller = new AbortController();
  #loadedBytes = 0;
  #totalBytes = 0;

  constructor(options: Partial<EngineOptions>, open: OpenEngine = openEngineLater) {
    const resolved = resolveEngineOptions(options);
    this.standIn = new StoreEngine(resolved, new SegmentStore(resolved), undefined);
    this.standIn.close();
    const onProgress = (done: number, total: number): void => {
      this.#loadedBytes = done;
      this.#totalBytes = total;
    };
    this.engine = open(options, { onProgress, signal: this.#canceller.signal });
    this.engine.catch(() => {}); // Whoever waits for it is told.
  }

  /** Bytes of the data folder that were read, of all. */
  get loadedBytes(): number {
    return this.#loadedBytes;
  }

  get totalBytes(): number {
    return this.#totalBytes;
  }

  /** The same as a share, 0 to 1. */
  get progress(): number {
    return this.#totalBytes === 0 ? 0 : this.#loadedBytes / this.#totalBytes;
  }

  /** How long it takes from now on, if it goes on as it did; 0 when that cannot be said yet. */
  get secondsLeft(): number {
    const { progress } = this;
    const spent = (performance.now() - this.#began) / 1000;
    return progress === 0 ? 0 : (spent * (1 - progress)) / progress;
  }

  /** The error for who must wait. Clients know it by its prefix. */
  refusal(): SegmentdError {
    return new SegmentdError('LOADING', 'segmentd is loading the dataset in memory');
  }

  /** Gives up, unless it is loaded: `engine` rejects once the data folder is let go of. */
  cancel(reason: Error = new Error('loading was given up')): void {
    this.#canceller.abort(reason);
  }
}
