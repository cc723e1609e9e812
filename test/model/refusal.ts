import type { ErrorCode, UserId } from '../../src/index.js';

/** A mutation that the model refuses, with the code of the error that says why. */
export class Refusal extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode) {
    super(code);
    this.code = code;
  }
}

/** A user's id as hexadecimal digits. */
export function userKey(user: UserId): string {
  const bytes = typeof user === 'string' ? Buffer.from(user) : Buffer.from(user);
  if (bytes.length < 1 || bytes.length > 255) throw new Refusal('INVALID_USER_ID');
  return bytes.toString('hex');
}
