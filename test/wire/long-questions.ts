/** A store that is large, and questions about it that take hundreds of turns. */
import { expect } from 'vitest';
import type { Engine } from '../../src/index.js';
import type { SegmentStore } from '../../src/store/segment-store.js';
import type { Plain } from '../support/resp-client.js';
import type { TestServer } from '../support/server.js';

/** Users of a big store. */
export const USERS = 300_000;

/** The id of a user by number. */
export function idOf(i: number): string {
  return `u${i}`;
}

/** So many ranges of a number, none of which another one covers: each is some twenty operations on bitmaps. */
export function ranges(count: number): string {
  return Array.from({ length: count }, (_, i) => `n between ${i * 200} and ${i * 200 + 63}`).join(' or ');
}

/** Takes hundreds of turns in a big store. */
export const LONG = ranges(1_500);
/** The numbers of those whom it has. */
export const LONG_USERS = Array.from({ length: USERS }, (_, i) => i).filter((i) => i % 200 < 64);

/** Gives `users` users their number as `n`. */
export function fillWithNumbers(engine: Engine, users: number): void {
  engine.declareTag('n', { kind: 'number' });
  for (let i = 0; i < users; i++) engine.setTags(idOf(i), { n: i });
}

/** Fills a store with USERS users, who have their number and the tag `all`; five have `few`. */
export function fillBig(engine: Engine): void {
  fillWithNumbers(engine, USERS);
  for (let at = 0; at < USERS; at += 10_000) {
    const batch = Array.from({ length: 10_000 }, (_, i) => idOf(at + i));
    engine.addUsers('all', batch);
  }
  engine.addUsers('few', [1, 2, 3, 100, 199].map(idOf));
}

/** Saves LONG as `long` and what is left as `other`, anew, so that no result of them is kept; drops `frozen`. */
export function saveLong({ audiences }: Engine): void {
  for (const name of ['frozen', 'long', 'other']) audiences.drop(name);
  audiences.save('long', LONG);
  audiences.save('other', `not (${LONG})`);
}

/** Resolves when the condition is true; other events come in between. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

/** Counts the questions that are open in a store: each watches who leaves until it is over. */
export function openQuestions({ departures }: SegmentStore): () => number {
  const begin = departures.begin.bind(departures);
  let open = 0;
  departures.begin = () => {
    const watch = begin();
    open++;
    return {
      ordinals: watch.ordinals,
      end() {
        open--;
        watch.end();
      },
    };
  };
  return () => open;
}

/** Does a question hold the bitmap of all users? Then a write goes to a copy. */
export function isHeld(engine: Engine): boolean {
  const before = engine.store.users.now;
  engine.addUsers('probe', ['probe']);
  engine.eraseUser('probe');
  return engine.store.users.now !== before;
}

/** A reply that is awaited, with a sign that it has come. */
export function pending<T = Plain>(reply: Promise<T>): { readonly reply: Promise<T>; done: boolean } {
  const state = { reply, done: false };
  const end = (): void => {
    state.done = true;
  };
  reply.then(end, end);
  return state;
}

/** Nothing is left of any question; `open` counts those under way. */
export async function expectNothingHeld({ engine }: TestServer, open: () => number): Promise<void> {
  await until(() => open() === 0);
  expect(isHeld(engine)).toBe(false);
  expect(engine.store.audiences.drafts).toEqual([]);
  expect(engine.store.openCursors).toBe(0);
}
