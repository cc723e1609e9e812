/** The thread that folds a snapshot: `workerData` is a FoldTask, the messages are FoldMessages. */
import { readlinkSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { type FoldTask, fold } from './fold.js';
import type { FoldMessage } from './fold-runner.js';
import { fileStorage } from './storage-file.js';

/** Tell of progress whenever it is so much further. */
const STEP = 0.01;

const send = (message: FoldMessage): void => parentPort!.postMessage(message);

/** Everybody else comes first: on Linux a thread has a priority of its own. */
function yieldToOthers(): void {
  try {
    const thread = Number(readlinkSync('/proc/thread-self').split('/').at(-1));
    if (thread !== process.pid) setPriority(thread, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // Elsewhere it works at the priority of the process.
  }
}

yieldToOthers();
let told = 0;
try {
  const info = fold(fileStorage, workerData as FoldTask, (share) => {
    if (share - told < STEP) return;
    told = share;
    send({ type: 'progress', share });
  });
  send({ type: 'done', info });
} catch (error) {
  const { message, code } = error as NodeJS.ErrnoException;
  send({ type: 'failed', message, code: typeof code === 'string' ? code : undefined });
}
