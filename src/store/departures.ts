/**
 * Who left while somebody was not looking. Ordinals of erased users are given to others, so whoever found ordinals earlier
 * and reads ids later must leave those out.
 */
import { type Bitmap, bitmapOf } from './bitmap.js';

/** Ordinals of the users who were erased since the watch began. */
export interface Departures {
  readonly ordinals: Bitmap;
  /** Ends the watch. */
  end(): void;
}

export class DepartureWatch {
  readonly #watchers = new Set<Bitmap>();

  /** Begins to note who is erased. */
  begin(): Departures {
    const ordinals = bitmapOf();
    this.#watchers.add(ordinals);
    return { ordinals, end: () => this.#watchers.delete(ordinals) };
  }

  /** To be called for a user who is erased. */
  note(ordinal: number): void {
    for (const watcher of this.#watchers) watcher.add(ordinal);
  }

  /** To be called when all `users` are erased. */
  noteAll(users: Bitmap): void {
    for (const watcher of this.#watchers) watcher.orInPlace(users);
  }
}
