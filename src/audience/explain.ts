/** Plans as people read them: what is done, how many users were expected, how many were found, and how long it took. */

import { formatScaled } from '../store/numbers.js';
import type { ComparisonOperator, Expression } from './ast.js';
import { formatNumber } from './lexer.js';
import { operandsOf, type PlanNode, type RangeNode } from './plan.js';
import { printExpression } from './print.js';
import type { Trace } from './trace.js';

/** One part of a plan. */
export interface ExplainedPart {
  /** An operator, or what is read: `and`, `not sex = Female`, `@vip`. */
  readonly operation: string;
  /** Users, as far as was known beforehand. */
  readonly estimated: number;
  /** Users found among those who were still in question; undefined when nobody had to look. */
  readonly actual: number | undefined;
  /** Milliseconds, the parts below included; undefined when nobody had to look. */
  readonly milliseconds: number | undefined;
  /** In the order in which they were done; none where the same part was told before with what it is made of. */
  readonly parts: readonly ExplainedPart[];
}

/** The plan of an expression and what its evaluation showed. */
export interface Explanation {
  /** How many users the expression has. */
  readonly users: number;
  readonly milliseconds: number;
  readonly plan: ExplainedPart;
}

/** What a trace tells of a node. */
export function explain(root: PlanNode, trace: Trace): ExplainedPart {
  const told = new Set<PlanNode>();
  const tell = (node: PlanNode, prefix: string): ExplainedPart => {
    const traced = trace.of(node);
    const parts = traced === undefined || told.has(node) ? [] : partsOf(node);
    return {
      operation: prefix + describe(node),
      estimated: node.estimate,
      actual: traced?.actual,
      milliseconds: traced?.milliseconds,
      parts: isLeafNow(node, parts) ? [] : parts,
    };
  };
  const partsOf = (node: PlanNode): ExplainedPart[] => {
    told.add(node);
    const excluded = node.kind === 'and' ? node.excluded : [];
    return operandsOf(node)
      .map((part) => ({ part, order: trace.of(part)?.order ?? Number.POSITIVE_INFINITY }))
      .sort((a, b) => a.order - b.order || a.part.id - b.part.id)
      .map(({ part }) => tell(part, excluded.includes(part) ? 'not ' : ''));
  };
  return tell(root, '');
}

/** A saved audience whose result was there needed none of its parts. */
function isLeafNow(node: PlanNode, parts: readonly ExplainedPart[]): boolean {
  return node.kind === 'audience' && parts.every(({ actual }) => actual === undefined);
}

function describe(node: PlanNode): string {
  switch (node.kind) {
    case 'tag':
      return printExpression({ type: 'has', tag: node.tag.name });
    case 'value':
      return printExpression({ type: 'compare', tag: node.tag.name, operator: '=', value: node.value });
    case 'range':
      return printExpression(expressionOf(node));
    case 'users':
      return node.ids.length === 1 ? '1 user' : `${node.ids.length} users`;
    case 'audience':
      return printExpression({ type: 'audience', name: node.record.name });
    case 'atLeast':
      return `at least ${node.count}`;
    case 'and':
      return node.included.length === 0 ? 'all' : 'and';
    default:
      return node.kind;
  }
}

function expressionOf({ tag, column, low, high }: RangeNode): Expression {
  const at = (scaled: number): number => Number(formatScaled(scaled, column.scale));
  const compare = (operator: ComparisonOperator, scaled: number): Expression => {
    return { type: 'compare', tag: tag.name, operator, value: at(scaled) };
  };
  if (low === high) return compare('=', low);
  if (low === Number.NEGATIVE_INFINITY) return compare('<=', high);
  if (high === Number.POSITIVE_INFINITY) return compare('>=', low);
  return { type: 'between', tag: tag.name, low: at(low), high: at(high) };
}

/** An explanation as lines of text, indented by depth. */
export function explanationLines({ users, milliseconds, plan }: Explanation): string[] {
  const lines = [`${users} users in ${duration(milliseconds)}`];
  const write = (part: ExplainedPart, indent: string): void => {
    const { operation, estimated, actual, parts } = part;
    const found = actual === undefined ? 'not needed' : `${actual} users in ${duration(part.milliseconds!)}`;
    lines.push(`${indent}${operation}: ${found} (about ${estimated} expected)`);
    for (const below of parts) write(below, `${indent}  `);
  };
  write(plan, '  ');
  return lines;
}

function duration(milliseconds: number): string {
  return `${formatNumber(Number(milliseconds.toFixed(3)))} ms`;
}
