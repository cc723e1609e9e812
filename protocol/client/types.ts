/** Types of the client's methods, made from those that the endpoints are declared with. */
import type { Expression } from '../../src/index.js';
import type { RawContent, TypedEndpoint } from '../http/endpoint.js';
import type { ClientEndpoint } from '../http/endpoints/index.js';

/** A user's id: text, or bytes if they are no UTF-8. */
export type UserId = string | Uint8Array;

type TypesOf<E> = E extends TypedEndpoint<infer T> ? T : never;
type Types<I> = Extract<TypesOf<ClientEndpoint>, { readonly id: I }>;

/** The ids of all operations: the names of the client's methods. */
export type OperationId = TypesOf<ClientEndpoint>['id'];

/**
 * What a call takes: what belongs into the path, behind the question mark and into the body, all in one. What would be there
 * twice is called `newName` in the body.
 */
export type RequestOf<I> = Flat<
  PathOf<Types<I>['path']> & QueryOf<Types<I>['query']> & BodyOf<Types<I>['body'], Types<I>['path']>
>;

/** What a call answers; ids that are no UTF-8 are bytes. */
export type AnswerOf<I> = Told<Types<I>['answer']>;

/** A method of the client. Rejects with a `SegmentdClientError`, or with the reason of `signal`. */
export type Operation<I> =
  Record<never, never> extends RequestOf<I>
    ? (request?: RequestOf<I>, options?: CallOptions) => Promise<AnswerOf<I>>
    : (request: RequestOf<I>, options?: CallOptions) => Promise<AnswerOf<I>>;

/** What may be said of any call. */
export interface CallOptions {
  /** Gives the call up; it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds, instead of the client's. */
  readonly timeout?: number | undefined;
  /** Headers besides the usual ones: `{ 'if-match': etag }`. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Called with the headers of a successful answer: `etag`, `x-request-id`. */
  readonly onHeaders?: ((headers: Headers) => void) | undefined;
}

type Flat<T> = { readonly [K in keyof T]: T[K] };

type PathOf<P> = P extends `${string}{${infer Name}}${infer Rest}`
  ? { readonly [K in Name]: K extends 'id' ? UserId : string } & PathOf<Rest>
  : unknown;

type QueryOf<Q> = { readonly [K in keyof Q]?: Given<Q[K]> | undefined };

type BodyOf<B, P> = B extends RawContent
  ? { readonly ids: Iterable<UserId> }
  : B extends undefined
    ? unknown
    : {
        readonly [K in keyof B as K extends keyof PathOf<P> ? `new${Capitalize<K & string>}` : K]: Given<
          B[K]
        >;
      };

/** Values as they may be given: lists may be read-only, and bytes are bytes. */
type Given<T> = T extends Base64
  ? never
  : T extends Uint8Array | Expression
    ? T
    : T extends readonly (infer E)[]
      ? readonly Given<E>[]
      : T extends object
        ? { readonly [K in keyof T]: Given<T[K]> }
        : T;

/** Values as they come. */
type Told<T> = T extends Base64
  ? never
  : T extends Uint8Array
    ? T
    : T extends readonly (infer E)[]
      ? Told<E>[]
      : T extends object
        ? { readonly [K in keyof T]: Told<T[K]> }
        : T;

interface Base64 {
  readonly base64: string;
}
