/** What happens to versions, for logs and counters. */

export const VERSION_EVENTS = ['published', 'held', 'rolled back', 'discarded'] as const;

/** Something that happened to one tag. Names no user. */
export interface VersionEvent {
  /** `discarded`: of a version that was held. */
  readonly type: (typeof VERSION_EVENTS)[number];
  readonly tag: string;
  /** What was published or is to be, or of which the tag's version was left; may be empty in the last case. */
  readonly release: string;
  /** The tag's current version. -1 if there is none. */
  readonly version: number;
  /** Of what is held or discarded: the draft's number; 0 of all else. */
  readonly draft: number;
  /** Users of the version, and how many entered, left, or have another value. */
  readonly users: number;
  readonly entered: number;
  readonly left: number;
  readonly changed: number;
  /** Why it is held; empty of all else. */
  readonly reason: string;
}
