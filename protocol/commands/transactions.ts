/** MULTI, EXEC and what belongs to them. A transaction runs alone, as everything does: there is one writer. */
import { Planner } from '../../src/audience/plan.js';
import { Stamp } from '../../src/audience/result-cache.js';
import { membersOf } from '../../src/engine.js';
import { SegmentdError } from '../../src/index.js';
import { bitmapOf } from '../../src/store/bitmap.js';
import { anyKey, many } from '../arguments.js';
import { type Call, command } from '../command.js';
import type { AudienceKeyName, KeyName } from '../keyspace.js';
import type { Reply } from '../replies.js';
import * as replies from '../replies.js';
import type { QueuedCommand, Watch } from '../transaction.js';

const group = 'transactions';

/** Runs the commands and writes their replies as one array; null when a watched key had changed. */
const execution: Reply<{ call: Call; queue: readonly QueuedCommand[] | undefined }> = {
  shape: 'array of the replies, or null when a watched key has changed',
  write({ out }, { call: { session }, queue }) {
    if (queue === undefined) {
      out.nullArray();
      return;
    }
    out.array(queue.length);
    session.transaction.isExecuting = true;
    try {
      for (const { entry, words } of queue) session.execute(entry, words);
    } finally {
      session.transaction.isExecuting = false;
    }
  },
};

/** Remembers what a key holds; the result tells whether it still does. */
function watchKey(call: Call, name: KeyName): Watch {
  const { engine } = call;
  if (name.kind === 'audience') return watchAudience(call, name);
  if (name.kind === 'user') {
    const id = Buffer.from(name.id);
    const before = JSON.stringify([...(engine.getAll(id) ?? [])]);
    return () => JSON.stringify([...(engine.getAll(id) ?? [])]) === before;
  }
  const members = () => membersOf(engine.store, name.tag, name.value) ?? bitmapOf();
  const before = members().clone();
  return () => members().isEqual(before);
}

/** Of a dynamic audience it is not the users that are compared, which would take a query, but what they follow from. */
function watchAudience({ engine: { store } }: Call, { name }: AudienceKeyName): Watch {
  const { audiences } = store;
  const record = audiences.find(name);
  if (record === undefined) return () => audiences.find(name) === undefined;
  if (record.members === undefined) {
    const stamp = new Stamp(store, new Planner(store).planAudience(record));
    return () => stamp.isFresh;
  }
  const before = record.members.clone();
  return () => audiences.find(name)?.members?.now.isEqual(before) === true;
}

export const transactionCommands = [
  command({
    name: 'MULTI',
    summary: 'Begins a transaction: what follows is queued until EXEC.',
    group,
    complexity: 'O(1)',
    flags: ['fast', 'noqueue', 'loading'],
    arguments: {},
    reply: replies.ok,
    run: ({ session }) => session.transaction.open(),
  }),
  command({
    name: 'EXEC',
    summary: 'Runs the queued commands, with nothing in between.',
    group,
    complexity: 'as the commands',
    flags: ['noqueue', 'loading'],
    arguments: {},
    reply: execution,
    run(call) {
      const { transaction } = call.session;
      if (!transaction.isOpen) throw new SegmentdError('NOT_ALLOWED', 'EXEC without MULTI');
      return { call, queue: transaction.take() };
    },
  }),
  command({
    name: 'DISCARD',
    summary: 'Forgets the queued commands and the watched keys.',
    group,
    complexity: 'O(N), N the queued commands',
    flags: ['fast', 'noqueue', 'loading'],
    arguments: {},
    reply: replies.ok,
    run({ session: { transaction } }) {
      if (!transaction.isOpen) throw new SegmentdError('NOT_ALLOWED', 'DISCARD without MULTI');
      transaction.reset();
    },
  }),
  command({
    name: 'WATCH',
    summary: 'Lets the next EXEC do nothing if one of the keys has changed by then.',
    group,
    complexity:
      'O(N), N the tags of a user, the bitmap of a tag or a fixed audience, the parts of an expression',
    flags: ['fast', 'noqueue'],
    arguments: { keys: many(anyKey()) },
    reply: replies.ok,
    differs:
      'Contents are compared: a key that was changed and changed back counts as unchanged. A dynamic audience counts as changed with any tag that it uses, and whenever an audience is saved or dropped.',
    run(call, { keys }) {
      const { transaction } = call.session;
      if (transaction.isOpen) throw new SegmentdError('NOT_ALLOWED', 'WATCH inside MULTI is not allowed');
      for (const key of keys)
        for (const name of call.keyspace.meanings(key)) transaction.watch(watchKey(call, name));
    },
  }),
  command({
    name: 'UNWATCH',
    summary: 'Forgets the watched keys.',
    group,
    complexity: 'O(1)',
    flags: ['fast', 'loading'],
    arguments: {},
    reply: replies.ok,
    run: ({ session }) => session.transaction.unwatch(),
  }),
];
