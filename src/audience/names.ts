/** What an expression uses, by name. */
import type { AudienceRecord } from '../store/audience-catalog.js';
import type { Expression } from './ast.js';
import { parseExpression } from './parse.js';

/** The names in an expression. */
export interface Names {
  readonly tags: readonly string[];
  readonly audiences: readonly string[];
}

/** The tags and audiences that an expression names, each once. */
export function namesIn(expression: Expression): Names {
  const tags = new Set<string>();
  const audiences = new Set<string>();
  const visit = (part: Expression): void => {
    if ('operands' in part) part.operands.forEach(visit);
    else if (part.type === 'not') visit(part.operand);
    else if (part.type === 'audience') audiences.add(part.name);
    else if ('tag' in part) tags.add(part.tag);
  };
  visit(expression);
  return { tags: [...tags], audiences: [...audiences] };
}

/** The expression with another name for one of the audiences that it uses. */
export function withAudienceRenamed(expression: Expression, from: string, to: string): Expression {
  const rename = (part: Expression): Expression => {
    if ('operands' in part) return { ...part, operands: part.operands.map(rename) };
    if (part.type === 'not') return { ...part, operand: rename(part.operand) };
    if (part.type === 'audience' && part.name === from) return { ...part, name: to };
    return part;
  };
  return rename(expression);
}

const trees = new WeakMap<AudienceRecord, Expression>();

/** A dynamic audience's expression, parsed once. */
export function treeOf(record: AudienceRecord): Expression {
  let tree = trees.get(record);
  if (tree === undefined) {
    tree = parseExpression(record.expression);
    trees.set(record, tree);
  }
  return tree;
}
