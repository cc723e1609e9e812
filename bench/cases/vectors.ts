import { CellEncoder } from '../../src/store/cell-encoder.js';
import { CellQuery, decodeCells, probeCell, queryCells } from '../../src/store/cell-reader.js';
import { Cells } from '../../src/store/cells.js';
import { readOptions } from '../support/options.js';
import { type Contestant, inTurn } from '../support/rounds.js';
import { printTable } from '../support/table.js';
import { TagPicker } from '../support/users.js';

export const name = 'vectors';
export const summary = 'ns and bytes of one vector as a list and as bits, by number of tags; --rounds';

/** Different users in turn, so that no branch is learned by heart; few enough for the cache. */
const USERS = 1000;
/** How often all of them are read in one measurement. */
const PASSES = 20;
const ASKED = 10;
/** Tags of a user, of how many there are, and the part of them that has a code. */
const SHAPES: readonly { each: number; of: number; coded: number }[] = [
  { each: 5, of: 200, coded: 0 },
  { each: 10, of: 200, coded: 0 },
  { each: 10, of: 200, coded: 0.5 },
  { each: 24, of: 200, coded: 0 },
  { each: 24, of: 200, coded: 0.5 },
  { each: 50, of: 200, coded: 0 },
  { each: 50, of: 1000, coded: 0 },
  { each: 50, of: 1000, coded: 0.5 },
  { each: 100, of: 1000, coded: 0 },
  { each: 200, of: 200, coded: 0 },
  { each: 200, of: 1000, coded: 0 },
  { each: 200, of: 1000, coded: 0.1 },
  { each: 200, of: 1000, coded: 1 },
  { each: 200, of: 2000, coded: 0 },
  { each: 200, of: 10_000, coded: 0 },
  { each: 1000, of: 10_000, coded: 0 },
];

/** Prints two lines for each shape: what reading and writing costs with each encoding, whichever the store would take. */
export async function run(args: readonly string[]): Promise<void> {
  const { rounds } = readOptions(args, { rounds: 9 });
  console.log(`ns for one user; a query asks for ${ASKED} tags, a probe for one`);
  const chosen = new CellEncoder();
  const rows: (string | number)[][] = [];
  for (const shape of SHAPES) {
    const users = cellsOfUsers(shape);
    chosen.encode(users[0]!);
    for (const encoder of [
      new CellEncoder(Number.POSITIVE_INFINITY),
      new CellEncoder(0, Number.POSITIVE_INFINITY),
    ]) {
      const vectors = new Vectors(users, encoder);
      const timings = await inTurn(vectors.contestants(shape.of), rounds);
      const encoding = encoder.format === 2 ? 'bits' : 'list';
      rows.push([
        `${shape.each} of ${shape.of}`,
        `${shape.coded * 100} %`,
        encoding + (chosen.format === encoder.format ? ' *' : ''),
        vectors.bytes / USERS,
        ...timings.map(({ median }) => median),
      ]);
    }
  }
  printTable(['tags', 'with code', 'encoding', 'bytes', 'query', 'probe', 'decode', 'encode'], rows);
  console.log('* as the store has it');
}

function cellsOfUsers({ each, of, coded }: (typeof SHAPES)[number]): Cells[] {
  const picker = new TagPicker({ users: USERS, each, of });
  return Array.from({ length: USERS }, (_, user) => {
    const cells = new Cells();
    for (const tag of picker.tagsOf(user).toSorted()) {
      cells.push(tag, (tag * 7) % 10 < coded * 10 ? 1 + ((tag * user) % 100) : 0);
    }
    return cells;
  });
}

/** The users' vectors one behind the other. */
class Vectors {
  readonly bytes: number;
  readonly #users: readonly Cells[];
  readonly #encoder: CellEncoder;
  readonly #words: Int32Array;
  /** Of each user: first word, format and length of the list. */
  readonly #places: number[] = [];

  constructor(users: readonly Cells[], encoder: CellEncoder) {
    this.#users = users;
    this.#encoder = encoder;
    const words: number[] = [];
    for (const cells of users) {
      encoder.encode(cells);
      this.#places.push(words.length, encoder.format, encoder.headerCount);
      words.push(...encoder.words.subarray(0, encoder.wordCount));
    }
    this.#words = new Int32Array(new SharedArrayBuffer(words.length * 4));
    this.#words.set(words);
    this.bytes = words.length * 4;
  }

  contestants(of: number): Contestant[] {
    const words = this.#words;
    const query = new CellQuery(Array.from({ length: ASKED }, (_, i) => Math.floor((i * of) / ASKED)));
    const cells = new Cells();
    let sum = 0;
    const each =
      (read: (start: number, format: number, count: number, user: number) => number) => (): number => {
        const places = this.#places;
        for (let pass = 0; pass < PASSES; pass++) {
          for (let i = 0; i < places.length; i += 3) {
            sum += read(places[i]!, places[i + 1]!, places[i + 2]!, i / 3);
          }
        }
        if (Number.isNaN(sum)) throw new Error('no number');
        return USERS * PASSES;
      };
    return [
      {
        name: 'query',
        run: each((start, format, count) => {
          queryCells(words, start, format, count, query);
          return query.codes[0]!;
        }),
      },
      {
        name: 'probe',
        run: each((start, format, count, user) =>
          probeCell(words, start, format, count, query.tags[user % ASKED]!),
        ),
      },
      {
        name: 'decode',
        run: each((start, format, count) => {
          decodeCells(words, start, format, count, cells);
          return cells.count;
        }),
      },
      {
        name: 'encode',
        run: each((_start, _format, _count, user) => {
          this.#encoder.encode(this.#users[user]!);
          return this.#encoder.wordCount;
        }),
      },
    ];
  }
}
