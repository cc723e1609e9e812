import { SegmentdClientError } from './client-error.js';
import { type ClientOptions, Connection, type Sent } from './connection.js';
import { linesOf } from './lines.js';
import { type OperationRow, type Operations, operations } from './operations.js';
import type { AnswerOf, CallOptions, OperationId, RequestOf, UserId } from './types.js';
import { filledPath, queryOf } from './urls.js';
import { jsonToValue, valueToJson } from './values.js';

const JSON_TYPE = 'application/json';
const NDJSON_TYPE = 'application/x-ndjson';
/** How the lines of ids begin and end that need no parser. */
const PLAIN_START = '{"id":"';
const PLAIN_END = '"}';

type Values = Readonly<Record<string, unknown>>;

/** Whose users: those of an expression, of a saved audience, of a tag or one of its values, or all. */
export type Users =
  | { readonly expression: RequestOf<'findUsers'>['expression'] }
  | { readonly audience: string }
  | { readonly tag: string; readonly value?: string | undefined }
  | { readonly expression?: never; readonly audience?: never; readonly tag?: never };

/** How far a stream goes, and how long finding its users may take. */
export type StreamLimits = Pick<RequestOf<'listUsers'>, 'limit' | 'after' | 'timeout'>;

/** A user in a stream. */
export interface UserRow {
  readonly id: UserId;
  /** Those asked for; null where the user has none. */
  readonly tags?: Readonly<Record<string, string | number | true | null>>;
  /** If asked for. */
  readonly ordinal?: number;
}

class Client {
  readonly #connection: Connection;

  constructor(options: ClientOptions) {
    this.#connection = new Connection(options);
  }

  /**
   * Streams the ids of users. No more is held than what was read last; a loop that is left ends the answer. Rejects for an id
   * that is no UTF-8, unless `bytes` asks for bytes.
   */
  exportUsers(
    users: Users & StreamLimits & { readonly bytes: true },
    options?: CallOptions,
  ): AsyncGenerator<Uint8Array, void, undefined>;
  exportUsers(
    users?: Users & StreamLimits & { readonly bytes?: false },
    options?: CallOptions,
  ): AsyncGenerator<string, void, undefined>;
  async *exportUsers(
    { bytes = false, ...users }: Users & StreamLimits & { readonly bytes?: boolean } = {},
    options?: CallOptions,
  ): AsyncGenerator<UserId, void, undefined> {
    for await (const lines of this.#lines(users, options)) {
      for (const line of lines) {
        const id = idIn(line);
        if (bytes) yield typeof id === 'string' ? Buffer.from(id) : id;
        else if (typeof id === 'string') yield id;
        else throw new SegmentdClientError('INVALID_USER_ID', 'an id is no UTF-8: ask for bytes');
      }
    }
  }

  /** Streams users with tags, or with their ordinals; else as `exportUsers`. */
  async *exportRows(
    users: Users &
      StreamLimits & {
        readonly tags?: readonly string[] | undefined;
        readonly ordinals?: boolean | undefined;
      },
    options?: CallOptions,
  ): AsyncGenerator<UserRow, void, undefined> {
    for await (const lines of this.#lines(users, options)) {
      for (const line of lines) yield valueIn(line) as UserRow;
    }
  }

  /**
   * Any call as a response of `fetch`, in the media type that `accept` says: CSV, MessagePack, a bitmap. Its body is the
   * caller's business: `timeout` only holds until it begins, `signal` to its end.
   */
  async request<I extends OperationId>(
    id: I,
    request: RequestOf<I>,
    options: CallOptions & { readonly accept?: string | undefined } = {},
  ): Promise<Response> {
    const sent = sentOf(operations[id], request as Values, options.accept ?? JSON_TYPE);
    const { response } = await this.#connection.send(sent, options);
    return response;
  }

  /** Any call by its name; the methods of these names do the same. */
  async call<I extends OperationId>(
    id: I,
    request: RequestOf<I>,
    options?: CallOptions,
  ): Promise<AnswerOf<I>> {
    const sent = sentOf(operations[id], request as Values, JSON_TYPE);
    const { response, text } = await this.#connection.text(sent, options);
    return (response.status === 204 ? undefined : valueIn(text)) as AnswerOf<I>;
  }

  async *#lines(users: Values, options?: CallOptions): AsyncGenerator<string[], void, undefined> {
    const [id, request] = selected(users);
    const sent = sentOf(operations[id], request, NDJSON_TYPE);
    yield* linesOf(await this.#connection.send(sent, options));
  }
}

for (const id of Object.keys(operations) as OperationId[]) {
  Object.defineProperty(Client.prototype, id, {
    value(this: Client, request: RequestOf<typeof id>, options?: CallOptions) {
      return this.call(id, request ?? {}, options);
    },
  });
}

/**
 * A client of a segmentd server: thin over `fetch`, JSON only. Its methods are the operations of the API, by name. They reject
 * with a `SegmentdClientError`.
 */
export type SegmentdClient = Client & Operations;
export const SegmentdClient = Client as unknown as new (options: ClientOptions) => SegmentdClient;

/** The request: what belongs into path and query goes there, the rest is the body. Throws TypeError for what belongs nowhere. */
function sentOf({ method, path, query, body }: OperationRow, request: Values, accept: string): Sent {
  const sent = { method, path: filledPath(path, request) + queryOf(query, request), accept };
  const rest = restOf(path, query, request);
  if (body === 'value') return { ...sent, body: { type: JSON_TYPE, content: valueToJson(rest) } };
  const unknown = Object.keys(rest).find((name) => body === undefined || name !== 'ids');
  if (unknown !== undefined) throw new TypeError(`${method} ${path} takes no ${unknown}`);
  if (body === undefined) return sent;
  return { ...sent, body: { type: NDJSON_TYPE, content: idLines(rest) } };
}

/** What is left for the body; `newName` is called as in the path, where that is already. */
function restOf(path: string, query: readonly string[], request: Values): Values {
  const rest: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(request)) {
    if (value === undefined || query.includes(name) || path.includes(`{${name}}`)) continue;
    const other = name.replace(/^new([A-Z])/, (_, letter: string) => letter.toLowerCase());
    rest[path.includes(`{${other}}`) ? other : name] = value;
  }
  return rest;
}

function idLines({ ids }: Values): string {
  return Array.from(ids as Iterable<UserId>, (id) => `${valueToJson(id)}\n`).join('');
}

/** The operation that streams these users, and what it takes. What is there but undefined is an error, and not everybody. */
function selected(users: Values): ['findUsers' | 'listAudienceUsers' | 'listTagUsers' | 'listUsers', Values] {
  const { audience, tag, ...rest } = users;
  if ('audience' in users) return ['listAudienceUsers', { name: audience, ...rest }];
  if ('tag' in users) return ['listTagUsers', { name: tag, ...rest }];
  return ['expression' in users ? 'findUsers' : 'listUsers', rest];
}

function idIn(line: string): UserId {
  const isPlain = line.startsWith(PLAIN_START) && line.endsWith(PLAIN_END) && !line.includes('\\');
  if (isPlain) return line.slice(PLAIN_START.length, -PLAIN_END.length);
  const id = (valueIn(line) as UserRow | null)?.id;
  if (typeof id === 'string' || id instanceof Uint8Array) return id;
  throw new SegmentdClientError('BAD_ANSWER', 'a line has no id');
}

function valueIn(text: string): unknown {
  try {
    return jsonToValue(text);
  } catch (error) {
    throw new SegmentdClientError('BAD_ANSWER', 'the answer is no JSON', { cause: error });
  }
}
