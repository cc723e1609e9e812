/**
 * The tags: name → tag, and the dense numbers by which vectors name them. A tag is *declared* (it keeps its kind and stays
 * when its last user leaves) or made by its first write (it follows what is written, and goes with its last user, unless a
 * saved audience uses it).
 */
import { SegmentdError } from '../errors.js';
import type { Column, ColumnImage, TagKind } from './column.js';
import { EnumColumn } from './enum-column.js';
import { FlagColumn } from './flag-column.js';
import { NumberColumn } from './number-column.js';
import { MAX_SCALE, quote } from './numbers.js';
import type { GiveBitmap, KeepBitmap } from './store-image.js';
import { UsageIndex } from './usage-index.js';

export const MAX_TAG_NAME_BYTES = 255;

/** One tag. `id` is the number by which vectors name it; it may be given to another tag once this one is dropped. */
export interface Tag {
  readonly id: number;
  readonly name: string;
  /** UTF-8 of the name. */
  readonly nameBytes: Uint8Array;
  readonly hash: number;
  declared: boolean;
  description: string;
  column: Column;
  /** The last `setTags` that named it, by its number: tells when one call names a tag twice. */
  round: number;
  /** Who wants to know of every write to it; undefined when nobody does. */
  watch: TagWatch | undefined;
}

/** Told of writes to a tag, also of those that change nothing. */
export interface TagWatch {
  /** `before` is the user's code before the write, or -1. */
  note(ordinal: number, before: number): void;
}

/** What a tag is declared to be. */
export interface TagDeclaration {
  readonly kind: TagKind;
  /** Numbers only: decimal digits behind the point, 0 (the default) to 9. */
  readonly scale?: number;
  readonly description?: string;
}

/** A tag as plain data; see store-image.ts. */
export interface TagImage {
  readonly id: number;
  readonly name: string;
  readonly declared: boolean;
  readonly description: string;
  readonly column: ColumnImage;
}

/** Told of every change that matters to somebody who reads vectors in another thread. */
export interface CatalogListener {
  /** Vectors are about to change in a way that only fits the catalogue after the next `tagChanged`. */
  changing(): void;
  tagChanged(tag: Tag): void;
  tagDropped(tag: Tag): void;
  valueAdded(tagId: number, code: number, value: string): void;
}

export interface CatalogOptions {
  readonly maxEnumValues: number;
  readonly strict: boolean;
}

export class TagCatalog {
  listener: CatalogListener | undefined;
  /** Counts up with every tag made, dropped or changed in kind. */
  version = 0;
  /** Which audiences use which tags, by name. A tag that is used stays, so that they go on meaning something. */
  readonly usage = new UsageIndex();
  readonly #options: CatalogOptions;
  readonly #byName = new Map<string, Tag>();
  readonly #byId: (Tag | undefined)[] = [];
  readonly #freeIds: number[] = [];
  readonly #watches = new Map<string, TagWatch>();
  /** Open addressing by hash of the name's bytes, for look-ups straight from an input buffer. */
  #table: (Tag | undefined)[] = new Array<Tag | undefined>(64);

  constructor(options: CatalogOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#byName.size;
  }

  /** One more than the greatest tag id in use. */
  get idLimit(): number {
    return this.#byId.length;
  }

  find(name: string): Tag | undefined {
    return this.#byName.get(name);
  }

  /** The tag whose name is bytes `start` to `end`. Makes no string. */
  findBytes(bytes: Uint8Array, start: number, end: number): Tag | undefined {
    const hash = hashName(bytes, start, end);
    const table = this.#table;
    const mask = table.length - 1;
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const tag = table[at];
      if (tag === undefined) return undefined;
      if (tag.hash === hash && equalBytes(tag.nameBytes, bytes, start, end)) return tag;
    }
  }

  byId(id: number): Tag | undefined {
    return this.#byId[id];
  }

  /** Every tag, oldest name first. */
  all(): Iterable<Tag> {
    return this.#byName.values();
  }

  /** The tag of this name, or an error that says how to get one. */
  require(name: string): Tag {
    const tag = this.#byName.get(name);
    if (tag === undefined) throw new SegmentdError('UNKNOWN_TAG', `there is no tag ${quote(name)}`);
    return tag;
  }

  /** Throws INVALID_TAG_NAME, or UNDECLARED_TAG in strict mode, if a tag of this name may not be made by a write. */
  checkNew(name: string): void {
    checkTagName(name);
    if (this.#options.strict) {
      throw new SegmentdError(
        'UNDECLARED_TAG',
        `tag ${quote(name)} is not declared and the catalog is strict: TAG.DECLARE it first`,
      );
    }
  }

  /** Makes a tag without users. The name must be free and valid. */
  create(name: string, declaration: TagDeclaration, declared: boolean): Tag {
    return this.#make(this.#freeIds.pop() ?? this.#byId.length, name, declaration, declared);
  }

  image(keep: KeepBitmap): TagImage[] {
    return [...this.all()].map(({ id, name, declared, description, column }) => {
      return { id, name, declared, description, column: column.image(keep) };
    });
  }

  /** Makes an empty catalogue what the image says. */
  restore(tags: readonly TagImage[], give: GiveBitmap): void {
    for (const { id, name, declared, description, column } of tags) {
      const declaration = { kind: column.kind, scale: column.scale, description };
      this.#make(id, name, declaration, declared).column.restore(column, give);
    }
    for (let id = 0; id < this.#byId.length; id++) if (this.#byId[id] === undefined) this.#freeIds.push(id);
  }

  #make(id: number, name: string, declaration: TagDeclaration, declared: boolean): Tag {
    const nameBytes = new TextEncoder().encode(name);
    const tag: Tag = {
      id,
      name,
      nameBytes,
      hash: hashName(nameBytes, 0, nameBytes.length),
      declared,
      description: declaration.description ?? '',
      column: this.createColumn(declaration),
      round: 0,
      watch: this.#watches.get(name),
    };
    this.exchange(tag, tag.column);
    this.#byName.set(name, tag);
    this.#byId[id] = tag;
    if (this.#byName.size * 2 > this.#table.length) this.#rebuildTable(this.#table.length * 2);
    else this.#addToTable(tag);
    this.changed(tag);
    return tag;
  }

  /** An empty column of the kind, which is no tag's yet. */
  createColumn({ kind, scale = 0 }: TagDeclaration): Column {
    if (kind === 'flag') return new FlagColumn();
    if (kind === 'number') return new NumberColumn(scale);
    return new EnumColumn(this.#options.maxEnumValues);
  }

  /** Gives the tag another column, whose new values are told to the listener from now on; `changed` tells those it has. */
  exchange(tag: Tag, column: Column): void {
    const former = tag.column;
    if (former instanceof EnumColumn) former.onValue = () => {};
    tag.column = column;
    if (column instanceof EnumColumn) {
      column.onValue = (code, value) => this.listener?.valueAdded(tag.id, code, value);
    }
  }

  /**
   * As `exchange` and `changed`, for a column of the same kind and scale, in which every code that both have means the same:
   * the listener is told only what is new.
   */
  succeed(tag: Tag, column: Column): void {
    const former = tag.column;
    this.exchange(tag, column);
    this.version++;
    if (this.listener === undefined || !(column instanceof EnumColumn && former instanceof EnumColumn))
      return;
    const known = new Map(former.dictionary());
    for (const [code, value] of column.dictionary()) {
      if (known.get(code) !== value) this.listener.valueAdded(tag.id, code, value);
    }
  }

  watchOf(name: string): TagWatch | undefined {
    return this.#watches.get(name);
  }

  /** Begins or ends telling of every write to the tag of a name, whether there is one yet or not. */
  setWatch(name: string, watch: TagWatch | undefined): void {
    if (watch === undefined) this.#watches.delete(name);
    else this.#watches.set(name, watch);
    const tag = this.#byName.get(name);
    if (tag !== undefined) tag.watch = watch;
  }

  /** To be called before vectors are recoded for another column; `changed` ends it. */
  changing(): void {
    this.listener?.changing();
  }

  /** To be called after a tag's column was exchanged. */
  changed(tag: Tag): void {
    this.version++;
    this.listener?.tagChanged(tag);
  }

  /** Takes out a tag that no vector names any more. */
  drop(tag: Tag): void {
    if (this.#byId[tag.id] !== tag) return;
    this.#byName.delete(tag.name);
    this.#byId[tag.id] = undefined;
    this.#freeIds.push(tag.id);
    this.#removeFromTable(tag);
    this.version++;
    this.listener?.tagDropped(tag);
  }

  /** Takes out a tag that nobody declared, has or uses. */
  dropIfUnused(tag: Tag): void {
    if (tag.declared || tag.column.count > 0 || this.usage.of(tag.name).size > 0) return;
    this.drop(tag);
  }

  #addToTable(tag: Tag): void {
    const mask = this.#table.length - 1;
    let at = tag.hash & mask;
    while (this.#table[at] !== undefined) at = (at + 1) & mask;
    this.#table[at] = tag;
  }

  /** Deletion from linear probing: what probed past the gap moves back into it (Knuth, TAOCP 3, 6.4, algorithm R). */
  #removeFromTable(tag: Tag): void {
    const table = this.#table;
    const mask = table.length - 1;
    let gap = table.indexOf(tag, tag.hash & mask);
    if (gap < 0) gap = table.indexOf(tag);
    table[gap] = undefined;
    for (let at = (gap + 1) & mask; table[at] !== undefined; at = (at + 1) & mask) {
      const home = table[at]!.hash & mask;
      if (((at - home) & mask) >= ((at - gap) & mask)) {
        table[gap] = table[at];
        table[at] = undefined;
        gap = at;
      }
    }
  }

  #rebuildTable(length: number): void {
    this.#table = new Array<Tag | undefined>(length).fill(undefined);
    for (const tag of this.#byName.values()) this.#addToTable(tag);
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const FORBIDDEN = /[=<>`\u0000-\u001f\u007f]/;

/** Throws INVALID_TAG_NAME unless the name is 1 to 255 bytes without `=`, `<`, `>`, backquote and control characters. */
export function checkTagName(name: string): void {
  const bytes = name.length * 3 <= MAX_TAG_NAME_BYTES ? name.length : Buffer.byteLength(name);
  if (bytes < 1 || bytes > MAX_TAG_NAME_BYTES) {
    throw new SegmentdError('INVALID_TAG_NAME', `a tag's name has 1 to 255 bytes, this one has ${bytes}`);
  }
  if (FORBIDDEN.test(name) || !name.isWellFormed()) {
    throw new SegmentdError(
      'INVALID_TAG_NAME',
      `tag name ${quote(name)}: \`=\`, \`<\`, \`>\`, backquote, control characters and broken UTF-8 are not allowed`,
    );
  }
}

/** Throws INVALID_ARGUMENT unless the declaration is sound. */
export function checkDeclaration(name: string, { kind, scale }: TagDeclaration): void {
  checkTagName(name);
  if (kind !== 'flag' && kind !== 'enum' && kind !== 'number') {
    throw new SegmentdError(
      'INVALID_ARGUMENT',
      `tag kind ${quote(String(kind))}: it is flag, enum or number`,
    );
  }
  if (scale === undefined) return;
  if (kind !== 'number')
    throw new SegmentdError('INVALID_ARGUMENT', `only numbers have a scale, not a ${kind}`);
  if (!Number.isInteger(scale) || scale < 0 || scale > MAX_SCALE) {
    throw new SegmentdError(
      'INVALID_ARGUMENT',
      `scale ${scale}: it is a whole number from 0 to ${MAX_SCALE}`,
    );
  }
}

/** FNV-1a (Fowler, Noll, Vo), 32 bits. */
function hashName(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5 | 0;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, 0x01000193);
  return hash ^ (hash >>> 15);
}

function equalBytes(name: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  const length = name.length;
  if (length !== end - start) return false;
  for (let i = 0; i < length; i++) if (name[i] !== bytes[start + i]) return false;
  return true;
}
