/** Errors as answers: problem details (RFC 9457), with the code that every face of the server gives the same error. */
import { type ErrorCode, errorTable, SegmentdError } from '../../src/index.js';
import type { Header } from './transport.js';

/** A whole answer. */
export interface ProblemAnswer {
  readonly status: number;
  readonly headers: readonly Header[];
  readonly body: string;
}

/** Seconds after which it is worth trying again. */
const RETRY_SECONDS = '1';

const CONTENT_TYPE: Header = ['content-type', 'application/problem+json'];
const RETRY_AFTER: Header = ['retry-after', RETRY_SECONDS];
/** How one logs in, which an answer of 401 must tell: programs, and people with browsers. Some read one a line only. */
const BEARER: Header = ['www-authenticate', 'Bearer realm="segmentd"'];
const BASIC: Header = ['www-authenticate', 'Basic realm="segmentd", charset="UTF-8"'];
const HEADERS: readonly Header[] = [CONTENT_TYPE];
/** By status, where there are more. */
const MORE_HEADERS: Readonly<Record<number, readonly Header[]>> = {
  401: [CONTENT_TYPE, BEARER, BASIC],
  429: [CONTENT_TYPE, RETRY_AFTER],
  503: [CONTENT_TYPE, RETRY_AFTER],
};

/** The answer that an error makes. What is no error of ours is a fault, of which the client learns nothing but that. */
export function problemOf(error: unknown, requestId?: string): ProblemAnswer {
  const known = error instanceof SegmentdError ? error : undefined;
  const code = known?.code ?? 'INTERNAL';
  const status = errorTable[code].http;
  const body = JSON.stringify({
    type: `urn:segmentd:problem:${code.toLowerCase().replaceAll('_', '-')}`,
    title: titleOf(code),
    status,
    detail: known?.message ?? `a fault of the server; its log has more${under(requestId)}`,
    code,
    position: known === undefined ? undefined : positionOf(known),
    requestId,
  });
  return { status, headers: MORE_HEADERS[status] ?? HEADERS, body };
}

function under(requestId: string | undefined): string {
  return requestId === undefined ? '' : ` under ${requestId}`;
}

/** `UNKNOWN_TAG` as a title: the same for each error of the code. */
function titleOf(code: ErrorCode): string {
  const words = code.toLowerCase().replaceAll('_', ' ');
  return `${words[0]!.toUpperCase()}${words.slice(1)}`;
}

/** Where in a text the error is, for errors that know. */
function positionOf(error: SegmentdError): number | undefined {
  const { position } = error as { position?: unknown };
  return typeof position === 'number' ? position : undefined;
}
