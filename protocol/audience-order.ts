/**
 * The saved audiences in an order that does not depend on what else comes and goes, so that SCAN can go on where it was: by
 * a hash of the name.
 */
import type { AudienceCatalog } from '../src/store/audience-catalog.js';

interface Place {
  readonly hash: number;
  readonly name: string;
}

export class AudienceOrder {
  readonly #catalog: AudienceCatalog;
  /** Of `#version`. */
  #places: readonly Place[] = [];
  #version = -1;

  constructor(catalog: AudienceCatalog) {
    this.#catalog = catalog;
  }

  /**
   * Names from the hash `from` on: `count` of them or, to end between two hashes, a few more. `next` is where to go on, -1 at
   * the end. Hashes are unsigned, of 32 bits.
   */
  page(from: number, count: number): { names: string[]; next: number } {
    const places = this.#current();
    let at = firstFrom(places, from);
    const names: string[] = [];
    let last = -1;
    for (; at < places.length; at++) {
      const { hash, name } = places[at]!;
      if (names.length >= count && hash !== last) return { names, next: hash };
      names.push(name);
      last = hash;
    }
    return { names, next: -1 };
  }

  #current(): readonly Place[] {
    if (this.#version !== this.#catalog.version) {
      this.#places = Array.from(this.#catalog.all(), ({ name }) => ({ hash: hashOf(name), name })).sort(
        (a, b) => a.hash - b.hash,
      );
      this.#version = this.#catalog.version;
    }
    return this.#places;
  }
}

/** The first place whose hash is `from` or more. */
function firstFrom(places: readonly Place[], from: number): number {
  let low = 0;
  let high = places.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (places[middle]!.hash < from) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** FNV-1a over the UTF-16 units. */
function hashOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
