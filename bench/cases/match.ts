import { openEngine } from '../../src/index.js';
import { readOptions } from '../support/options.js';
import { Random } from '../support/random.js';
import { inTurn } from '../support/rounds.js';
import { printTable } from '../support/table.js';
import { tagName } from '../support/users.js';

export const name = 'match';
export const summary =
  'which of many saved audiences hold a user; --audiences --predicates --of --each --users --rounds';

const CITIES = 50;

/** Prints the time of matching one user against all audiences, and how many hold the user. */
export async function run(args: readonly string[]): Promise<void> {
  const options = readOptions(args, {
    audiences: 1_000,
    predicates: 5,
    of: 1_000,
    each: 200,
    users: 1_000,
    rounds: 15,
  });
  const random = new Random(1);
  const engine = openEngine();
  engine.declareTag('age', { kind: 'number' });
  engine.declareTag('city', { kind: 'enum' });
  for (let i = 0; i < options.of; i++) engine.declareTag(tagName(i), { kind: 'flag' });
  for (let user = 0; user < options.users; user++) {
    const tags = new Map<string, true | number | string>([
      ['age', random.below(100)],
      ['city', `c${random.below(CITIES)}`],
    ]);
    while (tags.size < options.each) tags.set(tagName(random.below(options.of)), true);
    engine.setTags(`u${user}`, tags);
  }
  const flag = (): string => `\`${tagName(random.below(options.of))}\``;
  const predicate = (): string => {
    const kind = random.below(10);
    if (kind === 0) return `age between ${random.below(50)} and ${50 + random.below(50)}`;
    if (kind === 1) return `city in (c${random.below(CITIES)}, c${random.below(CITIES)})`;
    return kind === 2 ? `not ${flag()}` : flag();
  };
  /** Predicates put together by an operator, with a changing one in the middle when it is mixed. */
  const shapes: [string, () => string][] = [
    ['all of them (and)', () => ' and '],
    ['one of them (or)', () => ' or '],
    ['mixed', () => (random.below(3) === 0 ? ' or ' : ' and ')],
  ];
  const rows: (string | number)[][] = [];
  for (const [shape, operator] of shapes) {
    for (const { name } of engine.audiences.list()) engine.audiences.drop(name);
    for (let i = 0; i < options.audiences; i++) {
      let text = predicate();
      for (let k = 1; k < options.predicates; k++) text += operator() + predicate();
      engine.audiences.save(`audience-${i}`, text);
    }
    let held = 0;
    const [timing] = await inTurn(
      [
        {
          name: shape,
          run() {
            held = 0;
            for (let i = 0; i < 500; i++) held += engine.audiences.match(`u${i % options.users}`).length;
            return 500;
          },
        },
      ],
      options.rounds,
    );
    rows.push([shape, timing!.median / 1000, timing!.least / 1000, timing!.most / 1000, held / 500]);
  }
  console.log(
    `${options.audiences} saved audiences of ${options.predicates} predicates; users with ${options.each} of ${options.of} tags\n`,
  );
  printTable(['predicates', 'µs a user', 'least', 'most', 'audiences that hold'], rows);
}
