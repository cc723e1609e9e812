/** Who is told what happens to versions. */
import { VERSION_EVENTS, type VersionEvent } from '../store/version-event.js';

/** Told of events, in their order, soon after each. */
export type OnVersionEvent = (event: VersionEvent) => void;

export class VersionEvents {
  readonly #listeners = new Set<OnVersionEvent>();
  readonly #counts = Object.fromEntries(VERSION_EVENTS.map((type) => [type, 0])) as Record<
    VersionEvent['type'],
    number
  >;

  /** Events since the engine was opened. */
  get counts(): Readonly<Record<VersionEvent['type'], number>> {
    return { ...this.#counts };
  }

  /** Returns what ends it. */
  listen(listener: OnVersionEvent): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Takes an event. Whoever listens is only called later: a change must neither fail nor nest because of it. */
  take(event: VersionEvent): void {
    this.#counts[event.type]++;
    for (const listener of this.#listeners) {
      queueMicrotask(() => {
        if (this.#listeners.has(listener)) listener(event);
      });
    }
  }
}
