/** LATENCY LATEST: the latest and the longest event that held everybody up, for each kind of event. */

export interface LatencyOptions {
  /** Milliseconds from which an event is recorded; 0 records none. */
  readonly latencyMonitorThreshold: number;
}

export interface LatencyEvent {
  readonly name: string;
  /** Seconds since the epoch. */
  readonly time: number;
  readonly latestMilliseconds: number;
  readonly longestMilliseconds: number;
}

export class LatencyMonitor {
  readonly #options: LatencyOptions;
  readonly #events = new Map<string, LatencyEvent>();

  /** The options are read at each call, so that they can change. */
  constructor(options: LatencyOptions) {
    this.#options = options;
  }

  record(name: string, milliseconds: number): void {
    const threshold = this.#options.latencyMonitorThreshold;
    if (threshold === 0 || milliseconds < threshold) return;
    const latest = Math.round(milliseconds);
    const longest = Math.max(latest, this.#events.get(name)?.longestMilliseconds ?? 0);
    const time = Math.floor(Date.now() / 1000);
    this.#events.set(name, { name, time, latestMilliseconds: latest, longestMilliseconds: longest });
  }

  latest(): LatencyEvent[] {
    return [...this.#events.values()];
  }

  /** Forgets events, all of them without names. Returns how many there were. */
  reset(names: readonly string[]): number {
    if (names.length > 0) return names.filter((name) => this.#events.delete(name)).length;
    const { size } = this.#events;
    this.#events.clear();
    return size;
  }
}
