/**
 * How long ordinals that somebody was told keep their meaning. An ordinal means a user until the user is erased, then nobody,
 * and another user once it is given out again: only then is a bitmap of ordinals made before not to be trusted any more.
 */
import { randomBytes } from 'node:crypto';

export class OrdinalEpoch {
  /** Ordinals of another store, or of this one before it was opened again, mean nothing here. */
  readonly #store = randomBytes(9).toString('base64url');
  #count = 0;
  /**
   * The oldest so many of the free ordinals were free before the present epoch was told to anybody, and have been ever since:
   * nobody can have been told that they mean a user. Undefined when it was not told yet.
   */
  #untold: number | undefined;

  /**
   * The present epoch: another text as soon as an ordinal that was in use at or after the first call may mean another user.
   * `free` is how many ordinals are free now. They are a stack: what became free last is given out first.
   */
  tell(free: number): string {
    this.#untold ??= free;
    return `${this.#store}.${this.#count}`;
  }

  /** The ordinal that became free last was given to a user; `free` are left. */
  reused(free: number): void {
    if (this.#untold === undefined) return;
    if (free < this.#untold) this.#untold = free;
    else this.end();
  }

  /** From now on every ordinal may mean another user. */
  end(): void {
    this.#count++;
    this.#untold = undefined;
  }
}
