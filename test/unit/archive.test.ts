import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readArchive, unpackArchive, writeArchive } from '../../src/persistence/archive.js';
import { filesIn, findBytes } from '../../src/persistence/find-bytes.js';
import type { Storage } from '../../src/persistence/storage.js';
import { MemoryStorage } from '../../src/persistence/storage-memory.js';
import { finish } from '../../src/store/steps.js';

const ARCHIVE = '/backups/store.backup';

function put(storage: Storage, path: string, bytes: Uint8Array): void {
  const file = storage.open(path, 'write');
  file.write(bytes, 0);
  file.close();
}

function get(storage: Storage, path: string): Buffer {
  const file = storage.open(path, 'read');
  const bytes = Buffer.alloc(file.size);
  file.read(bytes, 0);
  file.close();
  return bytes;
}

/** A storage with an archive of these files. */
function archived(contents: ReadonlyMap<string, Uint8Array>): MemoryStorage {
  const storage = new MemoryStorage();
  storage.makeFolder('/data/part');
  storage.makeFolder('/backups');
  const files = [...contents].map(([name, bytes]) => {
    put(storage, join('/data', name), bytes);
    return { name, file: storage.open(join('/data', name), 'read'), bytes: bytes.length };
  });
  const info = finish(writeArchive(storage, ARCHIVE, files));
  expect(info).toEqual({ files: contents.size, bytes: get(storage, ARCHIVE).length });
  return storage;
}

const contents = fc
  .array(fc.nat(600_000), { maxLength: 4 })
  .map((lengths) => new Map(lengths.map((length, i) => [`part/${i}.bin`, Buffer.alloc(length, `${i}abc`)])));

it('what is unpacked is what was packed', () => {
  fc.assert(
    fc.property(contents, (files) => {
      const storage = archived(files);
      finish(unpackArchive(storage, ARCHIVE, '/restored'));
      const found = filesIn(storage, '/restored');
      expect(found).toEqual([...files.keys()].map((name) => join('/restored', name)));
      for (const [name, bytes] of files)
        expect(get(storage, join('/restored', name)).equals(bytes)).toBe(true);
    }),
    { numRuns: 20 },
  );
});

it('only so much of a file is taken as was said, and one that is shorter is refused', () => {
  const storage = new MemoryStorage();
  storage.makeFolder('/backups');
  put(storage, '/backups/journal', Buffer.from('0123456789'));
  const file = storage.open('/backups/journal', 'read');
  finish(writeArchive(storage, ARCHIVE, [{ name: 'journal', file, bytes: 4 }]));
  finish(unpackArchive(storage, ARCHIVE, '/restored'));
  expect(get(storage, '/restored/journal').toString()).toBe('0123');
  const tooMuch = writeArchive(storage, ARCHIVE, [{ name: 'journal', file, bytes: 11 }]);
  expect(() => finish(tooMuch)).toThrow(/shorter/);
  expect(storage.list('/backups').sort()).toEqual(['journal', 'store.backup']);
});

it('an archive that is given up leaves nothing, and the one of that name stays', () => {
  const storage = archived(new Map([['part/old', Buffer.from('old')]]));
  const before = get(storage, ARCHIVE);
  const file = storage.open('/data/part/old', 'read');
  const steps = writeArchive(storage, ARCHIVE, [{ name: 'part/new', file, bytes: 3 }]);
  steps.next();
  expect(storage.list('/backups')).toHaveLength(2);
  steps.return(undefined as never);
  expect(storage.list('/backups')).toEqual(['store.backup']);
  expect(get(storage, ARCHIVE).equals(before)).toBe(true);
});

it('a flipped bit anywhere, and a missing or added end, are found', () => {
  const storage = archived(
    new Map([
      ['STATE', Buffer.from('abc')],
      ['part/1', Buffer.alloc(300_000, 'xyz')],
    ]),
  );
  const sound = get(storage, ARCHIVE);
  const read = (): unknown => finish(readArchive(storage, ARCHIVE, () => undefined));
  const corrupt = expect.objectContaining({
    code: 'DATA_CORRUPT',
    message: expect.stringContaining(ARCHIVE),
  });
  const file = storage.open(ARCHIVE, 'write');
  fc.assert(
    fc.property(fc.nat(sound.length - 1), fc.nat(7), (at, bit) => {
      file.write(Buffer.from([sound[at]! ^ (1 << bit)]), at);
      expect(read).toThrow(corrupt);
      file.write(sound.subarray(at, at + 1), at);
    }),
    // The heads, which are few bytes of many, come first.
    { examples: Array.from({ length: 48 }, (_, at): [number, number] => [at, at % 8]) },
  );
  for (let cut = 1; cut < 40; cut++) {
    file.truncate(sound.length - cut);
    expect(read).toThrow(corrupt);
  }
  file.write(Buffer.concat([sound, Buffer.from('x')]), 0);
  expect(read).toThrow(corrupt);
});

it('bytes are found wherever they are, across the pieces that are read', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(
        fc.integer({ min: -20, max: 20 }).map((offset) => 1024 * 1024 + offset * 7),
        { maxLength: 4 },
      ),
      fc.integer({ min: 1, max: 6 }),
      (offsets, length) => {
        const storage = new MemoryStorage();
        storage.makeFolder('/data/part');
        const bytes = Buffer.alloc(2 * 1024 * 1024 + 5);
        const wanted = Buffer.from('secret').subarray(0, length);
        for (const offset of offsets) wanted.copy(bytes, offset);
        put(storage, '/data/part/file', bytes);
        const found = finish(findBytes(storage, filesIn(storage, '/data'), wanted));
        expect(found).toEqual(
          offsets.sort((a, b) => a - b).map((offset) => ({ path: '/data/part/file', offset })),
        );
      },
    ),
    { numRuns: 30 },
  );
});
