/** A question that may take long: answered at once, or in turns between which others are served. */
import { performance } from 'node:perf_hooks';
import { SegmentdError } from '../errors.js';
import type { Steps } from './steps.js';

/** Time without the pauses. */
export interface Clock {
  /** Milliseconds of work since some moment. */
  now(): number;
}

/** What a query does, and what it lets go of when it is over, one way or the other. */
export interface Work<T> {
  readonly steps: Steps<T>;
  release(): void;
}

/** How long a turn of `later` takes, in milliseconds. */
const TURN_MILLISECONDS = 1;

/**
 * Steps with a deadline. The question is asked when the query is made: whatever changes later does not change the answer.
 * Bring it to its end or cancel it, because what it reads is held for it until then.
 */
export class Query<T> {
  readonly #work: Work<T>;
  readonly #deadline: number;
  readonly #timeout: number;
  #paused = 0;
  #pausedAt = performance.now();
  #isOver = false;
  #failure: unknown;
  #result: { readonly value: T } | undefined;

  /** `timeout` in milliseconds; 0 means none. */
  constructor(start: (clock: Clock) => Work<T>, timeout = 0) {
    this.#timeout = timeout;
    this.#deadline = timeout === 0 ? Number.POSITIVE_INFINITY : this.#pausedAt + timeout;
    this.#work = start({ now: () => performance.now() - this.#paused });
  }

  /** Answers at once, however long it takes. Throws QUERY_TIMEOUT, and what is wrong with the question. */
  now(): T {
    while (!this.advance(Number.POSITIVE_INFINITY));
    return this.result;
  }

  /** Answers in turns, between which the event loop goes on. Throws as `now`. */
  async later(): Promise<T> {
    while (!this.advance(TURN_MILLISECONDS)) await new Promise((resolve) => setImmediate(resolve));
    return this.result;
  }

  /** Works for about so many milliseconds, at least for one step. Returns whether there is a result now. Throws as `now`. */
  advance(milliseconds: number): boolean {
    if (this.#result !== undefined) return true;
    if (this.#isOver) throw this.#failure ?? new Error('the query was cancelled');
    const began = performance.now();
    this.#paused += began - this.#pausedAt;
    try {
      for (;;) {
        const step = this.#work.steps.next();
        if (step.done === true) {
          this.#result = { value: step.value };
          this.#end();
          return true;
        }
        const now = performance.now();
        if (now > this.#deadline) throw this.#tooLate();
        if (now - began > milliseconds) return false;
      }
    } catch (error) {
      this.#failure = error;
      this.#end();
      throw error;
    } finally {
      this.#pausedAt = performance.now();
    }
  }

  /** What came out; only once `advance` has said so. */
  get result(): T {
    return this.#result!.value;
  }

  /** Gives up, and lets go of what was held. */
  cancel(): void {
    this.#end();
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#work.release();
  }

  #tooLate(): SegmentdError {
    const advice = 'ask for less, or raise query-timeout';
    return new SegmentdError('QUERY_TIMEOUT', `the query took longer than ${this.#timeout} ms: ${advice}`);
  }
}
