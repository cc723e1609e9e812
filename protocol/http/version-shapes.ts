/** Versions, releases and policies in bodies. */
import { type Static, Type } from 'typebox';
import { type Release as ReleaseInfo, SegmentdError, type VersionInfo } from '../../src/index.js';
import { LIMITS, type TagPolicy } from '../../src/store/tag-policies.js';
import type { ReplacedTag, Replacement as ReplacementInfo } from '../../src/versions/replace.js';
import type { HeldVersion } from '../../src/versions/versions.js';
import { shape } from './shapes.js';

const whole = Type.Integer({ minimum: 0 });
const time = Type.String({ format: 'date-time', description: 'When it was published: ISO 8601, in UTC.' });
const source = Type.String({ description: 'Where the list came from, as whoever loaded it says.' });
const release = Type.String({ description: 'The release it belongs to.' });
const version = Type.Integer({
  minimum: 0,
  description: 'From 1 on; 0 is what the tag had before its first list.',
});

export const VersionShape = shape({
  version,
  release: Type.Optional(release),
  source,
  time: Type.Optional(time),
  users: Type.Integer({ minimum: 0, description: 'Users when it was published.' }),
  entered: whole,
  left: whole,
  changed: Type.Integer({ minimum: 0, description: 'Users who had another value before.' }),
  state: Type.Enum(['current', 'kept', 'rolled back', 'dropped'], {
    description:
      'rolled back: kept, and left for an earlier one; dropped: it is not known any more who was in it.',
  }),
});

export function versionValue(info: VersionInfo): Static<typeof VersionShape> {
  const { number, release: name, source: from, at, users, entered, left, changed, state } = info;
  const published = number === 0 ? {} : { release: name, time: new Date(at).toISOString() };
  return { version: number, ...published, source: from, users, entered, left, changed, state };
}

export const ReleaseShape = shape({
  release: Type.String(),
  source,
  time,
  state: Type.Enum(['published', 'rolled back']),
  tags: Type.Array(shape({ tag: Type.String(), version }), { description: 'The versions that it made.' }),
});

export function releaseValue({
  release: name,
  source: from,
  at,
  state,
  tags,
}: ReleaseInfo): Static<typeof ReleaseShape> {
  const versions = tags.map(({ tag, version: number }) => ({ tag, version: number }));
  return { release: name, source: from, time: new Date(at).toISOString(), state, tags: versions };
}

const counts = {
  listed: Type.Integer({ minimum: 0, description: 'Ids in the list.' }),
  unknown: Type.Integer({ minimum: 0, description: 'Different ids of it that were no users.' }),
  duplicates: Type.Integer({ minimum: 0, description: 'How often an id came again.' }),
  users: Type.Integer({ minimum: 0, description: 'Users of the version.' }),
  before: Type.Integer({ minimum: 0, description: 'Users of the tag before.' }),
  entered: whole,
  left: whole,
  changed: whole,
};

type Counts = Pick<ReplacedTag, keyof typeof counts>;

function countsOf({ listed, unknown, duplicates, users, before, entered, left, changed }: Counts): Counts {
  return { listed, unknown, duplicates, users, before, entered, left, changed };
}

const draft = Type.Integer({ minimum: 1, description: 'By which it is published or discarded.' });
const replaced = {
  tag: Type.String(),
  version: Type.Optional(Type.Integer({ minimum: 1, description: 'Of what is published: its number.' })),
  draft: Type.Optional(draft),
  ...counts,
  breaches: Type.Array(Type.String(), { description: "What of the list breaks the tag's policy." }),
};
const outcome = {
  state: Type.Enum(['published', 'held'], { description: 'held: it waits for somebody to decide.' }),
  release: Type.String({ description: 'What the release is called, or will be.' }),
};

/** What became of one list. */
export const ReplacedShape = shape({ ...outcome, ...replaced });
/** What became of several. */
export const ReplacementShape = shape({ ...outcome, tags: Type.Array(shape(replaced)) });

function replacedValue(tag: ReplacedTag, isHeld: boolean) {
  const { version: number, draft: held, breaches } = tag;
  return {
    tag: tag.tag,
    ...(isHeld ? { draft: held } : { version: number! }),
    ...countsOf(tag),
    breaches: breaches.map(({ message }) => message),
  };
}

export function replacedInfo({ state, release: name, tags }: ReplacementInfo): Static<typeof ReplacedShape> {
  return { state, release: name, ...replacedValue(tags[0]!, state === 'held') };
}

export function replacementValue({
  state,
  release: name,
  tags,
}: ReplacementInfo): Static<typeof ReplacementShape> {
  return { state, release: name, tags: tags.map((tag) => replacedValue(tag, state === 'held')) };
}

/** A list that is complete and waits for its release. */
export const PreparedShape = shape({ tag: Type.String(), draft, ...counts });

export function preparedValue(
  prepared: Counts & { tag: string; draft: number },
): Static<typeof PreparedShape> {
  return { tag: prepared.tag, draft: prepared.draft, ...countsOf(prepared) };
}

export const HeldShape = shape({
  draft,
  tag: Type.String(),
  reason: Type.String({ description: 'Why it is held.' }),
  release,
  source,
  time: Type.String({ format: 'date-time', description: 'Since when it is held: ISO 8601, in UTC.' }),
  ...counts,
  obstacle: Type.Optional(Type.String({ description: 'Why it cannot be published any more, if it cannot.' })),
});

export function heldValue(held: HeldVersion): Static<typeof HeldShape> {
  const { draft: number, tag, reason, release: name, source: from, at, obstacle } = held;
  return {
    ...{ draft: number, tag, reason, release: name, source: from, time: new Date(at).toISOString() },
    ...countsOf(held),
    ...(obstacle === '' ? {} : { obstacle }),
  };
}

const DESCRIPTIONS: Readonly<Record<(typeof LIMITS)[number], string>> = {
  maxGrowth: 'Share of the users it has by which a new list may have more: 0.2 is 20 %.',
  maxShrinkage: 'Share of the users it has by which a new list may have fewer.',
  minUsers: 'Users that a list has at least.',
  maxUsers: 'Users that a list has at most.',
  maxUnknown: "Share of a list's different ids that may be no users.",
  maxChanged: 'Share of the users for whom the tag may become different.',
  maxAge: 'Seconds after which the current version is stale.',
};
const limits = LIMITS.map((name) => {
  const number = Type.Number({ minimum: 0 });
  const limit = Type.Union([number, Type.Null()], { description: `${DESCRIPTIONS[name]} null: no limit.` });
  return [name, limit] as const;
});

type Limits = Record<(typeof LIMITS)[number], (typeof limits)[number][1]>;
type OptionalLimits = { [N in keyof Limits]: ReturnType<typeof Type.Optional<Limits[N]>> };

const automatic = Type.Boolean({ description: 'Also compare with what the last versions changed.' });
const keep = Type.Integer({ minimum: 0, description: 'Earlier versions that are kept.' });

/** What a tag is to be like. */
export const PolicyShape = shape({ ...(Object.fromEntries(limits) as Limits), automatic, keep });
/** What is to be different about it. */
export const PolicyChangesShape = shape({
  ...(Object.fromEntries(limits.map(([name, limit]) => [name, Type.Optional(limit)])) as OptionalLimits),
  automatic: Type.Optional(automatic),
  keep: Type.Optional(keep),
});

export function policyValue(policy: TagPolicy, kept: number): Static<typeof PolicyShape> {
  const values = LIMITS.map((name) => [name, policy[name] ?? null]);
  return {
    ...(Object.fromEntries(values) as Record<(typeof LIMITS)[number], number | null>),
    automatic: policy.automatic === true,
    keep: kept,
  };
}

/** The number of a draft in a path. Throws UNKNOWN_VERSION for what is none. */
export function draftOf(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new SegmentdError(
    'UNKNOWN_VERSION',
    `there is no draft ${JSON.stringify(text)}: it is a whole number`,
  );
}
