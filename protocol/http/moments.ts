/** The moment that a question is about, as requests say it. */
import { Type } from 'typebox';
import { type Moment, SegmentdError } from '../../src/index.js';
import { integerParameter, textParameter } from './parameters.js';

const WORDS = {
  version: 'About this version of the one tag in question that has versions, instead of now.',
  release: 'About the tags as they were right after this release, instead of now.',
};

/** Parameters behind the question mark. */
export const momentParameters = {
  version: integerParameter(0, Number.MAX_SAFE_INTEGER, WORDS.version),
  release: textParameter(WORDS.release),
};

/** The same in bodies. */
export const momentProperties = {
  version: Type.Optional(Type.Integer({ minimum: 0, description: WORDS.version })),
  release: Type.Optional(Type.String({ description: WORDS.release })),
};

interface Given {
  readonly version?: number | undefined;
  readonly release?: string | undefined;
}

/** What is to be added to the options of a question: nothing when it is about now. Throws INVALID_ARGUMENT for both. */
export function momentOf({ version, release }: Given): { at?: Moment } {
  if (version !== undefined && release !== undefined) {
    throw new SegmentdError('INVALID_ARGUMENT', 'version and release both say a moment: give one of them');
  }
  if (version !== undefined) return { at: { version } };
  return release === undefined ? {} : { at: { release } };
}
