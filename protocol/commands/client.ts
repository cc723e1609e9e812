/** CLIENT: the connections, as clients and people see and end them. */
import { SegmentdError } from '../../src/index.js';
import { type Argument, bytes, integerOf, many, oneOf, option, options, text } from '../arguments.js';
import { type Call, command } from '../command.js';
import { helpCommand } from '../help-command.js';
import * as replies from '../replies.js';
import type { Session } from '../resp/session.js';

const group = 'connection';
const TYPES = ['normal', 'master', 'replica', 'slave', 'pubsub'];
/** The only user there is. */
export const USER = 'default';
const VISIBLE_ASCII = /^[!-~]*$/;

/** Which connections CLIENT KILL means: those that all of it is true for. */
interface KillFilter {
  readonly id?: number;
  readonly address?: string;
  readonly localAddress?: string;
  readonly type?: string;
  readonly user?: string;
  readonly skipMe?: 'yes' | 'no';
  /** Seconds that a connection must have lasted. */
  readonly maxAge?: number;
}

/** A whole number above 0; anything else gets the error that Redis has for it. */
function positive(notInteger: string, notPositive: string): Argument<number> {
  return {
    min: 1,
    max: 1,
    doc: (name) => ({ name, type: 'integer' }),
    parse(words) {
      let value: number;
      try {
        value = integerOf(words.next());
      } catch {
        throw new SegmentdError('NOT_AN_INTEGER', notInteger);
      }
      if (value <= 0) throw new SegmentdError('OUT_OF_RANGE', notPositive);
      return value;
    },
  };
}

/** One of Redis's types of clients; here all are normal. */
function clientType(): Argument<string> {
  return {
    ...oneOf(...TYPES),
    parse(words) {
      const type = words.next().toString();
      if (TYPES.includes(type.toLowerCase())) return type.toLowerCase();
      throw new SegmentdError('INVALID_ARGUMENT', `Unknown client type '${type}'`);
    },
  };
}

function userName(): Argument<string> {
  return {
    ...text(),
    parse(words) {
      const name = words.next().toString();
      if (name === USER) return name;
      throw new SegmentdError('INVALID_ARGUMENT', `No such user '${name}'`);
    },
  };
}

function attribute(): Argument<'lib-name' | 'lib-ver'> {
  const names = oneOf('lib-name', 'lib-ver');
  return {
    ...names,
    parse(words) {
      const word = words.peek()!.toString('utf8', 0, 128);
      try {
        return names.parse(words);
      } catch {
        throw new SegmentdError('INVALID_ARGUMENT', `Unrecognized option '${word}'`);
      }
    },
  };
}

const NOT_AN_ID = 'client-id should be greater than 0';
const NO_AGE = 'maxage is not an integer or out of range';
const NOT_POSITIVE_AGE = 'maxage should be greater than 0';

/** An address alone, or options. */
function killTarget(): Argument<string | KillFilter> {
  const filter = options({
    id: option('ID', positive(NOT_AN_ID, NOT_AN_ID)),
    address: option('ADDR', text()),
    localAddress: option('LADDR', text()),
    type: option('TYPE', clientType()),
    user: option('USER', userName()),
    skipMe: option('SKIPME', oneOf('yes', 'no')),
    maxAge: option('MAXAGE', positive(NO_AGE, NOT_POSITIVE_AGE)),
  });
  return {
    min: 1,
    max: Number.POSITIVE_INFINITY,
    doc: (name) => ({
      name,
      type: 'oneof',
      arguments: [{ name: 'ip:port', type: 'string' }, filter.doc('filter')],
    }),
    parse: (words) => (words.left === 1 ? words.next().toString() : filter.parse(words)),
  };
}

function matches(session: Session, filter: KillFilter): boolean {
  const { id, address, localAddress, type, maxAge = 0 } = filter;
  return (
    (id === undefined || session.id === id) &&
    (address === undefined || session.connection.remoteAddress === address) &&
    (localAddress === undefined || session.connection.localAddress === localAddress) &&
    (type === undefined || type === 'normal') &&
    ageOf(session) >= maxAge
  );
}

/** Ends the connections that the filter means; the caller's own one after the reply. Returns how many. */
function kill({ server, session: own }: Call, filter: KillFilter): number {
  const { skipMe = 'yes' } = filter;
  const targets = [...server.sessions.values()].filter(
    (session) => matches(session, filter) && (session !== own || skipMe === 'no'),
  );
  for (const session of targets) {
    if (session === own) session.close();
    else session.kill();
  }
  return targets.length;
}

function ageOf({ createdAt }: Session): number {
  return Math.floor((Date.now() - createdAt) / 1000);
}

/** One connection as a line of CLIENT LIST. What this server does not have is there as Redis shows its absence. */
function describeClient(session: Session): string {
  const { connection, transaction } = session;
  const input = session.pendingInputBytes;
  const output = connection.pendingBytes;
  const fields: [string, string | number][] = [
    ['id', session.id],
    ['addr', connection.remoteAddress],
    ['laddr', connection.localAddress],
    ['fd', -1],
    ['name', session.name],
    ['age', ageOf(session)],
    ['idle', Math.floor((Date.now() - session.lastActiveAt) / 1000)],
    ['flags', flagsOf(session)],
    ['db', 0],
    ['sub', 0],
    ['psub', 0],
    ['ssub', 0],
    ['multi', transaction.isOpen ? transaction.length : -1],
    ['watch', transaction.watched],
    ['qbuf', input],
    ['qbuf-free', 0],
    ['argv-mem', 0],
    ['multi-mem', 0],
    ['obl', 0],
    ['oll', output > 0 ? 1 : 0],
    ['omem', output],
    ['tot-mem', input + output],
    ['events', output > 0 ? 'rw' : 'r'],
    ['cmd', session.lastCommand === '' ? 'NULL' : session.lastCommand.toLowerCase().replace(' ', '|')],
    ['user', USER],
    ['redir', -1],
    ['resp', session.protocol],
    ['lib-name', session.libraryName],
    ['lib-ver', session.libraryVersion],
    ['tot-net-in', session.inputBytes],
    ['tot-net-out', session.outputBytes],
    ['tot-cmds', session.commandsProcessed],
  ];
  return fields.map(([name, value]) => `${name}=${value}`).join(' ');
}

function flagsOf({ transaction, noEvict, noTouch }: Session): string {
  return `${transaction.isOpen ? 'x' : ''}${noEvict ? 'e' : ''}${noTouch ? 'T' : ''}` || 'N';
}

/** Gives a connection a name; an empty one takes it away. Throws INVALID_ARGUMENT. */
export function setClientName(session: Session, name: Buffer): void {
  session.name = visible(name, 'Client names');
}

/** The word as text, if it would not break a line of CLIENT LIST. */
function visible(word: Buffer, what: string): string {
  const value = word.toString('latin1');
  if (VISIBLE_ASCII.test(value)) return value;
  throw new SegmentdError(
    'INVALID_ARGUMENT',
    `${what} cannot contain spaces, newlines or special characters.`,
  );
}

function toggle(name: string, summary: string, set: (session: Session, on: boolean) => void) {
  return command({
    name,
    summary,
    group,
    complexity: 'O(1)',
    flags: ['admin', 'dangerous', 'loading'],
    arguments: { enabled: oneOf('on', 'off') },
    reply: replies.ok,
    run: ({ session }, { enabled }) => set(session, enabled === 'on'),
  });
}

export const clientCommands = [
  command({
    name: 'CLIENT ID',
    summary: "The connection's number.",
    group,
    complexity: 'O(1)',
    flags: ['loading'],
    arguments: {},
    reply: replies.integer,
    run: ({ session }) => session.id,
  }),
  command({
    name: 'CLIENT INFO',
    summary: 'The connection, as CLIENT LIST tells it.',
    group,
    complexity: 'O(1)',
    flags: ['loading'],
    arguments: {},
    reply: replies.verbatim,
    run: ({ session }) => `${describeClient(session)}\n`,
  }),
  command({
    name: 'CLIENT LIST',
    summary: 'All connections, or those of a type, or some by number; a line each.',
    group,
    complexity: 'O(N), N the connections',
    flags: ['admin', 'dangerous', 'loading'],
    arguments: {
      options: options({
        type: option('TYPE', clientType()),
        ids: option('ID', many(positive('Invalid client ID', 'Invalid client ID'))),
      }),
    },
    reply: replies.verbatim,
    run({ server }, { options: { type = 'normal', ids } }) {
      const sessions = [...server.sessions.values()].filter(
        ({ id }) => type === 'normal' && (ids?.includes(id) ?? true),
      );
      return sessions.map((session) => `${describeClient(session)}\n`).join('');
    },
  }),
  command({
    name: 'CLIENT KILL',
    summary: 'Ends connections: the one from an address, or all that options describe.',
    group,
    complexity: 'O(N), N the connections',
    flags: ['admin', 'dangerous', 'loading'],
    arguments: { target: killTarget() },
    reply: replies.data('OK for an address alone; with options how many were ended'),
    run(call, { target }) {
      if (typeof target !== 'string') return kill(call, target);
      if (kill(call, { address: target, skipMe: 'no' }) > 0) return { status: 'OK' };
      throw new SegmentdError('INVALID_ARGUMENT', 'No such client');
    },
  }),
  command({
    name: 'CLIENT SETNAME',
    summary: 'Names the connection, for CLIENT LIST and the slow log.',
    group,
    complexity: 'O(1)',
    flags: ['loading'],
    arguments: { name: bytes() },
    reply: replies.ok,
    run: ({ session }, { name }) => setClientName(session, name),
  }),
  command({
    name: 'CLIENT GETNAME',
    summary: "The connection's name.",
    group,
    complexity: 'O(1)',
    flags: ['loading'],
    arguments: {},
    reply: replies.bulk,
    run: ({ session }) => session.name || null,
  }),
  command({
    name: 'CLIENT SETINFO',
    summary: 'Tells the client library and its version, for CLIENT LIST.',
    group,
    complexity: 'O(1)',
    flags: ['loading'],
    arguments: { attribute: attribute(), value: bytes() },
    reply: replies.ok,
    run({ session }, { attribute: name, value }) {
      if (name === 'lib-name') session.libraryName = visible(value, name);
      else session.libraryVersion = visible(value, name);
    },
  }),
  toggle(
    'CLIENT NO-EVICT',
    'Accepted for the sake of clients; nobody is evicted here.',
    (session, on) => (session.noEvict = on),
  ),
  toggle(
    'CLIENT NO-TOUCH',
    'Accepted for the sake of clients; reads leave no trace here.',
    (session, on) => (session.noTouch = on),
  ),
  command({
    name: 'CLIENT REPLY',
    summary: 'Whether the connection gets replies: all, none, or none for the next command.',
    group,
    complexity: 'O(1)',
    flags: ['loading'],
    arguments: { mode: oneOf('on', 'off', 'skip') },
    reply: replies.ok,
    run({ session }, { mode }) {
      if (mode !== 'skip') session.replyMode = mode;
      else if (session.replyMode !== 'off') session.replyMode = 'skip-next';
    },
  }),
  helpCommand('CLIENT', group),
];
