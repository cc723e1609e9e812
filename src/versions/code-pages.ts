/** A number for each of some ordinals, in pages: of millions, a Map would take five times the memory. */

const PAGE_BITS = 16;
const PAGE_SIZE = 1 << PAGE_BITS;

export class CodePages {
  readonly #pages: (Float64Array | undefined)[] = [];

  set(ordinal: number, code: number): void {
    const at = ordinal >>> PAGE_BITS;
    const page = this.#pages[at] ?? new Float64Array(PAGE_SIZE);
    this.#pages[at] = page;
    page[ordinal & (PAGE_SIZE - 1)] = code;
  }

  /** What was set last; for an ordinal of which nothing was, it means nothing. */
  get(ordinal: number): number {
    return this.#pages[ordinal >>> PAGE_BITS]?.[ordinal & (PAGE_SIZE - 1)] ?? 0;
  }
}
