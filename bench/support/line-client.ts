import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { encode } from './peers.js';

/** One connection that sends a command, waits for its reply, and takes the time. Replies must come in one piece. */
export class LineClient {
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  static async open(port: number): Promise<LineClient> {
    const socket = connect(port, '127.0.0.1').setNoDelay();
    await once(socket, 'connect');
    return new LineClient(socket);
  }

  /** The reply as text. Throws the server's error. */
  async ask(...words: readonly string[]): Promise<string> {
    this.#socket.write(encode(...words));
    const [reply] = (await once(this.#socket, 'data')) as [Buffer];
    const text = reply.toString();
    if (text.startsWith('-')) throw new Error(`${words.join(' ')}: ${text}`);
    return text;
  }

  /** Milliseconds of each of `count` calls, one after the other. */
  async time(count: number, ...words: readonly string[]): Promise<number[]> {
    const times: number[] = [];
    for (let i = 0; i < count; i++) {
      const start = process.hrtime.bigint();
      await this.ask(...words);
      times.push(Number(process.hrtime.bigint() - start) / 1e6);
    }
    return times;
  }

  close(): void {
    this.#socket.destroy();
  }
}
