/** A client that reads only when it is told to, so that what the server does meanwhile can be looked at. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { encodeCommand } from '../support/resp.js';

const TAIL = 64;

export class SlowClient {
  readonly socket: Socket;
  /** As CLIENT LIST has it. */
  readonly address: string;
  #received: Buffer[] = [];
  #length = 0;
  /** The last bytes read. */
  #tail = '';

  private constructor(socket: Socket) {
    this.socket = socket;
    this.address = `127.0.0.1:${socket.localPort}`;
    socket.on('error', () => socket.destroy());
  }

  static async open(port: number): Promise<SlowClient> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new SlowClient(socket);
  }

  /** Bytes read so far. */
  get length(): number {
    return this.#length;
  }

  /** Sends commands, and reads nothing. */
  send(...commands: readonly (readonly string[])[]): void {
    this.socket.write(Buffer.concat(commands.map((words) => encodeCommand(words))));
  }

  /** Reads what came next: at least one byte. */
  async read(): Promise<void> {
    for (;;) {
      const chunk = this.socket.read() as Buffer | null;
      if (chunk !== null) {
        this.#received.push(chunk);
        this.#length += chunk.length;
        this.#tail = (this.#tail + chunk.toString('latin1', Math.max(0, chunk.length - TAIL))).slice(-TAIL);
        return;
      }
      if (this.socket.destroyed || this.socket.readableEnded) throw new Error('the connection has ended');
      await once(this.socket, 'readable');
    }
  }

  /** Reads until what has come ends with these bytes, at most 64, and gives it all. */
  async readUntil(end: string): Promise<Buffer> {
    while (!this.#tail.endsWith(end)) await this.read();
    return this.take();
  }

  /** What has been read; the next call gives what comes behind it. */
  take(): Buffer {
    const all = Buffer.concat(this.#received);
    this.#received = [];
    this.#tail = '';
    return all;
  }

  destroy(): void {
    this.socket.destroy();
  }
}

/** The members of the set that a reply begins with, and where the reply ends. */
export function readSet(reply: Buffer, marker: '*' | '~' = '*'): { ids: string[]; end: number } {
  const line = (at: number): [text: string, next: number] => {
    const end = reply.indexOf('\r\n', at, 'latin1');
    return [reply.toString('latin1', at, end), end + 2];
  };
  let [head, at] = line(0);
  if (!head.startsWith(marker)) throw new Error(`${head} is no set`);
  const ids: string[] = [];
  for (let left = Number(head.slice(1)); left > 0; left--) {
    [head, at] = line(at);
    const length = Number(head.slice(1));
    if (!head.startsWith('$') || !(length > 0)) throw new Error(`${head} is no header of a member`);
    ids.push(reply.toString('latin1', at, at + length));
    at += length + 2;
  }
  return { ids, end: at };
}
