/** What is known of an expression's plan is used again only as long as it means the same. */
import { describe, expect, test } from 'vitest';
import { type Engine, openEngine } from '../../src/index.js';
import { codeOf } from '../support/code-of.js';

function filled(): Engine {
  const engine = openEngine();
  engine.declareTag('city', { kind: 'enum' });
  engine.declareTag('age', { kind: 'number' });
  engine.setTags('u1', { vip: true, city: 'Rome', age: 30 });
  engine.setTags('u2', { vip: true, city: 'Paris', age: 1 });
  engine.setTags('u3', { city: 'Rome' });
  // So much that a change or two is little beside it.
  for (let i = 0; i < 100; i++) engine.setTags('u3', { [`other ${i}`]: true });
  return engine;
}

/** Who is in it, as every kind of question says. */
function usersOf({ audiences, store }: Engine, text: string): string[] {
  const ids = [...audiences.ids(text)];
  const everybody = [...store.users].map((ordinal) => store.idOf(ordinal).toString());
  const isIn = audiences.test(text, everybody);
  expect(everybody.filter((_, i) => isIn[i])).toEqual(ids);
  expect(audiences.count(text)).toBe(ids.length);
  expect(audiences.count(text, { limit: 1 })).toBe(Math.min(1, ids.length));
  expect(audiences.page(text, { count: 2000 }).ids.map(String)).toEqual(ids);
  expect(audiences.reach([text])[1]).toBe(ids.length);
  return ids;
}

describe('the same text, asked again after', () => {
  test('a tag became another kind', () => {
    const engine = filled();
    expect(usersOf(engine, 'vip = 1')).toEqual(['u1', 'u2']);
    expect(codeOf(() => engine.audiences.count('vip = gold'))).toBe('INVALID_VALUE');
    engine.setTags('u3', { vip: 'gold' });
    expect(usersOf(engine, 'vip = 1')).toEqual(['u1', 'u2']);
    expect(usersOf(engine, 'vip = gold')).toEqual(['u3']);
    expect(usersOf(engine, 'vip')).toEqual(['u1', 'u2', 'u3']);
  });

  test('a tag got another scale', () => {
    const engine = filled();
    expect(usersOf(engine, 'age > 29.5 and age < 30')).toEqual([]);
    expect(usersOf(engine, 'age = 29.7 or age = 1')).toEqual(['u2']);
    engine.declareTag('age', { kind: 'number', scale: 1 });
    engine.setTags('u3', { age: 29.7 });
    expect(usersOf(engine, 'age > 29.5 and age < 30')).toEqual(['u3']);
    expect(usersOf(engine, 'age = 29.7 or age = 1')).toEqual(['u2', 'u3']);
  });

  test('a tag went and another one took its place', () => {
    const engine = filled();
    expect(usersOf(engine, 'vip')).toEqual(['u1', 'u2']);
    engine.dropTag('vip');
    engine.setTags('u3', { other: true });
    expect(codeOf(() => engine.audiences.count('vip'))).toBe('UNKNOWN_TAG');
    expect(codeOf(() => engine.audiences.test('vip', ['u1']))).toBe('UNKNOWN_TAG');
    engine.setTags('u3', { vip: true });
    expect(usersOf(engine, 'vip')).toEqual(['u3']);
  });

  test('all tags went and came back in another order', () => {
    const engine = filled();
    expect(usersOf(engine, 'vip and city = Rome')).toEqual(['u1']);
    engine.clear();
    expect(codeOf(() => engine.audiences.count('vip and city = Rome'))).toBe('UNKNOWN_TAG');
    engine.setTags('u1', { city: 'Oslo' });
    engine.setTags('u2', { vip: true, city: 'Rome' });
    expect(usersOf(engine, 'vip and city = Rome')).toEqual(['u2']);
  });

  test('values got other codes', () => {
    const engine = filled();
    expect(usersOf(engine, 'city = Rome')).toEqual(['u1', 'u3']);
    expect(usersOf(engine, 'city = Oslo')).toEqual([]);
    engine.setTags('u1', { city: 'Paris' });
    engine.setTags('u3', { city: 'Paris' });
    engine.setTags('u2', { city: 'Oslo' });
    expect(usersOf(engine, 'city = Rome')).toEqual([]);
    expect(usersOf(engine, 'city = Oslo')).toEqual(['u2']);
  });

  test('users came and went', () => {
    const engine = filled();
    expect(usersOf(engine, 'not users(u1, u4)')).toEqual(['u2', 'u3']);
    engine.eraseUser('u1');
    engine.setTags('u4', { vip: true });
    engine.setTags('u1', { vip: true });
    expect(usersOf(engine, 'not users(u1, u4)')).toEqual(['u2', 'u3']);
    expect(usersOf(engine, 'users(u1, u4)').sort()).toEqual(['u1', 'u4']);
  });

  test('many more users came', () => {
    const engine = filled();
    expect(usersOf(engine, 'vip and not city = Rome')).toEqual(['u2']);
    engine.addUsers(
      'vip',
      Array.from({ length: 1000 }, (_, i) => `new ${i}`),
    );
    expect(usersOf(engine, 'vip and not city = Rome').length).toBe(1001);
  });

  test('a saved audience changed', () => {
    const engine = filled();
    const { audiences } = engine;
    audiences.save('a', 'vip');
    audiences.freeze('f', 'vip');
    expect(usersOf(engine, '@a and @f')).toEqual(['u1', 'u2']);
    audiences.save('a', 'city = Rome');
    expect(usersOf(engine, '@a and @f')).toEqual(['u1']);
    audiences.addUsers('f', ['u3']);
    expect(usersOf(engine, '@a and @f')).toEqual(['u1', 'u3']);
    audiences.freeze('f', 'users(u3)');
    expect(usersOf(engine, '@a and @f')).toEqual(['u3']);
    audiences.drop('a');
    audiences.rename('f', 'a');
    expect(codeOf(() => audiences.count('@a and @f'))).toBe('UNKNOWN_AUDIENCE');
    expect(usersOf(engine, '@a')).toEqual(['u3']);
  });
});

test('hundreds of texts are told apart', () => {
  const engine = openEngine();
  engine.declareTag('n', { kind: 'number' });
  for (let i = 0; i < 700; i++) engine.setTags(`u${i}`, { n: i });
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 700; i++)
      expect(engine.audiences.test(`n = ${i}`, [`u${i}`, `u${i + 1}`])).toEqual([true, false]);
  }
});

test('two queries of the same text at a time do not meet', () => {
  const engine = filled();
  const { queries } = engine.audiences;
  const text = 'vip and (city = Rome or age < 10) and not users(u9)';
  const first = queries.count(text);
  first.advance(-1);
  engine.setTags('u3', { vip: true });
  const second = queries.users(text);
  const third = queries.explain(text);
  second.advance(-1);
  engine.eraseUser('u1');
  expect(first.now()).toBe(2);
  expect([...second.now()].length).toBe(2);
  expect(third.now().users).toBe(3);
  expect(engine.audiences.count(text)).toBe(2);
});
