/** Redis clients over TCP: accepts connections and gives each a session. */
import { createServer, type Server, type Socket } from 'node:net';
import { SegmentdError } from '../../src/index.js';
import type { ServerState } from '../server-state.js';
import type { Connection } from './connection.js';
import { Session } from './session.js';

const NOTHING = Buffer.alloc(0);
const TICK_MILLISECONDS = 1_000;

/** A listening server. */
export interface RespServer {
  /** The port it listens on. */
  readonly port: number;
  /** Stops listening and ends every connection. */
  close(): Promise<void>;
}

/** Listens for Redis clients. Throws PORT_IN_USE, or INVALID_OPTION for a host that cannot be listened on. */
export async function listenResp(state: ServerState): Promise<RespServer> {
  const { host, respPort } = state.options;
  const server = createServer(
    // A client that has said all it will may still read: the session ends the connection.
    { noDelay: true, keepAlive: true, keepAliveInitialDelay: 300_000, allowHalfOpen: true },
    (socket) => accept(state, socket),
  );
  await listening(server, host, respPort);
  const ticks = setInterval(() => {
    endIdle(state);
    state.tick();
  }, TICK_MILLISECONDS);
  ticks.unref();
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : respPort,
    close() {
      clearInterval(ticks);
      state.outbox.flush();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const session of state.sessions.values()) {
        session.connection.destroy();
        session.closed();
      }
      return closed;
    },
  };
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const where = `${host}:${port}`;
      if (error.code === 'EADDRINUSE') {
        const advice = 'stop the other server or choose another with --resp-port';
        reject(new SegmentdError('PORT_IN_USE', `port ${where} is in use: ${advice}`, { cause: error }));
      } else
        reject(
          new SegmentdError('INVALID_OPTION', `cannot listen on ${where}: ${error.message}`, {
            cause: error,
          }),
        );
    });
    server.listen({ host, port, backlog: 511 }, resolve);
  });
}

function accept(state: ServerState, socket: Socket): void {
  state.connectionsReceived++;
  if (state.sessions.size >= state.options.maxClients) {
    state.connectionsRejected++;
    state.events.clientRejected(endpoint(socket.remoteAddress, socket.remotePort), state.sessions.size);
    socket.on('error', ignore);
    socket.end('-ERR max number of clients reached\r\n');
    socket.resume();
    return;
  }
  const session = new Session(state, new SocketConnection(socket, () => session.drained()));
  state.sessions.set(session.id, session);
  socket.on('data', (chunk: Buffer) => session.receive(chunk));
  socket.on('end', () => session.ended());
  socket.on('error', ignore); // `close` follows, and a client that goes away is no fault.
  socket.on('close', () => {
    state.sessions.delete(session.id);
    session.closed();
  });
}

function ignore(): void {}

function endIdle(state: ServerState): void {
  const { timeout } = state.options;
  if (timeout === 0) return;
  const before = Date.now() - timeout * 1000;
  for (const session of state.sessions.values()) if (session.lastActiveAt < before) session.kill();
}

/** An address with its port, as Redis writes them. */
function endpoint(address = '', port = 0): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

class SocketConnection implements Connection {
  readonly remoteAddress: string;
  readonly localAddress: string;
  readonly #socket: Socket;
  readonly #onDrained: () => void;
  #waiting = false;

  constructor(socket: Socket, onDrained: () => void) {
    this.#socket = socket;
    this.#onDrained = onDrained;
    this.remoteAddress = endpoint(socket.remoteAddress, socket.remotePort);
    this.localAddress = endpoint(socket.localAddress, socket.localPort);
  }

  get pendingBytes(): number {
    return this.#socket.writableLength;
  }

  write(bytes: Uint8Array): boolean {
    this.#socket.write(bytes);
    // Node tries to send at once; what is gone when `write` returns is not referenced any more.
    if (this.#socket.writableLength === 0) return true;
    this.#awaitDrain();
    return false;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** An empty write comes back when all before it is sent; the `drain` event would not come for little. */
  #awaitDrain(): void {
    // Behind the end nothing can be written, and nobody waits any more.
    if (this.#waiting || this.#socket.writableEnded) return;
    this.#waiting = true;
    this.#socket.write(NOTHING, (error) => {
      this.#waiting = false;
      // The client is gone and `close` follows: whoever went on writing now would write it all for nobody.
      if (error) return;
      if (this.#socket.writableLength === 0) this.#onDrained();
      else this.#awaitDrain();
    });
  }
}
