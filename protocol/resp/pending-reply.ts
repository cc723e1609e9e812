/** A reply that waits for its query, which gets turns among other work. */
import { performance } from 'node:perf_hooks';
import type { Query } from '../../src/store/query.js';

/** How long a query works before others have their turn, in milliseconds. */
const TURN_MILLISECONDS = 0.25;

export class PendingReply {
  /** Milliseconds of work on the command so far. */
  spent = 0;
  /** Is the reply not wanted? */
  readonly isSilent: boolean;
  readonly #query: Query<unknown>;
  readonly #write: () => void;

  /** `write` is called once the query has its result, unless the reply is not wanted. */
  constructor(query: Query<unknown>, isSilent: boolean, write: () => void) {
    this.#query = query;
    this.isSilent = isSilent;
    this.#write = write;
  }

  /** Works for a turn, and writes the reply when it is ready. Returns whether it was. Throws what the query throws. */
  advance(): boolean {
    const began = performance.now();
    try {
      if (!this.#query.advance(TURN_MILLISECONDS)) return false;
      if (!this.isSilent) this.#write();
      return true;
    } finally {
      this.spent += performance.now() - began;
    }
  }

  /** Gives the query up. */
  cancel(): void {
    this.#query.cancel();
  }
}
