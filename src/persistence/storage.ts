/**
 * Files as persistence uses them: few operations, all synchronous but two, so that a disk can be behind them, or memory, or a
 * disk that fails at a chosen moment. Paths are whole; what goes wrong is thrown as Node's file system throws it, with a
 * `code` such as ENOENT or ENOSPC.
 *
 * What survives a loss of power: the bytes of a file as of its last `sync`; the names in a folder as of its last
 * `syncFolder`. What came later may be there, or not, or in part. So something new is made in this order: write, `sync` the
 * file, `rename` it to its name, `syncFolder`.
 */
export interface Storage extends ReadStorage {
  /** Makes a folder and those above it, for nobody else to enter, which are on the disk when it returns; nothing when it is there. */
  makeFolder(folder: string): void;
  /** Opens a file to read it, or to read and write it; the latter makes it, empty, if there is none. */
  open(path: string, mode: 'read' | 'write'): StorageFile;
  /** Gives a file or folder another name; a file of that name is replaced, a folder of that name must not be there. */
  rename(from: string, to: string): void;
  /** Removes a file, or a folder with all that is in it; nothing when it is not there. */
  remove(path: string): void;
  /** As `remove`, on another thread: the system takes its time for large files. Rejects with what it says. */
  removeLater(path: string): Promise<void>;
  /** Returns when the names in a folder are on the disk. */
  syncFolder(folder: string): void;
  /** Keeps other engines out of a folder. Throws DATA_DIR_IN_USE, naming who has it. */
  lock(folder: string): StorageLock;
}

/** What is needed to read. */
export interface ReadStorage {
  /** Names of the files and folders in a folder, in no order. */
  list(folder: string): string[];
  open(path: string, mode: 'read'): ReadFile;
}

/** A file that is open. Positions and lengths in bytes. */
export interface StorageFile extends ReadFile {
  /** Writes all bytes at `position`. After an error, any of them may be there. */
  write(bytes: Uint8Array, position: number): void;
  truncate(length: number): void;
  /** Returns when all that was written is on the disk. After an error, nothing of it is certain, whatever later calls say. */
  sync(): void;
  /** As `sync`, on another thread; `done` learns of an error. Not to be called again before `done` was. */
  syncLater(done: (error: Error | null) => void): void;
  /** Lets go of the file; nothing is synced. May be called twice, and while `syncLater` is under way. */
  close(): void;
}

/** A file that is open to be read. */
export interface ReadFile {
  readonly size: number;
  /** Fills `into` (which may be a view of shared memory) from `position` on. Returns how many bytes: fewer only at the end. */
  read(into: Uint8Array, position: number): number;
  close(): void;
}

/** Told what is wrong with a file. */
export type OnDamage = (error: Error, path: string) => void;

/** A lock that is held. */
export interface StorageLock {
  release(): void;
}
