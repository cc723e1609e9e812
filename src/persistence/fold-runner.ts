/** Runs a fold in a thread of its own or, where there is none, in this one. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { type ErrorCode, errorTable, SegmentdError } from '../errors.js';
import { type FoldTask, fold, type OnFoldProgress } from './fold.js';
import type { SnapshotInfo } from './snapshot.js';
import type { Storage } from './storage.js';
import { fileStorage } from './storage-file.js';

/** What the thread says. */
export type FoldMessage =
  | { readonly type: 'progress'; readonly share: number }
  | { readonly type: 'done'; readonly info: SnapshotInfo }
  | { readonly type: 'failed'; readonly message: string; readonly code: string | undefined };

/** A fold under way. */
export interface RunningFold {
  /** Rejects with DATA_CORRUPT or PERSISTENCE_FAILED. */
  readonly result: Promise<SnapshotInfo>;
  /** Gives it up; `result` rejects. Resolves when nothing more is written. */
  cancel(): Promise<void>;
}

/** Threads run what is built; from sources, and for files that are only this thread's, the fold is done here. */
const HAS_THREADS = import.meta.url.endsWith('.js');

/** Begins a fold, after the current event at the earliest. */
export function startFold(storage: Storage, task: FoldTask, onProgress: OnFoldProgress): RunningFold {
  return storage === fileStorage && HAS_THREADS
    ? inThread(task, onProgress)
    : inline(storage, task, onProgress);
}

function inThread(task: FoldTask, onProgress: OnFoldProgress): RunningFold {
  const worker = new Worker(new URL('./fold-worker.js', import.meta.url), { workerData: task });
  const result = new Promise<SnapshotInfo>((resolve, reject) => {
    worker.on('message', (message: FoldMessage) => {
      if (message.type === 'progress') onProgress(message.share);
      else if (message.type === 'done') resolve(message.info);
      else reject(failureOf(message.message, message.code));
    });
    worker.once('error', (error) => reject(failureOf(error.message, undefined)));
    worker.once('exit', () => reject(failureOf('the thread that writes it ended', undefined)));
  });
  const exited = once(worker, 'exit').catch(() => {});
  return {
    result,
    async cancel() {
      void worker.terminate();
      await exited;
    },
  };
}

function inline(storage: Storage, task: FoldTask, onProgress: OnFoldProgress): RunningFold {
  let isCancelled = false;
  const result = new Promise<SnapshotInfo>((resolve, reject) => {
    setImmediate(() => {
      if (isCancelled) return reject(failureOf('it was given up', undefined));
      try {
        resolve(fold(storage, task, onProgress));
      } catch (error) {
        const { message, code } = error as NodeJS.ErrnoException;
        reject(failureOf(message, code));
      }
    });
  });
  return {
    result,
    async cancel() {
      isCancelled = true;
    },
  };
}

function failureOf(message: string, code: string | undefined): SegmentdError {
  const isOurs = code !== undefined && Object.hasOwn(errorTable, code);
  return new SegmentdError(isOurs ? (code as ErrorCode) : 'PERSISTENCE_FAILED', message);
}
