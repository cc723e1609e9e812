/** Requests and answers over `fetch`. */
import type { ErrorCode } from '../../src/index.js';
import { type ClientErrorCode, SegmentdClientError } from './client-error.js';
import { Deadline } from './deadline.js';
import type { CallOptions } from './types.js';

/** How a client is made. */
export interface ClientOptions {
  /** Where the server is: `http://127.0.0.1:7380`. A path is put before those of all calls. */
  readonly url: string | URL;
  /** The server's, if it has one. */
  readonly password?: string | undefined;
  /** Takes the place of the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** Milliseconds that a call may take, and a stream each time between two pieces; 30,000 by default, 0 for no limit. */
  readonly timeout?: number | undefined;
}

/** A request, ready to be sent. */
export interface Sent {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly body?: { readonly type: string; readonly content: string } | undefined;
  readonly accept: string;
}

/** A successful answer whose body is still to come, and who waits for it; to be ended. */
export interface Answer {
  readonly response: Response;
  readonly deadline: Deadline;
}

const TIMEOUT = 30_000;
const TOKEN = /^[\x21-\x7e]+$/;
/** Characters of an answer that is no segmentd's, which errors show. */
const SHOWN = 200;

export class Connection {
  readonly #base: string;
  readonly #authorization: string | undefined;
  readonly #fetch: typeof globalThis.fetch;
  readonly #timeout: number;

  /** Throws TypeError for a wrong URL. */
  constructor({ url, password, fetch = globalThis.fetch, timeout = TIMEOUT }: ClientOptions) {
    const { protocol, origin, pathname } = new URL(url);
    if (protocol !== 'http:' && protocol !== 'https:') throw new TypeError(`${url} is no URL of HTTP`);
    this.#base = origin + pathname.replace(/\/$/, '');
    this.#authorization = password === undefined ? undefined : authorizationOf(password);
    this.#fetch = fetch;
    this.#timeout = timeout;
  }

  /** Sends a request and waits for the head of its answer. Rejects with what the server has against it. */
  async send({ method, path, body, accept }: Sent, options: CallOptions = {}): Promise<Answer> {
    const deadline = new Deadline(options.signal, options.timeout ?? this.#timeout);
    const { signal } = deadline;
    const headers = {
      accept,
      // Packing takes longer than a local network does; `options.headers` may ask for it.
      'accept-encoding': 'identity',
      ...(body !== undefined && { 'content-type': body.type }),
      ...(this.#authorization !== undefined && { authorization: this.#authorization }),
      ...options.headers,
    };
    const init = { method, headers, signal, ...(body !== undefined && { body: body.content }) };
    try {
      const fetch = this.#fetch;
      const response = await deadline.wait(() => fetch(this.#base + path, init));
      if (!response.ok) throw await problemOf(response, deadline);
      options.onHeaders?.(response.headers);
      return { response, deadline };
    } catch (error) {
      deadline.end();
      throw error;
    }
  }

  /** Sends a request and gives the text of its answer. */
  async text(
    sent: Sent,
    options?: CallOptions,
  ): Promise<{ readonly response: Response; readonly text: string }> {
    const { response, deadline } = await this.send(sent, options);
    try {
      return { response, text: await deadline.wait(() => response.text()) };
    } finally {
      deadline.end();
    }
  }
}

/** A password with other characters than a token may have goes as Basic. */
function authorizationOf(password: string): string {
  return TOKEN.test(password)
    ? `Bearer ${password}`
    : `Basic ${Buffer.from(`:${password}`).toString('base64')}`;
}

/** The error that an answer tells of. */
async function problemOf(response: Response, deadline: Deadline): Promise<SegmentdClientError> {
  const { status, headers } = response;
  const requestId = headers.get('x-request-id') ?? undefined;
  if (status === 304)
    return new SegmentdClientError('NOT_MODIFIED', 'it is as it was', { status, requestId });
  const text = await deadline.wait(() => response.text());
  const problem = problemIn(text);
  if (problem === undefined) {
    const shown = text === '' ? 'nothing' : JSON.stringify(text.slice(0, SHOWN));
    return new SegmentdClientError('BAD_ANSWER', `an error ${status} without a problem: ${shown}`, {
      status,
      requestId,
    });
  }
  const { code, detail, position } = problem;
  return new SegmentdClientError(code, detail, {
    status,
    position,
    requestId: problem.requestId ?? requestId,
  });
}

interface Problem {
  readonly code: ErrorCode | ClientErrorCode;
  readonly detail: string;
  readonly position?: number;
  readonly requestId?: string;
}

function problemIn(text: string): Problem | undefined {
  try {
    const problem = JSON.parse(text) as Partial<Problem> | null;
    const isProblem = typeof problem?.code === 'string' && typeof problem.detail === 'string';
    return isProblem ? (problem as Problem) : undefined;
  } catch {
    return undefined;
  }
}
