/**
 * What the server tells of itself, and how: which level, which words. Arguments of commands, paths of requests and messages of
 * unexpected errors may have users' ids in them; none of them is told at level info or above, and arguments never are.
 */

import type { VersionEvent } from '../src/store/version-event.js';
import type { Command } from './command.js';
import type { FinishedRequest } from './http/service.js';
import { LogLimiter } from './log-limiter.js';
import type { Logger } from './logging.js';
import type { Session } from './resp/session.js';

/** What somebody was about when something happened. */
export interface Where {
  /** The name alone. */
  readonly command?: string | undefined;
  /** Number of the Redis client's connection. */
  readonly client?: number;
  /** Address of the client. */
  readonly address?: string;
  /** Pattern of an HTTP route. */
  readonly route?: string;
  readonly requestId?: string;
}

/** A Redis client, and the command that it sent. */
export function whereOf(session: Session, command?: Command): Where {
  return { command: command?.name, client: session.id, address: session.connection.remoteAddress };
}

type Fields = Readonly<Record<string, unknown>>;

export class EventLog {
  readonly #logger: Logger;
  readonly #limiter: LogLimiter;

  constructor(logger: Logger, limiter = new LogLimiter()) {
    this.#logger = logger;
    this.#limiter = limiter;
  }

  listening(face: 'resp' | 'http', host: string, port: number): void {
    this.#logger.info({ face, host, port }, 'listening');
  }

  stopping(): void {
    this.#logger.info({}, 'stopping');
  }

  stopped(): void {
    this.#logger.info({}, 'stopped');
  }

  /** There were as many clients as may be. */
  clientRejected(address: string, clients: number): void {
    this.#limited('warn', 'client rejected', { address, clients });
  }

  /** There were as many connections to the HTTP server as may be. */
  connectionRejected(connections: number): void {
    this.#limited('warn', 'HTTP connection rejected', { connections });
  }

  protocolError(message: string, where: Where): void {
    this.#limited('debug', 'protocol error', { ...where, message });
  }

  authenticationFailed(where: Where): void {
    this.#limited('warn', 'authentication failed', where);
  }

  slowCommand(milliseconds: number, where: Where): void {
    this.#limited('info', 'slow command', { ...where, milliseconds });
  }

  queryTimedOut(where: Where): void {
    this.#limited('warn', 'query timed out', where);
  }

  /** A fault of our own. Its message may quote what a client sent, so only the debug level has it. */
  internalError(error: unknown, where: Where): void {
    this.#limited('error', 'internal error', { ...where, ...faultOf(error) });
    this.#limited('debug', 'internal error, in full', { ...where, message: messageOf(error) });
  }

  /** The process ends by an error that nobody caught. */
  crashed(error: unknown): void {
    this.#logger.fatal(faultOf(error), 'crashed');
  }

  journalFailed(reason: string): void {
    this.#logger.error({ reason }, 'changes are refused: the journal fails');
  }

  journalRecovered(): void {
    this.#logger.warn({}, 'changes are taken again: the journal is written');
  }

  /** The next changes go to another file. */
  journalBegun(file: string): void {
    this.#logger.info({ file }, 'journal begun');
  }

  snapshotWritten(snapshot: string, bytes: number, seconds: number): void {
    this.#logger.info({ snapshot, bytes, seconds }, 'snapshot written');
  }

  /** One by command, or one that was due. It is tried again later if it was due. */
  snapshotFailed(reason: string): void {
    this.#logger.error({ reason }, 'no snapshot was written');
  }

  /** What was found when the data folder was opened. */
  changesTorn(file: string, bytes: number): void {
    this.#logger.warn({ file, bytes }, 'cut off a change that was not written to its end');
  }

  snapshotDamaged(snapshot: string): void {
    this.#logger.error(
      { snapshot },
      'a damaged snapshot: an older one and all journals since were read instead',
    );
  }

  /** What happened to a tag's version. One that is held waits for somebody. */
  versionEvent({ type, reason, ...fields }: VersionEvent): void {
    if (type === 'held') this.#logger.warn({ ...fields, reason }, 'version held');
    else this.#logger.info(fields, `version ${type}`);
  }

  requestDone({ route, method, status, milliseconds, bytesIn, bytesOut, requestId }: FinishedRequest): void {
    this.#logger.info({ requestId, method, route, status, milliseconds, bytesIn, bytesOut }, 'request');
  }

  #limited(level: 'error' | 'warn' | 'info' | 'debug', message: string, fields: object): void {
    const leftOut = this.#limiter.admit(message);
    if (leftOut === undefined) return;
    this.#logger[level](leftOut > 0 ? { ...fields, leftOut } : (fields as Fields), message);
  }
}

/** Which kind of error it is and where it comes from, without its message. */
function faultOf(error: unknown): Fields {
  if (!(error instanceof Error)) return { error: typeof error };
  const { name, message, stack = '' } = error;
  // Whatever the message looks like, frames begin behind it.
  const frames = stack.slice(message === '' ? 0 : stack.indexOf(message) + message.length).split('\n');
  return {
    error: name,
    stack: frames.map((frame) => frame.trim()).filter((frame) => frame.startsWith('at ')),
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
