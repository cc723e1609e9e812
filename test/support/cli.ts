/** The built command line in processes of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const CLI = fileURLToPath(new URL('../../dist/protocol/cli.js', import.meta.url));

/** How a process ended. */
export interface Ended {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A server in a process of its own. */
export interface SpawnedServer {
  readonly port: number;
  /** What it printed until it was up, by line. */
  readonly lines: readonly string[];
  readonly process: ChildProcess;
  /** Resolves when the process has ended. */
  readonly ended: Promise<Ended>;
  /** Ends it with SIGTERM. */
  stop(): Promise<Ended>;
}

function start(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): ChildProcess {
  const child = spawn(command, args, { stdio: 'pipe', env: { ...process.env, ...env } });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  return child;
}

async function ending(child: ChildProcess): Promise<Ended> {
  let stdout = '';
  let stderr = '';
  child.stdout!.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

/** Runs a program to its end, with `input` on its standard input. */
export function run(command: string, args: readonly string[], input: string | Buffer = ''): Promise<Ended> {
  const child = start(command, args, {});
  // A program that does not read its input to the end is no fault of the test's.
  child.stdin!.on('error', () => {});
  child.stdin!.end(input);
  return ending(child);
}

/** Runs `segmentd` to its end. */
export function runCli(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  return ending(start(process.execPath, [CLI, ...args], env));
}

/** A process that has printed what was waited for. */
export interface SpawnedCli extends Pick<SpawnedServer, 'lines' | 'process' | 'ended' | 'stop'> {
  /** What the pattern matched. */
  readonly found: RegExpExecArray;
}

/** Starts `segmentd` and waits until it prints a line of that pattern. */
export async function startCliUntil(pattern: RegExp, args: readonly string[]): Promise<SpawnedCli> {
  const child = start(process.execPath, [CLI, ...args], {});
  const ended = ending(child);
  const lines: string[] = [];
  const stop = () => {
    child.kill('SIGTERM');
    return ended;
  };
  for await (const line of createInterface({ input: child.stdout! })) {
    lines.push(line);
    const found = pattern.exec(line);
    if (found === null) continue;
    child.stdout!.resume();
    return { lines, process: child, ended, stop, found };
  }
  throw new Error(`the server did not come up: ${(await ended).stderr}`);
}

/** Starts `segmentd serve` on a free port, without HTTP unless `options` say otherwise, and waits until it says that it serves. */
export async function startCli(...options: string[]): Promise<SpawnedServer> {
  const args = ['serve', '--resp-port', '0', '--http-port', '0', ...options];
  const { found, ...server } = await startCliUntil(/serves Redis clients on \S+:(\d+) /, args);
  return { ...server, port: Number(found[1]) };
}
