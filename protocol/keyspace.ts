/** Redis keys: which prefix means what. The one place that knows how users, tags and values are written as keys. */
import { SegmentdError } from '../src/errors.js';

/** A user: a hash. */
export interface UserKeyName {
  readonly kind: 'user';
  readonly id: Uint8Array;
}

/** A tag, or the users of one value of it: a set. */
export interface TagKeyName {
  readonly kind: 'tag';
  readonly tag: string;
  readonly value: string | undefined;
}

export type KeyName = UserKeyName | TagKeyName;

export interface Prefixes {
  readonly user: string;
  readonly tag: string;
}

const EQUALS = 61;

export class Keyspace {
  readonly prefixes: Prefixes;
  readonly userPrefix: Uint8Array;
  readonly tagPrefix: Uint8Array;
  /** Keys that begin with both prefixes belong to the longer one. */
  readonly #tagFirst: boolean;

  constructor(prefixes: Prefixes) {
    this.prefixes = prefixes;
    this.userPrefix = Buffer.from(prefixes.user);
    this.tagPrefix = Buffer.from(prefixes.tag);
    this.#tagFirst = this.tagPrefix.length > this.userPrefix.length;
  }

  /** Where a user's id begins in the key at `start` to `end`, or -1 when the key is not a user's. */
  userIdStart(bytes: Uint8Array, start: number, end: number): number {
    if (!hasPrefix(bytes, start, end, this.userPrefix)) return -1;
    if (this.#tagFirst && hasPrefix(bytes, start, end, this.tagPrefix)) return -1;
    return start + this.userPrefix.length;
  }

  /** Where a tag's name begins in the key at `start` to `end`, or -1 when the key is not a tag's. */
  tagNameStart(bytes: Uint8Array, start: number, end: number): number {
    if (!hasPrefix(bytes, start, end, this.tagPrefix)) return -1;
    if (!this.#tagFirst && this.userPrefix.length > this.tagPrefix.length) {
      if (hasPrefix(bytes, start, end, this.userPrefix)) return -1;
    }
    return start + this.tagPrefix.length;
  }

  /** The id that a key of a hash command names. Throws WRONG_TYPE for a set's key, UNKNOWN_KEY for any other. */
  userId(key: Uint8Array): Uint8Array {
    const start = this.userIdStart(key, 0, key.length);
    if (start >= 0) return key.subarray(start);
    throw this.#notThat(key, this.tagNameStart(key, 0, key.length) >= 0);
  }

  /** The tag that a key of a set command names. Throws WRONG_TYPE for a hash's key, UNKNOWN_KEY for any other. */
  tag(key: Uint8Array): TagKeyName {
    const start = this.tagNameStart(key, 0, key.length);
    if (start < 0) throw this.#notThat(key, this.userIdStart(key, 0, key.length) >= 0);
    const equals = key.indexOf(EQUALS, start);
    const name = Buffer.from(key.subarray(start, equals < 0 ? key.length : equals)).toString();
    return {
      kind: 'tag',
      tag: name,
      value: equals < 0 ? undefined : Buffer.from(key.subarray(equals + 1)).toString(),
    };
  }

  /**
   * The possible meanings of a key, for commands that take keys of any kind: one, or with equal prefixes both, the user
   * first. Throws UNKNOWN_KEY.
   */
  meanings(key: Uint8Array): KeyName[] {
    const names: KeyName[] = [];
    const start = this.userIdStart(key, 0, key.length);
    if (start >= 0 && start < key.length) names.push({ kind: 'user', id: key.subarray(start) });
    if (this.tagNameStart(key, 0, key.length) >= 0) names.push(this.tag(key));
    if (names.length === 0) throw this.#notThat(key, false);
    return names;
  }

  /** The key of a user, as bytes. */
  userKey(id: Uint8Array): Buffer {
    return Buffer.concat([this.userPrefix, id]);
  }

  /** The key of a tag. */
  tagKey(name: string): string {
    return this.prefixes.tag + name;
  }

  #notThat(key: Uint8Array, otherFamily: boolean): SegmentdError {
    if (otherFamily) {
      return new SegmentdError('WRONG_TYPE', 'Operation against a key holding the wrong kind of value');
    }
    const shown = JSON.stringify(Buffer.from(key.subarray(0, 64)).toString());
    const { user, tag } = this.prefixes;
    return new SegmentdError(
      'UNKNOWN_KEY',
      `key ${shown} has no known prefix: users are ${user}ID, tags ${tag}NAME`,
    );
  }
}

function hasPrefix(bytes: Uint8Array, start: number, end: number, prefix: Uint8Array): boolean {
  const length = prefix.length;
  if (end - start < length) return false;
  for (let i = 0; i < length; i++) if (bytes[start + i] !== prefix[i]) return false;
  return true;
}
