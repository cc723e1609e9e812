/**
 * Which of many saved audiences hold a user. Each audience waits at the tags of which a member must have one, so that most
 * audiences are not even looked at for a user with other tags (Whang et al., "Indexing Boolean expressions", VLDB 2009).
 */
import type { AudienceRecord } from '../store/audience-catalog.js';
import type { SegmentStore } from '../store/segment-store.js';
import type { Tag } from '../store/tag-catalog.js';
import { Matcher } from './match.js';
import { type PlanNode, Planner } from './plan.js';

export class MatchIndex {
  readonly #planner: Planner;
  readonly #matcher: Matcher;
  /** By name. */
  readonly #records: readonly AudienceRecord[];
  /** By place among the records: the compiled plan. */
  readonly #plans: Int32Array;
  /** By tag: places of those that wait there. */
  readonly #byTag: (number[] | undefined)[] = [];
  /** Places of those that may hold a user with any tags. */
  readonly #always: number[] = [];
  /** By place: 1 while it is among those that are found. */
  readonly #seen: Uint8Array;

  constructor(store: SegmentStore) {
    this.#planner = new Planner(store);
    this.#matcher = new Matcher(store);
    this.#records = [...store.audiences.all()].sort((a, b) => (a.name < b.name ? -1 : 1));
    this.#plans = new Int32Array(this.#records.length);
    this.#seen = new Uint8Array(this.#records.length);
    const required = new RequiredTags();
    for (const [place, record] of this.#records.entries()) {
      const plan = this.#planner.planAudience(record);
      this.#plans[place] = this.#matcher.compile(plan);
      const tags = required.of(plan);
      if (tags === undefined) this.#always.push(place);
      else {
        for (const { id } of tags) {
          this.#byTag[id] ??= [];
          this.#byTag[id].push(place);
        }
      }
    }
  }

  /** Is it still what would be built now? */
  get isCurrent(): boolean {
    return this.#planner.isCurrent;
  }

  /** The audiences that hold the user whose record is at `address`, by name. */
  match(address: number): AudienceRecord[] {
    const { count, tags } = this.#matcher.load(address);
    const found: number[] = [];
    for (const place of this.#always) this.#test(place, found);
    for (let i = 0; i < count; i++) {
      const places = this.#byTag[tags[i]!];
      if (places !== undefined) for (const place of places) this.#test(place, found);
    }
    for (const place of found) this.#seen[place] = 0;
    // Sorts as numbers, and faster than an array does.
    return Array.from(Uint32Array.from(found).sort(), (place) => this.#records[place]!);
  }

  /** As `match`, for some audiences only, in the order given. */
  matchOf(address: number, records: readonly AudienceRecord[]): AudienceRecord[] {
    this.#matcher.load(address);
    return records.filter((record) =>
      this.#matcher.holds(this.#matcher.compile(this.#planner.planAudience(record))),
    );
  }

  #test(place: number, found: number[]): void {
    if (this.#seen[place] === 1 || !this.#matcher.holds(this.#plans[place]!)) return;
    this.#seen[place] = 1;
    found.push(place);
  }
}

/** Tags of which every member has at least one: the choice with the fewest users; undefined when there is none. */
class RequiredTags {
  /** What is known already: audiences that use each other share most of their plans. */
  readonly #known = new Map<PlanNode, ReadonlySet<Tag> | undefined>();

  of(node: PlanNode): ReadonlySet<Tag> | undefined {
    if (!this.#known.has(node)) this.#known.set(node, this.#find(node));
    return this.#known.get(node);
  }

  #find(node: PlanNode): ReadonlySet<Tag> | undefined {
    switch (node.kind) {
      case 'tag':
      case 'value':
      case 'range':
        return new Set([node.tag]);
      case 'none':
        return new Set();
      case 'audience':
        return node.plan === undefined ? undefined : this.of(node.plan);
      case 'and': {
        const choices = node.included.map((part) => this.of(part)).filter((tags) => tags !== undefined);
        return choices.sort((a, b) => usersOf(a) - usersOf(b))[0];
      }
      case 'or':
      case 'atLeast': {
        const all = new Set<Tag>();
        for (const part of node.operands) {
          const tags = this.of(part);
          if (tags === undefined) return undefined;
          for (const tag of tags) all.add(tag);
        }
        return all;
      }
      default:
        return undefined;
    }
  }
}

function usersOf(tags: ReadonlySet<Tag>): number {
  let users = 0;
  for (const tag of tags) users += tag.column.count;
  return users;
}
