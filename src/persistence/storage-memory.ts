/** Files in memory, which know what of them would survive a loss of power: for tests. */
import { dirname } from 'node:path';
import { SegmentdError } from '../errors.js';
import type { Storage, StorageFile, StorageLock } from './storage.js';

/** What a disk writes at once: after a loss of power, each of them is old or new. */
const SECTOR_BYTES = 512;

/** A change that is not synced: bytes at a position or, without bytes, a new length. */
interface Change {
  readonly position: number;
  readonly bytes: Uint8Array | undefined;
}

class FileNode {
  bytes: Buffer = Buffer.alloc(0);
  /** As of the last sync. */
  synced: Buffer = Buffer.alloc(0);
  changes: Change[] = [];
}

type Entries = Map<string, FileNode | FolderNode>;

class FolderNode {
  entries: Entries = new Map();
  /** As of the last sync, and what was done to the names since. */
  synced: Entries = new Map();
  changes: ((entries: Entries) => void)[] = [];

  change(change: (entries: Entries) => void): void {
    change(this.entries);
    this.changes.push(change);
  }
}

/** A number from 0 to `below` − 1. */
export type Chance = (below: number) => number;

export class MemoryStorage implements Storage {
  readonly #root: FolderNode;
  readonly #locks = new Set<string>();

  constructor(root = new FolderNode()) {
    this.#root = root;
  }

  /**
   * What a disk may hold after the power failed now: of everything that was not synced, any part, down to single bytes at the
   * end of a file and single sectors within. This storage stays as it is.
   */
  afterPowerFailure(chance: Chance): MemoryStorage {
    return new MemoryStorage(survivorOf(this.#root, chance) as FolderNode);
  }

  makeFolder(folder: string): void {
    if (folder === dirname(folder)) return;
    this.makeFolder(dirname(folder));
    const [parent, name] = this.#parentOf(folder);
    if (parent.entries.has(name)) return;
    const made = new FolderNode();
    parent.change((entries) => entries.set(name, made));
    parent.synced.set(name, made);
  }

  list(folder: string): string[] {
    return [...this.#folder(folder).entries.keys()];
  }

  open(path: string, mode: 'read' | 'write'): StorageFile {
    const [parent, name] = this.#parentOf(path);
    const node = parent.entries.get(name);
    if (node instanceof FileNode) return new MemoryFile(node);
    if (node !== undefined || mode === 'read')
      throw failure(node === undefined ? 'ENOENT' : 'EISDIR', 'open', path);
    const made = new FileNode();
    parent.change((entries) => entries.set(name, made));
    return new MemoryFile(made);
  }

  rename(from: string, to: string): void {
    const [parent, name] = this.#parentOf(from);
    const [newParent, newName] = this.#parentOf(to);
    const node = parent.entries.get(name);
    if (node === undefined) throw failure('ENOENT', 'rename', from);
    if (newParent !== parent) throw failure('EXDEV', 'rename', from);
    if (parent.entries.get(newName) instanceof FolderNode) throw failure('ENOTEMPTY', 'rename', to);
    parent.change((entries) => {
      // A name that never reached the disk: the node comes there by its new name all the same.
      if (entries.get(name) === node) entries.delete(name);
      entries.set(newName, node);
    });
  }

  remove(path: string): void {
    const [parent, name] = this.#parentOf(path);
    if (parent.entries.has(name)) parent.change((entries) => entries.delete(name));
  }

  async removeLater(path: string): Promise<void> {
    this.remove(path);
  }

  syncFolder(folder: string): void {
    const node = this.#folder(folder);
    node.synced = new Map(node.entries);
    node.changes = [];
  }

  lock(folder: string): StorageLock {
    if (this.#locks.has(folder))
      throw new SegmentdError('DATA_DIR_IN_USE', `data folder ${folder} is in use: close its engine first`);
    this.#locks.add(folder);
    return { release: () => void this.#locks.delete(folder) };
  }

  #folder(path: string): FolderNode {
    if (path === dirname(path)) return this.#root;
    const [parent, name] = this.#parentOf(path);
    const node = parent.entries.get(name);
    if (node instanceof FolderNode) return node;
    throw failure(node === undefined ? 'ENOENT' : 'ENOTDIR', 'open', path);
  }

  #parentOf(path: string): [FolderNode, string] {
    const folder = dirname(path);
    return [this.#folder(folder), path.slice(folder.length + (folder.endsWith('/') ? 0 : 1))];
  }
}

class MemoryFile implements StorageFile {
  readonly #node: FileNode;

  constructor(node: FileNode) {
    this.#node = node;
  }

  get size(): number {
    return this.#node.bytes.length;
  }

  read(into: Uint8Array, position: number): number {
    const bytes = this.#node.bytes.subarray(position, position + into.length);
    into.set(bytes);
    return bytes.length;
  }

  write(bytes: Uint8Array, position: number): void {
    this.#change({ position, bytes: Uint8Array.from(bytes) });
  }

  truncate(length: number): void {
    this.#change({ position: length, bytes: undefined });
  }

  sync(): void {
    const node = this.#node;
    node.synced = node.bytes;
    node.changes = [];
  }

  syncLater(done: (error: Error | null) => void): void {
    // Only what was written before is certain, whenever the sync is over.
    const { bytes, changes } = this.#node;
    const count = changes.length;
    setImmediate(() => {
      if (this.#node.changes === changes) {
        this.#node.synced = bytes;
        this.#node.changes = changes.slice(count);
      }
      done(null);
    });
  }

  close(): void {}

  #change(change: Change): void {
    this.#node.bytes = changed(this.#node.bytes, change);
    this.#node.changes.push(change);
  }
}

/** The bytes after a change; the given ones stay as they are. */
function changed(before: Buffer, { position, bytes }: Change): Buffer {
  const size = bytes === undefined ? position : Math.max(before.length, position + bytes.length);
  const after = Buffer.alloc(size);
  before.copy(after);
  if (bytes !== undefined) after.set(bytes, position);
  return after;
}

function survivorOf(node: FileNode | FolderNode, chance: Chance): FileNode | FolderNode {
  return node instanceof FileNode ? fileSurvivor(node, chance) : folderSurvivor(node, chance);
}

/** Names come to be and go in order or, in some file systems, each for itself. */
function folderSurvivor(node: FolderNode, chance: Chance): FolderNode {
  const inOrder = chance(2) === 0;
  const kept = inOrder ? chance(node.changes.length + 1) : 0;
  const entries = new Map(node.synced);
  for (const [i, change] of node.changes.entries()) if (inOrder ? i < kept : chance(2) === 0) change(entries);
  const survivor = new FolderNode();
  for (const [name, inner] of entries) survivor.entries.set(name, survivorOf(inner, chance));
  survivor.synced = new Map(survivor.entries);
  return survivor;
}

/** Nothing of what was not synced, or all of it, or the first bytes, or any of its sectors. */
function fileSurvivor({ synced, bytes, changes }: FileNode, chance: Chance): FileNode {
  const survivor = new FileNode();
  const way = chance(4);
  if (way === 0 || changes.length === 0) survivor.bytes = synced;
  else if (way === 1) survivor.bytes = bytes;
  else {
    const states: Buffer[] = [synced];
    for (const change of changes) states.push(changed(states.at(-1)!, change));
    survivor.bytes = way === 2 ? firstBytes(changes, states, chance) : anySectors(states, chance);
  }
  survivor.synced = survivor.bytes;
  return survivor;
}

function firstBytes(changes: readonly Change[], states: readonly Buffer[], chance: Chance): Buffer {
  const last = chance(changes.length);
  const { position, bytes } = changes[last]!;
  const part = bytes?.subarray(0, chance(bytes.length + 1));
  return changed(states[last]!, { position, bytes: part });
}

/** Each sector as it was after any of the changes; the file as long as it was then, or cut within. */
function anySectors(states: readonly Buffer[], chance: Chance): Buffer {
  const [first, second] = [states[chance(states.length)]!.length, states[chance(states.length)]!.length];
  const [least, most] = first < second ? [first, second] : [second, first];
  const result = Buffer.alloc(least + chance(most - least + 1));
  for (let from = 0; from < result.length; from += SECTOR_BYTES) {
    const to = Math.min(from + SECTOR_BYTES, result.length);
    states[chance(states.length)]!.subarray(from, to).copy(result, from);
  }
  return result;
}

function failure(code: string, call: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${call} '${path}'`), { code });
}
