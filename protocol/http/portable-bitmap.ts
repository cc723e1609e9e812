/**
 * Bitmaps in the portable format of Roaring that come from outside (the RoaringFormatSpec, as CRoaring, Java and Go write
 * it). Read by our own reader, because CRoaring takes what contradicts itself and reads and writes where it must not
 * afterwards; and because a few bytes of runs may stand for four billion ordinals, which nobody has to hold.
 */
import type { Steps } from '../../src/store/steps.js';
import { ContentError } from './content-error.js';

const COOKIE = 12_346;
/** In the lower half of the first word; the upper one is the number of containers, less one. */
const COOKIE_WITH_RUNS = 12_347;
/** With fewer containers than this, a bitmap with runs does not say where they are. */
const LEAST_WITH_OFFSETS = 4;
export const CONTAINER_SIZE = 65_536;
const MAX_CONTAINERS = 65_536;
/** A container of more ordinals is not a list of them but bits. */
const MAX_LIST = 4096;
const BITS_BYTES = CONTAINER_SIZE / 8;
const HEADER_BYTES = 4;

type Kind = 'list' | 'bits' | 'runs';

/** The ordinals of 65,536 that begin with the same 16 bits. */
interface Container {
  readonly kind: Kind;
  /** The upper half of its ordinals. */
  readonly key: number;
  /** Ordinals in it. */
  readonly size: number;
  /** Where in the body it is. */
  readonly start: number;
  readonly end: number;
}

export class PortableBitmap {
  /** Ordinals in it. */
  readonly size: number;
  /** By ascending key. */
  readonly containers: readonly Container[];
  readonly #bytes: Buffer;

  private constructor(bytes: Buffer, containers: readonly Container[], size: number) {
    this.#bytes = bytes;
    this.containers = containers;
    this.size = size;
  }

  /** Checks every byte. Throws a `ContentError`. */
  static *read(bytes: Buffer): Steps<PortableBitmap> {
    const containers = containersOf(bytes);
    let size = 0;
    for (const container of containers) {
      checkContainer(bytes, container);
      size += container.size;
      yield;
    }
    return new PortableBitmap(bytes, containers, size);
  }

  /** Puts the ordinals of a container into `target`, which has room for CONTAINER_SIZE. Returns how many there are. */
  decode({ kind, key, start, end }: Container, target: Uint32Array): number {
    const bytes = this.#bytes;
    const base = key * CONTAINER_SIZE;
    let count = 0;
    if (kind === 'list') {
      for (let at = start; at < end; at += 2) target[count++] = base + bytes.readUInt16LE(at);
    } else if (kind === 'bits') {
      for (let at = start; at < end; at++) {
        for (let bits = bytes[at]!; bits !== 0; bits &= bits - 1) {
          target[count++] = base + (at - start) * 8 + 31 - Math.clz32(bits & -bits);
        }
      }
    } else {
      for (let at = start + 2; at < end; at += 4) {
        const first = base + bytes.readUInt16LE(at);
        const last = first + bytes.readUInt16LE(at + 2);
        for (let ordinal = first; ordinal <= last; ordinal++) target[count++] = ordinal;
      }
    }
    return count;
  }
}

/** Where the containers are, as far as the header and their sizes say. */
function containersOf(bytes: Buffer): Container[] {
  need(bytes, 0, HEADER_BYTES);
  const cookie = bytes.readUInt32LE(0);
  const hasRuns = (cookie & 0xffff) === COOKIE_WITH_RUNS;
  if (!hasRuns && cookie !== COOKIE) throw new ContentError('no portable Roaring bitmap begins so', 0);
  let at = HEADER_BYTES;
  if (!hasRuns) need(bytes, at, 4);
  const count = hasRuns ? (cookie >>> 16) + 1 : bytes.readUInt32LE(at);
  if (!hasRuns) at += 4;
  if (count > MAX_CONTAINERS) throw new ContentError(`${count} containers are too many`, HEADER_BYTES);
  const marks = at;
  if (hasRuns) at += Math.ceil(count / 8);
  const descriptions = at;
  at += 4 * count;
  const offsets = !hasRuns || count >= LEAST_WITH_OFFSETS ? at : undefined;
  if (offsets !== undefined) at += 4 * count;
  need(bytes, descriptions, at - descriptions);

  const containers: Container[] = [];
  let lastKey = -1;
  for (let i = 0; i < count; i++) {
    const description = descriptions + 4 * i;
    const key = bytes.readUInt16LE(description);
    const size = bytes.readUInt16LE(description + 2) + 1;
    if (key <= lastKey) throw new ContentError('containers are not in order', description);
    lastKey = key;
    if (offsets !== undefined && bytes.readUInt32LE(offsets + 4 * i) !== at)
      throw new ContentError('a container is not where it should be', offsets + 4 * i);
    const isRuns = hasRuns && (bytes[marks + (i >>> 3)]! & (1 << (i & 7))) !== 0;
    if (isRuns) need(bytes, at, 2);
    const kind = isRuns ? 'runs' : size > MAX_LIST ? 'bits' : 'list';
    const length = isRuns ? 2 + 4 * bytes.readUInt16LE(at) : size > MAX_LIST ? BITS_BYTES : 2 * size;
    need(bytes, at, length);
    containers.push({ kind, key, size, start: at, end: at + length });
    at += length;
  }
  if (at < bytes.length) throw new ContentError('the end should be', at);
  return containers;
}

/** Throws unless the container holds what it says it does, in order. */
function checkContainer(bytes: Buffer, { kind, size, start, end }: Container): void {
  let found = 0;
  if (kind === 'bits') {
    for (let at = start; at < end; at += 4) found += bitsIn(bytes.readInt32LE(at));
  } else if (kind === 'list') {
    let last = -1;
    for (let at = start; at < end; at += 2) {
      const low = bytes.readUInt16LE(at);
      if (low <= last) throw new ContentError('ordinals are not in order', at);
      last = low;
    }
    found = size;
  } else {
    let last = -1;
    for (let at = start + 2; at < end; at += 4) {
      const first = bytes.readUInt16LE(at);
      if (first <= last) throw new ContentError('runs are not in order', at);
      last = first + bytes.readUInt16LE(at + 2);
      if (last >= CONTAINER_SIZE) throw new ContentError('a run is too long', at);
      found += last - first + 1;
    }
  }
  if (found !== size)
    throw new ContentError(`a container holds ${found} ordinals, but is said to hold ${size}`, start);
}

/** Bits that are set; see "Hacker's Delight" (Warren, 2012), 5-1. */
function bitsIn(word: number): number {
  let sums = word - ((word >>> 1) & 0x55555555);
  sums = (sums & 0x33333333) + ((sums >>> 2) & 0x33333333);
  return Math.imul((sums + (sums >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

function need(bytes: Buffer, at: number, length: number): void {
  if (at + length > bytes.length) throw new ContentError('it ends too early', bytes.length);
}
