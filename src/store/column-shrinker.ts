import { EnumColumn } from './enum-column.js';
import type { TagCatalog } from './tag-catalog.js';

/** New users from one column to the next: 64 columns while a page of ordinals fills. */
const USERS_A_STEP = 1_024;
/** An enum of more values takes too long for one step, and its small bitmaps hold little in reserve. */
const MAX_VALUES = 1_000;

/**
 * Shrinks columns in turn while users come. A growing bitmap holds up to a quarter in reserve; what belongs to full pages of
 * ordinals hardly grows any more, and what is given back serves the containers that do.
 */
export class ColumnShrinker {
  readonly #catalog: TagCatalog;
  #users = 0;
  #nextId = 0;

  constructor(catalog: TagCatalog) {
    this.#catalog = catalog;
  }

  /** To be called for each new user. */
  userAdded(): void {
    this.#users++;
    if (this.#users % USERS_A_STEP !== 0) return;
    if (this.#nextId >= this.#catalog.idLimit) this.#nextId = 0;
    const column = this.#catalog.byId(this.#nextId++)?.column;
    if (column instanceof EnumColumn && column.valueCount > MAX_VALUES) return;
    column?.shrink();
  }
}
