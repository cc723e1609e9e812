import { SegmentdError } from '../errors.js';
import { type Bitmap, unionOf } from './bitmap.js';
import type { Column, ColumnImage, TagValue } from './column.js';
import { type HeldBitmap, LiveBitmap } from './live-bitmap.js';
import { quote } from './numbers.js';
import type { Steps } from './steps.js';
import type { GiveBitmap, KeepBitmap } from './store-image.js';

/** Longest value, in bytes of UTF-8. */
export const MAX_VALUE_BYTES = 16_384;

/** Called when a value gets its code, so that attached readers learn of it. */
export type OnValue = (code: number, value: string) => void;

const tellNobody: OnValue = () => {};

/**
 * An enum: a dictionary of values and a bitmap of users for each. A user has at most one value. The code of a value that
 * nobody has any more is given to the next new value.
 */
export class EnumColumn implements Column {
  readonly kind = 'enum';
  readonly #maxValues: number;
  /** Of the column that is a tag's; others are nobody's business. */
  onValue: OnValue;
  #codes = new Map<string, number>();
  /** By code; undefined for a code that is free. */
  #values: (string | undefined)[] = [];
  /** UTF-8 of the values that somebody has read. */
  #bytes: (Uint8Array | undefined)[] = [];
  #bitmaps: (LiveBitmap | undefined)[] = [];
  #counts: number[] = [];
  #free: number[] = [];
  /** Values that nobody has, whose codes must not get another meaning yet, because there may be vectors with them. */
  #parked: Map<string, number> | undefined;
  #count = 0;
  #version = 0;
  #dictionaryVersion = 0;

  constructor(maxValues: number, onValue = tellNobody) {
    this.#maxValues = maxValues;
    this.onValue = onValue;
  }

  get count(): number {
    return this.#count;
  }

  get version(): number {
    return this.#version;
  }

  /** Counts the values that got or lost their code. */
  get dictionaryVersion(): number {
    return this.#dictionaryVersion;
  }

  /** Different values in use. */
  get valueCount(): number {
    return this.#codes.size;
  }

  /** The values in use, with the number of users of each, the oldest first. */
  *values(): Iterable<{ value: string; code: number; count: number }> {
    for (const [value, code] of this.#codes) yield { value, code, count: this.#counts[code]! };
  }

  /** Users who have `value`; the column's own bitmap, or undefined when nobody has. Read it at once. */
  membersWith(value: string): Bitmap | undefined {
    const code = this.#codes.get(value);
    return code === undefined ? undefined : this.#bitmaps[code]!.now;
  }

  /** The users who have `value`, as they are now, until released; undefined when nobody has it. */
  hold(value: string): HeldBitmap | undefined {
    const code = this.#codes.get(value);
    return code === undefined ? undefined : this.#bitmaps[code]!.hold();
  }

  /** The users of every value, as they are now, until released. */
  holdAll(): HeldBitmap[] {
    return this.#live.map((bitmap) => bitmap.hold());
  }

  countOf(value: string): number {
    const code = this.#codes.get(value);
    return code === undefined ? 0 : this.#counts[code]!;
  }

  add(ordinal: number, code: number): void {
    this.#bitmaps[code]!.add(ordinal);
    this.#counts[code]!++;
    this.#count++;
    this.#version++;
  }

  remove(ordinal: number, code: number): void {
    this.#bitmaps[code]!.remove(ordinal);
    this.#count--;
    this.#version++;
    if (--this.#counts[code]! === 0) this.#forget(code);
  }

  change(ordinal: number, from: number, to: number): void {
    if (from === to) return;
    this.add(ordinal, to);
    this.remove(ordinal, from);
  }

  members(): Bitmap {
    return unionOf(this.#live.map((bitmap) => bitmap.now));
  }

  codeFor(value: TagValue, tag: string): number {
    const text = textOfValue(value);
    const known = this.#codes.get(text);
    if (known !== undefined) return known;
    this.#checkNew(text, tag);
    return this.#assign(text);
  }

  existingCode(value: TagValue, tag: string): number {
    const text = textOfValue(value);
    const code = this.#codes.get(text);
    if (code === undefined) this.#checkNew(text, tag);
    return code ?? -1;
  }

  /** Takes back a code that was made and then not used. */
  discard(code: number): void {
    if (this.#counts[code] === 0 && this.#values[code] !== undefined) this.#forget(code);
  }

  valueOf(code: number): TagValue {
    return this.textOf(code);
  }

  textOf(code: number): string {
    return this.#values[code]!;
  }

  /** The value as UTF-8. */
  bytesOf(code: number): Uint8Array {
    const known = this.#bytes[code];
    if (known !== undefined) return known;
    const bytes = Buffer.from(this.#values[code]!);
    this.#bytes[code] = bytes;
    return bytes;
  }

  holds(ordinal: number, code: number): boolean {
    return this.#values[code] !== undefined && this.#bitmaps[code]!.has(ordinal);
  }

  audit(): { count: number; problems: string[] } {
    const problems: string[] = [];
    let count = 0;
    for (const [value, code] of this.#codes) {
      const size = this.#bitmaps[code]!.size;
      if (size !== this.#counts[code]) {
        problems.push(`value ${quote(value)} counts ${this.#counts[code]} users, its bitmap ${size}`);
      }
      count += size;
    }
    return { count, problems };
  }

  codeOf(ordinal: number): number {
    return this.#bitmaps.findIndex((bitmap) => bitmap?.has(ordinal) === true);
  }

  /** As any fork; and in it no code gets another meaning until `unpark`. */
  fork(): EnumColumn {
    const fork = new EnumColumn(this.#maxValues);
    fork.#codes = new Map(this.#codes);
    fork.#values = [...this.#values];
    fork.#bytes = [...this.#bytes];
    fork.#bitmaps = this.#bitmaps.map((bitmap) => bitmap?.fork());
    fork.#counts = [...this.#counts];
    fork.#free = [...this.#free];
    fork.#parked = new Map(this.#parked);
    fork.#count = this.#count;
    return fork;
  }

  /**
   * As `fork`, with the codes that `other` has for the values that both have, and for the rest codes that mean nothing there.
   */
  forkAs(other: EnumColumn): EnumColumn {
    const fork = new EnumColumn(this.#maxValues);
    const free = [...other.#free];
    const parked = new Map(other.#parked);
    let next = other.#values.length;
    for (const [value, code] of this.#codes) {
      const same = other.#codes.get(value) ?? parked.get(value) ?? free.pop() ?? next++;
      parked.delete(value);
      fork.#codes.set(value, same);
      fork.#values[same] = value;
      fork.#bytes[same] = this.#bytes[code];
      fork.#bitmaps[same] = this.#bitmaps[code]!.fork();
      fork.#counts[same] = this.#counts[code]!;
    }
    for (const [value, code] of other.#codes) if (!fork.#codes.has(value)) parked.set(value, code);
    for (let code = 0; code < next; code++) {
      if (fork.#values[code] !== undefined) continue;
      fork.#values[code] = undefined;
      fork.#bitmaps[code] = undefined;
    }
    fork.#free = free;
    fork.#parked = parked;
    fork.#count = this.#count;
    return fork;
  }

  /** To be called when no vector has a code any more that nobody has. */
  unpark(): void {
    for (const code of this.#parked?.values() ?? []) this.#free.push(code);
    this.#parked = undefined;
  }

  /** Every code that a vector may have, with its value. */
  *dictionary(): Iterable<[code: number, value: string]> {
    for (const [value, code] of this.#codes) yield [code, value];
    for (const [value, code] of this.#parked ?? []) yield [code, value];
  }

  *exclude(users: Bitmap): Steps<void> {
    for (const code of [...this.#codes.values()]) {
      this.#bitmaps[code]!.removeAll(users);
      this.#recount(code);
      yield;
    }
  }

  *include(other: EnumColumn, tag: string): Steps<void> {
    for (const [value, code] of other.#codes) {
      const own = this.codeFor(value, tag);
      this.#bitmaps[own]!.addAll(other.#bitmaps[code]!.now);
      this.#recount(own);
      yield;
    }
  }

  dispose(): void {
    for (const bitmap of this.#live) bitmap.dispose();
  }

  image(keep: KeepBitmap): ColumnImage {
    const codes = [...this.#codes];
    return {
      kind: this.kind,
      scale: 0,
      values: codes.map(([value, code]) => [code, value]),
      bitmaps: codes.map(([, code]) => keep(this.#bitmaps[code]!.now)),
    };
  }

  restore({ values, bitmaps }: ColumnImage, give: GiveBitmap): void {
    for (const [i, [code, value]] of values.entries()) {
      const members = new LiveBitmap();
      members.adopt(give(bitmaps[i]!));
      this.#codes.set(value, code);
      this.#values[code] = value;
      this.#bitmaps[code] = members;
      this.#counts[code] = members.size;
      this.#count += members.size;
    }
    for (let code = 0; code < this.#values.length; code++) {
      if (this.#values[code] === undefined) this.#free.push(code);
    }
  }

  bytes(): number {
    let bytes = 0;
    for (const bitmap of this.#live) bytes += bitmap.bytes;
    return bytes;
  }

  /** Memory of the bitmap of one value, in bytes; 0 when nobody has it. */
  memoryOf(value: string): number {
    const code = this.#codes.get(value);
    return code === undefined ? 0 : this.#bitmaps[code]!.bytes;
  }

  shrink(): void {
    for (const bitmap of this.#live) bitmap.shrink();
  }

  compact(): void {
    for (const bitmap of this.#live) bitmap.compact();
  }

  /** The bitmaps of the codes in use. */
  get #live(): LiveBitmap[] {
    return this.#bitmaps.filter((bitmap) => bitmap !== undefined);
  }

  /** Gives a value its code. */
  #assign(text: string): number {
    const parked = this.#parked?.get(text);
    const code = parked ?? this.#free.pop() ?? this.#values.length;
    this.#parked?.delete(text);
    this.#codes.set(text, code);
    this.#values[code] = text;
    this.#bitmaps[code] = new LiveBitmap();
    this.#counts[code] = 0;
    this.#dictionaryVersion++;
    this.onValue(code, text);
    return code;
  }

  #forget(code: number): void {
    const text = this.#values[code]!;
    this.#codes.delete(text);
    this.#values[code] = undefined;
    this.#bytes[code] = undefined;
    this.#bitmaps[code] = undefined;
    if (this.#parked === undefined) this.#free.push(code);
    else this.#parked.set(text, code);
    this.#dictionaryVersion++;
  }

  /** Takes in that a bitmap was changed as a whole. */
  #recount(code: number): void {
    const count = this.#bitmaps[code]!.size;
    if (count === this.#counts[code] && count > 0) return;
    this.#count += count - this.#counts[code]!;
    this.#counts[code] = count;
    this.#version++;
    if (count === 0) this.#forget(code);
  }

  #checkNew(text: string, tag: string): void {
    if (this.#codes.size >= this.#maxValues) {
      throw new SegmentdError(
        'TOO_MANY_VALUES',
        `tag ${quote(tag)} already has ${this.#maxValues} values; raise max-enum-values, or declare it as a number`,
      );
    }
    if (text.length * 3 > MAX_VALUE_BYTES && Buffer.byteLength(text) > MAX_VALUE_BYTES) {
      throw new SegmentdError(
        'INVALID_VALUE',
        `a value of tag ${quote(tag)} has ${Buffer.byteLength(text)} bytes; at most ${MAX_VALUE_BYTES} are allowed`,
      );
    }
  }
}

/** A value as the text an enum stores. */
export function textOfValue(value: TagValue): string {
  return value === true ? '1' : String(value);
}
