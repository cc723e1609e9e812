/** How the values of a tag are spread over all users, or over an audience. */
import { Type } from 'typebox';
import { MAX_RANGES } from '../../../src/audience/queries.js';
import { QUANTILES } from '../../../src/audience/tag-report.js';
import { TAG_KINDS } from '../../../src/store/column.js';
import { endpoint } from '../endpoint.js';
import { integerParameter, textParameter } from '../parameters.js';
import { shape } from '../shapes.js';

const of = textParameter('An expression: only its users are looked at.');
const timeout = integerParameter(
  0,
  Number.MAX_SAFE_INTEGER,
  'Milliseconds after which the query is given up; 0 means never. The option query-timeout if it is not said.',
);
const parameters = { name: 'The tag.' };
const count = Type.Integer({ minimum: 0 });
const missing = Type.Integer({ minimum: 0, description: 'Users without the tag.' });
const numberOrNull = Type.Union([Type.Number(), Type.Null()]);

/** The property of a quantile: `p50`. */
function quantileName(share: number): string {
  return `p${Math.round(share * 100)}`;
}

export const tagReports = [
  endpoint({
    id: 'tagDistribution',
    method: 'GET',
    path: '/v1/tags/{name}/distribution',
    group: 'tags',
    command: 'TAG.DISTRIBUTION',
    summary: 'How many users have each value of a tag, or a number in each of some ranges.',
    parameters,
    query: {
      of,
      ranges: integerParameter(
        1,
        MAX_RANGES,
        'Of a number, about so many ranges, with round bounds; 10 if it is not said.',
      ),
      timeout,
    },
    answer: shape({
      tag: Type.String(),
      kind: Type.Enum([...TAG_KINDS]),
      users: Type.Integer({ minimum: 0, description: 'Users with the tag.' }),
      missing,
      values: Type.Optional(
        Type.Array(shape({ value: Type.Union([Type.String(), Type.Literal(true)]), users: count }), {
          description: 'Of a flag or an enum: the values that somebody has, the most frequent first.',
        }),
      ),
      ranges: Type.Optional(
        Type.Array(shape({ from: Type.Number(), to: Type.Number(), users: count }), {
          description: 'Of a number: users with at least `from` and less than `to`, in ascending order.',
        }),
      ),
    }),
    errors: ['UNKNOWN_TAG', 'INVALID_EXPRESSION', 'UNKNOWN_AUDIENCE', 'QUERY_TIMEOUT'],
    examples: [
      {
        title: 'Who has a high income',
        path: '/v1/tags/sex/distribution?of=high-income',
        answer: {
          tag: 'sex',
          kind: 'enum',
          users: 11687,
          missing: 0,
          values: [
            { value: 'Male', users: 9918 },
            { value: 'Female', users: 1769 },
          ],
        },
      },
      {
        title: 'Ages in some ranges',
        path: '/v1/tags/age/distribution?ranges=5',
        answer: {
          tag: 'age',
          kind: 'number',
          users: 48842,
          missing: 0,
          ranges: [
            { from: 0, to: 20, users: 2510 },
            { from: 20, to: 40, users: 24934 },
            { from: 40, to: 60, users: 17343 },
            { from: 60, to: 80, users: 3869 },
            { from: 80, to: 100, users: 186 },
          ],
        },
      },
    ],
    async handle(exchange, { query }) {
      const { queries } = exchange.engine.audiences;
      const report = await exchange.finish(queries.distribution(exchange.text('name'), given(query)));
      const { values, ranges, ...rest } = report;
      return { ...rest, ...(report.kind === 'number' ? { ranges } : { values }) };
    },
  }),
  endpoint({
    id: 'tagStatistics',
    method: 'GET',
    path: '/v1/tags/{name}/stats',
    group: 'tags',
    command: 'TAG.STATS',
    summary: 'Figures of a number tag.',
    parameters,
    query: { of, timeout },
    answer: shape({
      tag: Type.String(),
      count: Type.Integer({ minimum: 0, description: 'Users with the tag.' }),
      missing,
      sum: Type.Number({ description: 'Exact up to 2^53.' }),
      average: numberOrNull,
      minimum: numberOrNull,
      maximum: numberOrNull,
      quantiles: Type.Object(
        Object.fromEntries(QUANTILES.map((share) => [quantileName(share), numberOrNull])),
        {
          additionalProperties: false,
          description: 'The least number that so many percent of the users do not exceed; null without any.',
        },
      ),
    }),
    errors: ['UNKNOWN_TAG', 'INVALID_EXPRESSION', 'UNKNOWN_AUDIENCE', 'QUERY_TIMEOUT'],
    examples: [
      {
        title: 'How old those with a high income are',
        path: '/v1/tags/age/stats?of=high-income',
        answer: {
          tag: 'age',
          count: 11687,
          missing: 0,
          sum: 517444,
          average: 44.275177547702576,
          minimum: 19,
          maximum: 90,
          quantiles: { p1: 25, p5: 29, p25: 36, p50: 43, p75: 51, p95: 63, p99: 72 },
        },
      },
    ],
    async handle(exchange, { query }) {
      const { queries } = exchange.engine.audiences;
      const report = await exchange.finish(queries.statistics(exchange.text('name'), given(query)));
      const { tag, count: users, missing: others, sum, average, minimum, maximum, quantiles } = report;
      return {
        tag,
        count: users,
        missing: others,
        sum,
        average: average ?? null,
        minimum: minimum ?? null,
        maximum: maximum ?? null,
        quantiles: Object.fromEntries(
          QUANTILES.map((share) => [quantileName(share), quantiles.get(share) ?? null]),
        ),
      };
    },
  }),
];

/** Without what was not given. */
function given<T extends object>(query: T) {
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
