/** A data folder as it is at one moment, to be read at leisure, whatever its owner does: an open file stays when its name goes. */
import { join } from 'node:path';
import { SegmentdError } from '../errors.js';
import { numberOf } from './data-folder.js';
import { MANIFEST_NAME, type Manifest, readManifest } from './manifest.js';
import type { ReadFile, ReadStorage } from './storage.js';

/** How often it is begun again because the owner has replaced files. */
const ATTEMPTS = 20;

/**
 * Opens all that the manifest of a folder names. What is missing although it is named is missing when it is opened.
 * `manifest` is undefined when there is none; then, as when it is damaged, all journals and snapshots there are, are opened,
 * and `damage` tells what is wrong. Throws what the system says when the folder cannot be read; PERSISTENCE_FAILED when its
 * owner is faster.
 */
export function pinFolder(storage: ReadStorage, path: string): PinnedFolder {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const before = stateOf(storage, path);
    const pinned = new PinnedFolder(storage, path, before);
    if (JSON.stringify(stateOf(storage, path).manifest) === JSON.stringify(before.manifest)) return pinned;
    pinned.close();
  }
  throw new SegmentdError(
    'PERSISTENCE_FAILED',
    `data folder ${path} changes faster than it can be read: try again later`,
  );
}

interface FolderState {
  readonly names: readonly string[];
  readonly manifest: Manifest | undefined;
  readonly damage: Error | undefined;
}

function stateOf(storage: ReadStorage, path: string): FolderState {
  const names = storage.list(path).sort();
  try {
    return { names, manifest: readManifest(storage, path), damage: undefined };
  } catch (error) {
    return { names, manifest: undefined, damage: error as Error };
  }
}

/** What of it is not pinned cannot be read here. */
export class PinnedFolder implements ReadStorage {
  readonly path: string;
  readonly manifest: Manifest | undefined;
  /** Why there is no manifest, although there is a file. */
  readonly damage: Error | undefined;
  /** Names of those that are pinned; one at most, if there is a manifest. */
  readonly snapshots: readonly string[];
  readonly journals: readonly string[];
  /** Names of what else the folder had. */
  readonly others: readonly string[];
  /** By path, with the size that they had. */
  readonly #files = new Map<string, { readonly file: ReadFile; readonly size: number }>();
  readonly #folders = new Map<string, string[]>();
  /** Why files that should be there are not pinned. */
  readonly #failures = new Map<string, Error>();

  /** See `pinFolder`. */
  constructor(storage: ReadStorage, path: string, { names, manifest, damage }: FolderState) {
    this.path = path;
    this.manifest = manifest;
    this.damage = damage;
    const numbered = names.filter((name) => numberOf(name) >= 0);
    if (manifest === undefined) {
      this.snapshots = numbered.filter((name) => name.startsWith('snapshot'));
      this.journals = numbered.filter((name) => !this.snapshots.includes(name));
    } else {
      this.snapshots = manifest.snapshot === undefined ? [] : [manifest.snapshot.name];
      this.journals = manifest.journals;
    }
    const pinned = [MANIFEST_NAME, ...this.snapshots, ...this.journals];
    this.others = names.filter((name) => !pinned.includes(name));
    for (const name of pinned) this.#pin(storage, join(path, name));
  }

  /** Paths of all files that are pinned. */
  get paths(): string[] {
    return [...this.#files.keys()];
  }

  list(folder: string): string[] {
    const names = this.#folders.get(folder);
    if (names !== undefined) return names;
    throw this.#failures.get(folder) ?? notThere(folder);
  }

  open(path: string): ReadFile {
    const found = this.#files.get(path);
    if (found === undefined) throw this.#failures.get(path) ?? notThere(path);
    const { file, size } = found;
    // It stays open for who opens it next.
    return { size, read: (into, position) => file.read(into, position), close() {} };
  }

  close(): void {
    for (const { file } of this.#files.values()) file.close();
  }

  #pin(storage: ReadStorage, path: string): void {
    try {
      const names = namesIn(storage, path);
      if (names !== undefined) {
        this.#folders.set(path, names);
        for (const name of names) this.#pin(storage, join(path, name));
      } else {
        const file = storage.open(path, 'read');
        // What is added later does not belong to this moment.
        this.#files.set(path, { file, size: file.size });
      }
    } catch (error) {
      this.#failures.set(path, error as Error);
    }
  }
}

/** Names in a folder; undefined when it is a file. */
function namesIn(storage: ReadStorage, path: string): string[] | undefined {
  try {
    return storage.list(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return undefined;
    throw error;
  }
}

function notThere(path: string): Error {
  return Object.assign(new Error(`ENOENT: no such file or directory, open '${path}'`), { code: 'ENOENT' });
}
