import { describe, expect, test } from 'vitest';
import { type Engine, openEngine } from '../../src/index.js';
import { bitmapOf } from '../../src/store/bitmap.js';
import type { MemberCursor } from '../../src/store/member-cursor.js';

const ids = (count: number, from = 0) => Array.from({ length: count }, (_, i) => `user ${from + i}`);

function engineWith(users: readonly string[]): Engine {
  const engine = openEngine();
  engine.addUsers('t', users);
  return engine;
}

function idAt(cursor: MemberCursor, ordinal: number): string {
  const id = Buffer.alloc(cursor.idLength(ordinal) + 1, '#');
  expect(cursor.copyId(ordinal, id, 1)).toBe(id.length);
  return id.toString('utf8', 1);
}

/** What the cursor still delivers. */
function rest(cursor: MemberCursor): string[] {
  const found: string[] = [];
  for (let at = cursor.next(); at >= 0; at = cursor.next()) found.push(idAt(cursor, at));
  return found;
}

describe('a cursor', () => {
  test('delivers every user once, in ordinal order, over many batches', () => {
    const users = ids(40_000);
    const engine = engineWith(users);
    const cursor = engine.store.openCursor(engine.store.users);
    expect(cursor.size).toBe(40_000);
    expect(rest(cursor)).toEqual(users);
    expect(cursor.next()).toBe(-1);
    cursor.close();
    const none = engine.store.openCursor(bitmapOf());
    expect([none.size, none.next()]).toEqual([0, -1]);
    none.close();
  });

  test('copies ids of every length to where it is told', () => {
    const users = Array.from({ length: 255 }, (_, i) =>
      'é'.repeat((i + 1) >> 1).padEnd(i + 1 - ((i + 1) >> 1), 'x'),
    );
    const engine = engineWith(users);
    const cursor = engine.store.openCursor(engine.store.users);
    expect(rest(cursor)).toEqual(users);
    cursor.close();
  });

  test.each([1, 16_384, 20_000])('still delivers users who are erased after %d were read', (read) => {
    const users = ids(36_000);
    const engine = engineWith(users);
    const walk = engine.members('t');
    const seen = Array.from({ length: read }, () => walk.next().value as string);
    for (const user of users) if (user !== 'user 35999') engine.eraseUser(user);
    // Their ordinals go to other users, who must not be delivered in their place, and go once more.
    engine.addUsers('t', ids(36_000, 50_000));
    for (const user of ids(36_000, 50_000)) engine.eraseUser(user);
    engine.addUsers('t', ids(5, 90_000));
    seen.push(...walk);
    expect(seen).toEqual(users);
    expect([...engine.members('t')].sort()).toEqual(['user 35999', ...ids(5, 90_000)].sort());
  });

  test('still delivers users when everything is cleared and others come', () => {
    const users = ids(36_000);
    const engine = engineWith(users);
    const walk = engine.members('t');
    const seen = Array.from({ length: 18_000 }, () => walk.next().value as string);
    engine.clear();
    engine.addUsers('t', ids(100, 50_000));
    engine.eraseUser('user 50000');
    engine.clear();
    seen.push(...walk);
    expect(seen).toEqual(users);
    expect(engine.check().problems).toEqual([]);
  });

  test('has no record of users who were erased, whoever has their ordinals now', () => {
    const engine = engineWith(ids(3));
    const cursor = engine.store.openCursor(engine.store.users);
    const ordinals = [cursor.next(), cursor.next(), cursor.next()];
    engine.eraseUser('user 1');
    engine.addUsers('t', ['newcomer']);
    const addresses = ordinals.map((ordinal) => cursor.addressOf(ordinal));
    expect(addresses).toEqual([engine.store.find('user 0'), 0, engine.store.find('user 2')]);
    expect(engine.store.records.ordinalAt(engine.store.find('newcomer'))).toBe(ordinals[1]);
    cursor.close();
  });

  test('does not see who comes, goes or changes while it walks', () => {
    const engine = openEngine();
    engine.addUsers('city', ids(100), 'Paris');
    const walk = engine.members('city', 'Paris');
    const seen = [walk.next().value];
    engine.addUsers('city', ids(100), 'Rome');
    engine.addUsers('city', ['newcomer'], 'Paris');
    engine.dropTag('city');
    seen.push(...walk);
    expect(seen).toEqual(ids(100));
    expect(engine.stats().users).toBe(0);
  });

  test('may be left early, and others walk on', () => {
    const engine = engineWith(ids(50));
    const [first, second] = [engine.members('t'), engine.members('t')];
    for (const user of first) if (user === 'user 3') break;
    expect(second.next().value).toBe('user 0');
    engine.clear();
    expect([...second]).toEqual(ids(49, 1));
    expect([...first]).toEqual([]);
  });
});
