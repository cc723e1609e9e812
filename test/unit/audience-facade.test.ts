/** Audiences as `engine.audiences` offers them. */
import { describe, expect, test } from 'vitest';
import { type Engine, type Expression, openEngine } from '../../src/index.js';

function filled(): Engine {
  const engine = openEngine();
  engine.declareTag('vip', { kind: 'flag' });
  engine.declareTag('city', { kind: 'enum' });
  engine.declareTag('age', { kind: 'number' });
  engine.declareTag('balance', { kind: 'number', scale: 2 });
  engine.setTags('u1', { vip: true, city: 'Rome', age: 30, balance: 1.5 });
  engine.setTags('u2', { city: 'Paris', age: -5 });
  engine.setTags('u3', { vip: true });
  return engine;
}

describe('saving', () => {
  test('keeps the text as it was written, without blanks around it', () => {
    const { audiences } = filled();
    const text = "  vip AND city in ('Rome',\n Paris)  ";
    const info = audiences.save('a', text, { description: 'what', owner: 'anna', labels: ['x', 'y'] });
    const { created, changed, ...rest } = info;
    expect(rest).toEqual({
      name: 'a',
      kind: 'dynamic',
      expression: text.trim(),
      users: undefined,
      description: 'what',
      owner: 'anna',
      labels: ['x', 'y'],
    });
    expect(changed).toBe(created);
    expect(Math.abs(Date.now() - created)).toBeLessThan(60_000);
    expect(audiences.get('a')).toEqual(info);
    expect(audiences.count('@a')).toBe(1);
    expect(audiences.get('a')!.users).toBe(1);
  });

  test('writes a tree as text', () => {
    const { audiences } = filled();
    const tree: Expression = { type: 'in', tag: 'city', negated: true, values: ['New York', 'Rome'] };
    expect(audiences.save('a', tree).expression).toBe('city not in ("New York", Rome)');
    expect(audiences.freeze('b', tree)).toMatchObject({
      kind: 'fixed',
      users: 1,
      expression: 'city not in ("New York", Rome)',
    });
  });

  test('again changes the expression, and of the details what is given', () => {
    const { audiences } = filled();
    const { created } = audiences.save('a', 'vip', { description: 'what', owner: 'anna', labels: ['x'] });
    const info = audiences.save('a', 'city', { owner: '' });
    expect(info).toMatchObject({
      expression: 'city',
      description: 'what',
      owner: '',
      labels: ['x'],
      created,
    });
    expect(audiences.describe('a', { labels: [], description: 'else' })).toMatchObject({
      expression: 'city',
      description: 'else',
      labels: [],
    });
  });

  test('a fixed audience keeps its members and follows no tag', () => {
    const engine = filled();
    const { audiences } = engine;
    expect(audiences.freeze('a', ' vip ', { owner: 'anna' })).toMatchObject({ expression: 'vip', users: 2 });
    engine.removeTags('u1', ['vip']);
    expect([...audiences.ids('@a')]).toEqual(['u1', 'u3']);
    expect(audiences.addUsers('a', ['u2', 'u1', 'nobody', 'u2'])).toBe(1);
    expect(audiences.removeUsers('a', ['u3', 'nobody', 'u3'])).toBe(1);
    expect([...audiences.ids('@a')]).toEqual(['u1', 'u2']);
    engine.eraseUser('u2');
    engine.setTags('u2', { vip: true });
    expect([...audiences.ids('@a')]).toEqual(['u1']);
    expect(audiences.freeze('a', 'city = Oslo')).toMatchObject({ owner: 'anna', users: 0 });
    expect(audiences.freeze('nobody', 'none').users).toBe(0);
  });

  test('lists in the order of names, all or those that match', () => {
    const { audiences } = filled();
    for (const name of ['b', 'a:2', 'B', 'a:1', 'é']) audiences.save(name, 'vip');
    expect(audiences.list().map(({ name }) => name)).toEqual(['B', 'a:1', 'a:2', 'b', 'é']);
    expect(audiences.list('a:*').map(({ name }) => name)).toEqual(['a:1', 'a:2']);
    expect(audiences.get('c')).toBeUndefined();
    expect(audiences.drop('c')).toBe(false);
  });

  test('renames also where the audience is used', () => {
    const { audiences } = filled();
    audiences.save('a', 'vip', { owner: 'anna' });
    audiences.save('b', '@a AND not (@a and @a)  and city="Rome"');
    audiences.save('c', 'not @b');
    audiences.rename('a', 'what is new');
    expect(audiences.get('a')).toBeUndefined();
    expect(audiences.get('what is new')).toMatchObject({ expression: 'vip', owner: 'anna' });
    expect(audiences.get('b')!.expression).toBe(
      '@`what is new` and not (@`what is new` and @`what is new`) and city = Rome',
    );
    expect(audiences.get('c')!.expression).toBe('not @b');
    expect(audiences.match('u1')).toEqual(['c', 'what is new']);
  });
});

describe('values', () => {
  test.each([
    ['vip = 1', ['u1', 'u3']],
    ['vip = "1"', ['u1', 'u3']],
    ['vip != 1', []],
    ['vip in (1)', ['u1', 'u3']],
    ['vip not in (1)', []],
    ['not vip', ['u2']],
    ['age = 30', ['u1']],
    ['age = "30.00"', ['u1']],
    ['age = +30', ['u1']],
    ['age = 30.5', []],
    ['age != 30.5', ['u1', 'u2']],
    ['age > 29.5 and age < 30.5', ['u1']],
    ['age >= -5', ['u1', 'u2']],
    ['age > -5.000001', ['u1', 'u2']],
    ['age < -4.9', ['u2']],
    ['age <= -5.1', []],
    ['age between 40 and 20', []],
    ['age between -5 and -5', ['u2']],
    ['age < 99999999999999999999', ['u1', 'u2']],
    ['age > 99999999999999999999', []],
    ['age != 99999999999999999999', ['u1', 'u2']],
    ['age in (30, 30.5, -5)', ['u1', 'u2']],
    ['age not in (30, 30.5)', ['u2']],
    ['age > 0 or age > 20 or age < 40', ['u1', 'u2']],
    ['city = Rome or city = Paris or city = Rome', ['u1', 'u2']],
    ['balance = 1.5', ['u1']],
    ['balance = 1.500000', ['u1']],
    ['balance between 1.495 and 1.505', ['u1']],
    ['balance > 1.499 and balance < 1.501', ['u1']],
    ['balance > 1.5', []],
    ['city = Oslo', []],
    ['city != Oslo', ['u1', 'u2']],
    ['city not in (Rome, Oslo)', ['u2']],
    ['users(u3, nobody, u1, u3)', ['u1', 'u3']],
    ['at least 2 of (vip, vip, city)', ['u1', 'u3']],
    ['at least 3 of (vip, vip, city)', ['u1']],
    ['at least 1 of (none)', []],
    ['at least 1 of (vip)', ['u1', 'u3']],
  ])('%s', (text, ids) => {
    const { audiences } = filled();
    expect([...audiences.ids(text)]).toEqual(ids);
    expect(audiences.count(text)).toBe(ids.length);
    expect(audiences.test(text, ['u1', 'u2', 'u3', 'nobody'])).toEqual(
      ['u1', 'u2', 'u3', 'nobody'].map((id) => ids.includes(id)),
    );
  });
});

test('pages have ten users unless said otherwise', () => {
  const engine = openEngine();
  engine.addUsers(
    'flag',
    Array.from({ length: 25 }, (_, i) => `u${i}`),
  );
  const { audiences } = engine;
  const first = audiences.page('flag');
  expect([first.ids.length, first.cursor]).toEqual([10, 10]);
  const second = audiences.page('flag', { cursor: first.cursor });
  expect([second.ids.map(String)[0], second.cursor]).toEqual(['u10', 20]);
  expect(audiences.page('flag', { cursor: 20 })).toMatchObject({ cursor: 0, ids: { length: 5 } });
  expect(audiences.page('flag', { cursor: 15 })).toMatchObject({ cursor: 0, ids: { length: 10 } });
  expect(audiences.page('none')).toEqual({ cursor: 0, ids: [] });
  expect(openEngine().audiences.page('all')).toEqual({ cursor: 0, ids: [] });
  expect(openEngine().audiences.count('all', { limit: 5 })).toBe(0);
});

test('ids are as of when the first is asked for, and those of the erased still come', () => {
  const engine = filled();
  const ids = engine.audiences.ids('city or vip');
  engine.eraseUser('u3');
  expect(ids.next().value).toBe('u1');
  engine.eraseUser('u2');
  engine.setTags('u4', { vip: true });
  expect([...ids]).toEqual(['u2']);
});
