import type { Bitmap } from './bitmap.js';
import type { Address } from './shared-memory.js';
import type { UserRecords } from './user-records.js';

/** Ordinals fetched from the bitmap at once. It decodes whole containers of 65,536, so fewer cost more each. */
const BATCH = 16_384;

/**
 * Walks the ids of a set of users as it was when the cursor was opened, however long the walk takes: users who are erased
 * on the way are still delivered, so that a reply whose length was announced keeps its word.
 */
export class MemberCursor {
  /** Ids in the set. */
  readonly size: number;
  readonly #members: Bitmap;
  readonly #records: UserRecords;
  readonly #onClose: () => void;
  readonly #batch: Uint32Array;
  #batchLength = 0;
  #batchAt = 0;
  #fetched = 0;
  /** Ids of users erased before the cursor reached them, by ordinal. */
  #kept: Map<number, Uint8Array> | undefined;

  constructor(members: Pick<Bitmap, 'clone'>, records: UserRecords, onClose: () => void) {
    this.#members = members.clone();
    this.size = this.#members.size;
    this.#batch = new Uint32Array(Math.min(BATCH, this.size));
    this.#records = records;
    this.#onClose = onClose;
  }

  /** The next ordinal, or -1 at the end. */
  next(): number {
    if (this.#batchAt === this.#batchLength && !this.#fetch()) return -1;
    return this.#batch[this.#batchAt++]!;
  }

  /** Copies an ordinal's id to `target`, which has 255 bytes of room; returns the offset behind it. */
  copyId(ordinal: number, target: Uint8Array, offset: number): number {
    const kept = this.#kept?.get(ordinal);
    if (kept === undefined) return this.#records.copyId(this.#records.addressOf(ordinal), target, offset);
    target.set(kept, offset);
    return offset + kept.length;
  }

  /** The address of an ordinal's record, or 0 if the user was erased since the cursor was opened. */
  addressOf(ordinal: number): Address {
    return this.#kept?.has(ordinal) === true ? 0 : this.#records.addressOf(ordinal);
  }

  idLength(ordinal: number): number {
    return this.#kept?.get(ordinal)?.length ?? this.#records.idLength(this.#records.addressOf(ordinal));
  }

  /** To be called before a user is erased. */
  keep(ordinal: number, records: UserRecords): void {
    if (!this.#members.has(ordinal) || this.#kept?.has(ordinal) === true) return;
    const address = records.addressOf(ordinal);
    const id = new Uint8Array(records.idLength(address));
    records.copyId(address, id, 0);
    this.#kept ??= new Map();
    this.#kept.set(ordinal, id);
  }

  /** To be called before all users are erased. */
  keepAll(records: UserRecords): void {
    const rest = this.#members.toUint32Array().subarray(this.#fetched - (this.#batchLength - this.#batchAt));
    for (const ordinal of rest) this.keep(ordinal, records);
  }

  close(): void {
    this.#onClose();
    this.#members.dispose();
  }

  #fetch(): boolean {
    if (this.#fetched >= this.size) return false;
    this.#batchLength = this.#members.rangeUint32Array(this.#batch, this.#fetched, this.#batch.length).length;
    this.#fetched += this.#batchLength;
    this.#batchAt = 0;
    return this.#batchLength > 0;
  }
}

/** The ids of a cursor's users, in ordinal order. Opens the cursor when the first is asked for, and closes it in the end. */
export function* idsOf(open: () => MemberCursor): IterableIterator<Buffer> {
  const cursor = open();
  try {
    for (let ordinal = cursor.next(); ordinal >= 0; ordinal = cursor.next()) {
      const id = Buffer.alloc(cursor.idLength(ordinal));
      cursor.copyId(ordinal, id, 0);
      yield id;
    }
  } finally {
    cursor.close();
  }
}
