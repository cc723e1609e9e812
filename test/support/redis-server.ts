import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';

/** How often another port is tried when somebody else took the free one first. */
const ATTEMPTS = 5;

/** A redis-server of this process's own, on 127.0.0.1, without persistence. */
export interface RedisServer {
  readonly port: number;
  /** Ends the server; resolves when its process is gone. */
  stop(): Promise<void>;
}

/** Where a program is installed; undefined where it is not. */
export function findProgram(name: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

/** Where redis-server is installed; undefined where it is not. */
export const redisServerPath = findProgram('redis-server');

/** Like `describe`, but where the program is not installed, skipped with a line that says so; a failure in CI. */
export function describeWith(program: string, name: string, define: () => void): void {
  if (findProgram(program) !== undefined) {
    describe(name, define);
    return;
  }
  const reason = `${program} is not installed: ${name}`;
  if (process.env['CI']) {
    it(name, () => expect.fail(reason));
    return;
  }
  console.log(`skipped, because ${reason}`);
  describe.skip(name, define);
}

/** Tests that need a redis-server to compare with. */
export function describeWithRedis(name: string, define: () => void): void {
  describeWith('redis-server', name, define);
}

/**
 * Starts a redis-server on a free port and waits until it answers.
 *
 * @param options more of its command line, such as '--requirepass', 'secret'
 */
export async function startRedisServer(...options: string[]): Promise<RedisServer> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const server = spawn(
      redisServerPath ?? 'redis-server',
      ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', tmpdir(), '--save', '', ...options],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const kill = () => server.kill('SIGKILL');
    process.once('exit', kill);
    if (await isReady(server)) {
      await ping(port);
      return {
        port,
        stop: async () => {
          process.off('exit', kill);
          await end(server);
        },
      };
    }
    process.off('exit', kill);
    if (attempt === ATTEMPTS) throw new Error(`redis-server did not start in ${ATTEMPTS} attempts`);
  }
}

/** Sends bytes on a connection of its own, closes the sending side, and returns all that came back. */
export async function exchange(port: number, request: Uint8Array): Promise<Buffer> {
  const socket = connect(port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  // A server that closes on bad input may do so while the rest of it is under way.
  socket.on('error', () => socket.destroy());
  socket.end(request);
  await once(socket, 'close');
  return Buffer.concat(chunks);
}

/** Whether the server came up; false when it ended instead. */
async function isReady(server: ChildProcess): Promise<boolean> {
  const lines = createInterface({ input: server.stdout! });
  // The output ends when the process does, and so does the loop.
  for await (const line of lines) {
    if (!line.includes('Ready to accept connections')) continue;
    server.stdout!.resume();
    return true;
  }
  return false;
}

async function ping(port: number): Promise<void> {
  const reply = await exchange(port, Buffer.from('PING\r\n'));
  if (!/^(\+PONG|-NOAUTH)/.test(reply.toString())) throw new Error(`redis-server answered ${reply} to PING`);
}

async function end(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const gone = once(server, 'exit');
  server.kill('SIGTERM');
  await gone;
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
