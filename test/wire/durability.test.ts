import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { encodeCommand } from '../support/resp.js';
import { RespClient, toPlain } from '../support/resp-client.js';
import { startTestServer } from '../support/server.js';

const CLI = fileURLToPath(new URL('../../dist/protocol/cli.js', import.meta.url));
/** Any port for Redis clients, and no HTTP. */
const ANY_PORT = ['--resp-port', '0', '--http-port', '0'];

let folder: string;
let child: ChildProcess | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'segmentd-durability-'));
});

afterEach(async () => {
  await stop('SIGKILL');
  rmSync(folder, { recursive: true });
});

/** Ends the server with a signal; returns its exit code. */
async function stop(signal: NodeJS.Signals): Promise<number | null> {
  const stopping = child;
  child = undefined;
  if (stopping === undefined || stopping.exitCode !== null) return stopping?.exitCode ?? null;
  const exited = once(stopping, 'exit');
  stopping.kill(signal);
  const [code] = await exited;
  return code as number | null;
}

/** Starts the built server on the folder; returns its port and what it said until it was up. */
async function start(...options: string[]): Promise<{ port: number; lines: string[] }> {
  const args = [CLI, 'serve', ...ANY_PORT, '--data-dir', folder, ...options];
  const started = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  child = started;
  const lines: string[] = [];
  for await (const line of createInterface({ input: started.stdout! })) {
    // Said only if loading takes long enough.
    if (line.startsWith('loading ')) continue;
    lines.push(line);
    const found = /serves Redis clients on \S+:(\d+) /.exec(line);
    if (found === null) continue;
    started.stdout!.resume();
    return { port: Number(found[1]), lines };
  }
  throw new Error(`the server did not come up: ${lines.join('\n')}`);
}

/** Command `i` of a load. Each of them is one change, so that the number of changes kept tells which commands were. */
function commandOf(i: number): string[] {
  const user = `user:u${(i * 7) % 400}`;
  const kind = i % 8;
  if (kind % 4 === 0)
    return ['HSET', user, `t${i % 11}`, '1', 'seq', `v${i}`, 'colour', i % 3 ? 'red' : 'blue'];
  if (kind % 4 === 1) return ['HINCRBY', user, 'n', String(i)];
  if (kind % 4 === 2) return ['SADD', `tag:s${kind}`, `u${i % 400}`, `only${i}`];
  return kind === 3 ? ['SREM', 'tag:s2', `only${i - 1}`] : ['DEL', `user:only${i - 1}`];
}

function commands(count: number): string[][] {
  return Array.from({ length: count }, (_, i) => commandOf(i));
}

/** Sends commands at once and calls `enough` when `wanted` replies are there. Resolves with the replies of one line each. */
async function countReplies(
  port: number,
  sent: string[][],
  wanted: number,
  enough: () => void,
): Promise<number> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => socket.destroy());
  let replies = 0;
  let errors = 0;
  socket.on('data', (chunk: Buffer) => {
    const before = replies;
    for (const byte of chunk) {
      if (byte === 10) replies++;
      if (byte === 45) errors++;
    }
    if (before < wanted && replies >= wanted) enough();
  });
  socket.write(Buffer.concat(sent.map(encodeCommand)));
  await new Promise((resolve) => socket.once('close', resolve));
  expect(errors).toBe(0);
  return replies;
}

/** All there is, over the wire. */
async function contentOf(port: number): Promise<Map<string, unknown>> {
  const client = await RespClient.open(port, 3);
  const keys = ((await client.call('KEYS', '*')) as string[]).sort();
  const replies = await client.replies(
    keys.length,
    ...keys.map((key) => [key.startsWith('user:') ? 'HGETALL' : 'SMEMBERS', key]),
  );
  await client.close();
  return new Map(keys.map((key, i) => [key, toPlain(replies[i]!)]));
}

/** What there is after the first `count` commands, as a server tells that keeps nothing. */
async function contentAfter(count: number): Promise<Map<string, unknown>> {
  const server = await startTestServer();
  try {
    const client = await server.connect();
    await client.replies(count, ...commands(count));
    return await contentOf(server.port);
  } finally {
    await server.close();
  }
}

function changesReplayed(lines: readonly string[]): number {
  return Number(/: ([\d,]+) changes? replayed in [\d.]+ s$/.exec(lines[0]!)![1]!.replaceAll(',', ''));
}

/** How long a replay takes is the machine's affair. */
function withoutTime(line: string): string {
  return line.replace(/in [\d.]+ s$/, 'in N s');
}

describe('a server with a data folder', () => {
  test.each([1, 2, 3, 4, 5])('that is killed has every write that it replied to, run %i', async (run) => {
    const { port } = await start();
    const sent = commands(30_000);
    const replies = await countReplies(port, sent, run * run * 500, () => child!.kill('SIGKILL'));
    expect(replies).toBeGreaterThanOrEqual(run * run * 500);
    expect(replies).toBeLessThan(sent.length);

    const second = await start();
    const kept = changesReplayed(second.lines);
    expect(kept).toBeGreaterThanOrEqual(replies);
    expect(await contentOf(second.port)).toEqual(await contentAfter(kept));
  });

  test.each(['SIGTERM', 'SHUTDOWN'] as const)('closes it on %s', async (how) => {
    const { port, lines } = await start('--sample');
    expect(withoutTime(lines[0]!)).toBe(`data folder ${folder}: 0 changes replayed in N s`);
    expect(lines[1]).toMatch(/^sample loaded: 48,842 people/);
    expect(lines[2]).toContain(`(data in ${folder})`);
    const client = await RespClient.open(port);
    expect(await client.call('SADD', 'tag:sports', 'anna')).toBe(1);
    if (how === 'SHUTDOWN') {
      const exited = once(child!, 'exit');
      client.send(['SHUTDOWN']);
      expect(await exited).toEqual([0, null]);
    } else expect(await stop('SIGTERM')).toBe(0);
    await client.close();
    expect(readdirSync(folder).sort()).toEqual(['MANIFEST', 'journal-000001.log']);

    const again = await start('--sample');
    expect(changesReplayed(again.lines)).toBeGreaterThan(48_842);
    expect(again.lines[1]).toBe('sample not loaded: the data folder has it already');
    const other = await RespClient.open(again.port);
    expect(await other.call('SMEMBERS', 'tag:sports')).toEqual(['anna']);
    expect(await other.call('DBSIZE')).toBe(48_843 + 16);
    const info = String(await other.call('INFO', 'persistence'));
    expect(info).toContain('aof_enabled:1\r\n');
    expect(info).toContain('aof_last_write_status:ok\r\n');
    const size = statSync(join(folder, 'journal-000001.log')).size;
    expect(info).toContain(`aof_current_size:${size}\r\n`);
    await other.close();
  });

  test('keeps a second server out, and says when it cut a torn tail', async () => {
    const { port } = await start();
    const client = await RespClient.open(port);
    await client.call('SADD', 'tag:sports', 'anna');
    const second = spawnSync(process.execPath, [CLI, 'serve', ...ANY_PORT, '--data-dir', folder], {
      encoding: 'utf8',
      timeout: 20_000,
    });
    expect(second.status).toBe(1);
    expect(second.stderr).toBe(
      `segmentd: data folder ${folder} is in use by process ${child!.pid}: close it or choose another folder\n`,
    );
    await stop('SIGKILL');
    await client.close();
    appendFileSync(join(folder, 'journal-000001.log'), 'torn');
    const { lines } = await start();
    expect(lines.slice(0, 2).map(withoutTime)).toEqual([
      `data folder ${folder}: 1 change replayed in N s`,
      'warning: cut 4 bytes off journal-000001.log, of a change that was not written to its end',
    ]);
  });
});
