/** Long work of many sessions, a turn at a time: however many there are, each turn of the event loop has one of theirs. */

/** Does a turn's work. Returns whether that was the last. */
export type Job = () => boolean;

export class Turns {
  readonly #jobs: Job[] = [];
  /** Called before each turn, so that nobody's finished reply waits for it. */
  readonly #before: () => void;
  #asked = false;

  constructor(before: () => void) {
    this.#before = before;
  }

  /** Jobs that are not over. */
  get size(): number {
    return this.#jobs.length;
  }

  /** Has a job done from the next turn on, turn about with the others. */
  add(job: Job): void {
    this.#jobs.push(job);
    this.#ask();
  }

  #ask(): void {
    if (this.#asked || this.#jobs.length === 0) return;
    this.#asked = true;
    setImmediate(() => {
      this.#asked = false;
      this.#before();
      const job = this.#jobs.shift()!;
      if (!job()) this.#jobs.push(job);
      this.#ask();
    });
  }
}
