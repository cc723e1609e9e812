/** Which errors a request may meet. */
import { type ErrorCode, errorTable } from '../../../src/index.js';
import type { Endpoint } from '../endpoint.js';

/** Errors of those who may not ask. */
const ERRORS_OF_STRANGERS: readonly ErrorCode[] = ['NO_AUTH', 'WRONG_PASSWORD', 'NOT_ALLOWED'];
/** What only the open ones are not told. */
const GUARDED: readonly ErrorCode[] = [...ERRORS_OF_STRANGERS, 'LOADING'];
/** Errors of any request. */
export const ERRORS_OF_ANY: readonly ErrorCode[] = [
  'SYNTAX',
  'INVALID_ARGUMENT',
  'NOT_ACCEPTABLE',
  'URL_TOO_LONG',
  'HEADERS_TOO_LARGE',
  'INTERNAL',
  'PERSISTENCE_FAILED',
  ...GUARDED,
];
/** Errors of any request with a body, besides. */
export const ERRORS_OF_BODIES: readonly ErrorCode[] = [
  'REQUEST_TIMEOUT',
  'BODY_TOO_LARGE',
  'UNSUPPORTED_TYPE',
  'LIMIT_REACHED',
];
/** Errors of requests that no endpoint answers. */
const WITHOUT_ENDPOINT: readonly ErrorCode[] = ['UNKNOWN_ROUTE', 'METHOD_NOT_ALLOWED'];

/** What most endpoints have in common. */
export const USUAL_ERRORS: readonly ErrorCode[] = [...ERRORS_OF_BODIES, ...ERRORS_OF_ANY];

/** Statuses that ask to try again later, in the header `retry-after`. */
export const RETRY_STATUSES: readonly number[] = [429, 503];

/** Errors that are an endpoint's own, or come with what it takes. */
export function errorsOf({ document }: Endpoint): ErrorCode[] {
  const hasBody = document.body !== undefined || document.rawBody !== undefined;
  const usual = hasBody ? USUAL_ERRORS : ERRORS_OF_ANY;
  const met = usual.filter((code) => document.isOpen !== true || !GUARDED.includes(code));
  return [...new Set([...(document.errors ?? []), ...met])];
}

/** The codes by their status, both in order. */
export function byStatus(codes: readonly ErrorCode[]): [status: number, codes: ErrorCode[]][] {
  const statuses = [...new Set(codes.map((code) => errorTable[code].http))].sort((a, b) => a - b);
  return statuses.map((status) => [status, codes.filter((code) => errorTable[code].http === status)]);
}

/** Every error that a client may be told. */
export function allErrors(endpoints: readonly Endpoint[]): ErrorCode[] {
  const met = new Set([...WITHOUT_ENDPOINT, ...endpoints.flatMap(errorsOf)]);
  return (Object.keys(errorTable) as ErrorCode[]).filter((code) => met.has(code));
}
