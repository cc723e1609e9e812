/** A request and its answer, as handlers of routes see them; and the life of a request from its head to its end. */
import { performance } from 'node:perf_hooks';
import { type Engine, SegmentdError, type UserId } from '../../src/index.js';
import { Query } from '../../src/store/query.js';
import type { ServerState } from '../server-state.js';
import { decodeValue, encodeValue, MAX_VALUE_BYTES, takesGzip } from './content.js';
import { decodeBytes, decodeText, isPlain } from './percent.js';
import { problemOf } from './problem.js';
import type { QueryParameters } from './query-parameters.js';
import type { KnownRoute, Route } from './route.js';
import { RunningQueries, TURN_MILLISECONDS } from './running-queries.js';
import { CLIENT_GONE, type HttpService } from './service.js';
import { Download, type Producer } from './streams.js';
import type { Header, HttpRequest, HttpResponse } from './transport.js';

const NO_ROUTE = 'none';
const EMPTY = Buffer.alloc(0);
const VARY: Header = ['vary', 'accept-encoding'];
const GZIP: Header = ['content-encoding', 'gzip'];

/** By media type, because the same ones come again and again. */
const contentTypeHeaders = new Map<string, Header>();

export class Exchange {
  readonly requestId: string;
  /** The status of the answer, if it is not an error. */
  status = 200;
  /** The media type of the answer, one of those that the client accepts. */
  mediaType = '';
  /** The body as it came; empty without one. */
  body: Buffer = EMPTY;
  /** The body's media type, one of those that the route takes; empty when none was said, which only an empty body may. */
  bodyType = '';
  /** The body's value, if the route takes one; undefined without a body. */
  value: unknown;
  readonly #service: HttpService;
  readonly #request: HttpRequest;
  readonly #response: HttpResponse;
  readonly #began: number;
  /** When the request was there as a whole. */
  #taken: number;
  /** When its answer began, if that takes longer. */
  #answered: number | undefined;
  #known: KnownRoute | undefined;
  #captures: readonly string[] = [];
  #query: QueryParameters | undefined;
  #readHeaders: Map<string, string | undefined> | undefined;
  #takesGzip = false;
  #headers: Header[] | undefined;
  /** Was the head sent, or is someone about to? */
  #isAnswered = false;
  /** Is the answer there, and held back until the disk has what was changed? */
  #isHeld = false;
  /** May something have been changed in an earlier turn than that of the answer? */
  #changedBefore = false;
  #isOver = false;
  /** Is it counted among those that are waited for? */
  #isWaiting = false;
  #isReceiving = false;
  #isExport = false;
  #timer: NodeJS.Timeout | undefined;
  #queries: RunningQueries | undefined;
  #download: Download | undefined;

  constructor(service: HttpService, request: HttpRequest, response: HttpResponse) {
    this.#service = service;
    this.#request = request;
    this.#response = response;
    this.#began = service.hooks.onDone === undefined ? 0 : performance.now();
    this.#taken = this.#began;
    this.requestId = service.requestIds.of(request.header('x-request-id'));
  }

  get server(): ServerState {
    return this.#service.state;
  }

  get engine(): Engine {
    return this.#service.state.engine;
  }

  get method(): string {
    return this.#request.method;
  }

  /** What is asked for; not before a route was found. */
  get route(): Route {
    return this.#known!.route;
  }

  /** The client's IP address; empty once it is answered or gone. */
  get remoteAddress(): string {
    return this.#request.remoteAddress;
  }

  /** Has it been answered, or has the client gone? Then nobody waits for anything any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** What is behind the question mark, as it was sent. */
  get search(): string {
    return this.#request.query;
  }

  /** What is behind the question mark. Throws INVALID_ARGUMENT and SYNTAX. */
  get query(): QueryParameters {
    this.#query ??= this.#known!.queries.of(this.search);
    return this.#query;
  }

  /** A header of the request, its name in lower case: one of those that the route says it reads. */
  header(name: string): string | undefined {
    // Of others the request knows only until the handler returns, or asks for the body.
    return this.#readHeaders === undefined ? this.#request.header(name) : this.#readHeaders.get(name);
  }

  /** A parameter of the path as an id: any bytes. */
  id(name: string): UserId {
    const text = this.#capture(name);
    return isPlain(text) ? text : decodeBytes(text, `the path's ${name}`);
  }

  /** A parameter of the path as text. Throws SYNTAX for what is not UTF-8. */
  text(name: string): string {
    return decodeText(this.#capture(name), `the path's ${name}`);
  }

  /** Adds a header to the answer, if it is not an error; the name in lower case. */
  setHeader(name: string, value: string): void {
    this.#headers ??= [];
    this.#headers.push([name, value]);
  }

  /**
   * Answers with a body that is ready, once what was changed before is as durable as was promised. Throws PERSISTENCE_FAILED
   * when it is not kept.
   */
  send(body: string | Uint8Array, mediaType = this.mediaType): void {
    if (this.#isOver) return;
    this.#beginAnswer();
    this.#whenKept(() => {
      const { status } = this;
      this.#response.send(status, this.#headersWith(mediaType), body);
      this.#end(status, body);
    });
  }

  /**
   * Answers with a long body; the producer is released whatever happens. Not for those who change something: it waits for no
   * disk. With `isExport`, it is one of those of which there must not be many. Throws TOO_MANY_EXPORTS.
   */
  stream(producer: Producer, { mediaType = this.mediaType, isExport = false } = {}): void {
    try {
      if (this.#isOver) {
        producer.release();
        return;
      }
      if (isExport) this.#service.checkExports();
      this.#beginAnswer();
    } catch (error) {
      producer.release();
      throw error;
    }
    this.#response.onAbort(() => this.#abort());
    clearTimeout(this.#timer); // From here on it takes as long as the client reads.
    const isCompressed = this.#takesGzip;
    const begin = (): void => {
      this.#answered = performance.now();
      const headers = this.#headersWith(mediaType);
      if (this.#known!.route.gzip === true) headers.push(VARY);
      if (isCompressed) headers.push(GZIP);
      this.#response.begin(this.status, headers);
    };
    if (this.method === 'HEAD') {
      producer.release();
      begin();
      this.#response.end();
      this.#end(this.status, EMPTY);
      return;
    }
    this.#isExport = isExport;
    this.#service.streams++;
    if (isExport) this.#service.exports++;
    let hasBegun = false;
    this.#download = new Download(this.#response, producer, this.#service.state.turns, isCompressed, {
      onBegin() {
        hasBegun = true;
        begin();
      },
      onEnd: () => this.#end(this.status, EMPTY),
      onError: (error) => {
        this.#isAnswered = hasBegun;
        this.fail(error);
      },
    });
  }

  /**
   * Brings a query to its end in turns with all other work, and gives its result. Cancelled when the client goes away or the
   * request takes too long; then the promise is rejected, with an error that nobody needs to handle. Throws as the query, and
   * LIMIT_REACHED.
   */
  async finish<T>(query: Query<T>): Promise<T> {
    if (query.advance(TURN_MILLISECONDS)) return query.result;
    try {
      this.#wait(true);
    } catch (error) {
      query.cancel();
      throw error;
    }
    this.#queries ??= new RunningQueries(this.server.turns);
    return this.#queries.add(query);
  }

  /** Takes the request up; not for handlers. Throws what is to be told the client. */
  start(known: KnownRoute, captures: readonly string[]): void {
    this.#known = known;
    this.#captures = captures;
    const { route } = known;
    this.#service.hooks.guard?.(this);
    this.mediaType = known.negotiator.choose(this.header('accept'));
    for (const capture of captures) if (!isPlain(capture)) decodeBytes(capture, 'the path');
    if (this.search !== '' && route.query !== 'raw') this.query;
    if (route.gzip === true) this.#takesGzip = takesGzip(this.header('accept-encoding'));
    if (route.body === undefined) {
      this.#keepHeaders();
      this.#run();
    } else this.#receive();
  }

  /** Answers without a body and without negotiation; not for handlers. */
  sendNothing(headers: readonly Header[]): void {
    const status = this.status === 200 ? 204 : this.status;
    this.#isAnswered = true;
    this.#response.send(status, [...headers, ['x-request-id', this.requestId]], EMPTY);
    this.#end(status, EMPTY);
  }

  /** Tells the client of an error; not for handlers, which throw it. */
  fail(error: unknown, headers: readonly Header[] = []): void {
    // Once it is over, what goes on for it fails by being cancelled; faults are told all the same.
    if (this.#isOver && error instanceof SegmentdError) return;
    this.#service.hooks.onError?.(error, {
      route: this.#routeName,
      requestId: this.requestId,
      address: this.remoteAddress,
    });
    if (this.#isOver) return;
    if (this.#isAnswered && !this.#isHeld) {
      // All that can be told by now is that something is missing.
      this.#response.abort();
      return;
    }
    const problem = problemOf(error, this.requestId);
    const all: Header[] = [...problem.headers, ['x-request-id', this.requestId], ...headers];
    this.#response.send(problem.status, all, problem.body);
    this.#end(problem.status, problem.body);
  }

  get #routeName(): string {
    return this.#known?.route.path ?? NO_ROUTE;
  }

  #capture(name: string): string {
    const text = this.#captures[this.#known!.parameters.indexOf(name)];
    if (text === undefined) throw new Error(`the path ${this.#routeName} has no parameter ${name}`);
    return text;
  }

  #keepHeaders(): void {
    const { headers } = this.#known!.route;
    if (headers === undefined) return;
    this.#readHeaders = new Map(headers.map((name) => [name, this.#request.header(name)]));
  }

  #receive(): void {
    const { route } = this.#known!;
    const header = this.header('content-type');
    // Without a body none is needed.
    const type = header === undefined ? undefined : this.#known!.contentType(header);
    const encoding = this.header('content-encoding')?.toLowerCase() ?? 'identity';
    if (encoding !== 'identity') {
      throw new SegmentdError('UNSUPPORTED_TYPE', `bodies in ${encoding} are not taken: send it without`);
    }
    this.#keepHeaders();
    this.#wait(true);
    this.#isReceiving = true;
    const most = this.server.options.httpMaxBodyBytes;
    const limit = route.maxBodyBytes ?? (route.body === 'value' ? Math.min(most, MAX_VALUE_BYTES) : most);
    this.#request.body(limit, (bytes) => {
      this.#isReceiving = false;
      if (this.#isOver) return;
      this.#taken = performance.now();
      try {
        if (bytes === undefined)
          throw new SegmentdError('BODY_TOO_LARGE', `a body may have at most ${limit} bytes here`);
        this.#take(bytes, type);
        this.#run();
      } catch (error) {
        this.fail(error);
      }
    });
  }

  #take(bytes: Buffer, type: string | undefined): void {
    this.body = bytes;
    if (type !== undefined) this.bodyType = type;
    if (bytes.length === 0) return;
    type ??= this.#known!.contentType(undefined);
    if (this.#known!.route.body === 'value') this.value = decodeValue(bytes, type);
  }

  #run(): void {
    this.#settle(this.#known!.route.handle(this));
  }

  #settle(result: unknown): void {
    if (result instanceof Query) {
      if (result.advance(TURN_MILLISECONDS)) this.#answer(result.result);
      else this.#settle(this.finish(result));
    } else if (result instanceof Promise) {
      this.#wait(false);
      this.#changedBefore = this.#isChanging;
      result.then((value) => this.#settle(value)).catch((error) => this.fail(error));
    } else this.#answer(result);
  }

  #answer(value: unknown): void {
    if (this.#isAnswered || this.#isOver) return;
    if (value === undefined) {
      this.#beginAnswer();
      this.#whenKept(() => this.sendNothing(this.#headers ?? []));
    } else if (this.#known!.route.produces === undefined) this.send(encodeValue(value, this.mediaType));
    else this.send(value as string | Uint8Array);
  }

  #beginAnswer(): void {
    if (this.#isAnswered) throw new Error(`${this.#routeName} answers twice`);
    this.#isAnswered = true;
  }

  /** May it change anything at all? A request that does the same as a command does what the command does. */
  get #isChanging(): boolean {
    const entry = this.server.commands.named(this.route.command);
    return entry === undefined ? this.route.method !== 'GET' : entry.command.flags.has('write');
  }

  /**
   * Answers once what was changed is kept, so that nobody is told before that it was. Whoever only reads waits for nobody's
   * changes.
   */
  #whenKept(answer: () => void): void {
    const { engine } = this;
    this.#isHeld = true;
    const release = (): void => {
      this.#isHeld = false;
      answer();
    };
    if (engine.commit() && (!this.#changedBefore || engine.durable)) {
      release();
      return;
    }
    this.#wait(false);
    engine.whenDurable((error) => {
      if (this.#isOver) return;
      if (error === undefined) release();
      else this.fail(error);
    });
  }

  #headersWith(mediaType: string): Header[] {
    let header = contentTypeHeaders.get(mediaType);
    if (header === undefined) {
      header = ['content-type', mediaType];
      contentTypeHeaders.set(mediaType, header);
    }
    const headers: Header[] = [header, ['x-request-id', this.requestId]];
    if (this.#headers !== undefined) headers.push(...this.#headers);
    return headers;
  }

  /** From now on it is waited for, with a deadline; `isLimited` throws LIMIT_REACHED when there are too many of those. */
  #wait(isLimited: boolean): void {
    if (this.#isWaiting || this.#isOver) return;
    if (isLimited) this.#service.checkWaiting();
    this.#isWaiting = true;
    this.#service.waiting++;
    this.#response.onAbort(() => this.#abort());
    const timeout = this.server.options.httpRequestTimeout;
    const isDue = !this.#isAnswered || this.#isHeld;
    if (timeout > 0 && isDue) this.#timer = setTimeout(() => this.#tooLate(timeout), timeout);
  }

  #tooLate(timeout: number): void {
    if (this.#isReceiving) {
      this.fail(new SegmentdError('REQUEST_TIMEOUT', `the body did not come within ${timeout} ms`));
      return;
    }
    if (this.#isHeld) {
      const message = `the disk did not take it within ${timeout} ms`;
      this.fail(new SegmentdError('PERSISTENCE_FAILED', `it was changed, and may be lost: ${message}`));
      return;
    }
    const advice = 'ask for less, or raise http-request-timeout';
    this.fail(new SegmentdError('QUERY_TIMEOUT', `the request took longer than ${timeout} ms: ${advice}`));
  }

  #abort(): void {
    if (!this.#isOver) this.#end(CLIENT_GONE, EMPTY);
  }

  /** It is over, one way or the other: lets go of everything and tells those who count. */
  #end(status: number, body: string | Uint8Array): void {
    this.#isOver = true;
    const service = this.#service;
    clearTimeout(this.#timer);
    if (this.#isWaiting) service.waiting--;
    if (this.#download !== undefined) {
      service.streams--;
      if (this.#isExport) service.exports--;
      this.#download.cancel();
    }
    this.#queries?.cancel();
    const { onDone } = service.hooks;
    if (onDone === undefined) return;
    const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
    const now = performance.now();
    onDone({
      route: this.#routeName,
      command: this.#known?.route.command,
      method: this.method,
      status,
      milliseconds: now - this.#began,
      answeredIn: (this.#answered ?? now) - this.#taken,
      bytesIn: this.body.length,
      bytesOut: this.#download?.bytes ?? length,
      requestId: this.requestId,
    });
  }
}
