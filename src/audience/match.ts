/** Plans for one user: answered on the user's vector alone, without any column. */
import { codeIfAny } from '../store/column.js';
import { codeToNumber } from '../store/numbers.js';
import type { SegmentStore } from '../store/segment-store.js';
import { operandsOf, type PlanNode, type UsersNode } from './plan.js';

/** What a node asks of the user, in order of its cost. */
const Op = {
  /** Not compiled yet. */
  NONE: 0,
  NOBODY: 1,
  EVERYBODY: 2,
  TAG: 3,
  /** A value whose code may change; see `#codeOf`. */
  VALUE: 4,
  RANGE: 5,
  AND: 6,
  OR: 7,
  AT_LEAST: 8,
  /** A dynamic audience. */
  SAME_AS: 9,
  FIXED: 10,
  USERS: 11,
} as const;

/**
 * Says of one user after the other which plans hold them. All plans must be of one planner; what is found out about a node is
 * kept while the user is the same. Nodes are compiled to numbers in arrays, by their ids: thousands of small objects would
 * cost more to visit than what there is to ask.
 */
export class Matcher {
  readonly #store: SegmentStore;
  /** Counts the users; by tag and by node, the one for whom the other arrays' entries were written. */
  #round = 0;
  #ordinal = 0;
  #tagRounds = new Uint32Array(256);
  #codes = new Float64Array(256);
  #nodeRounds = new Uint32Array(256);
  #found = new Uint8Array(256);
  #ops = new Uint8Array(256);
  /** A tag, or how many operands are needed. */
  #numbers = new Int32Array(256);
  /** Ends of a range; of a value, its code and the version of the dictionary in which it was looked up. */
  #lows = new Float64Array(256);
  #highs = new Float64Array(256);
  /** Where the operands stand in `#operands`, and where they end; those before `#middles` must hold, others must not. */
  #starts = new Int32Array(256);
  #middles = new Int32Array(256);
  #ends = new Int32Array(256);
  readonly #operands: number[] = [];
  readonly #nodes: PlanNode[] = [];
  readonly #ids = new Map<UsersNode, ReadonlySet<string>>();

  constructor(store: SegmentStore) {
    this.#store = store;
  }

  /** Reads the vector of the user whose record is at `address`; returns the ids of the tags in it, valid up to `count`. */
  load(address: number): { readonly count: number; readonly tags: ArrayLike<number> } {
    const cells = this.#store.cellsAt(address);
    this.#nextRound();
    this.#ordinal = this.#store.records.ordinalAt(address);
    const { count, tags, codes } = cells;
    const round = this.#round;
    for (let i = 0; i < count; i++) {
      const tag = tags[i]!;
      if (tag >= this.#codes.length) this.#growTags(tag);
      this.#codes[tag] = codes[i]!;
      this.#tagRounds[tag] = round;
    }
    return cells;
  }

  /** Prepares a plan. Returns what `holds` takes. */
  compile(node: PlanNode): number {
    this.#compile(node);
    return node.id;
  }

  /** Is the user in the set that the compiled plan describes? */
  holds(id: number): boolean {
    switch (this.#ops[id]) {
      case Op.NOBODY:
        return false;
      case Op.EVERYBODY:
        return true;
      case Op.TAG:
        return this.#tagRounds[this.#numbers[id]!] === this.#round;
      case Op.VALUE: {
        const tag = this.#numbers[id]!;
        return this.#tagRounds[tag] === this.#round && this.#codes[tag] === this.#codeOf(id);
      }
      case Op.RANGE: {
        const tag = this.#numbers[id]!;
        if (this.#tagRounds[tag] !== this.#round) return false;
        const number = codeToNumber(this.#codes[tag]!);
        return number >= this.#lows[id]! && number <= this.#highs[id]!;
      }
    }
    if (this.#nodeRounds[id] === this.#round) return this.#found[id] === 1;
    const found = this.#compute(id);
    this.#nodeRounds[id] = this.#round;
    this.#found[id] = found ? 1 : 0;
    return found;
  }

  #compute(id: number): boolean {
    const operands = this.#operands;
    const start = this.#starts[id]!;
    const middle = this.#middles[id]!;
    const end = this.#ends[id]!;
    switch (this.#ops[id]) {
      case Op.AND:
        for (let i = start; i < middle; i++) if (!this.holds(operands[i]!)) return false;
        for (let i = middle; i < end; i++) if (this.holds(operands[i]!)) return false;
        return true;
      case Op.OR:
        for (let i = start; i < end; i++) if (this.holds(operands[i]!)) return true;
        return false;
      case Op.AT_LEAST: {
        let missing = this.#numbers[id]!;
        for (let i = start; i < end; i++) if (this.holds(operands[i]!) && --missing === 0) return true;
        return false;
      }
      case Op.SAME_AS:
        return this.holds(operands[start]!);
    }
    const node = this.#nodes[id]!;
    if (node.kind === 'audience') return node.record.members!.has(this.#ordinal);
    return this.#idsOf(node as UsersNode).has(this.#store.idOf(this.#ordinal).toString('latin1'));
  }

  #compile(node: PlanNode): void {
    const { id } = node;
    if (id >= this.#ops.length) this.#growNodes(id);
    if (this.#ops[id] !== Op.NONE) return;
    this.#nodes[id] = node;
    const parts = operandsOf(node);
    for (const part of parts) this.#compile(part);
    this.#starts[id] = this.#operands.length;
    for (const part of parts) this.#operands.push(part.id);
    this.#ends[id] = this.#operands.length;
    this.#middles[id] = this.#starts[id]! + (node.kind === 'and' ? node.included.length : 0);
    this.#ops[id] = this.#opOf(node);
  }

  /** The node's operation; writes what else it needs. */
  #opOf(node: PlanNode): number {
    const { id } = node;
    switch (node.kind) {
      case 'all':
        return Op.EVERYBODY;
      case 'none':
        return Op.NOBODY;
      case 'tag':
        this.#numbers[id] = node.tag.id;
        return Op.TAG;
      case 'value':
        this.#numbers[id] = node.tag.id;
        this.#highs[id] = -1;
        return Op.VALUE;
      case 'range':
        this.#numbers[id] = node.tag.id;
        this.#lows[id] = node.low;
        this.#highs[id] = node.high;
        return Op.RANGE;
      case 'and':
        return Op.AND;
      case 'or':
        return Op.OR;
      case 'atLeast':
        this.#numbers[id] = node.count;
        return Op.AT_LEAST;
      case 'audience':
        return node.plan === undefined ? Op.FIXED : Op.SAME_AS;
      case 'users':
        return Op.USERS;
    }
  }

  /** A value's code now: it is looked up again when values of the tag have come or gone. */
  #codeOf(id: number): number {
    const node = this.#nodes[id]!;
    if (node.kind === 'value' && this.#highs[id] !== node.column.dictionaryVersion) {
      this.#highs[id] = node.column.dictionaryVersion;
      this.#lows[id] = codeIfAny(node.column, node.value);
    }
    return this.#lows[id]!;
  }

  /** Ids as bytes, a character each, because a user's id need not be UTF-8. */
  #idsOf(node: UsersNode): ReadonlySet<string> {
    let ids = this.#ids.get(node);
    if (ids === undefined) {
      ids = new Set(node.ids.map((id) => Buffer.from(id).toString('latin1')));
      this.#ids.set(node, ids);
    }
    return ids;
  }

  #nextRound(): void {
    if (++this.#round < 2 ** 32) return;
    this.#round = 1;
    this.#tagRounds.fill(0);
    this.#nodeRounds.fill(0);
  }

  #growTags(tag: number): void {
    this.#tagRounds = grown(this.#tagRounds, new Uint32Array((tag + 1) * 2));
    this.#codes = grown(this.#codes, new Float64Array((tag + 1) * 2));
  }

  #growNodes(id: number): void {
    const length = (id + 1) * 2;
    this.#nodeRounds = grown(this.#nodeRounds, new Uint32Array(length));
    this.#found = grown(this.#found, new Uint8Array(length));
    this.#ops = grown(this.#ops, new Uint8Array(length));
    this.#numbers = grown(this.#numbers, new Int32Array(length));
    this.#lows = grown(this.#lows, new Float64Array(length));
    this.#highs = grown(this.#highs, new Float64Array(length));
    this.#starts = grown(this.#starts, new Int32Array(length));
    this.#middles = grown(this.#middles, new Int32Array(length));
    this.#ends = grown(this.#ends, new Int32Array(length));
  }
}

function grown<A extends { set(from: A): void }>(from: A, to: A): A {
  to.set(from);
  return to;
}
