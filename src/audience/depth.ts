/** How deep expressions nest, saved audiences within saved audiences included. */
import type { AudienceCatalog } from '../store/audience-catalog.js';
import type { Expression } from './ast.js';
import { treeOf } from './names.js';

/** Twice what a single expression may, and less than half of what a stack of Node's default size was seen to hold. */
export const MAX_TOTAL_DEPTH = 400;

/** The depths of expressions over the saved audiences as they are, but for those that are given others. */
export class Depths {
  readonly #audiences: AudienceCatalog;
  readonly #known = new Map<string, number>();

  constructor(audiences: AudienceCatalog) {
    this.#audiences = audiences;
  }

  /** From now on the audience counts as so deep. */
  set(name: string, depth: number): void {
    this.#known.set(name, depth);
  }

  /** Levels of an expression: 1 if it is a single condition. */
  of(tree: Expression): number {
    if ('operands' in tree) return 1 + Math.max(...tree.operands.map((operand) => this.of(operand)));
    if (tree.type === 'not') return 1 + this.of(tree.operand);
    return tree.type === 'audience' ? 1 + this.ofAudience(tree.name) : 1;
  }

  /** Levels of a saved audience; 0 if it is fixed. */
  ofAudience(name: string): number {
    let depth = this.#known.get(name);
    if (depth === undefined) {
      const record = this.#audiences.require(name);
      depth = record.kind === 'fixed' ? 0 : this.of(treeOf(record));
      this.#known.set(name, depth);
    }
    return depth;
  }
}
