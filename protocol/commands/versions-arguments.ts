/** Arguments and replies that the commands about versions share. */
import type { ListBatch, Moment, Release, TagValue, VersionInfo } from '../../src/index.js';
import { SegmentdError } from '../../src/index.js';
import type { ReplacedTag, Replacement } from '../../src/versions/replace.js';
import type { HeldVersion } from '../../src/versions/versions.js';
import {
  type Argument,
  block,
  bytes,
  integer,
  integerOf,
  many,
  nameInDocs,
  option,
  syntaxError,
  text,
  token,
  WrongArity,
} from '../arguments.js';
import type { Data } from '../replies.js';

const moment: Argument<Moment> = {
  min: 2,
  max: 2,
  doc: (name) => ({
    name,
    type: 'oneof',
    arguments: [
      { name: 'version', type: 'integer', token: 'VERSION' },
      { name: 'release', type: 'string', token: 'RELEASE' },
    ],
  }),
  parse(words) {
    if (words.takeToken('VERSION')) return { version: versionNumber().parse(words) };
    if (words.takeToken('RELEASE')) return { release: releaseName().parse(words) };
    throw syntaxError();
  },
};

/** `AT VERSION n` or `AT RELEASE id`. */
export const at = option('AT', moment);

/** The same behind arguments that are all; other words are too many, as where there is no such option. */
export function atEnd(): Argument<Moment | undefined> {
  return {
    min: 0,
    max: 3,
    doc: (name) => ({ ...moment.doc(nameInDocs(name)), token: 'AT', optional: true }),
    parse(words) {
      if (words.left === 0) return undefined;
      if (words.left !== 3 || !words.takeToken('AT')) throw new WrongArity();
      return moment.parse(words);
    },
  };
}

export function versionNumber(): Argument<number> {
  return integer(0);
}

export function draftNumber(): Argument<number> {
  return integer(1);
}

/** One or more, up to the first word that is no number. */
export function draftNumbers(): Argument<number[]> {
  const list = many(draftNumber());
  return {
    ...list,
    parse(words) {
      const numbers = [draftNumber().parse(words)];
      while (words.left > 0 && /^\d+$/.test(words.peek()!.toString('latin1'))) {
        numbers.push(integerOf(words.next()));
      }
      return numbers;
    },
  };
}

export function releaseName(): Argument<string> {
  return text('names of releases');
}

/** What a release is to be called, where it comes from, and whether gates are left out of account. */
export const releaseOptions = {
  release: option('RELEASE', releaseName()),
  source: option('SOURCE', text('sources')),
  force: token('FORCE'),
};

/** Part of a list, or all of it: the last of the options, since it takes all words that are left. */
export const listOptions = {
  value: option('VALUE', text()),
  users: option('USERS', many(bytes())),
  values: option('VALUES', many(block({ user: bytes(), value: text() }))),
};

interface GivenList {
  readonly value?: string;
  readonly users?: readonly Uint8Array[];
  readonly values?: readonly { readonly user: Uint8Array; readonly value: string }[];
}

/** The list that the options say. Throws SYNTAX where they do not. */
export function batchOf({ value, users, values }: GivenList): ListBatch {
  if (users !== undefined) return value === undefined ? { users } : { users, values: users.map(() => value) };
  if (values === undefined || value !== undefined) throw syntaxError();
  return { users: values.map(({ user }) => user), values: values.map((pair): TagValue => pair.value) };
}

/** A time of the epoch as ISO 8601; null for none. */
function timeText(at: number): string | null {
  return at === 0 ? null : new Date(at).toISOString();
}

export const VERSION_SHAPE =
  'map of version, release, source, time (ISO 8601, null for version 0), users, entered, left, changed, state (current, kept, rolled back or dropped)';

export function versionData(version: VersionInfo): Data {
  const { number, release, source, at: time, users, entered, left, changed, state } = version;
  return new Map<string, Data>([
    ['version', number],
    ['release', release],
    ['source', source],
    ['time', timeText(time)],
    ['users', users],
    ['entered', entered],
    ['left', left],
    ['changed', changed],
    ['state', state],
  ]);
}

export const RELEASE_SHAPE =
  'map of release, source, time (ISO 8601), state (published or rolled back), and tags (map of tag and version)';

export function releaseData({ release, source, at: time, state, tags }: Release): Data {
  return new Map<string, Data>([
    ['release', release],
    ['source', source],
    ['time', timeText(time)],
    ['state', state],
    ['tags', new Map(tags.map(({ tag, version }) => [tag, version]))],
  ]);
}

const COUNTS = 'listed, unknown, duplicates, users, before, entered, left, changed';

type Counts = Pick<
  ReplacedTag,
  'listed' | 'unknown' | 'duplicates' | 'users' | 'before' | 'entered' | 'left' | 'changed'
>;

function countsOf(counts: Counts): [string, Data][] {
  const { listed, unknown, duplicates, users, before, entered, left, changed } = counts;
  const all = { listed, unknown, duplicates, users, before, entered, left, changed };
  return Object.entries(all);
}

const REPLACED = `tag, version (null when it is held), draft (null unless it is held), ${COUNTS}, and breaches (array of what of it breaks the policy)`;
export const REPLACED_SHAPE = `map of state (published or held), release, ${REPLACED}`;
export const REPLACEMENT_SHAPE = `map of state (published or held), release, and tags (array of maps of ${REPLACED})`;

function replacedEntries(replaced: ReplacedTag, isHeld: boolean): [string, Data][] {
  const { tag, version, draft, breaches } = replaced;
  return [
    ['tag', tag],
    ['version', version ?? null],
    ['draft', isHeld ? draft : null],
    ...countsOf(replaced),
    ['breaches', breaches.map(({ message }) => message)],
  ];
}

/** What became of one list. */
export function replacedData({ state, release, tags }: Replacement): Data {
  return new Map<string, Data>([
    ['state', state],
    ['release', release],
    ...replacedEntries(tags[0]!, state === 'held'),
  ]);
}

/** What became of several. */
export function replacementData({ state, release, tags }: Replacement): Data {
  const entries = tags.map((tag) => new Map(replacedEntries(tag, state === 'held')));
  return new Map<string, Data>([
    ['state', state],
    ['release', release],
    ['tags', entries],
  ]);
}

export const HELD_SHAPE = `map of draft, tag, reason, release, source, time (ISO 8601), ${COUNTS}, and obstacle (why it cannot be published any more; empty while it can)`;

export function heldData(held: HeldVersion): Data {
  const { draft, tag, reason, release, source, at: time, obstacle } = held;
  return new Map<string, Data>([
    ['draft', draft],
    ['tag', tag],
    ['reason', reason],
    ['release', release],
    ['source', source],
    ['time', timeText(time)],
    ...countsOf(held),
    ['obstacle', obstacle],
  ]);
}

/** A number, or NONE for none. */
export function limit(): Argument<number | null> {
  return {
    min: 1,
    max: 1,
    doc: (name) => ({ name: nameInDocs(name), type: 'double' }),
    parse(words) {
      if (words.takeToken('NONE')) return null;
      const word = words.next().toString('latin1');
      const value = /^\d{1,16}(\.\d{1,16})?$/.test(word) ? Number(word) : Number.NaN;
      if (Number.isFinite(value)) return value;
      throw new SegmentdError(
        'INVALID_ARGUMENT',
        `${JSON.stringify(word)} is no limit: it is a number, or NONE`,
      );
    },
  };
}
