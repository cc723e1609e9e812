import { mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openEngineOn } from '../../src/open.js';
import { checkFolder, type FolderReport } from '../../src/persistence/folder-report.js';
import { writeManifest } from '../../src/persistence/manifest.js';
import { writeSnapshot } from '../../src/persistence/snapshot.js';
import { FailingStorage } from '../../src/persistence/storage-crashing.js';
import { fileStorage } from '../../src/persistence/storage-file.js';
import { SegmentStore } from '../../src/store/segment-store.js';
import { finish } from '../../src/store/steps.js';
import { codeOf } from '../support/code-of.js';
import { TestFolder } from '../support/test-folder.js';

let folder: TestFolder;
const at = (...names: string[]): string => join(folder.path, ...names);

beforeEach(() => {
  folder = new TestFolder();
});
afterEach(() => folder.remove());

function check(): FolderReport {
  return finish(checkFolder(fileStorage, folder.path));
}

/** A snapshot of three users, and a journal with two records of one user each. */
function fill(): void {
  const engine = folder.open();
  for (const user of ['anna', 'bert', 'carl']) engine.setTags(user, { sports: true, city: 'Köln' });
  engine.apply({
    type: 'freezeAudience',
    name: 'friends',
    source: '',
    users: ['anna', 'carl'],
    draft: 0,
    details: { description: '', owner: '', labels: [] },
    at: 1,
  });
  engine.snapshotNow();
  for (const user of ['dora', 'emil']) {
    engine.setTags(user, { city: 'Bonn' });
    engine.flush();
  }
  engine.close();
}

/** Turns a bit of a file round. */
function flip(path: string, offset: number): void {
  const bytes = readFileSync(path);
  bytes[offset]! ^= 4;
  writeFileSync(path, bytes);
}

describe('a folder that is sound', () => {
  test('tells what is in it, and stays as it is', () => {
    fill();
    const before = readdirSync(folder.path, { recursive: true });
    const report = check();
    expect(report).toMatchObject({
      directory: folder.path,
      sound: true,
      problems: [],
      snapshots: [{ name: 'snapshot-000002', users: 3, tags: 2, pairs: 6 }],
      journals: [{ name: 'journal-000002.log', records: 2, mutations: 2, torn: 0 }],
      content: { users: 5, tags: 2, pairs: 8, audiences: 1 },
      leftOver: [],
      foreign: [],
      erased: undefined,
    });
    expect(report.journals[0]!.bytes).toBe(readFileSync(at('journal-000002.log')).length);
    expect(readdirSync(folder.path, { recursive: true })).toEqual(before);
  });

  test('may be in use', () => {
    fill();
    const engine = folder.open();
    engine.setTags('fritz', { city: 'Bonn' });
    engine.flush();
    const steps = checkFolder(fileStorage, folder.path);
    steps.next();
    engine.setTags('late', { city: 'Bonn' });
    engine.snapshotNow();
    expect(finish(steps)).toMatchObject({ sound: true, content: { users: 6 }, leftOver: [], foreign: [] });
    expect(check()).toMatchObject({ sound: true, content: { users: 7 } });
  });

  test('may have a torn tail, and files that are left over or not ours', () => {
    fill();
    truncateSync(at('journal-000002.log'), readFileSync(at('journal-000002.log')).length - 3);
    mkdirSync(at('snapshot-000009.0badcafe.tmp'));
    for (const name of ['MANIFEST.tmp', 'journal-000001.log', 'notes.txt', 'snapshot-000002/x'])
      writeFileSync(at(name), 'anything');
    const report = check();
    expect(report).toMatchObject({ sound: true, problems: [], content: { users: 4 } });
    expect(report.journals[0]!.torn).toBeGreaterThan(0);
    expect(report.leftOver).toEqual(['MANIFEST.tmp', 'journal-000001.log', 'snapshot-000009.0badcafe.tmp']);
    expect([...report.foreign].sort()).toEqual(['notes.txt', 'snapshot-000002/x']);
  });

  test('is read to its end, as progress tells', () => {
    fill();
    let last = 0;
    let whole = 0;
    const onProgress = (done: number, total: number): void => {
      expect(done).toBeGreaterThanOrEqual(last);
      last = done;
      whole = total;
    };
    finish(checkFolder(fileStorage, folder.path, { onProgress, erased: Buffer.from('nobody') }));
    expect(last).toBeGreaterThan(0.9 * whole);
    expect(last).toBeLessThanOrEqual(whole);
  });
});

describe('damage', () => {
  test('to several files is told of each, with its offset, and what to do', () => {
    fill();
    const records = at('snapshot-000002', 'records.bin');
    const bitmaps = at('snapshot-000002', 'bitmaps.bin');
    const journal = at('journal-000002.log');
    flip(records, 100);
    truncateSync(bitmaps, 5);
    flip(journal, 40);
    const { sound, problems, content, journals, snapshots } = check();
    expect(sound).toBe(false);
    expect(content).toBeUndefined();
    expect(snapshots).toEqual([]);
    expect(problems).toHaveLength(3);
    const text = problems.join('\n');
    expect(text).toMatch(
      `${records} is damaged at offset 0: the checksum of the 65536 bytes there is wrong.`,
    );
    expect(text).toMatch(`${bitmaps} is damaged at offset 5: it has 5 bytes and should have`);
    expect(text).toMatch(`${journal} is damaged at offset 16: the checksum of the record is wrong.`);
    expect(text).toMatch(`truncate -s 16 ${journal}`);
    for (const problem of problems) expect(problem).toMatch(/Restore the folder from a backup/);
    // The record behind the damaged one is whole.
    expect(journals).toMatchObject([{ records: 1, mutations: 1, torn: 0 }]);
  });

  test('to a journal alone: each record that is damaged, and what can still be read', () => {
    const engine = folder.open();
    const offsets: number[] = [];
    for (let user = 0; user < 10; user++) {
      offsets.push(engine.persistence!.size);
      engine.setTags(`user-${user}`, { a: true });
      engine.flush();
    }
    engine.close();
    flip(folder.journal, offsets[2]! + 20); // a payload
    flip(folder.journal, offsets[5]! + 1); // a length
    const { problems, journals, content } = check();
    expect(problems).toHaveLength(2);
    expect(problems[0]).toMatch(`${folder.journal} is damaged at offset ${offsets[2]}: `);
    expect(problems[1]).toMatch(`${folder.journal} is damaged at offset ${offsets[5]}: `);
    expect(journals).toMatchObject([{ records: 8, mutations: 8, torn: 0 }]);
    expect(content).toBeUndefined();
    flip(folder.journal, 3);
    expect(check().problems[0]).toMatch(`${folder.journal} is damaged at offset 0: the journal's header: `);
    expect(check().journals).toMatchObject([{ records: 8 }]);
  });

  test('that is missing: files, and the folder', () => {
    fill();
    rmSync(at('snapshot-000002', 'slots.bin'));
    rmSync(at('journal-000002.log'));
    const { problems } = check();
    expect(problems).toHaveLength(2);
    expect(problems[0]).toMatch(`${at('snapshot-000002', 'slots.bin')} is not whole: ENOENT`);
    expect(problems[1]).toMatch(`${at('journal-000002.log')} is not whole: ENOENT`);
    rmSync(at('snapshot-000002'), { recursive: true });
    expect(check().problems[0]).toMatch(`${at('snapshot-000002')} is not whole: ENOENT`);
    const none = (): unknown => finish(checkFolder(fileStorage, at('nosuch')));
    expect(none).toThrow(`data folder ${at('nosuch')} cannot be opened: ENOENT`);
    expect(codeOf(none)).toBe('PERSISTENCE_FAILED');
  });

  test('to MANIFEST, or no MANIFEST: what else there is, is looked at all the same', () => {
    fill();
    const manifest = readFileSync(at('MANIFEST'));
    flip(at('MANIFEST'), 10);
    flip(at('snapshot-000002', 'slots.bin'), 200);
    const { problems, snapshots, journals, content } = check();
    expect(problems).toHaveLength(2);
    expect(problems[0]).toMatch(`${at('MANIFEST')} is damaged`);
    expect(problems[1]).toMatch(`${at('snapshot-000002', 'slots.bin')} is damaged at offset `);
    expect([snapshots, content]).toEqual([[], undefined]);
    expect(journals).toMatchObject([{ records: 2, mutations: 2 }]);
    flip(at('snapshot-000002', 'slots.bin'), 200);
    rmSync(at('MANIFEST'));
    expect(check()).toMatchObject({ snapshots: [{ users: 3 }], content: undefined, sound: false });
    expect(check().problems).toEqual([
      `${folder.path} has snapshot-000002 and no MANIFEST that says what counts: restore it from a backup`,
    ]);
    writeFileSync(at('MANIFEST'), manifest);
    expect(check().sound).toBe(true);
  });

  test('to an empty folder, and one of something else, is that it is none of ours', () => {
    const [problem] = check().problems;
    expect(problem).toBe(`${folder.path} has no MANIFEST: it is no data folder, or was never opened`);
  });

  test('is a torn journal, if another one follows', async () => {
    let isFull = false;
    const failing = new FailingStorage(fileStorage, (_, path) => {
      if (isFull && path.includes('snapshot')) throw new Error('ENOSPC');
    });
    const engine = folder.closing(openEngineOn({ dataDir: folder.path }, failing));
    engine.setTags('anna', { a: true });
    isFull = true;
    await expect(engine.snapshot()).rejects.toThrow('ENOSPC');
    engine.setTags('bert', { a: true });
    engine.close();
    expect(check()).toMatchObject({ sound: true, content: { users: 2 }, journals: [{}, {}] });
    truncateSync(folder.journal, readFileSync(folder.journal).length - 1);
    const { problems, content, journals } = check();
    expect(problems).toEqual([
      expect.stringContaining(`${folder.journal} ends within a record, at offset 16, `),
    ]);
    expect(content).toBeUndefined();
    expect(journals).toMatchObject([{ mutations: 0 }, { mutations: 1 }]);
  });

  test('of more than a hundred kinds is not told in full', () => {
    const engine = folder.open();
    for (let user = 0; user < 150; user++) {
      engine.setTags(`user-${user}`, { a: true });
      engine.flush();
    }
    engine.close();
    const bytes = readFileSync(folder.journal);
    for (let i = bytes.indexOf('user-'); i >= 0; i = bytes.indexOf('user-', i + 1)) bytes[i] = 0x21;
    writeFileSync(folder.journal, bytes);
    const { problems } = check();
    expect(problems).toHaveLength(101);
    expect(problems.at(-1)).toBe('and 50 more problems');
  });

  test('that no checksum tells: a store whose two sides differ', () => {
    fill();
    const store = new SegmentStore({ strict: false, maxEnumValues: 10 });
    store.setTags('anna', ['city'], ['Köln']);
    store.setTags('bert', ['city'], ['Bonn']);
    const { column } = store.catalog.require('city');
    column.remove(0, 0);
    const snapshot = writeSnapshot(store, fileStorage, at('snapshot-000003'));
    const kept = { ...snapshot, name: 'snapshot-000003' };
    writeManifest(fileStorage, folder.path, { snapshot: kept, journals: ['journal-000002.log'] });
    const { sound, problems } = check();
    expect(sound).toBe(false);
    expect(problems[0]).toMatch(`${at('snapshot-000003')}: user "anna": the vector has "city" `);
    expect(problems).toHaveLength(2);
  });
});
