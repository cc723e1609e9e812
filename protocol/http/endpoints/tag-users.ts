/** Giving a tag to many users, and taking it from them. */
import { Type } from 'typebox';
import { SegmentdError, type UserId } from '../../../src/index.js';
import { Query } from '../../../src/store/query.js';
import type { Steps } from '../../../src/store/steps.js';
import { endpoint } from '../endpoint.js';
import type { Exchange } from '../exchange.js';
import { textParameter } from '../parameters.js';
import { shape } from '../shapes.js';
import { USER_LIST_BODY, USER_LIST_HEADERS, type UserList, userListOf } from '../user-lists.js';

const BATCHES =
  'Of a body that cannot be read as a whole nothing is done. Otherwise it is done in batches of some hundred users, between which others are served: they see a part of it for a while, and a request that is given up, or fails for one of the users, leaves what was done before. Doing it again does no harm.';

const parameters = { name: 'The tag.' };
const answer = shape({
  given: Type.Integer({ minimum: 0, description: 'Ids in the body, or ordinals.' }),
  changed: Type.Integer({ minimum: 0, description: 'Users of whom something changed.' }),
});

export const tagUsers = [
  endpoint({
    id: 'addTagUsers',
    method: 'POST',
    path: '/v1/tags/{name}/users',
    group: 'tags',
    command: 'SADD',
    summary: 'Gives users a tag, or one value of it.',
    description: `A user, or a tag, that is not there yet is made; but ordinals are only those of users who are there. ${BATCHES}`,
    parameters,
    query: {
      value: textParameter(
        'What users have of it from then on; without it, those who have a value of an enum or a number keep it.',
      ),
    },
    rawBody: USER_LIST_BODY,
    requestHeaders: USER_LIST_HEADERS,
    answer,
    errors: [
      'INVALID_USER_ID',
      'INVALID_TAG_NAME',
      'UNDECLARED_TAG',
      'INVALID_VALUE',
      'OUT_OF_RANGE',
      'TOO_MANY_VALUES',
      'VECTOR_TOO_LARGE',
      'STORE_FULL',
      'PRECONDITION_FAILED',
    ],
    examples: [
      {
        title: 'Ids as a value',
        path: '/v1/tags/newsletter/users',
        body: { ids: ['p1', 'p2', 'p3'] },
        answer: { given: 3, changed: 3 },
      },
      {
        title: 'Ids as lines, moved to a value of an enum',
        path: '/v1/tags/channel/users?value=mail',
        headers: { 'content-type': 'text/plain' },
        body: 'p1\np2\n',
        answer: { given: 2, changed: 2 },
      },
    ],
    handle: (exchange, { query }) => changing(exchange, 'addUsers', query.value),
  }),
  endpoint({
    id: 'removeTagUsers',
    method: 'DELETE',
    path: '/v1/tags/{name}/users',
    group: 'tags',
    command: 'SREM',
    summary: 'Takes a tag, or one value of it, from users.',
    description: `A user without another tag is no more. ${BATCHES}`,
    parameters,
    query: { value: textParameter('Takes it only from those of the users who have this value.') },
    rawBody: USER_LIST_BODY,
    requestHeaders: USER_LIST_HEADERS,
    answer,
    errors: ['INVALID_USER_ID', 'PRECONDITION_FAILED'],
    examples: [
      {
        title: 'Ids as NDJSON',
        path: '/v1/tags/newsletter/users',
        after: ['addTagUsers'],
        headers: { 'content-type': 'application/x-ndjson' },
        body: '"p1"\n{"id":"p4"}\n',
        answer: { given: 2, changed: 1 },
      },
    ],
    handle: (exchange, { query }) => changing(exchange, 'removeUsers', query.value),
  }),
];

interface Changed {
  readonly given: number;
  readonly changed: number;
}

function changing(
  exchange: Exchange,
  type: 'addUsers' | 'removeUsers',
  value: string | undefined,
): Query<Changed> {
  const tag = exchange.text('name');
  const list = userListOf(exchange);
  const apply = (users: readonly UserId[]): number => exchange.engine.apply({ type, tag, value, users });
  return new Query(() => ({ steps: changeEach(list, apply), release: () => list.release() }));
}

function* changeEach(list: UserList, apply: (users: readonly UserId[]) => number): Steps<Changed> {
  const given = yield* list.check();
  let changed = 0;
  let done = 0;
  for (const users of list.batches()) {
    try {
      if (users.length > 0) changed += apply(users);
    } catch (error) {
      if (done === 0 || !(error instanceof SegmentdError)) throw error;
      throw new SegmentdError(error.code, `${error.message}; done before that: ${done} of ${given}`, {
        cause: error,
      });
    }
    done += users.length;
    yield;
  }
  return { given, changed };
}
