/** Shapes that many bodies share, each under the name that the OpenAPI document gives it. */
import { type Static, Type } from 'typebox';
import type { Expression as ExpressionTree, UserId } from '../../src/index.js';
import { MAX_ID_BYTES } from '../../src/store/user-key.js';

/** A user's id: text, or bytes in base64 if they are no UTF-8; in MessagePack, these are binary. */
export const Id = Type.Unsafe<string | { readonly base64: string } | Uint8Array>(
  Type.Union(
    [
      Type.String({ minLength: 1, maxLength: MAX_ID_BYTES }),
      Type.Object({ base64: Type.String({ minLength: 1 }) }, { additionalProperties: false }),
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
  Type.Union([Type.String({ minLength: 1 }), Type.Object({ type: Type.String() })], {
    description: 'An audience in the language of docs/audiences.md, as text or as a tree of JSON.',
  }),
);

/** Milliseconds after which a query is given up. */
export const Timeout = Type.Integer({
  minimum: 0,
  description: 'Milliseconds after which the query is given up; 0 means never.',
});

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
