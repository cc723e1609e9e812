import { performance } from 'node:perf_hooks';

/** How fast a total grows, by samples of it that are taken every second or so. */
export class RateMeter {
  /** Growth per second between the last two samples. */
  perSecond = 0;
  #total = 0;
  #at = performance.now();

  sample(total: number): void {
    const now = performance.now();
    // Totals fall when CONFIG RESETSTAT sets them to zero.
    this.perSecond = Math.max(0, ((total - this.#total) / (now - this.#at)) * 1000);
    this.#total = total;
    this.#at = now;
  }
}
