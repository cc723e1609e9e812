/**
 * What an endpoint of the API is: a route, declared once as one object with what it takes and gives. Bodies are checked by the
 * declaration; the OpenAPI document, the page of the API and the client's types are made from it.
 */
import type { Static, TSchema } from 'typebox';
import { Compile, type Validator } from 'typebox/compile';
import { type ErrorCode, SegmentdError } from '../../src/index.js';
import { checkOutline } from './body-outline.js';
import { bodyProblem } from './body-problem.js';
import type { Exchange } from './exchange.js';
import type { Parameter } from './parameters.js';
import type { QueryParameters } from './query-parameters.js';
import type { Method, Route } from './route.js';

/** A call with its answer, as it goes against the sample; shown in the documents, and run by a test. */
export interface Example {
  readonly title: string;
  /** Path and query, encoded. */
  readonly path: string;
  /** What it sends besides JSON's `content-type`, or instead of the first type of a raw body; names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Ids of endpoints whose first examples must have been there before. */
  readonly after?: readonly string[];
  /** A value, or the text of a raw body. */
  readonly body?: unknown;
  /** What it answers: a value, or the text of a raw answer; without one, 204. */
  readonly answer?: unknown;
  /** Properties of the answer, at any depth, that differ from time to time: dates, durations. */
  readonly varying?: readonly string[];
}

/** The body of an answer or request that is not a value: by its media types, the preferred one first. */
export interface RawContent {
  readonly types: readonly string[];
  readonly description: string;
}

export interface EndpointDocument {
  /** Unique; the client's method has this name: `countUsers`. */
  readonly id: string;
  /** Heading under which it is shown. */
  readonly group: 'users' | 'tags' | 'audiences' | 'persistence' | 'server';
  /** Redis command that does the same; its metrics count this one too. */
  readonly command?: string;
  /** May everybody ask, without a password? */
  readonly isOpen?: boolean;
  readonly summary: string;
  /** More, in sentences. */
  readonly description?: string;
  /** What the parameters of the path are. */
  readonly parameters?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, Parameter<unknown>>>;
  readonly body?: TSchema;
  /** May a request without a body be answered? */
  readonly isBodyOptional?: boolean;
  readonly rawBody?: RawContent;
  readonly answer?: TSchema;
  readonly rawAnswer?: RawContent;
  /** Status of a successful answer, if it is neither 200 nor, without an answer, 204. */
  readonly statuses?: Readonly<Record<number, string>>;
  /** Headers that it reads, and what for; in lower case. */
  readonly requestHeaders?: Readonly<Record<string, string>>;
  /** Headers of its own that it answers with. */
  readonly answerHeaders?: Readonly<Record<string, string>>;
  /** Errors that are its own; those that any request may meet are added. */
  readonly errors?: readonly ErrorCode[];
  readonly examples: readonly Example[];
}

type QueryOf<Q> = { readonly [K in keyof Q]: Q[K] extends Parameter<infer T> ? T : never };
type ValueOf<S> = S extends TSchema ? Static<S> : undefined;

/** What a handler gets, checked. */
export interface Input<Q, B> {
  /** Parameters behind the question mark. */
  readonly query: QueryOf<Q>;
  readonly body: ValueOf<B>;
}

interface Declaration<I, P, Q, B, R, A>
  extends Omit<EndpointDocument, 'id' | 'query' | 'body' | 'rawBody' | 'answer'> {
  /** Unique; the client's method has this name: `countUsers`. */
  readonly id: I;
  readonly method: Method;
  readonly path: P;
  readonly query?: Q;
  readonly body?: B;
  readonly rawBody?: R;
  readonly answer?: A;
  readonly maxBodyBytes?: number;
  readonly gzip?: boolean;
  /** As `Route.handle`. */
  handle(exchange: Exchange, input: Input<Q, B>): unknown;
}

/** A declared endpoint. */
export interface Endpoint extends Route {
  readonly document: EndpointDocument;
}

/** What goes in and comes out, by the types of the declaration; `RawContent` is a body that is not a value. */
export interface EndpointTypes {
  readonly id: string;
  readonly path: string;
  readonly query: object;
  readonly body: unknown;
  readonly answer: unknown;
}

/** An endpoint that tells the compiler its types: those of the client's methods. */
export interface TypedEndpoint<T extends EndpointTypes> extends Endpoint {
  /** Never there. */
  readonly types?: T;
}

const NO_QUERY = {};

/** Declares an endpoint; the types of what its handler gets are inferred. */
export function endpoint<
  const I extends string,
  const P extends string,
  const Q extends Readonly<Record<string, Parameter<unknown>>> = Readonly<Record<never, never>>,
  B extends TSchema | undefined = undefined,
  R extends RawContent | undefined = undefined,
  A extends TSchema | undefined = undefined,
>(
  declaration: Declaration<I, P, Q, B, R, A>,
): TypedEndpoint<{
  readonly id: I;
  readonly path: P;
  readonly query: QueryOf<Q>;
  readonly body: R extends RawContent ? RawContent : ValueOf<B>;
  readonly answer: ValueOf<A>;
}> {
  const { method, path, body, rawBody, rawAnswer, maxBodyBytes, gzip, requestHeaders, isBodyOptional } =
    declaration;
  const { isOpen, command } = declaration;
  const parameters = Object.entries(declaration.query ?? NO_QUERY) as [string, Parameter<unknown>][];
  const check = body === undefined ? undefined : checkerOf(body, isBodyOptional === true);
  const readParameters = (query: QueryParameters): object =>
    Object.fromEntries(parameters.map(([name, parameter]) => [name, parameter.read(query, name)]));
  return {
    method,
    path,
    document: declaration as unknown as EndpointDocument,
    query: parameters.map(([name]) => name),
    ...(requestHeaders === undefined ? {} : { headers: Object.keys(requestHeaders) }),
    ...(body === undefined ? {} : { body: 'value' as const }),
    ...(rawBody === undefined ? {} : { body: 'bytes' as const, takes: rawBody.types }),
    ...(rawAnswer === undefined ? {} : { produces: rawAnswer.types }),
    ...(maxBodyBytes === undefined ? {} : { maxBodyBytes }),
    ...(gzip === undefined ? {} : { gzip }),
    ...(isOpen === undefined ? {} : { isOpen }),
    ...(command === undefined ? {} : { command }),
    handle(exchange) {
      const query = exchange.query.once(readParameters);
      check?.(exchange.value);
      return declaration.handle(exchange, { query, body: exchange.value } as Input<Q, B>);
    },
  };
}

/** Throws INVALID_ARGUMENT, naming the place, for a body that is not as declared. The check is compiled when first needed. */
function checkerOf(schema: TSchema, isOptional: boolean): (value: unknown) => void {
  let validator: Validator | undefined;
  return (value) => {
    if (value === undefined) {
      if (isOptional) return;
      throw new SegmentdError('INVALID_ARGUMENT', 'a body is needed: see /docs for what to send');
    }
    validator ??= Compile(schema);
    if (validator.Check(value)) return;
    checkOutline(schema, value);
    const errors = [...validator.Errors(value)];
    // Of a choice, what is wrong with each possibility is told first; what to say is the last, unless it is as vague.
    const error = errors.find(({ keyword }) => keyword !== 'boolean') ?? errors[0]!;
    const place = error.instancePath === '' ? 'the body' : `the body's ${error.instancePath}`;
    const problem = bodyProblem(error, descriptionAt(schema, error.schemaPath));
    throw new SegmentdError('INVALID_ARGUMENT', `${place} ${problem}`);
  };
}

/** What the innermost schema on a path like `#/properties/ids/items`, if one does, says that it is. */
function descriptionAt(schema: TSchema, path: string): string | undefined {
  let place = schema as unknown as Record<string, unknown> | undefined;
  let description: unknown;
  for (const key of path.split('/').slice(1)) {
    place = place?.[key] as Record<string, unknown> | undefined;
    description = place?.['description'] ?? description;
  }
  return description as string | undefined;
}
