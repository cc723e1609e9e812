import assert from 'node:assert/strict';
import { describe, expect, test } from 'vitest';
import { Random } from '../../bench/support/random.js';
import {
  type Engine,
  type Mutation,
  openEngine,
  type SegmentdError,
  type TagValue,
} from '../../src/index.js';
import { Format } from '../../src/store/cells.js';
import { applyToBoth, assertSame } from './compare.js';
import { NaiveStore } from './naive-store.js';

const OPTIONS = { strict: false, maxEnumValues: 65_535 };

/** How many users have a vector of each format. */
function formatsOf(engine: Engine): Record<keyof typeof Format, number> {
  const { records } = engine.store;
  const counts = [0, 0, 0];
  for (const ordinal of engine.store.users) {
    const address = records.addressOf(ordinal);
    counts[records.format(address)]!++;
  }
  return {
    LIST: counts[Format.LIST]!,
    LONG_LIST: counts[Format.LONG_LIST]!,
    BITS: counts[Format.BITS]!,
  };
}

function numbered(count: number, name: string): string[] {
  return Array.from({ length: count }, (_, i) => `${name}${i}`);
}

/** Picks from lists by a generator whose numbers repeat. */
class Picker extends Random {
  one<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  /** Up to `most` items; some may come twice. */
  some<T>(items: readonly T[], most: number): T[] {
    return Array.from({ length: 1 + this.below(most) }, () => this.one(items));
  }
}

describe('many users and tags', () => {
  const users = numbered(20_000, 'user ');
  const common = numbered(40, 'flag');
  const enums = numbered(10, 'enum');
  const numbers = numbered(10, 'number');
  /** Most users have few of these, some have hundreds of neighbours, some have hundreds far apart. */
  const rare = numbered(6000, 'rare');
  /** Some users have nothing but many of these. */
  const plain = numbered(500, 'plain');
  const plainUsers = numbered(100, 'plain user ');

  function cells(random: Picker): [string, TagValue][] {
    const list: [string, TagValue][] = random.some(common, 12).map((tag) => [tag, true]);
    list.push([random.one(enums), `value ${random.below(300)}`]);
    list.push([random.one(numbers), random.below(2 ** random.below(33)) - 100_000]);
    const from = random.below(rare.length - 500);
    const kind = random.below(25);
    const more = kind === 0 ? rare.slice(from, from + 500) : kind === 1 ? random.some(rare, 600) : [];
    const value = random.below(2) === 0 ? true : `text ${random.below(5)}`;
    for (const tag of more) list.push([tag, random.below(3) === 0 ? value : true]);
    return list;
  }

  function mutation(random: Picker): Mutation {
    const user = random.one(users);
    const tag = random.one([common, enums, numbers, rare][random.below(4)]!);
    switch (random.below(16)) {
      case 0:
        return { type: 'eraseUser', user };
      case 1:
        return { type: 'removeTags', user, tags: [...random.some(common, 20), ...random.some(enums, 3)] };
      case 2:
        return {
          type: 'addUsers',
          tag: random.one(common),
          value: undefined,
          users: random.some(users, 1500),
        };
      case 3:
        return { type: 'addUsers', tag, value: `${random.below(4)}`, users: random.some(users, 100) };
      case 4:
        return { type: 'removeUsers', tag, value: undefined, users: random.some(users, 1000) };
      case 5:
        return {
          type: 'removeUsers',
          tag,
          value: `value ${random.below(300)}`,
          users: users.slice(0, 3000),
        };
      case 6:
        return { type: 'increment', user, tag: random.one([...numbers, ...common]), by: random.below(1000) };
      case 7:
        if (random.below(20) > 0) break;
        return { type: random.one(['dropTag', 'clearTag'] as const), tag };
      case 8: {
        if (random.below(10) > 0) break;
        const kind = random.one(['flag', 'enum', 'number', 'number'] as const);
        const scale = kind === 'number' ? { scale: random.below(4) } : {};
        return { type: 'declareTag', tag, declaration: { kind, ...scale } };
      }
      case 9: {
        const tags = random.some(plain, 400);
        return { type: 'setTags', user: random.one(plainUsers), tags, values: tags.map(() => true) };
      }
    }
    const list = cells(random);
    return {
      type: 'setTags',
      user,
      tags: list.map(([name]) => name),
      values: list.map(([, value]) => value),
    };
  }

  test('are what the model says after thousands of mutations', { timeout: 120_000 }, () => {
    const random = new Picker(4);
    const engine = openEngine(OPTIONS);
    const model = new NaiveStore(OPTIONS);
    for (const tag of numbers) {
      applyToBoth(engine, model, { type: 'declareTag', tag, declaration: { kind: 'number' } });
    }
    const all = [...users, ...plainUsers];
    const names = ['flag0', 'enum1', 'number2', 'rare3', 'rare77', 'no such tag'];
    for (let step = 0; step < 3000; step++) {
      if (step === 1000) {
        assertSame(engine, model, users.slice(0, 2000), names);
        applyToBoth(engine, model, { type: 'clear' });
        assertSame(engine, model, users.slice(0, 2000), names);
      }
      applyToBoth(engine, model, mutation(random));
    }
    const formats = formatsOf(engine);
    expect(Object.entries(formats).filter(([, count]) => count < 10)).toEqual([]);
    engine.compact();
    assertSame(engine, model, all, names);
  });
});

describe('a few users with thousands of tags', () => {
  test('are what the model says, and are refused what is too much', { timeout: 120_000 }, () => {
    const random = new Picker(5);
    const engine = openEngine(OPTIONS);
    const model = new NaiveStore(OPTIONS);
    const users = numbered(2, 'user ');
    const tags = numbered(6500, 't');
    for (const tag of tags)
      applyToBoth(engine, model, { type: 'declareTag', tag, declaration: { kind: 'number' } });
    let refused = 0;
    for (let step = 0; step < 90; step++) {
      const user = random.one(users);
      const from = random.below(tags.length);
      const run = random.below(2) === 0 ? tags.slice(from, from + 1500) : random.some(tags, 900);
      if (random.below(8) === 0) {
        applyToBoth(engine, model, { type: 'removeTags', user, tags: run });
        continue;
      }
      const limit = 2 ** (random.below(4) === 0 ? random.below(53) : 52);
      const values = run.map(() => Math.floor((random.below(2 ** 32) / 2 ** 32) * limit));
      const change: Mutation = { type: 'setTags', user, tags: run, values };
      try {
        engine.apply(change);
      } catch (error) {
        assert.equal((error as SegmentdError).code, 'VECTOR_TOO_LARGE');
        refused++;
        continue;
      }
      model.apply(change);
    }
    expect(refused).toBeGreaterThan(2);
    assertSame(engine, model, users, tags);
  });
});

describe('a hundred thousand users and more', () => {
  const COUNT = 150_000;

  test('come, change and go; memory is used again', { timeout: 120_000 }, () => {
    const random = new Random(6);
    const engine = openEngine();
    const ids = numbered(COUNT, 'a user with quite a long id, number ');
    const values = new Array<string | undefined>(COUNT);
    const set = (user: number, value: string | undefined) => {
      if (value === undefined) engine.eraseUser(ids[user]!);
      else engine.apply({ type: 'setTags', user: ids[user]!, tags: ['a', 'b'], values: [value, true] });
      values[user] = value;
    };
    for (let user = 0; user < COUNT; user++) set(user, `value ${user % 500}`);
    const full = engine.stats().bytes;
    for (let step = 0; step < 300_000; step++) {
      set(random.below(COUNT), random.below(3) === 0 ? undefined : `value ${random.below(700)}`);
    }
    const { bytes, users, pairs } = engine.stats();
    expect(bytes.directory).toBe(full.directory);
    // A frame of 64 KiB is evacuated when less than half of it is in use; besides, each of three pages has one open.
    expect(bytes.records + bytes.slack).toBeLessThan(2 * full.records + 8 * 65_536);
    const count = values.filter((value) => value !== undefined).length;
    expect({ users, pairs }).toEqual({ users: count, pairs: 2 * count });
    const rows = engine.getMany(ids, ['a', 'b']);
    const wrong = rows.filter(
      ([a, b], user) => a !== (values[user] ?? null) || (a === null) !== (b === null),
    );
    expect(wrong).toEqual([]);
    expect(engine.check()).toEqual({ sound: true, users: count, tags: 2, pairs, problems: [] });
    for (let user = 0; user < COUNT; user++) if (values[user] !== undefined) set(user, undefined);
    expect(engine.stats()).toMatchObject({ users: 0, tags: 0, pairs: 0, bytes: { records: 0 } });
    expect(engine.check().sound).toBe(true);
  });

  test('leave no bytes of their ids behind when they are erased', () => {
    const engine = openEngine();
    const random = new Random(7);
    const ids = numbered(5000, 'erase-me-');
    ids.forEach((id, i) => {
      engine.setTags(id, { t: `value ${i % 7}` });
    });
    for (let step = 0; step < 20_000; step++)
      engine.setTags(ids[random.below(5000)]!, { t: `value ${step % 50}` });
    for (const id of ids.slice(10)) engine.eraseUser(id);
    const [arena] = engine.store.world.lists.records;
    const memory = Buffer.from(arena!.buffer);
    let found = 0;
    for (let at = memory.indexOf('erase-me-'); at >= 0; at = memory.indexOf('erase-me-', at + 1)) found++;
    expect(found).toBe(10);
    engine.clear();
    expect(memory.indexOf('erase-me-')).toBe(-1);
  });
});
