import { SegmentdError } from '../errors.js';
import type { Bitmap } from './bitmap.js';
import type { Column, ColumnImage, TagValue } from './column.js';
import { type HeldBitmap, LiveBitmap } from './live-bitmap.js';
import { quote } from './numbers.js';
import type { Steps } from './steps.js';
import type { GiveBitmap, KeepBitmap } from './store-image.js';

/** A flag: one bitmap. The only code is 0. */
export class FlagColumn implements Column {
  readonly kind = 'flag';
  #members = new LiveBitmap();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  get version(): number {
    return this.#members.version;
  }

  add(ordinal: number): void {
    this.#members.add(ordinal);
    this.#count++;
  }

  remove(ordinal: number): void {
    this.#members.remove(ordinal);
    this.#count--;
  }

  change(): void {
    // There is only one code.
  }

  members(): Bitmap {
    return this.#members.now;
  }

  /** The users who have the flag, as they are now, until released. */
  hold(): HeldBitmap {
    return this.#members.hold();
  }

  codeFor(value: TagValue, tag: string): number {
    if (value === true || value === 1 || value === '1') return 0;
    throw new SegmentdError(
      'INVALID_VALUE',
      `tag ${quote(tag)} is a flag: it takes 1, or is removed, but is not ${quote(String(value))}`,
    );
  }

  existingCode(value: TagValue, tag: string): number {
    return this.codeFor(value, tag);
  }

  valueOf(): TagValue {
    return true;
  }

  textOf(): string {
    return '1';
  }

  holds(ordinal: number, code: number): boolean {
    return code === 0 && this.#members.has(ordinal);
  }

  audit(): { count: number; problems: string[] } {
    return { count: this.#members.size, problems: [] };
  }

  codeOf(ordinal: number): number {
    return this.#members.has(ordinal) ? 0 : -1;
  }

  fork(): FlagColumn {
    const fork = new FlagColumn();
    fork.#members = this.#members.fork();
    fork.#count = this.#count;
    return fork;
  }

  *exclude(users: Bitmap): Steps<void> {
    this.#members.removeAll(users);
    this.#count = this.#members.size;
    yield;
  }

  *include(other: FlagColumn): Steps<void> {
    this.#members.addAll(other.#members.now);
    this.#count = this.#members.size;
    yield;
  }

  dispose(): void {
    this.#members.dispose();
  }

  image(keep: KeepBitmap): ColumnImage {
    return { kind: this.kind, scale: 0, values: [], bitmaps: [keep(this.#members.now)] };
  }

  restore({ bitmaps }: ColumnImage, give: GiveBitmap): void {
    this.#members.adopt(give(bitmaps[0]!));
    this.#count = this.#members.size;
  }

  bytes(): number {
    return this.#members.bytes;
  }

  shrink(): void {
    this.#members.shrink();
  }

  compact(): void {
    this.#members.compact();
  }
}
