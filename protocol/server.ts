/** The servers on an engine: `segmentd/server`. */
import type { Engine } from '../src/index.js';
import { type EngineOptions, resolveServerOptions, type ServerOptions } from '../src/options.js';
import { guardOf } from './http/guard.js';
import { type HttpServer, listenHttp } from './http/server.js';
import { LoadingEngine } from './loading.js';
import { createLogger, type Logger, silentLogger } from './logging.js';
import { observing } from './metrics/mount.js';
import { allCommands } from './registry.js';
import { listenResp } from './resp/server.js';
import { ServerState } from './server-state.js';

export type { EngineOptions, ServerOptions } from '../src/options.js';
export type { LoadingEngine } from './loading.js';
export type { Logger } from './logging.js';

/** What `startServer` takes: the engine to serve, open or still loading, and any of the options of the command line. */
export interface StartServerOptions extends Partial<ServerOptions> {
  readonly engine: Engine | LoadingEngine;
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
  /** The port that HTTP clients reach; 0 when there is no HTTP. */
  readonly httpPort: number;
  /** Ends every connection and stops listening; the engine is left open. */
  close(): Promise<void>;
}

/**
 * Begins to open an engine, which `startServer` takes at once: until it is loaded, clients are told to wait, as Redis does
 * (LOADING; 503 over HTTP). `engine` of what is returned resolves to it. If that rejects, close the server. Throws INVALID_OPTION.
 */
export function loadEngine(options: Partial<EngineOptions> = {}): LoadingEngine {
  return new LoadingEngine(options);
}

/**
 * Serves an engine of this process to Redis clients and over HTTP. Throws PORT_IN_USE when somebody listens on one of the
 * ports already, INVALID_OPTION for an unknown option or one out of its range.
 */
export async function startServer(given: StartServerOptions): Promise<RunningServer> {
  const { engine, onShutdown, logger, ...rest } = given;
  const options = resolveServerOptions(rest);
  const ownLogger = rest.logLevel === undefined ? silentLogger : createLogger(options);
  // A client may be quicker with SHUTDOWN than the start is. Whoever starts the server learns that it failed.
  const shutdown = (): void => void started.then(({ close }) => close().then(onShutdown), ignore);
  const state = new ServerState(engine, options, allCommands, shutdown, logger ?? ownLogger);
  const started = start(state);
  return started;
}

async function start(state: ServerState): Promise<RunningServer> {
  const { events, options } = state;
  const { host } = options;
  const resp = await listenResp(state);
  state.port = resp.port;
  events.listening('resp', host, resp.port);
  const http = await startHttp(state).catch(async (error: unknown) => {
    await resp.close();
    state.close();
    throw error;
  });
  const end = async (): Promise<void> => {
    events.stopping();
    await http?.close();
    await resp.close();
    state.close();
    events.stopped();
  };
  let ended: Promise<void> | undefined;
  const close = (): Promise<void> => {
    ended ??= end();
    return ended;
  };
  return { host, respPort: resp.port, httpPort: http?.port ?? 0, close };
}

/** Serves the API over HTTP, unless it is turned off. */
async function startHttp(state: ServerState): Promise<HttpServer | undefined> {
  const { host, httpPort } = state.options;
  if (httpPort === 0) return undefined;
  // A quarter of a second and 25 MB, which are nothing to those who serve no HTTP.
  const { allEndpoints } = await import('./http/endpoints/index.js');
  const http = await listenHttp(state, allEndpoints, { guard: guardOf(state), ...observing(state) });
  state.events.listening('http', host, http.port);
  return http;
}

function ignore(): void {}
