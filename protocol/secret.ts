import { timingSafeEqual } from 'node:crypto';

const LEAST_WIDTH = 64;

/** A secret that others are compared with, in a time that tells neither where they differ nor, but roughly, how long it is. */
export class Secret {
  readonly #length: number;
  /** Both of the same width, filled up with zeros. */
  readonly #expected: Buffer;
  readonly #given: Buffer;

  constructor(secret: string) {
    this.#length = Buffer.byteLength(secret);
    let width = LEAST_WIDTH;
    while (width < this.#length) width *= 2;
    this.#expected = Buffer.alloc(width);
    this.#expected.write(secret);
    this.#given = Buffer.alloc(width);
  }

  equals(given: Uint8Array): boolean {
    this.#given.fill(0);
    this.#given.set(given.subarray(0, this.#given.length));
    const isEqual = timingSafeEqual(this.#given, this.#expected);
    return isEqual && given.length === this.#length;
  }
}
