/**
 * What the engine's mutations mean, written to be obviously right rather than fast: one orientation only (tag → user →
 * text), from which everything else is read off. Users are named by the hexadecimal digits of their ids' bytes.
 */
import type { Mutation, TagDeclaration, TagKind, TagValue, UserId } from '../../src/index.js';
import type { AudienceMutation } from '../../src/mutation.js';
import { NaiveAudiences } from './naive-audiences.js';
import { Refusal, userKey } from './refusal.js';

/** A tag: what is known of it, and the value of each of its users as text. */
export interface NaiveTag {
  kind: TagKind;
  scale: number;
  declared: boolean;
  description: string;
  readonly cells: Map<string, string>;
}

const EXACT = 2n ** 52n;
const MAX_VALUE_BYTES = 16_384;

/** A store as a map of tags, each a map of users. */
export class NaiveStore {
  readonly tags = new Map<string, NaiveTag>();
  readonly audiences = new NaiveAudiences(this);
  readonly #options: { readonly strict: boolean; readonly maxEnumValues: number };
  /** What takes back the mutation at hand, last step first. */
  #undo: (() => void)[] = [];

  constructor(options: { readonly strict: boolean; readonly maxEnumValues: number }) {
    this.#options = options;
  }

  /** Applies a mutation and returns what the engine's `apply` returns; throws a Refusal and changes nothing. */
  apply(mutation: Mutation): number {
    this.#undo = [];
    try {
      const changed = this.#run(mutation);
      this.audiences.settle();
      return changed;
    } catch (error) {
      for (const takeBack of this.#undo.reverse()) takeBack();
      throw error;
    }
  }

  /** Every user who has at least one tag, with all tags and values. */
  users(): Map<string, Map<string, TagValue>> {
    const users = new Map<string, Map<string, TagValue>>();
    for (const [name, tag] of this.tags) {
      for (const [key, text] of tag.cells) {
        const known = users.get(key) ?? new Map<string, TagValue>();
        users.set(key, known.set(name, typedValue(tag, text)));
      }
    }
    return users;
  }

  /** Forgets the tags that nobody declared, has or uses. */
  forgetUnusedTags(): void {
    for (const [name, tag] of this.tags) {
      if (tag.cells.size === 0 && !tag.declared && !this.#isUsed(name)) this.tags.delete(name);
    }
  }

  /** The users who have a tag, or who have it with a value. */
  members(name: string, value?: TagValue): string[] {
    const tag = this.tags.get(name);
    if (tag === undefined) return [];
    const wanted = value === undefined ? undefined : textIfAny(tag, value);
    return [...tag.cells].filter(([, text]) => value === undefined || text === wanted).map(([key]) => key);
  }

  #run(mutation: Mutation): number {
    switch (mutation.type) {
      case 'setTags':
        return this.#setTags(mutation.user, mutation.tags, mutation.values);
      case 'removeTags': {
        const key = userKey(mutation.user);
        const had = new Set(mutation.tags.filter((name) => this.tags.get(name)?.cells.has(key)));
        for (const name of had) this.#put(name, key, undefined);
        return had.size;
      }
      case 'addUsers':
        return this.#addUsers(mutation.tag, mutation.value, mutation.users);
      case 'removeUsers': {
        const keys = new Set(mutation.users.map(userKey));
        const having = this.members(mutation.tag, mutation.value).filter((key) => keys.has(key));
        for (const key of having) this.#put(mutation.tag, key, undefined);
        return having.length;
      }
      case 'increment':
        this.#increment(mutation.user, mutation.tag, mutation.by);
        return 1;
      case 'eraseUser': {
        const key = userKey(mutation.user);
        const had = [...this.tags.keys()].filter((name) => this.tags.get(name)!.cells.has(key));
        for (const name of had) this.#put(name, key, undefined);
        return had.length > 0 ? 1 : 0;
      }
      case 'declareTag':
        this.#declare(mutation.tag, mutation.declaration);
        return 1;
      case 'dropTag':
        if (this.#isUsed(mutation.tag)) throw new Refusal('AUDIENCE_IN_USE');
        return this.tags.delete(mutation.tag) ? 1 : 0;
      case 'clearTag': {
        const members = this.members(mutation.tag);
        for (const key of members) this.#put(mutation.tag, key, undefined);
        return members.length;
      }
      case 'clear':
        this.tags.clear();
        this.audiences.clear();
        return 1;
      default:
        // Versions have a model of their own.
        return this.audiences.run(mutation as AudienceMutation);
    }
  }

  /** Does an audience use the tag? */
  #isUsed(name: string): boolean {
    return this.audiences.tagUsedBy(name).length > 0;
  }

  #setTags(user: UserId, names: readonly string[], values: readonly TagValue[]): number {
    const key = userKey(user);
    const texts = names.map((name, i) => this.#admit(name, values[i]!));
    const added = new Set(names.filter((name) => !this.tags.get(name)!.cells.has(key)));
    // Of a tag that is named twice, the last value counts.
    names.forEach((name, i) => {
      this.#put(name, key, texts[i]!);
    });
    return added.size;
  }

  #addUsers(name: string, value: TagValue | undefined, users: readonly UserId[]): number {
    const keys = [...new Set(users.map(userKey))];
    const known = this.tags.get(name);
    const wanted = value === undefined ? keys.filter((key) => known?.cells.has(key) !== true) : keys;
    if (wanted.length === 0) return 0;
    if (value === undefined && known?.declared && known.kind !== 'flag') throw new Refusal('INVALID_VALUE');
    const text = this.#admit(name, value ?? true);
    const changing = wanted.filter((key) => this.tags.get(name)!.cells.get(key) !== text);
    for (const key of changing) this.#put(name, key, text);
    return changing.length;
  }

  #increment(user: UserId, name: string, by: number): void {
    const key = userKey(user);
    if (!Number.isInteger(by)) throw new Refusal('NOT_AN_INTEGER');
    if (!this.tags.has(name)) this.#makeByWrite(name, 'number');
    const tag = this.tags.get(name)!;
    const text = tag.cells.get(key) ?? '0';
    if (tag.kind === 'number') {
      const sum = scaledOf(text, tag.scale) + BigInt(by) * 10n ** BigInt(tag.scale);
      if (sum > EXACT || sum < -EXACT) throw new Refusal('OUT_OF_RANGE');
      this.#put(name, key, decimalOf(sum, tag.scale));
      return;
    }
    if (!/^(0|-?[1-9]\d{0,18})$/.test(text)) throw new Refusal('NOT_AN_INTEGER');
    const sum = Number(text) + by;
    if (!Number.isSafeInteger(Number(text)) || !Number.isSafeInteger(sum)) throw new Refusal('OUT_OF_RANGE');
    this.#put(name, key, this.#admit(name, String(sum)));
  }

  #declare(name: string, { kind, scale, description }: TagDeclaration): void {
    checkName(name);
    if (scale !== undefined && (kind !== 'number' || scale < 0 || scale > 9 || !Number.isInteger(scale))) {
      throw new Refusal('INVALID_ARGUMENT');
    }
    const known = this.tags.get(name);
    if (known === undefined) {
      this.#make(name, kind);
      Object.assign(this.tags.get(name)!, { scale: scale ?? 0, declared: true });
    } else {
      const isWidened = known.kind === 'flag' && kind === 'enum';
      if (known.kind !== kind && !isWidened && this.#isUsed(name)) throw new Refusal('TAG_CONFLICT');
      const wanted = scale ?? (known.kind === kind ? known.scale : 0);
      if (known.kind !== kind || known.scale !== wanted) this.#convert(name, kind, wanted);
      known.declared = true;
    }
    if (description !== undefined) this.tags.get(name)!.description = description;
  }

  /** Makes the tag able to take the value, if anything can, and returns the value's text. */
  #admit(name: string, value: TagValue): string {
    const text = value === true ? '1' : String(value);
    if (!this.tags.has(name)) this.#makeByWrite(name, text === '1' ? 'flag' : 'enum');
    if (typeof value === 'number' && !Number.isFinite(value)) throw new Refusal('INVALID_VALUE');
    const tag = this.tags.get(name)!;
    const isFixed = tag.declared || (tag.kind === 'number' && this.#isUsed(name));
    if (!isFixed && tag.kind !== 'enum' && textIfAny(tag, value) !== text) {
      this.#convert(name, 'enum', 0);
    }
    if (tag.kind !== 'enum') return textOf(tag, value);
    const { maxEnumValues } = this.#options;
    if (tag.cells.size >= maxEnumValues) {
      const inUse = new Set(tag.cells.values());
      if (!inUse.has(text) && inUse.size >= maxEnumValues) throw new Refusal('TOO_MANY_VALUES');
    }
    if (Buffer.byteLength(text) > MAX_VALUE_BYTES) throw new Refusal('INVALID_VALUE');
    return text;
  }

  #makeByWrite(name: string, kind: TagKind): void {
    checkName(name);
    if (this.#options.strict) throw new Refusal('UNDECLARED_TAG');
    this.#make(name, kind);
  }

  #make(name: string, kind: TagKind): void {
    this.tags.set(name, { kind, scale: 0, declared: false, description: '', cells: new Map() });
    this.#undo.push(() => this.tags.delete(name));
  }

  #convert(name: string, kind: TagKind, scale: number): void {
    const tag = this.tags.get(name)!;
    const before = { kind: tag.kind, scale: tag.scale };
    const texts = new Map<string, string>();
    try {
      for (const text of tag.cells.values()) texts.set(text, textOf({ kind, scale }, text));
    } catch {
      throw new Refusal('TAG_CONFLICT');
    }
    const inUse = new Set(texts.values());
    if (kind === 'enum' && inUse.size > this.#options.maxEnumValues) throw new Refusal('TAG_CONFLICT');
    Object.assign(tag, { kind, scale });
    this.#undo.push(() => Object.assign(tag, before));
    for (const [key, text] of tag.cells) this.#put(name, key, texts.get(text)!);
  }

  /** Writes one cell, or takes it away; a tag that nobody declared or uses goes with its last user. */
  #put(name: string, key: string, text: string | undefined): void {
    const tag = this.tags.get(name)!;
    const before = tag.cells.get(key);
    this.#undo.push(() => {
      if (before === undefined) tag.cells.delete(key);
      else tag.cells.set(key, before);
    });
    if (text !== undefined) {
      tag.cells.set(key, text);
      return;
    }
    tag.cells.delete(key);
    if (tag.cells.size === 0 && !tag.declared && !this.#isUsed(name)) this.tags.delete(name);
  }
}

function checkName(name: string): void {
  const bytes = Buffer.byteLength(name);
  const forbidden = [...name].some((char) => '=<>`\u007f'.includes(char) || char < ' ');
  if (bytes < 1 || bytes > 255 || forbidden || !name.isWellFormed()) throw new Refusal('INVALID_TAG_NAME');
}

/** How the tag writes the value, so that equal values have equal texts. Throws a Refusal when it cannot hold it. */
function textOf({ kind, scale }: { kind: TagKind; scale: number }, value: TagValue): string {
  const text = value === true ? '1' : String(value);
  if (kind === 'enum') return text;
  if (kind === 'number') {
    return decimalOf(scaledOf(typeof value === 'number' ? plainDecimal(value) : text, scale), scale);
  }
  if (text !== '1') throw new Refusal('INVALID_VALUE');
  return text;
}

function textIfAny(tag: NaiveTag, value: TagValue): string | undefined {
  try {
    return textOf(tag, value);
  } catch {
    return undefined;
  }
}

function typedValue(tag: NaiveTag, text: string): TagValue {
  if (tag.kind === 'flag') return true;
  return tag.kind === 'enum' ? text : Number(text);
}

/** The shortest decimal that stands for the number, without an exponent. */
function plainDecimal(value: number): string {
  const [mantissa, exponent = '0'] = String(Math.abs(value)).split('e');
  const [whole, fraction = ''] = mantissa!.split('.');
  const point = whole!.length + Number(exponent);
  const digits = (whole! + fraction).padStart(whole!.length + fraction.length - Math.min(0, point), '0');
  const at = Math.max(0, point);
  const sign = value < 0 ? '-' : '';
  return `${sign}${digits.slice(0, at).padEnd(at, '0') || '0'}.${digits.slice(at)}0`;
}

/** Decimal text as an integer of the scale. */
function scaledOf(text: string, scale: number): bigint {
  const match = /^([+-]?)(\d+)(?:\.(\d+))?$/.exec(text);
  const fraction = match?.[3]?.replace(/0+$/, '') ?? '';
  if (match === null || text.length > 64 || fraction.length > scale) throw new Refusal('INVALID_VALUE');
  const magnitude = BigInt(match[2] + fraction.padEnd(scale, '0'));
  if (magnitude > EXACT) throw new Refusal('OUT_OF_RANGE');
  return match[1] === '-' ? -magnitude : magnitude;
}

function decimalOf(scaled: bigint, scale: number): string {
  const magnitude = scaled < 0n ? -scaled : scaled;
  const unit = 10n ** BigInt(scale);
  const fraction = String(magnitude % unit)
    .padStart(scale, '0')
    .replace(/0+$/, '');
  const sign = scaled < 0n ? '-' : '';
  return `${sign}${magnitude / unit}${fraction === '' ? '' : `.${fraction}`}`;
}
