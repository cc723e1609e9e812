import { expect, test } from 'vitest';
import { openEngine } from '../../src/index.js';
import { codeIn, sourcesIn } from '../support/sources.js';

/** Who may read vectors: the store for the writer's thread, the look-up for others, and the records themselves. */
const READERS = ['src/store/user-store.ts', 'src/lookup.ts', 'src/store/user-records.ts'];

test('nobody reads a vector past what is pending', () => {
  const readings =
    /\brecords\s*[!?]?\.\s*(probe|query|decode)\s*\(|\b(probeCell|queryCells|decodeCells)\s*\(/;
  const files = sourcesIn('src', 'protocol', 'loaders').filter((path) => readings.test(codeIn(path)));
  expect(files.sort()).toEqual([...READERS, 'src/store/cell-reader.ts'].sort());
});

test('nobody finds a record past what is dormant', () => {
  const findings = /\bdirectory\s*\.\s*(find|candidate)\s*\(/;
  const files = sourcesIn('src', 'protocol', 'loaders').filter((path) => findings.test(codeIn(path)));
  // The store writes to dormant records, the check looks at all there are, and in other threads nothing is pending.
  expect(files.sort()).toEqual([
    'src/check.ts',
    'src/lookup.ts',
    'src/store/read-ahead.ts',
    'src/store/segment-store.ts',
    'src/store/user-store.ts',
  ]);
});

test('every way to ask agrees with the columns while all vectors are outdated', () => {
  const engine = openEngine();
  engine.declareTag('city', { kind: 'enum' });
  engine.declareTag('age', { kind: 'number' });
  const ids = Array.from({ length: 50 }, (_, i) => `user ${i}`);
  for (const [i, id] of ids.entries()) {
    engine.setTags(id, { base: true, city: i % 2 === 0 ? 'Rome' : 'Oslo', age: i, sports: true });
  }
  const prepared = [
    engine.versions
      .prepare('city', [{ users: ids.slice(10), values: ids.slice(10).map(() => 'Bern') }])
      .now(),
    engine.versions
      .prepare('age', [{ users: ids.slice(5), values: ids.slice(5).map((_, i) => i - 20) }])
      .now(),
    engine.versions.prepare('sports', [{ users: [...ids.slice(40), 'new'] }]).now(),
    engine.versions.prepare('fresh', [{ users: ids.slice(0, 3) }]).now(),
  ];
  engine.versions.publish(prepared.map(({ draft }) => draft)).now();
  const tags = ['base', 'city', 'age', 'sports', 'fresh'];
  const ask = () => ({
    get: ids.map((id) => engine.get(id, tags)),
    many: engine.getMany([...ids, 'new'], tags),
    selected: ids.map((id) => engine.get(id, engine.select(tags))),
    all: [...ids, 'new'].map((id) => engine.getAll(id)),
    tested: engine.audiences.test('city = Bern and age < 0 and not sports', ids),
    members: tags.map((tag) => [...engine.members(tag)].sort()),
    counts: tags.map((tag) => engine.count(tag)),
    stats: [engine.stats().users, engine.stats().pairs],
    check: engine.check(),
    audience: engine.audiences.count('city = Bern and age < 0 and not sports'),
  });
  expect(engine.versions.pending).toBe(51);
  const outdated = ask();
  expect(outdated.check.problems).toEqual([]);
  expect(outdated.get[0]).toEqual([true, null, null, null, true]);
  expect(outdated.get[44]).toEqual([true, 'Bern', 19, true, null]);
  expect(outdated.all[50]).toEqual(new Map([['sports', true]]));
  expect(outdated.audience).toBe(15);
  expect(outdated.tested.filter((holds) => holds)).toHaveLength(15);
  while (engine.store.rewrite(7)) expect(ask()).toEqual(outdated);
  expect(engine.versions.pending).toBe(0);
  expect(ask()).toEqual(outdated);
  engine.close();
});
