/** Requests of the Redis protocol, parsed in place: an argument is a span of the input, never a string. */

import { Carry } from './carry.js';
import { parseInteger, shortHeader } from './header.js';
import { splitPlain, splitWords } from './inline.js';
import { DEFAULT_LIMITS, ProtocolError, type ReaderLimits, unauthenticatedLimits } from './limits.js';
import { Spans } from './spans.js';
import { Tail } from './tail.js';
import { RespWriter } from './writer.js';

const CR = 13;
const LF = 10;
const DOLLAR = 36;
const STAR = 42;

/** What `#parse` found at the current position. */
const NEED_MORE = 0;
const COMMAND = 1;
const NOTHING = 2;

/** The least that is moved from a chunk to complete a command that began in the one before, in bytes. */
const CARRY_STEP = 512;

const NO_BYTES = Buffer.alloc(0);

/**
 * Turns chunks of bytes into commands.
 *
 *     reader.feed(chunk);
 *     while (reader.next()) handle(reader.buffer, reader.argc, reader.starts, reader.ends);
 *
 * A chunk is read where it lies. Only a command that is cut by the end of a chunk is copied: it is completed
 * in a buffer of the reader's own (the carry), and the reader turns back to the chunk behind it. Parsing
 * resumes where it stopped, so the work is linear in the input however it is cut.
 */
export class RespReader {
  /** What the spans of the current command point into; valid, as they are, until the next call of `next`. */
  buffer: Buffer = NO_BYTES;
  /** How many arguments the current command has, its name included: at least 1. */
  argc = 0;
  /** Where the command starts in `buffer`; all up to `commandEnd` holds its arguments, and parses to it. */
  commandStart = 0;
  /** Where the command ends in `buffer`, exclusive. */
  commandEnd = 0;
  /** Commands with the same number, of whatever reader, have the same words from the third on. */
  tail = 0;

  /** What is being parsed: the chunk or the carry. */
  #input: Buffer = NO_BYTES;
  #end = 0;
  #position = 0;
  /** Where the search for the end of an unfinished line goes on, if that is behind `#position`. */
  #searched = 0;
  #searchedInVain = 0;

  /** The chunk that was fed first, and how much of it the carry has taken while that is being parsed. */
  #chunk: Buffer = NO_BYTES;
  #chunkTaken = 0;
  /** Chunks that were fed while the one before was not read to its end, and their length together. */
  #queue: Buffer[] = [];
  #queued = 0;
  /** The command that was cut by the end of a chunk. */
  readonly #carry = new Carry();

  /** How many arguments the unfinished command announced; 0 while none did. */
  #announced = 0;
  /** The length that the unfinished argument announced; -1 while none did. */
  #bulkLength = -1;

  readonly #spans = new Spans();
  /** The bytes behind the second word of the command before, if they may be compared with those of the next. */
  readonly #tail = new Tail();

  #limits: ReaderLimits = DEFAULT_LIMITS;
  /** The limits in force: tighter than `#limits` until the client has logged in. */
  #strict: ReaderLimits = DEFAULT_LIMITS;
  #dead = false;

  constructor(limits: ReaderLimits) {
    this.limits = limits;
  }

  /** Where each argument starts in `buffer`. Longer than `argc`; not the same array for every command. */
  get starts(): Int32Array {
    return this.#spans.starts;
  }

  /** Where each argument ends in `buffer`, exclusive; an array like `starts`. */
  get ends(): Int32Array {
    return this.#spans.ends;
  }

  /** Other limits, for all that `next` has not looked at yet. */
  set limits(limits: ReaderLimits) {
    this.#limits = limits;
    this.#strict = limits.unauthenticated ? unauthenticatedLimits(limits) : limits;
  }

  /** Bytes of memory that are held for unfinished input. */
  get capacity(): number {
    return this.#carry.buffer.length;
  }

  /** Bytes copied, and bytes of lines searched in vain, because commands were cut: never more than linear. */
  get extraWork(): number {
    return this.#carry.copied + this.#searchedInVain;
  }

  /** Bytes that were fed and are no part of a command that `next` has given. */
  get pendingBytes(): number {
    const start = this.#announced === 0 ? this.#position : this.commandStart;
    const behind = this.#carry.length === 0 ? 0 : this.#chunk.length - this.#chunkTaken;
    return this.#end - start + behind + this.#queued;
  }

  /**
   * Gives more input, which must stay unchanged until `next` has returned false, and no longer.
   *
   * @throws ProtocolError when more is kept for the client than `maxBufferLength` allows
   */
  feed(chunk: Buffer): void {
    if (this.#dead || chunk.length === 0) return;
    const pending = this.pendingBytes;
    if (pending + chunk.length > this.#limits.maxBufferLength) this.#fail('query buffer limit exceeded');
    const unread =
      this.#carry.length === 0 ? this.#end - this.#position : this.#chunk.length - this.#chunkTaken;
    if (unread + this.#queued === 0) {
      this.#useChunk(chunk);
    } else {
      this.#queue.push(chunk);
      this.#queued += chunk.length;
    }
  }

  /** Copies what was fed and is not read yet: from now on the chunk may change. */
  keepUnread(): void {
    if (this.#chunk.length === 0) return;
    const copy = Buffer.from(this.#chunk);
    if (this.#input === this.#chunk) this.#input = copy;
    this.#chunk = copy;
    this.#tail.forget();
  }

  /**
   * Goes on to the next command.
   *
   * @returns true when `buffer`, `argc`, `starts` and `ends` tell a whole command; false to get more input
   * @throws ProtocolError for input that is no Redis protocol; from then on the reader ignores its input
   */
  next(): boolean {
    for (;;) {
      const outcome = this.#parse();
      if (outcome === COMMAND) return true;
      if (outcome === NEED_MORE && !this.#refill()) return false;
    }
  }

  /** The words of the current command, as copies. */
  copyWords(): Buffer[] {
    const { buffer, starts, ends } = this;
    return Array.from({ length: this.argc }, (_, i) => Buffer.from(buffer.subarray(starts[i]!, ends[i]!)));
  }

  /** Parses at the current position; everything that an ordinary command needs happens in here. */
  #parse(): number {
    const buffer = this.#input;
    const end = this.#end;
    let at = this.#position;
    let argc = 0;
    let length = -1;
    let announced = this.#announced;
    this.buffer = buffer;
    if (announced !== 0) {
      argc = this.argc;
      length = this.#bulkLength;
    } else {
      this.commandStart = at;
      if (at === end) return NEED_MORE;
      if (buffer[at] !== STAR) return this.#parseInline();
      announced = shortHeader(buffer, at, end, STAR);
      if (announced > 0 && announced <= this.#strict.maxArguments) {
        at += announced < 10 ? 4 : 5;
      } else {
        announced = this.#readCount(at);
        if (announced < 0) return NEED_MORE;
        at = this.#position;
        if (announced === 0) {
          this.#finish(at);
          return NOTHING;
        }
      }
    }
    const spans = this.#spans;
    let { starts, ends } = spans;
    const maxBulkLength = this.#strict.maxBulkLength;
    const tail = this.#tail;
    while (argc < announced) {
      if (argc === 2 && length < 0 && announced === tail.words && tail.isAt(buffer, at, end)) {
        spans.move(2, announced, at - tail.start);
        tail.start = at;
        this.argc = announced;
        this.#finish(at + tail.length);
        return COMMAND;
      }
      if (length < 0) {
        length = shortHeader(buffer, at, end, DOLLAR);
        if (length >= 0 && length <= maxBulkLength) {
          at += length < 10 ? 4 : 5;
        } else {
          length = this.#readBulkLength(at);
          if (length < 0) return this.#suspend(at, announced, argc, -1);
          at = this.#position;
        }
      }
      const next = at + length + 2;
      if (next > end) return this.#suspend(at, announced, argc, length);
      if (argc === starts.length) {
        spans.grow();
        starts = spans.starts;
        ends = spans.ends;
      }
      starts[argc] = at;
      ends[argc] = at + length;
      argc++;
      at = next;
      length = -1;
    }
    this.argc = argc;
    this.tail = tail.keep(buffer, argc, argc < 3 ? at : ends[1]! + 2, at);
    this.#finish(at);
    return COMMAND;
  }

  /** Keeps the state of an unfinished multibulk command. */
  #suspend(position: number, announced: number, argc: number, bulkLength: number): number {
    this.#tail.forget();
    this.#position = position;
    this.#announced = announced;
    this.argc = argc;
    this.#bulkLength = bulkLength;
    return NEED_MORE;
  }

  /** Ends a command at `at`, and turns back from the carry to the chunk. */
  #finish(at: number): void {
    this.commandEnd = at;
    this.#announced = 0;
    if (this.#carry.length === 0) {
      this.#position = at;
      return;
    }
    // What the carry holds behind the command is the chunk's: the bytes before did not make a whole command.
    this.#position = this.#chunkTaken - (this.#carry.length - at);
    this.#input = this.#chunk;
    this.#end = this.#chunk.length;
    this.#searched = 0;
    this.#carry.clear();
    this.#tail.forget();
  }

  /** Gives `#parse` more input for the command that it stopped in; false when all that was fed is used up. */
  #refill(): boolean {
    if (this.#carry.length === 0) {
      const start = this.#announced === 0 ? this.#position : this.commandStart;
      if (start === this.#end) {
        if (this.#nextChunk()) return true;
        this.#idle();
        return false;
      }
      this.#startCarry(start);
    }
    if (this.#chunkTaken === this.#chunk.length && !this.#nextChunk()) {
      this.#useChunk(NO_BYTES);
      this.buffer = NO_BYTES;
      return false;
    }
    this.#carryMore();
    return true;
  }

  /** Moves the unfinished command, which starts at `start`, from the chunk to the carry. */
  #startCarry(start: number): void {
    this.#position -= start;
    this.#searched -= start;
    this.commandStart = 0;
    if (this.#announced !== 0) this.#spans.move(0, this.argc, -start);
    this.#chunkTaken = start;
    this.#carryOver(this.#chunk.length - start);
  }

  /** Takes more of the chunk into the carry: what is known to be missing, or as much again as there is. */
  #carryMore(): void {
    const carried = this.#carry.length;
    const size = Math.max(CARRY_STEP, carried, this.#announcedEnd() - carried);
    this.#carryOver(Math.min(size, this.#chunk.length - this.#chunkTaken));
  }

  /** Appends the next bytes of the chunk to the carry. */
  #carryOver(size: number): void {
    const start = this.#chunkTaken;
    this.#chunkTaken = start + size;
    this.#carry.append(this.#chunk, start, start + size, this.#announcedEnd(), this.#limits.maxBufferLength);
    this.#input = this.#carry.buffer;
    this.#end = this.#carry.length;
  }

  /** Where the unfinished argument ends; 0 while that is not known. */
  #announcedEnd(): number {
    return this.#announced === 0 || this.#bulkLength < 0 ? 0 : this.#position + this.#bulkLength + 2;
  }

  /** Goes to the next chunk that was fed, if there is one. */
  #nextChunk(): boolean {
    const chunk = this.#queue.shift();
    if (chunk === undefined) return false;
    this.#queued -= chunk.length;
    this.#useChunk(chunk);
    return true;
  }

  #useChunk(chunk: Buffer): void {
    this.#chunk = chunk;
    this.#chunkTaken = 0;
    this.#tail.forget();
    if (this.#carry.length !== 0) return;
    this.#input = chunk;
    this.#end = chunk.length;
    this.#position = 0;
    this.#searched = 0;
  }

  /** Lets go of what is not needed while there is no input. */
  #idle(): void {
    this.#useChunk(NO_BYTES);
    this.buffer = NO_BYTES;
    this.#spans.clear();
  }

  /** The number of arguments in the line at `at`, 0 if there are none; -1 while the line is not whole. */
  #readCount(at: number): number {
    const lineEnd = this.#findLineEnd(at, CR, 'too big mbulk count string');
    if (lineEnd < 0) return -1;
    const count = parseInteger(this.#input, at + 1, lineEnd);
    if (!(count <= this.#limits.maxArguments)) this.#fail('invalid multibulk length');
    if (count > this.#strict.maxArguments) this.#fail('unauthenticated multibulk length');
    this.#position = lineEnd + 2;
    return Math.max(0, count);
  }

  /** The length in the line at `at`; -1 while the line is not whole. */
  #readBulkLength(at: number): number {
    const lineEnd = this.#findLineEnd(at, CR, 'too big bulk count string');
    if (lineEnd < 0) return -1;
    const marker = this.#input[at]!;
    if (marker !== DOLLAR) this.#fail(`expected '$', got '${String.fromCharCode(marker)}'`);
    const length = parseInteger(this.#input, at + 1, lineEnd);
    if (!(length >= 0 && length <= this.#limits.maxBulkLength)) this.#fail('invalid bulk length');
    if (length > this.#strict.maxBulkLength) this.#fail('unauthenticated bulk length');
    this.#position = lineEnd + 2;
    return length;
  }

  /**
   * Finds the byte that ends the line at `at`; -1 while it has not come. As in Redis, a zero byte hides what
   * follows it, and whatever follows "\r" is taken for "\n".
   */
  #findLineEnd(at: number, terminator: number, tooLong: string): number {
    const input = this.#input;
    const end = this.#end;
    const from = Math.max(at, this.#searched);
    const last = Math.min(end, at + this.#limits.maxInlineLength + 1);
    let i = from;
    while (i < last && input[i] !== terminator && input[i] !== 0) i++;
    if (i < last && input[i] === terminator) {
      if (terminator === LF || i + 2 <= end) return i;
    } else if (end - at > this.#limits.maxInlineLength) {
      this.#fail(tooLong);
    }
    this.#searchedInVain += i - from;
    this.#searched = i;
    return -1;
  }

  /** Parses a command that is a line of words. */
  #parseInline(): number {
    const at = this.#position;
    this.#tail.forget();
    const newline = this.#findLineEnd(at, LF, 'too big inline request');
    if (newline < 0) return NEED_MORE;
    const input = this.#input;
    const lineEnd = newline > at && input[newline - 1] === CR ? newline - 1 : newline;
    this.tail = this.#tail.skip();
    this.argc = splitPlain(input, at, lineEnd, this.#spans);
    if (this.argc >= 0) this.#finish(newline + 1);
    else this.#rewriteInline(input.subarray(at, lineEnd), newline + 1);
    return this.argc === 0 ? NOTHING : COMMAND;
  }

  /** Makes an array of bulk strings of a line whose words do not all lie in it as they are. */
  #rewriteInline(line: Buffer, next: number): void {
    const words = splitWords(line);
    if (words === undefined) this.#fail('unbalanced quotes in request');
    const command = new RespWriter();
    command.array(words.length);
    for (const [i, word] of words.entries()) {
      command.bulkBytes(word);
      this.#spans.put(i, command.length - 2 - word.length, command.length - 2);
    }
    this.#finish(next);
    this.argc = words.length;
    this.buffer = command.buffer;
    this.commandStart = 0;
    this.commandEnd = command.length;
  }

  #fail(detail: string): never {
    this.#dead = true;
    this.#queue = [];
    this.#queued = 0;
    this.#carry.clear();
    this.#announced = 0;
    this.argc = 0;
    this.#idle();
    throw new ProtocolError(detail);
  }
}
