/** Commands by name, found straight from the input, with what is counted of each. */

import { LatencyCounts } from '../src/latency-counts.js';
import type { Command } from './command.js';
import type { RespReader } from './resp/reader.js';

/** What INFO commandstats and LATENCY HISTOGRAM tell of a command. */
export class CommandStats extends LatencyCounts {
  /** Refused before they ran: wrong arity, no authentication. */
  rejected = 0;
  /** Ran and replied an error. */
  failed = 0;

  override reset(): void {
    super.reset();
    this.rejected = 0;
    this.failed = 0;
  }
}

/** How a command ended: as it should, with an error, or before it ran. */
export type Outcome = 'done' | 'failed' | 'rejected';

export interface CommandEntry {
  readonly command: Command;
  readonly stats: CommandStats;
}

/** A name that is a command, or has subcommands (`CLIENT`), or both (`COMMAND`). */
interface Family {
  readonly bytes: Uint8Array;
  readonly hash: number;
  readonly entry: CommandEntry | undefined;
  readonly subcommands: ReadonlyMap<string, CommandEntry>;
}

const TABLE_SIZE = 1024;

export class CommandTable {
  /** Every command, by its lower-case name; a subcommand as `client|id`. */
  readonly entries: ReadonlyMap<string, CommandEntry>;
  readonly #byName = new Map<string, CommandEntry>();
  readonly #httpStats = new Map<CommandEntry, CommandStats>();
  readonly #families = new Array<Family | undefined>(TABLE_SIZE).fill(undefined);

  constructor(commands: readonly Command[]) {
    const entries = new Map<string, CommandEntry>();
    const families = new Map<
      string,
      { entry: CommandEntry | undefined; subcommands: Map<string, CommandEntry> }
    >();
    for (const command of commands) {
      const [name, subcommand] = command.words.map((word) => word.toLowerCase()) as [string, string?];
      const entry = { command, stats: new CommandStats() };
      this.#byName.set(command.name, entry);
      entries.set(command.words.join('|').toLowerCase(), entry);
      const family = families.get(name) ?? {
        entry: undefined,
        subcommands: new Map<string, CommandEntry>(),
      };
      families.set(name, family);
      if (subcommand === undefined) family.entry = entry;
      else family.subcommands.set(subcommand, entry);
    }
    this.entries = new Map([...entries].sort(([a], [b]) => (a < b ? -1 : 1)));
    for (const [name, { entry, subcommands }] of families) {
      const bytes = Buffer.from(name);
      const hash = hashName(bytes, 0, bytes.length);
      let at = hash & (TABLE_SIZE - 1);
      while (this.#families[at] !== undefined) at = (at + 1) & (TABLE_SIZE - 1);
      this.#families[at] = { bytes, hash, entry, subcommands };
    }
  }

  /**
   * The command that the reader's words name. Otherwise a string: '' for an unknown command, or the container of an
   * unknown subcommand.
   */
  find(reader: RespReader): CommandEntry | string {
    const family = this.#family(reader.buffer, reader.starts[0]!, reader.ends[0]!);
    if (family === undefined) return '';
    if (family.subcommands.size === 0) return family.entry!;
    if (reader.argc === 1) return family.entry ?? Buffer.from(family.bytes).toString();
    const subcommand = reader.buffer.toString('latin1', reader.starts[1]!, reader.ends[1]!).toLowerCase();
    return family.subcommands.get(subcommand) ?? Buffer.from(family.bytes).toString();
  }

  /** A command by its name as it is declared: `CLIENT ID`. */
  named(name: string | undefined): CommandEntry | undefined {
    return name === undefined ? undefined : this.#byName.get(name);
  }

  /** What is counted of the commands that came over HTTP; the entries' own stats are of Redis clients. */
  get httpStats(): ReadonlyMap<CommandEntry, CommandStats> {
    return this.#httpStats;
  }

  /** Counts a command that came over HTTP. */
  countHttp(entry: CommandEntry, milliseconds: number, outcome: Outcome): void {
    let stats = this.#httpStats.get(entry);
    if (stats === undefined) {
      stats = new CommandStats();
      this.#httpStats.set(entry, stats);
    }
    if (outcome === 'rejected') stats.rejected++;
    else {
      stats.count(1, milliseconds);
      if (outcome === 'failed') stats.failed++;
    }
  }

  /** Sets what is counted of commands to zero. */
  resetStats(): void {
    for (const { stats } of this.entries.values()) stats.reset();
    this.#httpStats.clear();
  }

  #family(buffer: Uint8Array, start: number, end: number): Family | undefined {
    const hash = hashName(buffer, start, end);
    for (let at = hash & (TABLE_SIZE - 1); ; at = (at + 1) & (TABLE_SIZE - 1)) {
      const family = this.#families[at];
      if (family === undefined) return undefined;
      if (family.hash === hash && equalName(family.bytes, buffer, start, end)) return family;
    }
  }
}

/** FNV-1a over the bytes with the case bit set: the same for both cases of a letter. */
function hashName(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5 | 0;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ (bytes[at]! | 0x20), 0x01000193);
  return hash ^ (hash >>> 15);
}

/** Does the span hold this lower-case name in any case? */
function equalName(name: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (name.length !== end - start) return false;
  for (let i = 0; i < name.length; i++) {
    const byte = bytes[start + i]!;
    const lower = byte >= 65 && byte <= 90 ? byte | 0x20 : byte;
    if (lower !== name[i]) return false;
  }
  return true;
}
