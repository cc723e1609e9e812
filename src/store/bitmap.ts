/**
 * Compressed bitmaps of ordinals. The only file that imports `roaring`, so that another implementation, or
 * another version of this one, is a change in one place.
 */
import roaring from 'roaring';

const { RoaringBitmap32 } = roaring;

/** A set of ordinals (unsigned 32-bit), compressed. Belongs to the thread that made it. */
export type Bitmap = roaring.RoaringBitmap32;

/** A new bitmap that holds `ordinals` (any order, repeats allowed). */
export function bitmapOf(ordinals: Iterable<number> = []): Bitmap {
  return new RoaringBitmap32(ordinals);
}

/** The bitmap's bytes, in the portable form of the roaring format. */
export function bytesOfBitmap(bitmap: Bitmap): Uint8Array {
  return bitmap.serialize('portable');
}

/** The bitmap of such bytes, which we wrote ourselves: not for what comes from outside. */
export function bitmapFrom(bytes: Uint8Array): Bitmap {
  return RoaringBitmap32.deserialize(bytes, 'portable');
}

/** The union of any number of bitmaps, as a new bitmap. */
export function unionOf(bitmaps: readonly Bitmap[]): Bitmap {
  if (bitmaps.length === 0) return new RoaringBitmap32();
  if (bitmaps.length === 1) return bitmaps[0]!.clone();
  if (bitmaps.length === 2) return RoaringBitmap32.or(bitmaps[0]!, bitmaps[1]!);
  return RoaringBitmap32.orMany(bitmaps as Bitmap[]);
}

/** The intersection of one or more bitmaps, smallest first, as a new bitmap. */
export function intersectionOf(bitmaps: readonly Bitmap[]): Bitmap {
  const [first, second, ...rest] = [...bitmaps].sort((a, b) => a.size - b.size);
  if (first === undefined) return new RoaringBitmap32();
  if (second === undefined) return first.clone();
  const result = RoaringBitmap32.and(first, second);
  for (const bitmap of rest) {
    if (result.isEmpty) break;
    result.andInPlace(bitmap);
  }
  return result;
}

/** What is in `bitmap` and not in `other`, as a new bitmap. */
export function differenceOf(bitmap: Bitmap, other: Bitmap): Bitmap {
  return RoaringBitmap32.andNot(bitmap, other);
}

/**
 * Do the bitmaps hold most of their ordinals as plain bits? A container of 65,536 ordinals holds up to 4,096 of them as a
 * list, two bytes each, and more as bits; see "Better bitmap performance with Roaring bitmaps" (Chambi, Lemire, Kaser and
 * Godin, 2016). Operations on plain bits are many times faster than on lists of half as many ordinals.
 */
export function areDense(bitmaps: readonly Bitmap[]): boolean {
  let bytes = 0;
  let ordinals = 0;
  for (const bitmap of bitmaps) {
    bytes += bitmap.getSerializationSizeInBytes('portable');
    ordinals += bitmap.size;
  }
  return bytes < 1.5 * ordinals;
}

/** About how long an operation on the bitmap takes, in bytes to be read. Runs are read as the bits they stand for. */
export function weightOf(bitmap: Bitmap): number {
  return Math.max(bitmap.getSerializationSizeInBytes('portable'), bitmap.size / 8);
}

/** What the bitmap takes in memory, in bytes: containers plus the objects around them. */
export function bitmapBytes(bitmap: Bitmap): number {
  return bitmap.getSerializationSizeInBytes('portable') + BITMAP_OBJECT_BYTES;
}

/** Measured: the JS wrapper, its C++ object and an empty roaring header. */
const BITMAP_OBJECT_BYTES = 200;

/** The ordinals from `start` to `end` − 1, as a new bitmap. */
export function rangeOf(start: number, end: number): Bitmap {
  return RoaringBitmap32.fromRange(start, end);
}

/** What is in both, as a new bitmap. */
export function bothOf(a: Bitmap, b: Bitmap): Bitmap {
  return RoaringBitmap32.and(a, b);
}

/** What is in one of both and not in the other, as a new bitmap. */
export function eitherOf(a: Bitmap, b: Bitmap): Bitmap {
  return RoaringBitmap32.xor(a, b);
}
