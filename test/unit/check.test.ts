import { describe, expect, test } from 'vitest';
import { type Engine, openEngine } from '../../src/index.js';
import { CellEncoder } from '../../src/store/cell-encoder.js';
import { Cells, Format } from '../../src/store/cells.js';
import { EnumColumn } from '../../src/store/enum-column.js';
import { ARENA_BITS, ARENA_MASK } from '../../src/store/shared-memory.js';
import { UserKey } from '../../src/store/user-key.js';

/** An engine with ten users `user 0` … who have a flag, an enum and a number. */
function healthy(): Engine {
  const engine = openEngine();
  engine.declareTag('age', { kind: 'number' });
  for (let i = 0; i < 10; i++) {
    engine.setTags(`user ${i}`, { sports: true, city: i < 5 ? 'Rome' : 'Oslo', age: i - 3 });
  }
  expect(engine.check()).toEqual({ sound: true, users: 10, tags: 3, pairs: 30, problems: [] });
  return engine;
}

function problemsOf(engine: Engine): readonly string[] {
  const report = engine.check();
  expect(report.sound).toBe(false);
  return report.problems;
}

const columnOf = (engine: Engine, tag: string) => engine.store.catalog.require(tag).column;
const addressOf = (engine: Engine, user: string) => engine.store.find(user);
const ordinalOf = (engine: Engine, user: string) => engine.store.records.ordinalAt(addressOf(engine, user));

/** Gives a user another vector without telling the columns. */
function rewrite(engine: Engine, user: string, change: (cells: Cells) => void): void {
  const { records } = engine.store;
  const cells = new Cells();
  records.decode(addressOf(engine, user), cells);
  change(cells);
  const encoder = new CellEncoder();
  encoder.encode(cells);
  records.replace(addressOf(engine, user), encoder);
}

/** The words of a user's record, and where they start. */
function recordOf(engine: Engine, user: string): { words: Int32Array; at: number } {
  const address = addressOf(engine, user);
  return { words: engine.store.world.lists.records[address >>> ARENA_BITS]!, at: address & ARENA_MASK };
}

describe('check reports', () => {
  test('a user missing from the bitmap of a flag', () => {
    const engine = healthy();
    columnOf(engine, 'sports').members().remove(ordinalOf(engine, 'user 3'));
    expect(problemsOf(engine)).toEqual([
      'user "user 3": the vector has "sports" = "1", the column does not',
      'tag "sports": the number of users differs: 9 in bitmaps, 10 counted, 10 in vectors',
    ]);
  });

  test('a user in the bitmap of a flag who does not have it', () => {
    const engine = healthy();
    columnOf(engine, 'sports').members().add(77);
    expect(problemsOf(engine)).toEqual([
      'tag "sports": the number of users differs: 11 in bitmaps, 10 counted, 10 in vectors',
    ]);
  });

  test('a user in the bitmap of another value of an enum', () => {
    const engine = healthy();
    const column = columnOf(engine, 'city') as EnumColumn;
    expect(column).toBeInstanceOf(EnumColumn);
    column.membersWith('Rome')!.remove(ordinalOf(engine, 'user 3'));
    column.membersWith('Oslo')!.add(ordinalOf(engine, 'user 3'));
    expect(problemsOf(engine)).toEqual([
      'user "user 3": the vector has "city" = "Rome", the column does not',
      'tag "city": value "Rome" counts 5 users, its bitmap 4',
      'tag "city": value "Oslo" counts 5 users, its bitmap 6',
    ]);
  });

  test('a user with two values of an enum', () => {
    const engine = healthy();
    (columnOf(engine, 'city') as EnumColumn).membersWith('Oslo')!.add(ordinalOf(engine, 'user 3'));
    expect(problemsOf(engine)).toEqual([
      'tag "city": value "Oslo" counts 5 users, its bitmap 6',
      'tag "city": the number of users differs: 11 in bitmaps, 10 counted, 10 in vectors',
    ]);
  });

  test('a broken slice of a number', () => {
    const engine = healthy();
    const column = columnOf(engine, 'age');
    // From 4 to 0: the slice of bit 2 loses the user.
    column.change(ordinalOf(engine, 'user 7'), column.codeFor(4, 'age'), column.codeFor(0, 'age'));
    expect(problemsOf(engine)).toEqual(['user "user 7": the vector has "age" = "4", the column does not']);
  });

  test('a slice and a sign of somebody who has no number', () => {
    const engine = healthy();
    const column = columnOf(engine, 'age');
    column.change(77, column.codeFor(0, 'age'), column.codeFor(-2, 'age'));
    expect(problemsOf(engine)).toEqual([
      'tag "age": slice sign holds users who have no value',
      'tag "age": slice 1 holds users who have no value',
    ]);
  });

  test('a vector with another value, with a tag more, and with one less', () => {
    const engine = healthy();
    const [city, age] = [engine.store.catalog.require('city').id, engine.store.catalog.require('age').id];
    rewrite(engine, 'user 1', (cells) => cells.put(city, 1));
    rewrite(engine, 'user 2', (cells) => cells.put(city, 99));
    rewrite(engine, 'user 3', (cells) => cells.delete(age));
    rewrite(engine, 'user 4', (cells) => cells.put(1234, 0));
    expect(problemsOf(engine)).toEqual([
      'user "user 1": the vector has "city" = "Oslo", the column does not',
      'user "user 2": the vector has "city" with the unknown code 99, the column does not',
      'user "user 4": the vector names tag number 1234, which no tag has',
      'tag "age": the number of users differs: 10 in bitmaps, 10 counted, 9 in vectors',
    ]);
  });

  test('a record that holds no vector', () => {
    const engine = healthy();
    const { words, at } = recordOf(engine, 'user 2');
    // The header says: bits; and the vector's first word, behind two of the id: more of them than there can be.
    words[at]! |= Format.BITS << 8;
    words[at + 3]! |= 0xffff << 16;
    expect(problemsOf(engine)[0]).toBe('user "user 2": what a record holds is not a vector');
  });

  test('a user without tags', () => {
    const engine = healthy();
    rewrite(engine, 'user 5', (cells) => cells.clear());
    expect(problemsOf(engine)).toContain('user "user 5": has no tags and should not be there');
  });

  test('a user whom the directory does not know', () => {
    const engine = healthy();
    const key = new UserKey(engine.store.world.control[4]!).set('user 6');
    engine.store.directory.remove(key.hash, addressOf(engine, 'user 6'));
    expect(problemsOf(engine)).toEqual([
      'user "user 6": the directory does not lead to the record',
      'the directory counts 9 users, there are 10 records',
    ]);
  });

  test('a directory slot that leads to somebody else', () => {
    const engine = healthy();
    const key = new UserKey(engine.store.world.control[4]!).set('user 6');
    engine.store.directory.move(key.hash, addressOf(engine, 'user 6'), addressOf(engine, 'user 7'));
    expect(problemsOf(engine)).toEqual(['user "user 6": the directory does not lead to the record']);
  });

  test('a record whose id or ordinal was overwritten', () => {
    const engine = healthy();
    const id = recordOf(engine, 'user 8');
    const ordinal = recordOf(engine, 'user 9');
    id.words[id.at + 1]! ^= 1;
    ordinal.words[ordinal.at + 3]! ^= 1;
    expect(problemsOf(engine)).toEqual([
      'user "tser 8": the directory does not lead to the record',
      'user "user 9": the record says another ordinal',
    ]);
  });

  test('what is counted wrong', () => {
    const engine = healthy();
    engine.store.users.remove(3);
    engine.store.pairs++;
    expect(problemsOf(engine)).toEqual([
      'the bitmap of all users holds 9, records 10',
      'the store counts 31 pairs, the vectors hold 30',
    ]);
  });

  test('what is wrong in the catalogue', () => {
    const engine = healthy();
    const { catalog } = engine.store;
    catalog.create('ghost', { kind: 'flag' }, false);
    catalog.require('city').nameBytes[0]! ^= 1;
    expect(problemsOf(engine)).toEqual([
      'tag "city": is not found by its name\'s bytes',
      'tag "ghost": nobody declared it and nobody has it',
    ]);
  });

  test('no more than a hundred problems', () => {
    const engine = openEngine();
    engine.addUsers(
      't',
      Array.from({ length: 500 }, (_, i) => `user ${i}`),
    );
    columnOf(engine, 't').members().clear();
    expect(problemsOf(engine)).toHaveLength(100);
  });
});
