/** Lines of one kind that are let through in a second. */
const MAX_PER_SECOND = 10;

interface Window {
  readonly beganAt: number;
  admitted: number;
  leftOut: number;
}

/** Keeps floods out of the log: a client that does the same wrong thing all the time must not keep the server busy writing. */
export class LogLimiter {
  readonly #now: () => number;
  readonly #windows = new Map<string, Window>();

  /** `now` gives milliseconds. */
  constructor(now = Date.now) {
    this.#now = now;
  }

  /** May a line of this kind be written? If so, how many before it were not; else `undefined`. */
  admit(kind: string): number | undefined {
    const now = this.#now();
    let window = this.#windows.get(kind);
    let leftOut = 0;
    if (window === undefined || now - window.beganAt >= 1000 || now < window.beganAt) {
      leftOut = window?.leftOut ?? 0;
      window = { beganAt: now, admitted: 0, leftOut: 0 };
      this.#windows.set(kind, window);
    }
    if (window.admitted === MAX_PER_SECOND) {
      window.leftOut++;
      return undefined;
    }
    window.admitted++;
    return leftOut;
  }
}
