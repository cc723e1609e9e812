/** Tags as they were: the columns that an expression reads when it is asked about a version, or about a release. */
import { SegmentdError } from '../errors.js';
import { type Bitmap, bitmapOf, bothOf } from '../store/bitmap.js';
import type { Column } from '../store/column.js';
import { quote } from '../store/numbers.js';
import type { SegmentStore } from '../store/segment-store.js';
import type { Tag } from '../store/tag-catalog.js';
import { MAX_BATCH } from '../store/user-directory.js';
import type { Expression } from './ast.js';
import { namesIn, treeOf } from './names.js';

/**
 * What a question is about instead of this moment: a version of the one tag of the expression that has versions; or all of its
 * tags right after a release.
 */
export type Moment = { readonly version: number } | { readonly release: string };

/** The columns of one moment, by tag. */
export class Past {
  readonly #store: SegmentStore;
  readonly #columns = new Map<Tag, Column>();

  /**
   * For the tags of an expression, those of its saved audiences too. Throws UNKNOWN_TAG, UNKNOWN_AUDIENCE, UNKNOWN_VERSION when
   * there is no such version or release or it is not kept, and INVALID_ARGUMENT when several tags have versions.
   */
  constructor(store: SegmentStore, expression: Expression, moment: Moment) {
    this.#store = store;
    const tags = tagsIn(store, expression);
    if ('release' in moment) {
      for (const tag of tags) this.#set(tag, store.versions.versionAfter(tag, moment.release));
      // Also where there are no tags.
      store.versions.releases.require(moment.release);
    } else this.#set(theVersioned(store, tags), moment.version);
  }

  /** The column that the tag had; its present one if it has no versions. */
  columnOf(tag: Tag): Column {
    return this.#columns.get(tag) ?? tag.column;
  }

  /** Adds those who are no users now and had one of the tags: records of whom it is still known. Returns a new bitmap. */
  withFormer(users: Bitmap): Bitmap {
    const all = users.clone();
    const { dormant } = this.#store;
    if (dormant.isEmpty) return all;
    for (const column of this.#columns.values()) all.orInPlace(bothOf(column.members(), dormant));
    return all;
  }

  /** The users of some ids, as far as they are among `all`. Returns a new bitmap. */
  find(ids: readonly string[], all: Bitmap): Bitmap {
    const found = bitmapOf();
    for (let from = 0; from < ids.length; from += MAX_BATCH) {
      const to = Math.min(ids.length, from + MAX_BATCH);
      const addresses = this.#store.findRecords(ids, from, to);
      for (let i = 0; i < to - from; i++) {
        if (addresses[i] !== 0) found.add(this.#store.records.ordinalAt(addresses[i]!));
      }
    }
    return found.andInPlace(all);
  }

  #set(name: string, version: number): void {
    const { catalog, versions } = this.#store;
    if (version >= 0) this.#columns.set(catalog.require(name), versions.columnAt(name, version));
  }
}

/** The tags of an expression and of the dynamic audiences that it uses, however deep, each once. */
function tagsIn(store: SegmentStore, expression: Expression): string[] {
  const tags = new Set<string>();
  const seen = new Set<string>();
  const waiting = [expression];
  for (let tree = waiting.pop(); tree !== undefined; tree = waiting.pop()) {
    const names = namesIn(tree);
    for (const tag of names.tags) tags.add(store.catalog.require(tag).name);
    for (const name of names.audiences) {
      if (seen.has(name)) continue;
      seen.add(name);
      const record = store.audiences.require(name);
      if (record.members === undefined) waiting.push(treeOf(record));
    }
  }
  return [...tags];
}

function theVersioned(store: SegmentStore, tags: readonly string[]): string {
  const versioned = tags.filter((tag) => (store.versions.historyOf(tag)?.current ?? -1) >= 0);
  const [first, second] = versioned;
  if (first === undefined) {
    throw new SegmentdError(
      'UNKNOWN_VERSION',
      'none of the tags in question has versions: none was ever loaded as a list',
    );
  }
  if (second === undefined) return first;
  throw new SegmentdError(
    'INVALID_ARGUMENT',
    `tags ${quote(first)} and ${quote(second)} both have versions: ask about a release, which says one of each`,
  );
}
