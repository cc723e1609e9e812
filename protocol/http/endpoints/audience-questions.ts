/** What can be asked about an expression. */
import { Type } from 'typebox';
import { endpoint } from '../endpoint.js';
import { Expression, shape, Timeout } from '../shapes.js';

export const audienceQuestions = [
  endpoint({
    id: 'countUsers',
    method: 'POST',
    path: '/v1/audiences/count',
    group: 'audiences',
    command: 'SEG.COUNT',
    summary: 'How many users an expression has; with a limit, at most so many are counted.',
    body: shape({
      expression: Expression,
      limit: Type.Optional(Type.Integer({ minimum: 0 })),
      timeout: Type.Optional(Timeout),
    }),
    answer: shape({ count: Type.Integer({ minimum: 0 }) }),
    errors: ['INVALID_EXPRESSION', 'UNKNOWN_TAG', 'UNKNOWN_AUDIENCE', 'QUERY_TIMEOUT'],
    examples: [
      {
        title: 'Women with a high income',
        path: '/v1/audiences/count',
        body: { expression: 'sex = Female and high-income' },
        answer: { count: 0 },
      },
    ],
    async handle(exchange, { body: { expression, ...given } }) {
      const query = exchange.engine.audiences.queries.count(expression, given);
      return { count: await exchange.finish(query) };
    },
  }),
];
