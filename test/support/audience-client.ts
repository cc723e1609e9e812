/** A client that edits saved audiences over HTTP, one request after the other on one connection. */
import { expect } from 'vitest';
import { type RawAnswer, RawHttpClient, requestText } from './http-client.js';

export type Headers = Record<string, string>;

/** What a PUT without details makes. */
export const PLAIN = { kind: 'dynamic', description: '', owner: '', labels: [] };

export class AudienceClient {
  readonly #client: RawHttpClient;

  private constructor(client: RawHttpClient) {
    this.#client = client;
  }

  static async open(port: number): Promise<AudienceClient> {
    return new AudienceClient(await RawHttpClient.open(port));
  }

  destroy(): void {
    this.#client.destroy();
  }

  /** Sends JSON unless it says otherwise; the path is what comes behind `/v1/audiences`. Bytes go out as they are. */
  async call(method: string, path: string, body?: unknown, headers: Headers = {}): Promise<RawAnswer> {
    const bytes = body instanceof Uint8Array ? Buffer.from(body) : Buffer.from(JSON.stringify(body) ?? '');
    const type: Headers = body === undefined ? {} : { 'content-type': 'application/json' };
    const text = bytes.toString('latin1');
    this.#client.send(requestText(method, `/v1/audiences${path}`, { ...type, ...headers }, text));
    return this.#client.answer(method === 'HEAD');
  }

  /** Saves an expression, or whatever the body says. */
  put(name: string, body: object | string, headers?: Headers): Promise<RawAnswer> {
    return this.call('PUT', `/${name}`, typeof body === 'string' ? { expression: body } : body, headers);
  }

  /** What is told of an audience, with its entity tag. */
  async get(name: string): Promise<Record<string, unknown>> {
    const answer = await this.call('GET', `/${name}`);
    expect(outcomeOf(answer)).toBe(200);
    return { ...resultOf<object>(answer), etag: etagOf(answer) };
  }
}

/** The body of an answer in JSON. */
export function resultOf<T>({ body }: RawAnswer): T {
  return JSON.parse(String(body)) as T;
}

/** The status, with the code if it is an error's. */
export function outcomeOf(answer: RawAnswer): unknown {
  if (answer.status < 400) return answer.status;
  expect(answer.headers.get('content-type')).toBe('application/problem+json');
  return [answer.status, resultOf<{ code: string }>(answer).code];
}

export function etagOf({ headers }: RawAnswer): string {
  expect(headers.get('etag')).toMatch(/^"[\w-]{22}"$/);
  return headers.get('etag')!;
}
