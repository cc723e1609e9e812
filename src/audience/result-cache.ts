/** Results of dynamic audiences, kept until something that they rest on changes. */
import type { AudienceRecord } from '../store/audience-catalog.js';
import { type Bitmap, bitmapBytes } from '../store/bitmap.js';
import type { Column } from '../store/column.js';
import type { LiveBitmap } from '../store/live-bitmap.js';
import type { SegmentStore } from '../store/segment-store.js';
import type { Tag } from '../store/tag-catalog.js';
import { operandsOf, type PlanNode } from './plan.js';

/** What a result rests on, and how often that had changed when the result was asked for. */
export class Stamp {
  readonly #store: SegmentStore;
  readonly #audienceVersion: number;
  readonly #tags: { readonly tag: Tag; readonly column: Column }[] = [];
  readonly #columns: { readonly column: Column; readonly version: number }[] = [];
  readonly #bitmaps: { readonly bitmap: LiveBitmap; readonly version: number }[] = [];

  /** The stamp of what `node` means now. */
  constructor(store: SegmentStore, node: PlanNode) {
    this.#store = store;
    this.#audienceVersion = store.audiences.version;
    const seen = new Set<PlanNode>();
    const visit = (part: PlanNode): void => {
      if (seen.has(part)) return;
      seen.add(part);
      this.#note(part);
      operandsOf(part).forEach(visit);
    };
    visit(node);
  }

  /** Has nothing changed since? */
  get isFresh(): boolean {
    const { catalog, audiences } = this.#store;
    if (audiences.version !== this.#audienceVersion) return false;
    for (const { bitmap, version } of this.#bitmaps) if (bitmap.version !== version) return false;
    for (const { column, version } of this.#columns) if (column.version !== version) return false;
    for (const { tag, column } of this.#tags) {
      if (tag.column !== column || catalog.byId(tag.id) !== tag) return false;
    }
    return true;
  }

  #note(part: PlanNode): void {
    const { users, catalog } = this.#store;
    if (part.kind === 'tag' || part.kind === 'value' || part.kind === 'range') {
      const { column } = part;
      this.#columns.push({ column, version: column.version });
    } else if (part.kind === 'audience') {
      const { members, tags } = part.record;
      if (members !== undefined) this.#bitmaps.push({ bitmap: members, version: members.version });
      // Also those of which the plan has nothing left: with another scale, `n = 1.5` is somebody.
      for (const name of tags) {
        const tag = catalog.require(name);
        this.#tags.push({ tag, column: tag.column });
      }
    } else if (part.kind === 'all' || part.kind === 'users' || isComplement(part)) {
      this.#bitmaps.push({ bitmap: users, version: users.version });
    }
  }
}

function isComplement(node: PlanNode): boolean {
  return node.kind === 'and' && node.included.length === 0;
}

interface Entry {
  readonly result: Bitmap;
  readonly stamp: Stamp;
  readonly bytes: number;
}

/** The results used last, within a limit of memory. */
export class ResultCache {
  readonly #store: SegmentStore;
  readonly #maxBytes: number;
  /** The one that was used longest ago comes first. */
  readonly #entries = new Map<AudienceRecord, Entry>();
  #bytes = 0;
  #audienceVersion = 0;
  hits = 0;
  misses = 0;

  constructor(store: SegmentStore, maxBytes: number) {
    this.#store = store;
    this.#maxBytes = maxBytes;
  }

  get size(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The result if nothing that it rests on has changed. Not to be modified. */
  get(record: AudienceRecord): Bitmap | undefined {
    this.#forgetFormer();
    const entry = this.#entries.get(record);
    if (entry === undefined) {
      this.misses++;
      return undefined;
    }
    this.delete(record);
    if (!entry.stamp.isFresh) {
      this.misses++;
      return undefined;
    }
    this.#add(record, entry);
    this.hits++;
    return entry.result;
  }

  /** As `get`, without counting as use. */
  peek(record: AudienceRecord): Bitmap | undefined {
    const entry = this.#entries.get(record);
    return entry?.stamp.isFresh === true ? entry.result : undefined;
  }

  /** Keeps a result, which is not to be modified from now on, if it fits. `stamp` is of when it was begun. */
  put(record: AudienceRecord, result: Bitmap, stamp: Stamp): void {
    this.delete(record);
    const bytes = bitmapBytes(result);
    if (bytes > this.#maxBytes || !stamp.isFresh) return;
    this.#add(record, { result, stamp, bytes });
    for (const [oldest] of this.#entries) {
      if (this.#bytes <= this.#maxBytes) break;
      this.delete(oldest);
    }
  }

  delete(record: AudienceRecord): void {
    const entry = this.#entries.get(record);
    if (entry === undefined) return;
    this.#entries.delete(record);
    this.#bytes -= entry.bytes;
  }

  clear(): void {
    this.#entries.clear();
    this.#bytes = 0;
  }

  /** With other definitions nothing is fresh; records that are no more, and what they rest on, must not be kept in memory. */
  #forgetFormer(): void {
    const { version } = this.#store.audiences;
    if (version !== this.#audienceVersion) this.clear();
    this.#audienceVersion = version;
  }

  #add(record: AudienceRecord, entry: Entry): void {
    this.#entries.set(record, entry);
    this.#bytes += entry.bytes;
  }
}
