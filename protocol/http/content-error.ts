import { SegmentdError } from '../../src/index.js';

/** A body that cannot be read (SYNTAX). */
export class ContentError extends SegmentdError {
  /** The byte of the body at which it went wrong; the first one is 1. */
  readonly position: number;
  /** What is wrong there. */
  readonly reason: string;

  constructor(reason: string, offset: number) {
    super('SYNTAX', `the body cannot be read: ${reason} at byte ${offset + 1}`);
    this.reason = reason;
    this.position = offset + 1;
  }
}
