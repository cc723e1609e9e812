/**
 * What the HTTP face needs of whoever speaks HTTP: a handful of calls, so that there can be two who do, with the same
 * behaviour (uws-transport.ts, node-transport.ts), and so that nothing else knows of either.
 */

/** A response's header; the name in lower case. */
export type Header = readonly [name: string, value: string];

/** A request whose head has been read. What it gives is only there until the handler returns, unless said otherwise. */
export interface HttpRequest {
  /** Upper case. */
  readonly method: string;
  /** As it was sent: percent-encoded, without the query. */
  readonly path: string;
  /** Behind the question mark, as it was sent; empty when there is none. */
  readonly query: string;
  /** The client's IP address; empty once the answer is sent or the client has gone. */
  readonly remoteAddress: string;
  /** A header's value, the first if there are several; `name` in lower case. Undefined when it was not sent or is empty. */
  header(name: string): string | undefined;
  /**
   * Receives the body, once, whenever it is complete; `done` gets undefined as soon as it has more than `limit` bytes. Never
   * called for a client that goes away. To be asked for before the handler returns, or not at all: then it is dropped. An
   * answer that is sent while the body is still coming ends the connection, once the rest is dropped (see linger.ts).
   */
  body(limit: number, done: (bytes: Buffer | undefined) => void): void;
}

/** Where the answer goes; may be used after the handler has returned. After an abort all calls do nothing. */
export interface HttpResponse {
  /** Has the client gone away? */
  readonly isAborted: boolean;
  /** Called once if the connection ends before the answer is complete, be it by the client or by `abort`. */
  onAbort(callback: () => void): void;
  /** Sends a whole answer; the transport adds Content-Length and, where HTTP asks for it, Date. HEAD gets no body. */
  send(status: number, headers: readonly Header[], body: Uint8Array | string): void;
  /** Begins an answer of unknown length; its head goes out with the first piece. */
  begin(status: number, headers: readonly Header[]): void;
  /**
   * Sends a piece, which must stay as it is while it waits. False when the client does not read fast enough: then call again
   * only when `onDrained` says so.
   */
  write(piece: Uint8Array): boolean;
  /** Called each time there is room again after `write` said no. */
  onDrained(callback: () => void): void;
  /** Completes an answer that was begun. */
  end(): void;
  /** Ends the connection without completing the answer, so that the client knows that something is missing. */
  abort(): void;
}

export type HttpHandler = (request: HttpRequest, response: HttpResponse) => void;

/** Limits that a transport enforces by itself, as far as it can: docs/http-transports.md. */
export interface TransportLimits {
  /** Bytes of all headers together; more get 431. */
  readonly maxHeaderBytes: number;
  /** Bytes of path and query that reach the handler; it refuses longer ones itself. */
  readonly maxUrlBytes: number;
  /**
   * Milliseconds for a request's head, between the pieces of a body, and for a client that does not read its answer; then
   * the connection is cut off.
   */
  readonly headTimeout: number;
  /** Milliseconds that an idle connection is kept. */
  readonly keepAliveTimeout: number;
}

/** Who counts connections and says which are too many. */
export interface ConnectionGate {
  /** A client has connected. False: it is to be turned away, and nothing more to be said of it. */
  admit(): boolean;
  /** One that was admitted has gone. */
  release(): void;
}

/** A listening server. */
export interface HttpListener {
  readonly port: number;
  /** Stops listening and ends every connection. */
  close(): Promise<void>;
}

/** Listens on host and port; 0 takes any free port. Throws PORT_IN_USE, or INVALID_OPTION for a host that cannot be listened on. */
export type Transport = (
  host: string,
  port: number,
  handler: HttpHandler,
  limits: TransportLimits,
  gate: ConnectionGate,
) => Promise<HttpListener>;
