/** Servers to compare: real processes on free ports of this machine, filled over RESP, stopped in the end. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { SegmentdError } from '../../src/errors.js';

const run = promisify(execFile);
const CLI = fileURLToPath(new URL('../../protocol/cli.js', import.meta.url));

/** A server that is up. */
export interface Peer {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  /** Sends commands, encoded, in one stream; returns when as many replies are there. Throws on an error reply. */
  fill(commands: Iterable<Buffer>, count: number): Promise<void>;
  stop(): Promise<void>;
}

/** Throws INVALID_ARGUMENT, saying what to install, unless redis-server and its tools are there. */
export async function requireRedis(): Promise<void> {
  for (const program of ['redis-server', 'redis-benchmark', 'redis-cli']) {
    await run(program, ['--version']).catch(() => {
      const packages = "Debian's redis-server and redis-tools";
      throw new SegmentdError('INVALID_ARGUMENT', `this comparison needs ${program}: install ${packages}`);
    });
  }
}

/** A redis-server that keeps nothing on disk, unless its options say so. */
export async function startRedis(...options: readonly string[]): Promise<Peer> {
  const port = await freePort();
  return startPeer('redis-server', port, 'redis-server', [
    '--port',
    String(port),
    '--save',
    '',
    '--appendonly',
    'no',
    ...options,
  ]);
}

/** The segmentd of this checkout, with the options of `segmentd serve`; without HTTP unless they say otherwise. */
export async function startSegmentd(...options: readonly string[]): Promise<Peer> {
  const port = await freePort();
  return startPeer('segmentd', port, process.execPath, [
    CLI,
    'serve',
    '--resp-port',
    String(port),
    '--http-port',
    '0',
    ...options,
  ]);
}

/** A program of this folder in a process of its own; its first argument is the port. */
export async function startScript(
  name: string,
  script: string,
  ...args: readonly (string | number)[]
): Promise<Peer> {
  const port = await freePort();
  const path = fileURLToPath(new URL(script, import.meta.url));
  return startPeer(name, port, process.execPath, [path, String(port), ...args.map(String)]);
}

async function startPeer(
  name: string,
  port: number,
  program: string,
  args: readonly string[],
): Promise<Peer> {
  const child = spawn(program, args, { stdio: 'ignore' });
  await waitUntilUp(name, port, () => child.exitCode !== null);
  return {
    name,
    port,
    pid: child.pid!,
    fill: (commands, count) => fill(port, commands, count),
    async stop() {
      if (child.exitCode !== null) return;
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

/** Waits until somebody listens on the port; throws INTERNAL when nobody does, or `isGone` says that nobody will. */
export async function waitUntilUp(name: string, port: number, isGone = () => false): Promise<void> {
  for (let attempt = 0; attempt < 200 && !isGone(); attempt++) {
    const socket = connect(port, '127.0.0.1');
    const isUp = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.destroy();
    if (isUp) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new SegmentdError('INTERNAL', `${name} does not come up on port ${port}`);
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** A command as a client sends it. */
export function encode(...words: readonly string[]): Buffer {
  const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
  return Buffer.from(`*${words.length}\r\n${parts.join('')}`);
}

/** Replies must be of one line each. */
async function fill(port: number, commands: Iterable<Buffer>, count: number): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  const replies = countReplies(socket, count);
  let batch: Buffer[] = [];
  let bytes = 0;
  const send = async (): Promise<void> => {
    const isFull = !socket.write(Buffer.concat(batch));
    batch = [];
    bytes = 0;
    if (isFull) await once(socket, 'drain');
  };
  for (const command of commands) {
    batch.push(command);
    bytes += command.length;
    if (bytes > 65_536) await send();
  }
  await send();
  await replies;
  socket.destroy();
}

function countReplies(socket: Socket, count: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let lines = 0;
    let atStart = true;
    socket.on('error', reject);
    socket.on('data', (chunk: Buffer) => {
      for (let i = 0; i < chunk.length; i++) {
        const byte = chunk[i]!;
        if (atStart && byte === 45) reject(new Error(chunk.toString('latin1', i, i + 200)));
        atStart = byte === 10;
        if (atStart && ++lines === count) resolve();
      }
    });
  });
}

/** Resident memory of a process, in bytes. */
export async function residentBytes(pid: number): Promise<number> {
  const { stdout } = await run('ps', ['-o', 'rss=', '-p', String(pid)]);
  return Number(stdout) * 1024;
}
