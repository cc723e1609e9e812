/** TAG and RELEASE commands about versions: whole lists of tags that are loaded, published, held, and gone back to. */
import { LIMITS, type TagPolicy } from '../../src/store/tag-policies.js';
import { type DifferencePage, differencePage, SIDES } from '../../src/versions/difference-page.js';
import { cursor, integer, type Option, oneOf, option, optional, options, text, token } from '../arguments.js';
import { type Call, command } from '../command.js';
import { openListsOf } from '../open-lists.js';
import type { Data } from '../replies.js';
import * as replies from '../replies.js';
import {
  batchOf,
  draftNumber,
  draftNumbers,
  HELD_SHAPE,
  heldData,
  limit,
  listOptions,
  RELEASE_SHAPE,
  REPLACED_SHAPE,
  REPLACEMENT_SHAPE,
  releaseData,
  releaseName,
  releaseOptions,
  replacedData,
  replacementData,
  VERSION_SHAPE,
  versionData,
  versionNumber,
} from './versions-arguments.js';

const group = 'tag';
/** Ids in the longest page, which is one reply. */
const MAX_PAGE = 1_000_000;
const PUBLISHING =
  'O(N), N the users who are different, in turns; what everybody waits for is O(T), T the tags published';

/** What a list of values makes of a tag that there is not yet. */
function declarationFor({ engine }: Call, tag: string, values: unknown) {
  const isNew = engine.store.catalog.find(tag) === undefined;
  return isNew && values !== undefined ? { declaration: { kind: 'enum' as const } } : {};
}

function unknownOption(skipUnknown: true | undefined) {
  return skipUnknown === undefined ? {} : { unknown: 'skip' as const };
}

const policyOptions = {
  ...(Object.fromEntries(LIMITS.map((name) => [name, option(name.toUpperCase(), limit())])) as Record<
    (typeof LIMITS)[number],
    Option<number | null>
  >),
  automatic: option('AUTOMATIC', oneOf('on', 'off')),
  keep: option('KEEP', integer(0)),
};

function policyData(policy: TagPolicy, kept: number): Data {
  return new Map<string, Data>([
    ...LIMITS.map((name): [string, Data] => {
      const value = policy[name];
      return [name, value === undefined ? null : { double: value }];
    }),
    ['automatic', policy.automatic === true ? 'on' : 'off'],
    ['keep', kept],
  ]);
}

function differenceData({ entered, left, changed, side, ids, cursor: next }: DifferencePage): Data {
  return side === undefined ? new Map(Object.entries({ entered, left, changed })) : [String(next), ids];
}

export const versionCommands = [
  command({
    name: 'TAG.REPLACE',
    summary:
      "Makes a list of users a tag's next version: they have it from then on, and nobody else. One that breaks the tag's policy is held.",
    group,
    complexity: 'O(N), N the users of the list and of the tag, in turns',
    flags: ['write'],
    arguments: {
      name: text(),
      options: options({ ...releaseOptions, skipUnknown: token('SKIPUNKNOWN'), ...listOptions }),
    },
    reply: replies.later(replies.formed(replies.data(REPLACED_SHAPE), replacedData)),
    run(call, { name, options: { skipUnknown, value, users, values, ...given } }) {
      const batch = batchOf({ ...(value && { value }), ...(users && { users }), ...(values && { values }) });
      return call.engine.versions.replace(name, [batch], {
        ...given,
        ...unknownOption(skipUnknown),
        ...declarationFor(call, name, batch.values),
      });
    },
  }),
  command({
    name: 'TAG.DRAFT',
    summary:
      'Begins a list of a tag that comes in parts, and replies the number of its draft. Nothing of it can be seen before it is published.',
    group,
    complexity: 'O(1)',
    flags: ['write'],
    arguments: {
      name: text(),
      options: options({
        kind: option('KIND', oneOf('flag', 'enum', 'number')),
        scale: option('SCALE', integer(0, 9)),
        skipUnknown: token('SKIPUNKNOWN'),
      }),
    },
    reply: replies.integer,
    run: ({ engine }, { name, options: { kind, scale, skipUnknown } }) =>
      openListsOf(engine).begin(name, {
        ...unknownOption(skipUnknown),
        ...(kind !== undefined && { declaration: { kind, ...(scale !== undefined && { scale }) } }),
      }),
  }),
  command({
    name: 'TAG.APPEND',
    summary: 'Adds users to a list that comes in parts. Replies how many ids it has by then.',
    group,
    complexity: 'O(N), N the users given, in turns',
    flags: ['write'],
    arguments: { draft: draftNumber(), options: options(listOptions) },
    reply: replies.later(replies.integer),
    run: ({ engine }, { draft, options: given }) => openListsOf(engine).add(draft, batchOf(given)),
  }),
  command({
    name: 'TAG.DRAFTS',
    summary: 'The lists on their way: those that come in parts, and those that wait for a RELEASE.PUBLISH.',
    group,
    complexity: 'O(N), N the lists',
    flags: ['readonly'],
    arguments: {},
    reply: replies.data('array of maps of draft, tag, listed (ids that have come) and state (open or ready)'),
    run: ({ engine }) =>
      openListsOf(engine)
        .all()
        .map((list) => new Map<string, Data>(Object.entries(list))),
  }),
  command({
    name: 'RELEASE.PUBLISH',
    summary:
      'Publishes lists that came in parts, of one tag or several, as one release: all of them become visible at once, or all are held.',
    group,
    complexity: PUBLISHING,
    flags: ['write'],
    arguments: { drafts: draftNumbers(), options: options(releaseOptions) },
    reply: replies.later(replies.formed(replies.data(REPLACEMENT_SHAPE), replacementData)),
    run: ({ engine }, { drafts, options: given }) => openListsOf(engine).publish(drafts, given),
  }),
  command({
    name: 'RELEASE.LIST',
    summary: 'The releases that are known, the oldest first.',
    group,
    complexity: 'O(N), N the releases and their tags',
    flags: ['readonly'],
    arguments: {},
    reply: replies.data(`array of (${RELEASE_SHAPE})`),
    run: ({ engine }) => engine.versions.releases().map(releaseData),
  }),
  command({
    name: 'RELEASE.ROLLBACK',
    summary: 'Takes a release back: each of its tags becomes what it was before, all at once, or none.',
    group,
    complexity: PUBLISHING,
    flags: ['write'],
    arguments: { release: releaseName() },
    reply: replies.later(replies.formed(replies.data(RELEASE_SHAPE), releaseData)),
    run: ({ engine }, { release }) => engine.versions.rollBackRelease(release),
  }),
  command({
    name: 'TAG.VERSIONS',
    summary: 'The versions of a tag, the oldest first; 0 is what it had before its first list.',
    group,
    complexity: 'O(N), N the versions',
    flags: ['readonly'],
    arguments: { name: text() },
    reply: replies.data(`array of (${VERSION_SHAPE})`),
    run: ({ engine }, { name }) => engine.versions.list(name).map(versionData),
  }),
  command({
    name: 'TAG.ROLLBACK',
    summary: 'Makes a tag what it was when it had a version, by default the one before the current.',
    group,
    complexity: PUBLISHING,
    flags: ['write'],
    arguments: { name: text(), options: options({ to: option('TO', versionNumber()) }) },
    reply: replies.later(replies.formed(replies.data(VERSION_SHAPE), versionData)),
    run: ({ engine }, { name, options: { to } }) => engine.versions.rollBack(name, to),
  }),
  command({
    name: 'TAG.DIFF',
    summary:
      'How a version differs from an earlier one: how many users entered, left or have another value; with SIDE, who.',
    group,
    complexity: 'O(N), N the bytes of the bitmaps that the versions do not have in common',
    flags: ['readonly'],
    arguments: {
      name: text(),
      from: versionNumber(),
      to: versionNumber(),
      options: options({
        side: option('SIDE', oneOf(...SIDES)),
        cursor: option('CURSOR', cursor()),
        count: option('COUNT', integer(1, MAX_PAGE)),
      }),
    },
    reply: replies.later(
      replies.formed(
        replies.data(
          'map of entered, left and changed; with SIDE, array of the next cursor (bulk string) and array of (bulk string)',
        ),
        differenceData,
      ),
    ),
    run({ engine }, { name: tag, from, to, options: { side, cursor: start = 0, count = 10 } }) {
      const page = { side, cursor: Math.min(start, 2 ** 32), count };
      return differencePage(engine.store, engine.versions, { tag, from, to }, page);
    },
  }),
  command({
    name: 'TAG.HELD',
    summary:
      'The versions that are held because they break a policy, of one tag or of all; the oldest first.',
    group,
    complexity: 'O(N), N the versions in preparation',
    flags: ['readonly'],
    arguments: { name: optional(text()) },
    reply: replies.data(`array of (${HELD_SHAPE})`),
    run({ engine }, { name }) {
      if (name !== undefined && !engine.versions.held(name).length) engine.store.catalog.require(name);
      return engine.versions.held(name).map(heldData);
    },
  }),
  command({
    name: 'TAG.PUBLISH',
    summary:
      'Publishes a version that is held, together with the others of its release that are; or a list that is ready.',
    group,
    complexity: PUBLISHING,
    flags: ['write'],
    arguments: { draft: draftNumber() },
    reply: replies.later(replies.formed(replies.data(RELEASE_SHAPE), releaseData)),
    run: ({ engine }, { draft }) => openListsOf(engine).publishOne(draft),
  }),
  command({
    name: 'TAG.DISCARD',
    summary: 'Forgets a version that is held, or a list on its way. Replies whether there was one.',
    group,
    complexity: 'O(N), N the users who are different',
    flags: ['write'],
    arguments: { draft: draftNumber() },
    reply: replies.yesNo,
    run: ({ engine }, { draft }) => openListsOf(engine).discard(draft),
  }),
  command({
    name: 'TAG.POLICY',
    summary:
      'What a tag is to be like: limits that its lists must keep to be published by themselves, how old it may become (seconds), and how many earlier versions are kept. Shares: 0.2 is 20 %; NONE takes a limit away.',
    group,
    complexity: 'O(1), and O(N) for N users of versions that are not kept any more',
    flags: ['write'],
    arguments: { name: text(), options: options(policyOptions) },
    reply: replies.data(
      `map of ${LIMITS.join(', ')} (doubles, null for none), automatic (on or off) and keep`,
    ),
    run({ engine: { versions } }, { name, options: { keep, automatic, ...limits } }) {
      versions.policy(name);
      const changes = { ...limits, ...(automatic !== undefined && { automatic: automatic === 'on' }) };
      if (Object.keys(changes).length > 0) versions.setPolicy(name, changes);
      if (keep !== undefined) versions.keep(name, keep);
      return policyData(versions.policy(name), versions.kept(name));
    },
  }),
];
