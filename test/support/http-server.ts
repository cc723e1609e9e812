import type { Route } from '../../protocol/http/route.js';
import { type HttpServer, listenHttp } from '../../protocol/http/server.js';
import type { HttpHooks } from '../../protocol/http/service.js';
import { allCommands } from '../../protocol/registry.js';
import { ServerState } from '../../protocol/server-state.js';
import { type Engine, openEngine } from '../../src/index.js';
import { resolveServerOptions, type ServerOptions } from '../../src/options.js';

/** Both who speak HTTP. */
export const TRANSPORTS = ['uws', 'node'] as const;
export type TransportUnderTest = (typeof TRANSPORTS)[number];

/** An HTTP server of this process, with an engine that ends with it. */
export interface TestHttpServer {
  readonly port: number;
  readonly engine: Engine;
  readonly state: ServerState;
  readonly service: HttpServer['service'];
  close(): Promise<void>;
}

/** Serves routes on a free port of 127.0.0.1. */
export async function startTestHttp(
  httpTransport: TransportUnderTest,
  routes: readonly Route[],
  options: Partial<ServerOptions> = {},
  hooks: HttpHooks = {},
  engine = openEngine(),
): Promise<TestHttpServer> {
  const resolved = resolveServerOptions({ httpTransport, ...options });
  const state = new ServerState(engine, resolved, allCommands, () => {});
  const server = await listenHttp(state, routes, hooks, 0);
  return {
    port: server.port,
    engine,
    state,
    service: server.service,
    async close() {
      await server.close();
      engine.close();
    },
  };
}
