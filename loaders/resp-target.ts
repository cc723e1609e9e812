import { SegmentdError } from '../src/errors.js';
import type { TagValue } from './mapping.js';
import { RespClient, type RespErrorReply, type RespReply } from './resp-client.js';
import type { LoadTarget } from './target.js';

/** Which server a load goes to. */
export interface RespTargetOptions {
  readonly host: string;
  readonly port: number;
  readonly password?: string;
  /** The prefix of the server's user keys. */
  readonly userPrefix: string;
}

/**
 * Connects to a running server and returns a target that writes there.
 *
 * @throws SegmentdError `LOAD_FAILED` when no server answers or it refuses the password
 */
export async function respTarget(options: RespTargetOptions): Promise<LoadTarget> {
  const client = await connectToServer(options);
  return {
    hasTag: async (name) => !isError(await client.call('TAG.INFO', name)),
    declareTag: async (name, { kind, scale, description }) => {
      const command = ['TAG.DECLARE', name, kind];
      if (scale !== undefined) command.push('SCALE', String(scale));
      if (description !== undefined) command.push('DESCRIPTION', description);
      const reply = await client.call(...command);
      if (isError(reply)) throw new SegmentdError('LOAD_FAILED', messageOf(reply));
    },
    writeUsers: async (users) => {
      const commands = users.map(({ id, tags }) => {
        const command = ['HSET', options.userPrefix + id];
        for (const tag in tags) command.push(tag, textOf(tags[tag]!));
        return command;
      });
      const replies = await client.pipeline(commands);
      return replies.map((reply) => (isError(reply) ? messageOf(reply) : undefined));
    },
    close: async () => client.close(),
  };
}

/** Where a server is, and its password. */
export type ServerAddress = Pick<RespTargetOptions, 'host' | 'port' | 'password'>;

/**
 * Opens a connection that commands can be sent on.
 *
 * @throws SegmentdError `LOAD_FAILED` when no server answers or it refuses the password
 */
export async function connectToServer(address: ServerAddress): Promise<RespClient> {
  const client = await RespClient.connect(address.host, address.port);
  try {
    await greet(client, address);
  } catch (error) {
    client.close();
    throw error;
  }
  return client;
}

async function greet(client: RespClient, { host, port, password }: ServerAddress): Promise<void> {
  const reply = await (password === undefined ? client.call('PING') : client.call('AUTH', password));
  if (!isError(reply)) return;
  const advice = reply.error.startsWith('NOAUTH') ? '; give it with --password' : '';
  throw new SegmentdError('LOAD_FAILED', `${host}:${port}: ${messageOf(reply)}${advice}`);
}

/** Did the server refuse the command? */
export function isError(reply: RespReply): reply is RespErrorReply {
  return typeof reply === 'object' && reply !== null && 'error' in reply;
}

/** The text of an error without its `ERR`; other prefixes say something. */
export function messageOf(reply: RespErrorReply): string {
  return reply.error.replace(/^ERR /, '');
}

/** A tag's value as a hash field's value. */
function textOf(value: TagValue): string {
  return value === true ? '1' : value;
}
