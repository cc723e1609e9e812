/**
 * Answers to uploads that are refused half-way. A connection that is closed while the client still sends is reset, and the
 * client may lose the answer with it; so the rest of the upload is dropped first, as long as it keeps coming.
 */

/** Bytes that are dropped before the connection is closed all the same. */
const MAX_BYTES = 64 * 1024 * 1024;
/** Milliseconds without a byte after which nothing more is expected. */
const PATIENCE = 1_000;

export class Linger {
  readonly #done: () => void;
  readonly #timer: NodeJS.Timeout;
  #left = MAX_BYTES;
  #isOver = false;

  /** `done` is called once: when the upload has ended, or has gone on for too long. */
  constructor(done: () => void) {
    this.#done = done;
    this.#timer = setTimeout(() => this.end(), PATIENCE);
  }

  /** So many bytes have come and been dropped. */
  dropped(bytes: number): void {
    this.#left -= bytes;
    if (this.#left >= 0) this.#timer.refresh();
    // Not from inside of whoever reads the connection that is then closed.
    else setImmediate(() => this.end());
  }

  /** The upload has ended. */
  end(): void {
    if (this.#isOver) return;
    this.cancel();
    this.#done();
  }

  /** The client has gone away: nobody is to be told. */
  cancel(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }
}
