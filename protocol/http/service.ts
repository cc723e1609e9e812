/** What the requests of one HTTP server share: limits, counters, and those who are told what happened. */
import { SegmentdError } from '../../src/index.js';
import type { ServerState } from '../server-state.js';
import type { Exchange } from './exchange.js';
import { RequestIds } from './request-id.js';

/** A request that is over. */
export interface FinishedRequest {
  /** The route's path as it was declared, never the request's: that has ids in it. `none` if there is no such route. */
  readonly route: string;
  readonly method: string;
  /** 499 if the client went away before it was answered. */
  readonly status: number;
  readonly milliseconds: number;
  /** Bytes of the bodies. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly requestId: string;
}

export interface HttpHooks {
  /** Called before a request's body is read. Refuses it by throwing. */
  readonly guard?: (exchange: Exchange) => void;
  readonly onDone?: (request: FinishedRequest) => void;
  /** Called with every error that a client is told, and every fault. */
  readonly onError?: (error: unknown, where: { readonly route: string; readonly requestId: string }) => void;
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
