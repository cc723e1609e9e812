/** HTTP requests of many connections against a server of this machine, and what they cost it. */
import { readFileSync } from 'node:fs';
import autocannon, { type Request } from 'autocannon';
import { SegmentdError } from '../../src/errors.js';
import type { Peer } from './peers.js';

export interface HttpLoad {
  readonly requestsPerSecond: number;
  /** Milliseconds. */
  readonly p99: number;
  /** Microseconds of the server's processors for a request; NaN where the system does not tell. */
  readonly cpu: number;
}

/** Clock ticks a second in /proc, on all that Linux runs on nowadays. */
const TICKS_PER_SECOND = 100;

/** Microseconds of processor time that a process has taken; NaN where there is no /proc. */
function cpuOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // Behind the name, which may have blanks: state is field 3, user and system time are 14 and 15.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return ((Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND) * 1e6;
  } catch {
    return Number.NaN;
  }
}

/** Sends the requests again and again for some seconds. Throws INTERNAL when one of them fails. */
export async function loadHttp(
  { name, port, pid }: Pick<Peer, 'name' | 'port' | 'pid'>,
  requests: readonly Request[],
  connections: number,
  seconds: number,
): Promise<HttpLoad> {
  const before = cpuOf(pid);
  const result = await autocannon({
    url: `http://127.0.0.1:${port}`,
    connections,
    duration: seconds,
    requests,
  });
  const cpu = cpuOf(pid) - before;
  const failed = result.non2xx + result.errors + result.timeouts;
  if (failed > 0) throw new SegmentdError('INTERNAL', `${failed} requests to ${name} failed`);
  const done = result['2xx'];
  return { requestsPerSecond: done / result.duration, p99: result.latency.p99, cpu: cpu / done };
}
