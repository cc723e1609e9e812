/** What is counted of HTTP: a few numbers for each route, so that counting costs next to nothing. */
import { METHODS } from 'node:http';
import { LatencyCounts } from '../../src/latency-counts.js';
import type { FinishedRequest } from '../http/service.js';

/** Requests with one method to one route. */
export interface RouteCounts {
  readonly route: string;
  readonly method: string;
  readonly durations: LatencyCounts;
  readonly byStatus: Map<number, number>;
}

/** How many requests are worked on: see `HttpService`. */
export interface WorkCounts {
  readonly waiting: number;
  readonly streams: number;
  readonly exports: number;
}

/** Routes that are told apart. The server has fewer; this is for the day when somebody passes a path. */
const MAX_ROUTES = 200;
const OTHER = 'other';
const known = new Set(METHODS);

export class HttpMeter {
  bytesIn = 0;
  bytesOut = 0;
  /** Connections, if the transport tells of them: open now, accepted and refused since the start. */
  connections = 0;
  connectionsAccepted = 0;
  connectionsRejected = 0;
  /** What the server is at work on, once there is one. */
  work: WorkCounts | undefined;
  readonly #routes = new Map<string, Map<string, RouteCounts>>();

  /** Every route and method that was asked for. */
  *routes(): Iterable<RouteCounts> {
    for (const methods of this.#routes.values()) yield* methods.values();
  }

  onConnected(): void {
    this.connections++;
    this.connectionsAccepted++;
  }

  onDisconnected(): void {
    this.connections--;
  }

  onRejected(): void {
    this.connectionsRejected++;
  }

  onDone({ route, method, status, milliseconds, bytesIn, bytesOut }: FinishedRequest): void {
    this.bytesIn += bytesIn;
    this.bytesOut += bytesOut;
    const counts = this.#countsOf(route, method);
    counts.durations.count(1, milliseconds);
    counts.byStatus.set(status, (counts.byStatus.get(status) ?? 0) + 1);
  }

  #countsOf(route: string, method: string): RouteCounts {
    return this.#routes.get(route)?.get(method) ?? this.#add(route, method);
  }

  #add(givenRoute: string, givenMethod: string): RouteCounts {
    const method = known.has(givenMethod) ? givenMethod : OTHER;
    const hasRoom = this.#routes.has(givenRoute) || this.#routes.size < MAX_ROUTES;
    const route = hasRoom ? givenRoute : OTHER;
    const methods = this.#routes.get(route) ?? new Map<string, RouteCounts>();
    this.#routes.set(route, methods);
    const counts = methods.get(method) ?? {
      route,
      method,
      durations: new LatencyCounts(),
      byStatus: new Map<number, number>(),
    };
    methods.set(method, counts);
    return counts;
  }
}
