import type { TagKind, UserTags } from './mapping.js';

/** How a tag is declared. */
export interface TagDeclaration {
  readonly kind: TagKind;
  /** Digits after the decimal point of a number. */
  readonly scale?: number;
  readonly description?: string;
}

/** One user to write, with one tag at least. Tags that are not named stay as they are. */
export interface UserRow {
  readonly id: string;
  readonly tags: UserTags;
}

/** Where a load goes: an engine of this process, or a running server. */
export interface LoadTarget {
  /** Whether a tag of that name exists. */
  hasTag(name: string): Promise<boolean>;

  /**
   * Declares a tag, or changes its declaration.
   *
   * @throws SegmentdError when the target refuses
   */
  declareTag(name: string, declaration: TagDeclaration): Promise<void>;

  /**
   * Writes a batch of users, each of them wholly or not at all.
   *
   * @returns for each user, in order: undefined when it was written, or why it was refused
   * @throws SegmentdError when the target is gone, so that nobody can tell what was written
   */
  writeUsers(users: readonly UserRow[]): Promise<(string | undefined)[]>;

  /** Ends the target's connection, if it has one. */
  close(): Promise<void>;
}
