/** The data folder: how it fares, and snapshots of it. */
import { Type } from 'typebox';
import type { PersistenceInfo } from '../../../src/index.js';
import { optionTable } from '../../../src/options.js';
import { refuseUnlessIdle } from '../../commands/persistence.js';
import { endpoint } from '../endpoint.js';
import { flagParameter } from '../parameters.js';
import { shape } from '../shapes.js';

const count = (description: string) => Type.Integer({ minimum: 0, description });
const textOrNull = (description: string) => Type.Union([Type.String(), Type.Null()], { description });
const secondsOrNull = (description: string) =>
  Type.Union([Type.Number({ minimum: 0 }), Type.Null()], { description });

const answer = shape(
  {
    directory: Type.String({ description: 'The data folder.' }),
    fsync: Type.Enum([...optionTable.fsync.choices], { description: 'The option fsync.' }),
    readOnly: Type.Boolean({ description: 'Changes are refused: the folder was opened to be read.' }),
    failure: textOrNull('Why changes are refused; null when all is well.'),
    journal: Type.String({ description: 'The file that changes are written to.' }),
    journalBytes: count('Size of all journals since the snapshot.'),
    changesSinceSnapshot: count('Changes that are only in journals.'),
    snapshot: Type.Union(
      [
        shape({
          name: Type.String(),
          created: Type.String({ format: 'date-time', description: 'ISO 8601, in UTC.' }),
          bytes: count('Size of its files.'),
        }),
        Type.Null(),
      ],
      { description: 'The newest one.' },
    ),
    snapshotProgress: Type.Union([Type.Number({ minimum: 0, maximum: 1 }), Type.Null()], {
      description: 'How far the snapshot is that is being written, 0 to 1; null when there is none.',
    }),
    snapshotSeconds: secondsOrNull('How long the last snapshot took, of those since the start.'),
    snapshotFailure: textOrNull('Why the last attempt made no snapshot; null when it did.'),
    replayedChanges: count('Changes in journals that were replayed at the start.'),
    replaySeconds: Type.Number({ minimum: 0, description: 'How long opening the folder took.' }),
    tornBytes: count('Size of an unfinished change that was cut off at the start.'),
    damagedSnapshot: textOrNull('The damaged snapshot in whose place an older one was read at the start.'),
  },
  'How the data folder fares.',
);

function stateOf(info: PersistenceInfo) {
  const { directory, fsync, readOnly, file, journalBytes, changesSinceSnapshot, snapshot } = info;
  return {
    directory,
    fsync,
    readOnly,
    failure: info.failure ?? null,
    journal: file,
    journalBytes,
    changesSinceSnapshot,
    snapshot: snapshot ? { ...snapshot, created: new Date(snapshot.created).toISOString() } : null,
    snapshotProgress: info.snapshotProgress ?? null,
    snapshotSeconds: info.snapshotSeconds ?? null,
    snapshotFailure: info.snapshotFailure ?? null,
    replayedChanges: info.replayed,
    replaySeconds: info.replaySeconds,
    tornBytes: info.torn,
    damagedSnapshot: info.damagedSnapshot ?? null,
  };
}

export const persistenceEndpoints = [
  endpoint({
    id: 'getPersistence',
    method: 'GET',
    path: '/v1/persistence',
    group: 'persistence',
    summary: 'How the data folder fares; null when everything is in memory only.',
    answer: Type.Union([answer, Type.Null()]),
    examples: [{ title: 'Without a data folder', path: '/v1/persistence', answer: null }],
    handle: ({ engine: { persistence } }) => (persistence === undefined ? null : stateOf(persistence)),
  }),
  endpoint({
    id: 'startSnapshot',
    method: 'POST',
    path: '/v1/persistence/snapshot',
    group: 'persistence',
    command: 'BGSAVE',
    summary: 'Begins a snapshot of the data folder, which another thread writes; the journals before it go.',
    description:
      'How far it is, `GET /v1/persistence` tells, and what became of it: `snapshot` is another one then, or `snapshotFailure` says why not. ' +
      'With `wait`, the answer comes when it is there; when that takes longer than http-request-timeout, the snapshot goes on all the same.',
    query: { wait: flagParameter('Answers when the snapshot is there.') },
    answer,
    statuses: {
      200: 'With `wait`: the snapshot is there.',
      202: 'It was begun.',
    },
    errors: [
      'NOT_ALLOWED',
      'READ_ONLY',
      'SNAPSHOT_RUNNING',
      'PERSISTENCE_FAILED',
      'DATA_CORRUPT',
      'QUERY_TIMEOUT',
    ],
    examples: [],
    async handle(exchange, { query: { wait } }) {
      const { engine } = exchange;
      refuseUnlessIdle(engine, 'a snapshot is being written: wait until it is done');
      const written = engine.snapshot();
      if (wait) await written;
      else {
        written.catch(() => {}); // `snapshotFailure` tells.
        exchange.status = 202;
      }
      return stateOf(engine.persistence!);
    },
  }),
];
