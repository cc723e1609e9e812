/** A thread that asks for a large set again and again, and reads the replies slowly or as fast as it can. */
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { encode } from './peers.js';

/** Bytes taken at once by a slow reader, and milliseconds between. */
const SIP = 65_536;
const SIP_PAUSE = 20;
/** More than can be read while it is measured. */
const REPLIES = 1_000;

const { port, pace } = workerData as { port: number; pace: 'slow' | 'fast' };
let bytes = 0;
let isOver = false;
const socket = connect(port, '127.0.0.1');
for (let i = 0; i < REPLIES; i++) socket.write(encode('SMEMBERS', 'tag:all'));
parentPort?.once('message', () => {
  isOver = true;
  socket.destroy();
  parentPort?.postMessage(bytes);
});
if (pace === 'fast') {
  socket.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
} else {
  while (!isOver) {
    const chunk = socket.read(SIP) as Buffer | null;
    bytes += chunk?.length ?? 0;
    await pause(SIP_PAUSE);
  }
}
