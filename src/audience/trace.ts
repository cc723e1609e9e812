/** What EXPLAIN tells of an evaluation: for each node what was found, and how long it took. */

import type { Clock } from '../store/query.js';
import type { PlanNode } from './plan.js';

export interface TracedNode {
  /** Users found: those of the node who were still in question. */
  readonly actual: number;
  /** Milliseconds, what it is made of included, pauses not. */
  readonly milliseconds: number;
  /** Which of the nodes it was, from 0, in the order in which they were done. */
  readonly order: number;
}

export class Trace {
  readonly #clock: Clock;
  readonly #nodes = new Map<PlanNode, TracedNode>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The moment that `end` needs. */
  begin(): number {
    return this.#clock.now();
  }

  /** Notes what came out for a node; of one that is asked for again, the first time counts, which did the work. */
  end(node: PlanNode, actual: number, began: number): void {
    if (this.#nodes.has(node)) return;
    const milliseconds = this.#clock.now() - began;
    this.#nodes.set(node, { actual, milliseconds, order: this.#nodes.size });
  }

  /** Undefined for a node that was not looked at, because the result was known before. */
  of(node: PlanNode): TracedNode | undefined {
    return this.#nodes.get(node);
  }
}
