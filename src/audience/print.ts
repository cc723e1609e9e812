/** Audience expressions as text: what is printed is read back as the very same tree. */
import type { Expression, Value } from './ast.js';
import { escapeCharacter, isControl } from './expression-error.js';
import { formatNumber, isBareId, isBareName, isBareValue } from './lexer.js';

/**
 * The text of an expression, with no more parentheses and quotes than it needs. The tree must have been parsed or checked,
 * so that it is not too deep for the stack and holds nothing that cannot be written.
 */
export function printExpression(tree: Expression): string {
  switch (tree.type) {
    case 'all':
    case 'none':
      return tree.type;
    case 'or':
      return tree.operands.map((operand) => print(operand, operand.type === 'or')).join(' or ');
    case 'and':
      return tree.operands.map((operand) => print(operand, isChain(operand))).join(' and ');
    case 'not':
      return `not ${print(tree.operand, isChain(tree.operand))}`;
    case 'atLeast':
      return `at least ${tree.count} of (${tree.operands.map(printExpression).join(', ')})`;
    case 'audience':
      return `@${printName(tree.name)}`;
    case 'users':
      return `users(${tree.ids.map(printId).join(', ')})`;
    case 'has':
      return printName(tree.tag);
    case 'compare':
      return `${printName(tree.tag)} ${tree.operator} ${printValue(tree.value)}`;
    case 'in': {
      const operator = tree.negated ? 'not in' : 'in';
      return `${printName(tree.tag)} ${operator} (${tree.values.map(printValue).join(', ')})`;
    }
    case 'between':
      return `${printName(tree.tag)} between ${formatNumber(tree.low)} and ${formatNumber(tree.high)}`;
  }
}

function print(operand: Expression, inParentheses: boolean): string {
  const text = printExpression(operand);
  return inParentheses ? `(${text})` : text;
}

function isChain({ type }: Expression): boolean {
  return type === 'and' || type === 'or';
}

function printName(name: string): string {
  return isBareName(name) ? name : `\`${name}\``;
}

function printValue(value: Value): string {
  if (typeof value === 'number') return formatNumber(value);
  return isBareValue(value) ? value : quoted(value);
}

function printId(id: string): string {
  return isBareId(id) ? id : quoted(id);
}

function quoted(text: string): string {
  let inside = '';
  for (const char of text) {
    if (char === '"' || char === '\\') inside += `\\${char}`;
    else inside += isControl(char.charCodeAt(0)) ? escapeCharacter(char) : char;
  }
  return `"${inside}"`;
}
