/** What is different between two columns of a tag, from their bitmaps alone; in steps. */
import { type Bitmap, bitmapOf, bothOf, differenceOf, eitherOf } from './bitmap.js';
import type { Column } from './column.js';
import { EnumColumn } from './enum-column.js';
import { NumberColumn } from './number-column.js';
import { numberToCode } from './numbers.js';
import type { PendingCodes } from './pending-cells.js';
import type { Steps } from './steps.js';

/** Users, as new bitmaps that have none in common. */
export interface ColumnDifference {
  /** Who has the tag now and had not. */
  readonly entered: Bitmap;
  /** Who had it and has not. */
  readonly left: Bitmap;
  /** Who has another value. Of columns of different kinds or scales: all who are in both. */
  readonly changed: Bitmap;
}

/** Ordinals of one step. */
const CHUNK = 16_384;

/** Who is different in `to` from what `from` says. Neither must change until the end. */
export function* differenceBetween(from: Column, to: Column): Steps<ColumnDifference> {
  if (from instanceof EnumColumn && to instanceof EnumColumn) return yield* ofEnums(from, to);
  const [before, after] = [from.members(), to.members()];
  const entered = differenceOf(after, before);
  yield;
  const left = differenceOf(before, after);
  yield;
  if (from.kind === 'flag' && to.kind === 'flag') return { entered, left, changed: bitmapOf() };
  const changed = bothOf(before, after);
  if (from instanceof NumberColumn && to instanceof NumberColumn && from.scale === to.scale) {
    changed.andInPlace(yield* whoseNumbersDiffer(from, to));
  }
  return { entered, left, changed };
}

/** Adds everybody in a column to `users`. Of those who are written to meanwhile, anything may be found. */
export function* membersOf(column: Column, users = bitmapOf()): Steps<Bitmap> {
  if (!(column instanceof EnumColumn)) return users.orInPlace(column.members());
  for (const { value } of [...column.values()]) {
    users.orInPlace(column.membersWith(value) ?? []);
    yield;
  }
  return users;
}

function* ofEnums(from: EnumColumn, to: EnumColumn): Steps<ColumnDifference> {
  const [arrived, departed] = [yield* whoMoved(from, to), yield* whoMoved(to, from)];
  return {
    entered: differenceOf(arrived, departed),
    left: differenceOf(departed, arrived),
    changed: bothOf(arrived, departed),
  };
}

/** Who has a value in `to` and not the same in `from`. */
function* whoMoved(from: EnumColumn, to: EnumColumn): Steps<Bitmap> {
  const moved = bitmapOf();
  for (const { value } of to.values()) {
    const [before, after] = [from.membersWith(value), to.membersWith(value)!];
    if (before === after) continue;
    moved.orInPlace(before === undefined ? after : differenceOf(after, before));
    yield;
  }
  return moved;
}

function* whoseNumbersDiffer(from: NumberColumn, to: NumberColumn): Steps<Bitmap> {
  const differ = bitmapOf();
  const [before, after] = [from.parts(), to.parts()];
  for (let i = 0; i < Math.max(before.length, after.length); i++) {
    const [a, b] = [before[i], after[i]];
    if (a === b) continue;
    differ.orInPlace(a === undefined ? b! : b === undefined ? a : eitherOf(a, b));
    yield;
  }
  return differ;
}

/** The codes in `to` of all who are different. */
export function* codesOf(to: Column, { entered, left, changed }: ColumnDifference): Steps<PendingCodes> {
  const having = entered.clone().orInPlace(changed);
  const users = having.clone().orInPlace(left);
  yield;
  if (to.kind === 'flag') return { users, codeOf: (ordinal) => (having.has(ordinal) ? 0 : -1) };
  const ordinals = yield* ordinalsOf(having);
  const codes = new Float64Array(ordinals.length);
  if (to instanceof EnumColumn) {
    for (const { value, code } of to.values()) {
      for (const index of yield* placesOf(bothOf(to.membersWith(value)!, having), ordinals)) {
        codes[index] = code;
      }
    }
  } else if (to instanceof NumberColumn) {
    const [, negative, ...slices] = to.parts();
    for (const [bit, slice] of slices.entries()) {
      for (const index of yield* placesOf(bothOf(slice, having), ordinals)) codes[index]! += 2 ** bit;
    }
    for (const index of yield* placesOf(bothOf(negative!, having), ordinals)) codes[index] = -codes[index]!;
    for (let i = 0; i < codes.length; i++) {
      codes[i] = numberToCode(codes[i]!);
      if (i % CHUNK === 0) yield;
    }
  }
  return { users, codeOf: (ordinal) => codeIn(ordinals, codes, ordinal) };
}

function codeIn(ordinals: Uint32Array, codes: Float64Array, ordinal: number): number {
  const at = placeOf(ordinals, ordinal, 0);
  return ordinals[at] === ordinal ? codes[at]! : -1;
}

/** Where an ordinal is, or where it would have to be inserted. */
function placeOf(ordinals: Uint32Array, ordinal: number, from: number): number {
  let low = from;
  let high = ordinals.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ordinals[middle]! < ordinal) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The places that a bitmap's ordinals, which are all there, have among others. */
function* placesOf(bitmap: Bitmap, ordinals: Uint32Array): Steps<Uint32Array> {
  const places = yield* ordinalsOf(bitmap);
  let next = 0;
  for (let i = 0; i < places.length; i++) {
    // Most often it is near; a bitmap of few among many would be walked for nothing.
    const near = Math.min(next + 8, ordinals.length);
    while (next < near && ordinals[next]! < places[i]!) next++;
    if (ordinals[next] !== places[i]) next = placeOf(ordinals, places[i]!, next);
    places[i] = next++;
    if (i % CHUNK === 0) yield;
  }
  return places;
}

/** A bitmap as an array, in order. */
export function* ordinalsOf(bitmap: Bitmap): Steps<Uint32Array> {
  const ordinals = new Uint32Array(bitmap.size);
  for (let at = 0; at < ordinals.length; at += CHUNK) {
    const size = Math.min(CHUNK, ordinals.length - at);
    bitmap.rangeUint32Array(ordinals.subarray(at, at + size), at, size);
    yield;
  }
  return ordinals;
}
