/** Hot commands take less time than asking what time it is: a run of the same one is timed as a whole. */
import { performance } from 'node:perf_hooks';
import type { Command } from '../command.js';
import type { CommandEntry } from '../command-table.js';
import type { ServerState } from '../server-state.js';

export class HotRun {
  readonly #server: ServerState;
  #entry: CommandEntry | undefined;
  #calls = 0;
  #since = 0;

  constructor(server: ServerState) {
    this.#server = server;
  }

  /** To be called when something else than a hot command has just ended. */
  begin(): void {
    this.#since = performance.now();
  }

  /** Counts a call of a hot command; one of another command must have ended the run before. */
  count(entry: CommandEntry): void {
    this.#entry = entry;
    this.#calls++;
  }

  /** Takes the last call back, which the general path will do instead. */
  uncount(): void {
    if (--this.#calls === 0) this.#entry = undefined;
  }

  isOf(entry: CommandEntry): boolean {
    return this.#entry === undefined || this.#entry === entry;
  }

  /** Ends the run. Returns its command and how often it was called, or undefined. `logSlow` is told of a single slow call. */
  end(logSlow: (command: Command, elapsed: number) => void): { name: string; calls: number } | undefined {
    const entry = this.#entry;
    if (entry === undefined) return undefined;
    const { slowLog, latency } = this.#server;
    const now = performance.now();
    const elapsed = now - this.#since;
    const calls = this.#calls;
    const { name } = entry.command;
    entry.stats.count(calls, elapsed);
    // Its words are gone: the reader is at the next command.
    if (calls === 1 && slowLog.isSlow(elapsed)) logSlow(entry.command, elapsed);
    latency.record('command', elapsed / calls);
    this.#entry = undefined;
    this.#calls = 0;
    this.#since = now;
    return { name, calls };
  }
}
