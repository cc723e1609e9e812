import { SegmentdClientError } from './client-error.js';

/** Ends waiting: when the caller's signal says so, or when it takes too long. */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #caller: AbortSignal | undefined;
  readonly #milliseconds: number;
  readonly #onAbort = (): void => this.#controller.abort(this.#caller!.reason);
  #timer: NodeJS.Timeout | undefined;

  /** `milliseconds` 0 means without end. */
  constructor(caller: AbortSignal | undefined, milliseconds: number) {
    this.#caller = caller;
    this.#milliseconds = milliseconds;
    if (caller?.aborted === true) this.#onAbort();
    else caller?.addEventListener('abort', this.#onAbort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /**
   * Waits for something that is given up with the signal, for at most so many milliseconds each time. Rejects with the
   * caller's reason, CLIENT_TIMEOUT, or CONNECTION_FAILED for what goes wrong otherwise.
   */
  async wait<T>(start: () => Promise<T>): Promise<T> {
    const { signal } = this;
    if (this.#milliseconds > 0) this.#timer = setTimeout(() => this.#tooLate(), this.#milliseconds);
    try {
      signal.throwIfAborted();
      return await start();
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw new SegmentdClientError('CONNECTION_FAILED', reasonOf(error), { cause: error });
    } finally {
      clearTimeout(this.#timer);
    }
  }

  /** Nobody waits any more. */
  end(): void {
    this.#caller?.removeEventListener('abort', this.#onAbort);
  }

  #tooLate(): void {
    const detail = `there was no answer within ${this.#milliseconds} ms`;
    this.#controller.abort(new SegmentdClientError('CLIENT_TIMEOUT', detail));
  }
}

/** `fetch` itself only says that it failed; why is in what caused that. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as { message?: string; cause?: { message?: string; code?: string } };
  const reason = cause?.message || cause?.code;
  return reason === undefined ? `${message}` : `${message}: ${reason}`;
}
