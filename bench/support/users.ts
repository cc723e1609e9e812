import { type Engine, openEngine } from '../../src/index.js';
import { Random, scattered } from './random.js';

/** Who is in a store: so many users, each with `each` of `of` tags, all of them flags. */
export interface Population {
  readonly users: number;
  readonly of: number;
  readonly each: number;
}

/** The id of user `index`: 16 bytes of hexadecimal digits, in no visible order. */
export function userId(index: number): string {
  const low = Math.imul(index, 0x9e3779b1) >>> 0;
  const high = Math.imul(low ^ (low >>> 15) ^ 0x5bd1e995, 0x85ebca6b) >>> 0;
  // By way of a buffer, because a string put together by `+` is not yet one piece.
  return Buffer.from(high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0')).toString(
    'latin1',
  );
}

/** The name of tag `index`. */
export function tagName(index: number): string {
  return `tag-${index}`;
}

/** Says which tags a user has: different for each user, the same in each run. */
export class TagPicker {
  readonly #of: number;
  readonly #tags: Uint32Array;
  /** By tag: 1 when the user at hand has it. */
  readonly #taken: Uint32Array;

  constructor({ of, each }: Population) {
    this.#of = of;
    this.#tags = new Uint32Array(each);
    this.#taken = new Uint32Array(of);
  }

  /** The user's tags, in no order (Bentley and Floyd, "A sample of brilliance", 1987). The same array every time. */
  tagsOf(user: number): Uint32Array {
    const random = new Random(user);
    const first = this.#of - this.#tags.length;
    this.#taken.fill(0);
    for (let i = 0; i < this.#tags.length; i++) {
      const drawn = random.below(first + i + 1);
      const tag = this.#taken[drawn] === 0 ? drawn : first + i;
      this.#taken[tag] = 1;
      this.#tags[i] = tag;
    }
    return this.#tags;
  }
}

/** Fills an engine as a server would, with one write for each user. */
export function writeUsers(engine: Engine, population: Population): void {
  const names = Array.from({ length: population.of }, (_, i) => tagName(i));
  const values = new Array<true>(population.each).fill(true);
  const picker = new TagPicker(population);
  for (let user = 0; user < population.users; user++) {
    const tags = Array.from(picker.tagsOf(user), (tag) => names[tag]!);
    engine.apply({ type: 'setTags', user: userId(user), tags, values });
  }
}

/** Calls `write` with each user's index and one of the user's tags: every pair once, in random order. */
export function forEachPair(population: Population, write: (user: number, tag: number) => void): void {
  const { users, each } = population;
  const pairs = users * each;
  const bits = Math.ceil(Math.log2(pairs));
  const picker = new TagPicker(population);
  for (let i = 0; i < 2 ** bits; i++) {
    const pair = scattered(i, bits);
    if (pair >= pairs) continue;
    const user = pair % users;
    write(user, picker.tagsOf(user)[Math.floor(pair / users)]!);
  }
}

/** An engine with the population in it. */
export function openWithUsers(population: Population): Engine {
  const engine = openEngine();
  writeUsers(engine, population);
  return engine;
}
