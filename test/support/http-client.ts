/** A client that sends bytes as it is told and reads answers exactly as they come: no library in between that would mend them. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** An answer as it came. */
export interface RawAnswer {
  readonly status: number;
  readonly reason: string;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  /** Without the marks of chunks. */
  readonly body: Buffer;
}

export class RawHttpClient {
  readonly socket: Socket;
  readonly #closed: Promise<void>;
  /** What came and was not read. */
  #chunks: Buffer[] = [];
  #length = 0;
  #isClosed = false;
  #wake = (): void => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#length += chunk.length;
      this.#wake();
    });
    socket.on('error', () => socket.destroy());
    this.#closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#isClosed = true;
        this.#wake();
        resolve();
      });
    });
  }

  static async open(port: number): Promise<RawHttpClient> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    return new RawHttpClient(socket);
  }

  /** Sends text, each character a byte, or bytes. */
  send(data: string | Uint8Array): void {
    this.socket.write(typeof data === 'string' ? Buffer.from(data, 'latin1') : data);
  }

  /** Sends, and waits until the system has taken it all. */
  sent(data: string | Uint8Array): Promise<void> {
    return new Promise((resolve) => this.socket.write(data, () => resolve()));
  }

  /** Reads the next answer; to HEAD there is no body, whatever the head says. */
  async answer(isHead = false): Promise<RawAnswer> {
    const head = await this.#readTo('\r\n\r\n');
    const [line, ...fields] = head.split('\r\n');
    const [, status, reason] = /^HTTP\/1\.1 (\d{3}) (.*)$/.exec(line!) ?? [];
    if (status === undefined) throw new Error(`${JSON.stringify(line)} is no status line`);
    const headers = new Map(fields.map(splitField));
    const isEmpty = isHead || /^(1..|204|304)$/.test(status);
    return { status: Number(status), reason: reason!, headers, body: await this.#readBody(headers, isEmpty) };
  }

  /** Waits for so many bytes, whatever they are, and takes nothing away. */
  async bytes(count: number): Promise<void> {
    while (this.#length < count) await this.#more();
  }

  /** Waits until the server has ended the connection, and gives what came and was not read. */
  async closed(): Promise<string> {
    await this.#closed;
    return Buffer.concat(this.#chunks).toString('latin1');
  }

  destroy(): void {
    this.socket.destroy();
  }

  async #readBody(headers: ReadonlyMap<string, string>, isEmpty: boolean): Promise<Buffer> {
    if (isEmpty) return Buffer.alloc(0);
    if (headers.get('transfer-encoding') !== 'chunked') {
      const length = Number(headers.get('content-length') ?? 'none');
      if (!Number.isInteger(length)) throw new Error('neither Content-Length nor chunks');
      return this.#read(length);
    }
    const pieces: Buffer[] = [];
    for (let isLast = false; !isLast; ) {
      const line = await this.#readTo('\r\n');
      if (!/^[\da-f]+$/i.test(line)) throw new Error(`no length of a chunk: ${JSON.stringify(line)}`);
      const length = Number.parseInt(line, 16);
      pieces.push(await this.#read(length));
      if ((await this.#readTo('\r\n')) !== '') throw new Error('a chunk is longer than it says');
      isLast = length === 0;
    }
    return Buffer.concat(pieces);
  }

  /** Reads text up to a mark, which is left out. */
  async #readTo(mark: string): Promise<string> {
    for (;;) {
      const all = Buffer.concat(this.#chunks);
      const end = all.indexOf(mark);
      this.#chunks = [all];
      if (end >= 0) {
        this.#chunks = [all.subarray(end + mark.length)];
        this.#length = all.length - end - mark.length;
        return all.toString('latin1', 0, end);
      }
      await this.#more();
    }
  }

  async #read(length: number): Promise<Buffer> {
    await this.bytes(length);
    const all = Buffer.concat(this.#chunks);
    this.#chunks = [all.subarray(length)];
    this.#length = all.length - length;
    return all.subarray(0, length);
  }

  async #more(): Promise<void> {
    if (this.#isClosed)
      throw new Error(`the connection ended after ${this.#length} bytes that were not read`);
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }
}

/** The text of a request, with Host unless there are other headers of that kind. */
export function requestText(
  method: string,
  url: string,
  headers: Record<string, string> = {},
  body = '',
): string {
  const all = {
    host: 'localhost',
    ...headers,
    ...(body !== '' && { 'content-length': String(body.length) }),
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${url} HTTP/1.1\r\n${lines.join('')}\r\n${body}`;
}

/** Sends one request on a connection of its own, and gives the answer. */
export async function ask(port: number, ...request: Parameters<typeof requestText>): Promise<RawAnswer> {
  const client = await RawHttpClient.open(port);
  client.send(requestText(...request));
  const answer = await client.answer(request[0] === 'HEAD');
  client.destroy();
  return answer;
}

function splitField(field: string): [string, string] {
  const colon = field.indexOf(':');
  return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()];
}
