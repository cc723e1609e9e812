import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Engine, type EngineOptions, SegmentdError } from '../../src/index.js';
import { openEngineOn } from '../../src/open.js';
import { crc32c } from '../../src/persistence/crc32c.js';
import { readManifest } from '../../src/persistence/manifest.js';
import type { Storage } from '../../src/persistence/storage.js';
import { FailingStorage, type Interrupt } from '../../src/persistence/storage-crashing.js';
import { MemoryStorage } from '../../src/persistence/storage-memory.js';
import { codeOf } from '../support/code-of.js';

const FOLDER = '/data';

let memory: MemoryStorage;
let interrupt: Interrupt;
let engines: Engine[];

beforeEach(() => {
  memory = new MemoryStorage();
  interrupt = () => {};
  engines = [];
});

afterEach(() => {
  vi.useRealTimers();
  interrupt = () => {};
  for (const engine of engines) engine.close();
});

/** An engine on files in memory that fail as `interrupt` says. */
function open(options: Partial<EngineOptions> = {}, on: Storage = memory): Engine {
  const storage = new FailingStorage(on, (...given) => interrupt(...given));
  const engine = openEngineOn({ dataDir: FOLDER, ...options }, storage);
  engines.push(engine);
  return engine;
}

function reopen(engine: Engine, options: Partial<EngineOptions> = {}): Engine {
  engine.close();
  return open(options);
}

function names(): string[] {
  return memory.list(FOLDER).sort();
}

function membersOf(engine: Engine, tag = 'sports'): string[] {
  return [...engine.members(tag)].sort();
}

/** Changes bytes of a file. */
function patch(path: string, change: (bytes: Buffer) => void): void {
  const file = memory.open(path, 'write');
  const bytes = Buffer.alloc(file.size);
  file.read(bytes, 0);
  change(bytes);
  file.write(bytes, 0);
}

function add(engine: Engine, ...users: string[]): void {
  for (const user of users) engine.setTags(user, { sports: true });
}

async function codeLater(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof SegmentdError)) throw new Error(`no SegmentdError: ${String(error)}`);
  return error.code;
}

describe('a snapshot', () => {
  test('takes the place of what was there before', async () => {
    const engine = open();
    add(engine, 'anna', 'bert');
    const info = await engine.snapshot();
    expect(info).toMatchObject({ users: 2, tags: 1 });
    expect(names()).toEqual(['MANIFEST', 'journal-000002.log', 'snapshot-000002']);
    expect(engine.persistence).toMatchObject({
      file: 'journal-000002.log',
      changesSinceSnapshot: 0,
      snapshot: { name: 'snapshot-000002', bytes: info.bytes },
      snapshotFailure: undefined,
    });
    add(engine, 'carl');
    expect(engine.persistence!.changesSinceSnapshot).toBe(1);
    const again = reopen(engine);
    expect(again.persistence).toMatchObject({ replayed: 1, changesSinceSnapshot: 1 });
    expect(membersOf(again)).toEqual(['anna', 'bert', 'carl']);
    again.snapshotNow();
    expect(names()).toEqual(['MANIFEST', 'journal-000003.log', 'snapshot-000003']);
    expect(membersOf(reopen(again))).toEqual(['anna', 'bert', 'carl']);
  });

  test('does not hold up changes, and is the only one', async () => {
    const engine = open();
    add(engine, 'anna');
    const snapshot = engine.snapshot();
    expect(await codeLater(engine.snapshot())).toBe('SNAPSHOT_RUNNING');
    expect(codeOf(() => engine.snapshotNow())).toBe('SNAPSHOT_RUNNING');
    add(engine, 'bert');
    await snapshot;
    add(engine, 'carl');
    expect(membersOf(reopen(engine))).toEqual(['anna', 'bert', 'carl']);
  });

  test('begins when all before it is on the disk, whatever was written at the last moment', async () => {
    const engine = open({ fsync: 'no' });
    add(engine, 'anna');
    const snapshot = engine.snapshot();
    await nextTurn(); // A sync of what was there has begun.
    add(engine, 'bert');
    engine.flush();
    let survivor: MemoryStorage | undefined;
    interrupt = (operation, path) => {
      if (operation === 'write' && path.includes('snapshot')) survivor ??= memory.afterPowerFailure(() => 0);
    };
    await snapshot;
    expect(membersOf(open({}, survivor))).toEqual(['anna', 'bert']);
  });

  test('that fails loses nothing, and the next one is whole', async () => {
    const engine = open();
    add(engine, 'anna');
    interrupt = (operation, path) => {
      if (operation === 'write' && path.includes('snapshot'))
        throw new Error('ENOSPC: no space left on device');
    };
    expect(await codeLater(engine.snapshot())).toBe('PERSISTENCE_FAILED');
    expect(codeOf(() => engine.snapshotNow())).toBe('PERSISTENCE_FAILED');
    expect(engine.persistence).toMatchObject({
      failure: undefined,
      snapshot: undefined,
      snapshotFailure: expect.stringContaining('ENOSPC'),
    });
    expect(names()).toEqual(['MANIFEST', 'journal-000001.log', 'journal-000002.log']);
    add(engine, 'bert');
    const again = reopen(engine);
    expect(membersOf(again)).toEqual(['anna', 'bert']);
    interrupt = () => {};
    await again.snapshot();
    expect(names()).toEqual(['MANIFEST', 'journal-000003.log', 'snapshot-000003']);
    expect(again.persistence!.snapshotFailure).toBeUndefined();
    expect(membersOf(reopen(again))).toEqual(['anna', 'bert']);
  });

  test('is given up when everything is cleared or closed', async () => {
    const engine = open();
    engine.setTags('anna', { sports: true, text: 'v'.repeat(16_000) });
    for (let i = 0; i < 5; i++) engine.setTags(`u${i}`, { text: `${i}${'v'.repeat(16_000)}` });
    const first = engine.snapshot();
    await nextTurn();
    engine.clear();
    expect(await codeLater(first)).toBe('PERSISTENCE_FAILED');
    add(engine, 'bert');
    const second = engine.snapshot();
    const again = reopen(engine);
    expect(await codeLater(second)).toBe('PERSISTENCE_FAILED');
    expect(again.stats()).toMatchObject({ users: 1, tags: 1 });
  });

  test('comes by itself when the journals are large', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const engine = open({ snapshotJournalBytes: 1_000 });
    add(engine, 'anna');
    vi.advanceTimersByTime(5_000);
    expect(engine.persistence!.snapshot).toBeUndefined();
    add(engine, ...Array.from({ length: 100 }, (_, i) => `user ${i}`));
    engine.flush();
    vi.advanceTimersByTime(1_000);
    await expect.poll(() => engine.persistence!.snapshot?.name).toBe('snapshot-000002');
    vi.advanceTimersByTime(5_000);
    await nextTurn();
    expect(engine.persistence!.snapshot!.name).toBe('snapshot-000002');
  });

  test('comes by itself when changes are old, and is tried again after a failure', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'] });
    const engine = open({ snapshotAge: 60 });
    vi.advanceTimersByTime(120_000);
    expect(engine.persistence!.snapshotProgress).toBeUndefined();
    add(engine, 'anna');
    let attempts = 0;
    interrupt = (operation, path) => {
      if (operation !== 'create' || !path.includes('snapshot')) return;
      attempts++;
      throw new Error('EROFS: read-only file system');
    };
    vi.advanceTimersByTime(1_000);
    await expect.poll(() => engine.persistence!.snapshotFailure).toContain('EROFS');
    expect(attempts).toBe(1);
    interrupt = () => {};
    vi.advanceTimersByTime(1_000);
    await expect.poll(() => engine.persistence!.snapshot).toBeDefined();
    expect(engine.persistence!.snapshotFailure).toBeUndefined();
  });

  test('that is damaged is told by name, or an older one stands in with its journals', async () => {
    const engine = open();
    add(engine, 'anna');
    await engine.snapshot();
    add(engine, 'bert');
    // The older files cannot be removed.
    interrupt = (operation) => {
      if (operation === 'remove') throw new Error('EPERM: operation not permitted');
    };
    await engine.snapshot();
    add(engine, 'carl');
    engine.close();
    expect(names()).toEqual([
      'MANIFEST',
      ...['journal-000002.log', 'journal-000003.log'],
      ...['snapshot-000002', 'snapshot-000003'],
    ]);
    patch('/data/snapshot-000003/STATE', (bytes) => {
      bytes[20]! ^= 1;
    });
    const again = open();
    expect(again.persistence).toMatchObject({
      damagedSnapshot: 'snapshot-000003',
      snapshot: { name: 'snapshot-000002' },
      replayed: 2,
    });
    expect(membersOf(again)).toEqual(['anna', 'bert', 'carl']);
    interrupt = () => {};
    await again.snapshot();
    again.close();
    patch(`/data/${names().at(-1)}/STATE`, (bytes) => {
      bytes[20]! ^= 1;
    });
    expect(codeOf(() => open())).toBe('DATA_CORRUPT');
    expect(() => open()).toThrow(`/data/${names().at(-1)}/STATE is damaged`);
  });
});

describe('a disk that fails', () => {
  test('leaves whoever waits for it with an error, and later changes are kept', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'] });
    const engine = open({ fsync: 'always' });
    add(engine, 'anna');
    expect(engine.commit()).toBe(false);
    expect(engine.durable).toBe(false);
    const first = new Promise((resolve) => engine.whenDurable(resolve));
    expect(await first).toBeUndefined();
    expect(engine.durable).toBe(true);
    expect(engine.commit()).toBe(true);
    interrupt = (operation, path) => {
      if (operation === 'sync' && path.includes('journal')) throw new Error('EIO: i/o error');
    };
    add(engine, 'bert');
    expect(engine.commit()).toBe(false);
    const second = new Promise((resolve) => engine.whenDurable(resolve));
    expect(await second).toMatchObject({ code: 'PERSISTENCE_FAILED' });
    expect(engine.durable).toBe(false);
    expect(codeOf(() => add(engine, 'carl'))).toBe('PERSISTENCE_FAILED');
    vi.advanceTimersByTime(3_000);
    expect(engine.persistence!.failure).toContain('EIO');
    interrupt = () => {};
    vi.advanceTimersByTime(10_000);
    expect(engine.persistence!.failure).toBeUndefined();
    add(engine, 'dora');
    engine.flush();
    const survivor = memory.afterPowerFailure(() => 0);
    const again = open({}, survivor);
    expect(membersOf(again)).toEqual(['anna', 'bert', 'dora']);
  });

  test('in the middle of a new manifest: all is written anew', () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'] });
    const engine = open();
    add(engine, 'anna');
    interrupt = (operation, path) => {
      if (operation === 'rename' && path.endsWith('MANIFEST')) throw new Error('EIO: i/o error');
    };
    expect(codeOf(() => engine.snapshotNow())).toBe('PERSISTENCE_FAILED');
    expect(codeOf(() => add(engine, 'bert'))).toBe('PERSISTENCE_FAILED');
    // Either manifest may be there after a crash: nothing of what it may name is removed.
    expect(names()).toContain('journal-000001.log');
    interrupt = () => {};
    vi.advanceTimersByTime(2_000);
    add(engine, 'carl');
    expect(names()).toHaveLength(3);
    expect(membersOf(reopen(engine))).toEqual(['anna', 'carl']);
  });

  test('is not written to when it is only read', () => {
    expect(codeOf(() => open({ readOnly: true }))).toBe('PERSISTENCE_FAILED');
    const owner = open();
    add(owner, 'anna');
    owner.flush();
    interrupt = (_operation, path) => {
      throw new Error(`EROFS: ${path}`);
    };
    const reader = open({ readOnly: true });
    expect(membersOf(reader)).toEqual(['anna']);
    expect(codeOf(() => add(reader, 'bert'))).toBe('READ_ONLY');
    expect(codeOf(() => reader.snapshotNow())).toBe('READ_ONLY');
    expect(reader.persistence).toMatchObject({ readOnly: true, replayed: 1 });
    reader.flush();
    reader.close();
    interrupt = () => {};
    add(owner, 'bert');
    expect(membersOf(reopen(owner))).toEqual(['anna', 'bert']);
  });
});

describe('a journal after a loss of power', () => {
  const PATH = '/data/journal-000001.log';

  /** Writes three records, the sizes of which are more than a sector; `sync` after the second or not. Returns where they begin. */
  async function writeThree(isSynced: boolean): Promise<number[]> {
    const engine = open({ fsync: 'no' });
    const starts: number[] = [];
    for (const user of ['anna', 'bert', 'carl']) {
      starts.push(engine.persistence!.size);
      engine.setTags(user, { sports: true, text: `${user}${'v'.repeat(1_500)}` });
      engine.flush();
      if (user === 'bert' && isSynced) await engine.synced();
    }
    engine.close();
    return starts;
  }

  test('may lack sectors that were not synced, whatever follows them', async () => {
    const [, second] = (await writeThree(false)) as [number, number, number];
    patch(PATH, (bytes) => bytes.fill(0, 2048, 2560));
    const engine = open();
    expect(engine.persistence).toMatchObject({ replayed: 1, size: second });
    expect(engine.persistence!.torn).toBeGreaterThan(1_500);
    add(engine, 'dora');
    expect(membersOf(reopen(engine))).toEqual(['anna', 'dora']);
  });

  test('may not lack what was synced before something that follows', async () => {
    const [, second] = (await writeThree(true)) as [number, number, number];
    patch(PATH, (bytes) => bytes.fill(0, 2048, 2560));
    expect(codeOf(() => open())).toBe('DATA_CORRUPT');
    expect(() => open()).toThrow(`${PATH} is damaged at offset ${second}: `);
  });

  test('may lack the header of a record', async () => {
    const [, , third] = (await writeThree(true)) as [number, number, number];
    patch(PATH, (bytes) => bytes.fill(0, third, Math.ceil((third + 1) / 512) * 512));
    expect(open().persistence).toMatchObject({ replayed: 2, size: third });
  });
});

test('a journal of version 1 is read, and a new one is begun', () => {
  open().close();
  const record = Buffer.from('dd0000000194 01c404616e6e61a673706f727473c3'.replaceAll(' ', ''), 'hex');
  const bytes = Buffer.alloc(28 + record.length);
  bytes.write('SEGMJRNL', 'latin1');
  bytes.writeUInt32LE(1, 8);
  bytes.writeUInt32LE(crc32c(bytes, 0, 12), 12);
  bytes.writeUInt32LE(record.length, 16);
  bytes.writeUInt32LE(crc32c(record), 20);
  bytes.writeUInt32LE(crc32c(bytes, 16, 24), 24);
  record.copy(bytes, 28);
  const file = memory.open('/data/journal-000001.log', 'write');
  file.truncate(0);
  file.write(bytes, 0);
  file.write(Buffer.from('torn'), bytes.length);
  const json = JSON.stringify({ format: 1, journals: ['journal-000001.log'] });
  const sum = crc32c(Buffer.from(json)).toString(16).padStart(8, '0');
  const manifest = memory.open('/data/MANIFEST', 'write');
  manifest.truncate(0);
  manifest.write(Buffer.from(`${json}\ncrc32c ${sum}\n`), 0);
  const engine = open();
  expect(engine.persistence).toMatchObject({ replayed: 1, torn: 4, file: 'journal-000002.log' });
  add(engine, 'bert');
  const again = reopen(engine);
  expect(membersOf(again)).toEqual(['anna', 'bert']);
  expect(readManifest(memory, FOLDER)!.journals).toEqual(['journal-000001.log', 'journal-000002.log']);
});

test('no flipped bit is passed over, in any file', { timeout: 60_000 }, async () => {
  const engine = open({ fsync: 'always' });
  engine.declareTag('age', { kind: 'number' });
  for (let i = 0; i < 300; i++) engine.setTags(`user ${i}`, { age: i, sports: true, city: `c${i % 7}` });
  await engine.snapshot();
  add(engine, 'anna');
  engine.flush();
  add(engine, 'bert');
  engine.close();
  const files = [
    'MANIFEST',
    'journal-000002.log',
    ...memory.list('/data/snapshot-000002').map((name) => `snapshot-000002/${name}`),
  ];
  let flips = 0;
  for (const name of files) {
    const path = `${FOLDER}/${name}`;
    const { size } = memory.open(path, 'read');
    for (let i = 0; i < 40; i++) {
      const at = Math.floor((size * (i + Math.random())) / 40);
      const bit = 1 << Math.floor(Math.random() * 8);
      const flip = (bytes: Buffer): void => {
        bytes[at]! ^= bit;
      };
      patch(path, flip);
      expect(() => open(), `${name}, bit ${bit} at ${at}`).toThrow(name);
      patch(path, flip);
      flips++;
    }
  }
  expect(flips).toBe(files.length * 40);
  expect(open().count('sports')).toBe(302);
});
