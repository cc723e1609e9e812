/**
 * A connection whose bytes can be held back: replies that promise changes wait until these are on the disk, and so does
 * what the client is told after them. To the session it looks like a client that reads slowly.
 */
import type { Connection } from './connection.js';

export class HoldingConnection implements Connection {
  readonly #inner: Connection;
  readonly #onDrained: () => void;
  /** What was written since each `hold` that was not released yet. */
  readonly #holds: Uint8Array[][] = [];
  #heldBytes = 0;
  #ended = false;

  /** `onDrained` is called when what was held is sent, and nothing is pending. */
  constructor(inner: Connection, onDrained: () => void) {
    this.#inner = inner;
    this.#onDrained = onDrained;
  }

  get remoteAddress(): string {
    return this.#inner.remoteAddress;
  }

  get localAddress(): string {
    return this.#inner.localAddress;
  }

  get pendingBytes(): number {
    return this.#heldBytes + this.#inner.pendingBytes;
  }

  /** Holds back what is written from now on, until `release` was called as often as this. */
  hold(): void {
    this.#holds.push([]);
  }

  /** Sends what was written between the oldest `hold` and the next one. */
  release(): void {
    const held = this.#holds.shift();
    if (held === undefined) return;
    if (this.#holds.length > 0 && held.length === 0) return;
    for (const bytes of held) {
      this.#heldBytes -= bytes.length;
      this.#inner.write(bytes);
    }
    if (this.#holds.length > 0) return;
    if (this.#ended) this.#inner.end();
    else if (this.#inner.pendingBytes === 0) this.#onDrained();
  }

  /** Forgets what is held. Returns whether anything was. */
  discard(): boolean {
    const hadBytes = this.#heldBytes > 0;
    this.#holds.length = 0;
    this.#heldBytes = 0;
    return hadBytes;
  }

  write(bytes: Uint8Array): boolean {
    const held = this.#holds.at(-1);
    if (held === undefined) return this.#inner.write(bytes);
    held.push(Uint8Array.from(bytes));
    this.#heldBytes += bytes.length;
    return true;
  }

  pause(): void {
    this.#inner.pause();
  }

  resume(): void {
    this.#inner.resume();
  }

  end(): void {
    this.#ended = true;
    if (this.#holds.length === 0) this.#inner.end();
  }

  destroy(): void {
    this.discard();
    this.#inner.destroy();
  }
}
