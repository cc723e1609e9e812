/** A storage in front of another one, which can fail at every operation that changes something: for tests. */
import type { Storage, StorageFile, StorageLock } from './storage.js';

/** What can be made to fail. */
export type Operation = 'create' | 'write' | 'truncate' | 'sync' | 'rename' | 'remove' | 'syncFolder';

/**
 * Called before an operation is done; throws what shall go wrong. `act` does the operation, for one that is done and fails
 * all the same; it is done at most once.
 */
export type Interrupt = (operation: Operation, path: string, act: () => void) => void;

export class FailingStorage implements Storage {
  readonly #inner: Storage;
  readonly #interrupt: Interrupt;

  constructor(inner: Storage, interrupt: Interrupt) {
    this.#inner = inner;
    this.#interrupt = interrupt;
  }

  makeFolder(folder: string): void {
    this.#do('create', folder, () => this.#inner.makeFolder(folder));
  }

  list(folder: string): string[] {
    return this.#inner.list(folder);
  }

  open(path: string, mode: 'read' | 'write'): StorageFile {
    if (mode === 'read') return this.#inner.open(path, mode);
    let file: StorageFile | undefined;
    this.#do('create', path, () => {
      file = this.#inner.open(path, mode);
    });
    return new FailingFile(file!, (operation, act) => this.#do(operation, path, act));
  }

  rename(from: string, to: string): void {
    this.#do('rename', to, () => this.#inner.rename(from, to));
  }

  remove(path: string): void {
    this.#do('remove', path, () => this.#inner.remove(path));
  }

  async removeLater(path: string): Promise<void> {
    this.remove(path);
  }

  syncFolder(folder: string): void {
    this.#do('syncFolder', folder, () => this.#inner.syncFolder(folder));
  }

  lock(folder: string): StorageLock {
    return this.#inner.lock(folder);
  }

  #do(operation: Operation, path: string, act: () => void): void {
    let isDone = false;
    const once = (): void => {
      if (isDone) return;
      isDone = true;
      act();
    };
    this.#interrupt(operation, path, once);
    once();
  }
}

class FailingFile implements StorageFile {
  readonly #inner: StorageFile;
  readonly #do: (operation: Operation, act: () => void) => void;

  constructor(inner: StorageFile, perform: (operation: Operation, act: () => void) => void) {
    this.#inner = inner;
    this.#do = perform;
  }

  get size(): number {
    return this.#inner.size;
  }

  read(into: Uint8Array, position: number): number {
    return this.#inner.read(into, position);
  }

  write(bytes: Uint8Array, position: number): void {
    this.#do('write', () => this.#inner.write(bytes, position));
  }

  truncate(length: number): void {
    this.#do('truncate', () => this.#inner.truncate(length));
  }

  sync(): void {
    this.#do('sync', () => this.#inner.sync());
  }

  syncLater(done: (error: Error | null) => void): void {
    try {
      this.#do('sync', () => {});
    } catch (error) {
      setImmediate(() => done(error as Error));
      return;
    }
    this.#inner.syncLater(done);
  }

  close(): void {
    this.#inner.close();
  }
}

/** Stops at operation `at`, counted from 0: that one is done, or not, and everything behind it is refused. */
export class CrashingStorage extends FailingStorage {
  isCrashed = false;
  /** Called at that moment. */
  onCrash: () => void = () => {};

  constructor(inner: Storage, at: number, isDone: () => boolean) {
    let operations = 0;
    super(inner, (_operation, path, act) => {
      if (this.isCrashed) throw new Error(`crashed before ${path}`);
      if (operations++ !== at) return;
      this.isCrashed = true;
      if (isDone()) act();
      this.onCrash();
      throw new Error(`crashed at ${path}`);
    });
  }
}
