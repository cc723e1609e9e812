/** Shapes that many bodies share, each under the name that the OpenAPI document gives it. */
import { type Static, Type } from 'typebox';
import type { Expression as ExpressionTree, UserId } from '../../src/index.js';
import { MAX_ID_BYTES } from '../../src/store/user-key.js';

const BASE64 = '^[A-Za-z0-9+/]+={0,2}$';

/** Bytes, which JSON does not have. */
const Binary = Type.Refine(
  Type.Object({}, { description: 'In MessagePack only: binary.' }),
  (value) => value instanceof Uint8Array,
  () => 'must be binary',
);

/** A user's id: text, or bytes in base64 if they are no UTF-8; in MessagePack, these are binary. */
export const Id = Type.Unsafe<string | { readonly base64: string } | Uint8Array>(
  Type.Union(
    [
      Type.String({ minLength: 1, maxLength: MAX_ID_BYTES }),
      Type.Object({ base64: Type.String({ pattern: BASE64 }) }, { additionalProperties: false }),
      Binary,
    ],
    {
      description:
        'A user: 1 to 255 bytes, as text; bytes that are not UTF-8 as {"base64": "…"}, in MessagePack as binary.',
    },
  ),
);

/** What a user has of a tag. */
export const TagValue = Type.Union([Type.String(), Type.Number(), Type.Literal(true)], {
  description: 'A string, a number, or true for a flag.',
});

/** An audience, described as text or as a tree. */
export const Expression = Type.Unsafe<string | ExpressionTree>(
  Type.Union([Type.String(), Type.Object({ type: Type.String() })], {
    description: 'An audience in the language of docs/audiences.md, as text or as a tree of JSON.',
  }),
);

/** Milliseconds after which a query is given up. */
export const Timeout = Type.Integer({
  minimum: 0,
  description: 'Milliseconds after which the query is given up; 0 means never.',
});

/** A saved audience, as lists and edits tell it. */
export const SavedAudience = Type.Object(
  {
    name: Type.String(),
    kind: Type.Enum(['dynamic', 'fixed'], {
      description: 'dynamic: whoever the expression has; fixed: a set of users.',
    }),
    expression: Type.String({
      description: 'Of a fixed one: what it was made from, which no longer says who is in it.',
    }),
    users: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()], {
      description: 'How many users it has; null if that is not known without counting them.',
    }),
    description: Type.String(),
    owner: Type.String(),
    labels: Type.Array(Type.String()),
    created: Type.String({ format: 'date-time', description: 'ISO 8601, in UTC.' }),
    changed: Type.String({
      format: 'date-time',
      description:
        'The last change of expression, details or users by somebody; each change has a later one.',
    }),
  },
  { additionalProperties: false },
);

/** An object without other properties than these: a wrong name is told, not ignored. */
export function shape<const P extends Parameters<typeof Type.Object>[0]>(
  properties: P,
  description?: string,
) {
  return Type.Object(properties, {
    additionalProperties: false,
    ...(description === undefined ? {} : { description }),
  });
}

export type IdValue = Static<typeof Id>;

/** An id as the engine takes it. */
export function userIdOf(id: IdValue): UserId {
  return typeof id === 'string' || id instanceof Uint8Array ? id : Buffer.from(id.base64, 'base64');
}
