/**
 * Every error the project raises, one row each. `resp` is the prefix of the RESP error reply,
 * `http` the status of the HTTP answer; the message is made by whoever raises the error, who knows what and where.
 */
const rows = {
  INVALID_ARGUMENT: { resp: 'ERR', http: 400 },
  INVALID_USER_ID: { resp: 'ERR', http: 400 },
  INVALID_TAG_NAME: { resp: 'ERR', http: 400 },
  INVALID_VALUE: { resp: 'ERR', http: 422 },
  NOT_AN_INTEGER: { resp: 'ERR', http: 422 },
  OUT_OF_RANGE: { resp: 'ERR', http: 422 },
  UNKNOWN_USER: { resp: 'ERR', http: 404 },
  UNKNOWN_TAG: { resp: 'ERR', http: 404 },
  UNDECLARED_TAG: { resp: 'ERR', http: 422 },
  TAG_CONFLICT: { resp: 'ERR', http: 409 },
  TOO_MANY_VALUES: { resp: 'ERR', http: 422 },
  VECTOR_TOO_LARGE: { resp: 'ERR', http: 422 },
  STORE_FULL: { resp: 'OOM', http: 507 },
  ENGINE_CLOSED: { resp: 'ERR', http: 503 },
  WRONG_TYPE: { resp: 'WRONGTYPE', http: 409 },
  UNKNOWN_KEY: { resp: 'ERR', http: 404 },
  INVALID_EXPRESSION: { resp: 'ERR', http: 400 },
  UNKNOWN_AUDIENCE: { resp: 'ERR', http: 404 },
  AUDIENCE_IN_USE: { resp: 'ERR', http: 409 },
  AUDIENCE_CONFLICT: { resp: 'ERR', http: 409 },
  UNKNOWN_VERSION: { resp: 'ERR', http: 404 },
  VERSION_CONFLICT: { resp: 'ERR', http: 409 },
  QUERY_TIMEOUT: { resp: 'ERR', http: 503 },
  SYNTAX: { resp: 'ERR', http: 400 },
  UNKNOWN_COMMAND: { resp: 'ERR', http: 404 },
  WRONG_ARITY: { resp: 'ERR', http: 400 },
  NO_AUTH: { resp: 'NOAUTH', http: 401 },
  WRONG_PASSWORD: { resp: 'WRONGPASS', http: 401 },
  NO_PROTOCOL: { resp: 'NOPROTO', http: 400 },
  EXEC_ABORTED: { resp: 'EXECABORT', http: 409 },
  NOT_ALLOWED: { resp: 'ERR', http: 403 },
  LIMIT_REACHED: { resp: 'ERR', http: 503 },
  UNKNOWN_ROUTE: { resp: 'ERR', http: 404 },
  METHOD_NOT_ALLOWED: { resp: 'ERR', http: 405 },
  NOT_ACCEPTABLE: { resp: 'ERR', http: 406 },
  REQUEST_TIMEOUT: { resp: 'ERR', http: 408 },
  PRECONDITION_FAILED: { resp: 'ERR', http: 412 },
  BODY_TOO_LARGE: { resp: 'ERR', http: 413 },
  URL_TOO_LONG: { resp: 'ERR', http: 414 },
  UNSUPPORTED_TYPE: { resp: 'ERR', http: 415 },
  TOO_MANY_EXPORTS: { resp: 'ERR', http: 429 },
  HEADERS_TOO_LARGE: { resp: 'ERR', http: 431 },
  PORT_IN_USE: { resp: 'ERR', http: 500 },
  INVALID_OPTION: { resp: 'ERR', http: 400 },
  DATA_DIR_IN_USE: { resp: 'ERR', http: 500 },
  DATA_CORRUPT: { resp: 'ERR', http: 500 },
  LOADING: { resp: 'LOADING', http: 503 },
  PERSISTENCE_FAILED: { resp: 'MISCONF', http: 503 },
  READ_ONLY: { resp: 'READONLY', http: 403 },
  SNAPSHOT_RUNNING: { resp: 'ERR', http: 409 },
  LOAD_FAILED: { resp: 'ERR', http: 422 },
  INTERNAL: { resp: 'ERR', http: 500 },
} as const;

/** The code of an error, stable from version to version. */
export type ErrorCode = keyof typeof rows;

/** What the outside world sees of each error code: its RESP prefix and its HTTP status. */
export const errorTable: Readonly<Record<ErrorCode, { readonly resp: string; readonly http: number }>> = rows;

/** An error with a stable `code`; the message says what went wrong, where, and what to do. */
export class SegmentdError extends Error {
  override readonly name = 'SegmentdError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** The error as a RESP error reply's text: prefix, blank, message. */
  toResp(): string {
    return `${errorTable[this.code].resp} ${this.message}`;
  }
}
