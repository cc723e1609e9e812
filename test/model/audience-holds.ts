import { vi } from 'vitest';
import { DepartureWatch } from '../../src/store/departures.js';
import { LiveBitmap } from '../../src/store/live-bitmap.js';

/** Counts, from now on, what queries hold of any engine and have not let go of. */
export class Holds {
  #open = 0;

  constructor() {
    const counter = this;
    const { hold } = LiveBitmap.prototype;
    vi.spyOn(LiveBitmap.prototype, 'hold').mockImplementation(function (this: LiveBitmap) {
      const { bitmap, release } = hold.call(this);
      return { bitmap, release: counter.#counted(release) };
    });
    const { begin } = DepartureWatch.prototype;
    vi.spyOn(DepartureWatch.prototype, 'begin').mockImplementation(function (this: DepartureWatch) {
      const { ordinals, end } = begin.call(this);
      return { ordinals, end: counter.#counted(end) };
    });
  }

  /** Bitmaps that are held, and watches that go on. */
  get open(): number {
    return this.#open;
  }

  #counted(end: () => void): () => void {
    let isOpen = true;
    this.#open++;
    return () => {
      if (isOpen) this.#open--;
      isOpen = false;
      end();
    };
  }
}
