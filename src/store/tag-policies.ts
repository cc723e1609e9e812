/** What a tag's lists must be like to be published by themselves, and how old they may become. */
import { SegmentdError } from '../errors.js';
import { checkTime } from './audience-record.js';
import { quote } from './numbers.js';
import type { TagCatalog } from './tag-catalog.js';

/** A tag's quality gate and its greatest age. What is not given is not limited. Shares: 0.2 is 20 %. */
export interface TagPolicy {
  /** Share of the users it has by which a new list may have more. */
  readonly maxGrowth?: number;
  /** Share of the users it has by which a new list may have fewer; at most 1. */
  readonly maxShrinkage?: number;
  /** Users that a list has at least. */
  readonly minUsers?: number;
  /** Users that a list has at most. */
  readonly maxUsers?: number;
  /** Share of a list's different ids that may be no users yet; at most 1. */
  readonly maxUnknown?: number;
  /** Share, of all who had the tag or get it, of those for whom it may become different: who enter, leave, or get another value; at most 1. */
  readonly maxChanged?: number;
  /** Also compare with what the last versions changed; see src/versions/gate.ts. */
  readonly automatic?: boolean;
  /** Seconds after which the current version is stale. */
  readonly maxAge?: number;
}

/** What is to be different about a policy: what is not given stays, `null` takes a limit away. */
export type PolicyChanges = { readonly [Name in keyof TagPolicy]?: TagPolicy[Name] | null | undefined };

/** The names of the limits that are numbers, in the order in which they are kept. */
export const LIMITS = [
  'maxGrowth',
  'maxShrinkage',
  'minUsers',
  'maxUsers',
  'maxUnknown',
  'maxChanged',
  'maxAge',
] as const satisfies readonly (keyof TagPolicy)[];

interface LimitRow {
  readonly isWhole: boolean;
  readonly least: number;
  readonly most: number;
}

const SHARE: LimitRow = { isWhole: false, least: 0, most: 1 };
const COUNT: LimitRow = { isWhole: true, least: 0, most: 2 ** 32 };
const rows: Readonly<Record<(typeof LIMITS)[number], LimitRow>> = {
  maxGrowth: { isWhole: false, least: 0, most: 1_000_000 },
  maxShrinkage: SHARE,
  minUsers: COUNT,
  maxUsers: COUNT,
  maxUnknown: SHARE,
  maxChanged: SHARE,
  // In milliseconds it is a time still.
  maxAge: { isWhole: true, least: 1, most: 1_000_000_000 },
};

/** A policy, and the moment from which a tag that was not loaded since counts as fresh. */
interface KeptPolicy {
  readonly policy: TagPolicy;
  /** When the tag got a greatest age, in milliseconds since the epoch; 0 while it has none. */
  readonly since: number;
}

/** All policies as plain data; see store-image.ts. */
export type PoliciesImage = readonly (readonly [tag: string, kept: KeptPolicy])[];

const NO_POLICY: KeptPolicy = { policy: {}, since: 0 };

/** The policies, by tag. */
export class TagPolicies {
  readonly #kept = new Map<string, KeptPolicy>();

  /** The policy of a tag; empty if it has none. */
  of(tag: string): TagPolicy {
    return this.#find(tag).policy;
  }

  /** When the tag got a greatest age, in milliseconds since the epoch; 0 if it has none. */
  since(tag: string): number {
    return this.#find(tag).since;
  }

  /** The tags that have a policy. */
  tags(): Iterable<string> {
    return this.#kept.keys();
  }

  /**
   * Gives a tag another policy, all of it. The tag stays from then on, also without users. Throws UNKNOWN_TAG, and
   * INVALID_ARGUMENT for limits that cannot be.
   */
  set(catalog: TagCatalog, name: string, policy: TagPolicy, at: number): void {
    checkTime(at);
    const tag = catalog.require(name);
    checkPolicy(name, policy);
    tag.declared = true;
    // Another greatest age makes nothing fresh.
    const aged = this.of(name).maxAge === undefined ? at : this.since(name);
    const since = policy.maxAge === undefined ? 0 : aged;
    if (Object.keys(policy).length === 0) this.#kept.delete(name);
    else this.#kept.set(name, { policy: { ...policy }, since });
  }

  drop(tag: string): void {
    this.#kept.delete(tag);
  }

  clear(): void {
    this.#kept.clear();
  }

  image(): PoliciesImage {
    return [...this.#kept];
  }

  restore(image: PoliciesImage): void {
    for (const [tag, kept] of image) this.#kept.set(tag, kept);
  }

  #find(tag: string): KeptPolicy {
    return this.#kept.get(tag) ?? NO_POLICY;
  }
}

/** The policy with the changes. */
export function changedPolicy(policy: TagPolicy, changes: PolicyChanges): TagPolicy {
  const changed = Object.entries({ ...policy, ...withoutUndefined(changes) });
  return Object.fromEntries(changed.filter(([, value]) => value !== null && value !== false));
}

function withoutUndefined(changes: PolicyChanges): PolicyChanges {
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
}

function checkPolicy(tag: string, policy: TagPolicy): void {
  for (const [name, value] of Object.entries(policy)) {
    if (name === 'automatic') {
      if (value !== true) throw wrong(tag, `${name} is on or off`, value);
    } else if (Object.hasOwn(rows, name)) {
      checkLimit(tag, name as (typeof LIMITS)[number], value);
    } else {
      throw new SegmentdError('INVALID_ARGUMENT', `tag ${quote(tag)}: there is no limit ${quote(name)}`);
    }
  }
  const { minUsers, maxUsers } = policy;
  if (minUsers === undefined || maxUsers === undefined || minUsers <= maxUsers) return;
  throw new SegmentdError(
    'INVALID_ARGUMENT',
    `tag ${quote(tag)}: minUsers ${minUsers} is more than maxUsers ${maxUsers}: no list could be published`,
  );
}

function checkLimit(tag: string, name: (typeof LIMITS)[number], value: unknown): void {
  const { isWhole, least, most } = rows[name];
  const isNumber = isWhole ? Number.isSafeInteger(value) : Number.isFinite(value);
  if (isNumber && (value as number) >= least && (value as number) <= most) return;
  const what = isWhole ? 'a whole number' : 'a share, 0.2 for 20 %,';
  throw wrong(tag, `${name} is ${what} from ${least} to ${most}`, value);
}

function wrong(tag: string, what: string, value: unknown): SegmentdError {
  return new SegmentdError('INVALID_ARGUMENT', `tag ${quote(tag)}: ${what}, not ${String(value)}`);
}
