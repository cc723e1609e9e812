/**
 * Memory that several threads read and one thread writes. It grows by whole arenas that never move, because a growable
 * SharedArrayBuffer reads 2.5 times slower than a fixed one (measured on Node 20), and is handed out in frames of a
 * fixed size, so that freed memory always fits its next use.
 *
 * A reader in another thread learns of a new arena by a message: the writer posts it and then counts `GROWTH` up; a
 * reader whose own count is behind takes the waiting messages synchronously. See `SharedWorld` for the protocol.
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';

/** An address is the number of a 32-bit word in a `WordHeap`, as an unsigned 32-bit integer: 16 GiB. 0 means none. */
export type Address = number;

/** log2 of the words in one arena: 16 MiB. Untouched memory of an arena costs no resident memory. */
export const ARENA_BITS = 22;
export const ARENA_MASK = (1 << ARENA_BITS) - 1;
export const ARENA_BYTES = 4 << ARENA_BITS;

/** Where in the shared control words each counter lies. */
export const Control = {
  /** Arenas and pages announced so far. */
  GROWTH: 0,
  /** Counts up with every change of the catalogue's names, kinds and values. */
  CATALOG_VERSION: 1,
  /** Words of the catalogue log that are valid. */
  CATALOG_LENGTH: 2,
  /** Counts up when the catalogue log was rewritten from its start. */
  CATALOG_EPOCH: 3,
  /** The seed of the ids' hashes. */
  HASH_SEED: 4,
  /** One sequence per directory shard: odd while its slots move; changes whenever bytes of a record are overwritten. */
  SHARD_SEQUENCE: 16,
  LENGTH: 16 + 256,
} as const;

/** Names of the shared lists that grow; a message names one and carries its next buffer. */
export type GrowingList = 'slots' | 'records' | 'pages' | 'catalog';

interface GrowthMessage {
  readonly list: GrowingList;
  readonly index: number;
  readonly buffer: SharedArrayBuffer;
}

/** What another thread needs to attach: shared buffers and a port that announces new ones. Goes through postMessage. */
export interface SharedHandle {
  readonly control: SharedArrayBuffer;
  readonly shardMap: SharedArrayBuffer;
  readonly lists: Record<GrowingList, (SharedArrayBuffer | undefined)[]>;
  readonly growth: number;
  readonly port: MessagePort;
}

type Lists = Record<GrowingList, Int32Array[]>;

const EMPTY = new Int32Array(0);

/** The buffers of one store, as its writer holds them or as a reader has attached them. */
export class SharedWorld {
  readonly control: Int32Array;
  readonly shardMap: Int32Array;
  readonly lists: Lists;
  #growth: number;
  /** Writer: one port for each attached reader. Reader: empty. */
  readonly #announce: MessagePort[] = [];
  readonly #port: MessagePort | undefined;

  private constructor(
    control: Int32Array,
    shardMap: Int32Array,
    lists: Lists,
    growth: number,
    port?: MessagePort,
  ) {
    this.control = control;
    this.shardMap = shardMap;
    this.lists = lists;
    this.#growth = growth;
    this.#port = port;
  }

  /** An empty world for a writer. `shardMapLength` is in 32-bit words. */
  static create(shardMapLength: number): SharedWorld {
    return new SharedWorld(
      new Int32Array(new SharedArrayBuffer(Control.LENGTH * 4)),
      new Int32Array(new SharedArrayBuffer(shardMapLength * 4)),
      { slots: [], records: [], pages: [], catalog: [] },
      0,
    );
  }

  /** The reader's side of `share`. */
  static attach(handle: SharedHandle): SharedWorld {
    const view = (buffers: (SharedArrayBuffer | undefined)[]): Int32Array[] =>
      buffers.map((buffer) => (buffer === undefined ? EMPTY : new Int32Array(buffer)));
    const { slots, records, pages, catalog } = handle.lists;
    return new SharedWorld(
      new Int32Array(handle.control),
      new Int32Array(handle.shardMap),
      { slots: view(slots), records: view(records), pages: view(pages), catalog: view(catalog) },
      handle.growth,
      handle.port,
    );
  }

  /** Makes a handle for one reader; `port` is the writer's end of the channel whose other end the reader gets. */
  share(port: MessagePort, readersEnd: MessagePort): SharedHandle {
    this.#announce.push(port);
    port.unref();
    port.on('close', () => {
      const at = this.#announce.indexOf(port);
      if (at >= 0) this.#announce.splice(at, 1);
    });
    const buffers = (arrays: Int32Array[]): SharedArrayBuffer[] =>
      arrays.map((array) => array.buffer as SharedArrayBuffer);
    const { slots, records, pages, catalog } = this.lists;
    return {
      control: this.control.buffer as SharedArrayBuffer,
      shardMap: this.shardMap.buffer as SharedArrayBuffer,
      lists: {
        slots: buffers(slots),
        records: buffers(records),
        pages: buffers(pages),
        catalog: buffers(catalog),
      },
      growth: this.#growth,
      port: readersEnd,
    };
  }

  /** Writer: adds a buffer of `bytes` zero bytes to a list and tells every reader before anything can point into it. */
  grow(list: GrowingList, bytes: number = ARENA_BYTES): Int32Array {
    const buffer = new SharedArrayBuffer(bytes);
    const words = new Int32Array(buffer);
    const index = this.lists[list].push(words) - 1;
    const message: GrowthMessage = { list, index, buffer };
    for (const port of this.#announce) port.postMessage(message);
    this.#growth++;
    Atomics.store(this.control, Control.GROWTH, this.#growth);
    return words;
  }

  /** Reader: takes in the buffers announced since the last call; returns whether there were any. Cheap when not. */
  refresh(): boolean {
    const before = this.#growth;
    if (this.#port === undefined) return false;
    while (Atomics.load(this.control, Control.GROWTH) !== this.#growth) {
      const received = receiveMessageOnPort(this.#port) as { message: GrowthMessage } | undefined;
      if (received === undefined) break;
      const { list, index, buffer } = received.message;
      this.lists[list][index] = new Int32Array(buffer);
      this.#growth++;
    }
    return this.#growth !== before;
  }

  /** Ends every announcement: readers keep what they have. */
  close(): void {
    for (const port of [...this.#announce]) port.close();
    this.#port?.close();
  }
}

/** Hands out frames of a fixed size from one growing list, and takes them back. Writer only. */
export class FrameAllocator {
  readonly frameWords: number;
  readonly #world: SharedWorld;
  readonly #list: GrowingList;
  readonly #free: number[] = [];
  #next = 0;

  /** `frameBits` is log2 of the words in a frame, at most `ARENA_BITS`. */
  constructor(world: SharedWorld, list: GrowingList, frameBits: number) {
    this.#world = world;
    this.#list = list;
    this.frameWords = 1 << frameBits;
  }

  /** Frames in use. */
  get used(): number {
    return this.#next - this.#free.length;
  }

  /** Frames touched so far, free ones included: what they take of resident memory. */
  get touched(): number {
    return this.#next;
  }

  /** The number of a frame; its first word is at `number * frameWords`. Old contents may still be in it. */
  allocate(): number {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    const number = this.#next++;
    if ((number * this.frameWords) >>> ARENA_BITS >= this.#world.lists[this.#list].length) {
      this.#world.grow(this.#list);
    }
    return number;
  }

  /** Makes an allocator that has handed nothing out one that has touched `frames` and has these free. */
  restore(frames: number, free: readonly number[]): void {
    this.#next = frames;
    this.#free.push(...free);
  }

  release(frame: number): void {
    this.#free.push(frame);
  }
}
