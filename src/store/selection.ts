/**
 * A list of tags that is asked for again and again: the names are looked up once, so that a user's vector is read once for
 * all of them.
 */
import { CellQuery } from './cell-reader.js';
import type { SegmentStore } from './segment-store.js';
import type { Tag } from './tag-catalog.js';

/** A prepared list of tag names; made by `engine.select`. */
export class Selection {
  readonly names: readonly string[];
  readonly #store: SegmentStore;
  #tags: (Tag | undefined)[] = [];
  #query = new CellQuery([]);
  #version = -1;

  constructor(store: SegmentStore, names: readonly string[]) {
    this.names = [...names];
    this.#store = store;
  }

  /** By position: the tag now behind the name. */
  get tags(): readonly (Tag | undefined)[] {
    if (this.#store.catalog.version !== this.#version) this.#resolve();
    return this.#tags;
  }

  /** By position: the code that `read` found, or -1 where the user does not have the tag. Valid until the next mutation. */
  get codes(): Float64Array {
    return this.#query.codes;
  }

  /** Fills `codes` for the user whose record is at `address`; 0 means that there is no such user. */
  read(address: number): void {
    if (this.#store.catalog.version !== this.#version) this.#resolve();
    if (address === 0) this.#query.readNothing();
    else this.#store.query(address, this.#query);
  }

  #resolve(): void {
    const { catalog } = this.#store;
    this.#tags = this.names.map((name) => catalog.find(name));
    this.#query = new CellQuery(this.#tags.map((tag) => tag?.id ?? -1));
    this.#version = catalog.version;
  }
}
