/** Listening on a port of a host; and why that cannot be, told so that one knows what to do. */
import type { Server } from 'node:net';
import { SegmentdError } from '../src/index.js';

/** Whose port it is: the option that chooses it. */
export type PortOption = 'resp-port' | 'http-port';

/** Connections that may wait to be accepted. */
const BACKLOG = 511;

/**
 * Listens; a port of 0 takes any free one. Rejects with PORT_IN_USE, or INVALID_OPTION for a host that cannot be
 * listened on.
 */
export function listening(server: Server, host: string, port: number, option: PortOption): Promise<void> {
  return new Promise((resolve, reject) => {
    // Also later on, when it changes nothing: that one client cannot be accepted must not end the process.
    server.on('error', (error) => reject(listenError(error, host, port, option)));
    server.listen({ host, port, backlog: BACKLOG }, resolve);
  });
}

/** The system's error as ours. */
function listenError(
  cause: NodeJS.ErrnoException,
  host: string,
  port: number,
  option: PortOption,
): SegmentdError {
  const where = `${host}:${port}`;
  if (cause.code !== 'EADDRINUSE') {
    return new SegmentdError('INVALID_OPTION', `cannot listen on ${where}: ${cause.message}`, { cause });
  }
  const advice = `stop the other server or choose another with --${option}`;
  const orNone = option === 'http-port' ? ' (0: no HTTP)' : '';
  return new SegmentdError('PORT_IN_USE', `port ${where} is in use: ${advice}${orNone}`, { cause });
}
