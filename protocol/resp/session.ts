/**
 * One connection's conversation: bytes in, replies out in order; an executor does what the commands say. A long reply is
 * streamed in slices under backpressure; until it is through, the session executes nothing more and its input waits, so that
 * replies stay in order and in bounds.
 */
import type { MemberCursor } from '../../src/store/member-cursor.js';
import type { Query } from '../../src/store/query.js';
import type { Call } from '../command.js';
import type { CommandEntry } from '../command-table.js';
import { whereOf } from '../event-log.js';
import type { ReplyTarget } from '../replies.js';
import type { ServerState } from '../server-state.js';
import { Transaction } from '../transaction.js';
import type { Connection } from './connection.js';
import { Executor } from './executor.js';
import { HoldingConnection } from './holding-connection.js';
import { limitsFor, MAX_PENDING_BYTES, ProtocolError } from './limits.js';
import { PendingReply } from './pending-reply.js';
import { RespReader } from './reader.js';
import type { RespWriter } from './writer.js';

export type ReplyMode = 'on' | 'off' | 'skip-next' | 'skip';

/** Sets of at most so many ids are replied at once. */
const AT_ONCE = 1_000;
/** Bytes of one slice of a streamed reply. */
const SLICE_BYTES = 64 * 1024;

export class Session implements Call, ReplyTarget {
  readonly server: ServerState;
  readonly id: number;
  readonly connection: Connection;
  /** Milliseconds since the epoch. */
  readonly createdAt = Date.now();
  lastActiveAt = this.createdAt;
  /** The name of the command under way, or of the last one. */
  lastCommand = '';
  name = '';
  libraryName = '';
  libraryVersion = '';
  authenticated: boolean;
  replyMode: ReplyMode = 'on';
  noEvict = false;
  noTouch = false;
  inputBytes = 0;
  outputBytes = 0;
  commandsProcessed = 0;
  readonly transaction = new Transaction();
  readonly session = this;
  readonly #reader: RespReader;
  /** The connection, if replies wait for the disk. */
  readonly #holding: HoldingConnection | undefined;
  readonly #executor: Executor;
  #protocol: 2 | 3 = 2;
  #stream: MemberCursor | undefined;
  #pending: PendingReply | undefined;
  /** Commands are left that could be executed, but others, or the client, come first. */
  #hasMore = false;
  /** Buffers that the connection still sends from. */
  #lent: Buffer[] = [];
  #paused = false;
  #turnAsked = false;
  #closing = false;
  #inputEnded = false;
  #closed = false;

  constructor(server: ServerState, connection: Connection) {
    this.server = server;
    if (server.engine.options.fsync === 'always')
      this.#holding = new HoldingConnection(connection, () => this.drained());
    this.connection = this.#holding ?? connection;
    this.id = server.nextSessionId();
    this.authenticated = server.options.password === '';
    this.#reader = new RespReader(limitsFor(server.options, this.authenticated));
    this.#executor = new Executor(this, this.#reader);
  }

  get engine(): ServerState['engine'] {
    return this.server.engine;
  }

  get keyspace(): ServerState['keyspace'] {
    return this.server.keyspace;
  }

  get out(): RespWriter {
    return this.server.writer;
  }

  get protocol(): 2 | 3 {
    return this.#protocol;
  }

  /** Takes effect for the reply of the command that sets it. */
  set protocol(version: 2 | 3) {
    this.#protocol = version;
    this.out.protocol = version;
  }

  /** Bytes of input that wait for the rest of their command. */
  get pendingInputBytes(): number {
    return this.#reader.pendingBytes;
  }

  /** May the next command be executed now? */
  get takesCommands(): boolean {
    return !this.#isBusy && !this.#closing;
  }

  /** Takes input and executes what is complete. The chunk may change when the call returns. */
  receive(chunk: Buffer): void {
    if (this.#closing) return;
    this.inputBytes += chunk.length;
    this.server.inputBytes += chunk.length;
    this.lastActiveAt = Date.now();
    const mustWait = this.#mustWait;
    try {
      this.#reader.feed(mustWait ? Buffer.from(chunk) : chunk);
      if (mustWait) this.#balance();
    } catch (error) {
      this.#refuseInput(error);
      return;
    }
    if (mustWait) return;
    this.#run();
    this.#reader.keepUnread();
  }

  /** For the outbox: sends replies. False when the connection still needs the bytes after the call. */
  send(replies: Buffer): boolean {
    return this.#closed || this.connection.write(replies);
  }

  /** For the outbox: the connection sends from this buffer and no other uses it. */
  lend(buffer: Buffer): void {
    this.#lent.push(buffer);
  }

  /** To be called when the connection has sent all that was waiting. */
  drained(): void {
    if (this.#closed) return;
    if (this.connection.pendingBytes === 0) {
      this.server.outbox.takeBack(this.#lent);
      this.#lent = [];
    }
    if (this.#stream !== undefined) this.#continueStream(this.#stream);
    else if (this.#pending === undefined) this.#run();
  }

  /** To be called when the client will send no more: it gets all replies, and then the connection ends. */
  ended(): void {
    this.#inputEnded = true;
    this.#balance();
  }

  /** To be called when the connection is gone. */
  closed(): void {
    this.#closed = true;
    this.#closing = true;
    this.#stream?.close();
    this.#stream = undefined;
    this.#pending?.cancel();
    this.transaction.reset();
  }

  /** Ends the conversation once the replies so far are sent. */
  close(): void {
    this.#closing = true;
  }

  /** Ends the conversation now; for CLIENT KILL of another session. */
  kill(): void {
    this.#closing = true;
    this.server.sessions.delete(this.id);
    this.connection.destroy();
  }

  /** Adopts options that CONFIG SET or AUTH may have changed; without a password, nobody needs to AUTH any more. */
  refreshLimits(): void {
    if (this.server.options.password === '') this.authenticated = true;
    this.#reader.limits = limitsFor(this.server.options, this.authenticated);
  }

  /** RESET: back to how a new connection is. */
  reset(): void {
    this.transaction.reset();
    this.protocol = 2;
    this.name = '';
    this.replyMode = 'on';
    this.noEvict = false;
    this.noTouch = false;
    this.authenticated = this.server.options.password === '';
    this.refreshLimits();
  }

  members(cursor: MemberCursor): void {
    // Inside EXEC, replies may be asked for again before its own is complete.
    if (this.replyMode !== 'on' && !this.transaction.isExecuting) {
      cursor.close();
      return;
    }
    this.out.set(cursor.size);
    if (cursor.size <= AT_ONCE || this.transaction.isExecuting) {
      this.#writeSlice(cursor, Number.POSITIVE_INFINITY);
      cursor.close();
    } else this.#stream = cursor;
  }

  later<T>(query: Query<T>, write: (result: T) => void): void {
    // Nothing may come between the commands of a transaction.
    const { isExecuting } = this.transaction;
    if (isExecuting) query.now();
    const isSilent = this.replyMode !== 'on' && !isExecuting;
    const pending = new PendingReply(query, isSilent, () => write(query.result));
    if (!pending.advance()) this.#pending = pending;
  }

  /** Executes complete commands until there are none, or a long reply or a slow client makes the rest wait. */
  #run(): void {
    const { out } = this;
    const start = out.length;
    out.protocol = this.#protocol;
    try {
      this.#hasMore = this.#executor.executeAll(start);
    } catch (error) {
      this.#refuseInput(error, start);
      return;
    }
    this.#flush(start);
    this.#balance();
  }

  /** Runs one command and writes its reply, whatever the session's state; for EXEC. */
  execute(entry: CommandEntry, words: readonly Buffer[]): void {
    this.#executor.execute(entry, words);
  }

  /**
   * For the executor: has the command that ran for `elapsed` milliseconds left a reply that comes later? Then the session
   * sees to the rest of it.
   */
  willFinish(entry: CommandEntry, words: readonly Buffer[], elapsed: number): boolean {
    const pending = this.#pending;
    if (pending === undefined) return false;
    pending.spent = elapsed;
    this.server.turns.add(() => this.#isOver(pending, entry, words));
    return true;
  }

  /** Goes on with a query; once it is over, one way or the other, the session goes on. */
  #isOver(pending: PendingReply, entry: CommandEntry, words: readonly Buffer[]): boolean {
    if (this.#closed) return true;
    const { out } = this;
    const start = out.length;
    out.protocol = this.#protocol;
    try {
      if (!pending.advance()) return false;
    } catch (error) {
      out.length = start;
      entry.stats.failed++;
      if (!pending.isSilent) this.#executor.writeError(error, entry.command);
    }
    this.#pending = undefined;
    this.#executor.count(entry, words, pending.spent);
    this.#hasMore = true;
    this.#flush(start);
    this.#balance();
    return true;
  }

  /** Input that is no protocol ends the connection, as in Redis; so does a fault of our own, which must not end more. */
  #refuseInput(error: unknown, start = this.out.length): void {
    this.out.protocol = this.#protocol;
    this.out.error(error instanceof ProtocolError ? `ERR ${error.message}` : 'ERR internal error', 'latin1');
    this.server.countError('ERR', error, whereOf(this));
    this.#closing = true;
    this.#flush(start);
    this.#balance();
  }

  #writeSlice(cursor: MemberCursor, bytes: number): boolean {
    const { out } = this;
    const end = out.length + bytes;
    while (out.length < end) {
      const ordinal = cursor.next();
      if (ordinal < 0) return false;
      out.beginBulk(cursor.idLength(ordinal));
      out.endBulk(cursor.copyId(ordinal, out.buffer, out.length));
    }
    return true;
  }

  #continueStream(cursor: MemberCursor): void {
    if (this.connection.pendingBytes > 0) return;
    const start = this.out.length;
    this.out.protocol = this.#protocol;
    if (!this.#writeSlice(cursor, SLICE_BYTES)) {
      this.#stream = undefined;
      this.#hasMore = true;
      cursor.close();
    }
    this.#flush(start);
    this.#balance();
  }

  /**
   * Hands over what was written from `start` on. Replies go out at the end of the event, together with those of others;
   * whoever must wait for the client learns at once how much it has taken.
   */
  #flush(start: number): void {
    const { outbox } = this.server;
    this.#keepChanges(start);
    const bytes = this.out.length - start;
    if (bytes > 0) {
      this.outputBytes += bytes;
      this.server.outputBytes += bytes;
      outbox.add(this, start);
    }
    if (this.#mustWait) outbox.flush();
  }

  /** A reply promises that a change is kept. When it is not, the client hears that instead, and no more. */
  #keepChanges(start: number): void {
    try {
      if (this.engine.commit()) return;
    } catch (error) {
      if (this.out.length === start) return; // Nothing was promised.
      this.out.length = start;
      this.#giveUp(error);
      return;
    }
    // Others, who only read, need not wait: they may see changes that are not on the disk yet.
    const holding = this.#holding!;
    holding.hold();
    this.engine.whenDurable((error) => {
      if (error === undefined) holding.release();
      else this.#refuseHeld(holding, error);
    });
  }

  #refuseHeld(holding: HoldingConnection, error: unknown): void {
    this.server.outbox.flush();
    if (!holding.discard() || this.#closed) return;
    this.out.protocol = this.#protocol;
    this.#giveUp(error);
    this.server.outbox.add(this, 0);
    this.#balance();
  }

  #giveUp(error: unknown): void {
    this.#stream?.close();
    this.#stream = undefined;
    this.#closing = true;
    this.#executor.writeError(error);
  }

  /** Is a reply not complete yet? */
  get #isBusy(): boolean {
    return this.#stream !== undefined || this.#pending !== undefined;
  }

  get #mustWait(): boolean {
    return this.#isBusy || this.#hasMore || this.connection.pendingBytes > MAX_PENDING_BYTES;
  }

  /** Takes input only while there is nothing to wait for but a query, lets others have their turn, hangs up when all is said. */
  #balance(): void {
    if (this.#closed) return;
    const mustWait = this.#mustWait;
    if ((this.#closing || (this.#inputEnded && !mustWait)) && !this.#isBusy) {
      this.#closing = true;
      this.server.outbox.flush();
      this.connection.end();
      // What else the client sends is dropped, so that its end is seen.
      this.connection.resume();
      return;
    }
    // With bytes pending, the connection will call `drained` when they are gone.
    const isIdle = this.#pending === undefined && this.connection.pendingBytes === 0;
    if (mustWait && isIdle && !this.#turnAsked) {
      this.#turnAsked = true;
      setImmediate(() => {
        this.#turnAsked = false;
        this.drained();
      });
    }
    const mustPause = mustWait && (this.#pending === undefined || this.pendingInputBytes > MAX_PENDING_BYTES);
    if (mustPause === this.#paused) return;
    this.#paused = mustPause;
    this.connection[mustPause ? 'pause' : 'resume']();
  }
}
