import { connect, type Socket } from 'node:net';
import { SegmentdError } from '../src/errors.js';

/** An error reply: the server refused one command, and the connection goes on. */
export interface RespErrorReply {
  readonly error: string;
}

/** A RESP2 reply. Status lines and bulk strings are strings. */
export type RespReply = string | number | null | RespReply[] | RespErrorReply;

const RETURN = 0x0d;

/**
 * A connection for bulk writes: commands go out in one piece, replies come back in order. It speaks RESP2 and knows
 * what a load needs: no reconnecting, no subscriptions, no timeouts.
 */
export class RespClient {
  readonly #socket: Socket;
  readonly #server: string;
  #received: Buffer = Buffer.alloc(0);
  #replies: RespReply[] = [];
  #wanted = 0;
  #failure: SegmentdError | undefined;
  #settle: (() => void) | undefined;

  private constructor(socket: Socket, server: string) {
    this.#socket = socket;
    this.#server = server;
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('error', (error) => this.#fail(`${server}: ${error.message}`));
    socket.on('close', () => this.#fail(`${server} closed the connection`));
  }

  /**
   * Connects to a server.
   *
   * @throws SegmentdError `LOAD_FAILED`, naming host and port, when nobody answers there
   */
  static connect(host: string, port: number): Promise<RespClient> {
    const server = `${host}:${port}`;
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port, noDelay: true });
      const refuse = (error: NodeJS.ErrnoException): void => {
        const why = error.code === 'ECONNREFUSED' ? '' : ` (${error.message})`;
        const advice = 'start one with "segmentd serve", or name it with --host and --resp-port';
        reject(new SegmentdError('LOAD_FAILED', `no server answers at ${server}${why}; ${advice}`));
      };
      socket.once('error', refuse);
      socket.once('connect', () => {
        socket.off('error', refuse);
        resolve(new RespClient(socket, server));
      });
    });
  }

  /** Sends one command and returns its reply. */
  async call(...command: string[]): Promise<RespReply> {
    return (await this.pipeline([command]))[0]!;
  }

  /**
   * Sends commands in one piece. One pipeline at a time.
   *
   * @returns one reply for each command, in order
   * @throws SegmentdError `LOAD_FAILED` when the connection ends before all replies are there
   */
  pipeline(commands: readonly (readonly string[])[]): Promise<RespReply[]> {
    return new Promise((resolve, reject) => {
      this.#wanted = commands.length;
      this.#settle = () => {
        if (this.#failure !== undefined) reject(this.#failure);
        else resolve(this.#replies.splice(0));
        this.#settle = undefined;
      };
      if (this.#failure !== undefined || commands.length === 0) this.#settle();
      else this.#socket.write(commands.map(encodeCommand).join(''));
    });
  }

  /** Closes the connection. */
  close(): void {
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    let at = 0;
    try {
      for (;;) {
        const parsed = parseReply(this.#received, at);
        if (parsed === undefined) break;
        this.#replies.push(parsed.reply);
        at = parsed.end;
      }
    } catch (error) {
      this.#fail(`${this.#server}: ${(error as Error).message}`);
      this.#socket.destroy();
      return;
    }
    this.#received = this.#received.subarray(at);
    if (this.#replies.length >= this.#wanted) this.#settle?.();
  }

  #fail(message: string): void {
    this.#failure ??= new SegmentdError('LOAD_FAILED', message);
    this.#settle?.();
  }
}

function encodeCommand(command: readonly string[]): string {
  let text = `*${command.length}\r\n`;
  for (const argument of command) text += `$${Buffer.byteLength(argument)}\r\n${argument}\r\n`;
  return text;
}

/** The reply at `start` and where it ends; undefined when it is not complete yet. */
function parseReply(buffer: Buffer, start: number): { reply: RespReply; end: number } | undefined {
  const lineEnd = buffer.indexOf(RETURN, start);
  if (lineEnd < 0 || lineEnd + 1 >= buffer.length) return undefined;
  const line = buffer.toString('utf8', start + 1, lineEnd);
  let end = lineEnd + 2;
  switch (String.fromCharCode(buffer[start]!)) {
    case '+':
      return { reply: line, end };
    case '-':
      return { reply: { error: line }, end };
    case ':':
      return { reply: Number(line), end };
    case '$': {
      const length = Number(line);
      if (length < 0) return { reply: null, end };
      if (buffer.length < end + length + 2) return undefined;
      return { reply: buffer.toString('utf8', end, end + length), end: end + length + 2 };
    }
    case '*': {
      const items: RespReply[] = [];
      for (let left = Number(line); left > 0; left--) {
        const item = parseReply(buffer, end);
        if (item === undefined) return undefined;
        items.push(item.reply);
        end = item.end;
      }
      return { reply: items, end };
    }
    default:
      throw new Error('the answer is not in the Redis protocol; is it another kind of server?');
  }
}
