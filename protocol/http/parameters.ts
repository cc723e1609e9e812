/** Kinds of parameters behind the question mark: how one is read, and how it is documented. */
import { type TSchema, Type } from 'typebox';
import { SegmentdError, type UserId } from '../../src/index.js';
import type { QueryParameters } from './query-parameters.js';

export interface Parameter<T> {
  readonly description: string;
  readonly schema: TSchema;
  /** Throws INVALID_ARGUMENT or SYNTAX. */
  read(query: QueryParameters, name: string): T;
}

/** `a,b,c`; undefined when it was not given. */
export function listParameter(description: string): Parameter<string[] | undefined> {
  return {
    description: `${description} Separated by commas; a comma within one is %2C.`,
    schema: Type.Array(Type.String()),
    read: (query, name) => (query.has(name) ? query.list(name) : undefined),
  };
}

export function textParameter(description: string): Parameter<string | undefined> {
  return { description, schema: Type.String(), read: (query, name) => query.text(name) };
}

/** An id: any bytes. */
export function idParameter(description: string): Parameter<UserId | undefined> {
  return { description, schema: Type.String(), read: (query, name) => query.bytes(name) };
}

export function integerParameter(
  least: number,
  most: number,
  description: string,
): Parameter<number | undefined> {
  return {
    description,
    schema: Type.Integer({ minimum: least, maximum: most }),
    read: (query, name) => query.integer(name, least, most),
  };
}

/** `?name` alone means yes. */
export function flagParameter(description: string): Parameter<boolean> {
  return { description, schema: Type.Boolean(), read: (query, name) => query.flag(name) };
}

export function choiceParameter<const C extends string>(
  choices: readonly C[],
  description: string,
): Parameter<C | undefined> {
  return {
    description,
    schema: Type.Enum([...choices]),
    read(query, name) {
      const text = query.text(name);
      if (text === undefined || choices.includes(text as C)) return text as C | undefined;
      throw new SegmentdError(
        'INVALID_ARGUMENT',
        `the parameter ${name} must be one of ${choices.join(', ')}`,
      );
    },
  };
}
