import { describe, expect, test } from 'vitest';
import { Random } from '../../bench/support/random.js';
import type { TagDeclaration } from '../../src/index.js';
import { checkDeclaration, checkTagName, type Tag, TagCatalog } from '../../src/store/tag-catalog.js';
import { codeOf } from '../support/code-of.js';

const OPTIONS = { strict: false, maxEnumValues: 10 };

function findBytes(catalog: TagCatalog, name: string): Tag | undefined {
  const bytes = Buffer.from(`##${name}##`);
  return catalog.findBytes(bytes, 2, bytes.length - 2);
}

describe('the catalog', () => {
  test('finds tags by name, by bytes and by id after many were made and dropped', () => {
    const random = new Random(3);
    const names = Array.from({ length: 700 }, (_, i) => `${'äb日😀'.slice(0, i % 5)}${i}`);
    const catalog = new TagCatalog(OPTIONS);
    const model = new Map<string, Tag>();
    let most = 0;
    for (let step = 0; step < 20_000; step++) {
      const name = names[random.below(names.length)]!;
      const known = model.get(name);
      const { version } = catalog;
      if (known === undefined) model.set(name, catalog.create(name, { kind: 'flag' }, true));
      // Fill up and run empty in turn.
      else if (random.below(10) < (step % 4000 < 2000 ? 1 : 9)) {
        catalog.drop(known);
        model.delete(name);
      }
      if (model.get(name) !== known) expect(catalog.version).toBeGreaterThan(version);
      most = Math.max(most, model.size);
      if (step % 500 > 0) continue;
      for (const other of names) {
        const tag = model.get(other);
        if (catalog.find(other) !== tag || findBytes(catalog, other) !== tag) expect(other).toBe('found');
        if (tag !== undefined && catalog.byId(tag.id) !== tag) expect(other).toBe('found by id');
      }
      expect(catalog.size).toBe(model.size);
      expect([...catalog.all()]).toEqual([...model.values()]);
    }
    // Ids are given again, so that they stay small.
    expect(catalog.idLimit).toBe(most);
  });

  test('drops a tag once, and not the next one with its id', () => {
    const catalog = new TagCatalog(OPTIONS);
    const first = catalog.create('first', { kind: 'flag' }, true);
    catalog.drop(first);
    const second = catalog.create('second', { kind: 'flag' }, true);
    expect(second.id).toBe(first.id);
    catalog.drop(first);
    expect(catalog.byId(second.id)).toBe(second);
    expect(codeOf(() => catalog.require('first'))).toBe('UNKNOWN_TAG');
    expect(catalog.require('second')).toBe(second);
  });

  test('tells its listener what readers of vectors must know', () => {
    const catalog = new TagCatalog(OPTIONS);
    const heard: unknown[] = [];
    catalog.listener = {
      changing: () => heard.push('changing'),
      tagChanged: (tag) => heard.push(['changed', tag.name]),
      tagDropped: (tag) => heard.push(['dropped', tag.name]),
      valueAdded: (...value) => heard.push(value),
    };
    const tag = catalog.create('city', { kind: 'enum' }, false);
    tag.column.codeFor('Rome', 'city');
    tag.column.codeFor('Rome', 'city');
    catalog.createColumn({ kind: 'enum' }).codeFor('not the column of the tag', 'city');
    catalog.changing();
    catalog.drop(tag);
    expect(heard).toEqual([['changed', 'city'], [0, 0, 'Rome'], 'changing', ['dropped', 'city']]);
  });

  test('says in strict mode how to get a tag', () => {
    const catalog = new TagCatalog({ ...OPTIONS, strict: true });
    expect(() => catalog.checkNew('sports')).toThrow('tag "sports" is not declared');
    expect(codeOf(() => catalog.checkNew('sports'))).toBe('UNDECLARED_TAG');
    expect(codeOf(() => catalog.checkNew('a=b'))).toBe('INVALID_TAG_NAME');
  });
});

test.each([
  'a',
  'high-income',
  'a:b/c.d_e',
  'naïve',
  '標籤',
  '😀',
  ' ',
  'a b',
  '"',
  '\u0080',
  'é'.repeat(127),
  'x'.repeat(255),
])('%j may be the name of a tag', (name) => {
  expect(codeOf(() => checkTagName(name))).toBeUndefined();
});

test.each([
  '',
  '=',
  'a=b',
  'a<b',
  'a>b',
  '`',
  'a\0',
  '\n',
  'a\u001f',
  '\u007f',
  '\ud800a',
  'a\udc00',
  'é'.repeat(128),
  'x'.repeat(256),
])('%j may not be the name of a tag', (name) => {
  expect(codeOf(() => checkTagName(name))).toBe('INVALID_TAG_NAME');
});

test.each<[string, TagDeclaration]>([
  ['kind', { kind: 'text' as 'flag' }],
  ['kind', { kind: undefined as unknown as 'flag' }],
  ['scale', { kind: 'flag', scale: 0 }],
  ['scale', { kind: 'enum', scale: 2 }],
  ['scale', { kind: 'number', scale: -1 }],
  ['scale', { kind: 'number', scale: 10 }],
  ['scale', { kind: 'number', scale: 1.5 }],
  ['scale', { kind: 'number', scale: Number.NaN }],
])('a declaration with a wrong %s is refused: %j', (what, declaration) => {
  expect(codeOf(() => checkDeclaration('t', declaration))).toBe('INVALID_ARGUMENT');
  expect(() => checkDeclaration('t', declaration)).toThrow(what);
});
