/**
 * The catalogue as attached readers see it: a log of JSON lines in shared memory, replayed by each reader into maps of its
 * own. CATALOG_VERSION is odd while the writer changes the log or recodes vectors, and readers wait; CATALOG_EPOCH tells
 * that the log began anew, which it does when most of it is outdated.
 */

import type { TagKind } from './column.js';
import { EnumColumn } from './enum-column.js';
import { NumberColumn } from './number-column.js';
import { Control, type SharedWorld } from './shared-memory.js';
import type { CatalogListener, Tag, TagCatalog } from './tag-catalog.js';

/** Bytes of one chunk of the log. */
const CHUNK_BITS = 16;
const CHUNK_MASK = (1 << CHUNK_BITS) - 1;
const REWRITE_AT_LEAST = 1 << 20;

type Entry =
  | { op: 'tag'; id: number; name: string; kind: TagKind; scale: number; values: [number, string][] }
  | { op: 'drop'; id: number }
  | { op: 'value'; id: number; code: number; value: string };

/** Writes the log. It costs nothing until the first reader is about to attach, when it is made. */
export class CatalogLogWriter implements CatalogListener {
  readonly #world: SharedWorld;
  readonly #catalog: TagCatalog;
  #length = 0;
  #lengthAfterRewrite = 0;

  constructor(world: SharedWorld, catalog: TagCatalog) {
    this.#world = world;
    this.#catalog = catalog;
    this.#rewrite();
  }

  changing(): void {
    const { control } = this.#world;
    if (Atomics.load(control, Control.CATALOG_VERSION) % 2 === 0)
      Atomics.add(control, Control.CATALOG_VERSION, 1);
  }

  tagChanged(tag: Tag): void {
    this.#append(entryOf(tag));
  }

  tagDropped(tag: Tag): void {
    this.#append({ op: 'drop', id: tag.id });
  }

  valueAdded(tagId: number, code: number, value: string): void {
    this.#append({ op: 'value', id: tagId, code, value });
  }

  #append(entry: Entry): void {
    this.changing();
    if (this.#length > REWRITE_AT_LEAST && this.#length > 2 * this.#lengthAfterRewrite) {
      this.#rewrite();
      return;
    }
    this.#write(entry);
    Atomics.store(this.#world.control, Control.CATALOG_LENGTH, this.#length);
    Atomics.add(this.#world.control, Control.CATALOG_VERSION, 1);
  }

  #rewrite(): void {
    this.changing();
    this.#length = 0;
    Atomics.add(this.#world.control, Control.CATALOG_EPOCH, 1);
    for (const tag of this.#catalog.all()) this.#write(entryOf(tag));
    this.#lengthAfterRewrite = this.#length;
    Atomics.store(this.#world.control, Control.CATALOG_LENGTH, this.#length);
    Atomics.add(this.#world.control, Control.CATALOG_VERSION, 1);
  }

  #write(entry: Entry): void {
    const bytes = Buffer.from(`${JSON.stringify(entry)}\n`);
    for (let done = 0; done < bytes.length; ) {
      const chunk = this.#length >>> CHUNK_BITS;
      const chunks = this.#world.lists.catalog;
      if (chunk === chunks.length) this.#world.grow('catalog', 1 << CHUNK_BITS);
      const target = new Uint8Array(chunks[chunk]!.buffer);
      const at = this.#length & CHUNK_MASK;
      const size = Math.min(bytes.length - done, target.length - at);
      target.set(bytes.subarray(done, done + size), at);
      done += size;
      this.#length += size;
    }
  }
}

function entryOf(tag: Tag): Entry {
  const { column } = tag;
  const values = column instanceof EnumColumn ? [...column.dictionary()] : [];
  const scale = column instanceof NumberColumn ? column.scale : 0;
  return { op: 'tag', id: tag.id, name: tag.name, kind: column.kind, scale, values };
}

/** What a reader knows of a tag. */
export interface SharedTag {
  readonly id: number;
  readonly name: string;
  readonly kind: TagKind;
  readonly scale: number;
  /** Enum: the value of each code. */
  readonly values: string[];
}

/** Replays the log. */
export class CatalogLogReader {
  readonly #world: SharedWorld;
  readonly #byName = new Map<string, SharedTag>();
  readonly #byId = new Map<number, SharedTag>();
  #version = -1;
  #epoch = -1;
  #read = 0;

  constructor(world: SharedWorld) {
    this.#world = world;
  }

  find(name: string): SharedTag | undefined {
    return this.#byName.get(name);
  }

  byId(id: number): SharedTag | undefined {
    return this.#byId.get(id);
  }

  /** Takes in what was written since the last call. Returns the version now known; the writer's may be ahead again. */
  refresh(): number {
    const { control } = this.#world;
    for (;;) {
      const version = Atomics.load(control, Control.CATALOG_VERSION);
      if (version === this.#version) return version;
      if (version % 2 !== 0) continue; // The writer is at it; it never waits for us.
      this.#world.refresh();
      const epoch = Atomics.load(control, Control.CATALOG_EPOCH);
      const length = Atomics.load(control, Control.CATALOG_LENGTH);
      const from = epoch === this.#epoch ? this.#read : 0;
      const text = this.#text(from, length);
      if (Atomics.load(control, Control.CATALOG_VERSION) !== version) continue;
      if (from === 0) {
        this.#byName.clear();
        this.#byId.clear();
      }
      for (const line of text.split('\n')) if (line !== '') this.#apply(JSON.parse(line) as Entry);
      this.#read = length;
      this.#epoch = epoch;
      this.#version = version;
      return version;
    }
  }

  #text(from: number, to: number): string {
    const bytes = Buffer.alloc(to - from);
    for (let at = from; at < to; ) {
      const chunk = this.#world.lists.catalog[at >>> CHUNK_BITS];
      if (chunk === undefined) return '';
      const start = at & CHUNK_MASK;
      const size = Math.min(to - at, (1 << CHUNK_BITS) - start);
      bytes.set(new Uint8Array(chunk.buffer, start, size), at - from);
      at += size;
    }
    return bytes.toString();
  }

  #apply(entry: Entry): void {
    if (entry.op === 'value') {
      this.#byId.get(entry.id)!.values[entry.code] = entry.value;
      return;
    }
    const old = this.#byId.get(entry.id);
    if (old !== undefined) this.#byName.delete(old.name);
    this.#byId.delete(entry.id);
    if (entry.op === 'drop') return;
    const values: string[] = [];
    for (const [code, value] of entry.values) values[code] = value;
    const tag: SharedTag = { id: entry.id, name: entry.name, kind: entry.kind, scale: entry.scale, values };
    this.#byName.set(tag.name, tag);
    this.#byId.set(tag.id, tag);
  }
}
