/**
 * What audience expressions mean, written to be obviously right: every user is asked, one after the other. Nothing of the
 * project's evaluation is used, and values are compared as the texts that people would write.
 */
import type { ErrorCode, Expression, TagKind, Value } from '../../src/index.js';
import { Refusal } from './refusal.js';

/** A user: the id's bytes as hexadecimal digits, and what each tag says, as text. */
export interface NaiveUser {
  readonly key: string;
  valueOf(tag: string): string | undefined;
}

/** All that expressions are about. */
export interface NaiveWorld {
  kindOf(tag: string): TagKind | undefined;
  /** A dynamic audience's expression, or a fixed one's members, by key. */
  audience(name: string): Expression | ReadonlySet<string> | undefined;
}

/** Does the expression have the user? It must have passed `check`. */
export function isIn(user: NaiveUser, tree: Expression, world: NaiveWorld): boolean {
  const has = (part: Expression): boolean => isIn(user, part, world);
  switch (tree.type) {
    case 'all':
      return true;
    case 'none':
      return false;
    case 'and':
      return tree.operands.every(has);
    case 'or':
      return tree.operands.some(has);
    case 'not':
      return !has(tree.operand);
    case 'atLeast':
      return tree.operands.filter(has).length >= tree.count;
    case 'audience': {
      const audience = world.audience(tree.name)!;
      return 'type' in audience ? has(audience) : audience.has(user.key);
    }
    case 'users':
      return tree.ids.some((id) => Buffer.from(id).toString('hex') === user.key);
  }
  const own = user.valueOf(tree.tag);
  if (own === undefined) return false;
  const kind = world.kindOf(tree.tag)!;
  switch (tree.type) {
    case 'has':
      return true;
    case 'in':
      return tree.values.some((value) => isSame(own, value, kind)) !== tree.negated;
    case 'between':
      return compared(own, textOf(tree.low)) >= 0 && compared(own, textOf(tree.high)) <= 0;
    case 'compare': {
      if (tree.operator === '=') return isSame(own, tree.value, kind);
      if (tree.operator === '!=') return !isSame(own, tree.value, kind);
      const order = compared(own, textOf(tree.value));
      if (tree.operator === '<') return order < 0;
      if (tree.operator === '<=') return order <= 0;
      return tree.operator === '>' ? order > 0 : order >= 0;
    }
  }
}

/** Throws a Refusal for the first thing in an expression that means nothing. */
export function check(tree: Expression, world: NaiveWorld): void {
  switch (tree.type) {
    case 'all':
    case 'none':
    case 'users':
      return;
    case 'not':
      check(tree.operand, world);
      return;
    case 'and':
    case 'or':
    case 'atLeast':
      for (const operand of tree.operands) check(operand, world);
      return;
    case 'audience':
      if (world.audience(tree.name) === undefined) throw new Refusal('UNKNOWN_AUDIENCE');
      return;
  }
  const kind = world.kindOf(tree.tag);
  if (kind === undefined) throw new Refusal('UNKNOWN_TAG');
  if (tree.type === 'has') return;
  const isOrdered = tree.type === 'between' || (tree.type === 'compare' && /[<>]/.test(tree.operator));
  if (isOrdered && kind !== 'number') throw new Refusal('INVALID_EXPRESSION');
  if (tree.type === 'between') return;
  for (const value of tree.type === 'in' ? tree.values : [tree.value]) {
    const text = textOf(value);
    if (kind === 'flag' && text !== '1') throw new Refusal('INVALID_VALUE');
    if (kind === 'number' && !/^[+-]?\d+(\.\d+)?$/.test(text)) throw new Refusal('INVALID_EXPRESSION');
  }
}

/** The code of the error that the expression must lead to, if any. */
export function refusalOf(tree: Expression, world: NaiveWorld): ErrorCode | undefined {
  try {
    check(tree, world);
    return undefined;
  } catch (error) {
    if (error instanceof Refusal) return error.code;
    throw error;
  }
}

/** Names of the tags and audiences in an expression, each once. */
export function namesOf(tree: Expression): { tags: string[]; audiences: string[] } {
  const parts = partsOf(tree);
  const tags = parts.flatMap((part) => ('tag' in part ? [part.tag] : []));
  const audiences = parts.flatMap((part) => (part.type === 'audience' ? [part.name] : []));
  return { tags: [...new Set(tags)], audiences: [...new Set(audiences)] };
}

function partsOf(tree: Expression): Expression[] {
  if ('operands' in tree) return [tree, ...tree.operands.flatMap(partsOf)];
  return tree.type === 'not' ? [tree, ...partsOf(tree.operand)] : [tree];
}

/** The expression with another name for an audience. */
export function renamed(tree: Expression, from: string, to: string): Expression {
  const text = JSON.stringify(tree, (_, part) => {
    return part?.type === 'audience' && part.name === from ? { ...part, name: to } : part;
  });
  return JSON.parse(text) as Expression;
}

function isSame(own: string, value: Value, kind: TagKind): boolean {
  const text = textOf(value);
  return kind === 'number' ? compared(own, text) === 0 : own === text;
}

/** A value as people write it: a number never has an exponent. */
export function textOf(value: Value): string {
  if (typeof value === 'string') return value;
  if (Math.abs(value) >= 1e21) return BigInt(value).toString();
  return Math.abs(value) < 1e-6 ? value.toFixed(20).replace(/\.?0+$/, '') : String(value);
}

/** Below 0, 0 or above 0, as the first decimal is less than, equal to or greater than the second. */
export function compared(a: string, b: string): number {
  // Doubles tell decimals of up to 15 digits apart.
  if (a.length <= 15 && b.length <= 15) return Number(a) - Number(b);
  const digits = Math.max(fractionOf(a).length, fractionOf(b).length);
  const difference = scaled(a, digits) - scaled(b, digits);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** A decimal times a power of ten. */
export function scaled(decimal: string, digits: number): bigint {
  const [whole] = decimal.split('.');
  const magnitude = BigInt(whole!.replace(/^[+-]/, '') + fractionOf(decimal).padEnd(digits, '0'));
  return decimal.startsWith('-') ? -magnitude : magnitude;
}

function fractionOf(decimal: string): string {
  return decimal.split('.')[1] ?? '';
}
