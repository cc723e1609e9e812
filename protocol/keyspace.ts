/**
 * Redis keys: which prefix means what. The one place that knows how users, tags, values and audiences are written as keys.
 */
import { isUtf8 } from 'node:buffer';
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

/** A saved audience, if there is one of the name: a set that is only read. */
export interface AudienceKeyName {
  readonly kind: 'audience';
  readonly name: string;
}

export type SetKeyName = TagKeyName | AudienceKeyName;
export type KeyName = UserKeyName | SetKeyName;

export interface Prefixes {
  readonly user: string;
  readonly tag: string;
  /** Empty: audiences have no keys. */
  readonly audience: string;
}

const EQUALS = 61;

/** A key belongs to the longest of the prefixes that it begins with. */
export class Keyspace {
  readonly prefixes: Prefixes;
  readonly userPrefix: Uint8Array;
  readonly tagPrefix: Uint8Array;
  readonly #audiencePrefix: Uint8Array;
  /** The longer prefixes that begin with the users', the tags' and the audiences': mostly none. */
  readonly #longerThanUser: readonly Uint8Array[];
  readonly #longerThanTag: readonly Uint8Array[];
  readonly #longerThanAudience: readonly Uint8Array[];

  /** Throws INVALID_OPTION when audiences have the same prefix as users or tags. */
  constructor(prefixes: Prefixes) {
    this.prefixes = prefixes;
    this.userPrefix = Buffer.from(prefixes.user);
    this.tagPrefix = Buffer.from(prefixes.tag);
    this.#audiencePrefix = Buffer.from(prefixes.audience);
    const isTaken = prefixes.audience === prefixes.user || prefixes.audience === prefixes.tag;
    if (isTaken && this.hasAudiences) {
      throw new SegmentdError(
        'INVALID_OPTION',
        `audience-prefix ${JSON.stringify(prefixes.audience)} is the prefix of ${prefixes.audience === prefixes.user ? 'users' : 'tags'} already`,
      );
    }
    const all = [this.userPrefix, this.tagPrefix, this.#audiencePrefix];
    const longer = (prefix: Uint8Array): Uint8Array[] =>
      all.filter((other) => other.length > prefix.length && hasPrefix(other, 0, other.length, prefix));
    this.#longerThanUser = longer(this.userPrefix);
    this.#longerThanTag = longer(this.tagPrefix);
    this.#longerThanAudience = longer(this.#audiencePrefix);
  }

  /** Have audiences keys? */
  get hasAudiences(): boolean {
    return this.#audiencePrefix.length > 0;
  }

  /** Where a user's id begins in the key at `start` to `end`, or -1 when the key is not a user's. */
  userIdStart(bytes: Uint8Array, start: number, end: number): number {
    return nameStart(bytes, start, end, this.userPrefix, this.#longerThanUser);
  }

  /** Where a tag's name begins in the key at `start` to `end`, or -1 when the key is not a tag's. */
  tagNameStart(bytes: Uint8Array, start: number, end: number): number {
    return nameStart(bytes, start, end, this.tagPrefix, this.#longerThanTag);
  }

  /** The id that a key of a hash command names. Throws WRONG_TYPE for a set's key, UNKNOWN_KEY for any other. */
  userId(key: Uint8Array): Uint8Array {
    const start = this.userIdStart(key, 0, key.length);
    if (start >= 0) return key.subarray(start);
    throw this.#notThat(key, this.#setKey(key) !== undefined);
  }

  /** The set that a key of a set command names. Throws WRONG_TYPE for a hash's key, UNKNOWN_KEY for any other. */
  set(key: Uint8Array): SetKeyName {
    const name = this.#setKey(key);
    if (name !== undefined) return name;
    throw this.#notThat(key, this.userIdStart(key, 0, key.length) >= 0);
  }

  /** As `set`, for a set that is to be changed: throws NOT_ALLOWED for an audience's key. */
  tag(key: Uint8Array): TagKeyName {
    const name = this.set(key);
    if (name.kind === 'audience') throw audiencesAreReadOnly();
    return name;
  }

  /**
   * The possible meanings of a key, for commands that take keys of any kind: one, or with equal prefixes of users and tags
   * both, the user first. Throws UNKNOWN_KEY.
   */
  meanings(key: Uint8Array): KeyName[] {
    const names: KeyName[] = [];
    const start = this.userIdStart(key, 0, key.length);
    if (start >= 0 && start < key.length) names.push({ kind: 'user', id: key.subarray(start) });
    const set = this.#setKey(key);
    if (set !== undefined) names.push(set);
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

  /** The key of a saved audience. */
  audienceKey(name: string): string {
    return this.prefixes.audience + name;
  }

  #setKey(key: Uint8Array): SetKeyName | undefined {
    const start = this.tagNameStart(key, 0, key.length);
    if (start >= 0) return tagKeyName(key, start);
    const nameAt = this.hasAudiences
      ? nameStart(key, 0, key.length, this.#audiencePrefix, this.#longerThanAudience)
      : -1;
    if (nameAt < 0) return undefined;
    const name = key.subarray(nameAt);
    // Nobody can have saved one with an empty name.
    return { kind: 'audience', name: isUtf8(name) ? Buffer.from(name).toString() : '' };
  }

  #notThat(key: Uint8Array, otherFamily: boolean): SegmentdError {
    if (otherFamily) {
      return new SegmentdError('WRONG_TYPE', 'Operation against a key holding the wrong kind of value');
    }
    const shown = JSON.stringify(Buffer.from(key.subarray(0, 64)).toString());
    const { user, tag, audience } = this.prefixes;
    const audiences = this.hasAudiences ? `, audiences ${audience}NAME` : '';
    return new SegmentdError(
      'UNKNOWN_KEY',
      `key ${shown} has no known prefix: users are ${user}ID, tags ${tag}NAME${audiences}`,
    );
  }
}

/** The error for a command that would change an audience as if it were a set. */
export function audiencesAreReadOnly(): SegmentdError {
  return new SegmentdError(
    'NOT_ALLOWED',
    'audience keys are read-only: use SEG.SAVE, SEG.FREEZE, SEG.ADD or SEG.DROP',
  );
}

function tagKeyName(key: Uint8Array, start: number): TagKeyName {
  const equals = key.indexOf(EQUALS, start);
  const name = Buffer.from(key.subarray(start, equals < 0 ? key.length : equals)).toString();
  return {
    kind: 'tag',
    tag: name,
    value: equals < 0 ? undefined : Buffer.from(key.subarray(equals + 1)).toString(),
  };
}

/** Where the name begins in a key with the prefix and none of the `longer` ones, or -1. */
function nameStart(
  bytes: Uint8Array,
  start: number,
  end: number,
  prefix: Uint8Array,
  longer: readonly Uint8Array[],
): number {
  if (!hasPrefix(bytes, start, end, prefix)) return -1;
  for (let i = 0; i < longer.length; i++) if (hasPrefix(bytes, start, end, longer[i]!)) return -1;
  return start + prefix.length;
}

function hasPrefix(bytes: Uint8Array, start: number, end: number, prefix: Uint8Array): boolean {
  const length = prefix.length;
  if (end - start < length) return false;
  for (let i = 0; i < length; i++) if (bytes[start + i] !== prefix[i]) return false;
  return true;
}
