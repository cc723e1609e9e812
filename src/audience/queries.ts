/** Everything that can be asked about audiences, as queries that need not be answered at once. */
import { SegmentdError } from '../errors.js';
import type { Mutation } from '../mutation.js';
import type { AudienceRecord } from '../store/audience-catalog.js';
import { type Bitmap, bitmapOf } from '../store/bitmap.js';
import { type Clock, Query } from '../store/query.js';
import type { SegmentStore } from '../store/segment-store.js';
import type { Steps } from '../store/steps.js';
import type { UserId } from '../store/user-key.js';
import type { Expression } from './ast.js';
import { expressionOf } from './check-expression.js';
import { type Overlap, overlapOf } from './comparison.js';
import { Evaluation } from './evaluation.js';
import { type Explanation, explain } from './explain.js';
import { Freezer, type Freezing } from './freeze.js';
import { MatchIndex } from './match-index.js';
import { type Moment, Past } from './past.js';
import { type PlanNode, Planner } from './plan.js';
import { PlanCache, type Planned } from './plan-cache.js';
import { ResultCache } from './result-cache.js';
import { Sources } from './sources.js';
import { type Distribution, TagReporter, type TagStatistics } from './tag-report.js';
import { Trace } from './trace.js';
import { countUpTo, firstUsers } from './windows.js';

/** An expression as text or as a tree; see docs/audiences.md. */
export type ExpressionInput = string | Expression;

/** What every question takes. */
export interface QueryOptions {
  /** Milliseconds after which the query is given up with QUERY_TIMEOUT; 0 means never. The engine's option by default. */
  readonly timeout?: number;
}

/** What questions take that may be about another moment than this one. */
export interface PastOptions extends QueryOptions {
  /** Tags are read as they were then. */
  readonly at?: Moment;
}

/** One page of an audience. */
export interface UserPage {
  /** What to ask the next page with; 0 when this was the last. */
  readonly cursor: number;
  /** In ordinal order. */
  readonly ids: readonly Buffer[];
}

/** Ids in a page unless said otherwise. */
const PAGE_SIZE = 10;
/** The most users that are found window by window; of more, all are found first. */
const MAX_WINDOWED = 100_000;
/** Ordinals have 32 bits. */
const ORDINALS = 2 ** 32;
const DEFAULT_RANGES = 10;
/** Ranges that a distribution may have. */
export const MAX_RANGES = 1_000;
/** A comparison tells of each with each. */
export const MAX_COMPARED = 100;

/** Questions as queries; each is about the moment in which it is asked. */
export class AudienceQueries {
  readonly #store: SegmentStore;
  readonly #apply: (mutation: Mutation) => number;
  readonly #timeout: number;
  readonly #cache: ResultCache;
  readonly #plans: PlanCache;
  #index: MatchIndex | undefined;

  /** `apply` is the engine's; `cacheBytes`: what results of saved audiences may take; `timeout` in milliseconds, 0 for none. */
  constructor(
    store: SegmentStore,
    apply: (mutation: Mutation) => number,
    cacheBytes: number,
    timeout: number,
  ) {
    this.#store = store;
    this.#apply = apply;
    this.#timeout = timeout;
    this.#cache = new ResultCache(store, cacheBytes);
    this.#plans = new PlanCache(store);
  }

  /** Results of saved audiences that are kept. */
  get cache(): Pick<ResultCache, 'size' | 'bytes' | 'hits' | 'misses'> {
    return this.#cache;
  }

  /** Plans of expressions that are kept. */
  get plans(): Pick<PlanCache, 'hits' | 'misses'> {
    return this.#plans;
  }

  /** How many users there are; with `limit`, at most so many are counted. */
  count(
    input: ExpressionInput,
    { limit = 0, ...options }: PastOptions & { limit?: number } = {},
  ): Query<number> {
    checkWhole('limit', limit, 0);
    return this.#query([input], options, (sources, [node]) =>
      limit === 0 ? new Evaluation(sources).count(node!) : countUpTo(node!, limit, sources),
    );
  }

  /** A page of ids in ordinal order, `count` of them as long as there are so many, from where the last page's cursor says. */
  page(
    input: ExpressionInput,
    { cursor = 0, count = PAGE_SIZE, ...options }: PastOptions & { cursor?: number; count?: number } = {},
  ): Query<UserPage> {
    checkWhole('cursor', cursor, 0);
    checkWhole('count', count, 1);
    const store = this.#store;
    return this.#query([input], options, function* (sources, [node]) {
      const { ordinals, next } = yield* pageOf(node!, cursor, count, sources);
      return { cursor: next, ids: ordinals.map((ordinal) => store.idOf(ordinal)) };
    });
  }

  /**
   * What `use` makes of `count` users from the ordinal `cursor` on, in the moment in which they are found. It gets a bitmap of
   * its own, and the ordinal of the first user behind them, or 0 if there is none.
   */
  slice<T>(
    input: ExpressionInput,
    { cursor, count, ...options }: PastOptions & { cursor: number; count: number },
    use: (users: Bitmap, next: number) => T,
  ): Query<T> {
    checkWhole('cursor', cursor, 0);
    checkWhole('count', count, 1);
    return this.#query([input], options, function* (sources, [node]) {
      if (count <= MAX_WINDOWED) {
        const { ordinals, next } = yield* pageOf(node!, cursor, count, sources);
        return use(bitmapOf(ordinals), next);
      }
      const users = yield* new Evaluation(sources).ownUsers(node!);
      sources.withoutDeparted(users).removeRange(0, cursor);
      const next = count < users.size ? users.select(count)! : 0;
      if (next > 0) users.removeRange(next, ORDINALS);
      return use(users, next);
    });
  }

  /** The users as a bitmap of the caller's own, valid until the next mutation. */
  users(input: ExpressionInput, options: PastOptions = {}): Query<Bitmap> {
    return this.#query([input], options, function* (sources, [node]) {
      const users = yield* new Evaluation(sources).ownUsers(node!);
      return sources.withoutDeparted(users);
    });
  }

  /**
   * What `use` makes of sets that `combine` puts together in a new one: saved audiences by name, and bitmaps of the caller's
   * own, which `combine` does not change. What `use` gets is valid until the next mutation.
   */
  combination<T>(
    sets: readonly (string | Bitmap)[],
    combine: (sets: readonly Bitmap[]) => Bitmap,
    use: (users: Bitmap) => T,
    options: QueryOptions = {},
  ): Query<T> {
    const names = sets.filter((set) => typeof set === 'string');
    const inputs = names.map((name): Expression => ({ type: 'audience', name }));
    return this.#query(inputs, options, function* (sources, nodes) {
      const evaluation = new Evaluation(sources);
      const found: Bitmap[] = [];
      let audiences = 0;
      for (const set of sets) {
        found.push(typeof set === 'string' ? yield* evaluation.users(nodes[audiences++]!) : set);
        yield;
      }
      return use(sources.withoutDeparted(combine(found)));
    });
  }

  /** Which of some users are in the audience; those who do not exist are not. Answered at once, from their vectors. */
  test(input: ExpressionInput, users: readonly UserId[]): boolean[] {
    const planned = this.#plans.get(input);
    return users.map((user) => this.#isIn(planned, user));
  }

  /** As `test`, in turns: each user is looked at once, as they are in that moment. */
  membership(
    input: ExpressionInput,
    users: readonly UserId[],
    { timeout = this.#timeout }: QueryOptions = {},
  ): Query<boolean[]> {
    checkWhole('timeout', timeout, 0);
    const planned = this.#plans.get(input);
    return new Query(() => ({ steps: this.#testing(planned, input, users), release() {} }), timeout);
  }

  /** Names of the saved audiences that hold a user, of all or of those named. Answered at once, from the user's vector. */
  match(user: UserId, names?: readonly string[]): string[] {
    const wanted = names?.map((name) => this.#store.audiences.require(name));
    const address = this.#store.find(user);
    if (address === 0) return [];
    if (this.#index?.isCurrent !== true) this.#index = new MatchIndex(this.#store);
    const found = wanted === undefined ? this.#index.match(address) : this.#index.matchOf(address, wanted);
    return found.map(({ name }: AudienceRecord) => name);
  }

  /** How much two or more audiences have in common, each with each. */
  overlap(inputs: readonly ExpressionInput[], options: QueryOptions = {}): Query<Overlap> {
    if (inputs.length > MAX_COMPARED)
      throw new SegmentdError('OUT_OF_RANGE', `at most ${MAX_COMPARED} expressions can be compared`);
    return this.#query(inputs, options, (sources, nodes) => overlapOf(nodes, new Evaluation(sources)));
  }

  /** By number of audiences, from 0: how many users are in exactly so many of those given. */
  reach(inputs: readonly ExpressionInput[], options: QueryOptions = {}): Query<number[]> {
    return this.#query(inputs, options, (sources, nodes) => new Evaluation(sources).countByOperands(nodes));
  }

  /** Evaluates an expression and tells how. */
  explain(input: ExpressionInput, options: PastOptions = {}): Query<Explanation> {
    return this.#query([input], options, function* (sources, [node], clock) {
      const trace = new Trace(clock);
      const began = clock.now();
      const users = yield* new Evaluation(sources, undefined, trace).count(node!);
      return { users, milliseconds: clock.now() - began, plan: explain(node!, trace) };
    });
  }

  /** How many users have each value of a tag, or a number in each range, among all users or those of an audience. */
  distribution(
    tag: string,
    {
      of,
      ranges = DEFAULT_RANGES,
      ...options
    }: QueryOptions & { of?: ExpressionInput; ranges?: number } = {},
  ): Query<Distribution> {
    checkWhole('ranges', ranges, 1, MAX_RANGES);
    return this.#report(tag, of, options, (reporter, within) => reporter.distribution(within, ranges));
  }

  /** Sum, average, least, greatest and quantiles of a number tag, among all users or those of an audience. */
  statistics(
    tag: string,
    { of, ...options }: QueryOptions & { of?: ExpressionInput } = {},
  ): Query<TagStatistics> {
    return this.#report(tag, of, options, (reporter, within) => reporter.statistics(within));
  }

  /** Makes a fixed audience of the users that an expression has; results in their number. */
  freeze(freezing: Freezing, input: ExpressionInput, options: QueryOptions = {}): Query<number> {
    const freezer = new Freezer(this.#store, this.#apply, freezing);
    return this.#query(
      [input],
      options,
      (sources, [node]) => freezer.steps(sources, node!),
      () => freezer.end(),
    );
  }

  /** To be called when everything was removed: lets go of what was kept of it. */
  forget(): void {
    this.#cache.clear();
    this.#plans.clear();
    this.#index = undefined;
  }

  /** How many users a dynamic audience has, if that is known without work. */
  knownSize(record: AudienceRecord): number | undefined {
    return this.#cache.peek(record)?.size;
  }

  #isIn(planned: Planned, user: UserId): boolean {
    const address = this.#store.find(user);
    return address !== 0 && planned.holds(address);
  }

  *#testing(planned: Planned, input: ExpressionInput, users: readonly UserId[]): Steps<boolean[]> {
    const found: boolean[] = [];
    let current = planned;
    for (const user of users) {
      if (!current.isCurrent) current = this.#plans.get(input);
      found.push(this.#isIn(current, user));
      yield;
    }
    return found;
  }

  #report<T>(
    name: string,
    of: ExpressionInput | undefined,
    options: QueryOptions,
    report: (reporter: TagReporter, within: Bitmap | undefined) => Steps<T>,
  ): Query<T> {
    const reporter = new TagReporter(this.#store, this.#store.catalog.require(name));
    const release = (): void => reporter.release();
    try {
      return this.#query(of === undefined ? [] : [of], options, steps, release);
    } catch (error) {
      release();
      throw error;
    }
    function* steps(sources: Sources, [node]: readonly PlanNode[]): Steps<T> {
      const within = node === undefined ? undefined : yield* new Evaluation(sources).users(node);
      return yield* report(reporter, within);
    }
  }

  /** The plans of some expressions, with nodes in common. */
  #plan(inputs: readonly ExpressionInput[]): readonly PlanNode[] {
    if (inputs.length === 1) return [this.#plans.get(inputs[0]!).node];
    const planner = new Planner(this.#store);
    return inputs.map((input) => planner.plan(expressionOf(input)));
  }

  /** What nodes of some expressions read; about another moment there is one expression. */
  #sources(inputs: readonly ExpressionInput[], at: Moment | undefined): [readonly PlanNode[], Sources] {
    if (at === undefined) {
      const nodes = this.#plan(inputs);
      return [nodes, new Sources(this.#store, nodes, this.#cache)];
    }
    const tree = expressionOf(inputs[0]!);
    const past = new Past(this.#store, tree, at);
    const nodes = [new Planner(this.#store, past).plan(tree)];
    return [nodes, new Sources(this.#store, nodes, this.#cache, past)];
  }

  /** Plans are made, and what they read is held, before the query is there: so it is about this moment. */
  #query<T>(
    inputs: readonly ExpressionInput[],
    { timeout = this.#timeout, at }: PastOptions,
    start: (sources: Sources, nodes: readonly PlanNode[], clock: Clock) => Steps<T>,
    alsoRelease = (): void => {},
  ): Query<T> {
    checkWhole('timeout', timeout, 0);
    const [nodes, sources] = this.#sources(inputs, at);
    const release = (): void => {
      sources.release();
      alsoRelease();
    };
    return new Query((clock) => ({ steps: start(sources, nodes, clock), release }), timeout);
  }
}

/** The ordinals of a page, and of the first of the next page, 0 if there is none. */
function* pageOf(
  node: PlanNode,
  from: number,
  count: number,
  sources: Sources,
): Steps<{ readonly ordinals: number[]; readonly next: number }> {
  // One more than asked for tells whether this page is the last.
  const found = yield* firstUsers(node, from, count + 1, sources);
  const next = found.length > count ? found.pop()! : 0;
  return { ordinals: sources.stillThere(found), next };
}

function checkWhole(name: string, value: number, least: number, most = Number.MAX_SAFE_INTEGER): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new SegmentdError('INVALID_ARGUMENT', `${name} must be a whole number from ${least} to ${most}`);
}
