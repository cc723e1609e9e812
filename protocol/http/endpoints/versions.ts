/** Versions of a tag: its whole list anew, what there was before, and what its lists must be like. */
import { Type } from 'typebox';
import type { ErrorCode, TagValue } from '../../../src/index.js';
import { Query } from '../../../src/store/query.js';
import type { Steps } from '../../../src/store/steps.js';
import { differencePage, SIDES } from '../../../src/versions/difference-page.js';
import type { ListBatch, PreparationOptions } from '../../../src/versions/preparation.js';
import { openListsOf } from '../../open-lists.js';
import { endpoint } from '../endpoint.js';
import type { Exchange } from '../exchange.js';
import { choiceParameter, flagParameter, integerParameter, textParameter } from '../parameters.js';
import { Id, shape } from '../shapes.js';
import { TAG_LIST_BODY, tagListOf } from '../tag-lists.js';
import { USER_LIST_HEADERS } from '../user-lists.js';
import {
  PolicyChangesShape,
  PolicyShape,
  PreparedShape,
  policyValue,
  preparedValue,
  ReplacedShape,
  replacedInfo,
  VersionShape,
  versionValue,
} from '../version-shapes.js';
import { idValue } from './user-ids.js';

const DEFAULT_PAGE = 1_000;
const MAX_PAGE = 100_000;
const group = 'tags';
const parameters = { name: 'The tag.' };

/** Errors of whatever takes a list. */
export const LIST_ERRORS: readonly ErrorCode[] = [
  'INVALID_USER_ID',
  'INVALID_TAG_NAME',
  'UNDECLARED_TAG',
  'TAG_CONFLICT',
  'INVALID_VALUE',
  'OUT_OF_RANGE',
  'TOO_MANY_VALUES',
  'VECTOR_TOO_LARGE',
  'VERSION_CONFLICT',
  'LIMIT_REACHED',
  'PRECONDITION_FAILED',
];

const listQueryParameters = {
  value: textParameter('What all of them have, of an enum or a number; instead of a value for each.'),
  unknown: choiceParameter(
    ['create', 'skip'],
    'Ids that are no users: make users of them, as is done if it is not said, or leave them out.',
  ),
};

const NO_LIMITS = {
  maxGrowth: null,
  maxShrinkage: null,
  minUsers: null,
  maxUsers: null,
  maxUnknown: null,
  maxChanged: null,
  maxAge: null,
};

export const versionEndpoints = [
  endpoint({
    id: 'replaceTagUsers',
    method: 'PUT',
    path: '/v1/tags/{name}/users',
    group,
    command: 'TAG.REPLACE',
    summary: "Makes a list of users a tag's next version: they have it from then on, and nobody else.",
    description:
      "The list is compared with what the tag has in turns, in which others are served; then it becomes visible all at once. What is written to the tag meanwhile is kept. A list that breaks the tag's policy is held: the tag stays as it is, and `GET /v1/held` tells of it.",
    parameters,
    query: {
      ...listQueryParameters,
      release: textParameter('A name for the release that no release has; a number if it is not said.'),
      source: textParameter('Where the list comes from, to be noted.'),
      force: flagParameter('Publish it also if it breaks the policy.'),
    },
    rawBody: TAG_LIST_BODY,
    requestHeaders: USER_LIST_HEADERS,
    answer: ReplacedShape,
    statuses: { 200: 'It is published.', 202: 'It is held.' },
    errors: LIST_ERRORS,
    examples: [
      {
        title: 'Ids, for a new tag',
        path: '/v1/tags/newsletter/users?source=crm&release=monday',
        body: { ids: ['p1', 'p2', 'p3'] },
        answer: {
          state: 'published',
          release: 'monday',
          tag: 'newsletter',
          version: 1,
          ...{ listed: 3, unknown: 0, duplicates: 0, users: 3, before: 0, entered: 3, left: 0, changed: 0 },
          breaches: [],
        },
      },
      {
        title: 'With a value for each',
        path: '/v1/tags/plan/users',
        headers: { 'content-type': 'application/x-ndjson' },
        body: '{"id":"p1","value":"basic"}\n{"id":"p2","value":"pro"}\n',
        answer: {
          state: 'published',
          release: '1',
          tag: 'plan',
          version: 1,
          ...{ listed: 2, unknown: 0, duplicates: 0, users: 2, before: 0, entered: 2, left: 0, changed: 0 },
          breaches: [],
        },
      },
    ],
    async handle(exchange, { query }) {
      const { value, release, source, force, unknown } = query;
      const tag = exchange.text('name');
      const details = {
        ...(release !== undefined && { release }),
        ...(source !== undefined && { source }),
        ...(unknown !== undefined && { unknown }),
        force,
      };
      const replacement = await exchange.finish(
        listQuery(exchange, tag, value, (batches, options) =>
          exchange.engine.versions.replace(tag, batches, { ...details, ...options }),
        ),
      );
      if (replacement.state === 'held') exchange.status = 202;
      return replacedInfo(replacement);
    },
  }),
  endpoint({
    id: 'prepareTagUsers',
    method: 'POST',
    path: '/v1/tags/{name}/drafts',
    group,
    command: 'TAG.DRAFT',
    summary: "Prepares a list of users to be a tag's next version, and publishes nothing.",
    description:
      'As `PUT /v1/tags/{name}/users`, up to the last step. `POST /v1/releases` publishes it together with others. It is gone when the server starts anew, or when the tag gets another version before.',
    parameters,
    query: { value: listQueryParameters.value, unknown: listQueryParameters.unknown },
    rawBody: TAG_LIST_BODY,
    requestHeaders: USER_LIST_HEADERS,
    answer: PreparedShape,
    errors: LIST_ERRORS,
    examples: [
      {
        title: 'Ids as lines',
        path: '/v1/tags/newsletter/drafts',
        headers: { 'content-type': 'text/plain' },
        body: 'p1\np2\n',
        answer: {
          tag: 'newsletter',
          draft: 1,
          ...{ listed: 2, unknown: 0, duplicates: 0, users: 2, before: 0, entered: 2, left: 0, changed: 0 },
        },
      },
    ],
    async handle(exchange, { query: { value, unknown } }) {
      const tag = exchange.text('name');
      const details = unknown === undefined ? {} : { unknown };
      const query = listQuery(exchange, tag, value, (batches, options) =>
        openListsOf(exchange.engine).prepare(tag, batches, { ...details, ...options }),
      );
      return preparedValue(await exchange.finish(query));
    },
  }),
  endpoint({
    id: 'listTagVersions',
    method: 'GET',
    path: '/v1/tags/{name}/versions',
    group,
    command: 'TAG.VERSIONS',
    summary: 'The versions of a tag, the oldest first.',
    parameters,
    answer: shape({ items: Type.Array(VersionShape) }),
    errors: ['UNKNOWN_TAG'],
    examples: [
      {
        title: 'Of a tag that was loaded once',
        path: '/v1/tags/newsletter/versions',
        after: ['replaceTagUsers'],
        answer: {
          items: [
            { version: 0, source: '', users: 0, entered: 0, left: 0, changed: 0, state: 'kept' },
            {
              version: 1,
              release: 'monday',
              time: '2026-03-02T06:00:00.000Z',
              source: 'crm',
              ...{ users: 3, entered: 3, left: 0, changed: 0, state: 'current' },
            },
          ],
        },
        varying: ['time'],
      },
    ],
    handle: (exchange) => ({
      items: exchange.engine.versions.list(exchange.text('name')).map(versionValue),
    }),
  }),
  endpoint({
    id: 'rollBackTag',
    method: 'POST',
    path: '/v1/tags/{name}/rollback',
    group,
    command: 'TAG.ROLLBACK',
    summary: 'Makes a tag what it was when it had a version, by default the one before the current.',
    description:
      'What was written to the tag since is undone with that; users who were erased stay erased. Going forward again is the same.',
    parameters,
    body: shape({ version: Type.Optional(Type.Integer({ minimum: 0 })) }),
    isBodyOptional: true,
    answer: VersionShape,
    errors: ['UNKNOWN_TAG', 'UNKNOWN_VERSION', 'VERSION_CONFLICT', 'TAG_CONFLICT', 'TOO_MANY_VALUES'],
    examples: [
      {
        title: 'To what was before the first list',
        path: '/v1/tags/newsletter/rollback',
        after: ['replaceTagUsers'],
        body: { version: 0 },
        answer: { version: 0, source: '', users: 0, entered: 0, left: 0, changed: 0, state: 'current' },
      },
    ],
    async handle(exchange, { body }) {
      const query = exchange.engine.versions.rollBack(exchange.text('name'), body?.version);
      return versionValue(await exchange.finish(query));
    },
  }),
  endpoint({
    id: 'compareTagVersions',
    method: 'GET',
    path: '/v1/tags/{name}/diff',
    group,
    command: 'TAG.DIFF',
    summary: 'How a version of a tag differs from an earlier one; with a side, who.',
    description: 'Each page is a question of its own.',
    parameters,
    query: {
      from: integerParameter(
        0,
        Number.MAX_SAFE_INTEGER,
        'The earlier version; the one before the later if it is not said.',
      ),
      to: integerParameter(
        0,
        Number.MAX_SAFE_INTEGER,
        'The later version; the current one if it is not said.',
      ),
      side: choiceParameter(SIDES, 'List the users who entered, who left, or who have another value.'),
      limit: integerParameter(1, MAX_PAGE, `At most so many users; ${DEFAULT_PAGE} if it is not said.`),
      cursor: integerParameter(0, 2 ** 32, 'Where the last page said that this one begins.'),
    },
    answer: shape({
      from: Type.Integer({ minimum: 0 }),
      to: Type.Integer({ minimum: 0 }),
      entered: Type.Integer({ minimum: 0 }),
      left: Type.Integer({ minimum: 0 }),
      changed: Type.Integer({ minimum: 0 }),
      items: Type.Optional(Type.Array(Id)),
      cursor: Type.Optional(
        Type.Integer({ description: 'What to ask the next page with, if there is one.' }),
      ),
    }),
    errors: ['UNKNOWN_TAG', 'UNKNOWN_VERSION', 'QUERY_TIMEOUT'],
    examples: [
      {
        title: 'Who entered',
        path: '/v1/tags/newsletter/diff?from=0&to=1&side=entered&limit=2',
        after: ['replaceTagUsers'],
        answer: { from: 0, to: 1, entered: 3, left: 0, changed: 0, items: ['p1', 'p2'], cursor: 2 },
      },
    ],
    async handle(exchange, { query: { from, to, side, limit = DEFAULT_PAGE, cursor = 0 } }) {
      const { engine, mediaType } = exchange;
      const tag = exchange.text('name');
      const history = engine.store.versions.requireHistory(tag);
      const later = to ?? history.current;
      const versions = { tag, from: from ?? Math.max(0, history.require(later).previous), to: later };
      const page = differencePage(engine.store, engine.versions, versions, { side, cursor, count: limit });
      const { ids, cursor: next, entered, left, changed } = await exchange.finish(page);
      return {
        ...{ from: versions.from, to: later, entered, left, changed },
        ...(side !== undefined && { items: ids.map((id) => idValue(id, mediaType)) }),
        ...(next > 0 && { cursor: next }),
      };
    },
  }),
  endpoint({
    id: 'getTagPolicy',
    method: 'GET',
    path: '/v1/tags/{name}/policy',
    group,
    command: 'TAG.POLICY',
    summary:
      'What lists of a tag must be like to be published by themselves, and how old the tag may become.',
    parameters,
    answer: PolicyShape,
    errors: ['UNKNOWN_TAG'],
    examples: [
      {
        title: 'Nothing is limited',
        path: '/v1/tags/age/policy',
        answer: { ...NO_LIMITS, automatic: false, keep: 2 },
      },
    ],
    handle(exchange) {
      const { versions } = exchange.engine;
      const tag = exchange.text('name');
      return policyValue(versions.policy(tag), versions.kept(tag));
    },
  }),
  endpoint({
    id: 'setTagPolicy',
    method: 'PUT',
    path: '/v1/tags/{name}/policy',
    group,
    command: 'TAG.POLICY',
    summary: "Changes a tag's policy.",
    description: 'What is not given stays as it is; null takes a limit away.',
    parameters,
    body: PolicyChangesShape,
    answer: PolicyShape,
    errors: ['UNKNOWN_TAG'],
    examples: [
      {
        title: 'At most half of them may go, and a day is too old',
        path: '/v1/tags/high-income/policy',
        body: { maxShrinkage: 0.5, maxAge: 86400, keep: 5 },
        answer: { ...NO_LIMITS, maxShrinkage: 0.5, maxAge: 86400, automatic: false, keep: 5 },
      },
    ],
    handle(exchange, { body: { keep, ...changes } }) {
      const { versions } = exchange.engine;
      const tag = exchange.text('name');
      versions.policy(tag);
      if (Object.keys(changes).length > 0) versions.setPolicy(tag, changes);
      if (keep !== undefined) versions.keep(tag, keep);
      return policyValue(versions.policy(tag), versions.kept(tag));
    },
  }),
];

/** Checks a list, and does then what `use` says with it. A tag that is not there yet becomes what the values say. */
function listQuery<T>(
  exchange: Exchange,
  tag: string,
  value: string | undefined,
  use: (batches: Iterable<ListBatch>, options: PreparationOptions) => Query<T>,
): Query<T> {
  const list = tagListOf(exchange, value);
  let query: Query<T> | undefined;
  function* steps(): Steps<T> {
    yield* list.check();
    const [first] = list.batches();
    const isNew = exchange.engine.store.catalog.find(tag) === undefined;
    const declaration = isNew && first?.values !== undefined ? kindOf(first.values) : undefined;
    query = use(list.batches(), declaration === undefined ? {} : { declaration });
    while (!query.advance(-1)) yield;
    return query.result;
  }
  const release = (): void => {
    query?.cancel();
    list.release();
  };
  return new Query(() => ({ steps: steps(), release }));
}

/** Numbers make a number tag, with the digits that the first has behind the point; texts an enum. */
export function kindOf([value]: readonly TagValue[]): PreparationOptions['declaration'] {
  if (typeof value === 'string') return { kind: 'enum' };
  if (typeof value !== 'number') return { kind: 'flag' };
  return { kind: 'number', scale: Math.min(9, String(value).split('.')[1]?.length ?? 0) };
}
