import { expect } from 'vitest';
import type { Storage, StorageFile } from '../../src/persistence/storage.js';
import { MemoryStorage } from '../../src/persistence/storage-memory.js';

/** Memory whose syncs on other threads are over when the test says so. */
export class SlowStorage extends MemoryStorage {
  /** Those under way, the oldest first. */
  readonly waiting: ((error: Error | null) => void)[] = [];

  override open(...given: Parameters<Storage['open']>): StorageFile {
    const file = super.open(...given);
    file.syncLater = (done) => void this.waiting.push(done);
    return file;
  }

  /** Ends the oldest sync once there is one. */
  async finish(error: Error | null = null): Promise<void> {
    await expect.poll(() => this.waiting.length).toBe(1);
    this.waiting.shift()!(error);
  }
}
