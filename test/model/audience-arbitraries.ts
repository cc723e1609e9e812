/**
 * Arbitrary mutations of few saved audiences, which use each other and few tags of few users, so that they meet often; some
 * are wrong.
 */
import fc from 'fast-check';
import type { Mutation, TagValue } from '../../src/index.js';
import {
  id as anyId,
  mutation as anyMutation,
  tag as anyTag,
  declaration,
  IDS,
  TAGS,
} from './arbitraries.js';
import type { NaiveStore } from './naive-store.js';

/** Names of audiences that are allowed; the last ones are only given to those that are renamed. */
export const NAMES = ['v', 'w', 'x', 'y', 'großer Kreis = alle', '__proto__', 'new', 'newer', 'newest'];
const WRONG_NAMES = ['', 'a`b', 'a\nb', '\u007f', '\ud800', 'n'.repeat(256), 'é'.repeat(128)];

const FEW_TAGS = TAGS.slice(0, 4);
const id = fc.oneof({ arbitrary: fc.constantFrom(...IDS.slice(0, 8)), weight: 100 }, anyId);
const tag = fc.oneof({ arbitrary: fc.constantFrom(...FEW_TAGS), weight: 20 }, anyTag);
const name = fc.oneof(
  { arbitrary: fc.constantFrom(...NAMES.slice(0, 6)), weight: 40 },
  fc.constantFrom(...WRONG_NAMES),
);
const at = fc.oneof({ arbitrary: fc.nat(2 ** 45), weight: 40 }, fc.constantFrom(-1, 0.5, Number.NaN));
const text = fc.constantFrom('', 'all(b) and `n` > 5', 'not audience(v)', '\ud800', 'ü'.repeat(5_000));
const description = fc.oneof(
  { arbitrary: fc.constantFrom('', 'what it is for', 'ü'.repeat(2048)), weight: 40 },
  fc.constant('x'.repeat(4097)),
);
const owner = fc.oneof(
  { arbitrary: fc.constantFrom('', 'anna', 'o'.repeat(255)), weight: 40 },
  fc.constant('ü'.repeat(128)),
);
const labels = fc.oneof(
  { arbitrary: fc.array(fc.constantFrom('news', 'ümlaut', 'l'.repeat(255)), { maxLength: 3 }), weight: 40 },
  fc.constantFrom(['l'.repeat(256)], new Array<string>(65).fill('l'), new Array<string>(64).fill('l')),
);
const details = fc.record({ description, owner, labels });
const draft = fc.oneof(
  { arbitrary: fc.constantFrom(1, 2, 3), weight: 20 },
  fc.constantFrom(0, -1, 1.5, Number.NaN),
);
const users = fc.array(id, { maxLength: 6 });

/** A renaming whose texts are made when it comes up, for those who then use the audience, unless they are to be wrong. */
interface Renaming {
  readonly type: 'rename';
  readonly from: string;
  readonly to: string;
  readonly text: string;
  readonly wrong: readonly string[] | undefined;
  readonly at: number;
}

export type AudienceStep = Mutation | Renaming;

const NO_DETAILS = { description: '', owner: '', labels: [] };

/** What there is at first, so that a short list of steps has something to change. */
export const BEGINNING: readonly Mutation[] = [
  ...IDS.slice(0, 6).map((user): Mutation => {
    return { type: 'setTags', user, tags: FEW_TAGS, values: [true, 'x', '1', true] };
  }),
  { type: 'clearTag', tag: 'n' },
  { type: 'increment', user: IDS[7]!, tag: 'n', by: 7 },
  ...(
    [
      ['v', ['a', 'n'], []],
      ['w', ['b'], ['v']],
      ['x', ['a'], ['v', 'w']],
    ] as const
  ).map(([name, tags, audiences]): Mutation => {
    return { type: 'saveAudience', name, expression: name, tags, audiences, details: NO_DETAILS, at: 1 };
  }),
  {
    type: 'freezeAudience',
    name: 'y',
    source: '',
    users: IDS.slice(0, 4),
    draft: 0,
    details: NO_DETAILS,
    at: 2,
  },
];

/** The mutation that a step means as things are in the model. */
export function mutationOf(step: AudienceStep, model: NaiveStore): Mutation {
  if (step.type !== 'rename') return step;
  const { from, to, at } = step;
  const names = step.wrong ?? model.audiences.usedBy(from);
  return {
    type: 'renameAudience',
    from,
    to,
    rewritten: names.map((name) => ({ name, expression: step.text })),
    at,
  };
}

/** What happens to the tags and users that audiences use and hold. */
const otherStep: fc.Arbitrary<Mutation> = fc.oneof(
  {
    arbitrary: fc
      .tuple(id, fc.uniqueArray(tag, { minLength: 1, maxLength: 3 }), fc.constantFrom<TagValue>(true, 'x', 5))
      .map(([user, tags, value]): Mutation => {
        return { type: 'setTags', user, tags, values: tags.map(() => value) };
      }),
    weight: 6,
  },
  {
    arbitrary: fc.record({
      type: fc.constant('removeTags'),
      user: id,
      tags: fc.uniqueArray(tag, { maxLength: 4 }),
    }),
    weight: 3,
  },
  {
    arbitrary: fc.record({
      type: fc.constant('addUsers'),
      tag,
      value: fc.constantFrom(undefined, 'x'),
      users,
    }),
    weight: 2,
  },
  { arbitrary: fc.record({ type: fc.constant('eraseUser'), user: id }), weight: 4 },
  { arbitrary: fc.record({ type: fc.constantFrom('dropTag', 'clearTag'), tag }), weight: 3 },
  { arbitrary: fc.record({ type: fc.constant('declareTag'), tag, declaration }), weight: 2 },
  { arbitrary: fc.record({ type: fc.constant('increment'), user: id, tag, by: fc.nat(3) }), weight: 2 },
  { arbitrary: anyMutation, weight: 2 },
);

/** Any mutation of the audiences. */
const audienceStep: fc.Arbitrary<AudienceStep> = fc.oneof(
  {
    arbitrary: fc.record({
      type: fc.constant('saveAudience'),
      name,
      expression: text,
      tags: fc.array(tag, { maxLength: 3 }),
      audiences: fc.array(name, { maxLength: 2 }),
      details,
      at,
    }),
    weight: 10,
  },
  {
    arbitrary: fc.record({
      type: fc.constant('freezeAudience'),
      name,
      source: text,
      users,
      draft: fc.oneof({ arbitrary: fc.constant(0), weight: 2 }, draft),
      details,
      at,
    }),
    weight: 6,
  },
  { arbitrary: fc.record({ type: fc.constant('draftAudience'), draft, users }), weight: 6 },
  fc.record({ type: fc.constant('discardDraft'), draft }),
  {
    arbitrary: fc.record({
      type: fc.constantFrom('addToAudience', 'removeFromAudience'),
      name,
      users,
      at,
    }),
    weight: 6,
  },
  fc.record({
    type: fc.constant('describeAudience'),
    name,
    details: fc.record({ description, owner, labels }, { requiredKeys: [] }),
    at,
  }),
  {
    arbitrary: fc.record({
      type: fc.constant('rename'),
      from: fc.oneof(name, fc.constantFrom(...NAMES)),
      to: fc.oneof(name, fc.constantFrom(...NAMES.slice(6))),
      text,
      wrong: fc.option(fc.array(name, { maxLength: 2 }), { nil: undefined, freq: 2 }),
      at,
    }),
    weight: 3,
  },
  { arbitrary: fc.record({ type: fc.constant('dropAudience'), name: fc.constantFrom(...NAMES) }), weight: 3 },
);

/** Any mutation, most of them of audiences or what they use. */
export const step: fc.Arbitrary<AudienceStep> = fc.oneof(
  { arbitrary: audienceStep, weight: 3 },
  { arbitrary: otherStep, weight: 2 },
);
