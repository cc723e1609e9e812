/** Executes the commands of one session: finds each, decides whether and how it may run, counts it, writes its reply or error. */
import { performance } from 'node:perf_hooks';
import type { Command } from '../command.js';
import type { CommandEntry } from '../command-table.js';
import { whereOf } from '../event-log.js';
import type { ServerState } from '../server-state.js';
import { errorReply, unknownCommand } from './error-replies.js';
import { HotRun } from './hot-run.js';
import { MAX_PENDING_BYTES } from './limits.js';
import type { RespReader } from './reader.js';
import { refusalOf } from './refusal.js';
import type { Session } from './session.js';

/**
 * A session that has executed for so long lets others have their turn. Without it, a client that loads in bulk would hold
 * everybody up for as long as its socket has input: libuv reads up to 32 times in a row, 2 MiB.
 */
const TURN_MILLISECONDS = 2;
/** The clock is looked at once in so many words, since that costs as much as a short command. */
const CLOCK_WORDS = 512;
/** A hot command with more words than this is timed and logged by itself. */
const MAX_HOT_WORDS = 1_000;

export class Executor {
  readonly #server: ServerState;
  readonly #session: Session;
  readonly #reader: RespReader;
  /** Milliseconds of execution since others last had their turn for certain. */
  #turnSpent = 0;

  constructor(session: Session, reader: RespReader) {
    this.#server = session.server;
    this.#session = session;
    this.#reader = reader;
  }

  /**
   * Executes what the reader has, until there is no complete command, or one makes the rest wait. Returns whether there may be
   * more that only waits for others to have their turn, or for the replies, written from `start` on, to be sent.
   */
  executeAll(start: number): boolean {
    const reader = this.#reader;
    const session = this.#session;
    const { commands, writer } = this.#server;
    const run = new HotRun(this.#server);
    let wordsUnwatched = 0;
    let hasMore = false;
    run.begin();
    const turnBegan = performance.now() - this.#turnSpent;
    while (session.takesCommands) {
      if (writer.length - start > MAX_PENDING_BYTES) {
        hasMore = true;
        break;
      }
      if (wordsUnwatched >= CLOCK_WORDS) {
        wordsUnwatched = 0;
        if (performance.now() - turnBegan > TURN_MILLISECONDS) break;
      }
      if (!reader.next()) break;
      wordsUnwatched += reader.argc;
      const entry = commands.find(reader);
      if (
        typeof entry !== 'string' &&
        entry.command.hot !== undefined &&
        this.#isPlain(entry.command, reader)
      ) {
        if (!run.isOf(entry)) this.#endRun(run);
        run.count(entry);
        if (this.#runHot(entry, reader)) continue;
        run.uncount();
      }
      this.#endRun(run);
      this.#runGeneral(entry, reader);
      run.begin();
    }
    this.#endRun(run);
    this.#turnSpent = performance.now() - turnBegan;
    if (this.#turnSpent <= TURN_MILLISECONDS) return hasMore;
    this.#turnSpent = 0;
    return true;
  }

  /** Runs one command and writes its reply, whatever the session's state; for EXEC as well. */
  execute(entry: CommandEntry, words: readonly Buffer[]): void {
    const { command, stats } = entry;
    const { writer } = this.#server;
    const session = this.#session;
    const start = writer.length;
    const before = performance.now();
    session.lastCommand = command.name;
    try {
      command.execute(session, words, session);
    } catch (error) {
      writer.length = start;
      stats.failed++;
      this.writeError(error, command);
    }
    const elapsed = performance.now() - before;
    if (!session.willFinish(entry, words, elapsed)) this.count(entry, words, elapsed);
  }

  /** Counts a command that ran for so many milliseconds. */
  count({ command, stats }: CommandEntry, words: readonly Buffer[], elapsed: number): void {
    stats.count(1, elapsed);
    this.#session.commandsProcessed++;
    if (this.#server.slowLog.isSlow(elapsed)) this.#logSlow(command, elapsed, words);
    this.#server.latency.record('command', elapsed);
  }

  writeError(error: unknown, command?: Command, encoding?: 'latin1'): void {
    const reply = errorReply(error, command);
    this.#server.countError(reply, error, whereOf(this.#session, command));
    this.#server.writer.error(reply, encoding);
  }

  #endRun(run: HotRun): void {
    const ended = run.end((command, elapsed) => this.#logSlow(command, elapsed, [Buffer.from(command.name)]));
    if (ended === undefined) return;
    this.#session.lastCommand = ended.name;
    this.#session.commandsProcessed += ended.calls;
  }

  /** May the hot handler take it: right number of words, nothing special about the session? */
  #isPlain({ minWords, maxWords }: Command, { argc }: RespReader): boolean {
    const session = this.#session;
    return (
      argc >= minWords &&
      argc <= maxWords &&
      argc <= MAX_HOT_WORDS &&
      session.authenticated &&
      this.#server.loading === undefined &&
      session.replyMode === 'on' &&
      !session.transaction.isOpen &&
      !this.#server.slowLog.watchesAll
    );
  }

  #runHot({ command, stats }: CommandEntry, reader: RespReader): boolean {
    const { writer } = this.#server;
    const start = writer.length;
    try {
      return command.hot!(this.#session, reader, writer);
    } catch (error) {
      writer.length = start;
      stats.failed++;
      this.writeError(error, command);
      return true;
    }
  }

  #runGeneral(entry: CommandEntry | string, reader: RespReader): void {
    const words = reader.copyWords();
    const session = this.#session;
    const { writer } = this.#server;
    const start = writer.length;
    const mode = session.replyMode;
    if (typeof entry === 'string') {
      session.transaction.fail();
      this.writeError(unknownCommand(entry, words), undefined, 'latin1');
    } else this.#dispatch(entry, words);
    // CLIENT REPLY SKIP silences itself and the command behind it; OFF silences all; ON replies whatever was before.
    if (session.replyMode !== 'on') writer.length = start;
    if (session.replyMode === 'skip-next') session.replyMode = 'skip';
    else if (mode === 'skip' && session.replyMode === 'skip') session.replyMode = 'on';
  }

  #dispatch(entry: CommandEntry, words: readonly Buffer[]): void {
    const { command, stats } = entry;
    const { transaction } = this.#session;
    const refusal = refusalOf(command, words.length, this.#session);
    if (refusal !== undefined) {
      stats.rejected++;
      transaction.fail();
      this.writeError(refusal, command);
    } else if (transaction.isOpen && !command.flags.has('noqueue')) {
      transaction.queue({ entry, words });
      this.#server.writer.simple('QUEUED');
    } else this.execute(entry, words);
  }

  #logSlow(command: Command, elapsed: number, words: readonly Buffer[]): void {
    const shown = command.flags.has('secret') ? words.slice(0, command.words.length) : words;
    const session = this.#session;
    this.#server.slowLog.add(elapsed, shown, session.connection.remoteAddress, session.name);
    this.#server.events.slowCommand(elapsed, whereOf(session, command));
  }
}
