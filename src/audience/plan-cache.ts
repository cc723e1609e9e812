/** Plans of the texts that were asked for last: programs ask the same again and again. */
import type { SegmentStore } from '../store/segment-store.js';
import type { Expression } from './ast.js';
import { expressionOf } from './check-expression.js';
import { Matcher } from './match.js';
import { type PlanNode, Planner } from './plan.js';

const MAX_PLANS = 256;
/** Longer texts are rarely asked twice. */
const MAX_LENGTH = 1_024;
/** A plan's estimates are too old when so great a share of all pairs has come or gone since. */
const MAX_DRIFT = 1 / 8;

/** The plan of one expression. */
export class Planned {
  readonly node: PlanNode;
  readonly #store: SegmentStore;
  readonly #planner: Planner;
  readonly #pairs: number;
  #matcher: Matcher | undefined;
  #compiled = 0;

  constructor(store: SegmentStore, expression: Expression) {
    this.#store = store;
    this.#planner = new Planner(store);
    this.#pairs = store.pairs;
    this.node = this.#planner.plan(expression);
  }

  /** Would the plan be made the same way now, or nearly so? */
  get isCurrent(): boolean {
    return Math.abs(this.#store.pairs - this.#pairs) <= this.#pairs * MAX_DRIFT && this.#planner.isCurrent;
  }

  /** Is the user whose record is at `address` in the set? */
  holds(address: number): boolean {
    if (this.#matcher === undefined) {
      this.#matcher = new Matcher(this.#store);
      this.#compiled = this.#matcher.compile(this.node);
    }
    this.#matcher.load(address);
    return this.#matcher.holds(this.#compiled);
  }
}

export class PlanCache {
  /** Plans that were there when they were asked for. */
  hits = 0;
  /** Plans that had to be made. */
  misses = 0;
  readonly #store: SegmentStore;
  /** The one that was made longest ago comes first. */
  readonly #plans = new Map<string, Planned>();
  #audienceVersion = 0;

  constructor(store: SegmentStore) {
    this.#store = store;
  }

  clear(): void {
    this.#plans.clear();
  }

  /** The plan of a text or a tree. Throws what is wrong with it. */
  get(input: string | Expression): Planned {
    if (typeof input !== 'string' || input.length > MAX_LENGTH) {
      this.misses++;
      return new Planned(this.#store, expressionOf(input));
    }
    const { version } = this.#store.audiences;
    // No plan is current any more, and columns that are no more must not be kept in memory for their sake.
    if (version !== this.#audienceVersion) this.#plans.clear();
    this.#audienceVersion = version;
    const known = this.#plans.get(input);
    if (known?.isCurrent === true) {
      this.hits++;
      return known;
    }
    this.misses++;
    this.#plans.delete(input);
    const planned = new Planned(this.#store, expressionOf(input));
    this.#plans.set(input, planned);
    if (this.#plans.size > MAX_PLANS) this.#plans.delete(this.#plans.keys().next().value!);
    return planned;
  }
}
