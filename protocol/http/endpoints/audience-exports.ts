/** Who is in an audience: a page of users at a time, or all of them as one stream. */
import { Type } from 'typebox';
import type { ErrorCode } from '../../../src/index.js';
import { type EndpointDocument, endpoint } from '../endpoint.js';
import { CSV_TYPE, MSGPACK_ROWS_TYPE, USERS_TYPES } from '../export/formats.js';
import { answerUsers, DEFAULT_PAGE, MAX_PAGE, MAX_TAGS, MOST_USERS } from '../export/users-answer.js';
import { momentParameters, momentProperties } from '../moments.js';
import { flagParameter, idParameter, integerParameter, listParameter, textParameter } from '../parameters.js';
import { Expression, Id, shape, TagValue, Timeout, userIdOf } from '../shapes.js';
import { LINES_TYPE, NDJSON_TYPE, ORDINALS_HEADER, ROARING_TYPE } from '../user-lists.js';

const WORDS = {
  limit: `At most so many users. A page has ${DEFAULT_PAGE}, if nothing is said, and at most ${MAX_PAGE}; a stream has all.`,
  cursor: 'Where the last page said that this one begins.',
  after: 'Goes on behind this user: the last one who came whole, when an answer was cut.',
  tags: `Up to ${MAX_TAGS} tags whose values are told of each user; null, or in CSV nothing, where there is none.`,
  ordinals: 'Tells the ordinal of each user, which stands for the user in a bitmap.',
  timeout: 'Milliseconds that finding the users may take; 0 means without end.',
};

const query = {
  limit: integerParameter(1, MOST_USERS, WORDS.limit),
  cursor: textParameter(WORDS.cursor),
  after: idParameter(WORDS.after),
  tags: listParameter(WORDS.tags),
  ordinals: flagParameter(WORDS.ordinals),
  timeout: integerParameter(0, Number.MAX_SAFE_INTEGER, WORDS.timeout),
};
/** Where there are tags that may have versions. */
const pastQuery = { ...query, ...momentParameters };

const ExportedUser = shape({
  ordinal: Type.Optional(Type.Integer({ minimum: 0 })),
  id: Id,
  tags: Type.Optional(Type.Record(Type.String(), Type.Union([TagValue, Type.Null()]))),
});

const UsersPage = shape({
  items: Type.Array(Type.Union([Id, ExportedUser]), {
    description: 'Ids; objects where tags or ordinals are asked for.',
  }),
  cursor: Type.Optional(Type.String({ description: 'What to ask the next page with, if there is one.' })),
});

const DESCRIPTION = `As JSON or MessagePack a page at a time, in the other types everything at once, as fast as it is read and however much it is.

- \`${NDJSON_TYPE}\`: \`{"id":"p1"}\` a line; with \`tags\` and \`ordinals\` as \`{"ordinal":7,"id":"p1","tags":{"age":39}}\`.
- \`${MSGPACK_ROWS_TYPE}\`: the same as MessagePack, one map after the other.
- \`${CSV_TYPE}\`: with a header, and a column for each tag, as in RFC 4180: lines end with CRLF. Ids are bytes as they are. A missing value is an empty field, an empty text is \`""\`, a flag is \`true\`.
- \`${LINES_TYPE}\`: an id a line, its bytes as they are. An id that has a line end in it cannot be told so: the answer is 406, or, when it has begun, is cut.
- \`${ROARING_TYPE}\`: a bitmap of ordinals in the portable format. \`GET /v1/users?ordinals\` tells whose they are. Ordinals mean the same users as long as \`${ORDINALS_HEADER}\` is the same.

Users come in the order of their ordinals, and are those of the moment in which they were found, also those who are erased before they come; tags are of the moment in which each comes, also when the question is about a version or a release. An answer that is not complete ends without a last chunk. Go on with \`after\`, the id that came last; it is about the users of that moment, in the same order. Send \`${ORDINALS_HEADER}\` back to be sure of the order: if users were erased and others have taken their places, the answer is 412.`;

/** Errors of whatever finds users. */
const errors: readonly ErrorCode[] = [
  'UNKNOWN_USER',
  'INVALID_USER_ID',
  'PRECONDITION_FAILED',
  'TOO_MANY_EXPORTS',
  'LIMIT_REACHED',
  'QUERY_TIMEOUT',
];

/** Of all but one, which tells more. */
const description =
  'A page, or all of them as a stream, in the forms that `POST /v1/audiences/users` has, and with the same rules.';

const shared = {
  answer: UsersPage,
  rawAnswer: { types: USERS_TYPES, description: 'Users, in the order of their ordinals.' },
  gzip: true,
  requestHeaders: {
    [ORDINALS_HEADER]: 'The header of this name of the answer that is gone on with.',
  },
  answerHeaders: { [ORDINALS_HEADER]: 'Changes as soon as an ordinal may mean another user.' },
} satisfies Partial<EndpointDocument> & { gzip: boolean };

export const audienceExports = [
  endpoint({
    ...shared,
    id: 'listAudienceUsers',
    method: 'GET',
    path: '/v1/audiences/{name}/users',
    group: 'audiences',
    command: 'SEG.USERS',
    summary: 'The users of a saved audience.',
    description,
    parameters: { name: "The audience's name." },
    query: pastQuery,
    errors: [...errors, 'UNKNOWN_AUDIENCE', 'UNKNOWN_VERSION'],
    examples: [
      {
        title: 'The first of them',
        path: '/v1/audiences/women/users?limit=3',
        after: ['saveAudience'],
        answer: { items: ['p5', 'p6', 'p7'], cursor: '8' },
      },
    ],
    handle: (exchange, { query }) =>
      answerUsers(exchange, { type: 'audience', name: exchange.text('name') }, query),
  }),
  endpoint({
    ...shared,
    id: 'findUsers',
    method: 'POST',
    path: '/v1/audiences/users',
    group: 'audiences',
    command: 'SEG.USERS',
    summary: 'The users of an expression.',
    description: DESCRIPTION,
    body: shape({
      expression: Expression,
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MOST_USERS, description: WORDS.limit })),
      cursor: Type.Optional(Type.String({ description: WORDS.cursor })),
      after: Type.Optional(Id),
      tags: Type.Optional(Type.Array(Type.String(), { maxItems: MAX_TAGS, description: WORDS.tags })),
      ordinals: Type.Optional(Type.Boolean({ description: WORDS.ordinals })),
      ...momentProperties,
      timeout: Type.Optional(Timeout),
    }),
    errors: [...errors, 'INVALID_EXPRESSION', 'UNKNOWN_TAG', 'UNKNOWN_AUDIENCE', 'UNKNOWN_VERSION'],
    examples: [
      {
        title: 'Two of them, with tags',
        path: '/v1/audiences/users',
        body: { expression: 'sex = Female and high-income', limit: 2, tags: ['age', 'sex', 'vip'] },
        answer: {
          items: [
            { id: 'p9', tags: { age: 31, sex: 'Female', vip: null } },
            { id: 'p20', tags: { age: 43, sex: 'Female', vip: null } },
          ],
          cursor: '52',
        },
      },
      {
        title: 'As CSV, from where an answer was cut',
        path: '/v1/audiences/users',
        headers: { accept: 'text/csv' },
        body: { expression: 'high-income and age < 25', after: 'p47998', tags: ['age', 'sex'] },
        answer: 'id,age,sex\r\np48044,24,Female\r\np48377,23,Female\r\np48416,24,Male\r\n',
      },
    ],
    handle: (exchange, { body: { expression, after, ...given } }) =>
      answerUsers(exchange, expression, { ...given, ...(after !== undefined && { after: userIdOf(after) }) }),
  }),
  endpoint({
    ...shared,
    id: 'listTagUsers',
    method: 'GET',
    path: '/v1/tags/{name}/users',
    group: 'tags',
    command: 'SMEMBERS',
    summary: 'The users who have a tag, or one value of it.',
    description,
    parameters: { name: 'The tag.' },
    query: { value: textParameter('Only users who have this value of it.'), ...pastQuery },
    errors: [...errors, 'UNKNOWN_TAG', 'UNKNOWN_VERSION', 'INVALID_VALUE', 'INVALID_EXPRESSION'],
    examples: [
      {
        title: 'Those of one value',
        path: '/v1/tags/sex/users?value=Female&limit=3',
        answer: { items: ['p5', 'p6', 'p7'], cursor: '8' },
      },
    ],
    handle(exchange, { query: { value, ...given } }) {
      const tag = exchange.text('name');
      return value === undefined
        ? answerUsers(exchange, { type: 'has', tag }, given)
        : answerUsers(exchange, { type: 'compare', tag, operator: '=', value }, given);
    },
  }),
  endpoint({
    ...shared,
    id: 'listUsers',
    method: 'GET',
    path: '/v1/users',
    group: 'users',
    summary: 'All users.',
    description,
    query,
    errors,
    examples: [
      {
        title: 'Whose the first ordinals are',
        path: '/v1/users?ordinals&limit=2',
        answer: {
          items: [
            { ordinal: 0, id: 'p1' },
            { ordinal: 1, id: 'p2' },
          ],
          cursor: '2',
        },
      },
      {
        title: 'As lines of JSON',
        path: '/v1/users?limit=2',
        headers: { accept: 'application/x-ndjson' },
        answer: '{"id":"p1"}\n{"id":"p2"}\n',
      },
    ],
    handle: (exchange, { query }) => answerUsers(exchange, { type: 'all' }, query),
  }),
];
