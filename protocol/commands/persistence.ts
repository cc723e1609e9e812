/** Snapshots of the data folder under the names that Redis has for them: SAVE, BGSAVE, BGREWRITEAOF, LASTSAVE. */
import { type Engine, SegmentdError } from '../../src/index.js';
import { noMore, oneOf, optional } from '../arguments.js';
import { type Call, command } from '../command.js';
import * as replies from '../replies.js';

const group = 'server';

/** Throws NOT_ALLOWED, READ_ONLY or SNAPSHOT_RUNNING unless a snapshot can be begun; `running` is said when there is one. */
export function refuseUnlessIdle({ persistence }: Engine, running: string): void {
  if (persistence === undefined) {
    throw new SegmentdError(
      'NOT_ALLOWED',
      'there is no data folder to save to: everything is in memory. Start with --data-dir',
    );
  }
  if (persistence.readOnly)
    throw new SegmentdError(
      'READ_ONLY',
      `${persistence.directory} was opened with --read-only: nothing is saved`,
    );
  if (persistence.snapshotProgress !== undefined) throw new SegmentdError('SNAPSHOT_RUNNING', running);
}

/** Writes a snapshot before the call returns. Throws when there is no data folder, or one is written already. */
export function saveNow(call: Call): void {
  refuseUnlessIdle(call.engine, 'Background save already in progress');
  call.engine.snapshotNow();
}

function saveLater(call: Call, running: string): void {
  refuseUnlessIdle(call.engine, running);
  call.engine.snapshot().catch(() => {}); // INFO persistence tells.
}

export const persistenceCommands = [
  command({
    name: 'SAVE',
    summary: 'Writes a snapshot of the data folder at once: nobody else is served until it is on the disk.',
    group,
    complexity: 'O(N), N the users and their tags',
    flags: ['admin', 'dangerous'],
    arguments: {},
    reply: replies.ok,
    run: saveNow,
  }),
  command({
    name: 'BGSAVE',
    summary: 'Begins a snapshot of the data folder, which another thread writes; the journals before it go.',
    group,
    complexity: 'O(1) here, and O(N) in the other thread, N the users and their tags',
    flags: ['admin', 'dangerous'],
    arguments: { schedule: optional(oneOf('schedule')), rest: noMore() },
    reply: replies.simple,
    differs:
      'SCHEDULE changes nothing: a snapshot has only another one to wait for, which is refused, as in Redis.',
    run(call) {
      saveLater(call, 'Background save already in progress');
      return 'Background saving started';
    },
  }),
  command({
    name: 'BGREWRITEAOF',
    summary: 'The same as BGSAVE: a snapshot takes the place of the journals.',
    group,
    complexity: 'O(1) here, and O(N) in the other thread, N the users and their tags',
    flags: ['admin', 'dangerous'],
    arguments: {},
    reply: replies.simple,
    run(call) {
      saveLater(call, 'Background append only file rewriting already in progress');
      return 'Background append only file rewriting started';
    },
  }),
  command({
    name: 'LASTSAVE',
    summary: 'When the last snapshot was made, in seconds since 1970.',
    group,
    complexity: 'O(1)',
    flags: ['admin', 'fast', 'dangerous'],
    arguments: {},
    reply: replies.integer,
    differs: '0 when there is none, as in memory, or before the first one of a data folder.',
    run: ({ engine }) => Math.floor((engine.persistence?.snapshot?.created ?? 0) / 1000),
  }),
];
