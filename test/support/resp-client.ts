import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { decodeReplies, encodeCommand, type Reply } from './resp.js';

type Word = string | number | Uint8Array;

/** A reply as plain data: errors as `Error`, sets as `Set`, maps as `Map` with their keys as text. */
export type Plain = string | number | boolean | null | Error | Plain[] | Set<Plain> | Map<string, Plain>;

/** A client that sends words and gives back replies as they came, for this server and for any other. */
export class RespClient {
  readonly #socket: Socket;
  readonly #closed: Promise<void>;
  #received = Buffer.alloc(0);
  #wake = (): void => {};
  #ended = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    socket.on('error', () => socket.destroy());
    this.#closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#ended = true;
        this.#wake();
        resolve();
      });
    });
  }

  /** Connects; with protocol 3 it says HELLO 3 first. */
  static async open(port: number, protocol: 2 | 3 = 2): Promise<RespClient> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const client = new RespClient(socket);
    if (protocol === 3) await client.call('HELLO', 3);
    return client;
  }

  /** Sends one command and waits for its reply. */
  async reply(...words: Word[]): Promise<Reply> {
    const [reply] = await this.replies(1, words);
    return reply!;
  }

  /** Sends one command and gives its reply as plain data. */
  async call(...words: Word[]): Promise<Plain> {
    return toPlain(await this.reply(...words));
  }

  /** Sends one command whose reply must be an error, and gives its text. */
  async error(...words: Word[]): Promise<string> {
    const reply = await this.reply(...words);
    if (reply.type !== '-') throw new Error(`${words.join(' ')}: ${JSON.stringify(reply)} is no error`);
    return reply.text!;
  }

  /** Sends commands at once and waits for `count` replies. */
  async replies(count: number, ...commands: Word[][]): Promise<Reply[]> {
    this.send(...commands);
    for (;;) {
      const replies = this.#take(count);
      if (replies !== undefined) return replies;
      if (this.#ended)
        throw new Error(`the connection ended after ${JSON.stringify(String(this.#received))}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Sends commands at once and waits for nothing. */
  send(...commands: Word[][]): void {
    for (const words of commands) this.#socket.write(encodeCommand(words.map(bytesOf)));
  }

  /** Resolves when the connection is gone, with what came and was not asked for. */
  async closed(): Promise<string> {
    await this.#closed;
    return this.#received.toString('latin1');
  }

  async close(): Promise<void> {
    this.#socket.destroy();
    await this.#closed;
  }

  /** The first `count` replies, if they are there. */
  #take(count: number): Reply[] | undefined {
    if (this.#received.length === 0) return count === 0 ? [] : undefined;
    let replies: Reply[];
    try {
      replies = decodeReplies(this.#received);
    } catch {
      return undefined; // The end is not there yet.
    }
    if (replies.length < count) return undefined;
    if (replies.length > count) throw new Error(`${replies.length} replies where ${count} were expected`);
    this.#received = Buffer.alloc(0);
    return replies;
  }
}

function bytesOf(word: Word): Uint8Array {
  return typeof word === 'object' ? word : Buffer.from(String(word));
}

/** A reply as plain data. */
export function toPlain({ type, text, items }: Reply): Plain {
  switch (type) {
    case '-':
      return new Error(text!);
    case ':':
    case ',':
      return Number(text);
    case '#':
      return text === 't';
    case '=':
      return text!.slice('txt:'.length);
    case '~':
      return new Set(items.map(toPlain));
    case '%': {
      const entries = items.map(toPlain);
      return new Map(
        Array.from({ length: items.length / 2 }, (_, i) => [String(entries[i * 2]), entries[i * 2 + 1]!]),
      );
    }
    default:
      return type === '*' && text !== null ? items.map(toPlain) : text;
  }
}
