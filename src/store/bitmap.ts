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

/** The union of any number of bitmaps, as a new bitmap. */
export function unionOf(bitmaps: readonly Bitmap[]): Bitmap {
  if (bitmaps.length === 0) return new RoaringBitmap32();
  if (bitmaps.length === 1) return bitmaps[0]!.clone();
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

/** What the bitmap takes in memory, in bytes: containers plus the objects around them. */
export function bitmapBytes(bitmap: Bitmap): number {
  return bitmap.getSerializationSizeInBytes('portable') + BITMAP_OBJECT_BYTES;
}

/** Measured: the JS wrapper, its C++ object and an empty roaring header. */
const BITMAP_OBJECT_BYTES = 200;
