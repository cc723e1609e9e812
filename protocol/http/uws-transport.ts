/** HTTP by uWebSockets.js: the fast one. The package is optional, so nothing here loads it before it is asked for. */

import type * as Uws from 'uWebSockets.js';
import { createServer } from 'node:net';
import { SegmentdError } from '../../src/index.js';
import { listening } from '../listening.js';
import { problemOfFraming } from './framing.js';
import type { ConnectionGate, HttpHandler, HttpListener, Transport } from './transport.js';
import { UwsExchange } from './uws-exchange.js';

type Module = typeof Uws;
type Socket = Uws.us_listen_socket;
/** What the package can do and its types do not tell. */
interface App extends Omit<Uws.TemplatedApp, 'listen'> {
  listen(host: string, port: number, options: number, listened: (socket: Socket | false) => void): void;
  close?(): void;
  /** Since 2024: tells of each connection that it begins, with 1, and that it ends, with -1. */
  filter?(told: (res: Uws.HttpResponse, change: number) => void): void;
}

/** LIBUS_LISTEN_EXCLUSIVE_PORT: without it two servers would listen on one port, and neither would know. */
const EXCLUSIVE = 1;

/** Methods that have a name of their own for the package, so that a request need not be asked for its method. */
const METHODS = [
  ['GET', 'get'],
  ['HEAD', 'head'],
  ['POST', 'post'],
  ['PUT', 'put'],
  ['PATCH', 'patch'],
  ['DELETE', 'del'],
  ['OPTIONS', 'options'],
] as const;

/** Where versions since 2024 look for the bytes of a head, once, when they are loaded. */
const HEAD_BYTES = 'UWS_HTTP_MAX_HEADERS_SIZE';

/**
 * Loads the package, for heads of so many bytes where it lets that be chosen. Throws when it is not there, or has no binary
 * for this machine and this version of Node.
 */
export async function loadUws(maxHeadBytes: number): Promise<Module> {
  process.env[HEAD_BYTES] ??= String(maxHeadBytes);
  const loaded = (await import('uWebSockets.js')) as Module & { default?: Module };
  const module = loaded.default ?? loaded;
  // Some builds come with an imitation for machines that they have no binary for: slower than Node's own server.
  if (!Function.prototype.toString.call(module.App).includes('[native code]')) {
    throw new Error('it has no binary for this machine and this version of Node');
  }
  return module;
}

/** Listens with uWebSockets.js, which has limits of its own instead of those it is given: docs/http-transports.md. */
export function uwsTransport(uws: Module): Transport {
  return async (host, port, handler, _limits, gate) => {
    const app = uws.App() as unknown as App;
    watch(app, gate);
    serve(app, handler);
    const socket = listen(app, host, port);
    if (socket === undefined) throw await reasonFor(host, port);
    return listenerOf(uws, app, socket);
  };
}

function serve(app: App, handler: HttpHandler): void {
  const take = (res: Uws.HttpResponse, req: Uws.HttpRequest, method: string): void => {
    const exchange = new UwsExchange(res, req, method);
    try {
      const problem = problemOfFraming(exchange);
      if (problem === undefined) handler(exchange, exchange);
      else exchange.refuse(problem);
    } finally {
      exchange.left();
    }
  };
  for (const [method, name] of METHODS) app[name]('/*', (res, req) => take(res, req, method));
  app.any('/*', (res, req) => take(res, req, req.getCaseSensitiveMethod()));
}

function watch(app: App, gate: ConnectionGate): void {
  let isTurningAway = false;
  const told = (res: Uws.HttpResponse, change: number): void => {
    if (change < 0) {
      if (!isTurningAway) gate.release();
    } else if (!gate.admit()) {
      isTurningAway = true;
      res.close(); // Tells at once that it ends.
      isTurningAway = false;
    }
  };
  app.filter?.(told);
}

function listen(app: App, host: string, port: number): Socket | undefined {
  let socket: Socket | false = false;
  const listened = (given: Socket | false): void => {
    socket = given;
  };
  app.listen(host, port, EXCLUSIVE, listened);
  return socket === false ? undefined : socket;
}

/** The package does not say why it cannot listen; Node does. */
async function reasonFor(host: string, port: number): Promise<unknown> {
  const probe = createServer();
  try {
    await listening(probe, host, port, 'http-port');
  } catch (reason) {
    return reason;
  }
  await new Promise((resolve) => probe.close(resolve));
  const advice = 'try again, or choose --http-transport node';
  return new SegmentdError('INVALID_OPTION', `uWebSockets.js cannot listen on ${host}:${port}: ${advice}`);
}

function listenerOf(uws: Module, app: App, socket: Socket): HttpListener {
  let isClosed = false;
  return {
    port: uws.us_socket_local_port(socket as Uws.us_socket),
    async close() {
      if (isClosed) return;
      isClosed = true;
      // Older versions leave connections to their 10 seconds.
      if (app.close === undefined) uws.us_listen_socket_close(socket);
      else app.close();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}
