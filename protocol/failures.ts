/** Errors that clients were told: those that are not their own doing are counted and logged here. */
import { SegmentdError } from '../src/index.js';
import { WrongArity } from './arguments.js';
import type { EventLog, Where } from './event-log.js';
import { ProtocolError } from './resp/limits.js';

export class Failures {
  /** Queries that were given up because they took too long. */
  queryTimeouts = 0;
  /** Faults of our own. */
  internalErrors = 0;
  readonly #events: EventLog;
  readonly #journal: { look(): void };

  constructor(events: EventLog, journal: { look(): void }) {
    this.#events = events;
    this.#journal = journal;
  }

  /** To be told of every error that a client is told. */
  note(error: unknown, where: Where): void {
    if (error instanceof ProtocolError) this.#events.protocolError(error.message, where);
    else if (error instanceof SegmentdError && error.code !== 'INTERNAL') this.#noteRefusal(error, where);
    else if (!(error instanceof WrongArity)) {
      this.internalErrors++;
      this.#events.internalError(error, where);
    }
  }

  #noteRefusal({ code }: SegmentdError, where: Where): void {
    if (code === 'QUERY_TIMEOUT') {
      this.queryTimeouts++;
      this.#events.queryTimedOut(where);
    } else if (code === 'WRONG_PASSWORD') this.#events.authenticationFailed(where);
    else if (code === 'PERSISTENCE_FAILED') this.#journal.look();
  }
}
