/**
 * What an evaluation reads: the bitmaps behind its plans, all of one moment, held until the evaluation ends. Whatever is
 * written while it pauses goes to copies.
 */
import type { AudienceRecord } from '../store/audience-catalog.js';
import type { BitSlices } from '../store/bit-slices.js';
import { type Bitmap, bitmapOf } from '../store/bitmap.js';
import type { Departures } from '../store/departures.js';
import type { EnumColumn } from '../store/enum-column.js';
import { FlagColumn } from '../store/flag-column.js';
import { NumberColumn } from '../store/number-column.js';
import type { SegmentStore } from '../store/segment-store.js';
import type { Past } from './past.js';
import { type AudienceNode, operandsOf, type PlanNode, type ValueNode } from './plan.js';
import { type ResultCache, Stamp } from './result-cache.js';

interface Releasable {
  release(): void;
}

export class Sources {
  /** Everybody. */
  readonly users: Bitmap;
  readonly #store: SegmentStore;
  readonly #cache: ResultCache | undefined;
  readonly #past: Past | undefined;
  readonly #held: Releasable[] = [];
  readonly #visited = new Set<PlanNode>();
  readonly #bitmaps = new Map<PlanNode, Bitmap>();
  readonly #slices = new Map<NumberColumn, BitSlices>();
  readonly #values = new Map<EnumColumn, Bitmap[]>();
  readonly #stamps = new Map<AudienceRecord, Stamp>();
  /** How many nodes, and callers, ask for a node. */
  readonly #uses = new Map<PlanNode, number>();
  readonly #departures: Departures;
  readonly #made = new Set<Bitmap>();

  /** `roots` are planned with `past`, if there is one: then results are neither taken from the cache nor put there. */
  constructor(store: SegmentStore, roots: readonly PlanNode[], cache: ResultCache, past?: Past) {
    this.#store = store;
    this.#cache = past === undefined ? cache : undefined;
    this.#past = past;
    const users = this.#hold(store.users.hold());
    this.users = past === undefined ? users : past.withFormer(users);
    if (past !== undefined) this.own(this.users);
    this.#departures = store.departures.begin();
    for (const root of roots) this.#visit(root);
  }

  /** The bitmap that is there without any work: of flags, single values, numbers' users, fixed or cached audiences. */
  bitmapOf(node: PlanNode): Bitmap | undefined {
    return this.#bitmaps.get(node);
  }

  /** The bitmaps of all values of an enum. */
  valuesOf(column: EnumColumn): readonly Bitmap[] {
    return this.#values.get(column)!;
  }

  slicesOf(column: NumberColumn): BitSlices {
    return this.#slices.get(column)!;
  }

  /** Is the node asked for more than once, so that its result is worth keeping? */
  isShared(node: PlanNode): boolean {
    return this.#uses.get(node)! > 1;
  }

  /** Keeps the result of a dynamic audience for later evaluations, if it may be; it is not to be modified from now on. */
  keep({ record }: AudienceNode, result: Bitmap): void {
    if (this.#cache === undefined) return;
    this.#cache.put(record, this.give(result), this.#stamps.get(record)!);
  }

  /** Those who have not been erased since: the ordinals of the others may be somebody else's now. */
  stillThere(ordinals: readonly number[]): number[] {
    return ordinals.filter((ordinal) => !this.#departures.ordinals.has(ordinal));
  }

  /** As `stillThere`, for a bitmap of the caller's own, which is changed. */
  withoutDeparted(users: Bitmap): Bitmap {
    return users.andNotInPlace(this.#departures.ordinals);
  }

  /**
   * Takes a bitmap that the evaluation made, to dispose of it in the end. Left to the garbage collector, megabytes outside of
   * its heap make it stop the world every few dozen evaluations.
   */
  own(bitmap: Bitmap): void {
    this.#made.add(bitmap);
  }

  /** Gives such a bitmap to the caller. */
  give(bitmap: Bitmap): Bitmap {
    this.#made.delete(bitmap);
    return bitmap;
  }

  /** Lets go of what is held, and disposes of what was made. */
  release(): void {
    for (const bitmap of this.#made) bitmap.dispose();
    this.#made.clear();
    this.#departures.end();
    for (const held of this.#held) held.release();
  }

  #visit(node: PlanNode): void {
    this.#uses.set(node, (this.#uses.get(node) ?? 0) + 1);
    if (this.#visited.has(node)) return;
    this.#visited.add(node);
    const bitmap = this.#read(node);
    if (bitmap !== undefined) this.#bitmaps.set(node, bitmap);
    else for (const operand of operandsOf(node)) this.#visit(operand);
  }

  #read(node: PlanNode): Bitmap | undefined {
    switch (node.kind) {
      case 'all':
        return this.users;
      case 'none':
        return bitmapOf();
      case 'tag': {
        const { column } = node;
        if (column instanceof FlagColumn) return this.#hold(column.hold());
        if (column instanceof NumberColumn) return this.#holdSlices(column).exists;
        this.#holdValues(column as EnumColumn);
        return undefined;
      }
      case 'value':
        return this.#holdValue(node);
      case 'range':
        this.#holdSlices(node.column);
        return undefined;
      case 'users':
        return this.#findUsers(node.ids);
      case 'audience':
        return this.#readAudience(node);
      default:
        return undefined;
    }
  }

  #readAudience(node: AudienceNode): Bitmap | undefined {
    const { members } = node.record;
    if (members !== undefined) return this.#hold(members.hold());
    if (this.#cache === undefined) return undefined;
    const cached = this.#cache.get(node.record);
    if (cached === undefined) this.#stamps.set(node.record, new Stamp(this.#store, node));
    return cached;
  }

  #holdValue({ column, value }: ValueNode): Bitmap {
    const held = column.hold(value);
    return held === undefined ? bitmapOf() : this.#hold(held);
  }

  #holdValues(column: EnumColumn): void {
    if (this.#values.has(column)) return;
    this.#values.set(
      column,
      column.holdAll().map((held) => this.#hold(held)),
    );
  }

  #holdSlices(column: NumberColumn): BitSlices {
    const known = this.#slices.get(column);
    if (known !== undefined) return known;
    const held = column.hold();
    this.#held.push(held);
    this.#slices.set(column, held.slices);
    return held.slices;
  }

  #hold(held: Releasable & { readonly bitmap: Bitmap }): Bitmap {
    this.#held.push(held);
    return held.bitmap;
  }

  #findUsers(ids: readonly string[]): Bitmap {
    if (this.#past !== undefined) return this.#past.find(ids, this.users);
    const found = bitmapOf();
    for (const id of ids) {
      const address = this.#store.find(id);
      if (address !== 0) found.add(this.#store.records.ordinalAt(address));
    }
    return found;
  }
}
