/** What a route is: declared as one object. */
import { contentType, Negotiator, VALUE_TYPES } from './content.js';
import type { Exchange } from './exchange.js';
import { KnownQueries } from './query-parameters.js';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface Route {
  /** GET answers HEAD as well. */
  readonly method: Method;
  /** `/v1/users/{id}/tags`; a parameter stands for one segment that is not empty. */
  readonly path: string;
  /** Names of the parameters behind the question mark; others are refused. `raw`: the handler reads `search` itself. */
  readonly query?: readonly string[] | 'raw';
  /** Headers that the handler reads, in lower case; the usual ones (Accept, Content-Type and their kind) are not its business. */
  readonly headers?: readonly string[];
  /** Does it take a body: a value (JSON or MessagePack), or bytes of the types in `takes`? None by default. */
  readonly body?: 'value' | 'bytes';
  /** Media types of a body of bytes. */
  readonly takes?: readonly string[];
  /** Bytes that its body may have; by default the option http-max-body-bytes. */
  readonly maxBodyBytes?: number;
  /** Media types that it answers in, the preferred one first, if they are not those of values: then it makes the bytes itself. */
  readonly produces?: readonly string[];
  /** May its streams be compressed, if the client takes that? */
  readonly gzip?: boolean;
  /** May everybody ask, without a password? */
  readonly isOpen?: boolean;
  /** Redis command that does the same; its metrics count this one too. */
  readonly command?: string;
  /**
   * Answers. What it returns is the answer: a value, a promise of one, or a query whose result is the value; undefined means
   * that there is nothing to say (204, or 304 if it says so). Unless it has called `send` or `stream`.
   */
  handle(exchange: Exchange): unknown;
}

/** A route with what is worked out once. */
export class KnownRoute {
  readonly route: Route;
  /** Names of the parameters in the path, in their order. */
  readonly parameters: readonly string[];
  readonly negotiator: Negotiator;
  readonly queries: KnownQueries;
  readonly #takes: readonly string[];

  constructor(route: Route, parameters: readonly string[]) {
    this.route = route;
    this.parameters = parameters;
    this.negotiator = new Negotiator(route.produces ?? VALUE_TYPES);
    this.queries = new KnownQueries(typeof route.query === 'object' ? route.query : []);
    this.#takes = route.takes ?? VALUE_TYPES;
  }

  /** The media type of a body. Throws UNSUPPORTED_TYPE when it is not taken. */
  contentType(header: string | undefined): string {
    return contentType(header, this.#takes);
  }
}
