/** Releases, which are versions of several tags published together, and what is held instead of being published. */
import { Type } from 'typebox';
import { type PreparationOptions, SegmentdError, type TagValue } from '../../../src/index.js';
import { Query } from '../../../src/store/query.js';
import type { Steps } from '../../../src/store/steps.js';
import type { ListBatch } from '../../../src/versions/preparation.js';
import type { Replacement, SubmitOptions } from '../../../src/versions/replace.js';
import { type OpenLists, openListsOf } from '../../open-lists.js';
import { endpoint } from '../endpoint.js';
import { textParameter } from '../parameters.js';
import { Id, type IdValue, shape, TagValue as TagValueShape, userIdOf } from '../shapes.js';
import {
  draftOf,
  HeldShape,
  heldValue,
  ReleaseShape,
  ReplacementShape,
  releaseValue,
  replacementValue,
} from '../version-shapes.js';
import { kindOf, LIST_ERRORS } from './versions.js';

const group = 'tags';
/** Lists of one release. */
const MAX_LISTS = 1_000;
/** Users given to a list at once. */
const BATCH = 256;

const List = shape({
  tag: Type.String(),
  ids: Type.Optional(Type.Array(Id, { description: 'Its users.' })),
  users: Type.Optional(
    Type.Array(shape({ id: Id, value: TagValueShape }), {
      description: 'Of an enum or a number, instead: its users, with their values.',
    }),
  ),
  unknown: Type.Optional(
    Type.Enum(['create', 'skip'], { description: 'Make users of ids that are none, or leave them out.' }),
  ),
});

interface ListValue extends Pick<PreparationOptions, 'unknown'> {
  readonly tag: string;
  readonly ids?: readonly IdValue[];
  readonly users?: readonly { readonly id: IdValue; readonly value: TagValue }[];
}

const friday = {
  release: 'friday',
  source: 'crm',
  time: '2026-03-06T06:00:00.000Z',
  tags: [
    { tag: 'newsletter', version: 1 },
    { tag: 'plan', version: 1 },
  ],
};
const nothing = { unknown: 0, duplicates: 0, before: 0, left: 0, changed: 0 };

export const releaseEndpoints = [
  endpoint({
    id: 'listReleases',
    method: 'GET',
    path: '/v1/releases',
    group,
    command: 'RELEASE.LIST',
    summary: 'The releases that are known, the oldest first.',
    answer: shape({ items: Type.Array(ReleaseShape) }),
    examples: [
      {
        title: 'One that was published',
        path: '/v1/releases',
        after: ['publishRelease'],
        answer: { items: [{ ...friday, state: 'published' }] },
        varying: ['time'],
      },
    ],
    handle: ({ engine }) => ({ items: engine.versions.releases().map(releaseValue) }),
  }),
  endpoint({
    id: 'publishRelease',
    method: 'POST',
    path: '/v1/releases',
    group,
    command: 'RELEASE.PUBLISH',
    summary: 'Publishes lists of several tags as one release: all of them become visible at once.',
    description:
      "Each list is what the tag is to have, as in `PUT /v1/tags/{name}/users`; those that are too long for one body go to `POST /v1/tags/{name}/drafts` first. If one of them breaks its tag's policy, all are held.",
    body: shape({
      lists: Type.Optional(Type.Array(List, { maxItems: MAX_LISTS })),
      drafts: Type.Optional(
        Type.Array(Type.Integer({ minimum: 1 }), {
          maxItems: MAX_LISTS,
          description: 'Lists that were given before, by the numbers of their drafts.',
        }),
      ),
      release: Type.Optional(
        Type.String({ description: 'A name that no release has; a number by default.' }),
      ),
      source: Type.Optional(Type.String({ description: 'Where the lists come from, to be noted.' })),
      force: Type.Optional(Type.Boolean({ description: 'Publish them also if they break policies.' })),
    }),
    answer: ReplacementShape,
    statuses: { 200: 'They are published.', 202: 'They are held.' },
    errors: ['UNKNOWN_VERSION', ...LIST_ERRORS],
    examples: [
      {
        title: 'Two tags',
        path: '/v1/releases',
        body: {
          release: 'friday',
          source: 'crm',
          lists: [
            { tag: 'newsletter', ids: ['p1', 'p2', 'p3'] },
            { tag: 'plan', users: [{ id: 'p1', value: 'basic' }] },
          ],
        },
        answer: {
          state: 'published',
          release: 'friday',
          tags: [
            { tag: 'newsletter', version: 1, listed: 3, users: 3, entered: 3, ...nothing, breaches: [] },
            { tag: 'plan', version: 1, listed: 1, users: 1, entered: 1, ...nothing, breaches: [] },
          ],
        },
      },
    ],
    async handle(exchange, { body: { lists = [], drafts = [], ...options } }) {
      const open = openListsOf(exchange.engine);
      const isNew = (tag: string): boolean => exchange.engine.store.catalog.find(tag) === undefined;
      const replacement = await exchange.finish(
        publishing(open, lists as ListValue[], drafts, options, isNew),
      );
      if (replacement.state === 'held') exchange.status = 202;
      return replacementValue(replacement);
    },
  }),
  endpoint({
    id: 'rollBackRelease',
    method: 'POST',
    path: '/v1/releases/{release}/rollback',
    group,
    command: 'RELEASE.ROLLBACK',
    summary: 'Takes a release back: each of its tags becomes what it was before, all at once, or none.',
    description: 'Refused when one of the tags has another version since.',
    parameters: { release: "The release's name." },
    answer: ReleaseShape,
    errors: ['UNKNOWN_VERSION', 'VERSION_CONFLICT', 'TAG_CONFLICT', 'TOO_MANY_VALUES'],
    examples: [
      {
        title: 'The last one',
        path: '/v1/releases/friday/rollback',
        after: ['publishRelease'],
        answer: { ...friday, state: 'rolled back' },
        varying: ['time'],
      },
    ],
    async handle(exchange) {
      const query = exchange.engine.versions.rollBackRelease(exchange.text('release'));
      return releaseValue(await exchange.finish(query));
    },
  }),
  endpoint({
    id: 'listHeld',
    method: 'GET',
    path: '/v1/held',
    group,
    command: 'TAG.HELD',
    summary: 'Versions that are held because they break a policy, the oldest first.',
    query: { tag: textParameter('Only those of this tag.') },
    answer: shape({ items: Type.Array(HeldShape) }),
    examples: [{ title: 'None', path: '/v1/held', answer: { items: [] } }],
    handle: ({ engine }, { query: { tag } }) => ({ items: engine.versions.held(tag).map(heldValue) }),
  }),
  endpoint({
    id: 'publishHeld',
    method: 'POST',
    path: '/v1/held/{draft}/publish',
    group,
    command: 'TAG.PUBLISH',
    summary: 'Publishes a version that is held, together with the others of its release that are.',
    parameters: { draft: 'The number of its draft.' },
    answer: ReleaseShape,
    errors: ['UNKNOWN_VERSION', 'VERSION_CONFLICT', 'TAG_CONFLICT', 'TOO_MANY_VALUES', 'VECTOR_TOO_LARGE'],
    examples: [
      {
        title: 'A list that was prepared',
        path: '/v1/held/1/publish',
        after: ['prepareTagUsers'],
        answer: {
          ...{ release: '1', source: '', time: '2026-03-06T06:00:00.000Z', state: 'published' },
          tags: [{ tag: 'newsletter', version: 1 }],
        },
        varying: ['time'],
      },
    ],
    async handle(exchange) {
      const query = openListsOf(exchange.engine).publishOne(draftOf(exchange.text('draft')));
      return releaseValue(await exchange.finish(query));
    },
  }),
  endpoint({
    id: 'discardHeld',
    method: 'DELETE',
    path: '/v1/held/{draft}',
    group,
    command: 'TAG.DISCARD',
    summary: 'Forgets a version that is held, or a list that was prepared.',
    parameters: { draft: 'The number of its draft.' },
    errors: ['UNKNOWN_VERSION', 'VERSION_CONFLICT'],
    examples: [{ title: 'A list that was prepared', path: '/v1/held/1', after: ['prepareTagUsers'] }],
    handle(exchange) {
      const draft = draftOf(exchange.text('draft'));
      if (openListsOf(exchange.engine).discard(draft)) return;
      throw new SegmentdError('UNKNOWN_VERSION', `nothing is held or prepared as draft ${draft}`);
    },
  }),
];

/** Prepares the lists, and publishes them with those that were prepared before. Lists that are not published are dropped. */
function publishing(
  open: OpenLists,
  lists: readonly ListValue[],
  drafts: readonly number[],
  options: SubmitOptions,
  isNew: (tag: string) => boolean,
): Query<Replacement> {
  const prepared: number[] = [];
  let current: Query<unknown> | undefined;
  let isOver = false;
  function* inTurns<T>(query: Query<T>): Steps<T> {
    current = query;
    while (!query.advance(-1)) yield;
    return query.result;
  }
  function* steps(): Steps<Replacement> {
    for (const { tag, ids, users, unknown } of lists) {
      if ((ids === undefined) === (users === undefined)) {
        throw new SegmentdError(
          'INVALID_ARGUMENT',
          `the list of tag ${JSON.stringify(tag)} needs ids or users`,
        );
      }
      const declaration =
        users !== undefined && isNew(tag) ? kindOf(users.map(({ value }) => value)) : undefined;
      const preparing = { ...(unknown && { unknown }), ...(declaration && { declaration }) };
      const { draft } = yield* inTurns(open.prepare(tag, batchesOf(ids, users), preparing));
      prepared.push(draft);
    }
    const replacement = yield* inTurns(open.publish([...drafts, ...prepared], options));
    isOver = true;
    return replacement;
  }
  const release = (): void => {
    current?.cancel();
    if (!isOver) for (const draft of prepared) open.discard(draft);
  };
  return new Query(() => ({ steps: steps(), release }));
}

function* batchesOf(ids: ListValue['ids'] = [], users: ListValue['users'] = []): Iterable<ListBatch> {
  for (let at = 0; at < ids.length; at += BATCH) yield { users: ids.slice(at, at + BATCH).map(userIdOf) };
  for (let at = 0; at < users.length; at += BATCH) {
    const batch = users.slice(at, at + BATCH);
    yield { users: batch.map(({ id }) => userIdOf(id)), values: batch.map(({ value }) => value) };
  }
}
