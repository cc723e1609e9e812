/**
 * Long bodies: made a piece at a time, only as fast as the client reads, and in turns with all other work. Nothing of one
 * outlives its reader.
 */
import { createGzip, type Gzip } from 'node:zlib';
import type { Turns } from '../resp/turns.js';
import type { HttpResponse } from './transport.js';

/** Makes a long body. */
export interface Producer {
  /** The next piece, some dozens of KiB that nobody changes afterwards; undefined at the end. Takes a millisecond at most. */
  next(): Uint8Array | undefined;
  /** Lets go of what is held; called once, at the end or when the reader has gone. */
  release(): void;
}

/** Who is told how it went. */
export interface DownloadEvents {
  /** The first piece is there: time for the head. */
  onBegin(): void;
  /** It is over, and complete. */
  onEnd(): void;
  /** It is over because of a fault; nobody was told of that yet. */
  onError(error: unknown): void;
}

/** Bytes that gzip gives out at a time. */
const GZIP_CHUNK = 64 * 1024;
/** Lists of ids get little smaller with more work. */
const GZIP_LEVEL = 3;

export class Download {
  /** Bytes of the body that were sent. */
  bytes = 0;
  readonly #response: HttpResponse;
  readonly #producer: Producer;
  readonly #turns: Turns;
  readonly #events: DownloadEvents;
  readonly #gzip: Gzip | undefined;
  #hasBegun = false;
  #isOver = false;
  readonly #job = (): boolean => this.#turn();

  constructor(
    response: HttpResponse,
    producer: Producer,
    turns: Turns,
    isCompressed: boolean,
    events: DownloadEvents,
  ) {
    this.#response = response;
    this.#producer = producer;
    this.#turns = turns;
    this.#events = events;
    this.#gzip = isCompressed ? this.#makeGzip() : undefined;
    if (this.#gzip === undefined) response.onDrained(() => this.#goOn());
    this.#goOn();
  }

  /** The reader has gone. */
  cancel(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#gzip?.destroy();
    this.#producer.release();
  }

  #goOn(): void {
    if (!this.#isOver) this.#turns.add(this.#job);
  }

  /** Makes and sends a piece. Returns whether there is nothing to do until there is room again. */
  #turn(): boolean {
    if (this.#isOver) return true;
    try {
      const piece = this.#producer.next();
      if (!this.#hasBegun) {
        this.#hasBegun = true;
        this.#events.onBegin();
      }
      if (piece === undefined) {
        if (this.#gzip === undefined) this.#end();
        else this.#gzip.end();
        return true;
      }
      return piece.length > 0 && !(this.#gzip === undefined ? this.#send(piece) : this.#gzip.write(piece));
    } catch (error) {
      this.#fail(error);
      return true;
    }
  }

  #send(piece: Uint8Array): boolean {
    this.bytes += piece.length;
    return this.#response.write(piece);
  }

  #makeGzip(): Gzip {
    const gzip = createGzip({ level: GZIP_LEVEL, chunkSize: GZIP_CHUNK });
    gzip.on('drain', () => this.#goOn());
    gzip.on('data', (piece: Buffer) => {
      if (!this.#isOver && !this.#send(piece)) gzip.pause();
    });
    gzip.on('end', () => this.#end());
    gzip.on('error', (error) => this.#fail(error));
    this.#response.onDrained(() => gzip.resume());
    return gzip;
  }

  #end(): void {
    if (this.#isOver) return;
    this.cancel();
    this.#response.end();
    this.#events.onEnd();
  }

  #fail(error: unknown): void {
    if (this.#isOver) return;
    this.cancel();
    this.#events.onError(error);
  }
}
