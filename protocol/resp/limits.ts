import type { ServerOptions } from '../../src/options.js';

/** What a client may send; a breach is a `ProtocolError`. */
export interface ReaderLimits {
  /** Bytes of one bulk string. */
  readonly maxBulkLength: number;
  /** Arguments of one command, its name included. */
  readonly maxArguments: number;
  /** Bytes of an inline command, and of a line with a length. */
  readonly maxInlineLength: number;
  /** Bytes that wait for a client: its unfinished command and what was fed behind it. At most 2^31 - 1. */
  readonly maxBufferLength: number;
  /** Whether the client has yet to log in: then it may send 10 arguments of 16,384 bytes, as in Redis. */
  readonly unauthenticated?: boolean;
}

/** With more bytes than this waiting to be sent, or behind a query, a session takes no more input until they are gone. */
export const MAX_PENDING_BYTES = 1024 * 1024;

/** The limits of Redis. */
export const DEFAULT_LIMITS: ReaderLimits = {
  maxBulkLength: 512 * 1024 * 1024,
  maxArguments: 1024 * 1024,
  maxInlineLength: 64 * 1024,
  maxBufferLength: 1024 * 1024 * 1024,
};

/** The limits that hold for a client that has yet to log in. */
export function unauthenticatedLimits(limits: ReaderLimits): ReaderLimits {
  return {
    ...limits,
    maxArguments: Math.min(limits.maxArguments, 10),
    maxBulkLength: Math.min(limits.maxBulkLength, 16_384),
  };
}

/** Input that is no Redis protocol, or too much of it. The message is the one that Redis sends. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';

  constructor(detail: string) {
    super(`Protocol error: ${detail}`);
  }
}

/** The limits that the server's options set for a client. */
export function limitsFor(
  { protoMaxBulkLen, clientQueryBufferLimit }: ServerOptions,
  authenticated: boolean,
): ReaderLimits {
  return {
    maxBulkLength: protoMaxBulkLen,
    maxArguments: 1024 * 1024,
    maxInlineLength: 64 * 1024,
    maxBufferLength: clientQueryBufferLimit,
    unauthenticated: !authenticated,
  };
}
