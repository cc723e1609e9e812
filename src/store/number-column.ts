import { BitSlices } from './bit-slices.js';
import type { Bitmap } from './bitmap.js';
import type { Column, ColumnImage, TagValue } from './column.js';
import { LiveBitmap } from './live-bitmap.js';
import { codeToNumber, formatScaled, numberToCode, parseScaled, unscale } from './numbers.js';
import { finish, type Steps } from './steps.js';
import type { GiveBitmap, KeepBitmap } from './store-image.js';

/** A column's numbers as they were when they were held. */
export interface HeldSlices {
  readonly slices: BitSlices;
  /** Ends it; the slices are not to be read any more. A second call does nothing. */
  release(): void;
}

/**
 * A number: a bit-sliced index. Bitmaps for existence, sign, and each bit of the magnitude, so that comparisons and sums
 * are bitmap algebra (O'Neil and Quass, "Improved query performance with variant indexes", SIGMOD 1997).
 */
export class NumberColumn implements Column {
  readonly kind = 'number';
  /** Decimal digits behind the point. */
  readonly scale: number;
  #exists = new LiveBitmap();
  #negative = new LiveBitmap();
  /** By bit, from the lowest. */
  #slices: LiveBitmap[] = [];
  #count = 0;
  #version = 0;

  constructor(scale: number) {
    this.scale = scale;
  }

  get count(): number {
    return this.#count;
  }

  get version(): number {
    return this.#version;
  }

  add(ordinal: number, code: number): void {
    this.#exists.add(ordinal);
    this.#count++;
    this.#version++;
    this.#flip(ordinal, 0, codeToNumber(code));
  }

  remove(ordinal: number, code: number): void {
    this.#exists.remove(ordinal);
    this.#count--;
    this.#version++;
    this.#flip(ordinal, codeToNumber(code), 0);
  }

  change(ordinal: number, from: number, to: number): void {
    if (from === to) return;
    this.#version++;
    this.#flip(ordinal, codeToNumber(from), codeToNumber(to));
  }

  members(): Bitmap {
    return this.#exists.now;
  }

  /** The numbers of all users, as they are now, until released. */
  hold(): HeldSlices {
    const [exists, negative, ...slices] = this.#bitmaps.map((bitmap) => bitmap.hold());
    return {
      slices: new BitSlices(
        exists!.bitmap,
        negative!.bitmap,
        slices.map(({ bitmap }) => bitmap),
      ),
      release: () => {
        for (const held of [exists!, negative!, ...slices]) held.release();
      },
    };
  }

  /** Users whose value has this code, as a new bitmap. */
  membersWith(code: number): Bitmap {
    const value = codeToNumber(code);
    return finish(this.#now.inRange(value, value));
  }

  codeFor(value: TagValue, tag: string): number {
    const number = value === true ? 1 : value;
    return numberToCode(parseScaled(number, this.scale, tag));
  }

  existingCode(value: TagValue, tag: string): number {
    return this.codeFor(value, tag);
  }

  valueOf(code: number): TagValue {
    return unscale(codeToNumber(code), this.scale);
  }

  textOf(code: number): string {
    return formatScaled(codeToNumber(code), this.scale);
  }

  holds(ordinal: number, code: number): boolean {
    return code >= 0 && this.codeOf(ordinal) === code;
  }

  codeOf(ordinal: number): number {
    if (!this.#exists.has(ordinal)) return -1;
    let magnitude = 0;
    for (let bit = 0; bit < this.#slices.length; bit++) {
      if (this.#slices[bit]!.has(ordinal)) magnitude += 2 ** bit;
    }
    return numberToCode(this.#negative.has(ordinal) ? -magnitude : magnitude);
  }

  fork(): NumberColumn {
    const fork = new NumberColumn(this.scale);
    fork.#exists = this.#exists.fork();
    fork.#negative = this.#negative.fork();
    fork.#slices = this.#slices.map((slice) => slice.fork());
    fork.#count = this.#count;
    return fork;
  }

  *exclude(users: Bitmap): Steps<void> {
    this.#version++;
    for (const bitmap of this.#bitmaps) {
      bitmap.removeAll(users);
      yield;
    }
    this.#count = this.#exists.size;
  }

  *include(other: NumberColumn): Steps<void> {
    this.#version++;
    if (other.#slices.length > 0) this.#slice(other.#slices.length - 1);
    for (const [i, bitmap] of other.#bitmaps.entries()) {
      this.#bitmaps[i]!.addAll(bitmap.now);
      yield;
    }
    this.#count = this.#exists.size;
  }

  /** Existence, sign, and the slices by bit, from the lowest. To be read at once. */
  parts(): Bitmap[] {
    return this.#bitmaps.map((bitmap) => bitmap.now);
  }

  dispose(): void {
    for (const bitmap of this.#bitmaps) bitmap.dispose();
  }

  audit(): { count: number; problems: string[] } {
    const problems: string[] = [];
    for (const [name, bitmap] of [['sign', this.#negative] as const, ...this.#slices.entries()]) {
      if (!bitmap.now.isSubset(this.#exists.now))
        problems.push(`slice ${name} holds users who have no value`);
    }
    return { count: this.#exists.size, problems };
  }

  image(keep: KeepBitmap): ColumnImage {
    const bitmaps = this.#bitmaps.map((bitmap) => keep(bitmap.now));
    return { kind: this.kind, scale: this.scale, values: [], bitmaps };
  }

  restore({ bitmaps }: ColumnImage, give: GiveBitmap): void {
    if (bitmaps.length > 2) this.#slice(bitmaps.length - 3);
    for (const [i, bitmap] of this.#bitmaps.entries()) bitmap.adopt(give(bitmaps[i]!));
    this.#count = this.#exists.size;
  }

  bytes(): number {
    return this.#bitmaps.reduce((bytes, bitmap) => bytes + bitmap.bytes, 0);
  }

  shrink(): void {
    for (const bitmap of this.#bitmaps) bitmap.shrink();
  }

  compact(): void {
    for (const bitmap of this.#bitmaps) bitmap.compact();
  }

  get #bitmaps(): LiveBitmap[] {
    return [this.#exists, this.#negative, ...this.#slices];
  }

  /** To be used at once. */
  get #now(): BitSlices {
    return new BitSlices(
      this.#exists.now,
      this.#negative.now,
      this.#slices.map((slice) => slice.now),
    );
  }

  /** Touches only the slices in which the two values differ. */
  #flip(ordinal: number, from: number, to: number): void {
    if (from < 0 !== to < 0) {
      if (to < 0) this.#negative.add(ordinal);
      else this.#negative.remove(ordinal);
    }
    let a = Math.abs(from);
    let b = Math.abs(to);
    for (let bit = 0; a !== b; bit++) {
      const aBit = a % 2;
      const bBit = b % 2;
      if (aBit !== bBit) {
        if (bBit === 1) this.#slice(bit).add(ordinal);
        else this.#slice(bit).remove(ordinal);
      }
      a = (a - aBit) / 2;
      b = (b - bBit) / 2;
    }
  }

  #slice(bit: number): LiveBitmap {
    while (this.#slices.length <= bit) this.#slices.push(new LiveBitmap());
    return this.#slices[bit]!;
  }
}
