/** HTTP clients: listens, finds the route of each request, and lets it answer. */
import { SegmentdError } from '../../src/index.js';
import type { ServerState } from '../server-state.js';
import { chooseTransport, type TransportName } from './choose-transport.js';
import { Exchange } from './exchange.js';
import { KnownRoute, type Route } from './route.js';
import { Router } from './router.js';
import { type HttpHooks, HttpService } from './service.js';
import type { ConnectionGate, Header, HttpHandler } from './transport.js';

/** A listening server. */
export interface HttpServer {
  readonly port: number;
  /** Who speaks HTTP. */
  readonly transport: Exclude<TransportName, 'auto'>;
  /** What is going on: counters that are zero when nothing is. */
  readonly service: Pick<HttpService, 'waiting' | 'streams' | 'exports'>;
  /** Stops listening and ends every connection. */
  close(): Promise<void>;
}

/**
 * Serves routes to HTTP clients, on the port of the options unless another is given; 0 takes any free one. Throws PORT_IN_USE,
 * and INVALID_OPTION for a host that cannot be listened on or a transport that is not installed.
 */
export async function listenHttp(
  state: ServerState,
  routes: readonly Route[],
  hooks: HttpHooks = {},
  port = state.options.httpPort,
): Promise<HttpServer> {
  const { options } = state;
  const service = new HttpService(state, hooks);
  state.http.work = service;
  const maxHeadBytes = options.httpMaxHeaderBytes + options.httpMaxUrlBytes;
  const { name, transport } = await chooseTransport(options.httpTransport, maxHeadBytes);
  const listener = await transport(
    options.host,
    port,
    handlerOf(service, routes),
    {
      maxHeaderBytes: options.httpMaxHeaderBytes,
      maxUrlBytes: options.httpMaxUrlBytes,
      headTimeout: options.httpHeadTimeout,
      keepAliveTimeout: options.httpKeepAliveTimeout,
    },
    gateOf(state),
  );
  return { port: listener.port, transport: name, service, close: () => listener.close() };
}

function gateOf({ http, options, events }: ServerState): ConnectionGate {
  return {
    admit() {
      if (http.connections < options.httpMaxConnections) {
        http.onConnected();
        return true;
      }
      http.onRejected();
      events.connectionRejected(http.connections);
      return false;
    },
    release: () => http.onDisconnected(),
  };
}

function handlerOf(service: HttpService, routes: readonly Route[]): HttpHandler {
  const router = new Router<KnownRoute>();
  for (const route of routes) {
    router.add(route.method, route.path, (parameters) => new KnownRoute(route, parameters));
  }
  const { options } = service.state;
  return (request, response) => {
    const exchange = new Exchange(service, request, response);
    let headers: readonly Header[] = [];
    try {
      const { method, path, query } = request;
      if (path.length + query.length >= options.httpMaxUrlBytes) throw tooLong(options.httpMaxUrlBytes);
      const captures: string[] = [];
      const known = router.find(method, path, captures);
      if (known === undefined) throw nothingThere();
      const route = known.routes.get(method);
      if (route !== undefined) {
        exchange.start(route, captures);
        return;
      }
      headers = [['allow', known.allow]];
      if (method !== 'OPTIONS') {
        throw new SegmentdError('METHOD_NOT_ALLOWED', `there is no ${method} here, only ${known.allow}`);
      }
      exchange.sendNothing(headers);
    } catch (error) {
      exchange.fail(error, headers);
    }
  };
}

function nothingThere(): SegmentdError {
  return new SegmentdError('UNKNOWN_ROUTE', 'there is nothing at this path: /docs shows what there is');
}

function tooLong(limit: number): SegmentdError {
  return new SegmentdError('URL_TOO_LONG', `path and query may have at most ${limit} bytes`);
}
