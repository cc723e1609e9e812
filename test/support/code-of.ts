import { type ErrorCode, SegmentdError } from '../../src/index.js';

/** The code of the error that `run` throws, or undefined when it throws none. */
export function codeOf(run: () => unknown): ErrorCode | undefined {
  try {
    run();
  } catch (error) {
    if (error instanceof SegmentdError) return error.code;
    throw error;
  }
  return undefined;
}
