/**
 * A snapshot: a folder with a store at one moment, immutable once it has its name.
 *
 *   records.bin, slots.bin, pages.bin   the store's shared memory as it is, so that opening is reading
 *   bitmaps.bin                         its bitmaps one behind the other, each in roaring's portable form
 *   STATE                               a line of JSON: all else, and of each file its length and checksums; then a line
 *                                       with the CRC-32C of that line
 *
 * Checksums of the files are CRC-32 (zlib's) of each 256 KiB: four times faster here than our CRC-32C. Frames that are free
 * are written as zeros, so that nothing is kept of users who are gone.
 */
import { join } from 'node:path';
import { SegmentdError } from '../errors.js';
import { bitmapFrom, bytesOfBitmap } from '../store/bitmap.js';
import { SegmentStore, type StoreOptions } from '../store/segment-store.js';
import { ARENA_BYTES } from '../store/shared-memory.js';
import { finish, type Steps } from '../store/steps.js';
import { imageOf, type MemoryImage, memoryOf, restoreImage, type StoreImage } from '../store/store-image.js';
import { PAGE_BYTES } from '../store/user-records.js';
import { readSealed, sealed } from './sealed-line.js';
import { CHUNK_BYTES, ChunkedReader, ChunkedWriter, type ChunkSums } from './snapshot-chunks.js';
import type { OnDamage, ReadStorage, Storage } from './storage.js';

const FORMAT = 1;
const STATE = 'STATE';
const BITMAPS = 'bitmaps.bin';

/** What a snapshot tells of itself. */
export interface SnapshotInfo {
  /** When it was made, in milliseconds since the epoch. */
  readonly created: number;
  readonly users: number;
  readonly tags: number;
  readonly pairs: number;
  /** Of all its files. */
  readonly bytes: number;
}

interface State extends Omit<SnapshotInfo, 'bytes'> {
  readonly format: number;
  readonly files: Readonly<Record<string, ChunkSums>>;
  /** Lengths of the bitmaps in bitmaps.bin, in bytes. */
  readonly bitmaps: readonly number[];
  readonly store: StoreImage;
}

/** Told how far a long work is, in bytes. */
export type OnProgress = (done: number, total: number) => void;

/**
 * Writes a store, which must not change meanwhile, to a folder, which must not be there yet; when it returns, all of it is on
 * the disk, but for the folder's own name. Throws what the system says.
 */
export function writeSnapshot(
  store: SegmentStore,
  storage: Storage,
  folder: string,
  onProgress: OnProgress = () => {},
): SnapshotInfo {
  storage.makeFolder(folder);
  const files: Record<string, ChunkSums> = {};
  const lengths: number[] = [];
  const bitmaps = new ChunkedWriter(storage, join(folder, BITMAPS));
  let image: StoreImage;
  try {
    image = imageOf(store, (bitmap) => {
      const bytes = bytesOfBitmap(bitmap);
      bitmaps.write(bytes);
      return lengths.push(bytes.length) - 1;
    });
    files[BITMAPS] = bitmaps.finish();
  } finally {
    bitmaps.close();
  }
  const memory = memoryOf(image);
  const total = memory.reduce((sum, { bytes }) => sum + bytes, files[BITMAPS].bytes);
  let done = files[BITMAPS].bytes;
  for (const part of memory) {
    files[fileOf(part)] = writeMemory(store, part, storage, folder, (bytes) => {
      done += bytes;
      onProgress(done, total);
    });
  }
  const what = {
    created: Date.now(),
    users: store.users.size,
    tags: store.catalog.size,
    pairs: store.pairs,
  };
  const state: State = { format: FORMAT, ...what, files, bitmaps: lengths, store: image };
  const text = sealed(JSON.stringify(state));
  writeWhole(storage, join(folder, STATE), text);
  storage.syncFolder(folder);
  return { ...what, bytes: total + text.length };
}

/**
 * Makes the store that was written to a folder. Throws DATA_CORRUPT, naming file and offset, when a file is damaged;
 * PERSISTENCE_FAILED when a later version of the program wrote it; what the system says.
 */
export function readSnapshot(storage: ReadStorage, folder: string, options: StoreOptions): SegmentStore {
  return finish(snapshotSteps(storage, folder, options));
}

/** As `readSnapshot`, in steps of a few hundred microseconds. */
export function* snapshotSteps(
  storage: ReadStorage,
  folder: string,
  options: StoreOptions,
  onProgress: OnProgress = () => {},
): Steps<SegmentStore> {
  const state = readState(storage, folder);
  const store = new SegmentStore(options, state.store.seed);
  const total = totalOf(state);
  let done = 0;
  const progress = (bytes: number): void => {
    done += bytes;
    onProgress(done, total);
  };
  for (const part of memoryOf(state.store)) yield* readMemory(store, part, state, storage, folder, progress);
  const bitmaps = yield* readBitmaps(state, storage, folder, progress);
  const ends: number[] = [];
  for (const length of state.bitmaps) ends.push((ends.at(-1) ?? 0) + length);
  restoreImage(store, state.store, (bitmap) => {
    const end = ends[bitmap]!;
    return bitmapFrom(bitmaps.subarray(end - state.bitmaps[bitmap]!, end));
  });
  return store;
}

/**
 * Reads every byte of a snapshot and checks it against its checksums; `onBytes` is told the bytes of each step. Throws as
 * `readSnapshot`; with `onDamage`, that learns of damage to files other than STATE, one by one.
 */
export function* verifySnapshot(
  storage: ReadStorage,
  folder: string,
  onBytes: (bytes: number) => void = () => {},
  onDamage: OnDamage = (error) => {
    throw error;
  },
): Steps<SnapshotInfo> {
  const state = readState(storage, folder);
  for (const [name, sums] of Object.entries(state.files))
    yield* verifyFile(storage, join(folder, name), sums, onBytes, onDamage);
  const { created, users, tags, pairs } = state;
  return { created, users, tags, pairs, bytes: totalOf(state) };
}

function* verifyFile(
  storage: ReadStorage,
  path: string,
  sums: ChunkSums,
  onBytes: (bytes: number) => void,
  onDamage: OnDamage,
): Steps<void> {
  let reader: ChunkedReader;
  try {
    reader = new ChunkedReader(storage, path, sums);
  } catch (error) {
    onDamage(error as Error, path);
    return;
  }
  const scratch = new Uint8Array(CHUNK_BYTES);
  try {
    for (let at = 0; at < sums.bytes; at += scratch.length) {
      const view = scratch.subarray(0, Math.min(scratch.length, sums.bytes - at));
      try {
        reader.read(view);
      } catch (error) {
        onDamage(error as Error, path);
      }
      onBytes(view.length);
      yield;
    }
  } finally {
    reader.close();
  }
}

/** Names of the files that make up a snapshot. Throws as `readSnapshot`. */
export function snapshotFiles(storage: ReadStorage, folder: string): string[] {
  return [STATE, ...Object.keys(readState(storage, folder).files)];
}

function readState(storage: ReadStorage, folder: string): State {
  const path = join(folder, STATE);
  const state = JSON.parse(readSealed(storage, path)) as State;
  if (state.format === FORMAT) return state;
  throw new SegmentdError(
    'PERSISTENCE_FAILED',
    `${path} has format ${state.format}, and this program only knows ${FORMAT}: a later version wrote it`,
  );
}

function totalOf({ files }: State): number {
  return Object.values(files).reduce((sum, { bytes }) => sum + bytes, 0);
}

function fileOf({ list }: MemoryImage): string {
  return `${list}.bin`;
}

function writeMemory(
  store: SegmentStore,
  part: MemoryImage,
  storage: Storage,
  folder: string,
  onBytes: (bytes: number) => void,
): ChunkSums {
  const { list, bytes, frameBytes, usedOf } = part;
  const writer = new ChunkedWriter(storage, join(folder, fileOf(part)));
  try {
    const buffers = store.world.lists[list];
    const bufferBytes = list === 'pages' ? PAGE_BYTES : ARENA_BYTES;
    for (let at = 0; at < bytes; at += frameBytes) {
      const { buffer } = buffers[Math.floor(at / bufferBytes)]!;
      const used = usedOf(at / frameBytes);
      writer.write(new Uint8Array(buffer, at % bufferBytes, used));
      writer.writeZeros(frameBytes - used);
      onBytes(frameBytes);
    }
    return writer.finish();
  } finally {
    writer.close();
  }
}

function* readMemory(
  store: SegmentStore,
  part: MemoryImage,
  state: State,
  storage: ReadStorage,
  folder: string,
  onBytes: (bytes: number) => void,
): Steps<void> {
  const { list, bytes } = part;
  const name = fileOf(part);
  const reader = new ChunkedReader(storage, join(folder, name), state.files[name]!);
  try {
    const bufferBytes = list === 'pages' ? PAGE_BYTES : ARENA_BYTES;
    for (let at = 0; at < bytes; at += bufferBytes) {
      const { buffer } = store.world.grow(list, bufferBytes);
      const wanted = Math.min(bufferBytes, bytes - at);
      for (let from = 0; from < wanted; from += PAGE_BYTES) {
        const view = new Uint8Array(buffer, from, Math.min(PAGE_BYTES, wanted - from));
        reader.read(view);
        onBytes(view.length);
        yield;
      }
    }
  } finally {
    reader.close();
  }
}

function* readBitmaps(
  state: State,
  storage: ReadStorage,
  folder: string,
  onBytes: (bytes: number) => void,
): Steps<Buffer> {
  const sums = state.files[BITMAPS]!;
  const bytes = Buffer.allocUnsafeSlow(sums.bytes);
  const reader = new ChunkedReader(storage, join(folder, BITMAPS), sums);
  try {
    for (let at = 0; at < bytes.length; at += PAGE_BYTES) {
      const view = bytes.subarray(at, at + PAGE_BYTES);
      reader.read(view);
      onBytes(view.length);
      yield;
    }
  } finally {
    reader.close();
  }
  return bytes;
}

function writeWhole(storage: Storage, path: string, bytes: Uint8Array): void {
  const file = storage.open(path, 'write');
  try {
    file.write(bytes, 0);
    file.sync();
  } finally {
    file.close();
  }
}
