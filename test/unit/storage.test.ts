import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Storage, StorageFile } from '../../src/persistence/storage.js';
import { fileStorage } from '../../src/persistence/storage-file.js';
import { MemoryStorage } from '../../src/persistence/storage-memory.js';
import { codeOf } from '../support/code-of.js';

function put(storage: Storage, path: string, text: string): StorageFile {
  const file = storage.open(path, 'write');
  file.truncate(0);
  file.write(Buffer.from(text), 0);
  return file;
}

function textOf(storage: Storage, path: string): string {
  const file = storage.open(path, 'read');
  const bytes = Buffer.alloc(file.size);
  expect(file.read(bytes, 0)).toBe(bytes.length);
  file.close();
  return bytes.toString();
}

function systemCode(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
  return undefined;
}

describe.each([
  ['of the system', () => fileStorage],
  ['in memory', () => new MemoryStorage()],
])('a storage %s', (_, create) => {
  let storage: Storage;
  let top: string;
  let folder: string;

  beforeEach(() => {
    storage = create();
    top = mkdtempSync(join(tmpdir(), 'segmentd-storage-'));
    folder = join(top, 'a', 'b');
    storage.makeFolder(folder);
  });

  afterEach(() => {
    rmSync(top, { recursive: true });
  });

  test('makes folders and lists what is in them', () => {
    storage.makeFolder(folder);
    expect(storage.list(folder)).toEqual([]);
    storage.makeFolder(join(folder, 'inner'));
    put(storage, join(folder, 'file'), 'x').close();
    storage.syncFolder(folder);
    expect(storage.list(folder).sort()).toEqual(['file', 'inner']);
    expect(systemCode(() => storage.list(join(folder, 'none')))).toBe('ENOENT');
  });

  test('reads what was written', () => {
    const path = join(folder, 'file');
    const file = put(storage, path, 'hello');
    file.write(Buffer.from('j'), 0);
    file.write(Buffer.from('!'), 7);
    file.sync();
    expect(file.size).toBe(8);
    const shared = new Uint8Array(new SharedArrayBuffer(10), 1, 8);
    expect(file.read(shared, 4)).toBe(4);
    expect(Buffer.from(shared).toString('latin1')).toBe('o\0\0!\0\0\0\0');
    expect(file.read(shared, 8)).toBe(0);
    file.truncate(2);
    file.close();
    file.close();
    expect(textOf(storage, path)).toBe('je');
    expect(systemCode(() => storage.open(join(folder, 'none'), 'read'))).toBe('ENOENT');
  });

  test('syncs later, even when the file is closed meanwhile', async () => {
    const file = put(storage, join(folder, 'file'), 'hello');
    const synced = new Promise((resolve) => file.syncLater(resolve));
    file.close();
    expect(await synced).toBeNull();
  });

  test('renames files over files, and folders to names that are free', () => {
    put(storage, join(folder, 'new'), 'new').close();
    put(storage, join(folder, 'old'), 'old').close();
    storage.rename(join(folder, 'new'), join(folder, 'old'));
    expect(textOf(storage, join(folder, 'old'))).toBe('new');
    for (const name of ['x', 'y']) {
      storage.makeFolder(join(folder, name));
      put(storage, join(folder, name, 'file'), name).close();
    }
    expect(systemCode(() => storage.rename(join(folder, 'x'), join(folder, 'y')))).toBe('ENOTEMPTY');
    storage.rename(join(folder, 'x'), join(folder, 'z'));
    expect(textOf(storage, join(folder, 'z', 'file'))).toBe('x');
    expect(storage.list(folder).sort()).toEqual(['old', 'y', 'z']);
    expect(systemCode(() => storage.rename(join(folder, 'x'), join(folder, 'q')))).toBe('ENOENT');
  });

  test('removes files and folders, and does not mind when they are gone', () => {
    storage.makeFolder(join(folder, 'inner'));
    put(storage, join(folder, 'inner', 'file'), 'x').close();
    put(storage, join(folder, 'file'), 'x').close();
    for (const name of ['inner', 'file', 'none']) storage.remove(join(folder, name));
    expect(storage.list(folder)).toEqual([]);
  });

  test('locks a folder for one', () => {
    const lock = storage.lock(folder);
    expect(codeOf(() => storage.lock(folder))).toBe('DATA_DIR_IN_USE');
    lock.release();
    storage.lock(folder).release();
  });
});

describe('after a loss of power', () => {
  /** What a file may hold then; `undefined` when it is gone. */
  function outcomes(storage: MemoryStorage, path: string): Set<string | undefined> {
    const found = new Set<string | undefined>();
    for (let i = 0; i < 300; i++) {
      const after = storage.afterPowerFailure((below) => Math.floor(Math.random() * below));
      found.add(systemCode(() => textOf(after, path)) === 'ENOENT' ? undefined : textOf(after, path));
    }
    return found;
  }

  test('memory has what was synced, and any part of the rest', () => {
    const storage = new MemoryStorage();
    storage.makeFolder('/d');
    const file = put(storage, '/d/file', 'ab');
    expect(outcomes(storage, '/d/file')).toEqual(new Set([undefined, '', 'a', 'ab', '\0', '\0\0']));
    file.sync();
    expect(outcomes(storage, '/d/file')).toEqual(new Set([undefined, 'ab']));
    storage.syncFolder('/d');
    expect(outcomes(storage, '/d/file')).toEqual(new Set(['ab']));
    file.write(Buffer.from('c'), 2);
    expect(outcomes(storage, '/d/file')).toEqual(new Set(['ab', 'abc', 'ab\0']));
    file.sync();
    put(storage, '/d/new', 'xyz').sync();
    storage.rename('/d/new', '/d/file');
    expect(outcomes(storage, '/d/file')).toEqual(new Set(['abc', 'xyz']));
    storage.remove('/d/file');
    expect(outcomes(storage, '/d/file')).toEqual(new Set(['abc', 'xyz', undefined]));
    storage.syncFolder('/d');
    expect(outcomes(storage, '/d/file')).toEqual(new Set([undefined]));
  });

  test('a sync that began before a write does not vouch for it', async () => {
    const storage = new MemoryStorage();
    storage.makeFolder('/d');
    const file = put(storage, '/d/file', 'a');
    storage.syncFolder('/d');
    const synced = new Promise((resolve) => file.syncLater(resolve));
    file.write(Buffer.from('b'), 1);
    await synced;
    expect(outcomes(storage, '/d/file')).toEqual(new Set(['a', 'ab', 'a\0']));
  });
});
