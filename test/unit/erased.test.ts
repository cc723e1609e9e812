/** What is left of an erased user's id in a data folder. */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Random } from '../../bench/support/random.js';
import type { Engine, UserId } from '../../src/index.js';
import { checkFolder, type FolderReport } from '../../src/persistence/folder-report.js';
import { fileStorage } from '../../src/persistence/storage-file.js';
import { finish } from '../../src/store/steps.js';
import { TestFolder } from '../support/test-folder.js';

const NOBODY = { description: '', owner: '', labels: [] };
const OPTIONS = { snapshotAge: 0, snapshotJournalBytes: 0 };

let folder: TestFolder;

beforeEach(() => {
  folder = new TestFolder();
});
afterEach(() => folder.remove());

function check(id: UserId): FolderReport {
  return finish(checkFolder(fileStorage, folder.path, { erased: Buffer.from(id as string) }));
}

/** Kinds of the files that have the id. */
function kindsOf({ erased }: FolderReport): string[] {
  return erased!.traces.map(({ kind }) => kind).sort();
}

/** Names of the files that have these bytes; looked for without the project's help. */
function filesWith(text: string): string[] {
  const names = readdirSync(folder.path, { recursive: true, encoding: 'utf8' });
  const files = names.filter((name) => statSync(join(folder.path, name)).isFile());
  return files.filter((name) => readFileSync(join(folder.path, name)).includes(text)).sort();
}

/** Everywhere an id can be. */
function spread(engine: Engine, id: UserId): void {
  engine.setTags(id, { city: 'Köln', sports: true, age: '7' });
  engine.addUsers('news', ['other-1', id]);
  engine.apply({ type: 'draftAudience', draft: 1, users: [id, 'other-1'] });
  const freeze = { type: 'freezeAudience', source: '', details: NOBODY, at: 1 } as const;
  engine.apply({ ...freeze, name: 'drafted', users: ['other-2'], draft: 1 });
  engine.apply({ ...freeze, name: 'frozen', users: [id, 'other-2'], draft: 0 });
  engine.apply({ type: 'addToAudience', name: 'frozen', users: ['other-1', id], at: 2 });
  engine.apply({ type: 'draftAudience', draft: 2, users: [id, 'other-1'] });
}

test('an erased id is gone with the next snapshot, and the check tells at each step', async () => {
  const id = 'someone@example.com';
  let engine = folder.open(OPTIONS);
  for (const other of ['other-1', 'other-2']) engine.setTags(other, { city: 'Köln', referrer: 'someone' });
  spread(engine, id);
  engine.flush();
  expect(check(id).erased).toMatchObject({ holder: 'user', goWithSnapshot: false });
  expect(kindsOf(check(id))).toEqual(['journal']);
  expect(check(id).erased!.traces[0]!.offsets).toHaveLength(5);

  engine.snapshotNow();
  expect(kindsOf(check(id))).toEqual(['users']);
  spread(engine, id);
  engine.flush();
  expect(kindsOf(check(id))).toEqual(['journal', 'users']);
  expect(engine.eraseUser(id)).toBe(true);
  engine.flush();
  const before = check(id);
  expect(before).toMatchObject({ sound: true, erased: { holder: 'nobody', goWithSnapshot: true } });
  for (const { path, offsets } of before.erased!.traces) {
    const bytes = readFileSync(path);
    for (const offset of offsets) expect(bytes.toString('latin1', offset, offset + id.length)).toBe(id);
  }

  await engine.snapshot();
  expect(check(id)).toMatchObject({
    sound: true,
    erased: { holder: 'nobody', traces: [], goWithSnapshot: false },
  });
  expect(filesWith(id)).toEqual([]);
  // The rest is as it was.
  engine = folder.reopen(engine);
  expect(engine.check().problems).toEqual([]);
  expect(engine.getAll('other-1')).toEqual(
    new Map(Object.entries({ city: 'Köln', referrer: 'someone', news: true })),
  );
  expect([...engine.members('referrer', 'someone')].sort()).toEqual(['other-1', 'other-2']);
  expect(engine.store.audiences.require('frozen').members!.size).toBe(2);
  expect(engine.store.audiences.require('drafted').members!.size).toBe(2);
});

test('an id that only a version of a tag has is told, and gone once it is erased', async () => {
  const id = 'someone@example.com';
  const engine = folder.open(OPTIONS);
  /** Makes the tag's users these. */
  const publish = (draft: number, gone: UserId[], users: UserId[]): void => {
    const begin = { type: 'beginVersion', draft, tag: 'list', kind: 'flag', scale: 0 } as const;
    engine.apply(begin);
    engine.apply({ type: 'draftVersion', draft, gone, users, values: undefined });
    engine.apply({ type: 'publishRelease', release: `r${draft}`, source: '', at: draft, drafts: [draft] });
  };
  publish(1, [], [id, 'other']);
  publish(2, [id], []);
  await engine.snapshot();
  expect(check(id)).toMatchObject({ sound: true, erased: { holder: 'version', goWithSnapshot: false } });
  expect(kindsOf(check(id))).toEqual(['users']);
  engine.eraseUser(id);
  engine.flush();
  expect(check(id).erased).toMatchObject({ holder: 'nobody', goWithSnapshot: true });
  await engine.snapshot();
  expect(check(id)).toMatchObject({ sound: true, erased: { holder: 'nobody', traces: [] } });
  expect(filesWith(id)).toEqual([]);
});

test('what is not the user stays: a value, what is left over, and what is not ours', () => {
  const id = 'someone@example.com';
  const engine = folder.open(OPTIONS);
  engine.setTags('other', { referrer: id });
  engine.snapshotNow();
  expect(check(id).erased).toMatchObject({ holder: 'nobody', goWithSnapshot: false });
  expect(kindsOf(check(id))).toEqual(['text']);
  writeFileSync(join(folder.path, 'journal-000001.log'), `x${id}`);
  writeFileSync(join(folder.path, 'notes.txt'), `ask ${id}`);
  const { erased } = check(id);
  expect(kindsOf(check(id))).toEqual(['foreign', 'left over', 'text']);
  expect(erased!.traces.find(({ kind }) => kind === 'foreign')).toEqual({
    path: join(folder.path, 'notes.txt'),
    kind: 'foreign',
    offsets: [4],
  });
  expect(erased!.goWithSnapshot).toBe(false);
});

test('of a folder that is damaged it is still told which files have the id', () => {
  const engine = folder.open(OPTIONS);
  engine.setTags('someone@example.com', { a: true });
  engine.close();
  const bytes = readFileSync(folder.journal);
  bytes[17]! ^= 1;
  writeFileSync(folder.journal, bytes);
  const report = check('someone@example.com');
  expect(report.sound).toBe(false);
  expect(report.erased).toMatchObject({ holder: 'unknown', goWithSnapshot: false });
  expect(kindsOf(report)).toEqual(['journal']);
});

test('many users come, grow, move and are erased: after a snapshot no file has one of them', async () => {
  const random = new Random(5);
  const idOf = (user: number): string => `<user ${user} ${'x'.repeat(user % 50)}>`;
  const engine = folder.open(OPTIONS);
  const users = new Set<number>();
  for (let life = 0; life < 3; life++) {
    for (let change = 0; change < 12_000; change++) {
      const user = random.below(4_000);
      if (random.below(4) === 0) {
        engine.eraseUser(idOf(user));
        users.delete(user);
      } else {
        engine.setTags(idOf(user), { [`tag-${random.below(60)}`]: `v${random.below(5)}` });
        users.add(user);
      }
    }
    if (life === 1) engine.snapshotNow();
    else await engine.snapshot();
    const found = new Set<number>();
    for (const name of readdirSync(folder.path, { recursive: true, encoding: 'utf8' })) {
      const path = join(folder.path, name);
      if (!statSync(path).isFile()) continue;
      for (const [, user] of readFileSync(path, 'latin1').matchAll(/<user (\d+) x*>/g))
        found.add(Number(user));
    }
    expect([...found].sort((a, b) => a - b)).toEqual([...users].sort((a, b) => a - b));
  }
});
