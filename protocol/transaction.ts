/** MULTI, EXEC and WATCH of one session. */
import { SegmentdError } from '../src/index.js';
import type { CommandEntry } from './command-table.js';

export interface QueuedCommand {
  readonly entry: CommandEntry;
  readonly words: readonly Buffer[];
}

/** Is a watched key as it was? */
export type Watch = () => boolean;

export class Transaction {
  isOpen = false;
  /** Inside EXEC, whose replies are one array and must be written at once. */
  isExecuting = false;
  #failed = false;
  #queue: QueuedCommand[] = [];
  #watches: Watch[] = [];

  /** Commands that are queued. */
  get length(): number {
    return this.#queue.length;
  }

  /** Meanings of keys that are watched. */
  get watched(): number {
    return this.#watches.length;
  }

  open(): void {
    if (this.isOpen) throw new SegmentdError('NOT_ALLOWED', 'MULTI calls can not be nested');
    this.isOpen = true;
  }

  queue(command: QueuedCommand): void {
    this.#queue.push(command);
  }

  /** A command was refused while queueing: EXEC will refuse them all. */
  fail(): void {
    if (this.isOpen) this.#failed = true;
  }

  watch(watch: Watch): void {
    this.#watches.push(watch);
  }

  unwatch(): void {
    this.#watches = [];
  }

  /**
   * Ends the transaction and gives what was queued, or `undefined` when a watched key has changed.
   * Throws EXEC_ABORTED when a queued command was refused.
   */
  take(): readonly QueuedCommand[] | undefined {
    const queue = this.#queue;
    const failed = this.#failed;
    const watches = this.#watches;
    this.reset();
    if (failed) {
      throw new SegmentdError('EXEC_ABORTED', 'Transaction discarded because of previous errors.');
    }
    return watches.every((isUnchanged) => isUnchanged()) ? queue : undefined;
  }

  reset(): void {
    this.isOpen = false;
    this.#failed = false;
    this.#queue = [];
    this.#watches = [];
  }
}
