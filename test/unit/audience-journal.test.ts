import { copyFileSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Engine, type Mutation, openEngine, type UserId } from '../../src/index.js';
import { bitmapOf } from '../../src/store/bitmap.js';
import { codeOf } from '../support/code-of.js';
import { TestFolder } from '../support/test-folder.js';

const DETAILS = { description: '', owner: '', labels: [] };
/** An id that is no UTF-8. */
const BINARY = Uint8Array.of(0xff, 0, 0xc3, 0x28);
const USERS = ['anna', 'bert', 'carl', BINARY, 'ü'.repeat(127)];
const LATER = 1_790_000_000_000;

let folder: TestFolder;
let copy: TestFolder;

beforeEach(() => {
  folder = new TestFolder();
  copy = new TestFolder();
});

afterEach(() => {
  folder.remove();
  copy.remove();
});

/** An engine on the folder, with users. */
function open(): Engine {
  const engine = folder.open();
  engine.addUsers('sports', USERS);
  engine.addUsers('city', USERS, 'Rome');
  return engine;
}

const draft = (engine: Engine, number: number, users: UserId[]) =>
  engine.apply({ type: 'draftAudience', draft: number, users });

function freeze(engine: Engine, name: string, users: UserId[], number = 0): void {
  const details = DETAILS;
  engine.apply({ type: 'freezeAudience', name, source: '', users, draft: number, details, at: 1 });
}

function idsOf(engine: Engine, name: string): string[] {
  const members = engine.store.audiences.require(name).members!;
  return [...members].map((ordinal) => engine.store.idOf(ordinal).toString('latin1')).sort();
}

/** Everything there is to know of the audiences, as plain data; users by their ids. */
function contentOf(engine: Engine): unknown {
  expect(engine.check().problems).toEqual([]);
  const { audiences } = engine.store;
  return [...audiences.all()].map(({ members, ...rest }) => {
    const ids = members === undefined ? undefined : idsOf(engine, rest.name);
    return { ...rest, ids, usedBy: [...audiences.usedBy(rest.name)].sort() };
  });
}

/** An engine on what would be left of the folder had the process ended now, `lost` bytes before the end of the journal. */
function afterCrash(engine: Engine, lost = 0): Engine {
  engine.flush();
  for (const name of ['MANIFEST', 'journal-000001.log']) {
    copyFileSync(join(folder.path, name), join(copy.path, name));
  }
  truncateSync(copy.journal, statSync(copy.journal).size - lost);
  return copy.open();
}

const labels = Array.from({ length: 64 }, (_, i) => `label ${i} \ud800`);
const EVERY_KIND: Mutation[] = [
  {
    type: 'saveAudience',
    name: 'x',
    expression: 'sports and city = "Röm\ud800"',
    tags: ['sports', 'city'],
    audiences: [],
    details: { description: 'ü'.repeat(2048), owner: 'anna', labels },
    at: LATER,
  },
  {
    type: 'saveAudience',
    name: 'y'.repeat(40),
    expression: 'z'.repeat(65_536),
    tags: [],
    audiences: ['x'],
    details: DETAILS,
    at: 0,
  },
  { type: 'draftAudience', draft: 1, users: ['anna', BINARY, 'nobody'] },
  { type: 'draftAudience', draft: 2 ** 40, users: ['carl'] },
  { type: 'draftAudience', draft: 1, users: [] },
  {
    type: 'freezeAudience',
    name: 'f',
    source: 'sports',
    users: ['bert', 'nobody'],
    draft: 1,
    details: { description: 'd', owner: 'o', labels: ['l'] },
    at: LATER + 1,
  },
  { type: 'freezeAudience', name: '😀', source: '', users: [], draft: 0, details: DETAILS, at: 3 },
  { type: 'discardDraft', draft: 2 ** 40 },
  { type: 'addToAudience', name: '😀', users: USERS, at: 4 },
  { type: 'removeFromAudience', name: '😀', users: [BINARY, 'nobody'], at: 5 },
  { type: 'describeAudience', name: 'x', details: { owner: '' }, at: 6 },
  { type: 'describeAudience', name: 'x', details: { description: 'new', labels: [] }, at: 7 },
  { type: 'describeAudience', name: 'f', details: {}, at: LATER + 2 },
  {
    type: 'renameAudience',
    from: 'x',
    to: 'new',
    rewritten: [{ name: 'y'.repeat(40), expression: 'in new' }],
    at: LATER + 3,
  },
  { type: 'renameAudience', from: 'f', to: 'g', rewritten: [], at: 8 },
  { type: 'dropAudience', name: 'y'.repeat(40) },
];

describe('a journal', () => {
  test.each(EVERY_KIND.map((mutation, i) => [i, mutation.type] as const))(
    'brings back the audiences after change %i, %s',
    (i) => {
      const engine = open();
      for (const mutation of EVERY_KIND.slice(0, i + 1)) engine.apply(mutation);
      const content = contentOf(engine);
      expect(contentOf(folder.reopen(engine))).toEqual(content);
    },
  );

  test('does not keep what was refused or changed nothing', () => {
    const engine = open();
    freeze(engine, 'f', ['anna']);
    engine.flush();
    const { size } = engine.persistence!;
    expect(codeOf(() => freeze(engine, '', []))).toBe('INVALID_ARGUMENT');
    expect(codeOf(() => freeze(engine, 'f', [], 3))).toBe('INVALID_ARGUMENT');
    expect(codeOf(() => draft(engine, 0, []))).toBe('INVALID_ARGUMENT');
    expect(codeOf(() => draft(engine, 1, ['']))).toBe('INVALID_USER_ID');
    engine.apply({ type: 'addToAudience', name: 'f', users: ['anna', 'nobody'], at: 9 });
    engine.apply({ type: 'removeFromAudience', name: 'f', users: ['bert'], at: 9 });
    engine.apply({ type: 'dropAudience', name: 'none' });
    engine.apply({ type: 'discardDraft', draft: 1 });
    engine.flush();
    expect(engine.persistence!.size).toBe(size);
  });

  test('keeps a tag that only an audience keeps', () => {
    const engine = open();
    engine.apply(EVERY_KIND[0]!);
    engine.apply({ type: 'clearTag', tag: 'city' });
    const again = folder.reopen(engine);
    expect(again.tag('city')).toMatchObject({ kind: 'enum', declared: false, users: 0 });
    again.apply({ type: 'dropAudience', name: 'x' });
    expect(folder.reopen(again).tag('city')).toBeUndefined();
  });
});

describe('a draft', () => {
  test('becomes an audience at once, with the users of all its parts', () => {
    const engine = open();
    const { audiences } = engine.store;
    draft(engine, 4, ['anna', 'nobody']);
    draft(engine, 5, ['carl']);
    draft(engine, 4, ['bert', 'anna']);
    expect([audiences.size, audiences.version, audiences.drafts]).toEqual([0, 0, [4, 5]]);
    freeze(engine, 'f', [BINARY], 4);
    expect(idsOf(engine, 'f')).toEqual(['anna', 'bert', Buffer.from(BINARY).toString('latin1')].sort());
    expect(audiences.drafts).toEqual([5]);
    expect(engine.apply({ type: 'discardDraft', draft: 5 })).toBe(1);
    expect(engine.apply({ type: 'discardDraft', draft: 5 })).toBe(0);
    const gone = 'there is no draft 4: it was frozen or discarded, or everything was cleared';
    expect(() => freeze(engine, 'g', [], 4)).toThrow(gone);
    expect(engine.check().problems).toEqual([]);
  });

  test('has a number that no other one has had', () => {
    const { audiences } = open().store;
    expect([audiences.nextDraft(), audiences.nextDraft()]).toEqual([1, 2]);
    audiences.addToDraft(7, []);
    audiences.discardDraft(7);
    expect(audiences.nextDraft()).toBe(8);
    for (const number of [0, -1, 0.5, Number.NaN]) {
      expect(() => audiences.addToDraft(number, [])).toThrow('a draft has a whole number from 1');
    }
  });

  test('stays when it cannot be frozen', () => {
    const engine = open();
    draft(engine, 1, ['anna']);
    freeze(engine, 'f', ['bert']);
    engine.apply({ ...EVERY_KIND[1]!, name: 'dynamic', audiences: ['f'] } as Mutation);
    expect(codeOf(() => freeze(engine, 'dynamic', [], 1))).toBe('AUDIENCE_CONFLICT');
    expect(codeOf(() => freeze(engine, 'f', [''], 1))).toBe('INVALID_USER_ID');
    expect(idsOf(engine, 'f')).toEqual(['bert']);
    freeze(engine, 'f', [], 1);
    expect(idsOf(engine, 'f')).toEqual(['anna']);
  });

  test('that nobody finished is gone after the end of the process', () => {
    const engine = open();
    draft(engine, 1, ['anna']);
    const again = afterCrash(engine);
    expect(again.store.audiences.drafts).toEqual([]);
    expect(contentOf(again)).toEqual([]);
  });

  test('whose freezing was not written to its end leaves nothing', () => {
    const engine = open();
    freeze(engine, 'f', ['carl']);
    draft(engine, 1, ['anna']);
    engine.flush();
    freeze(engine, 'f', ['bert'], 1);
    const again = afterCrash(engine, 1);
    expect(idsOf(again, 'f')).toEqual(['carl']);
    expect(again.store.audiences.drafts).toEqual([]);
    again.close();
    expect(idsOf(afterCrash(engine), 'f')).toEqual(['anna', 'bert']);
  });

  test('does not come back in a later one of its number', () => {
    const engine = open();
    draft(engine, 1, ['anna']);
    const second = folder.reopen(engine);
    draft(second, 1, ['bert']);
    freeze(second, 'f', [], 1);
    expect(idsOf(second, 'f')).toEqual(['bert']);
    expect(idsOf(folder.reopen(second), 'f')).toEqual(['bert']);
  });

  test('is gone once everything is cleared, and so it is when a new journal begins', () => {
    const engine = open();
    engine.setTags('anna', { long: 'v'.repeat(16_000) });
    for (let i = 0; i < 80; i++) engine.setTags('anna', { long: 'v'.repeat(16_000) + i });
    draft(engine, 1, ['anna']);
    engine.flush();
    engine.clear();
    expect(engine.persistence!.file).not.toBe('journal-000001.log');
    expect(() => freeze(engine, 'f', [], 1)).toThrow('there is no draft 1');
    engine.addUsers('sports', USERS);
    draft(engine, 1, ['bert']);
    freeze(engine, 'f', [], 1);
    expect(idsOf(folder.reopen(engine), 'f')).toEqual(['bert']);
  });
});

describe('check reports', () => {
  /** An engine with a fixed audience and a dynamic one, after `harm` was done to it. */
  function problemsAfter(harm: (engine: Engine) => void): readonly string[] {
    const engine = openEngine();
    engine.addUsers('sports', ['anna', 'bert']);
    freeze(engine, 'f', ['anna']);
    const what = { type: 'saveAudience', expression: '', details: DETAILS, at: 1 } as const;
    engine.apply({ ...what, name: 'x', tags: ['sports'], audiences: ['f'] });
    expect(engine.check().problems).toEqual([]);
    harm(engine);
    return engine.check().problems;
  }

  test('members who are no users', () => {
    const problems = problemsAfter(({ store }) => {
      store.audiences.require('f').members!.add(77);
      store.audiences.addToDraft(3, []);
    });
    expect(problems).toEqual(['audience "f": holds who is no user']);
  });

  test('a tag that is used and not there', () => {
    const problems = problemsAfter((engine) => {
      engine.store.catalog.usage.remove('sports', 'x');
      engine.dropTag('sports');
    });
    expect(problems).toEqual([
      'audience "x": there is no tag "sports"',
      'tag "sports": the index of the audiences that use it is wrong',
    ]);
  });

  test('an index that says too much', () => {
    const problems = problemsAfter(({ store }) => store.catalog.usage.add('sports', 'f'));
    expect(problems).toEqual(['tag "sports": the index of the audiences that use it is wrong']);
  });

  test('a record that was tampered with', () => {
    const problems = problemsAfter(({ store }) => {
      Object.assign(store.audiences.require('x'), { name: 'y', audiences: ['none'], kind: 'fixed' });
    });
    expect(problems).toEqual([
      'audience "x": is found by another name than "y"',
      'audience "x": is fixed, and has no set',
      'audience "x": there is no audience "none"',
      'audience "f": the index of the audiences that use it is wrong',
      'audience "none": the index of the audiences that use it is wrong',
    ]);
  });

  test('a set that erased users would not leave', () => {
    const problems = problemsAfter(({ store }) => {
      const members = { now: bitmapOf([0]) };
      Object.assign(store.audiences.require('f'), { members });
    });
    expect(problems).toEqual(['audience "f": would keep users who are erased']);
  });
});
