/** The catalogue of tags. */
import { Type } from 'typebox';
import { compileGlob } from '../../../src/glob.js';
import type { TagInfo } from '../../../src/index.js';
import { TAG_KINDS } from '../../../src/store/column.js';
import { MAX_SCALE } from '../../../src/store/numbers.js';
import { endpoint } from '../endpoint.js';
import type { Exchange } from '../exchange.js';
import { integerParameter, textParameter } from '../parameters.js';
import { shape } from '../shapes.js';

const PAGE_SIZE = 1000;
const MAX_PAGE_SIZE = 10_000;

const Kind = Type.Enum([...TAG_KINDS], {
  description: 'flag: has it or not; enum: one string of several; number: an integer or a decimal.',
});
const Scale = Type.Integer({
  minimum: 0,
  maximum: MAX_SCALE,
  description: 'Numbers only: decimal digits behind the point.',
});

const Tag = shape({
  name: Type.String(),
  kind: Kind,
  scale: Type.Optional(Scale),
  values: Type.Optional(
    Type.Integer({ minimum: 0, description: 'Enums only: different values that users have.' }),
  ),
  description: Type.String(),
  declared: Type.Boolean({ description: 'Declared, or made by a write: then it goes with its last user.' }),
  users: Type.Integer({ minimum: 0, description: 'Users who have it.' }),
  bytes: Type.Integer({ minimum: 0, description: 'Memory of its bitmaps.' }),
  version: Type.Optional(
    Type.Integer({ minimum: 0, description: 'The current one, if it was ever loaded as a list.' }),
  ),
  loadedAt: Type.Optional(
    Type.String({ format: 'date-time', description: 'When that was published: ISO 8601, in UTC.' }),
  ),
  maxAge: Type.Optional(
    Type.Integer({ minimum: 1, description: 'Seconds after which it is stale, if its policy says so.' }),
  ),
  stale: Type.Optional(Type.Boolean({ description: 'Is it older than that?' })),
});

/** A tag as it is told: a scale is something that numbers have, values are what enums have. */
function tagValue({ name, kind, scale, values, loadedAt, ...rest }: TagInfo) {
  return {
    name,
    kind,
    ...(kind === 'number' ? { scale } : {}),
    ...(kind === 'enum' ? { values } : {}),
    ...rest,
    ...(loadedAt === undefined ? {} : { loadedAt: new Date(loadedAt).toISOString() }),
  };
}

const parameters = { name: 'The tag.' };

export const tags = [
  endpoint({
    id: 'listTags',
    method: 'GET',
    path: '/v1/tags',
    group: 'tags',
    command: 'TAG.LIST',
    summary: 'Tags, by name.',
    query: {
      match: textParameter(
        "Only those whose name matches this pattern: `*`, `?`, `[a-z]`, as in Redis's KEYS.",
      ),
      limit: integerParameter(1, MAX_PAGE_SIZE, `At most so many; ${PAGE_SIZE} if it is not said.`),
      cursor: textParameter('Goes on behind the page that came with this cursor.'),
    },
    answer: shape({ items: Type.Array(Tag), cursor: Type.Optional(Type.String()) }),
    examples: [
      {
        title: 'Tags whose names begin with "h"',
        path: '/v1/tags?match=h*',
        answer: {
          items: [
            {
              name: 'high-income',
              kind: 'flag',
              description: 'income above 50,000 dollars a year',
              declared: true,
              users: 11687,
              bytes: 8456,
            },
            {
              name: 'hours-per-week',
              kind: 'number',
              scale: 0,
              description: 'hours of work per week',
              declared: true,
              users: 48842,
              bytes: 62980,
            },
          ],
        },
        varying: ['bytes'],
      },
    ],
    handle({ engine }, { query: { match, limit = PAGE_SIZE, cursor = '' } }) {
      const wanted = match === undefined ? undefined : compileGlob(match);
      const names: string[] = [];
      // No tag has the empty name.
      for (const { name } of engine.store.catalog.all())
        if (name > cursor && (wanted?.test(name) ?? true)) names.push(name);
      names.sort((a, b) => (a < b ? -1 : 1));
      const page = names.slice(0, limit);
      return {
        items: page.map((name) => tagValue(engine.tag(name)!)),
        ...(names.length > limit ? { cursor: page.at(-1)! } : {}),
      };
    },
  }),
  endpoint({
    id: 'getTag',
    method: 'GET',
    path: '/v1/tags/{name}',
    group: 'tags',
    command: 'TAG.INFO',
    summary: "A tag's kind, users, values, memory, and how old its list is.",
    parameters,
    answer: Tag,
    errors: ['UNKNOWN_TAG'],
    examples: [
      {
        title: 'A number',
        path: '/v1/tags/age',
        answer: {
          name: 'age',
          kind: 'number',
          scale: 0,
          description: 'age in years',
          declared: true,
          users: 48842,
          bytes: 64566,
        },
        varying: ['bytes'],
      },
    ],
    handle: (exchange) => tagValue(exchange.engine.tag(knownTag(exchange))!),
  }),
  endpoint({
    id: 'declareTag',
    method: 'PUT',
    path: '/v1/tags/{name}',
    group: 'tags',
    command: 'TAG.DECLARE',
    summary: 'Declares a tag of a kind, or converts an existing one if all of its values allow it.',
    description:
      'A tag that is declared keeps its kind, and stays when nobody has it. What is not given stays as it is: a scale, which is 0 at first, and a description. Converting takes as long as the tag has users, in which nobody else is served.',
    parameters,
    body: shape({ kind: Kind, scale: Type.Optional(Scale), description: Type.Optional(Type.String()) }),
    answer: Tag,
    statuses: { 200: 'There was a tag of this name.', 201: 'There was none.' },
    errors: ['INVALID_TAG_NAME', 'TAG_CONFLICT', 'TOO_MANY_VALUES'],
    examples: [
      {
        title: 'An enum that nobody has yet',
        path: '/v1/tags/plan',
        body: { kind: 'enum', description: 'What they pay for.' },
        answer: {
          name: 'plan',
          kind: 'enum',
          values: 0,
          description: 'What they pay for.',
          declared: true,
          users: 0,
          bytes: 0,
        },
      },
    ],
    handle(exchange, { body }) {
      const { engine } = exchange;
      const name = exchange.text('name');
      if (engine.store.catalog.find(name) === undefined) exchange.status = 201;
      return tagValue(engine.declareTag(name, body));
    },
  }),
  endpoint({
    id: 'dropTag',
    method: 'DELETE',
    path: '/v1/tags/{name}',
    group: 'tags',
    command: 'TAG.DROP',
    summary: 'Takes a tag from all of its users and forgets it, its declaration too.',
    description:
      'Refused as long as a saved audience uses it. Users who have no other tag are no more. Takes as long as the tag has users, in which nobody else is served.',
    parameters,
    errors: ['UNKNOWN_TAG', 'AUDIENCE_IN_USE'],
    examples: [{ title: 'One that was declared', path: '/v1/tags/plan', after: ['declareTag'] }],
    handle(exchange) {
      exchange.engine.dropTag(knownTag(exchange));
    },
  }),
];

/** The name in the path. Throws UNKNOWN_TAG if there is no such tag. */
function knownTag(exchange: Exchange): string {
  return exchange.engine.store.catalog.require(exchange.text('name')).name;
}
