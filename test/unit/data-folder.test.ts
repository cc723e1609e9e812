import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Engine } from '../../src/index.js';
import { openEngineOn } from '../../src/open.js';
import { FailingStorage } from '../../src/persistence/storage-crashing.js';
import { fileStorage } from '../../src/persistence/storage-file.js';
import { codeOf } from '../support/code-of.js';
import { startTestServer } from '../support/server.js';
import { TestFolder } from '../support/test-folder.js';

const HEADER_BYTES = 16;

let folder: TestFolder;

beforeEach(() => {
  folder = new TestFolder();
});

afterEach(() => {
  vi.useRealTimers();
  folder.remove();
});

/** Three records; returns where each of them begins, and where the last one ends. */
function writeThree(): number[] {
  const engine = folder.open();
  const offsets = [HEADER_BYTES];
  for (const user of ['anna', 'bert', 'carl']) {
    engine.setTags(user, { sports: true, city: 'Köln' });
    engine.flush();
    offsets.push(engine.persistence!.size);
  }
  engine.close();
  return offsets;
}

describe('a damaged journal', () => {
  test('loses its last record, and no other, when that is not whole', () => {
    const [, , start, end] = writeThree() as [number, number, number, number];
    const whole = readFileSync(folder.journal);
    for (let size = start; size < end; size++) {
      writeFileSync(folder.journal, whole.subarray(0, size));
      const engine = folder.open();
      expect(engine.persistence).toMatchObject({ replayed: 2, torn: size - start, size: start });
      expect([...engine.members('sports')]).toEqual(['anna', 'bert']);
      expect(statSync(folder.journal).size).toBe(start);
      engine.setTags('dora', { sports: true });
      const again = folder.reopen(engine);
      expect([...again.members('sports')]).toEqual(['anna', 'bert', 'dora']);
      again.close();
    }
  });

  test('may be longer than what was written, with zeros', () => {
    const end = writeThree().at(-1)!;
    appendFileSync(folder.journal, Buffer.alloc(2_500_000));
    expect(folder.open().persistence).toMatchObject({ replayed: 3, torn: 2_500_000, size: end });
  });

  test('is not opened when any bit is wrong', () => {
    const offsets = writeThree();
    const whole = readFileSync(folder.journal);
    for (let at = 0; at < whole.length; at++) {
      const flipped = Buffer.from(whole);
      flipped[at]! ^= 1 << (at % 8);
      writeFileSync(folder.journal, flipped);
      const record = at < HEADER_BYTES ? 0 : offsets.findLast((offset) => offset <= at)!;
      expect(() => folder.open()).toThrow(`${folder.journal} is damaged at offset ${record}: `);
      expect(codeOf(() => folder.open())).toBe('DATA_CORRUPT');
    }
    writeFileSync(folder.journal, whole);
    expect(folder.open().count('sports')).toBe(3);
  });

  test('can be cut where the error says', () => {
    const [, second] = writeThree() as [number, number];
    const whole = readFileSync(folder.journal);
    whole[second + 20]! ^= 1;
    writeFileSync(folder.journal, whole);
    expect(() => folder.open()).toThrow(`truncate -s ${second} ${folder.journal}`);
    truncateSync(folder.journal, second);
    expect([...folder.open().members('sports')]).toEqual(['anna']);
  });

  test('is found by its manifest, which is checked as well', () => {
    writeThree();
    const manifest = join(folder.path, 'MANIFEST');
    const text = readFileSync(manifest, 'utf8');
    writeFileSync(manifest, text.replace('000001', '000002'));
    expect(codeOf(() => folder.open())).toBe('DATA_CORRUPT');
    expect(() => folder.open()).toThrow(manifest);
    rmSync(manifest);
    expect(codeOf(() => folder.open())).toBe('DATA_CORRUPT');
    expect(() => folder.open()).toThrow('no MANIFEST');
    writeFileSync(manifest, text);
    rmSync(folder.journal);
    expect(() => folder.open()).toThrow(folder.journal);
  });

  test('of a first start that was interrupted is made again', () => {
    writeFileSync(folder.journal, 'SEGM');
    expect(folder.open().stats().users).toBe(0);
  });
});

describe('the lock', () => {
  const lock = (): string => join(folder.path, 'LOCK');

  test('keeps a second engine out until the first is closed', () => {
    const engine = folder.open();
    expect(codeOf(() => folder.open())).toBe('DATA_DIR_IN_USE');
    expect(() => folder.open()).toThrow(folder.path);
    expect(() => folder.open()).toThrow(String(process.pid));
    engine.close();
    expect(existsSync(lock())).toBe(false);
    folder.open().close();
    expect(readdirSync(folder.path).sort()).toEqual(['MANIFEST', 'journal-000001.log']);
  });

  /** The lock that an engine of this process holds, with something different. */
  function changed(change: object): string {
    const text = readFileSync(lock(), 'utf8');
    return JSON.stringify({ ...JSON.parse(text), ...change });
  }

  test('is taken over from a process that is gone, and from one whose pid is another one now', () => {
    const engine = folder.open();
    const stale = [changed({ pid: 2 ** 22 + 1 }), changed({ started: '1' }), changed({ boot: 'earlier' })];
    engine.close();
    for (const text of stale) {
      writeFileSync(lock(), text);
      folder.open().close();
      expect(existsSync(lock())).toBe(false);
    }
  });

  test("of another machine, or one that nobody understands, is the administrator's to remove", () => {
    const engine = folder.open();
    const foreign = changed({ host: 'elsewhere', pid: 2 ** 22 + 1 });
    engine.close();
    for (const [text, named] of [
      [foreign, 'elsewhere'],
      ['', 'unknown'],
    ] as const) {
      writeFileSync(lock(), text);
      expect(codeOf(() => folder.open())).toBe('DATA_DIR_IN_USE');
      expect(() => folder.open()).toThrow(named);
      expect(() => folder.open()).toThrow(`delete ${lock()}`);
    }
  });
});

describe('a disk that fails', () => {
  let broken: { write?: boolean; sync?: boolean };

  beforeEach(() => {
    broken = {};
  });

  /** An engine whose files fail while `broken` says so; what is written then is there all the same, or not. */
  function openBrittle(): Engine {
    const storage = new FailingStorage(fileStorage, (operation, _path, act) => {
      if (operation === 'write' && broken.write) {
        act();
        throw new Error('ENOSPC: no space left on device');
      }
      if (operation === 'sync' && broken.sync) throw new Error('EIO: i/o error');
    });
    return folder.closing(openEngineOn({ dataDir: folder.path }, storage));
  }

  test('refuses changes, not reads, until it can be written again', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const engine = openBrittle();
    engine.setTags('anna', { sports: true });
    engine.flush();
    broken = { write: true };
    engine.setTags('bert', { sports: true });
    expect(codeOf(() => engine.flush())).toBe('PERSISTENCE_FAILED');
    for (const write of [() => engine.setTags('carl', { sports: true }), () => engine.clear()]) {
      expect(codeOf(write)).toBe('PERSISTENCE_FAILED');
      expect(write).toThrow(`${folder.journal} cannot be written: ENOSPC`);
    }
    engine.flush();
    expect([...engine.members('sports')]).toEqual(['anna', 'bert']);
    expect(engine.persistence!.failure).toContain('ENOSPC');
    vi.advanceTimersByTime(1_000);
    expect(engine.persistence!.failure).toContain('ENOSPC');
    broken = {};
    vi.advanceTimersByTime(1_000);
    expect(engine.persistence!.failure).toBeUndefined();
    engine.setTags('carl', { sports: true });
    const again = folder.reopen(engine);
    expect([...again.members('sports')]).toEqual(['anna', 'bert', 'carl']);
    expect(again.persistence!.torn).toBe(0);
  });

  test('is told of by the next change when nobody flushed', async () => {
    const engine = openBrittle();
    broken = { write: true };
    engine.setTags('anna', { sports: true });
    await nextTurn();
    expect(codeOf(() => engine.setTags('bert', { sports: true }))).toBe('PERSISTENCE_FAILED');
    expect(codeOf(() => engine.flush())).toBe('PERSISTENCE_FAILED');
    expect(codeOf(() => engine.close())).toBe('PERSISTENCE_FAILED');
    broken = {};
    expect(folder.open().persistence).toMatchObject({ failure: undefined });
  });

  test('is not trusted any more after a failed sync: all is written anew', async () => {
    const engine = openBrittle();
    engine.setTags('anna', { sports: true });
    broken = { sync: true };
    await expect(engine.synced()).rejects.toThrow('EIO');
    expect(codeOf(() => engine.setTags('bert', { sports: true }))).toBe('PERSISTENCE_FAILED');
    expect(engine.persistence!.failure).toMatch(/journal-000001\.log cannot be written: EIO.*a new journal/);
    expect(codeOf(() => engine.snapshotNow())).toBe('PERSISTENCE_FAILED');
    expect(engine.persistence!.failure).toContain('EIO');
    expect(engine.count('sports')).toBe(1);
    broken = {};
    await expect.poll(() => engine.persistence!.failure).toBeUndefined();
    expect(engine.persistence!.snapshot!.name).not.toBe('snapshot-000002');
    engine.setTags('carl', { sports: true });
    await engine.synced();
    expect(readdirSync(folder.path)).not.toContain('journal-000001.log');
    expect([...folder.reopen(engine).members('sports')]).toEqual(['anna', 'carl']);
  });

  test('that does not recover is told of when the engine is closed', async () => {
    const engine = openBrittle();
    engine.setTags('anna', { sports: true });
    engine.flush();
    broken = { sync: true };
    await expect(engine.synced()).rejects.toThrow('EIO');
    expect(codeOf(() => engine.close())).toBe('PERSISTENCE_FAILED');
    broken = {};
    expect(folder.open().count('sports')).toBe(1);
  });

  test('keeps the server from replying that a change is done', async () => {
    const engine = openBrittle();
    const server = await startTestServer({ engine });
    const [first, second] = [await server.connect(), await server.connect()];
    expect(await first.call('HSET', 'user:anna', 'sports', 1)).toBe(1);
    expect(await first.call('INFO', 'persistence')).toMatch(
      /aof_enabled:1\r\n.*aof_last_write_status:ok\r\n/s,
    );
    broken = { write: true };
    first.send(['HSET', 'user:bert', 'sports', '1'], ['PING']);
    expect(await first.closed()).toMatch(/^-MISCONF changes are refused: .*ENOSPC.*\r\n$/);
    expect(await second.error('HSET', 'user:carl', 'sports', 1)).toMatch(/^MISCONF /);
    expect(await second.call('HGET', 'user:anna', 'sports')).toBe('1');
    expect(await second.call('INFO', 'persistence')).toContain('aof_last_write_status:err');
    await expect(server.close()).rejects.toThrow('ENOSPC');
  });
});
