/**
 * Evaluates plans to bitmaps and counts, in steps: one bitmap operation, then others may have a turn. Intersections go from
 * the smallest set on, each next one within what is left; a count does not build the set that it counts where a
 * cardinality function answers.
 */
import { BitSlices } from '../store/bit-slices.js';
import { type Bitmap, bitmapOf, bothOf, differenceOf, eitherOf, unionOf } from '../store/bitmap.js';
import type { EnumColumn } from '../store/enum-column.js';
import type { Steps } from '../store/steps.js';
import type { AndNode, AtLeastNode, OrNode, PlanNode, RangeNode } from './plan.js';
import type { Sources } from './sources.js';
import type { Trace } from './trace.js';

/** A set of users. What is not `owned` belongs to somebody else and is not to be modified. */
interface Found {
  readonly bitmap: Bitmap;
  readonly owned: boolean;
}

/** Bitmaps put together in one step. */
const UNION_STEP = 32;
/** A union is built within a scope when the scope is so many times smaller than what the union is made of. */
const SMALL_SCOPE = 4;

/** One moment's answers about some plans. */
export class Evaluation {
  readonly #sources: Sources;
  /** Only users in it are looked at; undefined for all. */
  readonly #window: Bitmap | undefined;
  readonly #trace: Trace | undefined;
  readonly #results = new Map<PlanNode, Bitmap>();

  constructor(sources: Sources, window?: Bitmap, trace?: Trace) {
    this.#sources = sources;
    this.#window = window;
    this.#trace = trace;
  }

  /** The users of a node. The bitmap is not to be modified. */
  *users(node: PlanNode): Steps<Bitmap> {
    return (yield* this.#find(node)).bitmap;
  }

  /** As `users`, as a bitmap of the caller's own. */
  *ownUsers(node: PlanNode): Steps<Bitmap> {
    const { bitmap, owned } = yield* this.#find(node);
    return owned ? this.#sources.give(bitmap) : bitmap.clone();
  }

  /** How many users a node has. */
  *count(node: PlanNode): Steps<number> {
    const began = this.#trace?.begin();
    const count = this.#known(node)?.size ?? (yield* this.#count(node));
    if (began !== undefined) this.#trace!.end(node, count, began);
    return count;
  }

  /** By number of operands, from 0: how many users are in exactly so many of them. */
  *countByOperands(operands: readonly PlanNode[]): Steps<number[]> {
    const counter = yield* this.#addUp(operands, undefined);
    const counts = [0];
    for (let k = 1; k <= operands.length; k++) counts.push(yield* counter.countInRange(k, k));
    const all = this.#source(this.#sources.users).size;
    counts[0] = all - counts.reduce((sum, count) => sum + count, 0);
    return counts;
  }

  /** A bitmap that was just made: it goes with the sources, if not before. */
  #new(bitmap: Bitmap): Bitmap {
    this.#sources.own(bitmap);
    return bitmap;
  }

  /** A bitmap of the sources', within the window. */
  #source(bitmap: Bitmap): Bitmap {
    return this.#window === undefined ? bitmap : this.#new(bothOf(bitmap, this.#window));
  }

  /** What is there without work. */
  #known(node: PlanNode): Bitmap | undefined {
    const result = this.#results.get(node);
    if (result !== undefined) return result;
    const source = this.#sources.bitmapOf(node);
    if (source === undefined || this.#window === undefined) return source;
    const inWindow = this.#new(bothOf(source, this.#window));
    this.#results.set(node, inWindow);
    return inWindow;
  }

  *#find(node: PlanNode): Steps<Found> {
    const began = this.#trace?.begin();
    const known = this.#known(node);
    if (known !== undefined) {
      if (began !== undefined) this.#trace!.end(node, known.size, began);
      return { bitmap: known, owned: false };
    }
    const found = yield* this.#make(node);
    if (began !== undefined) this.#trace!.end(node, found.bitmap.size, began);
    const isKept = node.kind === 'audience' && this.#window === undefined;
    if (isKept) this.#sources.keep(node, found.bitmap);
    if (!isKept && !this.#sources.isShared(node)) return found;
    this.#results.set(node, found.bitmap);
    return { bitmap: found.bitmap, owned: false };
  }

  *#make(node: PlanNode): Steps<Found> {
    switch (node.kind) {
      case 'tag':
        return { bitmap: yield* this.#union(this.#valuesOf(node.column as EnumColumn)), owned: true };
      case 'range':
        return { bitmap: yield* this.#range(node, this.#window), owned: true };
      case 'audience': {
        const found = yield* this.#find(node.plan!);
        // What is kept for later evaluations must outlive the sources, and an empty source may be a result as it is.
        const isKept = this.#window === undefined;
        return isKept && !found.owned ? { bitmap: this.#new(found.bitmap.clone()), owned: true } : found;
      }
      case 'and':
        return yield* this.#intersect(node, undefined);
      case 'or':
        return { bitmap: yield* this.#unite(node.operands), owned: true };
      case 'atLeast':
        return { bitmap: yield* this.#atLeast(node, undefined), owned: true };
      default:
        throw new Error(`a source for ${node.kind} is missing`);
    }
  }

  /** The users of a node who are in `scope`, as a bitmap of the caller's own. */
  *#findWithin(node: PlanNode, scope: Bitmap): Steps<Bitmap> {
    const began = this.#trace?.begin();
    const result = yield* this.#makeWithin(node, scope);
    if (began !== undefined) this.#trace!.end(node, result.size, began);
    return result;
  }

  *#makeWithin(node: PlanNode, scope: Bitmap): Steps<Bitmap> {
    if (this.#known(node) === undefined && !this.#sources.isShared(node)) {
      switch (node.kind) {
        case 'range':
          return yield* this.#range(node, scope);
        case 'and': {
          const { bitmap, owned } = yield* this.#intersect(node, scope);
          return owned ? bitmap : this.#new(bitmap.clone());
        }
        case 'atLeast':
          return yield* this.#atLeast(node, scope);
        case 'or':
          if (scope.size * SMALL_SCOPE < node.operands.reduce((sum, { estimate }) => sum + estimate, 0)) {
            return yield* this.#uniteWithin(node, scope);
          }
      }
    }
    const { bitmap, owned } = yield* this.#find(node);
    if (!owned) return this.#new(bothOf(bitmap, scope));
    bitmap.andInPlace(scope);
    return bitmap;
  }

  *#range({ column, low, high }: RangeNode, scope: Bitmap | undefined): Steps<Bitmap> {
    return this.#new(yield* this.#sources.slicesOf(column).inRange(low, high, scope));
  }

  #valuesOf(column: EnumColumn): Bitmap[] {
    return this.#sources.valuesOf(column).map((bitmap) => this.#source(bitmap));
  }

  /** The union of any number of bitmaps. */
  *#union(bitmaps: readonly Bitmap[]): Steps<Bitmap> {
    const result = this.#new(unionOf(bitmaps.slice(0, UNION_STEP)));
    for (let at = UNION_STEP; at < bitmaps.length; at += UNION_STEP) {
      yield;
      const more = unionOf(bitmaps.slice(at, at + UNION_STEP));
      result.orInPlace(more);
      more.dispose();
    }
    return result;
  }

  *#unite(operands: readonly PlanNode[]): Steps<Bitmap> {
    const known: Bitmap[] = [];
    const others: PlanNode[] = [];
    for (const operand of operands) {
      const bitmap = this.#known(operand);
      if (bitmap === undefined) others.push(operand);
      else {
        this.#trace?.end(operand, bitmap.size, this.#trace.begin());
        known.push(bitmap);
      }
    }
    let result = known.length === 0 ? undefined : yield* this.#union(known);
    for (const operand of others) {
      yield;
      const { bitmap, owned } = yield* this.#find(operand);
      if (result === undefined) result = owned ? bitmap : this.#new(bitmap.clone());
      else {
        result.orInPlace(bitmap);
        if (owned) bitmap.dispose();
      }
    }
    return result!;
  }

  *#uniteWithin(node: OrNode, scope: Bitmap): Steps<Bitmap> {
    const result = this.#new(bitmapOf());
    for (const operand of node.operands) {
      yield;
      const found = yield* this.#findWithin(operand, scope);
      result.orInPlace(found);
      found.dispose();
    }
    return result;
  }

  /** Who is in all parts and, if there is a scope, in it. */
  *#intersect(node: AndNode, scope: Bitmap | undefined): Steps<Found> {
    let left = yield* this.#intersectIncluded(inOrder(node.included), scope);
    for (const part of inOrder(node.excluded).reverse()) {
      if (left.bitmap.isEmpty) break;
      yield;
      left = yield* this.#without(left, part);
    }
    return left;
  }

  *#intersectIncluded(parts: readonly PlanNode[], scope: Bitmap | undefined): Steps<Found> {
    let left: Found | undefined = scope === undefined ? undefined : { bitmap: scope, owned: false };
    for (const part of parts) {
      if (left === undefined) left = yield* this.#find(part);
      else if (left.bitmap.isEmpty) break;
      else {
        yield;
        left = yield* this.#with(left, part);
      }
    }
    return left ?? { bitmap: this.#source(this.#sources.users), owned: false };
  }

  *#with(left: Found, part: PlanNode): Steps<Found> {
    const known = this.#known(part);
    if (known === undefined) {
      const bitmap = yield* this.#findWithin(part, left.bitmap);
      if (left.owned) left.bitmap.dispose();
      return { bitmap, owned: true };
    }
    const began = this.#trace?.begin();
    const bitmap = left.owned ? left.bitmap.andInPlace(known) : this.#new(bothOf(left.bitmap, known));
    if (began !== undefined) this.#trace!.end(part, bitmap.size, began);
    return { bitmap, owned: true };
  }

  *#without(left: Found, part: PlanNode): Steps<Found> {
    const began = this.#trace?.begin();
    const known = this.#known(part);
    const gone = known ?? (yield* this.#findWithin(part, left.bitmap));
    const before = left.bitmap.size;
    // Between two sparse bitmaps the difference in place is eight times slower than a new one (measured).
    const bitmap = this.#new(differenceOf(left.bitmap, gone));
    if (left.owned) left.bitmap.dispose();
    if (known === undefined) gone.dispose();
    if (began !== undefined) this.#trace!.end(part, before - bitmap.size, began);
    return { bitmap, owned: true };
  }

  *#atLeast(node: AtLeastNode, scope: Bitmap | undefined): Steps<Bitmap> {
    const counter = yield* this.#addUp(node.operands, scope);
    return this.#new(yield* counter.inRange(node.count, Number.POSITIVE_INFINITY));
  }

  /** In how many of the operands each user is: a number for each, as bit slices, added up bit by bit. */
  *#addUp(operands: readonly PlanNode[], scope: Bitmap | undefined): Steps<BitSlices> {
    const slices: Bitmap[] = [];
    const exists = this.#new(bitmapOf());
    for (const operand of operands) {
      yield;
      let carry = scope === undefined ? yield* this.#find(operand) : undefined;
      carry ??= { bitmap: yield* this.#findWithin(operand, scope!), owned: true };
      exists.orInPlace(carry.bitmap);
      for (let bit = 0; !carry.bitmap.isEmpty; bit++) {
        yield;
        const slice = slices[bit];
        if (slice === undefined) {
          slices.push(carry.owned ? carry.bitmap : this.#new(carry.bitmap.clone()));
          break;
        }
        const next = this.#new(bothOf(slice, carry.bitmap));
        slices[bit] = this.#new(eitherOf(slice, carry.bitmap));
        slice.dispose();
        if (carry.owned) carry.bitmap.dispose();
        carry = { bitmap: next, owned: true };
      }
    }
    return new BitSlices(exists, bitmapOf(), slices);
  }

  *#count(node: PlanNode): Steps<number> {
    if (this.#sources.isShared(node)) return (yield* this.#find(node)).bitmap.size;
    switch (node.kind) {
      case 'tag': {
        let count = 0;
        // Nobody has two values.
        for (const bitmap of this.#valuesOf(node.column as EnumColumn)) count += bitmap.size;
        return count;
      }
      case 'range':
        return yield* this.#sources.slicesOf(node.column).countInRange(node.low, node.high, this.#window);
      case 'and':
        return yield* this.#countIntersection(node);
      case 'or':
        return yield* this.#countUnion(node);
      case 'atLeast': {
        const counter = yield* this.#addUp(node.operands, undefined);
        return yield* counter.countInRange(node.count, Number.POSITIVE_INFINITY);
      }
      default:
        return (yield* this.#find(node)).bitmap.size;
    }
  }

  /** All parts but the last are put together; the last is only counted. */
  *#countIntersection(node: AndNode): Steps<number> {
    const included = inOrder(node.included);
    const excluded = inOrder(node.excluded).reverse();
    const last = excluded.pop() ?? included.pop()!;
    const isExcluded = node.excluded.length > 0;
    let left = yield* this.#intersectIncluded(included, undefined);
    for (const part of excluded) {
      if (left.bitmap.isEmpty) break;
      yield;
      left = yield* this.#without(left, part);
    }
    if (left.bitmap.isEmpty) return 0;
    yield;
    const began = this.#trace?.begin();
    const known = this.#known(last);
    let both: number;
    if (known !== undefined) both = left.bitmap.andCardinality(known);
    else if (last.kind === 'range' && !this.#sources.isShared(last)) {
      both = yield* this.#sources.slicesOf(last.column).countInRange(last.low, last.high, left.bitmap);
    } else both = (yield* this.#makeWithin(last, left.bitmap)).size;
    if (began !== undefined) this.#trace!.end(last, both, began);
    return isExcluded ? left.bitmap.size - both : both;
  }

  *#countUnion(node: OrNode): Steps<number> {
    if (node.disjoint) {
      let sum = 0;
      for (const operand of node.operands) {
        sum += yield* this.count(operand);
        yield;
      }
      return sum;
    }
    const known = node.operands.filter((operand) => this.#known(operand) !== undefined);
    const largest = inOrder(known).at(-1);
    if (largest === undefined) return (yield* this.#find(node)).bitmap.size;
    const others = node.operands.filter((operand) => operand !== largest);
    this.#trace?.end(largest, this.#known(largest)!.size, this.#trace.begin());
    const rest = others.length === 1 ? (yield* this.#find(others[0]!)).bitmap : yield* this.#unite(others);
    yield;
    return rest.orCardinality(this.#known(largest)!);
  }
}

/** What one operation with a node costs, in operations with a bitmap that is there. */
const COST: Readonly<Partial<Record<PlanNode['kind'], number>>> = { range: 8, and: 2, or: 3, atLeast: 6 };

/** The smallest and cheapest first. */
function inOrder(nodes: readonly PlanNode[]): PlanNode[] {
  const weight = ({ estimate, kind }: PlanNode): number => (estimate + 1) * (COST[kind] ?? 1);
  return [...nodes].sort((a, b) => weight(a) - weight(b));
}
