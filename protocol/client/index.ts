/** The client for Node.js: `segmentd/client`. */
export { SegmentdClient, type StreamLimits, type UserRow, type Users } from './client.js';
export { type ClientErrorCode, SegmentdClientError } from './client-error.js';
export type { ClientOptions } from './connection.js';
export type { Operations } from './operations.js';
export type { AnswerOf, CallOptions, Operation, OperationId, RequestOf, UserId } from './types.js';
