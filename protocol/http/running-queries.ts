/** The queries of one request that take longer than a turn: they go on in turns with all other work, until it is over. */

import { SegmentdError } from '../../src/index.js';
import type { Query } from '../../src/store/query.js';
import type { Turns } from '../resp/turns.js';

/** How long a query works before others have their turn, in milliseconds. */
export const TURN_MILLISECONDS = 0.25;

export class RunningQueries {
  readonly #turns: Turns;
  readonly #cancels = new Set<() => void>();

  constructor(turns: Turns) {
    this.#turns = turns;
  }

  /** The query's result, once it is there. Rejects with what the query throws, and when it is cancelled. */
  add<T>(query: Query<T>): Promise<T> {
    const result = new Promise<T>((resolve, reject) => {
      const cancel = (): void => {
        query.cancel();
        reject(new SegmentdError('QUERY_TIMEOUT', 'the query was cancelled: its request is over'));
      };
      this.#cancels.add(cancel);
      this.#turns.add(() => {
        if (!this.#cancels.has(cancel)) return true;
        try {
          if (!query.advance(TURN_MILLISECONDS)) return false;
          resolve(query.result);
        } catch (error) {
          reject(error);
        }
        this.#cancels.delete(cancel);
        return true;
      });
    });
    result.catch(() => {}); // Who waits for two at once learns of one failure only; the other must not end the process.
    return result;
  }

  /** Gives all of them up. */
  cancel(): void {
    for (const cancel of this.#cancels) cancel();
    this.#cancels.clear();
  }
}
