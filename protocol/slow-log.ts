/** The slow log, as in Redis: commands that took long, newest first. */

export interface SlowLogOptions {
  /** Microseconds from which a command is logged; negative means none. */
  readonly slowlogLogSlowerThan: number;
  readonly slowlogMaxLen: number;
}

export interface SlowCommand {
  readonly id: number;
  /** Seconds since the epoch. */
  readonly time: number;
  readonly microseconds: number;
  /** Cut as Redis cuts them: 32 words, 128 bytes each. */
  readonly words: readonly string[];
  readonly client: string;
  readonly clientName: string;
}

/** Under this threshold, in microseconds, every command is timed by itself, hot ones too. */
const CLOSE_WATCH = 1_000;
const MAX_WORDS = 32;
const MAX_WORD = 128;

export class SlowLog {
  readonly #options: SlowLogOptions;
  #entries: SlowCommand[] = [];
  #nextId = 0;

  /** The options are read at each call, so that they can change. */
  constructor(options: SlowLogOptions) {
    this.#options = options;
  }

  get length(): number {
    return this.#entries.length;
  }

  /** How many commands went into it since the start, whatever is left of them. */
  get total(): number {
    return this.#nextId;
  }

  /** Is the threshold one that quick commands reach? Then none may be timed together with others. */
  get watchesAll(): boolean {
    const threshold = this.#options.slowlogLogSlowerThan;
    return threshold >= 0 && threshold < CLOSE_WATCH;
  }

  /** Is a command of this length slow? */
  isSlow(milliseconds: number): boolean {
    const threshold = this.#options.slowlogLogSlowerThan;
    return threshold >= 0 && milliseconds * 1000 >= threshold;
  }

  add(milliseconds: number, words: readonly Buffer[], client: string, clientName: string): void {
    this.#entries.unshift({
      id: this.#nextId++,
      time: Math.floor(Date.now() / 1000),
      microseconds: Math.round(milliseconds * 1000),
      words: shorten(words),
      client,
      clientName,
    });
    this.#entries.length = Math.min(this.#entries.length, this.#options.slowlogMaxLen);
  }

  /** The newest `count` entries, all for -1. */
  latest(count: number): readonly SlowCommand[] {
    return count < 0 ? this.#entries : this.#entries.slice(0, count);
  }

  reset(): void {
    this.#entries = [];
  }
}

function shorten(words: readonly Buffer[]): string[] {
  const kept = words.length > MAX_WORDS ? words.slice(0, MAX_WORDS - 1) : words;
  const shown = kept.map((word) => {
    const more = word.length - MAX_WORD;
    return more > 0 ? `${word.toString('utf8', 0, MAX_WORD)}... (${more} more bytes)` : word.toString();
  });
  if (kept.length < words.length) shown.push(`... (${words.length - kept.length} more arguments)`);
  return shown;
}
