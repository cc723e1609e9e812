/** HTTP by Node's own server: slower than uWebSockets.js, and there without anything to install. */
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type ErrorCode, SegmentdError } from '../../src/index.js';
import { listening } from '../listening.js';
import { BodyBuffer } from './body-buffer.js';
import { problemOfFraming } from './framing.js';
import { Linger } from './linger.js';
import { problemOf } from './problem.js';
import type {
  ConnectionGate,
  Header,
  HttpHandler,
  HttpListener,
  HttpRequest,
  HttpResponse,
  Transport,
  TransportLimits,
} from './transport.js';

/** Bytes of a request line besides the URL: method, version, blanks. */
const REQUEST_LINE_BYTES = 64;

/** Listens with node:http. */
export const nodeTransport: Transport = async (host, port, handler, limits, gate) => {
  const server = createServer({
    maxHeaderSize: limits.maxHeaderBytes + limits.maxUrlBytes + REQUEST_LINE_BYTES,
    headersTimeout: limits.headTimeout,
    // A body may take its time as long as it keeps coming.
    requestTimeout: 0,
    keepAliveTimeout: limits.keepAliveTimeout,
    requireHostHeader: false, // We ask for it ourselves: Node's refusal has no words.
    connectionsCheckingInterval: Math.ceil(limits.headTimeout / 4),
  });
  const connections: Connections = new Map();
  serve(server, handler, limits, gate, connections);
  await listening(server, host, port, 'http-port');
  return listenerOf(server, connections);
};

/** Those of a connection who wait for something. Node tells only the first of several that it has ended. */
type Waiting = Set<NodeExchange>;
type Connections = Map<Socket, Waiting>;

function serve(
  server: Server,
  handler: HttpHandler,
  limits: TransportLimits,
  gate: ConnectionGate,
  connections: Connections,
): void {
  server.on('connection', (socket) => {
    // One may come while the server is closed.
    if (!server.listening || !gate.admit()) {
      socket.destroy();
      return;
    }
    const waiting: Waiting = new Set();
    connections.set(socket, waiting);
    socket.on('close', () => {
      connections.delete(socket);
      gate.release();
      for (const exchange of waiting) exchange.closed();
    });
  });
  const take = (req: IncomingMessage, res: ServerResponse, isHeldBack: boolean): void => {
    const waiting = connections.get(req.socket)!;
    const exchange = new NodeExchange(req, res, waiting, limits.headTimeout, isHeldBack);
    try {
      const problem = problemOfHead(req, exchange);
      if (problem === undefined) handler(exchange, exchange);
      else exchange.refuse(problem);
    } finally {
      exchange.left();
    }
  };
  server.on('request', (req, res) => take(req, res, false));
  server.on('checkContinue', (req, res) => take(req, res, true));
  server.on('checkExpectation', (req, res) => take(req, res, false));
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    refuse(error, socket as Socket, limits);
  });
}

/** What is wrong with a head that Node takes. */
function problemOfHead(req: IncomingMessage, request: HttpRequest): string | undefined {
  if (req.httpVersionMajor !== 1) return `HTTP/${req.httpVersion} is not spoken here: send HTTP/1.1`;
  if (req.httpVersionMinor > 0 && request.header('host') === undefined) return 'the header Host is missing';
  return problemOfFraming(request);
}

function listenerOf(server: Server, connections: Connections): HttpListener {
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of connections.keys()) socket.destroy();
      return closed;
    },
  };
}

/** Answers what could not be read as a request, and ends the connection. */
function refuse(error: NodeJS.ErrnoException, socket: Socket, limits: TransportLimits): void {
  if (socket.writableEnded) return; // It still sends, after it was refused.
  // An answer on its way, of which Node tells nobody else, must not get this one into its middle.
  const isAnswering = (socket as { _httpMessage?: unknown })._httpMessage != null;
  if (!socket.writable || isAnswering || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const { status, headers, body } = problemOf(refusalOf(error, limits));
  const all: readonly Header[] = [
    ...headers,
    ['content-length', String(Buffer.byteLength(body))],
    ['date', new Date().toUTCString()],
    ['connection', 'close'],
  ];
  const head = all.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const linger = new Linger(() => socket.destroy());
  socket.on('close', () => linger.cancel());
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${head}\r\n${body}`);
}

function refusalOf(error: NodeJS.ErrnoException & { rawPacket?: Buffer }, limits: TransportLimits): Error {
  const refusal = (code: ErrorCode, message: string): Error => new SegmentdError(code, message);
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return refusal('REQUEST_TIMEOUT', `no whole request came within ${limits.headTimeout} ms`);
  }
  if (error.code !== 'HPE_HEADER_OVERFLOW') return refusal('SYNTAX', `that is not HTTP: ${error.message}`);
  const line = error.rawPacket?.indexOf('\n') ?? 0;
  if (line < 0 || line > limits.maxUrlBytes + REQUEST_LINE_BYTES) {
    return refusal('URL_TOO_LONG', `path and query may have at most ${limits.maxUrlBytes} bytes`);
  }
  return refusal('HEADERS_TOO_LARGE', `headers may have ${limits.maxHeaderBytes} bytes`);
}

/** A request and its answer. */
class NodeExchange implements HttpRequest, HttpResponse {
  readonly path: string;
  readonly query: string;
  readonly #req: IncomingMessage;
  readonly #res: ServerResponse;
  readonly #waiting: Waiting;
  readonly #timeout: number;
  /** Does the client wait to be told that it may send its body? */
  readonly #isHeldBack: boolean;
  /** Nothing was sent; a head is ready to be sent with the first piece; all or part was sent. */
  #phase: 'open' | 'begun' | 'streaming' | 'done' = 'open';
  #status = 200;
  #headers: readonly Header[] = [];
  /** Is a body that was asked for still coming? */
  #isReceiving = false;
  #received: BodyBuffer | undefined;
  /** Is the connection to be ended behind the answer, and what still comes dropped? */
  #mustClose = false;
  /** Has the handler returned? */
  #hasLeft = false;
  #isAborted = false;
  #isBlocked = false;
  #linger: Linger | undefined;
  #onAbort: (() => void) | undefined;
  #onDrained: (() => void) | undefined;

  constructor(
    req: IncomingMessage,
    res: ServerResponse,
    waiting: Waiting,
    timeout: number,
    isHeldBack: boolean,
  ) {
    this.#req = req;
    this.#res = res;
    this.#waiting = waiting;
    this.#timeout = timeout;
    this.#isHeldBack = isHeldBack;
    const url = originForm(req.url!);
    const mark = url.indexOf('?');
    this.path = mark < 0 ? url : url.slice(0, mark);
    this.query = mark < 0 ? '' : url.slice(mark + 1);
  }

  get method(): string {
    return this.#req.method!;
  }

  get remoteAddress(): string {
    const address = this.#req.socket.remoteAddress ?? '';
    // An IPv4 client of a socket that listens for both.
    return address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
  }

  get isAborted(): boolean {
    return this.#isAborted;
  }

  header(name: string): string | undefined {
    if (this.#hasLeft) return undefined; // As with the other transport, so that nobody gets used to it.
    const raw = this.#req.rawHeaders;
    for (let i = 0; i < raw.length; i += 2) {
      const key = raw[i]!;
      if (key.length === name.length && (key === name || key.toLowerCase() === name)) {
        return raw[i + 1] === '' ? undefined : raw[i + 1];
      }
    }
    return undefined;
  }

  body(limit: number, done: (bytes: Buffer | undefined) => void): void {
    const req = this.#req;
    const received = new BodyBuffer();
    this.#received = received;
    const refuse = (): void => {
      this.#drop();
      process.nextTick(() => this.#isAborted || done(undefined));
    };
    this.#isReceiving = true;
    if (Number(this.header('content-length') ?? 0) > limit) refuse();
    else if (this.#isHeldBack) this.#res.writeContinue();
    req.socket.setTimeout(this.#timeout);
    req.on('data', (chunk: Buffer) => {
      this.#linger?.dropped(chunk.length);
      if (this.#mustClose) return;
      if (received.length + chunk.length > limit) refuse();
      else received.add(chunk);
    });
    req.on('end', () => {
      this.#isReceiving = false;
      req.socket.setTimeout(0);
      this.#linger?.end();
      if (!this.#mustClose) done(received.take());
    });
  }

  /** The handler has returned: from now on the answer may be waited for. */
  left(): void {
    this.#hasLeft = true;
    if (this.#phase !== 'done') this.#waiting.add(this);
  }

  /** The connection has ended. */
  closed(): void {
    this.#linger?.cancel();
    if (this.#isAborted || this.#phase === 'done') return;
    this.#isAborted = true;
    this.#onAbort?.();
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
    this.#mustClose = true;
    this.send(status, headers, body);
  }

  send(status: number, headers: readonly Header[], body: Uint8Array | string): void {
    if (this.#isAborted || this.#phase !== 'open') return;
    const bytes = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
    const hasBody = status !== 204 && status !== 304;
    this.#writeHead(status, headers, hasBody ? String(bytes) : undefined);
    this.#phase = 'done';
    if (this.#isReceiving) this.#sendAndLinger(body);
    else {
      this.#settled();
      this.#res.end(body);
      this.#watchReader();
    }
  }

  begin(status: number, headers: readonly Header[]): void {
    if (this.#isAborted || this.#phase !== 'open') return;
    this.#phase = 'begun';
    this.#status = status;
    this.#headers = headers;
  }

  write(piece: Uint8Array): boolean {
    if (this.#isAborted) return false;
    if (this.#phase === 'begun') this.#beginToStream();
    if (this.#res.write(piece)) return true;
    this.#isBlocked = true;
    this.#req.socket.setTimeout(this.#timeout);
    return false;
  }

  end(): void {
    if (this.#isAborted || this.#phase === 'done') return;
    if (this.#phase === 'begun') {
      this.#writeHead(this.#status, this.#headers, this.method === 'HEAD' ? undefined : '0');
    }
    this.#phase = 'done';
    this.#settled();
    this.#res.end();
    this.#watchReader();
  }

  abort(): void {
    if (this.#phase === 'done') return;
    this.#req.socket.destroy();
    this.closed();
  }

  /** Nobody wants the body any more. */
  #drop(): void {
    this.#mustClose = true;
    this.#received?.clear();
  }

  /** Nothing is waited for any more. */
  #settled(): void {
    if (this.#hasLeft) this.#waiting.delete(this);
  }

  #writeHead(status: number, headers: readonly Header[], length: string | undefined): void {
    const res = this.#res;
    const fields: string[] = [];
    for (const [name, value] of headers) fields.push(name, value);
    if (length !== undefined) fields.push('content-length', length);
    if (this.#isReceiving || this.#mustClose) fields.push('connection', 'close');
    // Since HTTP/1.1 connections are kept unless one says otherwise.
    else if (this.#req.httpVersionMinor >= 1) res.removeHeader('connection');
    res.writeHead(status, fields);
  }

  #beginToStream(): void {
    this.#phase = 'streaming';
    this.#writeHead(this.#status, this.#headers, undefined);
    this.#res.on('drain', () => {
      if (!this.#isBlocked) return;
      this.#isBlocked = false;
      this.#req.socket.setTimeout(0);
      this.#onDrained?.();
    });
  }

  /** The answer is not ended, and so the connection not closed, before the client has stopped sending. */
  #sendAndLinger(body: Uint8Array | string): void {
    this.#drop();
    if (body.length > 0) this.#res.write(body);
    this.#linger = new Linger(() => {
      this.#settled();
      this.#res.end();
    });
  }

  /** Does not wait forever for a client that does not read the end of its answer. */
  #watchReader(): void {
    const { socket } = this.#req;
    if (socket.writableLength > 0) socket.setTimeout(this.#timeout);
  }
}

/** Path and query of a request's target, which may have a host in front. */
function originForm(url: string): string {
  if (url.startsWith('/')) return url;
  const host = url.indexOf('://');
  const slash = host < 0 ? -1 : url.indexOf('/', host + '://'.length);
  return slash < 0 ? url : url.slice(slash);
}
