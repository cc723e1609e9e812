/** Logs as JSON lines or as text for people, on the standard error: the standard output is for those who start the server. */
import { type DestinationStream, destination, pino, stdTimeFunctions } from 'pino';
import type { ServerOptions } from '../src/options.js';

type LogMethod = (fields: Readonly<Record<string, unknown>>, message: string) => void;

/** What the server needs of a logger; those of pino and Fastify fit. */
export interface Logger {
  readonly fatal: LogMethod;
  readonly error: LogMethod;
  readonly warn: LogMethod;
  readonly info: LogMethod;
  readonly debug: LogMethod;
  readonly trace: LogMethod;
  /** A logger that adds these fields to each line. */
  child(fields: Record<string, unknown>): Logger;
}

/** Says nothing: for a server in somebody's process who has not asked for logs. */
export const silentLogger: Logger = {
  fatal() {},
  error() {},
  warn() {},
  info() {},
  debug() {},
  trace() {},
  child: () => silentLogger,
};

const STANDARD_ERROR = 2;

/** A logger with the level and the format of the options. It writes at once, so that the last lines of a crash are there. */
export function createLogger(
  { logLevel, logFormat }: Pick<ServerOptions, 'logLevel' | 'logFormat'>,
  out: DestinationStream = destination({ dest: STANDARD_ERROR, sync: true }),
): Logger {
  const stream =
    logFormat === 'json' ? out : { write: (line: string): void => out.write(`${textLine(line)}\n`) };
  return pino(
    {
      level: logLevel,
      base: { name: 'segmentd', pid: process.pid },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
    },
    stream,
  );
}

/** The logger of one HTTP request: each of its lines has the request's id. */
export function requestLogger(logger: Logger, requestId: string): Logger {
  return logger.child({ requestId });
}

/** A JSON line as people read it: time, level, message, fields; a stack below them. */
function textLine(json: string): string {
  const {
    time,
    level,
    msg,
    name: _,
    pid: __,
    stack,
    ...fields
  } = JSON.parse(json) as Record<string, unknown>;
  const words = Object.entries(fields).map(([name, value]) => `${name}=${textOf(value)}`);
  const frames = Array.isArray(stack) ? stack.map((frame) => `\n    ${frame}`).join('') : '';
  return [time, String(level).toUpperCase().padEnd(5), msg, ...words].join(' ') + frames;
}

/** What could be taken for something else is in quotes. */
function textOf(value: unknown): string {
  return typeof value === 'string' && /^[\w.:/|[\]-]+$/.test(value) ? value : JSON.stringify(value);
}
