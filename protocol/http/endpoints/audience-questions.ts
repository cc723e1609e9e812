/** What can be asked about expressions. */
import { Type } from 'typebox';
import { MAX_COMPARED } from '../../../src/audience/queries.js';
import type { ErrorCode, ExplainedPart } from '../../../src/index.js';
import { endpoint } from '../endpoint.js';
import { momentOf, momentProperties } from '../moments.js';
import { Expression, Id, shape, Timeout, userIdOf } from '../shapes.js';
import { idValue } from './user-ids.js';

/** Users in one lookup. */
const MAX_IDS = 10_000;

const errors: readonly ErrorCode[] = [
  'INVALID_EXPRESSION',
  'UNKNOWN_TAG',
  'UNKNOWN_AUDIENCE',
  'QUERY_TIMEOUT',
];
const timeout = Type.Optional(Timeout);
const whole = Type.Integer({ minimum: 0 });
const share = Type.Number({ minimum: 0, maximum: 1 });

/** A matrix, by row and column in the order in which the expressions were given. */
function eachWithEach<T extends typeof whole | typeof share>(cell: T, description: string) {
  return Type.Array(Type.Array(cell), { description });
}

/** A part of a plan. */
interface PartValue {
  readonly operation: string;
  readonly estimated: number;
  readonly actual: number | null;
  readonly milliseconds: number | null;
  readonly parts: readonly PartValue[];
}

const Part = shape({
  operation: Type.String({ description: 'An operator, or what is read, as text.' }),
  estimated: Type.Integer({ minimum: 0, description: 'Users that were expected.' }),
  actual: Type.Union([whole, Type.Null()], {
    description: 'Users found among those in question; null if nobody had to look.',
  }),
  milliseconds: Type.Union([Type.Number({ minimum: 0 }), Type.Null()], {
    description: 'With the parts below; null if nobody had to look.',
  }),
  parts: Type.Array(Type.Unsafe<PartValue>(Type.Object({})), {
    description: 'What it is made of, in the order in which that was done; each in this same form.',
  }),
});

function partValue({ operation, estimated, actual, milliseconds, parts }: ExplainedPart): PartValue {
  return {
    operation,
    estimated,
    actual: actual ?? null,
    milliseconds: milliseconds ?? null,
    parts: parts.map(partValue),
  };
}

export const audienceQuestions = [
  endpoint({
    id: 'countUsers',
    method: 'POST',
    path: '/v1/audiences/count',
    group: 'audiences',
    command: 'SEG.COUNT',
    summary: 'How many users an expression has.',
    description:
      'Exact. With a limit, at most so many are counted, which is fast for "are there at least 1,000?".',
    body: shape({
      expression: Expression,
      limit: Type.Optional(
        Type.Integer({ minimum: 0, description: 'Count no further than this; 0 means to the end.' }),
      ),
      ...momentProperties,
      timeout,
    }),
    answer: shape({ count: whole }),
    errors: [...errors, 'UNKNOWN_VERSION'],
    examples: [
      {
        title: 'Women with a high income',
        path: '/v1/audiences/count',
        body: { expression: 'sex = Female and high-income' },
        answer: { count: 1769 },
      },
      {
        title: 'The same as a tree',
        path: '/v1/audiences/count',
        body: {
          expression: {
            type: 'and',
            operands: [
              { type: 'compare', tag: 'sex', operator: '=', value: 'Female' },
              { type: 'has', tag: 'high-income' },
            ],
          },
        },
        answer: { count: 1769 },
      },
    ],
    async handle(exchange, { body: { expression, version, release, ...given } }) {
      const options = { ...given, ...momentOf({ version, release }) };
      const query = exchange.engine.audiences.queries.count(expression, options);
      return { count: await exchange.finish(query) };
    },
  }),
  endpoint({
    id: 'testUsers',
    method: 'POST',
    path: '/v1/audiences/test',
    group: 'audiences',
    command: 'SEG.TEST',
    summary: 'Which of some users an expression has.',
    description: `Looks at nobody but these, at most ${MAX_IDS.toLocaleString('en-US')}; one who does not exist is not in it. They come back in the order in which they were given.`,
    body: shape({ expression: Expression, ids: Type.Array(Id, { maxItems: MAX_IDS }), timeout }),
    answer: shape({ items: Type.Array(shape({ id: Id, isMember: Type.Boolean() })) }),
    errors: ['INVALID_USER_ID', ...errors],
    examples: [
      {
        title: 'Women with a high income, among two people',
        path: '/v1/audiences/test',
        body: { expression: 'sex = Female and high-income', ids: ['p1', 'p9'] },
        answer: {
          items: [
            { id: 'p1', isMember: false },
            { id: 'p9', isMember: true },
          ],
        },
      },
    ],
    async handle(exchange, { body: { expression, ids, ...given } }) {
      const users = ids.map(userIdOf);
      const found = await exchange.finish(
        exchange.engine.audiences.queries.membership(expression, users, given),
      );
      const { mediaType } = exchange;
      return { items: users.map((user, i) => ({ id: idValue(user, mediaType), isMember: found[i]! })) };
    },
  }),
  endpoint({
    id: 'explainCount',
    method: 'POST',
    path: '/v1/audiences/explain',
    group: 'audiences',
    command: 'SEG.EXPLAIN',
    summary: 'Counts the users of an expression and tells how that was done.',
    body: shape({ expression: Expression, ...momentProperties, timeout }),
    answer: shape({ users: whole, milliseconds: Type.Number({ minimum: 0 }), plan: Part }),
    errors: [...errors, 'UNKNOWN_VERSION'],
    examples: [
      {
        title: 'Women with a high income',
        path: '/v1/audiences/explain',
        body: { expression: 'sex = Female and high-income' },
        answer: {
          users: 1769,
          milliseconds: 0.05,
          plan: {
            operation: 'and',
            estimated: 3874,
            actual: 1769,
            milliseconds: 0.04,
            parts: [
              {
                operation: 'high-income',
                estimated: 11687,
                actual: 11687,
                milliseconds: 0.01,
                parts: [],
              },
              {
                operation: 'sex = Female',
                estimated: 16192,
                actual: 1769,
                milliseconds: 0.02,
                parts: [],
              },
            ],
          },
        },
        varying: ['milliseconds'],
      },
    ],
    async handle(exchange, { body: { expression, version, release, ...given } }) {
      const options = { ...given, ...momentOf({ version, release }) };
      const query = exchange.engine.audiences.queries.explain(expression, options);
      const { users, milliseconds, plan } = await exchange.finish(query);
      return { users, milliseconds, plan: partValue(plan) };
    },
  }),
  endpoint({
    id: 'compareAudiences',
    method: 'POST',
    path: '/v1/audiences/overlap',
    group: 'audiences',
    command: 'SEG.OVERLAP',
    summary: 'How much audiences have in common, each with each.',
    description: `From two to ${MAX_COMPARED} of them.`,
    body: shape({
      expressions: Type.Array(Expression, { minItems: 2, maxItems: MAX_COMPARED }),
      timeout,
    }),
    answer: shape({
      users: eachWithEach(whole, 'Users in both; on the diagonal, users of the one.'),
      jaccard: eachWithEach(share, 'Users in both as a share of those in either; 1 for two empty ones.'),
      containment: eachWithEach(
        share,
        "Users in both as a share of those in the row's audience; 1 for an empty one.",
      ),
    }),
    errors,
    examples: [
      {
        title: 'Women, and people with a high income',
        path: '/v1/audiences/overlap',
        body: { expressions: ['sex = Female', 'high-income'] },
        answer: {
          users: [
            [16192, 1769],
            [1769, 11687],
          ],
          jaccard: [
            [1, 0.06775181922635005],
            [0.06775181922635005, 1],
          ],
          containment: [
            [1, 0.10925148221343874],
            [0.1513647642679901, 1],
          ],
        },
      },
    ],
    async handle(exchange, { body: { expressions, ...given } }) {
      return await exchange.finish(exchange.engine.audiences.queries.overlap(expressions, given));
    },
  }),
  endpoint({
    id: 'reachOfAudiences',
    method: 'POST',
    path: '/v1/audiences/reach',
    group: 'audiences',
    command: 'SEG.REACH',
    summary: 'How many users are in none, in one, in two … of some audiences.',
    description: `At most ${MAX_COMPARED} of them.`,
    body: shape({
      expressions: Type.Array(Expression, { minItems: 1, maxItems: MAX_COMPARED }),
      timeout,
    }),
    answer: shape({
      users: Type.Array(whole, {
        description: 'Users in exactly so many of the audiences: none first, all of them last.',
      }),
    }),
    errors,
    examples: [
      {
        title: 'Women, people with a high income, and young people',
        path: '/v1/audiences/reach',
        body: { expressions: ['sex = Female', 'high-income', 'age < 30'] },
        answer: { users: [14785, 25900, 7977, 180] },
      },
    ],
    async handle(exchange, { body: { expressions, ...given } }) {
      return { users: await exchange.finish(exchange.engine.audiences.queries.reach(expressions, given)) };
    },
  }),
];
