/**
 * From an expression to a plan: names are looked up, `not` becomes a difference, what is known without looking at users is
 * worked out, and equal parts become one node, so that they are evaluated once.
 */
import type { AudienceRecord } from '../store/audience-catalog.js';
import type { Column } from '../store/column.js';
import { EnumColumn } from '../store/enum-column.js';
import { NumberColumn } from '../store/number-column.js';
import { quote } from '../store/numbers.js';
import type { SegmentStore } from '../store/segment-store.js';
import type { Tag } from '../store/tag-catalog.js';
import type { Expression, Value } from './ast.js';
import { MAX_TOTAL_DEPTH } from './depth.js';
import { ExpressionError } from './expression-error.js';
import { formatNumber } from './lexer.js';
import { treeOf } from './names.js';
import { type Bounds, boundsOf } from './number-bounds.js';
import type { Past } from './past.js';

interface NodeBase {
  /** Unlike any other's of the planner. */
  readonly id: number;
  /** How many users it is thought to be, from counts that are known without looking. */
  readonly estimate: number;
}

/** Everybody, or nobody. */
export interface ConstantNode extends NodeBase {
  readonly kind: 'all' | 'none';
}

/** Who has the tag. */
export interface TagNode extends NodeBase {
  readonly kind: 'tag';
  readonly tag: Tag;
  readonly column: Column;
}

/** Who has one value of an enum. */
export interface ValueNode extends NodeBase {
  readonly kind: 'value';
  readonly tag: Tag;
  readonly column: EnumColumn;
  readonly value: string;
}

/** Whose number is in a range of scaled integers, both ends included; infinite where the range is open. */
export interface RangeNode extends NodeBase {
  readonly kind: 'range';
  readonly tag: Tag;
  readonly column: NumberColumn;
  readonly low: number;
  readonly high: number;
}

/** Some users by id. */
export interface UsersNode extends NodeBase {
  readonly kind: 'users';
  readonly ids: readonly string[];
}

/** A saved audience; a dynamic one has the plan of its expression. */
export interface AudienceNode extends NodeBase {
  readonly kind: 'audience';
  readonly record: AudienceRecord;
  readonly plan: PlanNode | undefined;
}

/** Who is in all of `included` (everybody, if there are none) and in none of `excluded`. */
export interface AndNode extends NodeBase {
  readonly kind: 'and';
  readonly included: readonly PlanNode[];
  readonly excluded: readonly PlanNode[];
}

/** Who is in one of two or more operands. */
export interface OrNode extends NodeBase {
  readonly kind: 'or';
  readonly operands: readonly PlanNode[];
  /** Is it known that nobody is in two of them? */
  readonly disjoint: boolean;
}

export interface AtLeastNode extends NodeBase {
  readonly kind: 'atLeast';
  readonly count: number;
  readonly operands: readonly PlanNode[];
}

export type PlanNode =
  | ConstantNode
  | TagNode
  | ValueNode
  | RangeNode
  | UsersNode
  | AudienceNode
  | AndNode
  | OrNode
  | AtLeastNode;

/** A node before it has its number. */
type Draft = PlanNode extends infer N ? (N extends PlanNode ? Omit<N, 'id'> : never) : never;

/** Makes plans over one state of the catalogues; all of its plans share their nodes. */
export class Planner {
  readonly #store: SegmentStore;
  readonly #past: Past | undefined;
  readonly #nodes = new Map<string, PlanNode>();
  readonly #audiences = new Map<AudienceRecord, PlanNode>();
  /** What the plans rest on. */
  readonly #columns = new Map<Tag, Tag['column']>();
  readonly #catalogVersion: number;
  #checkedVersion: number;
  readonly #audienceVersion: number;
  #depth = 0;

  /** With `past`, plans are about the columns of then. */
  constructor(store: SegmentStore, past?: Past) {
    this.#store = store;
    this.#past = past;
    this.#catalogVersion = store.catalog.version;
    this.#checkedVersion = this.#catalogVersion;
    this.#audienceVersion = store.audiences.version;
  }

  /** Would the plans be made the same way now? The tags and audiences that they name are still the same. */
  get isCurrent(): boolean {
    const { catalog, audiences } = this.#store;
    if (audiences.version !== this.#audienceVersion) return false;
    if (catalog.version === this.#checkedVersion) return true;
    for (const [tag, column] of this.#columns) {
      if (catalog.byId(tag.id) !== tag || tag.column !== column) return false;
    }
    this.#checkedVersion = catalog.version;
    return true;
  }

  /** The tags that the plans name. */
  get tags(): Iterable<Tag> {
    return this.#columns.keys();
  }

  /**
   * The plan of an expression that was parsed or checked. Throws UNKNOWN_TAG, UNKNOWN_AUDIENCE, or INVALID_EXPRESSION and
   * INVALID_VALUE where a tag cannot be compared so.
   */
  plan(expression: Expression): PlanNode {
    if (++this.#depth > MAX_TOTAL_DEPTH) {
      throw new ExpressionError(
        `with the audiences that it uses, the expression nests over ${MAX_TOTAL_DEPTH} levels deep`,
      );
    }
    try {
      return this.#plan(expression);
    } finally {
      this.#depth--;
    }
  }

  /** The plan of a saved audience. */
  planAudience(record: AudienceRecord): PlanNode {
    const known = this.#audiences.get(record);
    if (known !== undefined) return known;
    const plan = record.members === undefined ? this.plan(treeOf(record)) : undefined;
    const estimate = plan?.estimate ?? record.members!.size;
    const node = this.#node({ kind: 'audience', record, plan, estimate }, `@${record.name}`);
    this.#audiences.set(record, node);
    return node;
  }

  #plan(expression: Expression): PlanNode {
    switch (expression.type) {
      case 'all':
        return this.#node({ kind: 'all', estimate: this.#store.users.size }, 'all');
      case 'none':
        return this.#none;
      case 'and':
        return this.#and(expression.operands.map((operand) => this.plan(operand)));
      case 'or':
        return this.#or(expression.operands.map((operand) => this.plan(operand)));
      case 'not':
        return this.#difference([], [this.plan(expression.operand)]);
      case 'atLeast':
        return this.#atLeast(
          expression.count,
          expression.operands.map((operand) => this.plan(operand)),
        );
      case 'audience':
        return this.planAudience(this.#store.audiences.require(expression.name));
      case 'users': {
        const ids = [...new Set(expression.ids)].sort();
        return this.#node({ kind: 'users', ids, estimate: ids.length }, `users ${JSON.stringify(ids)}`);
      }
      case 'has':
        return this.#has(this.#tag(expression.tag));
      case 'compare':
        return this.#compare(this.#tag(expression.tag), expression.operator, expression.value);
      case 'in': {
        const tag = this.#tag(expression.tag);
        const equal = this.#or(expression.values.map((value) => this.#compare(tag, '=', value)));
        return expression.negated ? this.#difference([this.#has(tag)], [equal]) : equal;
      }
      case 'between': {
        const tag = this.#tag(expression.tag);
        const { low, high } = expression;
        return this.#range(tag, this.#bounds(tag, low).ceiling, this.#bounds(tag, high).floor);
      }
    }
  }

  get #none(): PlanNode {
    return this.#node({ kind: 'none', estimate: 0 }, 'none');
  }

  #node(draft: Draft, key: string): PlanNode {
    const known = this.#nodes.get(key);
    if (known !== undefined) return known;
    const node = { id: this.#nodes.size, ...draft } as PlanNode;
    this.#nodes.set(key, node);
    return node;
  }

  #tag(name: string): Tag {
    const tag = this.#store.catalog.require(name);
    this.#columns.set(tag, this.#columnOf(tag));
    return tag;
  }

  #columnOf(tag: Tag): Column {
    return this.#past === undefined ? tag.column : this.#past.columnOf(tag);
  }

  #bounds(tag: Tag, value: Value): Bounds {
    return boundsIn(tag.name, this.#columnOf(tag), value);
  }

  #has(tag: Tag): PlanNode {
    const column = this.#columnOf(tag);
    return this.#node({ kind: 'tag', tag, column, estimate: column.count }, `tag ${tag.id}`);
  }

  #compare(tag: Tag, operator: '=' | '!=' | '<' | '<=' | '>' | '>=', value: Value): PlanNode {
    const most = Number.POSITIVE_INFINITY;
    switch (operator) {
      case '=':
        return this.#equal(tag, value);
      case '!=':
        return this.#difference([this.#has(tag)], [this.#equal(tag, value)]);
      case '<': {
        const { floor, ceiling } = this.#bounds(tag, value);
        return this.#range(tag, -most, floor === ceiling ? floor - 1 : floor);
      }
      case '<=':
        return this.#range(tag, -most, this.#bounds(tag, value).floor);
      case '>': {
        const { floor, ceiling } = this.#bounds(tag, value);
        return this.#range(tag, floor === ceiling ? ceiling + 1 : ceiling, most);
      }
      case '>=':
        return this.#range(tag, this.#bounds(tag, value).ceiling, most);
    }
  }

  #equal(tag: Tag, value: Value): PlanNode {
    const column = this.#columnOf(tag);
    if (column instanceof NumberColumn) {
      const { floor, ceiling } = this.#bounds(tag, value);
      return floor === ceiling ? this.#range(tag, floor, ceiling) : this.#none;
    }
    if (column instanceof EnumColumn) {
      const text = typeof value === 'number' ? formatNumber(value) : value;
      const estimate = column.countOf(text);
      return this.#node({ kind: 'value', tag, column, value: text, estimate }, `value ${tag.id} ${text}`);
    }
    // Refuses what a flag cannot be.
    column.existingCode(value, tag.name);
    return this.#has(tag);
  }

  #range(tag: Tag, low: number, high: number): PlanNode {
    const column = this.#columnOf(tag) as NumberColumn;
    if (low > high || low === Number.POSITIVE_INFINITY || high === Number.NEGATIVE_INFINITY)
      return this.#none;
    if (low === Number.NEGATIVE_INFINITY && high === Number.POSITIVE_INFINITY) return this.#has(tag);
    const estimate = Math.ceil(column.count / (low === high ? 10 : 3));
    return this.#node({ kind: 'range', tag, column, low, high, estimate }, `range ${tag.id} ${low} ${high}`);
  }

  #and(operands: readonly PlanNode[]): PlanNode {
    return this.#difference(operands, []);
  }

  /** Who is in all of the first and in none of the second, with all that is known without looking at users worked out. */
  #difference(all: readonly PlanNode[], none: readonly PlanNode[]): PlanNode {
    const included = new Set<PlanNode>();
    const excluded = new Set<PlanNode>();
    const include = (node: PlanNode): void => {
      if (node.kind === 'and') {
        node.included.forEach(include);
        node.excluded.forEach(exclude);
      } else if (node.kind !== 'all') included.add(node);
    };
    const exclude = (node: PlanNode): void => {
      // One union takes fewer operations than many differences.
      if (node.kind === 'or' && node.operands.length <= 4) node.operands.forEach(exclude);
      // Not in none of these is to be in one of them.
      else if (node.kind === 'and' && node.included.length === 0) include(this.#or(node.excluded));
      else if (node.kind !== 'none') excluded.add(node);
    };
    all.forEach(include);
    none.forEach(exclude);
    const kept = this.#withRangesMerged(included);
    for (const node of kept) if (node.kind === 'none' || excluded.has(node)) return this.#none;
    for (const node of excluded) if (node.kind === 'all') return this.#none;
    if (hasTwoValues(kept)) return this.#none;
    if (excluded.size === 0) {
      if (kept.length === 1) return kept[0]!;
      if (kept.length === 0) return this.#plan({ type: 'all' });
    }
    // A user who is tested one by one is out at the first part that fails: the rarest to have, the commonest not to have.
    const parts = { included: rarestFirst(kept), excluded: rarestFirst([...excluded]).reverse() };
    const total = Math.max(1, this.#store.users.size);
    let share = 1;
    for (const { estimate } of parts.included) share *= Math.min(1, estimate / total);
    for (const { estimate } of parts.excluded) share *= 1 - Math.min(1, estimate / total);
    const key = `and ${idsOf(parts.included)} not ${idsOf(parts.excluded)}`;
    return this.#node({ kind: 'and', ...parts, estimate: Math.round(share * total) }, key);
  }

  /** `age >= 25` and `age <= 40` are one range. */
  #withRangesMerged(nodes: ReadonlySet<PlanNode>): PlanNode[] {
    const ranges = new Map<Tag, RangeNode[]>();
    for (const node of nodes) {
      if (node.kind === 'range') ranges.set(node.tag, [...(ranges.get(node.tag) ?? []), node]);
    }
    const merged: PlanNode[] = [...nodes].filter((node) => node.kind !== 'range');
    for (const [tag, list] of ranges) {
      const low = Math.max(...list.map((range) => range.low));
      const high = Math.min(...list.map((range) => range.high));
      merged.push(this.#range(tag, low, high));
    }
    return merged;
  }

  #or(operands: readonly PlanNode[]): PlanNode {
    const flat = new Set<PlanNode>();
    const add = (node: PlanNode): void => {
      if (node.kind === 'or') node.operands.forEach(add);
      else if (node.kind !== 'none') flat.add(node);
    };
    operands.forEach(add);
    for (const node of flat) if (node.kind === 'all') return node;
    const list = rarestFirst([...flat]).reverse();
    if (list.length === 0) return this.#none;
    if (list.length === 1) return list[0]!;
    const sum = list.reduce((total, { estimate }) => total + estimate, 0);
    const estimate = Math.min(sum, this.#store.users.size);
    return this.#node(
      { kind: 'or', operands: list, disjoint: areValuesOfOneTag(list), estimate },
      `or ${idsOf(list)}`,
    );
  }

  #atLeast(count: number, operands: readonly PlanNode[]): PlanNode {
    // The same operand may stand twice, and then counts twice.
    if (count > operands.length) return this.#none;
    if (count === 1) return this.#or(operands);
    if (count === operands.length) return this.#and(operands);
    const sum = operands.reduce((total, { estimate }) => total + estimate, 0);
    const list = rarestFirst(operands).reverse();
    return this.#node(
      { kind: 'atLeast', count, operands: list, estimate: Math.round(sum / count / 2) },
      `atLeast ${count} ${idsOf(list)}`,
    );
  }
}

/** The nodes that a node is made of. */
export function operandsOf(node: PlanNode): readonly PlanNode[] {
  switch (node.kind) {
    case 'and':
      return [...node.included, ...node.excluded];
    case 'or':
    case 'atLeast':
      return node.operands;
    case 'audience':
      return node.plan === undefined ? [] : [node.plan];
    default:
      return [];
  }
}

function boundsIn(tag: string, column: Column, value: Value): Bounds {
  if (column instanceof NumberColumn) return boundsOf(value, column.scale, tag);
  const article = column.kind === 'enum' ? 'an enum' : 'a flag';
  throw new ExpressionError(`tag ${quote(tag)} is ${article}: only numbers have an order`);
}

/** Always the same order of the same nodes. */
function rarestFirst(nodes: readonly PlanNode[]): PlanNode[] {
  return [...nodes].sort((a, b) => a.estimate - b.estimate || a.id - b.id);
}

function idsOf(nodes: readonly PlanNode[]): string {
  return nodes.map(({ id }) => id).join(' ');
}

/** Nobody has two values of one enum. */
function hasTwoValues(nodes: readonly PlanNode[]): boolean {
  const tags = new Set<Tag>();
  for (const node of nodes) {
    if (node.kind !== 'value') continue;
    if (tags.has(node.tag)) return true;
    tags.add(node.tag);
  }
  return false;
}

/** Different values, or different ranges of a single value, of one tag. */
function areValuesOfOneTag(nodes: readonly PlanNode[]): boolean {
  const [first] = nodes;
  if (first?.kind !== 'value' && first?.kind !== 'range') return false;
  return nodes.every((node) => {
    if (node.kind === 'value') return node.tag === first.tag;
    return node.kind === 'range' && node.tag === first.tag && node.low === node.high;
  });
}
