/** What the requests of one HTTP server share: limits, counters, and those who are told what happened. */
import { SegmentdError } from '../../src/index.js';
import type { Outcome } from '../command-table.js';
import type { Where } from '../event-log.js';
import type { ServerState } from '../server-state.js';
import type { Exchange } from './exchange.js';
import { RequestIds } from './request-id.js';

/** A request that is over. */
export interface FinishedRequest {
  /** The route's path as it was declared, never the request's: that has ids in it. `none` if there is no such route. */
  readonly route: string;
  /** Redis command that does the same, if there is one. */
  readonly command: string | undefined;
  readonly method: string;
  /** 499 if the client went away before it was answered. */
  readonly status: number;
  readonly milliseconds: number;
  /** Milliseconds from the request's last byte to its answer's first: without those that a slow client takes. */
  readonly answeredIn: number;
  /** Bytes of the bodies. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly requestId: string;
}

/** Statuses of requests that are refused before anything is done. */
const REFUSED = new Set([401, 403, 406, 408, 413, 415]);
/** The client went away before it was answered, as nginx has it. */
export const CLIENT_GONE = 499;

/** How a request ended, as a command. */
export function outcomeOf({ status }: FinishedRequest): Outcome {
  if (status < 400 || status === CLIENT_GONE) return 'done';
  return REFUSED.has(status) ? 'rejected' : 'failed';
}

export interface HttpHooks {
  /** Called before a request's body is read. Refuses it by throwing. */
  readonly guard?: (exchange: Exchange) => void;
  readonly onDone?: (request: FinishedRequest) => void;
  /** Called with every error that a client is told, and every fault. */
  readonly onError?: (error: unknown, where: Where) => void;
}

export class HttpService {
  readonly state: ServerState;
  readonly hooks: HttpHooks;
  readonly requestIds = new RequestIds();
  /** Requests that are waited for: their body is still coming, or their answer takes longer than a turn. */
  waiting = 0;
  /** Long bodies on their way. */
  streams = 0;
  /** Those of them that are exports. */
  exports = 0;

  constructor(state: ServerState, hooks: HttpHooks) {
    this.state = state;
    this.hooks = hooks;
  }

  /** Throws LIMIT_REACHED when no further request can be waited for. */
  checkWaiting(): void {
    const most = this.state.options.httpMaxRequests;
    if (this.waiting < most) return;
    throw new SegmentdError('LIMIT_REACHED', `${most} requests are being worked on: try again later`);
  }

  /** Throws TOO_MANY_EXPORTS when there are as many as may be. */
  checkExports(): void {
    const most = this.state.options.httpMaxExports;
    if (this.exports < most) return;
    throw new SegmentdError('TOO_MANY_EXPORTS', `${most} exports are running: try again when one is over`);
  }
}
