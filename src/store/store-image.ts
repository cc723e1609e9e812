/**
 * A store as plain data, from which an equal store can be made: numbers, names, and references to bitmaps, whose bytes are
 * kept elsewhere. The users' records, the directory's slots and the ordinals' pages are not in it, because they are shared
 * memory already, which is kept as it is (`memoryOf`).
 */
import type { AudiencesImage } from './audience-catalog.js';
import type { Bitmap } from './bitmap.js';
import type { SegmentStore } from './segment-store.js';
import { Control, type GrowingList } from './shared-memory.js';
import type { TagImage } from './tag-catalog.js';
import { type DirectoryImage, SLOT_FRAME_BYTES } from './user-directory.js';
import { PAGE_BYTES, RECORD_FRAME_BYTES, type RecordsImage } from './user-records.js';
import type { VersionsImage } from './version-catalog.js';

/** Takes a bitmap, which is only valid during the call, and gives the number under which it will be found. */
export type KeepBitmap = (bitmap: Bitmap) => number;
/** The bitmap of a number, as a new one; each is asked for once. */
export type GiveBitmap = (bitmap: number) => Bitmap;

export interface StoreImage {
  /** Of the ids' hashes. */
  readonly seed: number;
  readonly pairs: number;
  /** Bitmap of all users. */
  readonly users: number;
  readonly tags: readonly TagImage[];
  readonly audiences: AudiencesImage;
  readonly versions: VersionsImage;
  readonly directory: DirectoryImage;
  readonly records: RecordsImage;
}

/** A list of shared memory: how much of it is in use, and which frames of that are free and hold nothing. */
export interface MemoryImage {
  readonly list: GrowingList;
  /** Bytes in use, from the beginning of the first buffer on. */
  readonly bytes: number;
  /** Bytes of a frame, of which the buffers have a whole number. */
  readonly frameBytes: number;
  /** Bytes of a frame that are in use, from its beginning on; what is behind means nothing. */
  usedOf(frame: number): number;
}

/** The image of a store, which must not change meanwhile. */
export function imageOf(store: SegmentStore, keep: KeepBitmap): StoreImage {
  // What is pending is in no vector.
  store.settle();
  return {
    seed: store.world.control[Control.HASH_SEED]!,
    pairs: store.pairs,
    users: keep(store.users.now),
    tags: store.catalog.image(keep),
    audiences: store.audiences.image(keep),
    versions: store.versions.image(keep),
    directory: store.directory.image(),
    records: store.records.image(),
  };
}

/** The shared memory that belongs to an image, in the order in which it is to be restored. */
export function memoryOf({ directory, records }: Pick<StoreImage, 'directory' | 'records'>): MemoryImage[] {
  const pages = records.openFrame.length;
  return [
    {
      list: 'records',
      bytes: records.pageOf.length * RECORD_FRAME_BYTES,
      frameBytes: RECORD_FRAME_BYTES,
      usedOf: (frame) => 4 * records.used[frame]!,
    },
    {
      list: 'slots',
      bytes: directory.frames * SLOT_FRAME_BYTES,
      frameBytes: SLOT_FRAME_BYTES,
      usedOf: () => SLOT_FRAME_BYTES,
    },
    { list: 'pages', bytes: pages * PAGE_BYTES, frameBytes: PAGE_BYTES, usedOf: () => PAGE_BYTES },
  ];
}

/** Makes an empty store, made with the image's seed, what the image says; its shared memory is restored already. */
export function restoreImage(store: SegmentStore, image: StoreImage, give: GiveBitmap): void {
  store.directory.restore(image.directory);
  store.records.restore(image.records);
  store.users.adopt(give(image.users));
  store.pairs = image.pairs;
  store.catalog.restore(image.tags, give);
  store.audiences.restore(image.audiences, give);
  store.versions.restore(image.versions, give);
}
