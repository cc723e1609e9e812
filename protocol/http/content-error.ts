import { SegmentdError } from '../../src/index.js';

/** A body that cannot be read (SYNTAX). */
export class ContentError extends SegmentdError {
  /** The byte of the body at which it went wrong; the first one is 1. */
  readonly position: number;

  constructor(message: string, offset: number) {
    super('SYNTAX', `the body cannot be read: ${message} at byte ${offset + 1}`);
    this.position = offset + 1;
  }
}
