import { afterEach, beforeEach, expect, test } from 'vitest';
import { openEngineLater } from '../../src/index.js';
import { codeOf } from '../support/code-of.js';
import { TestFolder } from '../support/test-folder.js';

let folder: TestFolder;

beforeEach(() => {
  folder = new TestFolder();
  const engine = folder.open();
  for (let i = 0; i < 20_000; i++) engine.setTags(`user ${i}`, { sports: true, city: `c${i % 100}` });
  engine.snapshotNow();
  for (let i = 0; i < 20_000; i++) {
    engine.setTags(`later ${i}`, { sports: true });
    if (i % 100 === 0) engine.flush();
  }
  engine.close();
});

afterEach(() => {
  folder.remove();
});

test('an engine that is opened later lets others have their turn and tells how far it is', async () => {
  let turns = 0;
  let isOpen = false;
  const count = (): void => {
    turns++;
    if (!isOpen) setImmediate(count);
  };
  setImmediate(count);
  const told: [number, number][] = [];
  const onProgress = (done: number, total: number): void => void told.push([done, total]);
  const engine = folder.closing(await openEngineLater({ dataDir: folder.path }, { onProgress }));
  isOpen = true;
  expect(turns).toBeGreaterThan(1);
  expect(engine.count('sports')).toBe(40_000);
  expect(engine.persistence).toMatchObject({ replayed: 20_000, snapshot: { name: 'snapshot-000002' } });
  const [done, total] = told.at(-1)!;
  expect(done).toBe(total);
  expect(told.map(([bytes]) => bytes)).toEqual(told.map(([bytes]) => bytes).sort((a, b) => a - b));
  expect(new Set(told.map(([, bytes]) => bytes)).size).toBe(1);
});

test('one that is given up leaves the folder to others', async () => {
  const controller = new AbortController();
  const opening = openEngineLater({ dataDir: folder.path }, { signal: controller.signal });
  expect(codeOf(() => folder.open())).toBe('DATA_DIR_IN_USE');
  controller.abort(new Error('enough'));
  await expect(opening).rejects.toThrow('enough');
  expect(folder.open().count('sports')).toBe(40_000);
});

test('one that cannot be opened rejects', async () => {
  const { path } = folder;
  await expect(openEngineLater({ dataDir: path, maxEnumValues: 0 })).rejects.toThrow('maxEnumValues');
  await expect(openEngineLater({ dataDir: `${path}/MANIFEST` })).rejects.toThrow(`${path}/MANIFEST`);
});
