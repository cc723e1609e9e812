import { SegmentdError } from '../errors.js';
import { type Bitmap, unionOf } from './bitmap.js';
import type { Column, TagValue } from './column.js';
import { type HeldBitmap, LiveBitmap } from './live-bitmap.js';
import { quote } from './numbers.js';

/** Longest value, in bytes of UTF-8. */
export const MAX_VALUE_BYTES = 16_384;

/** Called when a value gets its code, so that attached readers learn of it. */
export type OnValue = (code: number, value: string) => void;

/**
 * An enum: a dictionary of values and a bitmap of users for each. A user has at most one value. The code of a value that
 * nobody has any more is given to the next new value.
 */
export class EnumColumn implements Column {
  readonly kind = 'enum';
  readonly #maxValues: number;
  readonly #onValue: OnValue;
  readonly #codes = new Map<string, number>();
  /** By code; undefined for a code that is free. */
  readonly #values: (string | undefined)[] = [];
  /** UTF-8 of the values that somebody has read. */
  readonly #bytes: (Uint8Array | undefined)[] = [];
  readonly #bitmaps: (LiveBitmap | undefined)[] = [];
  readonly #counts: number[] = [];
  readonly #free: number[] = [];
  #count = 0;
  #version = 0;
  #dictionaryVersion = 0;

  constructor(maxValues: number, onValue: OnValue) {
    this.#maxValues = maxValues;
    this.#onValue = onValue;
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
    const code = this.#free.pop() ?? this.#values.length;
    this.#codes.set(text, code);
    this.#values[code] = text;
    this.#bitmaps[code] = new LiveBitmap();
    this.#counts[code] = 0;
    this.#dictionaryVersion++;
    this.#onValue(code, text);
    return code;
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

  #forget(code: number): void {
    this.#codes.delete(this.#values[code]!);
    this.#values[code] = undefined;
    this.#bytes[code] = undefined;
    this.#bitmaps[code] = undefined;
    this.#free.push(code);
    this.#dictionaryVersion++;
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
