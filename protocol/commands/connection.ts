/** Commands of a connection itself: who it is, which protocol it speaks, and that it lives. */
import { SegmentdError } from '../../src/index.js';
import {
  type Argument,
  block,
  bytes,
  integer,
  integerOf,
  many,
  option,
  optional,
  options,
  syntaxError,
} from '../arguments.js';
import { type Call, command } from '../command.js';
import type { Data } from '../replies.js';
import * as replies from '../replies.js';
import { Secret } from '../secret.js';
import { REDIS_VERSION } from '../version.js';
import { setClientName, USER } from './client.js';

const group = 'connection';
const NO_PASSWORD_SET =
  'AUTH <password> called without any password configured for the default user. ' +
  'Are you sure your configuration is correct?';
const HELLO_WITHOUT_AUTH =
  'HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> ' +
  'option can be used to authenticate the client and select the RESP protocol version at the same time';

interface Credentials {
  /** Undefined in the form of old, with a password alone. */
  readonly username: string | undefined;
  readonly password: Buffer;
}

function credentials(): Argument<Credentials> {
  return {
    min: 1,
    max: Number.POSITIVE_INFINITY,
    doc: (name) => ({
      name,
      type: 'block',
      arguments: [
        { name: 'username', type: 'string', optional: true },
        { name: 'password', type: 'string' },
      ],
    }),
    parse(words) {
      if (words.left > 2) throw syntaxError();
      const username = words.left === 2 ? words.next().toString() : undefined;
      return { username, password: words.next() };
    },
  };
}

/** 2 or 3. */
function protocolVersion(): Argument<2 | 3> {
  return {
    min: 1,
    max: 1,
    doc: (name) => ({ name, type: 'integer' }),
    parse(words) {
      const word = words.next();
      if (/^[23]$/.test(word.toString('latin1'))) return Number(word) as 2 | 3;
      try {
        integerOf(word);
      } catch {
        throw new SegmentdError('NOT_AN_INTEGER', 'Protocol version is not an integer or out of range');
      }
      throw new SegmentdError('NO_PROTOCOL', 'unsupported protocol version');
    },
  };
}

/** Throws WRONG_PASSWORD. Without a password configured, any is right. */
function authenticate({ server, session }: Call, username: string, password: Uint8Array): void {
  const expected = server.options.password;
  if (username !== USER || (expected !== '' && !new Secret(expected).equals(password))) {
    throw new SegmentdError('WRONG_PASSWORD', 'invalid username-password pair or user is disabled.');
  }
  session.authenticated = true;
  session.refreshLimits();
}

function greeting({ session }: Call): ReadonlyMap<string, Data> {
  return new Map<string, Data>([
    ['server', 'redis'],
    ['version', REDIS_VERSION],
    ['proto', session.protocol],
    ['id', session.id],
    ['mode', 'standalone'],
    ['role', 'master'],
    ['modules', []],
  ]);
}

export const connectionCommands = [
  command({
    name: 'HELLO',
    summary: 'Chooses the version of the protocol, and can authenticate and name the connection at once.',
    group,
    complexity: 'O(1)',
    flags: ['fast', 'noauth', 'secret', 'loading'],
    arguments: {
      protover: optional(protocolVersion()),
      options: options(
        {
          auth: option('AUTH', block({ username: bytes(), password: bytes() })),
          name: option('SETNAME', bytes()),
        },
        (word) => new SegmentdError('SYNTAX', `Syntax error in HELLO option '${word}'`),
      ),
    },
    reply: replies.data('map of server, version, proto, id, mode, role and modules'),
    run(call, { protover, options: { auth, name } }) {
      const { session } = call;
      if (auth !== undefined) authenticate(call, auth.username.toString(), auth.password);
      if (!session.authenticated) throw new SegmentdError('NO_AUTH', HELLO_WITHOUT_AUTH);
      if (name !== undefined) setClientName(session, name);
      if (protover !== undefined) session.protocol = protover;
      return greeting(call);
    },
  }),
  command({
    name: 'AUTH',
    summary: 'Authenticates the connection with the password.',
    group,
    complexity: 'O(1)',
    flags: ['fast', 'noauth', 'secret', 'loading'],
    arguments: { credentials: credentials() },
    reply: replies.ok,
    differs: 'There is one user, default.',
    run(call, { credentials: { username, password } }) {
      if (username === undefined && call.server.options.password === '') {
        throw new SegmentdError('NOT_ALLOWED', NO_PASSWORD_SET);
      }
      authenticate(call, username ?? USER, password);
    },
  }),
  command({
    name: 'PING',
    summary: 'PONG, or the message given.',
    group,
    complexity: 'O(1)',
    flags: ['fast'],
    arguments: { message: optional(bytes()) },
    reply: replies.data('simple string PONG, or the message as a bulk string'),
    run: (_call, { message }) => message ?? { status: 'PONG' },
  }),
  command({
    name: 'ECHO',
    summary: 'The message given.',
    group,
    complexity: 'O(1)',
    flags: ['fast', 'loading'],
    arguments: { message: bytes() },
    reply: replies.bulk,
    run: (_call, { message }) => message,
  }),
  command({
    name: 'QUIT',
    summary: 'Ends the connection once the replies so far are sent.',
    group,
    complexity: 'O(1)',
    flags: ['fast', 'noauth', 'noqueue', 'loading'],
    arguments: { ignored: optional(many(bytes())) },
    reply: replies.ok,
    run: ({ session }) => session.close(),
  }),
  command({
    name: 'RESET',
    summary: 'Makes the connection what a new one is: RESP2, no name, no transaction, not authenticated.',
    group,
    complexity: 'O(1)',
    flags: ['fast', 'noauth', 'noqueue', 'loading'],
    arguments: {},
    reply: replies.simple,
    run({ session }) {
      session.reset();
      return 'RESET';
    },
  }),
  command({
    name: 'SELECT',
    summary: 'Chooses the database; there is one, 0.',
    group,
    complexity: 'O(1)',
    flags: ['fast', 'loading'],
    arguments: { index: integer(-(2 ** 31), 2 ** 31 - 1) },
    reply: replies.ok,
    run(_call, { index }) {
      if (index !== 0) throw new SegmentdError('OUT_OF_RANGE', 'DB index is out of range');
    },
  }),
];
