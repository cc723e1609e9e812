/**
 * What users have of tags, in the form of bodies: certain tags, or all that a user has. As JSON it is put together from texts
 * that are made once for each tag and for each value of an enum, because the same ones are asked for again and again.
 */
import type { Engine, Selection, TagValue } from '../../../src/index.js';
import type { Column } from '../../../src/store/column.js';
import type { Tag } from '../../../src/store/tag-catalog.js';

/** Reads tags of one user after the other, by the addresses of their records; 0 is nobody's. */
export interface TagReader {
  /** `{"age":39,"vip":null}` */
  json(address: number): string;
  object(address: number): Record<string, TagValue | null>;
}

/** Certain tags: null for those that a user does not have, and those that there are not. */
export class ChosenTags implements TagReader {
  readonly #selection: Selection;
  readonly #names: readonly string[];
  /** Each name as JSON, with what is before and behind it. */
  readonly #keys: readonly string[];
  readonly #missing: readonly string[];
  /** The tags for which `#texts` are. */
  #tags: readonly (Tag | undefined)[] = [];
  #texts: (ValueTexts | undefined)[] = [];

  constructor(engine: Engine, names: readonly string[]) {
    this.#names = [...new Set(names)];
    this.#selection = engine.select(this.#names);
    this.#keys = this.#names.map((name, i) => `${i === 0 ? '' : ','}${JSON.stringify(name)}:`);
    this.#missing = this.#keys.map((key) => `${key}null`);
  }

  json(address: number): string {
    const selection = this.#selection;
    selection.read(address);
    const { codes, tags } = selection;
    if (tags !== this.#tags) this.#prepare(tags);
    const keys = this.#keys;
    const missing = this.#missing;
    const texts = this.#texts;
    let text = '{';
    for (let i = 0; i < keys.length; i++) {
      const code = codes[i]!;
      text += code < 0 ? missing[i]! : keys[i]! + texts[i]!.of(code);
    }
    return `${text}}`;
  }

  object(address: number): Record<string, TagValue | null> {
    const selection = this.#selection;
    selection.read(address);
    const { codes, tags } = selection;
    return Object.fromEntries(
      this.#names.map((name, i) => [name, codes[i]! < 0 ? null : tags[i]!.column.valueOf(codes[i]!)]),
    );
  }

  #prepare(tags: readonly (Tag | undefined)[]): void {
    this.#texts = tags.map((tag) => (tag === undefined ? undefined : textsOf(tag.column)));
    this.#tags = tags;
  }
}

/** All tags that a user has. */
export class AllTags implements TagReader {
  readonly #engine: Engine;
  /** By the tag's id; of another tag or column, if that had the id before. */
  readonly #known: KnownTag[] = [];

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  json(address: number): string {
    if (address === 0) return '{}';
    const { store } = this.#engine;
    const { count, tags, codes } = store.cellsAt(address);
    let text = '{';
    for (let i = 0; i < count; i++) {
      const tag = store.catalog.byId(tags[i]!)!;
      let known = this.#known[tag.id];
      if (known?.tag !== tag || known.column !== tag.column) known = this.#learn(tag);
      text += (i === 0 ? known.firstKey : known.key) + known.texts.of(codes[i]!);
    }
    return `${text}}`;
  }

  object(address: number): Record<string, TagValue> {
    if (address === 0) return {};
    const { store } = this.#engine;
    const { count, tags, codes } = store.cellsAt(address);
    const entries: [string, TagValue][] = [];
    for (let i = 0; i < count; i++) {
      const { name, column } = store.catalog.byId(tags[i]!)!;
      entries.push([name, column.valueOf(codes[i]!)]);
    }
    return Object.fromEntries(entries);
  }

  #learn(tag: Tag): KnownTag {
    const firstKey = `${JSON.stringify(tag.name)}:`;
    const { column } = tag;
    const known = { tag, column, firstKey, key: `,${firstKey}`, texts: textsOf(column) };
    this.#known[tag.id] = known;
    return known;
  }
}

interface KnownTag {
  readonly tag: Tag;
  readonly column: Column;
  readonly firstKey: string;
  readonly key: string;
  readonly texts: ValueTexts;
}

/** Values of one column whose texts are kept: enough for most enums, and for the numbers that come again and again. */
const KEPT = 512;
/** Characters of a text that is kept. */
const MAX_KEPT_LENGTH = 256;

/** The values of one column as JSON. */
interface ValueTexts {
  of(code: number): string;
}

const flagTexts: ValueTexts = { of: () => 'true' };

class KeptTexts implements ValueTexts {
  readonly #column: Column;
  /** By the last bits of the code: a value, and its text. */
  readonly #values: TagValue[] = [];
  readonly #texts: string[] = [];

  constructor(column: Column) {
    this.#column = column;
  }

  of(code: number): string {
    const value = this.#column.valueOf(code);
    const place = code & (KEPT - 1);
    if (this.#values[place] === value) return this.#texts[place]!;
    const text = JSON.stringify(value);
    if (text.length <= MAX_KEPT_LENGTH) {
      this.#values[place] = value;
      this.#texts[place] = text;
    }
    return text;
  }
}

const textsOfColumns = new WeakMap<Column, ValueTexts>();

function textsOf(column: Column): ValueTexts {
  if (column.kind === 'flag') return flagTexts;
  let texts = textsOfColumns.get(column);
  if (texts === undefined) {
    texts = new KeptTexts(column);
    textsOfColumns.set(column, texts);
  }
  return texts;
}
