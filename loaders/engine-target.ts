import { SegmentdError } from '../src/errors.js';
import type { UserTags } from './mapping.js';
import type { LoadTarget, TagDeclaration } from './target.js';

/** The part of an engine that a load needs. */
export interface LoadableEngine {
  tag(name: string): unknown;
  declareTag(name: string, declaration: TagDeclaration): unknown;
  setTags(userId: string, tags: UserTags): unknown;
}

/** A target that writes into an engine of this process. Closing it leaves the engine open. */
export function engineTarget(engine: LoadableEngine): LoadTarget {
  return {
    hasTag: async (name) => engine.tag(name) !== undefined,
    declareTag: async (name, declaration) => {
      engine.declareTag(name, declaration);
    },
    writeUsers: async (users) => users.map(({ id, tags }) => refusalOf(() => engine.setTags(id, tags))),
    close: async () => {},
  };
}

function refusalOf(write: () => unknown): string | undefined {
  try {
    write();
    return undefined;
  } catch (error) {
    if (error instanceof SegmentdError) return error.message;
    throw error;
  }
}
