import type { ErrorCode } from '../../src/index.js';

/**
 * What a failed call tells besides the codes of the server: the server was not reached, or the connection broke; it took longer
 * than `timeout`; what answers is no segmentd; the answer has nothing new (304).
 */
export type ClientErrorCode = 'CONNECTION_FAILED' | 'CLIENT_TIMEOUT' | 'BAD_ANSWER' | 'NOT_MODIFIED';

interface Details {
  readonly status?: number | undefined;
  readonly position?: number | undefined;
  readonly requestId?: string | undefined;
  readonly cause?: unknown;
}

/** A call that failed. The `code` is stable from version to version. */
export class SegmentdClientError extends Error {
  override readonly name = 'SegmentdClientError';
  readonly code: ErrorCode | ClientErrorCode;
  /** HTTP's status; undefined if there was no answer. */
  readonly status: number | undefined;
  /** What went wrong, where, and what to do. */
  readonly detail: string;
  /** Where in the text of an expression it is, if the server knows: in UTF-16 units, 1 is the first. */
  readonly position: number | undefined;
  /** Under which the server's log has more. */
  readonly requestId: string | undefined;

  constructor(code: ErrorCode | ClientErrorCode, detail: string, details: Details = {}) {
    super(`${code}: ${detail}`, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.detail = detail;
    this.status = details.status;
    this.position = details.position;
    this.requestId = details.requestId;
  }
}
