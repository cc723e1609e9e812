import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Random } from '../../bench/support/random.js';
import { type Address, ARENA_BITS, Control, SharedWorld } from '../../src/store/shared-memory.js';
import { SHARD_MAP_WORDS, UserDirectory, UserDirectoryReader } from '../../src/store/user-directory.js';
import { UserKey } from '../../src/store/user-key.js';
import { codeOf } from '../support/code-of.js';

/** A directory beside a Map of what must be in it. Hashes are given, so that they can be as bad as wanted. */
class Both {
  readonly world = SharedWorld.create(SHARD_MAP_WORDS);
  readonly directory = new UserDirectory(this.world);
  /** As another thread would see it: the same world, only the look-up half. */
  readonly reader = new UserDirectoryReader(this.world);
  readonly entries = new Map<string, { hash: number; address: Address }>();
  readonly #key = new UserKey(0);
  readonly #records = this.world.grow('records');
  #next = 1;

  insert(id: string, hash: number): void {
    const address = this.#write(id);
    this.directory.insert(hash, address);
    this.entries.set(id, { hash, address });
  }

  move(id: string): void {
    const entry = this.entries.get(id)!;
    const to = this.#write(id);
    this.directory.move(entry.hash, entry.address, to);
    entry.address = to;
  }

  remove(id: string): void {
    const { hash, address } = this.entries.get(id)!;
    this.directory.remove(hash, address);
    this.entries.delete(id);
  }

  clear(): void {
    this.directory.clear();
    this.entries.clear();
  }

  find(id: string, hash: number): Address {
    this.#key.set(id);
    this.#key.hash = hash;
    const found = this.directory.find(this.#key);
    if (this.reader.find(this.#key) !== found) throw new Error(`the reader finds ${id} elsewhere`);
    return found;
  }

  /** Everything that must be there is, and nothing else. */
  verify(): void {
    let wrong = 0;
    for (const [id, { hash, address }] of this.entries) if (this.find(id, hash) !== address) wrong++;
    expect(wrong).toBe(0);
    expect(this.directory.size).toBe(this.entries.size);
    expect(this.slotsInUse()).toBe(this.entries.size);
    for (let shard = 0; shard < 256; shard++) {
      expect(this.world.control[Control.SHARD_SEQUENCE + shard]! % 2).toBe(0);
    }
  }

  slotsInUse(): number {
    let slots = 0;
    for (const words of this.world.lists.slots) {
      for (let at = 1; at < words.length && at < this.directory.bytes / 4; at += 2)
        if (words[at] !== 0) slots++;
    }
    return slots;
  }

  /** A record as the directory reads it: ordinal, length of the id, the id. */
  #write(id: string): Address {
    const address = this.#next;
    const { length, words, wordCount } = this.#key.set(id);
    this.#records.set([length, ...words.subarray(0, wordCount)], address);
    this.#next += 2 + wordCount;
    if (this.#next > 1 << ARENA_BITS) throw new RangeError('the test needs more than one arena');
    return address;
  }
}

/** Ways to give the n-th id a hash, from good to hostile. */
const HASHES: Record<string, (n: number, random: Random) => number> = {
  'random hashes': (_, random) => random.below(2 ** 32) | 0,
  'random hashes in one shard': (_, random) => random.below(2 ** 24) | (0x7f << 24),
  'hashes in two shards, few different ones': (n) => (n % 2 === 0 ? 0 : 0x80000000) | ((n % 37) * 0x60000),
  'one and the same hash': () => 0x12345678,
  'ascending hashes': (n) => n,
  'descending hashes': (n) => (0xff000000 | 0) + 0x400000 - n,
  'hashes that pile up at the end of a shard': (n) => 0x05ff0000 + ((n * 193) & 0xffff),
};

describe.each(Object.entries(HASHES))('with %s, the directory', (_, hashOf) => {
  test('holds what a Map holds', () => {
    const random = new Random(1);
    const both = new Both();
    const ids: string[] = [];
    for (let n = 0; n < 500; n++) {
      both.insert(`id ${n}`, hashOf(n, random));
      ids.push(`id ${n}`);
    }
    both.verify();
    for (let n = 500; n < 4000; n++) {
      const at = random.below(ids.length);
      const id = ids[at]!;
      const action = random.below(10);
      if (action < 3) both.move(id);
      else if (action < 6) {
        const { hash } = both.entries.get(id)!;
        both.remove(id);
        expect(both.find(id, hash)).toBe(0);
        ids[at] = ids.at(-1)!;
        ids.pop();
      } else {
        const hash = hashOf(n, random);
        expect(both.find(`id ${n}`, hash)).toBe(0);
        both.insert(`id ${n}`, hash);
        ids.push(`id ${n}`);
      }
      if (n % 500 === 0) both.verify();
    }
    both.verify();
    both.clear();
    both.verify();
    both.insert('again', hashOf(1, random));
    both.verify();
  });
});

test('grows many times and stays compact', () => {
  const both = new Both();
  const random = new Random(2);
  for (let n = 0; n < 200_000; n++) both.insert(`${n}`, random.below(2 ** 32) | 0);
  both.verify();
  // 256 shards of some 780 users each: two or three frames of 512 slots.
  expect(both.directory.bytes / both.directory.size).toBeLessThan(8 / 0.5);
  for (const id of [...both.entries.keys()]) if (random.below(4) > 0) both.remove(id);
  both.verify();
  const { bytes } = both.directory;
  both.clear();
  for (let n = 0; n < 80_000; n++) both.insert(`${n}`, random.below(2 ** 32) | 0);
  both.verify();
  expect(both.directory.bytes).toBe(bytes);
});

test('is full, and nothing worse, when ids with the greatest of all hashes run over the end', () => {
  const both = new Both();
  for (let n = 0; n < 300; n++) both.insert(`other ${n}`, n << 24);
  let inserted = 0;
  const insert = () => both.insert(`top ${inserted}`, 0x01ffffff);
  while (codeOf(insert) === undefined) inserted++;
  expect(inserted).toBeGreaterThan(60);
  both.verify();
  expect(codeOf(insert)).toBe('STORE_FULL');
  both.insert('elsewhere', 0x01000000);
  both.remove('top 7');
  insert();
  both.verify();
});

test('random sequences on a few ids do what a Map does', () => {
  const id = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h');
  // Few orders, close together and at both ends, so that every gap is opened and closed in every way.
  const hashOf = fc.func(fc.constantFrom(0, 1, 2, 0x9000, 0x9001, 0x12000, 0xffffff));
  const action = fc.tuple(fc.constantFrom('put', 'put', 'move', 'remove', 'clear'), id);
  fc.assert(
    fc.property(hashOf, fc.array(action, { maxLength: 60 }), (hash, actions) => {
      const both = new Both();
      for (const [name, user] of actions) {
        const known = both.entries.has(user);
        if (name === 'clear' && actions.length % 5 === 0) both.clear();
        else if (name === 'put' && !known) both.insert(user, hash(user));
        else if (name === 'move' && known) both.move(user);
        else if (name === 'remove' && known) both.remove(user);
        for (const other of 'abcdefgh') {
          expect(both.find(other, hash(other))).toBe(both.entries.get(other)?.address ?? 0);
        }
      }
    }),
    { numRuns: 40 },
  );
});
