/** Redis clients over TCP: accepts connections and gives each a session. */
import { once } from 'node:events';
import { createServer, Socket, type SocketConstructorOpts, type TcpNetConnectOpts } from 'node:net';
import { listening } from '../listening.js';
import type { ServerState } from '../server-state.js';
import type { Connection } from './connection.js';
import { Session } from './session.js';

const NOTHING = Buffer.alloc(0);
const TICK_MILLISECONDS = 1_000;
/** Bytes that are read at once; all connections are read into the same buffer, one after the other. */
const INPUT_BYTES = 64 * 1024;

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
  const input = Buffer.allocUnsafeSlow(INPUT_BYTES);
  const sockets = new Set<Socket>();
  const server = createServer(
    { noDelay: true, keepAlive: true, keepAliveInitialDelay: 300_000, pauseOnConnect: true },
    (socket) => accept(state, socket, input, sockets),
  );
  await listening(server, host, respPort, 'resp-port');
  const ticks = setInterval(() => {
    endIdle(state);
    state.tick();
  }, TICK_MILLISECONDS);
  ticks.unref();
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : respPort,
    async close() {
      clearInterval(ticks);
      state.outbox.flush();
      // It would wait for connections that it believes to be open still: see `readInto`.
      server.close();
      for (const session of state.sessions.values()) session.closed();
      await Promise.all([...sockets].map((socket) => once(socket.destroy(), 'close')));
    },
  };
}

function accept(state: ServerState, accepted: Socket, input: Buffer, sockets: Set<Socket>): void {
  state.connectionsReceived++;
  let session: Session | undefined;
  const socket = readInto(input, accepted, (chunk) => session?.receive(chunk));
  sockets.add(socket);
  socket.on('error', ignore); // `close` follows, and a client that goes away is no fault.
  socket.on('close', () => {
    sockets.delete(socket);
    if (session === undefined) return;
    state.sessions.delete(session.id);
    session.closed();
  });
  if (state.sessions.size >= state.options.maxClients) {
    state.connectionsRejected++;
    state.events.clientRejected(endpoint(socket.remoteAddress, socket.remotePort), state.sessions.size);
    socket.end('-ERR max number of clients reached\r\n');
  } else {
    const connected = new Session(state, new SocketConnection(socket, () => connected.drained()));
    session = connected;
    state.sessions.set(connected.id, connected);
    socket.on('end', () => connected.ended());
  }
  socket.resume();
}

/**
 * The same connection, read into a buffer that is used again and again. Node takes 64 KiB of new memory for each read of an
 * accepted connection, which costs a pipelined look-up 15% of its time; `onread` avoids that, but can only be given to the
 * constructor, so the handle changes hands. A client that has said all it will may still read: the session ends the connection.
 */
function readInto(buffer: Buffer, accepted: Socket, onInput: (chunk: Buffer) => void): Socket {
  const holder = accepted as unknown as { _handle: unknown };
  const handle = holder._handle;
  holder._handle = null;
  const callback = (size: number): boolean => {
    onInput(buffer.subarray(0, size));
    return true;
  };
  const options: SocketConstructorOpts & Pick<TcpNetConnectOpts, 'onread'> & { handle: unknown } = {
    handle,
    allowHalfOpen: true,
    onread: { buffer, callback },
  };
  return new Socket(options);
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
