/** What is slow, what takes memory, and how to end it all: SLOWLOG, LATENCY, MEMORY, OBJECT, MODULE, FLUSHALL, SHUTDOWN. */
import { SegmentdError } from '../../src/index.js';
import type { AudienceRecord } from '../../src/store/audience-record.js';
import { Format } from '../../src/store/cells.js';
import { EnumColumn } from '../../src/store/enum-column.js';
import {
  type Argument,
  anyKey,
  integer,
  integerOf,
  many,
  noMore,
  oneOf,
  option,
  optional,
  options,
  syntaxError,
  text,
  token,
} from '../arguments.js';
import { type Call, command } from '../command.js';
import type { CommandStats } from '../command-table.js';
import { helpCommand } from '../help-command.js';
import type { KeyName } from '../keyspace.js';
import type { Data } from '../replies.js';
import * as replies from '../replies.js';
import { found } from './keys.js';
import { saveNow } from './persistence.js';

const group = 'server';
const SLOWLOG_COUNT = 10;
/** A user's slot in the directory and place in the table of ordinals, in bytes. */
const SLOT_BYTES = 8;
const ORDINAL_BYTES = 4;

/** How many entries of the slow log; -1 for all. */
function logCount(): Argument<number> {
  return {
    min: 1,
    max: 1,
    doc: (name) => ({ name, type: 'integer' }),
    parse(words) {
      const word = words.next();
      try {
        const count = integerOf(word);
        if (count >= -1) return count;
      } catch {
        // The same error below.
      }
      throw new SegmentdError('OUT_OF_RANGE', 'count should be greater than or equal to -1');
    },
  };
}

/** Calls, and for the upper bound of each bucket that is not empty, how many took less. */
function histogramOf({ calls, histogram }: CommandStats): ReadonlyMap<string, Data> {
  const buckets = new Map<number, Data>();
  let total = 0;
  for (const [exponent, count] of histogram.entries()) {
    total += count;
    if (count > 0) buckets.set(2 ** exponent, total);
  }
  return new Map<string, Data>([
    ['calls', calls],
    ['histogram_usec', buckets],
  ]);
}

/** Histograms of the commands that were called; a container's name means all of its subcommands. */
function histograms({ server }: Call, names: readonly string[] | undefined): ReadonlyMap<string, Data> {
  const wanted = names?.map((name) => name.toLowerCase());
  const result = new Map<string, Data>();
  for (const [name, { stats }] of server.commands.entries) {
    const isWanted = wanted?.some((given) => name === given || name.startsWith(`${given}|`)) ?? true;
    if (isWanted && stats.calls > 0) result.set(name, histogramOf(stats));
  }
  return result;
}

/** What a key takes of its own, in bytes. */
function memoryOf({ engine: { store } }: Call, name: KeyName): number {
  if (name.kind === 'user') {
    return store.records.recordBytes(store.find(name.id)) + SLOT_BYTES + ORDINAL_BYTES;
  }
  if (name.kind === 'audience') return audienceMemory(store.audiences.require(name.name));
  const { column } = store.catalog.require(name.tag);
  if (name.value === undefined) return column.bytes();
  return column instanceof EnumColumn ? column.memoryOf(name.value) : 0;
}

/** What is kept of an audience: texts, and the users of a fixed one. */
function audienceMemory({
  name,
  expression,
  source,
  description,
  owner,
  labels,
  members,
}: AudienceRecord): number {
  const texts = [name, expression, source, description, owner, ...labels];
  return texts.reduce((sum, part) => sum + Buffer.byteLength(part), members?.bytes ?? 0);
}

function encodingOf({ engine: { store } }: Call, name: KeyName): string {
  if (name.kind === 'tag') return 'roaring';
  if (name.kind === 'audience')
    return store.audiences.require(name.name).members === undefined ? 'expression' : 'roaring';
  const format = store.records.format(store.find(name.id));
  return format === Format.LIST || format === Format.LONG_LIST ? 'listpack' : 'hashtable';
}

function flush(name: string, summary: string) {
  return command({
    name,
    summary,
    group,
    complexity: 'O(N), N the users',
    flags: ['write', 'dangerous'],
    arguments: { mode: optional(oneOf('async', 'sync')), rest: noMore() },
    reply: replies.ok,
    differs: 'Declarations of tags go too, and saved audiences. ASYNC is the same as SYNC.',
    run: ({ engine }) => engine.clear(),
  });
}

/** Throws when there is no snapshot, unless the end is forced. */
function saveBeforeEnd(call: Call, isForced: boolean): void {
  try {
    saveNow(call);
  } catch (error) {
    if (!isForced) throw error;
  }
}

/** The connection ends instead of a reply. */
const noReply: replies.Reply<void> = { shape: 'none: the connection ends', write() {} };

export const diagnosticCommands = [
  command({
    name: 'SLOWLOG GET',
    summary: 'The newest slow commands: number, time, microseconds, words, client and its name.',
    group,
    complexity: 'O(N), N the count',
    flags: ['admin', 'dangerous', 'loading'],
    arguments: { count: optional(logCount()) },
    reply: replies.data('array of arrays of number, time, microseconds, words, address and name'),
    differs: 'Of hot commands only the name is known, unless slowlog-log-slower-than is under 1000.',
    run({ server }, { count = SLOWLOG_COUNT }) {
      return server.slowLog
        .latest(count)
        .map(({ id, time, microseconds, words, client, clientName }) => [
          id,
          time,
          microseconds,
          words,
          client,
          clientName,
        ]);
    },
  }),
  command({
    name: 'SLOWLOG LEN',
    summary: 'How many entries the slow log has.',
    group,
    complexity: 'O(1)',
    flags: ['admin', 'dangerous', 'loading'],
    arguments: {},
    reply: replies.integer,
    run: ({ server }) => server.slowLog.length,
  }),
  command({
    name: 'SLOWLOG RESET',
    summary: 'Empties the slow log.',
    group,
    complexity: 'O(N), N the entries',
    flags: ['admin', 'dangerous', 'loading'],
    arguments: {},
    reply: replies.ok,
    run: ({ server }) => server.slowLog.reset(),
  }),
  helpCommand('SLOWLOG', group),
  command({
    name: 'LATENCY LATEST',
    summary: 'The latest and the longest event of each kind that took latency-monitor-threshold or more.',
    group,
    complexity: 'O(1)',
    flags: ['admin', 'dangerous', 'loading'],
    arguments: {},
    reply: replies.data('array of arrays of name, time, latest and longest milliseconds'),
    run: ({ server }) =>
      server.latency
        .latest()
        .map(({ name, time, latestMilliseconds, longestMilliseconds }) => [
          name,
          time,
          latestMilliseconds,
          longestMilliseconds,
        ]),
  }),
  command({
    name: 'LATENCY HISTOGRAM',
    summary: 'How long calls took, by command: cumulative counts by microseconds.',
    group,
    complexity: 'O(N), N the commands',
    flags: ['admin', 'dangerous', 'loading'],
    arguments: { commands: optional(many(text())) },
    reply: replies.data('map of (map of calls and histogram_usec)'),
    differs: 'Calls of one hot command that come at once count with the mean of their time.',
    run: (call, { commands }) => histograms(call, commands),
  }),
  command({
    name: 'LATENCY RESET',
    summary: 'Forgets events of the given kinds, or all; replies how many kinds.',
    group,
    complexity: 'O(N), N the kinds',
    flags: ['admin', 'dangerous', 'loading'],
    arguments: { events: optional(many(text())) },
    reply: replies.integer,
    run: ({ server }, { events = [] }) => server.latency.reset(events),
  }),
  helpCommand('LATENCY', group),
  command({
    name: 'MEMORY USAGE',
    summary:
      "Bytes that a key takes: a user's record and its place in the indexes, a tag's bitmaps, an audience's texts and bitmap.",
    group,
    complexity: 'O(1) for users and audiences, O(N) for tags, N the bitmaps',
    flags: ['readonly'],
    arguments: { key: anyKey(), options: options({ samples: option('SAMPLES', integer(0)) }) },
    reply: replies.data('integer or null'),
    differs: 'Nothing is sampled. A value of a flag or a number has no bitmap of its own and takes 0.',
    run(call, { key }) {
      const name = found(call, key);
      return name === undefined ? null : memoryOf(call, name);
    },
  }),
  helpCommand('MEMORY', group),
  command({
    name: 'OBJECT ENCODING',
    summary:
      "How a key is stored: listpack or hashtable for a user's few or many tags, roaring for a tag or a fixed audience, expression for a dynamic one.",
    group: 'keys',
    complexity: 'O(1)',
    flags: ['readonly'],
    arguments: { key: anyKey() },
    reply: replies.bulk,
    run(call, { key }) {
      const name = found(call, key);
      return name === undefined ? null : encodingOf(call, name);
    },
  }),
  helpCommand('OBJECT', 'keys'),
  command({
    name: 'MODULE LIST',
    summary: 'The modules that are loaded; there are none.',
    group,
    complexity: 'O(1)',
    flags: ['admin', 'dangerous'],
    arguments: {},
    reply: replies.array(replies.bulk),
    run: () => [],
  }),
  helpCommand('MODULE', group),
  flush('FLUSHALL', 'Removes all users, tags and audiences.'),
  flush('FLUSHDB', 'The same as FLUSHALL.'),
  command({
    name: 'SHUTDOWN',
    summary:
      'Ends the server. With a data folder, all is on the disk by then, with SAVE as a snapshot; without one, the data is gone.',
    group,
    complexity: 'O(N), N the connections',
    flags: ['admin', 'dangerous', 'loading'],
    arguments: {
      options: options({
        noSave: token('NOSAVE'),
        save: token('SAVE'),
        now: token('NOW'),
        force: token('FORCE'),
        abort: token('ABORT'),
      }),
    },
    reply: noReply,
    differs: 'Without SAVE there is no snapshot, because the journals have everything.',
    run(call, { options: { abort, ...rest } }) {
      const { server, session } = call;
      if ((rest.save && rest.noSave) || (abort && Object.keys(rest).length > 0)) throw syntaxError();
      if (abort) throw new SegmentdError('NOT_ALLOWED', 'No shutdown in progress.');
      // As Redis does: what is not loaded yet cannot be saved, and is on the disk.
      if (rest.save && server.loading === undefined) saveBeforeEnd(call, rest.force === true);
      session.close();
      // The replies before are sent first.
      setImmediate(server.shutdown);
    },
  }),
];
