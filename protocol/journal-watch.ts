/** Sees when the journal begins to fail, and when it is well again: that is logged and counted. */
import type { Engine } from '../src/index.js';
import type { EventLog } from './event-log.js';

export class JournalWatch {
  /** How often it began to fail. */
  failures = 0;
  /** When that was last, in milliseconds since the epoch; 0 if never. */
  lastFailureAt = 0;
  readonly #engine: Engine;
  readonly #events: EventLog;
  #failure: string | undefined;

  constructor(engine: Engine, events: EventLog) {
    this.#engine = engine;
    this.#events = events;
  }

  /** To be called every second or so, and when a change was refused. */
  look(): void {
    const failure = this.#engine.persistence?.failure;
    if (failure === this.#failure) return;
    if (failure === undefined) this.#events.journalRecovered();
    else {
      // Another reason is no other failure, as when a write that fails is followed by a sync that does.
      if (this.#failure === undefined) {
        this.failures++;
        this.lastFailureAt = Date.now();
      }
      this.#events.journalFailed(failure);
    }
    this.#failure = failure;
  }
}
