/** Arbitrary expressions over a vocabulary; some are wrong. */
import fc from 'fast-check';
import type { Expression, Value } from '../../src/index.js';

/** What expressions can be about. */
export interface Vocabulary {
  /** By tag: values to compare it with, which need not be values that somebody has. */
  readonly values: Readonly<Record<string, readonly Value[]>>;
  /** The tags that have an order. */
  readonly numbers: readonly string[];
  readonly ids: readonly string[];
  readonly audiences: readonly string[];
  /** One in so many tags, values and audiences is wrong; 0 for none. */
  readonly wrong: number;
}

/** Any expression over the vocabulary, of about so many levels at most. */
export function treesOver(vocabulary: Vocabulary, depth = 5): fc.Arbitrary<Expression> {
  const { values, numbers, ids, audiences, wrong } = vocabulary;
  const or = <T>(often: fc.Arbitrary<T>, seldom: fc.Arbitrary<T>) =>
    wrong === 0 ? often : fc.oneof({ arbitrary: often, weight: wrong }, { arbitrary: seldom, weight: 1 });
  const tag = or(fc.constantFrom(...Object.keys(values)), fc.constant('nothing'));
  const ordered = or(fc.constantFrom(...numbers), tag);
  const wrongValue = fc.constantFrom<Value>(0, 'old', '1e3', '', '0x10');
  const asked = (tag: string) => or(fc.constantFrom<Value>(...(values[tag] ?? ['x'])), wrongValue);
  const numberOf = (tag: string) =>
    fc.constantFrom(...(values[tag] ?? []).map(Number).filter(Number.isFinite), 1);
  const audience = or(fc.constantFrom(...audiences), fc.constant('missing'));
  const compare = (tags: fc.Arbitrary<string>, ...operators: ('=' | '!=' | '<' | '<=' | '>' | '>=')[]) =>
    tags.chain((tag) =>
      fc
        .tuple(fc.constantFrom(...operators), asked(tag))
        .map(([operator, value]): Expression => ({ type: 'compare', tag, operator, value })),
    );
  const leaf = fc.oneof(
    fc.constantFrom<Expression>({ type: 'all' }, { type: 'none' }),
    { arbitrary: audience.map((name): Expression => ({ type: 'audience', name })), weight: 2 },
    list(fc.constantFrom(...ids), 1).map((ids): Expression => ({ type: 'users', ids })),
    { arbitrary: tag.map((tag): Expression => ({ type: 'has', tag })), weight: 2 },
    { arbitrary: compare(tag, '=', '=', '!='), weight: 4 },
    { arbitrary: compare(ordered, '<', '<=', '>', '>='), weight: 3 },
    {
      arbitrary: tag.chain((tag) =>
        fc
          .tuple(fc.boolean(), list(asked(tag), 1))
          .map(([negated, values]): Expression => ({ type: 'in', tag, negated, values })),
      ),
      weight: 2,
    },
    {
      arbitrary: ordered.chain((tag) =>
        fc
          .tuple(numberOf(tag), numberOf(tag))
          .map(([low, high]): Expression => ({ type: 'between', tag, low, high })),
      ),
      weight: 2,
    },
  );
  return fc.letrec<{ tree: Expression; node: Expression }>((tie) => ({
    tree: fc.oneof({ maxDepth: depth, withCrossShrink: true }, leaf, tie('node')),
    node: fc.oneof(
      {
        arbitrary: fc.record({ type: fc.constantFrom('and', 'or'), operands: list(tie('tree'), 2) }),
        weight: 2,
      },
      fc.record({ type: fc.constant('not'), operand: tie('tree') }),
      // Operands that stand twice count twice.
      fc.tuple(list(tie('tree'), 1), fc.nat(), fc.nat(3)).map(([operands, choice, times]): Expression => {
        const all = [...operands, ...operands.slice(0, times)];
        return { type: 'atLeast', count: 1 + (choice % all.length), operands: all };
      }),
    ) as fc.Arbitrary<Expression>,
  })).tree;
}

function list<T>(item: fc.Arbitrary<T>, minLength: number): fc.Arbitrary<T[]> {
  return fc.array(item, { minLength, maxLength: 4 });
}
