/** The schemas that the documents refer to by name: shapes.ts, the tree of expressions, and what an error is. */
import type { ErrorCode } from '../../../src/index.js';
import { MAX_ID_BYTES } from '../../../src/store/user-key.js';
import * as shapes from '../shapes.js';
import { expressionTree } from './expression-tree.js';

/** A JSON schema as it is written: plain data. */
export type JsonSchema = Readonly<Record<string, unknown>>;

const REFERENCE = '#/components/schemas/';

/** What `shapes.ts` has under each name, as plain data; sorted, because not every loader gives a module's names in one order. */
const shared = Object.entries<unknown>(shapes)
  .flatMap(([name, shape]): [string, JsonSchema][] =>
    typeof shape === 'object' && shape !== null ? [[name, plain(shape)]] : [],
  )
  .sort(([a], [b]) => (a < b ? -1 : 1));
/** By what a schema says, the name under which it is shared. */
const names = new Map(shared.map(([name, schema]) => [JSON.stringify(schema), name]));

/** What is said otherwise than it is checked: an id in JSON, which has no bytes, and an expression, which the engine checks. */
const idForms: readonly JsonSchema[] = [
  { type: 'string', minLength: 1, maxLength: MAX_ID_BYTES },
  {
    type: 'object',
    properties: { base64: { type: 'string', contentEncoding: 'base64' } },
    required: ['base64'],
    additionalProperties: false,
  },
];
const expressionForms: readonly JsonSchema[] = [
  { type: 'string', minLength: 1 },
  { $ref: `${REFERENCE}ExpressionTree` },
];

/** A schema with references in place of everything that has a name. */
export function referring(schema: object): JsonSchema {
  return withReferences(plain(schema)) as JsonSchema;
}

/** The reference to a schema that has a name. */
export function reference(name: string): JsonSchema {
  return { $ref: `${REFERENCE}${name}` };
}

/** The name of a reference's schema; undefined for what is no reference. */
export function referredName({ $ref }: JsonSchema): string | undefined {
  return typeof $ref === 'string' ? $ref.slice(REFERENCE.length) : undefined;
}

/** All schemas that have a name. `codes` are the errors that there are. */
export function componentSchemas(codes: readonly ErrorCode[]): Record<string, JsonSchema> {
  const schemas: Record<string, JsonSchema> = {};
  for (const [name, schema] of shared) schemas[name] = withReferences(schema, name) as JsonSchema;
  schemas['Id'] = { ...schemas['Id'], anyOf: idForms };
  schemas['Expression'] = { ...schemas['Expression'], anyOf: expressionForms };
  schemas['ExpressionTree'] = expressionTree;
  schemas['Problem'] = problemSchema(codes);
  return schemas;
}

function problemSchema(codes: readonly ErrorCode[]): JsonSchema {
  return {
    description: 'What went wrong: problem details as in RFC 9457.',
    type: 'object',
    properties: {
      type: { type: 'string', description: 'The code as a URN: `urn:segmentd:problem:unknown-tag`.' },
      title: { type: 'string', description: 'The code in words.' },
      status: { type: 'integer', description: 'The status of the answer.' },
      detail: { type: 'string', description: 'What went wrong, where, and what to do.' },
      code: { enum: codes, description: 'Which error it is; does not change from version to version.' },
      position: {
        type: 'integer',
        minimum: 1,
        description:
          'Where in a text or a body it is; 1 is the first. Texts are counted in UTF-16 units, bodies in bytes.',
      },
      requestId: { type: 'string', description: 'As in the header `x-request-id`, and in the log.' },
    },
    required: ['type', 'title', 'status', 'detail', 'code', 'requestId'],
  };
}

function plain(schema: object): JsonSchema {
  return JSON.parse(JSON.stringify(schema)) as JsonSchema;
}

/** `self` is the name of the schema itself, which does not refer to itself. */
function withReferences(value: unknown, self?: string): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const name = names.get(JSON.stringify(value));
  if (name !== undefined && name !== self) return reference(name);
  if (Array.isArray(value)) return value.map((item) => withReferences(item));
  return modern(mapValues(value as JsonSchema, (part) => withReferences(part)));
}

/** TypeBox writes tuples and maps as older drafts of JSON Schema had them, or longer than needed. */
function modern(schema: JsonSchema): JsonSchema {
  const { patternProperties, additionalItems, items, ...rest } = schema;
  if (Array.isArray(items)) return { ...rest, prefixItems: items, items: additionalItems ?? true };
  const anyName = (patternProperties as JsonSchema | undefined)?.['^.*$'];
  if (anyName !== undefined) return { ...rest, additionalProperties: anyName };
  return schema;
}

function mapValues(values: JsonSchema, change: (value: unknown) => unknown): JsonSchema {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, change(value)]));
}
