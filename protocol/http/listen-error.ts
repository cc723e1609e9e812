/** Why a port cannot be listened on, told so that one knows what to do. */
import { SegmentdError } from '../../src/index.js';

/** The system's error as ours: PORT_IN_USE, or INVALID_OPTION for a host that cannot be listened on. */
export function listenError(cause: NodeJS.ErrnoException, host: string, port: number): SegmentdError {
  const where = `${host}:${port}`;
  if (cause.code !== 'EADDRINUSE') {
    return new SegmentdError('INVALID_OPTION', `cannot listen on ${where}: ${cause.message}`, { cause });
  }
  const advice = 'stop the other server or choose another with --http-port';
  return new SegmentdError('PORT_IN_USE', `port ${where} is in use: ${advice}`, { cause });
}
