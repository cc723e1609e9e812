import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  attachLookup,
  type Engine,
  type Lookup,
  type LookupHandle,
  openEngine,
  SegmentdError,
} from '../../src/index.js';
import { Control, SharedWorld } from '../../src/store/shared-memory.js';
import { UserDirectoryReader } from '../../src/store/user-directory.js';
import { UserKey } from '../../src/store/user-key.js';
import { UserRecordsReader } from '../../src/store/user-records.js';
import { IDS, mutation, TAGS } from '../model/arbitraries.js';
import { codeOf } from '../support/code-of.js';

afterEach(() => {
  vi.restoreAllMocks();
});

/** A reader that got its handle as one in another thread would. */
function attach(engine: Engine): Lookup {
  const { port1, port2 } = new MessageChannel();
  const handle = engine.share();
  port1.postMessage(handle, [handle.port]);
  const { message } = receiveMessageOnPort(port2) as { message: LookupHandle };
  port1.close();
  return attachLookup(message);
}

function expectSame(reader: Lookup, engine: Engine): void {
  for (const id of IDS) {
    expect(reader.getAll(id)).toEqual(engine.getAll(id));
    expect(reader.get(id, TAGS)).toEqual(engine.get(id, TAGS));
  }
}

/** Makes `write` happen once, before or after the next call of a reader's method. Returns whether it has. */
function overtake(
  prototype: object,
  method: string,
  when: 'before' | 'after',
  write: () => void,
): () => boolean {
  vi.restoreAllMocks();
  const methods = prototype as Record<string, (...args: unknown[]) => unknown>;
  const original = methods[method]!;
  let done = false;
  vi.spyOn(methods, method).mockImplementation(function (this: unknown, ...args) {
    const isNext = !done;
    done = true;
    if (isNext && when === 'before') write();
    const result = original.apply(this, args);
    if (isNext && when === 'after') write();
    return result;
  });
  return () => done;
}

describe('an attached reader', () => {
  test('reads what the engine does, whatever happened before and after it was attached', () => {
    const changes = fc.array(mutation, { maxLength: 25 });
    fc.assert(
      fc.property(changes, changes, fc.boolean(), (before, after, always) => {
        const engine = openEngine();
        const readers = [attach(engine)];
        for (const change of before) attempt(engine, change);
        readers.push(attach(engine));
        for (const change of after) {
          attempt(engine, change);
          if (always) expectSame(readers[1]!, engine);
        }
        for (const reader of readers) expectSame(reader, engine);
        for (const reader of readers) reader.close();
        engine.close();
      }),
      { numRuns: 25 },
    );
  });

  test('follows the catalogue through many values, and when its log begins anew', () => {
    const engine = openEngine();
    const reader = attach(engine);
    const value = (i: number) => `${i} ${'x'.repeat(200)}`;
    const read = () => {
      expect(reader.getAll('u')).toEqual(engine.getAll('u'));
      expect(reader.get('v', ['kept', 'gone', 't1'])).toEqual(engine.get('v', ['kept', 'gone', 't1']));
    };
    engine.setTags('v', { kept: 'for long', gone: 'x' });
    read();
    engine.dropTag('gone');
    // Some 4.5 MB of log, which is rewritten when it has more than 1 MiB: once unread, and often read.
    for (let i = 0; i < 20_000; i++) {
      engine.setTags('u', { a: value(i), [`t${i % 3}`]: true });
      if (i % 5 === 0) engine.dropTag('t1');
      if (i > 10_000 && i % 500 === 0) read();
    }
    read();
    expect(engine.store.world.lists.catalog.length).toBeLessThan(40);
    const late = attach(engine);
    expect(late.getAll('u')).toEqual(engine.getAll('u'));
  });

  test('follows the store into memory that is made later', () => {
    const engine = openEngine();
    const reader = attach(engine);
    const pad = 'x'.repeat(240);
    const id = (i: number) => `${pad}${i}`;
    const { records } = engine.store.world.lists;
    let users = 0;
    while (records.length < 2 || users % 1000 > 0) engine.setTags(id(users++), { n: `${users % 9}` });
    for (let i = 0; i < users; i += 7) expect(reader.get(id(i), ['n'])).toEqual([`${(i + 1) % 9}`]);
    expect(reader.getAll(id(users))).toBeUndefined();
  });

  test('reads again when a user comes into memory that was made after it looked for new memory', () => {
    const id = (i: number) => `${'x'.repeat(240)}${i}`;
    const add = (engine: Engine, i: number) => engine.setTags(id(i), { t: true });
    // How many users fill the first arena is the same in every engine.
    const trial = openEngine();
    let count = 0;
    add(trial, count);
    while (trial.store.world.lists.records.length === 1) add(trial, ++count);
    let noticed: boolean;
    do {
      const engine = openEngine();
      for (let i = 0; i < count; i++) add(engine, i);
      const reader = attach(engine);
      expect(reader.get('nobody', ['t'])).toEqual([null]);
      const { control } = engine.store.world;
      const shard = new UserKey(control[Control.HASH_SEED]!).set(id(count)).hash >>> 24;
      const sequence = control[Control.SHARD_SEQUENCE + shard];
      overtake(SharedWorld.prototype, 'refresh', 'after', () => add(engine, count));
      expect(engine.store.world.lists.records).toHaveLength(1);
      expect(reader.get(id(count), ['t'])).toEqual([true]);
      expect(engine.store.world.lists.records).toHaveLength(2);
      // The newcomer may have pushed others aside, which the reader is told of anyway: then that was no test.
      noticed = control[Control.SHARD_SEQUENCE + shard] !== sequence;
    } while (noticed);
  });

  test('never sees a user who is losing everything in parts', () => {
    const engine = openEngine();
    engine.setTags('u', { a: 1, b: 1 });
    const reader = attach(engine);
    const seen: unknown[] = [];
    const writer = engine.store.catalog.listener!;
    // What a reader could see between any two steps of the catalogue.
    for (const step of ['tagDropped', 'tagChanged'] as const) {
      const run = writer[step].bind(writer);
      writer[step] = (tag) => {
        seen.push(reader.getAll('u')?.size);
        run(tag);
        seen.push(reader.getAll('u')?.size);
      };
    }
    engine.clear();
    expect(seen).toEqual([undefined, undefined, undefined, undefined]);
  });

  describe.each([
    ['before it finds the user', UserDirectoryReader.prototype, 'find', 'before'],
    ['when it has found the user', UserDirectoryReader.prototype, 'find', 'after'],
    ['before it reads the vector', UserRecordsReader.prototype, 'decode', 'before'],
    ['when it has read the vector', UserRecordsReader.prototype, 'decode', 'after'],
  ] as const)('that is overtaken %s', (_, prototype, method, when) => {
    const ids = Array.from({ length: 600 }, (_, i) => `user ${i}`);
    const others = ids.slice(1);

    /** An engine with users, and what the reader makes of the first one when the writer comes in between. */
    function readOvertaken(write: (engine: Engine) => void): void {
      const engine = openEngine();
      engine.declareTag('n', { kind: 'number' });
      for (const id of ids) engine.setTags(id, { a: 'before', b: 'before', n: 1 });
      const reader = attach(engine);
      expect(reader.getAll('user 0')).toEqual(engine.getAll('user 0'));
      const overtaken = overtake(prototype, method, when, () => write(engine));
      expect(reader.getAll('user 0')).toEqual(engine.getAll('user 0'));
      expect(overtaken()).toBe(true);
      expect(reader.get('user 0', ['n', 'b', 'a'])).toEqual(engine.get('user 0', ['n', 'b', 'a']));
    }

    test.each<[string, (engine: Engine) => void]>([
      ['changes the user', (engine) => engine.setTags('user 0', { a: 'after', b: 'after', n: 2 })],
      ['erases the user', (engine) => engine.eraseUser('user 0')],
      [
        'erases the user and makes another',
        (engine) => {
          engine.eraseUser('user 0');
          engine.setTags('somebody else', { a: 'other', n: 77 });
        },
      ],
      [
        'moves the user and uses the memory for others',
        (engine) => {
          for (let round = 0; round < 20; round++) {
            for (const id of others) engine.setTags(id, { [`t${round}`]: `value ${round}`, n: round * 1000 });
          }
        },
      ],
      ['drops a tag', (engine) => engine.dropTag('a')],
      [
        'gives the number of a tag and the code of a value to others',
        (engine) => {
          engine.dropTag('a');
          engine.setTags('user 1', { another: 'x' });
          for (const id of ids) engine.setTags(id, { b: 'y' });
          engine.setTags('user 1', { b: 'z' });
        },
      ],
      ['converts a tag', (engine) => engine.declareTag('n', { kind: 'number', scale: 3 })],
      ['clears everything', (engine) => engine.clear()],
      [
        'clears everything and begins anew',
        (engine) => {
          engine.clear();
          for (const id of others) engine.setTags(id, { x: 'x', y: 'y' });
          engine.setTags('user 0', { y: 'new' });
        },
      ],
    ])('by a writer that %s reads again', (_, write) => {
      readOvertaken(write);
    });
  });

  test('refuses what the engine refuses', () => {
    const reader = attach(openEngine());
    expect(codeOf(() => reader.get('', ['a']))).toBe('INVALID_USER_ID');
    expect(codeOf(() => reader.getAll('x'.repeat(256)))).toBe('INVALID_USER_ID');
  });

  test('keeps reading what it sees when the engine is closed; one that is closed is told nothing more', () => {
    const engine = openEngine();
    engine.setTags('u', { city: 'Rome' });
    const [reader, closed] = [attach(engine), attach(engine)];
    closed.close();
    engine.setTags('u', { city: 'Oslo' });
    engine.close();
    expect(reader.getAll('u')).toEqual(new Map([['city', 'Oslo']]));
    reader.close();
  });

  test('does not wait for ever when a conversion fails half-way', () => {
    const engine = openEngine();
    engine.setTags('u', { t: '1', city: 'Rome' });
    engine.setTags('v', { t: '2' });
    const reader = attach(engine);
    expect(codeOf(() => engine.declareTag('t', { kind: 'flag' }))).toBe('TAG_CONFLICT');
    vi.spyOn(engine.store.records, 'replace').mockImplementationOnce(() => {
      throw new SegmentdError('STORE_FULL', 'no room');
    });
    expect(codeOf(() => engine.declareTag('t', { kind: 'number' }))).toBe('STORE_FULL');
    expect(reader.getAll('u')).toEqual(engine.getAll('u'));
    expect(engine.check().problems).toEqual([]);
  });
});

function attempt(engine: Engine, change: Parameters<Engine['apply']>[0]): void {
  try {
    engine.apply(change);
  } catch (error) {
    if (!(error instanceof SegmentdError)) throw error;
  }
}
