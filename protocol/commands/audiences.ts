/** SEG commands that ask about expressions, and TAG commands that tell how a tag's values are spread over an audience. */
import { MAX_COMPARED, MAX_RANGES } from '../../src/audience/queries.js';
import { QUANTILES } from '../../src/audience/tag-report.js';
import { type Distribution, explanationLines, type Overlap, type TagStatistics } from '../../src/index.js';
import {
  type Argument,
  bytes,
  cursor,
  integer,
  many,
  manyBefore,
  option,
  optional,
  options,
  text,
} from '../arguments.js';
import { command } from '../command.js';
import type { Data, Double } from '../replies.js';
import * as replies from '../replies.js';
import { at } from './versions-arguments.js';

const group = 'segment';
/** What most queries read. */
const ALL_READ = 'O(N), N the bytes of the bitmaps that the expression reads';
/** Ids in the longest page, which is one reply. */
const MAX_PAGE = 1_000_000;

/** An audience, described in the language of docs/audiences.md. */
function expression(): Argument<string> {
  return text('expressions');
}

const timeout = option('TIMEOUT', integer(0));

function double(value: number): Double {
  return { double: value };
}

function doubleOrNull(value: number | undefined): Double | null {
  return value === undefined ? null : double(value);
}

function overlapData({ users, jaccard, containment }: Overlap): Data {
  return new Map<string, Data>([
    ['users', users],
    ['jaccard', jaccard.map((row) => row.map(double))],
    ['containment', containment.map((row) => row.map(double))],
  ]);
}

function distributionData({ tag, kind, users, missing, values, ranges }: Distribution): Data {
  const entries: [string, Data][] = [
    ['tag', tag],
    ['kind', kind],
    ['users', users],
    ['missing', missing],
  ];
  if (kind === 'number') {
    entries.push(['ranges', ranges.map(({ from, to, users: count }) => [double(from), double(to), count])]);
  } else entries.push(['values', values.map(({ value, users: count }) => [replies.valueText(value), count])]);
  return new Map(entries);
}

function statisticsData(statistics: TagStatistics): Data {
  const { count, sum, average, minimum, maximum, missing, quantiles } = statistics;
  return new Map<string, Data>([
    ['count', count],
    ['sum', double(sum)],
    ['avg', doubleOrNull(average)],
    ['min', doubleOrNull(minimum)],
    ['max', doubleOrNull(maximum)],
    ['missing', missing],
    [
      'quantiles',
      new Map(
        QUANTILES.map(
          (share) => [`p${Math.round(share * 100)}`, doubleOrNull(quantiles.get(share))] as const,
        ),
      ),
    ],
  ]);
}

export const audienceCommands = [
  command({
    name: 'SEG.COUNT',
    summary: 'How many users an expression has; with LIMIT, at most so many are counted.',
    group,
    complexity: ALL_READ,
    flags: ['readonly'],
    arguments: {
      expression: expression(),
      options: options({
        limit: option('LIMIT', integer(0, Number.MAX_SAFE_INTEGER, "LIMIT can't be negative")),
        at,
        timeout,
      }),
    },
    reply: replies.later(replies.integer),
    run: ({ engine }, { expression: input, options: given }) => engine.audiences.queries.count(input, given),
  }),
  command({
    name: 'SEG.USERS',
    summary: 'A page of the ids of users of an expression, in the order in which the users came.',
    group,
    complexity: 'O(N), N the page and what is read to find it: a part of the bitmaps, where users are many',
    flags: ['readonly'],
    arguments: {
      expression: expression(),
      options: options({
        cursor: option('CURSOR', cursor()),
        count: option('COUNT', integer(1, MAX_PAGE)),
        at,
        timeout,
      }),
    },
    reply: replies.later(
      replies.formed(
        replies.page(replies.bulk),
        ({ cursor: next, ids }: { cursor: number; ids: readonly Buffer[] }) => ({
          cursor: String(next),
          items: ids,
        }),
      ),
    ),
    run: ({ engine }, { expression: input, options: { cursor: from = 0, ...given } }) =>
      engine.audiences.queries.page(input, { cursor: Math.min(from, 2 ** 32), ...given }),
  }),
  command({
    name: 'SEG.TEST',
    summary: 'Which of some users an expression has; nobody but they is looked at.',
    group,
    complexity: 'O(N*M), N the users given, M the tags of each and the parts of the expression',
    flags: ['readonly'],
    arguments: { expression: expression(), users: many(bytes()) },
    reply: replies.later(replies.array(replies.yesNo)),
    run: ({ engine }, { expression: input, users }) => engine.audiences.queries.membership(input, users),
  }),
  command({
    name: 'SEG.MATCH',
    summary: 'The saved audiences that a user is in: of all by name, or of those named in their order.',
    group,
    complexity: "O(N), N the user's tags and the parts of the audiences that wait at one of them",
    flags: ['readonly'],
    arguments: { user: bytes(), names: optional(many(text('names of audiences'))) },
    reply: replies.array(replies.bulk),
    run: ({ engine }, { user, names }) => engine.audiences.match(user, names),
  }),
  command({
    name: 'SEG.OVERLAP',
    summary: `How much audiences have in common, each with each: users in both, and what share that is. At most ${MAX_COMPARED}.`,
    group,
    complexity: 'O(N*M), N the bytes of the bitmaps that M expressions read',
    flags: ['readonly'],
    arguments: {
      expression: expression(),
      others: manyBefore('TIMEOUT', expression()),
      options: options({ timeout }),
    },
    reply: replies.later(
      replies.formed(
        replies.data('map of users, jaccard and containment (each an array of rows: integers; doubles)'),
        overlapData,
      ),
    ),
    run({ engine }, { expression: first, others, options: given }) {
      return engine.audiences.queries.overlap([first, ...others], given);
    },
  }),
  command({
    name: 'SEG.REACH',
    summary: 'By number of audiences, from 0: how many users are in exactly so many of those given.',
    group,
    complexity: 'O(N*log(M)), N the bytes of the bitmaps that M expressions read',
    flags: ['readonly'],
    arguments: { expressions: manyBefore('TIMEOUT', expression()), options: options({ timeout }) },
    reply: replies.later(replies.array(replies.integer)),
    run: ({ engine }, { expressions, options: given }) => engine.audiences.queries.reach(expressions, given),
  }),
  command({
    name: 'SEG.EXPLAIN',
    summary: 'Counts the users of an expression and tells how that was done, a line a part.',
    group,
    complexity: ALL_READ,
    flags: ['readonly'],
    arguments: { expression: expression(), options: options({ at, timeout }) },
    reply: replies.later(replies.formed(replies.array(replies.bulk), explanationLines)),
    run: ({ engine }, { expression: input, options: given }) =>
      engine.audiences.queries.explain(input, given),
  }),
  command({
    name: 'TAG.DISTRIBUTION',
    summary:
      'How many users have each value of a tag, or a number in each of about RANGES ranges, among all users or those of an expression.',
    group: 'tag',
    complexity: 'O(N), N the bytes of the bitmaps of the tag and of those that the expression reads',
    flags: ['readonly'],
    arguments: {
      tag: text(),
      options: options({
        of: option('OF', expression()),
        ranges: option('RANGES', integer(1, MAX_RANGES)),
        timeout,
      }),
    },
    reply: replies.later(
      replies.formed(
        replies.data(
          'map of tag, kind, users, missing, and values (array of value and users, the most frequent first) or ranges (array of from, to and users)',
        ),
        distributionData,
      ),
    ),
    run: ({ engine }, { tag, options: given }) => engine.audiences.queries.distribution(tag, given),
  }),
  command({
    name: 'TAG.STATS',
    summary: 'Figures of a number tag among all users or those of an expression.',
    group: 'tag',
    complexity: 'O(N), N the bytes of the bitmaps of the tag and of those that the expression reads',
    flags: ['readonly'],
    arguments: { tag: text(), options: options({ of: option('OF', expression()), timeout }) },
    reply: replies.later(
      replies.formed(
        replies.data(
          'map of count, sum, avg, min, max, missing and quantiles (map of p1, p5, p25, p50, p75, p95, p99); doubles, null where nobody has the tag',
        ),
        statisticsData,
      ),
    ),
    run: ({ engine }, { tag, options: given }) => engine.audiences.queries.statistics(tag, given),
  }),
];
