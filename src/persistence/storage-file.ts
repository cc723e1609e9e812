/** Files of the operating system's. */
import {
  closeSync,
  constants,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { lockFolder } from './folder-lock.js';
import type { Storage, StorageFile } from './storage.js';

/** One call never moves more: above 2 GiB the system cuts it short, or refuses. */
const MAX_MOVE = 2 ** 30;

export const fileStorage: Storage = {
  makeFolder(folder) {
    const first = mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (first === undefined) return;
    for (let made = folder; ; made = dirname(made)) {
      fileStorage.syncFolder(dirname(made));
      if (made === first) return;
    }
  },

  list(folder) {
    return readdirSync(folder);
  },

  open(path, mode) {
    const flags = mode === 'read' ? constants.O_RDONLY : constants.O_RDWR | constants.O_CREAT;
    return new SystemFile(openSync(path, flags, 0o600));
  },

  rename(from, to) {
    renameSync(from, to);
  },

  remove(path) {
    rmSync(path, { recursive: true, force: true });
  },

  removeLater(path) {
    return rm(path, { recursive: true, force: true });
  },

  syncFolder(folder) {
    if (process.platform === 'win32') return; // Folders cannot be opened there.
    const descriptor = openSync(folder, constants.O_RDONLY);
    try {
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  },

  lock: lockFolder,
};

class SystemFile implements StorageFile {
  readonly #descriptor: number;
  #syncing = false;
  #closed = false;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  get size(): number {
    return fstatSync(this.#descriptor).size;
  }

  read(into: Uint8Array, position: number): number {
    let done = 0;
    while (done < into.length) {
      const wanted = Math.min(into.length - done, MAX_MOVE);
      const read = readSync(this.#descriptor, into, done, wanted, position + done);
      if (read === 0) break;
      done += read;
    }
    return done;
  }

  write(bytes: Uint8Array, position: number): void {
    for (let done = 0; done < bytes.length; ) {
      const wanted = Math.min(bytes.length - done, MAX_MOVE);
      done += writeSync(this.#descriptor, bytes, done, wanted, position + done);
    }
  }

  truncate(length: number): void {
    ftruncateSync(this.#descriptor, length);
  }

  sync(): void {
    fdatasyncSync(this.#descriptor);
  }

  syncLater(done: (error: Error | null) => void): void {
    this.#syncing = true;
    fdatasync(this.#descriptor, (error) => {
      this.#syncing = false;
      if (this.#closed) closeSync(this.#descriptor);
      done(error);
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    // The descriptor's number may be another file's as soon as it is closed: not while a thread still uses it.
    if (!this.#syncing) closeSync(this.#descriptor);
  }
}
