/** The tree of an expression as a JSON schema, for the documents. Trees that come are checked by the engine, which tells more. */
import { MAX_DEPTH, MAX_NODES } from '../../../src/audience/ast.js';
import type { JsonSchema } from './components.js';

/** A node: `type` and exactly these properties. */
function node(
  type: string | readonly string[],
  properties: Readonly<Record<string, JsonSchema>>,
): JsonSchema {
  const types = typeof type === 'string' ? { const: type } : { enum: type };
  return {
    type: 'object',
    properties: { type: types, ...properties },
    required: ['type', ...Object.keys(properties)],
    additionalProperties: false,
  };
}

const text = { type: 'string', minLength: 1 };
const number = { type: 'number' };
const value = { type: ['string', 'number'] };
const operand = { $ref: '#/components/schemas/ExpressionTree' };

function list(items: JsonSchema, least: number): JsonSchema {
  return { type: 'array', items, minItems: least };
}

/** Refers to itself as the component `ExpressionTree`. */
export const expressionTree: JsonSchema = {
  description: `An expression as a tree of at most ${MAX_NODES.toLocaleString('en-US')} nodes, nested at most ${MAX_DEPTH} deep. A user without a tag fails every comparison with it.`,
  oneOf: [
    node(['all', 'none'], {}),
    node(['and', 'or'], { operands: list(operand, 2) }),
    node('not', { operand }),
    node('atLeast', { count: { type: 'integer', minimum: 1 }, operands: list(operand, 1) }),
    node('audience', { name: text }),
    node('users', { ids: list(text, 1) }),
    node('has', { tag: text }),
    node('compare', { tag: text, operator: { enum: ['=', '!=', '<', '<=', '>', '>='] }, value }),
    node('in', { tag: text, negated: { type: 'boolean' }, values: list(value, 1) }),
    node('between', { tag: text, low: number, high: number }),
  ],
};
