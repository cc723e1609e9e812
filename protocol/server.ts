/** The servers on an engine: `segmentd/server`. */
import type { Engine } from '../src/index.js';
import { resolveServerOptions, type ServerOptions } from '../src/options.js';
import { healthRoutes } from './http/health-routes.js';
import { type HttpServer, listenHttp } from './http/server.js';
import { createLogger, type Logger, silentLogger } from './logging.js';
import { metricsRoute, observing } from './metrics/mount.js';
import { allCommands } from './registry.js';
import { listenResp } from './resp/server.js';
import { ServerState } from './server-state.js';

export type { ServerOptions } from '../src/options.js';
export type { Logger } from './logging.js';

/** What `startServer` takes: the engine to serve, and any of the options of the command line. */
export interface StartServerOptions extends Partial<ServerOptions> {
  readonly engine: Engine;
  /** Called once a client's SHUTDOWN has closed the server; the engine is left open. */
  readonly onShutdown?: () => void;
  /** Takes the logs; one of pino or Fastify fits. Without it there are none, unless `logLevel` is given. */
  readonly logger?: Logger;
}

/** A running server. */
export interface RunningServer {
  readonly host: string;
  /** The port that Redis clients reach. */
  readonly respPort: number;
  /** Ends every connection and stops listening; the engine is left open. */
  close(): Promise<void>;
}

/**
 * Serves an engine of this process to Redis clients. Throws PORT_IN_USE when somebody listens on the port already,
 * INVALID_OPTION for an unknown option or one out of its range.
 */
export async function startServer(given: StartServerOptions): Promise<RunningServer> {
  const { engine, onShutdown, logger, ...rest } = given;
  const options = resolveServerOptions(rest);
  const shutdown = (): void => void server.close().then(onShutdown);
  const ownLogger = rest.logLevel === undefined ? silentLogger : createLogger(options);
  const state = new ServerState(engine, options, allCommands, shutdown, logger ?? ownLogger);
  const resp = await listenResp(state);
  state.port = resp.port;
  state.events.listening('resp', options.host, resp.port);
  const http = await serveHttp(state).catch(async (error: unknown) => {
    await resp.close();
    state.close();
    throw error;
  });
  const close = async (): Promise<void> => {
    state.events.stopping();
    await http?.close();
    await resp.close();
    state.close();
    state.events.stopped();
  };
  let closed: Promise<void> | undefined;
  const server: RunningServer = {
    host: options.host,
    respPort: resp.port,
    close() {
      closed ??= close();
      return closed;
    },
  };
  return server;
}

/** Serves what there is over HTTP, if a port is given. */
async function serveHttp(state: ServerState): Promise<HttpServer | undefined> {
  if (state.options.httpPort === 0) return undefined;
  const http = await listenHttp(state, [metricsRoute, ...healthRoutes], observing(state));
  state.events.listening('http', state.options.host, http.port);
  return http;
}
