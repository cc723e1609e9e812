/** Files as the journal uses them: few operations, so that tests can put something in between that fails. */
import {
  closeSync,
  constants,
  fdatasync,
  fdatasyncSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  writeSync,
} from 'node:fs';

/** A file that is open for writing. */
export interface WritableFile {
  /** Writes all bytes at `position`. After an error, any of them may be there. */
  write(bytes: Uint8Array, position: number): void;
  truncate(length: number): void;
  /** Returns when all that was written is on the disk. */
  sync(): void;
  /** As `sync`, on another thread; `done` learns of an error. Not to be called again before `done` was. */
  syncLater(done: (error: Error | null) => void): void;
  close(): void;
}

/** Opens a file for writing, making it if there is none. Throws what the system says. */
export type OpenFile = (path: string) => WritableFile;

/** Opens a file of the operating system's. */
export const openSystemFile: OpenFile = (path) => new SystemFile(path);

class SystemFile implements WritableFile {
  readonly #descriptor: number;
  #syncing = false;
  #closed = false;

  constructor(path: string) {
    this.#descriptor = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  }

  write(bytes: Uint8Array, position: number): void {
    for (let done = 0; done < bytes.length; ) {
      done += writeSync(this.#descriptor, bytes, done, bytes.length - done, position + done);
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

/** Makes sure that the names in a folder are on the disk. */
export function syncFolder(folder: string): void {
  if (process.platform === 'win32') return; // Folders cannot be opened there.
  const descriptor = openSync(folder, constants.O_RDONLY);
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
