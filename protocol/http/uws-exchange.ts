/**
 * A request and its answer by uWebSockets.js. The library's rules, a breach of which ends the process: a request is there
 * until its handler returns; by then the answer is sent or someone listens for the abort; an answer that is sent or aborted
 * must not be touched.
 */

import type * as Uws from 'uWebSockets.js';
import { STATUS_CODES } from 'node:http';
import { SegmentdError } from '../../src/index.js';
import { BodyBuffer } from './body-buffer.js';
import { Linger } from './linger.js';
import { problemOf } from './problem.js';
import type { Header, HttpRequest, HttpResponse } from './transport.js';

/**
 * Bytes of a piece that show whether there is room again. The library keeps whatever does not fit, and only says whether it
 * had to; so not more than these are given to it while it still keeps some.
 */
const PROBE_BYTES = 1024;

const CLOSE = 'close';

/** `200 OK` and its kind, by status. */
const statusLines: string[] = [];

export class UwsExchange implements HttpRequest, HttpResponse {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly #res: Uws.HttpResponse;
  /** Until the handler returns. */
  #req: Uws.HttpRequest | undefined;
  /** Nothing was sent; a head is ready to be sent with the first piece; all or part was sent. */
  #phase: 'open' | 'begun' | 'streaming' | 'done' = 'open';
  #status = 200;
  #headers: readonly Header[] = [];
  /** Is a body that was asked for still coming? */
  #isReceiving = false;
  #received: BodyBuffer | undefined;
  /** Was it refused, and what still comes dropped? */
  #isRefused = false;
  /** Are we inside a call in which the library must not lose the connection? */
  #isInData = false;
  #isAborted = false;
  #linger: Linger | undefined;
  /** Said to be sent, and waiting for room. */
  #held: Uint8Array | undefined;
  #isEnding = false;
  #onAbort: (() => void) | undefined;
  #onDrained: (() => void) | undefined;

  constructor(res: Uws.HttpResponse, req: Uws.HttpRequest, method: string) {
    this.#res = res;
    this.#req = req;
    this.method = method;
    this.path = req.getUrl();
    this.query = req.getQuery() ?? '';
  }

  get remoteAddress(): string {
    if (this.#isAborted || this.#phase === 'done') return '';
    return addressText(new Uint8Array(this.#res.getRemoteAddress()));
  }

  get isAborted(): boolean {
    return this.#isAborted;
  }

  header(name: string): string | undefined {
    return this.#req?.getHeader(name) || undefined;
  }

  body(limit: number, done: (bytes: Buffer | undefined) => void): void {
    const received = new BodyBuffer();
    this.#received = received;
    const refuse = (): void => {
      this.#drop();
      setImmediate(() => this.#isAborted || done(undefined));
    };
    // The library may free a connection that is to be closed behind its answer while it still reads from it.
    const later = this.header('connection')?.length === CLOSE.length;
    this.#isReceiving = true;
    if (Number(this.header('content-length') ?? 0) > limit) refuse();
    this.#res.onData((chunk, isLast) => {
      this.#linger?.dropped(chunk.byteLength);
      if (!this.#isRefused) {
        if (received.length + chunk.byteLength > limit) refuse();
        else received.add(new Uint8Array(chunk));
      }
      if (!isLast) return;
      this.#isReceiving = false;
      if (this.#isRefused) setImmediate(() => this.#linger?.end());
      else {
        const bytes = received.take();
        if (later) setImmediate(() => this.#isAborted || done(bytes));
        else this.#inData(() => done(bytes));
      }
    });
  }

  /** The handler has returned. */
  left(): void {
    this.#req = undefined;
    if (this.#phase !== 'done') this.#res.onAborted(() => this.#aborted());
  }

  onAbort(callback: () => void): void {
    this.#onAbort = callback;
  }

  onDrained(callback: () => void): void {
    this.#onDrained = callback;
  }

  /** Answers what should not have been sent, and ends the connection. */
  refuse(message: string): void {
    const { status, headers, body } = problemOf(new SegmentdError('SYNTAX', message));
    this.#isRefused = true;
    // Not while the library still reads from the connection.
    setImmediate(() => this.send(status, headers, body));
  }

  send(status: number, headers: readonly Header[], body: Uint8Array | string): void {
    if (this.#isAborted || this.#phase !== 'open') return;
    if (this.#isReceiving || this.#isRefused) this.#sendAndClose(status, headers, body);
    else if (this.#req !== undefined) this.#sendNow(status, headers, body);
    else this.#res.cork(() => this.#sendNow(status, headers, body));
  }

  begin(status: number, headers: readonly Header[]): void {
    if (this.#isAborted || this.#phase !== 'open') return;
    this.#phase = 'begun';
    this.#status = status;
    this.#headers = headers;
  }

  write(piece: Uint8Array): boolean {
    if (this.#isAborted) return false;
    const isFirst = this.#phase === 'begun';
    this.#phase = 'streaming';
    if (isFirst) this.#res.onWritable(() => this.#writable());
    let hasRoom = true;
    this.#res.cork(() => {
      if (isFirst) this.#writeHead(this.#status, this.#headers);
      hasRoom = this.#writePiece(piece);
    });
    return hasRoom;
  }

  end(): void {
    if (this.#isAborted || this.#phase === 'done' || this.#isEnding) return;
    if (this.#held !== undefined) {
      this.#isEnding = true;
      return;
    }
    const isEmpty = this.#phase === 'begun';
    this.#phase = 'done';
    this.#res.cork(() => {
      if (isEmpty) this.#writeHead(this.#status, this.#headers);
      if (isEmpty && this.method === 'HEAD') this.#res.endWithoutBody();
      else this.#res.end();
    });
  }

  abort(): void {
    if (this.#isAborted || this.#phase === 'done') return;
    if (this.#isInData || this.#req !== undefined) {
      setImmediate(() => this.abort());
      return;
    }
    this.#res.close();
  }

  /** Nobody wants the body any more. */
  #drop(): void {
    this.#isRefused = true;
    this.#received?.clear();
  }

  #writeHead(status: number, headers: readonly Header[]): void {
    const res = this.#res;
    if (status !== 200) res.writeStatus(statusLine(status));
    for (const [name, value] of headers) res.writeHeader(name, value);
  }

  #sendNow(status: number, headers: readonly Header[], body: Uint8Array | string): void {
    const res = this.#res;
    this.#writeHead(status, headers);
    const bytes = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
    if (status === 204 || status === 304 || this.method === 'HEAD') {
      // Not as an argument of endWithoutBody: some versions then wait for the body.
      if (status !== 204 && status !== 304) res.writeHeader('content-length', String(bytes));
      this.#phase = 'done';
      res.endWithoutBody();
      return;
    }
    // Unlike `end`, it keeps nothing for a client that does not read: such a one gets no answer to further requests.
    const [, isDone] = res.tryEnd(body, bytes);
    this.#phase = isDone ? 'done' : 'streaming';
    if (!isDone) this.#sendRest(typeof body === 'string' ? Buffer.from(body) : body);
  }

  #sendRest(body: Uint8Array): void {
    const res = this.#res;
    res.onWritable((offset) => {
      const [isSent, isDone] = res.tryEnd(body.subarray(offset), body.length);
      if (isDone) this.#phase = 'done';
      return isSent;
    });
  }

  /** Closes the connection behind the answer, but not before the client has stopped sending. */
  #sendAndClose(status: number, headers: readonly Header[], body: Uint8Array | string): void {
    this.#drop();
    this.#phase = 'begun';
    const linger = new Linger(() => {
      this.#phase = 'done';
      this.#res.cork(() => {
        this.#writeHead(status, headers);
        this.#res.end(body, true);
      });
    });
    this.#linger = linger;
    if (!this.#isReceiving) linger.end();
  }

  /** Gives the library a piece, unless it still keeps parts of earlier ones. Returns whether it has room for more. */
  #writePiece(piece: Uint8Array): boolean {
    const probe = Math.min(piece.length, PROBE_BYTES);
    if (!this.#res.write(piece.subarray(0, probe))) {
      this.#held = piece.subarray(probe);
      return false;
    }
    this.#held = undefined;
    if (probe === piece.length || this.#res.write(piece.subarray(probe))) return true;
    this.#held = NOTHING;
    return false;
  }

  /** There is room again, for some bytes at least. The library sends what it keeps when a cork is taken off. */
  #writable(): boolean {
    const held = this.#held;
    let hasRoom = true;
    this.#res.cork(() => {
      if (held !== undefined && held.length > 0) hasRoom = this.#writePiece(held);
    });
    if (held === undefined || !hasRoom) return hasRoom;
    this.#held = undefined;
    if (this.#isEnding) {
      this.#isEnding = false;
      this.end();
    } else this.#onDrained?.();
    return true;
  }

  #inData(call: () => void): void {
    this.#isInData = true;
    try {
      call();
    } finally {
      this.#isInData = false;
    }
  }

  #aborted(): void {
    if (this.#isAborted || this.#phase === 'done') return;
    this.#isAborted = true;
    this.#held = undefined;
    this.#linger?.cancel();
    this.#onAbort?.();
  }
}

const NOTHING = new Uint8Array(0);

function statusLine(status: number): string {
  statusLines[status] ??= `${status} ${STATUS_CODES[status] ?? 'Unknown'}`;
  return statusLines[status];
}

/** An address of 4 or 16 bytes as text. */
function addressText(bytes: Uint8Array): string {
  const isMapped =
    bytes.length === 16 && bytes[11] === 0xff && bytes.subarray(0, 10).every((byte) => byte === 0);
  if (bytes.length === 4 || isMapped) return bytes.subarray(-4).join('.');
  const words = Array.from({ length: 8 }, (_, i) => ((bytes[i * 2]! << 8) | bytes[i * 2 + 1]!).toString(16));
  // The parser of URLs knows how addresses are shortened.
  return new URL(`http://[${words.join(':')}]`).hostname.slice(1, -1);
}
