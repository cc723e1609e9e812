import { type RunningServer, type StartServerOptions, startServer } from '../../protocol/server.js';
import { type Engine, openEngine } from '../../src/index.js';
import { RespClient } from './resp-client.js';

/** A server of this process, made from the sources, with an engine of its own. */
export interface TestServer {
  readonly engine: Engine;
  readonly port: number;
  /** 0 without HTTP. */
  readonly httpPort: number;
  /** Opens a connection, which ends with the server at the latest. */
  connect(protocol?: 2 | 3): Promise<RespClient>;
  /** Ends the server and the engine. */
  close(): Promise<void>;
}

/** Starts a server on a free port of 127.0.0.1; without HTTP, unless a port for it is given. */
export async function startTestServer(
  options: Partial<StartServerOptions> & { readonly engine?: Engine } = {},
): Promise<TestServer> {
  const engine = options.engine ?? openEngine();
  const server: RunningServer = await startServer({ respPort: 0, httpPort: 0, ...options, engine });
  return {
    engine,
    port: server.respPort,
    httpPort: server.httpPort,
    connect: (protocol = 2) => RespClient.open(server.respPort, protocol),
    async close() {
      await server.close();
      engine.close();
    },
  };
}
