/** What is left to do once a version is published, in turns between which others are served. */
import { performance } from 'node:perf_hooks';
import type { SegmentStore } from '../store/segment-store.js';

/** How long a turn takes, in milliseconds. */
const TURN_MILLISECONDS = 1;
/** Users between two looks at the clock: some hundred microseconds. */
const BATCH = 128;

/** Rewrites vectors, and erases records that no version names any more. */
export class Background {
  readonly #store: SegmentStore;
  #next: NodeJS.Immediate | undefined;

  constructor(store: SegmentStore) {
    this.#store = store;
  }

  /** To be called when there may be something to do. */
  start(): void {
    this.#next ??= setImmediate(() => this.#turn());
  }

  /** Ends all turns; what is not done stays undone. */
  stop(): void {
    clearImmediate(this.#next);
    this.#next = undefined;
  }

  #turn(): void {
    this.#next = undefined;
    const ends = performance.now() + TURN_MILLISECONDS;
    do {
      if (!this.#store.rewrite(BATCH) && !this.#store.versions.sweep(BATCH)) return;
    } while (performance.now() < ends);
    this.start();
  }
}
