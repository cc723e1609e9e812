import { beforeEach, describe, expect, test } from 'vitest';
import { type Engine, openEngine, type UserId } from '../../src/index.js';
import type { AudienceMutation } from '../../src/mutation.js';
import type { AudienceRecord } from '../../src/store/audience-catalog.js';
import { codeOf } from '../support/code-of.js';

const DETAILS = { description: 'who comes back', owner: 'anna', labels: ['news', 'q3'] };

let engine: Engine;

beforeEach(() => {
  engine = openEngine();
  engine.setTags('anna', { sports: true, city: 'Rome' });
  engine.setTags('bert', { sports: true, city: 'Oslo' });
  engine.setTags('carl', { city: 'Oslo' });
  engine.increment('carl', 'visits', 3);
});

function save(name: string, tags: string[] = [], audiences: string[] = [], at = 1): void {
  const expression = `text of ${name}`;
  engine.apply({ type: 'saveAudience', name, expression, tags, audiences, details: DETAILS, at });
}

function freeze(name: string, users: UserId[] = [], at = 1, draft = 0): void {
  engine.apply({ type: 'freezeAudience', name, source: '', users, draft, details: DETAILS, at });
}

const add = (name: string, users: UserId[], at = 2) =>
  engine.apply({ type: 'addToAudience', name, users, at });
const remove = (name: string, users: UserId[], at = 2) =>
  engine.apply({ type: 'removeFromAudience', name, users, at });
const drop = (name: string) => engine.apply({ type: 'dropAudience', name });

/** Renames `from`; the audiences named get a new text. */
function rename(from: string, to: string, names: string[] = []): void {
  const rewritten = names.map((name) => ({ name, expression: `new text of ${name}` }));
  engine.apply({ type: 'renameAudience', from, to, rewritten, at: 5 });
}

const find = (name: string): AudienceRecord | undefined => engine.store.audiences.find(name);
const usedBy = (name: string) => [...engine.store.audiences.usedBy(name)];
const tagUsedBy = (tag: string) => [...engine.store.audiences.tagUsedBy(tag)];
const isSound = () => expect(engine.check().problems).toEqual([]);

function idsOf(name: string): string[] {
  return [...find(name)!.members!].map((ordinal) => engine.store.idOf(ordinal).toString()).sort();
}

/** Expects an error, its text, and that nothing is different. */
function expectRefused(run: () => unknown, code: string, text: string): void {
  const { version } = engine.store.audiences;
  const before = [...engine.store.audiences.all()].map((record) => ({ ...record }));
  expect(codeOf(run)).toBe(code);
  expect(run).toThrow(text);
  expect([...engine.store.audiences.all()]).toEqual(before);
  expect(engine.store.audiences.version).toBe(version);
  isSound();
}

describe('a dynamic audience', () => {
  test('is what was saved', () => {
    const { audiences } = engine.store;
    expect([audiences.size, audiences.version]).toEqual([0, 0]);
    save('x', ['city', 'sports', 'city'], [], 17);
    save('y', ['city'], ['x', 'x'], 18);
    expect(find('y')).toEqual({
      name: 'y',
      kind: 'dynamic',
      expression: 'text of y',
      source: '',
      tags: ['city'],
      audiences: ['x'],
      ...DETAILS,
      created: 18,
      changed: 18,
      members: undefined,
    });
    expect(find('x')!.tags).toEqual(['city', 'sports']);
    expect([...audiences.all()].map(({ name }) => name)).toEqual(['x', 'y']);
    expect([audiences.size, audiences.version]).toEqual([2, 2]);
    expect(audiences.require('x')).toBe(find('x'));
    expect(find('z')).toBeUndefined();
    isSound();
  });

  test('that is saved again is another record, of the same age', () => {
    save('x', ['city'], [], 17);
    const former = find('x')!;
    const { version } = engine.store.audiences;
    save('x', ['sports'], [], 99);
    expect(find('x')).toMatchObject({ tags: ['sports'], created: 17, changed: 99 });
    expect(former).toMatchObject({ tags: ['city'], changed: 17 });
    expect(engine.store.audiences.version).toBe(version + 1);
    expect([tagUsedBy('city'), tagUsedBy('sports')]).toEqual([[], ['x']]);
    isSound();
  });

  test('does not share its lists with the caller', () => {
    const [labels, tags] = [['a'], ['city']];
    const details = { ...DETAILS, labels };
    engine.apply({ type: 'saveAudience', name: 'x', expression: '', tags, audiences: [], details, at: 1 });
    labels.push('b');
    tags.push('sports');
    expect(find('x')).toMatchObject({ labels: ['a'], tags: ['city'] });
    engine.apply({ type: 'describeAudience', name: 'x', details: { labels }, at: 2 });
    labels.push('c');
    expect(find('x')!.labels).toEqual(['a', 'b']);
  });

  test('uses what there is', () => {
    expectRefused(() => save('x', ['city', 'none']), 'UNKNOWN_TAG', 'there is no tag "none"');
    expectRefused(() => save('x', [], ['none']), 'UNKNOWN_AUDIENCE', 'there is no audience "none"');
  });

  test('does not use itself, also not through others', () => {
    expectRefused(() => save('a', [], ['a']), 'AUDIENCE_CONFLICT', 'audience "a" would use itself: a → a');
    save('c');
    save('b', [], ['c']);
    save('other', [], ['b']);
    save('a', [], ['other', 'b']);
    expectRefused(
      () => save('c', [], ['a']),
      'AUDIENCE_CONFLICT',
      'audience "c" would use itself: c → a → b → c',
    );
    expectRefused(() => save('c', [], ['c', 'a']), 'AUDIENCE_CONFLICT', 'would use itself: c → c');
    save('a');
    save('c', [], ['a']);
    expect(usedBy('a')).toEqual(['c']);
  });

  test('that would use itself in a long circle is told the ends of it', () => {
    save('0');
    for (let i = 1; i < 100; i++) save(String(i), [], [String(i - 1)]);
    const text = 'itself: 0 → 99 → 98 → 97 → 96 → 95 → 94 → 93 → … → 0';
    expectRefused(() => save('0', [], ['99']), 'AUDIENCE_CONFLICT', text);
  });

  test('keeps its kind', () => {
    save('x');
    freeze('f');
    expectRefused(
      () => freeze('x'),
      'AUDIENCE_CONFLICT',
      'audience "x" is dynamic: drop it first, or take another name for the fixed one',
    );
    expectRefused(
      () => save('f'),
      'AUDIENCE_CONFLICT',
      'audience "f" is fixed: drop it first, or take another name for the dynamic one',
    );
  });

  test('has no members to add or to take out', () => {
    save('x');
    const text = 'audience "x" is dynamic: its expression says who is in it, so change that';
    expectRefused(() => add('x', ['anna']), 'AUDIENCE_CONFLICT', text);
    expectRefused(() => remove('x', ['anna']), 'AUDIENCE_CONFLICT', text);
  });
});

describe('what is too long or not allowed', () => {
  test.each([
    ['', "an audience's name has 1 to 255 bytes, this one has 0"],
    ['ü'.repeat(128), "an audience's name has 1 to 255 bytes, this one has 256"],
    ['a`b', 'audience name "a`b": backquote, control characters and broken UTF-8 are not allowed'],
    ['a\nb', 'audience name "a\\nb": backquote'],
    ['\u007f', 'control characters'],
    ['\ud800', 'broken UTF-8'],
  ])('the name %j', (name, text) => {
    save('x');
    expectRefused(() => save(name), 'INVALID_ARGUMENT', text);
    expectRefused(() => freeze(name), 'INVALID_ARGUMENT', text);
    expectRefused(() => rename('x', name), 'INVALID_ARGUMENT', text);
  });

  test.each([
    [
      { description: 'ü'.repeat(2049) },
      "an audience's description has at most 4096 bytes, this one has 4098",
    ],
    [{ owner: 'o'.repeat(256) }, "an audience's owner has at most 255 bytes, this one has 256"],
    [{ labels: new Array<string>(65).fill('l') }, 'an audience has at most 64 labels, these are 65'],
    [{ labels: ['', 'ü'.repeat(128)] }, 'a label has at most 255 bytes, this one has 256'],
  ])('details, number %#', (wrong, text) => {
    const details = { ...DETAILS, ...wrong };
    const shared = { name: 'x', details, at: 1, users: [], draft: 0, tags: [], audiences: [] };
    const saved = { type: 'saveAudience', expression: '', ...shared } as const;
    expectRefused(() => engine.apply(saved), 'INVALID_ARGUMENT', text);
    const frozen = { type: 'freezeAudience', source: '', ...shared } as const;
    expectRefused(() => engine.apply(frozen), 'INVALID_ARGUMENT', text);
    save('x');
    const described = { type: 'describeAudience', name: 'x', details: wrong, at: 2 } as const;
    expectRefused(() => engine.apply(described), 'INVALID_ARGUMENT', text);
  });

  test('nothing as long as is allowed', () => {
    const labels = new Array<string>(64).fill('l'.repeat(255));
    const details = { description: 'd'.repeat(4096), owner: 'o'.repeat(255), labels };
    const name = '"=<>ü😀'.padEnd(245, 'n');
    engine.apply({ type: 'saveAudience', name, expression: '', tags: [], audiences: [], details, at: 0 });
    expect(find(name)).toMatchObject(details);
  });

  test.each([-1, 0.5, Number.NaN, undefined as never])('the time %s', (at) => {
    freeze('f', ['anna']);
    const text = `time ${at}: it is in whole milliseconds since 1970`;
    const changes: AudienceMutation[] = [
      { type: 'saveAudience', name: 'x', expression: '', tags: [], audiences: [], details: DETAILS, at },
      { type: 'freezeAudience', name: 'x', source: '', users: [], draft: 0, details: DETAILS, at },
      { type: 'addToAudience', name: 'f', users: ['bert'], at },
      { type: 'removeFromAudience', name: 'f', users: ['anna'], at },
      { type: 'describeAudience', name: 'f', details: {}, at },
      { type: 'renameAudience', from: 'f', to: 'g', rewritten: [], at },
    ];
    for (const change of changes) expectRefused(() => engine.apply(change), 'INVALID_ARGUMENT', text);
  });

  test('more than 100,000 audiences', () => {
    for (let i = 0; i < 100_000; i++) save(String(i));
    const full = 'there are 100000 audiences, the most there can be';
    expect(() => save('x')).toThrow(full);
    expect(codeOf(() => freeze('x'))).toBe('LIMIT_REACHED');
    save('7', ['city']);
    drop('8');
    freeze('x');
    expect(engine.store.audiences.size).toBe(100_000);
  });
});

describe('what audiences use', () => {
  test('cannot be dropped', () => {
    save('x', ['city']);
    const first = 'tag "city" is used by audience "x": drop or change it first';
    expectRefused(() => engine.dropTag('city'), 'AUDIENCE_IN_USE', first);
    save('y', ['city'], ['x']);
    save('z', ['city'], ['x']);
    const all = 'tag "city" is used by audience "x" (and 2 more): drop or change it first';
    expectRefused(() => engine.dropTag('city'), 'AUDIENCE_IN_USE', all);
    const used = 'audience "x" is used by audience "y" (and 1 more): drop or change it first';
    expectRefused(() => drop('x'), 'AUDIENCE_IN_USE', used);
    expect(engine.count('city')).toBe(3);
    expect([usedBy('x'), tagUsedBy('city')]).toEqual([
      ['y', 'z'],
      ['x', 'y', 'z'],
    ]);
    expect([drop('y'), drop('z'), drop('x'), drop('x')]).toEqual([1, 1, 1, 0]);
    expect(engine.dropTag('city')).toBe(true);
    expect([usedBy('x'), tagUsedBy('city')]).toEqual([[], []]);
  });

  test('stays without users, until nobody uses it', () => {
    save('x', ['sports', 'visits']);
    save('y', ['sports']);
    engine.removeTags('anna', ['sports']);
    engine.eraseUser('bert');
    engine.apply({ type: 'clearTag', tag: 'visits' });
    expect(engine.tag('sports')).toMatchObject({ kind: 'flag', declared: false, users: 0 });
    expect(engine.tag('visits')).toMatchObject({ kind: 'number', declared: false, users: 0 });
    isSound();
    save('x', ['sports', 'city']);
    expect(engine.tag('visits')).toBeUndefined();
    drop('x');
    expect(engine.tag('sports')).toBeDefined();
    drop('y');
    expect(engine.tags().map(({ name }) => name)).toEqual(['city']);
    isSound();
  });

  test('stays if it was declared or has users, though nobody uses it any more', () => {
    engine.declareTag('empty', { kind: 'enum' });
    save('x', ['empty', 'city']);
    drop('x');
    expect(engine.tags().map(({ name }) => name)).toEqual(['city', 'empty', 'sports', 'visits']);
  });

  test('keeps its kind, unless a flag becomes an enum', () => {
    save('x', ['sports', 'visits', 'city']);
    save('y', ['visits']);
    const conflict =
      'tag "visits" stays number: it is used by audience "x" (and 1 more): drop or change it first';
    expectRefused(() => engine.declareTag('visits', { kind: 'enum' }), 'TAG_CONFLICT', conflict);
    expectRefused(
      () => engine.declareTag('sports', { kind: 'number' }),
      'TAG_CONFLICT',
      'tag "sports" stays flag: it is used by audience "x": drop',
    );
    expectRefused(() => engine.declareTag('city', { kind: 'flag' }), 'TAG_CONFLICT', 'is used by');
    expect(engine.declareTag('visits', { kind: 'number', scale: 2 })).toMatchObject({ scale: 2 });
    expect(engine.declareTag('sports', { kind: 'enum' })).toMatchObject({ kind: 'enum', users: 2 });
    isSound();
  });

  test('is widened by a write from flag to enum, and not from number to enum', () => {
    save('x', ['sports', 'visits']);
    engine.setTags('carl', { sports: 'chess' });
    expect(engine.tag('sports')!.kind).toBe('enum');
    expect(() => engine.setTags('anna', { visits: 'many' })).toThrow(
      'tag "visits" is a number: "many" is not an integer',
    );
    expect(engine.tag('visits')!.kind).toBe('number');
    drop('x');
    engine.setTags('anna', { visits: 'many' });
    expect(engine.tag('visits')!.kind).toBe('enum');
    isSound();
  });
});

describe('a fixed audience', () => {
  test('holds the users who exist', () => {
    freeze('f', ['anna', 'nobody', 'bert', 'anna'], 7);
    expect(find('f')).toMatchObject({ kind: 'fixed', expression: '', tags: [], audiences: [], created: 7 });
    expect(idsOf('f')).toEqual(['anna', 'bert']);
    expect(add('f', ['bert', 'carl', 'carl', 'nobody'], 8)).toBe(1);
    expect(remove('f', ['anna', 'anna', 'nobody'], 9)).toBe(1);
    expect(idsOf('f')).toEqual(['bert', 'carl']);
    expect(find('f')!.changed).toBe(9);
    expect([add('f', ['bert'], 10), remove('f', ['anna'], 10)]).toEqual([0, 0]);
    expect(find('f')!.changed).toBe(9);
    isSound();
  });

  test('changes in place when members come and go, and is another one when it is frozen again', () => {
    freeze('f', ['anna'], 7);
    const record = find('f')!;
    const { version } = engine.store.audiences;
    add('f', ['bert']);
    engine.eraseUser('anna');
    expect([find('f'), engine.store.audiences.version]).toEqual([record, version]);
    freeze('f', ['carl'], 8);
    expect(find('f')).not.toBe(record);
    expect(find('f')).toMatchObject({ created: 7, changed: 8 });
    expect(idsOf('f')).toEqual(['carl']);
    isSound();
  });

  test('keeps the text that it was made from', () => {
    const source = 'sports and not audience(x)';
    const users = ['anna'];
    engine.apply({ type: 'freezeAudience', name: 'f', source, users, draft: 0, details: DETAILS, at: 1 });
    expect(find('f')).toMatchObject({ source, expression: '', audiences: [] });
  });

  test('is left by users who are erased or lose their last tag, for the next user has their ordinal', () => {
    freeze('f', ['anna', 'bert', 'carl']);
    engine.apply({ type: 'draftAudience', draft: 1, users: ['anna', 'bert', 'carl'] });
    engine.eraseUser('anna');
    engine.removeTags('bert', ['sports', 'city']);
    expect(idsOf('f')).toEqual(['carl']);
    engine.setTags('dora', { sports: true });
    engine.setTags('anna', { sports: true });
    expect(engine.store.records.ordinalLimit).toBe(3);
    expect(idsOf('f')).toEqual(['carl']);
    freeze('g', [], 1, 1);
    expect(idsOf('g')).toEqual(['carl']);
    isSound();
  });

  test('that is held is read as it was', () => {
    freeze('f', ['anna', 'bert']);
    const held = find('f')!.members!.hold();
    remove('f', ['anna']);
    engine.eraseUser('bert');
    expect(held.bitmap.size).toBe(2);
    held.release();
    expect(idsOf('f')).toEqual([]);
  });

  test('takes ids that can be one only', () => {
    freeze('f', ['anna']);
    const text = 'a user id has 1 to 255 bytes, this one has 0';
    expectRefused(() => add('f', ['bert', '']), 'INVALID_USER_ID', text);
    expectRefused(() => remove('f', ['anna', '']), 'INVALID_USER_ID', text);
    expectRefused(() => freeze('f', ['bert', '']), 'INVALID_USER_ID', text);
    expect(idsOf('f')).toEqual(['anna']);
    expect(codeOf(() => add('none', ['anna']))).toBe('UNKNOWN_AUDIENCE');
  });

  test('takes more users than are looked up at once', () => {
    const users = Array.from({ length: 1000 }, (_, i) => `user ${i}`);
    engine.addUsers('many', users);
    freeze('f', users.slice(0, 999));
    expect(find('f')!.members!.size).toBe(999);
    expect(add('f', users)).toBe(1);
    expect(remove('f', users.slice(500))).toBe(500);
    const { bytes } = engine.store.audiences;
    engine.store.audiences.compact();
    expect(engine.store.audiences.bytes).toBeLessThanOrEqual(bytes);
    isSound();
  });
});

describe('an audience that is renamed', () => {
  test('is used by its new name', () => {
    save('x', ['city']);
    save('y', [], ['x']);
    save('z', ['city'], ['y', 'x']);
    const former = find('z')!;
    rename('x', 'new', ['z', 'y']);
    expect(find('x')).toBeUndefined();
    expect(find('new')).toMatchObject({ name: 'new', tags: ['city'], created: 1, changed: 5 });
    expect(find('z')).toMatchObject({ expression: 'new text of z', audiences: ['y', 'new'], changed: 5 });
    expect(former).toMatchObject({ expression: 'text of z', audiences: ['y', 'x'] });
    expect([usedBy('x'), usedBy('new')]).toEqual([[], ['y', 'z']]);
    expect(tagUsedBy('city').sort()).toEqual(['new', 'z']);
    isSound();
  });

  test('keeps its members, and the tags that only it uses', () => {
    freeze('f', ['anna', 'bert']);
    save('x', ['sports']);
    engine.apply({ type: 'clearTag', tag: 'sports' });
    rename('f', 'g');
    rename('x', 'y');
    engine.eraseUser('bert');
    expect(idsOf('g')).toEqual(['anna']);
    expect(engine.tag('sports')).toBeDefined();
    isSound();
  });

  test('needs a free name, and the new texts of exactly those who use it', () => {
    save('x');
    save('y', [], ['x']);
    expectRefused(() => rename('none', 'new'), 'UNKNOWN_AUDIENCE', 'there is no audience "none"');
    const taken = 'there is an audience "y" already: drop it first, or take another name';
    expectRefused(() => rename('x', 'y', ['y']), 'AUDIENCE_CONFLICT', taken);
    expectRefused(() => rename('x', 'x', ['y']), 'AUDIENCE_CONFLICT', 'there is an audience "x" already');
    const missing = 'audience "x" cannot be renamed: the new text of audience "y" is missing';
    expectRefused(() => rename('x', 'new'), 'INVALID_ARGUMENT', missing);
    const foreign = 'audience "x" cannot be renamed: audience "z" does not use it';
    expectRefused(() => rename('x', 'new', ['y', 'z']), 'INVALID_ARGUMENT', foreign);
    const twice = 'audience "x" cannot be renamed: an audience has two new texts';
    expectRefused(() => rename('x', 'new', ['y', 'y']), 'INVALID_ARGUMENT', twice);
  });
});

test('details that are given change, and the audience stays the same one', () => {
  save('x', ['city']);
  const record = find('x')!;
  const { version } = engine.store.audiences;
  engine.apply({ type: 'describeAudience', name: 'x', details: { owner: '', labels: [] }, at: 9 });
  expect(find('x')).toBe(record);
  expect(record).toMatchObject({ description: DETAILS.description, owner: '', labels: [], changed: 9 });
  expect(record.created).toBe(1);
  expect(engine.store.audiences.version).toBe(version);
  const unknown = { type: 'describeAudience', name: 'none', details: {}, at: 9 } as const;
  expectRefused(() => engine.apply(unknown), 'UNKNOWN_AUDIENCE', 'there is no audience "none"');
});

test('clearing the store takes all audiences and drafts', () => {
  save('x', ['city']);
  freeze('f', ['anna']);
  engine.apply({ type: 'draftAudience', draft: 1, users: ['anna'] });
  engine.clear();
  const { audiences } = engine.store;
  expect([audiences.size, audiences.drafts, audiences.bytes, tagUsedBy('city')]).toEqual([0, [], 0, []]);
  expect(engine.tags()).toEqual([]);
  isSound();
});
