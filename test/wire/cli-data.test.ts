/** What the command line says of data folders; the line itself is taken apart elsewhere. */
import { existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { dataHelpTexts, runBackup, runCheck, runRestore, runSnapshot } from '../../protocol/cli-data.js';
import type { CliOutput } from '../../protocol/cli-output.js';
import { openEngineOn } from '../../src/open.js';
import { FailingStorage } from '../../src/persistence/storage-crashing.js';
import { fileStorage } from '../../src/persistence/storage-file.js';
import { codeOf } from '../support/code-of.js';
import { startTestServer } from '../support/server.js';
import { TestFolder } from '../support/test-folder.js';

const OPTIONS = { snapshotAge: 0, snapshotJournalBytes: 0 };

class Recorder implements CliOutput {
  readonly lines: string[] = [];
  readonly shown: string[] = [];

  print(line: string): void {
    this.lines.push(line);
  }

  progress(text: string): void {
    this.shown.push(text);
  }

  fail(message: string): void {
    throw new Error(message);
  }
}

let folder: TestFolder;
let other: TestFolder;
let output: Recorder;

beforeEach(() => {
  folder = new TestFolder();
  other = new TestFolder();
  output = new Recorder();
});
afterEach(() => {
  folder.remove();
  other.remove();
});

/** Two users in a snapshot, and one in a journal. */
function fill(): void {
  const engine = folder.open(OPTIONS);
  engine.setTags('anna@example.com', { city: 'Köln', sports: true });
  engine.setTags('bert@example.com', { city: 'Bonn' });
  engine.snapshotNow();
  engine.setTags('carl@example.com', { city: 'Bonn' });
  engine.close();
}

function check(erased?: string): number {
  output = new Recorder();
  return runCheck([folder.path], { erased }, output);
}

describe('check', () => {
  test('of a sound folder', () => {
    fill();
    expect(check()).toBe(0);
    const [title, snapshot, journal, ...rest] = output.lines;
    expect(title).toBe(`data folder ${folder.path}`);
    expect(snapshot).toMatch(/^ {2}snapshot-000002: 2 users, \d+\.\d kB, made \d{4}-\d\d-\d\dT[\d:.]+Z$/);
    expect(journal).toMatch(/^ {2}journal-000002\.log: 1 change in 1 record, \d+ bytes$/);
    expect(rest).toEqual(['  together: 3 users, 2 tags, 4 values, 0 audiences', 'sound']);
    expect(output.shown[0]).toMatch(/^checking: \d+% of \d+\.\d kB$/);
  });

  test('of one that is not, and one with other files', () => {
    fill();
    const journal = join(folder.path, 'journal-000002.log');
    truncateSync(journal, readFileSync(journal).length - 1);
    writeFileSync(join(folder.path, 'MANIFEST.tmp'), '');
    writeFileSync(join(folder.path, 'notes.txt'), '');
    expect(check()).toBe(0);
    expect(output.lines[3]).toMatch(
      /^ {4}its last \d+ bytes are of a change that was not written to its end/,
    );
    expect(output.lines).toContain('  left over, gone when the folder is opened next: MANIFEST.tmp');
    expect(output.lines).toContain('  not ours: notes.txt');
    truncateSync(join(folder.path, 'snapshot-000002', 'STATE'), 10);
    expect(check()).toBe(1);
    expect(output.lines.at(-2)).toMatch(
      `problem: ${join(folder.path, 'snapshot-000002', 'STATE')} is damaged: `,
    );
    expect(output.lines.at(-1)).toBe('not sound: 1 problem');
  });

  test('for an erased id', async () => {
    fill();
    expect(check('anna@example.com')).toBe(1);
    expect(output.lines.slice(-2)).toEqual([
      expect.stringMatching(
        /^"anna@example.com" is in .*records.bin, at offset \d+: users of the last snapshot$/,
      ),
      '"anna@example.com" is a user: not erased',
    ]);
    const engine = folder.open(OPTIONS);
    engine.eraseUser('anna@example.com');
    engine.flush();
    expect(check('anna@example.com')).toBe(1);
    expect(output.lines.slice(-2)).toEqual([
      expect.stringMatching(/journal-000002.log, at offset \d+: changes since|records.bin, at offset/),
      '"anna@example.com" is no user any more, and is in no file once the next snapshot is written: segmentd snapshot',
    ]);
    await engine.snapshot();
    expect(check('anna@example.com')).toBe(0);
    expect(output.lines.at(-1)).toBe('"anna@example.com" is in no file');
    expect(check('Bonn')).toBe(1);
    expect(output.lines.slice(-3)).toEqual([
      expect.stringMatching(/^"Bonn" is in .*STATE, at offset \d+: a tag's name, a value or an expression/),
      '"Bonn" is no user, and is still in what is not the user\'s',
      'such a short id is also in files by chance',
    ]);
  });
});

describe('backup and restore', () => {
  test('of a folder that is in use', () => {
    fill();
    const engine = folder.open(OPTIONS);
    const file = join(other.path, 'backup');
    const copy = join(other.path, 'copy');
    expect(runBackup([folder.path, file], output)).toBe(0);
    expect(runRestore([file, copy], output)).toBe(0);
    expect(output.lines).toEqual([
      expect.stringMatching(
        `^backup of ${folder.path}: snapshot-000002 and 1 journal, \\d+\\.\\d kB in ${file}$`,
      ),
      `restored to ${copy}: snapshot-000002 and 1 journal of ${file}`,
      `start it with: segmentd serve --data-dir ${copy}`,
    ]);
    engine.close();
    expect(runCheck([copy], {}, output)).toBe(0);
    const restored = other.open({ dataDir: copy });
    expect([...restored.members('city', 'Bonn')].sort()).toEqual(['bert@example.com', 'carl@example.com']);
  });

  test('overwrite nothing', () => {
    fill();
    const file = join(other.path, 'backup');
    writeFileSync(file, 'the only copy of something');
    expect(() => runBackup([folder.path, file], output)).toThrow(`${file} is there already and is no backup`);
    expect(readFileSync(file, 'utf8')).toBe('the only copy of something');
    expect(codeOf(() => runBackup([file, folder.path], output))).toBe('PERSISTENCE_FAILED');
    const second = join(other.path, 'second');
    runBackup([folder.path, second], output);
    runBackup([folder.path, second], output);
    expect(() => runRestore([second, folder.path], output)).toThrow(
      /is not empty, it has MANIFEST: restore to an empty/,
    );
    expect(() => runRestore([second, file], output)).toThrow(/ENOTDIR/);
    expect(check()).toBe(0);
  });

  test('are refused where there is nothing, or something else', () => {
    const [nosuch, target] = [join(folder.path, 'nosuch'), join(other.path, 'target')];
    expect(() => runBackup([nosuch, target], output)).toThrow(
      `data folder ${nosuch} cannot be opened: ENOENT`,
    );
    expect(() => runBackup([folder.path, target], output)).toThrow(`${folder.path} has no MANIFEST`);
    expect(() => runRestore([nosuch, target], output)).toThrow(/ENOENT/);
    writeFileSync(join(folder.path, 'notes'), 'something else, and long enough');
    expect(() => runRestore([join(folder.path, 'notes'), target], output)).toThrow(
      /does not begin as an archive does/,
    );
    expect(existsSync(target)).toBe(false);
    expect(output.lines).toEqual([]);
  });

  test('refuse a folder that is damaged', () => {
    fill();
    const path = join(folder.path, 'snapshot-000002', 'records.bin');
    const bytes = readFileSync(path);
    bytes[9]! ^= 1;
    writeFileSync(path, bytes);
    const target = join(other.path, 'target');
    expect(codeOf(() => runBackup([folder.path, target], output))).toBe('DATA_CORRUPT');
    expect(existsSync(target)).toBe(false);
  });
});

describe('snapshot', () => {
  test('has a server write one, and says why it does not', async () => {
    let isFull = false;
    const storage = new FailingStorage(fileStorage, (_, path) => {
      if (isFull && path.includes('snapshot')) throw new Error('ENOSPC');
    });
    const engine = openEngineOn({ dataDir: folder.path, ...OPTIONS }, storage);
    const server = await startTestServer({ engine, password: 'secret' });
    try {
      const address = { host: '127.0.0.1', port: server.port, password: 'secret' };
      engine.setTags('anna', { a: true });
      expect(await runSnapshot([], address, output)).toBe(0);
      expect(output.lines).toEqual([
        expect.stringMatching(/^snapshot-000002 is written: \d+\.\d kB in \d+\.\d s$/),
      ]);
      expect(existsSync(join(folder.path, 'snapshot-000002', 'STATE'))).toBe(true);
      isFull = true;
      await expect(runSnapshot([], address, output)).rejects.toThrow(
        /the server wrote no snapshot: .*ENOSPC/,
      );
      const { password, ...open } = address;
      await expect(runSnapshot([], open, output)).rejects.toThrow(/give it with --password/);
    } finally {
      await server.close();
    }
  });

  test('needs a server that keeps something', async () => {
    const server = await startTestServer();
    const address = { host: '127.0.0.1', port: server.port };
    await expect(runSnapshot([], address, output)).rejects.toThrow(/^there is no data folder to save to/);
    await server.close();
    await expect(runSnapshot([], address, output)).rejects.toThrow(/^no server answers at 127\.0\.0\.1/);
  });
});

test('wrong usage is told as such', async () => {
  const usages = [
    () => runCheck([], {}, output),
    () => runCheck(['a', 'b'], {}, output),
    () => runCheck(['a'], { erased: '' }, output),
    () => runBackup(['a'], output),
    () => runRestore(['a', 'b', 'c'], output),
  ];
  for (const usage of usages) expect(codeOf(usage)).toBe('INVALID_OPTION');
  await expect(runSnapshot(['a'], { host: '127.0.0.1', port: 1 }, output)).rejects.toThrow(
    'snapshot takes no arguments',
  );
  expect(() => runBackup([], output)).toThrow('backup needs DIR and FILE; see segmentd help backup');
  expect(Object.keys(dataHelpTexts)).toEqual(['check', 'backup', 'restore', 'snapshot']);
});
