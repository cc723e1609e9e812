/**
 * Audience expressions as a tree. The tree is plain data and is its own JSON form: what programs send as JSON is checked
 * and used as it is (`check-expression`), what people type is parsed to it (`parse`) and can be printed back (`print`).
 */

/** A value that a tag is compared with: text, or a number. Compared as the tag's kind says: `7` and `'7'` are the same. */
export type Value = string | number;

/** Order is for numbers only; values that are equal or not, for every kind of tag. */
export type ComparisonOperator = '=' | '!=' | '<' | '<=' | '>' | '>=';

/** A set of users, described. A user without a tag fails every comparison on it, `!=` and `not in` too. */
export type Expression =
  /** All users, or no user. */
  | { readonly type: 'all' }
  | { readonly type: 'none' }
  /** Two or more operands. */
  | { readonly type: 'and' | 'or'; readonly operands: readonly Expression[] }
  | { readonly type: 'not'; readonly operand: Expression }
  /** Users in at least `count` (1 or more) of one or more operands. */
  | { readonly type: 'atLeast'; readonly count: number; readonly operands: readonly Expression[] }
  /** A saved audience. */
  | { readonly type: 'audience'; readonly name: string }
  /** One or more users by id. An id that nobody has is no error: nobody is meant. */
  | { readonly type: 'users'; readonly ids: readonly string[] }
  /** Has the tag, whatever its value. */
  | { readonly type: 'has'; readonly tag: string }
  | {
      readonly type: 'compare';
      readonly tag: string;
      readonly operator: ComparisonOperator;
      readonly value: Value;
    }
  /** One or more values; `negated` is `not in`. */
  | {
      readonly type: 'in';
      readonly tag: string;
      readonly negated: boolean;
      readonly values: readonly Value[];
    }
  /** Both ends included. */
  | { readonly type: 'between'; readonly tag: string; readonly low: number; readonly high: number };

/** The longest text of an expression, in UTF-8 bytes. */
export const MAX_TEXT_BYTES = 65_536;
/** How deep operators and parentheses may nest. */
export const MAX_DEPTH = 200;
/** The most nodes of a tree; every value and every id of a list counts as one. */
export const MAX_NODES = 10_000;
