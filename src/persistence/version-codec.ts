/** Mutations of versions as MessagePack; see mutation-codec.ts. */
import type { VersionMutation } from '../mutation.js';
import type { TagKind, TagValue } from '../store/column.js';
import { LIMITS, type TagPolicy } from '../store/tag-policies.js';
import type { UserId } from '../store/user-key.js';
import type { ListCounts } from '../store/version-draft.js';
import { begin, readUsers, writeScalar } from './codec-parts.js';
import type { MsgpackReader } from './msgpack-reader.js';
import type { MsgpackWriter } from './msgpack-writer.js';

const Type = {
  /** draft, tag, kind, scale */
  BEGIN_VERSION: 20,
  /** draft, how many are gone, then who is gone, then users */
  DRAFT_FLAGS: 21,
  /** the same, with each user's value behind the user */
  DRAFT_VALUES: 22,
  /** draft */
  DISCARD_VERSION: 23,
  /** draft, reason, release, source, time, then the eight counts */
  HOLD_VERSION: 24,
  /** release, source, time, then drafts */
  PUBLISH_RELEASE: 25,
  /** release, then tag, version, tag, version … */
  ROLL_BACK: 26,
  /** tag, kept */
  KEEP_VERSIONS: 27,
  /** tag, time, automatic or nil, then the seven limits or nil */
  SET_POLICY: 28,
  /** release, source, time, then of each its draft, reason and eight counts */
  HOLD_RELEASE: 29,
} as const;

/** Types from this number on are those of versions. */
export const FIRST_OF_VERSIONS = Type.BEGIN_VERSION;

/** The counts of a held version, in the order in which they are written. */
const COUNTS = [
  'listed',
  'unknown',
  'duplicates',
  'users',
  'before',
  'entered',
  'left',
  'changed',
] as const satisfies readonly (keyof ListCounts)[];
const HELD_ITEMS = 2 + COUNTS.length;

/** Writes one mutation, whether or not the store would take it. */
export function encodeVersionMutation(out: MsgpackWriter, mutation: VersionMutation): void {
  switch (mutation.type) {
    case 'beginVersion':
      begin(out, Type.BEGIN_VERSION, 4);
      out.number(mutation.draft);
      out.string(mutation.tag);
      writeScalar(out, mutation.kind);
      out.number(mutation.scale);
      return;
    case 'draftVersion': {
      const { draft, gone, users, values } = mutation;
      if (values === undefined) begin(out, Type.DRAFT_FLAGS, 2 + gone.length + users.length);
      else begin(out, Type.DRAFT_VALUES, 2 + gone.length + 2 * users.length);
      out.number(draft);
      out.number(gone.length);
      for (const user of gone) out.binary(user);
      for (let i = 0; i < users.length; i++) {
        out.binary(users[i]!);
        if (values !== undefined) writeScalar(out, values[i]);
      }
      return;
    }
    case 'discardVersion':
      begin(out, Type.DISCARD_VERSION, 1);
      out.number(mutation.draft);
      return;
    case 'holdVersion': {
      const { reason, release, source, at, counts } = mutation.holding;
      begin(out, Type.HOLD_VERSION, 5 + COUNTS.length);
      out.number(mutation.draft);
      out.string(reason);
      out.string(release);
      out.string(source);
      out.number(at);
      writeCounts(out, counts);
      return;
    }
    case 'publishRelease':
      begin(out, Type.PUBLISH_RELEASE, 3 + mutation.drafts.length);
      out.string(mutation.release);
      out.string(mutation.source);
      out.number(mutation.at);
      for (const draft of mutation.drafts) out.number(draft);
      return;
    case 'rollBack':
      begin(out, Type.ROLL_BACK, 1 + 2 * mutation.targets.length);
      out.string(mutation.release);
      for (const { tag, version } of mutation.targets) {
        out.string(tag);
        out.number(version);
      }
      return;
    case 'keepVersions':
      begin(out, Type.KEEP_VERSIONS, 2);
      out.string(mutation.tag);
      out.number(mutation.kept);
      return;
    case 'setPolicy':
      begin(out, Type.SET_POLICY, 3 + LIMITS.length);
      out.string(mutation.tag);
      out.number(mutation.at);
      writeScalar(out, mutation.policy.automatic);
      for (const name of LIMITS) writeScalar(out, mutation.policy[name]);
      return;
    case 'holdRelease': {
      const { release, source, at, held } = mutation;
      begin(out, Type.HOLD_RELEASE, 3 + HELD_ITEMS * held.length);
      out.string(release);
      out.string(source);
      out.number(at);
      for (const { draft, reason, counts } of held) {
        out.number(draft);
        out.string(reason);
        writeCounts(out, counts);
      }
    }
  }
}

/** Reads what is behind the number of the mutation's type; `length` counts that too. */
export function decodeVersionMutation(input: MsgpackReader, type: number, length: number): VersionMutation {
  switch (type) {
    case Type.BEGIN_VERSION: {
      const [draft, tag] = [input.number(), input.string()];
      return { type: 'beginVersion', draft, tag, kind: input.string() as TagKind, scale: input.number() };
    }
    case Type.DRAFT_FLAGS: {
      const draft = input.number();
      const gone = readUsers(input, input.number());
      const users = readUsers(input, length - 3 - gone.length);
      return { type: 'draftVersion', draft, gone, users, values: undefined };
    }
    case Type.DRAFT_VALUES: {
      const draft = input.number();
      const gone = readUsers(input, input.number());
      const users: UserId[] = [];
      const values: TagValue[] = [];
      for (let i = 3 + gone.length; i < length; i += 2) {
        users.push(input.binary());
        values.push(input.scalar()!);
      }
      return { type: 'draftVersion', draft, gone, users, values };
    }
    case Type.DISCARD_VERSION:
      return { type: 'discardVersion', draft: input.number() };
    case Type.HOLD_VERSION: {
      const draft = input.number();
      const [reason, release, source, at] = [input.string(), input.string(), input.string(), input.number()];
      return {
        type: 'holdVersion',
        draft,
        holding: { reason, release, source, at, counts: readCounts(input) },
      };
    }
    case Type.PUBLISH_RELEASE: {
      const [release, source, at] = [input.string(), input.string(), input.number()];
      const drafts = Array.from({ length: length - 4 }, () => input.number());
      return { type: 'publishRelease', release, source, at, drafts };
    }
    case Type.ROLL_BACK: {
      const release = input.string();
      const targets = Array.from({ length: (length - 2) / 2 }, () => {
        return { tag: input.string(), version: input.number() };
      });
      return { type: 'rollBack', release, targets };
    }
    case Type.KEEP_VERSIONS:
      return { type: 'keepVersions', tag: input.string(), kept: input.number() };
    case Type.SET_POLICY: {
      const [tag, at, automatic] = [input.string(), input.number(), input.scalar()];
      const limits = LIMITS.map((name) => [name, input.scalar()] as const);
      const given = [...limits, ['automatic', automatic] as const].filter(([, value]) => value !== undefined);
      return { type: 'setPolicy', tag, policy: Object.fromEntries(given) as TagPolicy, at };
    }
    case Type.HOLD_RELEASE: {
      const [release, source, at] = [input.string(), input.string(), input.number()];
      const held = Array.from({ length: (length - 4) / HELD_ITEMS }, () => {
        return { draft: input.number(), reason: input.string(), counts: readCounts(input) };
      });
      return { type: 'holdRelease', release, source, at, held };
    }
    default:
      throw new Error(`mutation type ${type} is not known`);
  }
}

function writeCounts(out: MsgpackWriter, counts: ListCounts): void {
  for (const name of COUNTS) out.number(counts[name]);
}

function readCounts(input: MsgpackReader): ListCounts {
  return Object.fromEntries(COUNTS.map((name) => [name, input.number()])) as unknown as ListCounts;
}
