/**
 * Audiences as the engine offers them: questions that are answered at once, and saved audiences. What may take long is also
 * there as a query, which others need not wait for (`queries`).
 */
import { SegmentdError } from '../errors.js';
import { compileGlob } from '../glob.js';
import type { Mutation } from '../mutation.js';
import type { AudienceDetails, AudienceKind, AudienceRecord } from '../store/audience-catalog.js';
import { idsOf } from '../store/member-cursor.js';
import { quote } from '../store/numbers.js';
import type { Query } from '../store/query.js';
import type { SegmentStore } from '../store/segment-store.js';
import type { UserId } from '../store/user-key.js';
import { type Expression, MAX_TEXT_BYTES } from './ast.js';
import { changeTime } from './change-time.js';
import { expressionOf } from './check-expression.js';
import type { Overlap } from './comparison.js';
import { Depths, MAX_TOTAL_DEPTH } from './depth.js';
import type { Explanation } from './explain.js';
import { ExpressionError } from './expression-error.js';
import type { Freezing } from './freeze.js';
import { namesIn, treeOf, withAudienceRenamed } from './names.js';
import { Planner } from './plan.js';
import { printExpression } from './print.js';
import {
  AudienceQueries,
  type ExpressionInput,
  type PastOptions,
  type QueryOptions,
  type UserPage,
} from './queries.js';
import type { Distribution, TagStatistics } from './tag-report.js';

/** A saved audience as `get` and `list` tell it. */
export interface AudienceInfo extends AudienceDetails {
  readonly name: string;
  /** `dynamic`: whoever the expression has; `fixed`: a set of users. */
  readonly kind: AudienceKind;
  /** Of a dynamic one; of a fixed one, what it was made from, which may be nothing. */
  readonly expression: string;
  /** Users, as far as that is known without evaluating the expression. */
  readonly users: number | undefined;
  /** Milliseconds since the epoch. */
  readonly created: number;
  /** Of the last change of expression, details or members; each change has a later one. */
  readonly changed: number;
}

/** What `engine.audiences` is. */
export class Audiences {
  /** The same questions as queries. */
  readonly queries: AudienceQueries;
  readonly #store: SegmentStore;
  readonly #apply: (mutation: Mutation) => number;

  /** `apply` is the engine's; `cacheBytes` is what results may take, `timeout` in milliseconds, 0 for none. */
  constructor(
    store: SegmentStore,
    apply: (mutation: Mutation) => number,
    { cacheBytes, timeout }: { cacheBytes: number; timeout: number },
  ) {
    this.#store = store;
    this.#apply = apply;
    this.queries = new AudienceQueries(store, apply, cacheBytes, timeout);
  }

  /** How many users an expression has; with `limit`, at most so many are counted. */
  count(input: ExpressionInput, options?: PastOptions & { limit?: number }): number {
    return this.queries.count(input, options).now();
  }

  /** A page of ids in ordinal order: the first with cursor 0, the next with the cursor of the last, which ends with 0. */
  page(input: ExpressionInput, options?: PastOptions & { cursor?: number; count?: number }): UserPage {
    return this.queries.page(input, options).now();
  }

  /** The ids of all users, in ordinal order, as they are when the first is asked for, whatever is written meanwhile. */
  *ids(input: ExpressionInput, options?: PastOptions): IterableIterator<string> {
    const open = () => this.#store.openCursor(this.queries.users(input, options).now());
    for (const id of idsOf(open)) yield id.toString();
  }

  /** Which of some users are in the audience, from their vectors alone; those who do not exist are not. */
  test(input: ExpressionInput, users: readonly UserId[]): boolean[] {
    return this.queries.test(input, users);
  }

  /** Names of the saved audiences that hold a user, of all in the order of their names, or of those named in their order. */
  match(user: UserId, names?: readonly string[]): string[] {
    return this.queries.match(user, names);
  }

  /** How much two or more audiences have in common, each with each. */
  overlap(inputs: readonly ExpressionInput[], options?: QueryOptions): Overlap {
    return this.queries.overlap(inputs, options).now();
  }

  /** By number of audiences, from 0: how many users are in exactly so many of those given. */
  reach(inputs: readonly ExpressionInput[], options?: QueryOptions): number[] {
    return this.queries.reach(inputs, options).now();
  }

  /** Evaluates an expression and tells how. */
  explain(input: ExpressionInput, options?: PastOptions): Explanation {
    return this.queries.explain(input, options).now();
  }

  /** How many users have each value of a tag, or a number in each range, among all users or those of an audience. */
  distribution(
    tag: string,
    options?: QueryOptions & { of?: ExpressionInput; ranges?: number },
  ): Distribution {
    return this.queries.distribution(tag, options).now();
  }

  /** Sum, average, least, greatest and quantiles of a number tag, among all users or those of an audience. */
  statistics(tag: string, options?: QueryOptions & { of?: ExpressionInput }): TagStatistics {
    return this.queries.statistics(tag, options).now();
  }

  /**
   * Saves a dynamic audience, or gives one another expression; details that are not given stay as they were. Throws what is
   * wrong with the expression, or AUDIENCE_CONFLICT for a circle or a fixed audience of that name.
   */
  save(name: string, input: ExpressionInput, details: Partial<AudienceDetails> = {}): AudienceInfo {
    const tree = expressionOf(input);
    // Whatever could not be evaluated is not saved.
    new Planner(this.#store).plan(tree);
    this.#checkDepth(name, tree);
    const expression = typeof input === 'string' ? input.trim() : printExpression(tree);
    checkLength(name, expression);
    this.#apply({
      type: 'saveAudience',
      name,
      expression,
      ...namesIn(tree),
      details: this.#detailsFor(name, details),
      at: this.#timeFor([name]),
    });
    return this.get(name)!;
  }

  /** Makes a fixed audience of the users that an expression has now, or gives one these members. */
  freeze(
    name: string,
    input: ExpressionInput,
    details: Partial<AudienceDetails> = {},
    options?: QueryOptions,
  ): AudienceInfo {
    this.freezeQuery(name, input, details, options).now();
    return this.get(name)!;
  }

  /** As `freeze`, as a query; it results in the number of users. `around` is told in `Freezing`. */
  freezeQuery(
    name: string,
    input: ExpressionInput,
    details: Partial<AudienceDetails> = {},
    { around, ...options }: QueryOptions & Pick<Freezing, 'around'> = {},
  ): Query<number> {
    const tree = expressionOf(input);
    const source = typeof input === 'string' ? input.trim() : printExpression(tree);
    const freezing = { name, source, details: this.#detailsFor(name, details) };
    return this.queries.freeze(around === undefined ? freezing : { ...freezing, around }, tree, options);
  }

  /** Adds users to a fixed audience; who does not exist is left out. Returns how many were not in it. */
  addUsers(name: string, users: readonly UserId[]): number {
    return this.#apply({ type: 'addToAudience', name, users, at: this.#timeFor([name]) });
  }

  /** Takes users out of a fixed audience. Returns how many were in it. */
  removeUsers(name: string, users: readonly UserId[]): number {
    return this.#apply({ type: 'removeFromAudience', name, users, at: this.#timeFor([name]) });
  }

  /** Changes what is noted of an audience; what is not given stays. */
  describe(name: string, details: Partial<AudienceDetails>): AudienceInfo {
    this.#apply({ type: 'describeAudience', name, details, at: this.#timeFor([name]) });
    return this.get(name)!;
  }

  get(name: string): AudienceInfo | undefined {
    const record = this.#store.audiences.find(name);
    return record === undefined ? undefined : this.#infoOf(record);
  }

  /** Saved audiences in the order of their names; `match` is a glob pattern as in Redis's KEYS. */
  list(match?: string): AudienceInfo[] {
    const wanted = match === undefined ? undefined : compileGlob(match);
    const found = [...this.#store.audiences.all()].filter(({ name }) => wanted?.test(name) ?? true);
    return found.sort((a, b) => (a.name < b.name ? -1 : 1)).map((record) => this.#infoOf(record));
  }

  /** Gives an audience another name, also in the audiences that use it. */
  rename(from: string, to: string): void {
    const { audiences } = this.#store;
    const users = [...audiences.usedBy(from)];
    const rewritten = users.map((name) => {
      const expression = printExpression(withAudienceRenamed(treeOf(audiences.require(name)), from, to));
      checkLength(name, expression);
      return { name, expression };
    });
    this.#apply({ type: 'renameAudience', from, to, rewritten, at: this.#timeFor([from, ...users]) });
  }

  /** Forgets an audience. Returns whether there was one. Throws AUDIENCE_IN_USE, naming which others use it. */
  drop(name: string): boolean {
    return this.#apply({ type: 'dropAudience', name }) > 0;
  }

  /** Throws INVALID_EXPRESSION if the audience, or one that uses it, would then nest too deep to be asked for by its name. */
  #checkDepth(name: string, tree: Expression): void {
    const { audiences } = this.#store;
    const depths = new Depths(audiences);
    const depth = depths.of(tree);
    const users = new Set(audiences.usedBy(name));
    for (const user of users) for (const next of audiences.usedBy(user)) users.add(next);
    // A circle is refused for what it is.
    if (namesIn(tree).audiences.some((used) => used === name || users.has(used))) return;
    depths.set(name, depth);
    for (const deep of [name, ...users]) {
      if (depths.ofAudience(deep) < MAX_TOTAL_DEPTH) continue;
      const levels = `${MAX_TOTAL_DEPTH} levels deep with the audiences that it uses`;
      throw new ExpressionError(`audience ${quote(deep)} would nest over ${levels}`);
    }
  }

  /** When a change of these audiences is, if it is now. */
  #timeFor(names: readonly string[]): number {
    return changeTime(names.map((name) => this.#store.audiences.find(name)));
  }

  #detailsFor(name: string, given: Partial<AudienceDetails>): AudienceDetails {
    const former = this.#store.audiences.find(name);
    return {
      description: given.description ?? former?.description ?? '',
      owner: given.owner ?? former?.owner ?? '',
      labels: given.labels ?? former?.labels ?? [],
    };
  }

  #infoOf(record: AudienceRecord): AudienceInfo {
    const { name, kind, expression, source, members, description, owner, labels, created, changed } = record;
    return {
      name,
      kind,
      expression: kind === 'dynamic' ? expression : source,
      users: members?.size ?? this.queries.knownSize(record),
      description,
      owner,
      labels,
      created,
      changed,
    };
  }
}

function checkLength(name: string, expression: string): void {
  const bytes = Buffer.byteLength(expression);
  if (bytes <= MAX_TEXT_BYTES) return;
  throw new SegmentdError(
    'INVALID_ARGUMENT',
    `the expression of audience ${quote(name)} would have ${bytes} bytes as text; at most ${MAX_TEXT_BYTES} are allowed`,
  );
}
