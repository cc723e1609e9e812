/** HTTP requests of many connections against a server of this machine, and what they cost it. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
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

/** Something that is asked, and that one can take the cost of. */
export type HttpPeer = Pick<Peer, 'name' | 'port' | 'pid'>;

/** Sends GETs of these paths again and again for some seconds. Throws INTERNAL when one of them fails. */
export type Loader = (
  peer: HttpPeer,
  paths: readonly string[],
  connections: number,
  seconds: number,
) => Promise<HttpLoad>;

const run = promisify(execFile);

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
  { name, port, pid }: HttpPeer,
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

export const withAutocannon: Loader = (peer, paths, connections, seconds) =>
  loadHttp(
    peer,
    paths.map((path) => ({ path })),
    connections,
    seconds,
  );

/** One thread of wrk asks for one path after the other. */
const WRK_SCRIPT = `
local requests = {}
local at = 0
init = function(args)
  for path in io.lines(args[1]) do requests[#requests + 1] = wrk.format("GET", path) end
end
request = function()
  at = at % #requests + 1
  return requests[at]
end
`;

/** Needs a quarter of autocannon's processor time, so that a fast server is what is measured, and not its client. */
export const withWrk: Loader = async ({ name, port, pid }, paths, connections, seconds) => {
  const folder = mkdtempSync(join(tmpdir(), 'segmentd-wrk-'));
  try {
    const script = join(folder, 'load.lua');
    const list = join(folder, 'paths');
    writeFileSync(script, WRK_SCRIPT);
    writeFileSync(list, paths.join('\n'));
    const before = cpuOf(pid);
    const options = ['-t', '1', '-c', String(connections), '-d', `${seconds}s`, '--latency', '-s', script];
    const { stdout } = await run('wrk', [...options, `http://127.0.0.1:${port}`, '--', list]);
    const cpu = cpuOf(pid) - before;
    if (/Non-2xx|Socket errors/.test(stdout)) {
      throw new SegmentdError('INTERNAL', `requests to ${name} failed:\n${stdout}`);
    }
    const [, done, took] = /(\d+) requests in ([\d.]+)s/.exec(stdout)!;
    const [, p99, unit] = /99%\s+([\d.]+)(us|ms|s)/.exec(stdout)!;
    return {
      requestsPerSecond: Number(done) / Number(took),
      p99: Number(p99) * MILLISECONDS[unit as keyof typeof MILLISECONDS],
      cpu: cpu / Number(done),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
};

const MILLISECONDS = { us: 0.001, ms: 1, s: 1000 } as const;

/** Is wrk installed? */
export async function hasWrk(): Promise<boolean> {
  // It has no option that only succeeds.
  return run('wrk', ['--version']).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
  );
}
