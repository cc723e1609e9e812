/** Expressions as they come from outside: trees, which may be anybody's JSON, are checked, and text is parsed. */
import { type ComparisonOperator, type Expression, MAX_DEPTH, MAX_NODES, type Value } from './ast.js';
import {
  audienceNameProblem,
  ExpressionError,
  idProblem,
  shown,
  tagNameProblem,
  valueProblem,
} from './expression-error.js';
import { parseExpression } from './parse.js';

type Type = Expression['type'];

/** The properties that each type of node has, besides `type`: all of them, and no others. */
const PROPERTIES: ReadonlyMap<string, readonly string[]> = new Map<Type, readonly string[]>([
  ['all', []],
  ['none', []],
  ['and', ['operands']],
  ['or', ['operands']],
  ['not', ['operand']],
  ['atLeast', ['count', 'operands']],
  ['audience', ['name']],
  ['users', ['ids']],
  ['has', ['tag']],
  ['compare', ['tag', 'operator', 'value']],
  ['in', ['tag', 'negated', 'values']],
  ['between', ['tag', 'low', 'high']],
]);
const COMPARISONS: ReadonlySet<unknown> = new Set(['=', '!=', '<', '<=', '>', '>=']);

/** The longest path that a message shows whole, in UTF-16 units. */
const SHOWN_PATH = 200;

/** Where in the tree a value is, as a list from the value up to the root; made text of only when something is wrong. */
interface Path {
  readonly parent: Path | undefined;
  readonly key: string | number;
}

type Node = Readonly<Record<string, unknown>>;

/** The expression that text or a tree stands for. @throws ExpressionError */
export function expressionOf(input: string | Expression): Expression {
  return typeof input === 'string' ? parseExpression(input) : checkExpression(input);
}

/**
 * Takes anything for a tree, within the limits that `parseExpression` has for text (its depth is defined there), and
 * copies it: the copy has no foreign prototypes, no properties that were not checked, and 0 for −0.
 *
 * @throws ExpressionError that names the path to what is wrong, such as `operands[1].value`
 */
export function checkExpression(value: unknown): Expression {
  return new Checker().node(value, undefined, 0);
}

class Checker {
  #nodes = 0;

  /** Checks a node that is inside of `depth` operators. */
  node(value: unknown, path: Path | undefined, depth: number): Expression {
    this.#count(1, path);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      fail(path, 'expected an object with a `type`');
    }
    const node = value as Node;
    const type = typeOf(node, path);
    switch (type) {
      case 'all':
      case 'none':
        return { type };
      case 'and':
      case 'or':
        return { type, operands: this.#operands(node, path, depth, 2) };
      case 'not': {
        const inside = enter(path, depth);
        return { type, operand: this.node(get(node, 'operand'), at(path, 'operand'), inside) };
      }
      case 'atLeast': {
        const operands = this.#operands(node, path, depth, 1);
        return { type, count: countOf(node, path, operands.length), operands };
      }
      case 'audience':
        return { type, name: textOf(node, 'name', path, audienceNameProblem) };
      case 'users':
        return { type, ids: this.#list(node, 'ids', path, idOf) };
      case 'has':
        return { type, tag: tagOf(node, path) };
      case 'compare':
        return {
          type,
          tag: tagOf(node, path),
          operator: operatorOf(node, path),
          value: tagValueOf(get(node, 'value'), at(path, 'value')),
        };
      case 'in':
        return {
          type,
          tag: tagOf(node, path),
          negated: negatedOf(node, path),
          values: this.#list(node, 'values', path, tagValueOf),
        };
      case 'between':
        return {
          type,
          tag: tagOf(node, path),
          low: numberOf(get(node, 'low'), at(path, 'low')),
          high: numberOf(get(node, 'high'), at(path, 'high')),
        };
    }
  }

  #operands(node: Node, path: Path | undefined, depth: number, least: 1 | 2): Expression[] {
    const inside = enter(path, depth);
    const values = listOf(node, 'operands', path, least);
    const place = at(path, 'operands');
    if (this.#nodes + values.length > MAX_NODES) failAsTooLarge(place);
    return Array.from(values, (value, i) => this.node(value, at(place, i), inside));
  }

  #list<T>(node: Node, key: string, path: Path | undefined, itemOf: (value: unknown, path: Path) => T): T[] {
    const values = listOf(node, key, path, 1);
    const place = at(path, key);
    this.#count(values.length, place);
    return Array.from(values, (value, i) => itemOf(value, at(place, i)));
  }

  #count(nodes: number, path: Path | undefined): void {
    this.#nodes += nodes;
    if (this.#nodes > MAX_NODES) failAsTooLarge(path);
  }
}

/** The depth inside of an operator at `depth`; refused before anybody goes there, so that the stack is safe. */
function enter(path: Path | undefined, depth: number): number {
  if (depth >= MAX_DEPTH) fail(path, `nested too deep, ${MAX_DEPTH} levels are allowed`);
  return depth + 1;
}

function typeOf(node: Node, path: Path | undefined): Type {
  const type = get(node, 'type');
  const properties = typeof type === 'string' ? PROPERTIES.get(type) : undefined;
  if (properties === undefined)
    fail(at(path, 'type'), `expected one of ${[...PROPERTIES.keys()].join(', ')}`);
  for (const key of Object.keys(node)) {
    if (key !== 'type' && !properties.includes(key)) fail(path, `unknown property ${shown(key)}`);
  }
  return type as Type;
}

function countOf(node: Node, path: Path | undefined, operands: number): number {
  const count = get(node, 'count');
  if (Number.isInteger(count) && (count as number) >= 1 && (count as number) <= operands)
    return count as number;
  return fail(at(path, 'count'), `expected a whole number from 1 to the number of operands, ${operands}`);
}

function tagOf(node: Node, path: Path | undefined): string {
  return textOf(node, 'tag', path, tagNameProblem);
}

function operatorOf(node: Node, path: Path | undefined): ComparisonOperator {
  const operator = get(node, 'operator');
  if (!COMPARISONS.has(operator)) fail(at(path, 'operator'), `expected one of ${[...COMPARISONS].join(' ')}`);
  return operator as ComparisonOperator;
}

function negatedOf(node: Node, path: Path | undefined): boolean {
  const negated = get(node, 'negated');
  return typeof negated === 'boolean' ? negated : fail(at(path, 'negated'), 'expected true or false');
}

function listOf(node: Node, key: string, path: Path | undefined, least: 1 | 2): readonly unknown[] {
  const list = get(node, key);
  if (!Array.isArray(list)) fail(at(path, key), 'expected a list');
  if (list.length < least) fail(at(path, key), `expected ${least === 1 ? 'one' : 'two'} or more`);
  return list;
}

function textOf(
  node: Node,
  key: string,
  path: Path | undefined,
  problemOf: (text: string) => string | undefined,
): string {
  return soundText(get(node, key), at(path, key), 'expected text', problemOf);
}

function idOf(value: unknown, path: Path): string {
  return soundText(value, path, 'expected text', idProblem);
}

function tagValueOf(value: unknown, path: Path): Value {
  if (typeof value === 'number') return numberOf(value, path);
  return soundText(value, path, 'expected text or a number', valueProblem);
}

function soundText(
  value: unknown,
  path: Path,
  expected: string,
  problemOf: (text: string) => string | undefined,
): string {
  if (typeof value !== 'string') fail(path, expected);
  const problem = problemOf(value);
  if (problem !== undefined) fail(path, problem);
  return value;
}

function numberOf(value: unknown, path: Path): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) fail(path, 'expected a finite number');
  return value === 0 ? 0 : value;
}

/** An own property: what a prototype has does not count. */
function get(node: Node, key: string): unknown {
  return Object.hasOwn(node, key) ? node[key] : undefined;
}

function at(parent: Path | undefined, key: string | number): Path {
  return { parent, key };
}

function failAsTooLarge(path: Path | undefined): never {
  fail(path, `too large, ${MAX_NODES} conditions, operators and listed values are allowed`);
}

function fail(path: Path | undefined, problem: string): never {
  const where = pathText(path);
  throw new ExpressionError(where === '' ? problem : `${where}: ${problem}`);
}

function pathText(path: Path | undefined): string {
  let text = '';
  for (let place = path; place !== undefined; place = place.parent) {
    const key = typeof place.key === 'number' ? `[${place.key}]` : `.${place.key}`;
    text = key + text;
  }
  if (text.startsWith('.')) text = text.slice(1);
  if (text.length <= SHOWN_PATH) return text;
  return `${text.slice(0, SHOWN_PATH / 2)}...${text.slice(-SHOWN_PATH / 2)}`;
}
