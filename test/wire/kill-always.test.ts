/** The built server is killed again and again while clients write: nothing that it replied to may be lost. */
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Random } from '../../bench/support/random.js';
import { startCli } from '../support/cli.js';
import { encodeCommand } from '../support/resp.js';
import { RespClient } from '../support/resp-client.js';

const KILLS = 50;
const CLIENTS = 4;
/** Commands that a client has under way. */
const PIPELINE = 8;

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'segmentd-kill-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** Client `c` of life `life` writes user after user until the connection ends. Resolves with how many were replied to. */
function write(port: number, life: number, c: number, onReply: () => void): Promise<number> {
  const socket = connect(port, '127.0.0.1');
  let sent = 0;
  let replied = 0;
  const send = (): void => {
    const words = ['HSET', `user:${c}`, `life${life}`, String(sent++), `seq${c}`, String(life)];
    socket.write(encodeCommand(words));
  };
  socket.on('connect', () => {
    for (let i = 0; i < PIPELINE; i++) send();
  });
  socket.on('data', (chunk: Buffer) => {
    for (const byte of chunk) {
      expect(byte).not.toBe('-'.charCodeAt(0));
      if (byte !== 10) continue;
      replied++;
      onReply();
      send();
    }
  });
  socket.on('error', () => socket.destroy());
  return new Promise((resolve) => socket.once('close', () => resolve(replied)));
}

test(`killed ${KILLS} times under load, it has every change that it replied to`, {
  timeout: 180_000,
}, async () => {
  const random = new Random(7);
  /** By life and client: changes that were replied to, and those found then, which must stay. */
  const acknowledged: number[][] = [];
  const found: number[][] = [];
  for (let life = 0; life <= KILLS; life++) {
    const server = await startCli(
      '--data-dir',
      folder,
      '--fsync',
      'always',
      '--snapshot-journal-bytes',
      '20000',
    );
    const reader = await RespClient.open(server.port);
    for (const past of new Set([0, random.below(life || 1), life - 1])) {
      for (const [c, replied] of (acknowledged[past] ?? []).entries()) {
        const kept = 1 + Number((await reader.call('HGET', `user:${c}`, `life${past}`)) ?? -1);
        expect(kept).toBeGreaterThanOrEqual(replied);
        expect(kept).toBeLessThanOrEqual(replied + PIPELINE);
        found[past] ??= [];
        found[past][c] ??= kept;
        expect(kept).toBe(found[past][c]);
      }
    }
    await reader.close();
    const killAt = 1 + random.below(400);
    let replies = 0;
    const onReply = (): void => {
      if (++replies === killAt) server.process.kill('SIGKILL');
    };
    const writers = Array.from({ length: CLIENTS }, (_, c) => write(server.port, life, c, onReply));
    acknowledged.push(await Promise.all(writers));
    await server.ended;
  }
});
