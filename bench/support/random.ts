/** Random numbers that are the same in every run: sfc32 (Doty-Humphrey, PractRand, 2010). */
export class Random {
  #a: number;
  #b = 0x9e3779b9;
  #c = 0x243f6a88;
  #counter = 1;

  constructor(seed: number) {
    this.#a = seed | 0;
    for (let i = 0; i < 12; i++) this.#next();
  }

  /** A whole number from 0 to `limit` − 1. */
  below(limit: number): number {
    return Math.floor((this.#next() / 2 ** 32) * limit);
  }

  /** Puts the items in random order, in place. */
  shuffle(items: Uint32Array): void {
    for (let i = items.length - 1; i > 0; i--) {
      const other = this.below(i + 1);
      const item = items[i]!;
      items[i] = items[other]!;
      items[other] = item;
    }
  }

  #next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    this.#c |= 0;
    return sum >>> 0;
  }
}

/** The same numbers from 0 to 2^`bits` − 1 as `index` runs over, in another order: one to one, and nothing to store. */
export function scattered(index: number, bits: number): number {
  const mask = 2 ** bits - 1;
  let x = index;
  for (const factor of [0x9e3779b1, 0x85ebca6b, 0xc2b2ae35]) {
    x = Math.imul(x, factor) & mask;
    x ^= x >>> (bits >>> 1);
  }
  return x;
}

/** Numbers below `limit` of which the k-th most frequent comes with probability ∝ 1/k (Zipf's law with exponent 1). */
export function zipf(random: Random, limit: number): () => number {
  const cumulated = new Float64Array(limit);
  let sum = 0;
  for (let i = 0; i < limit; i++) {
    sum += 1 / (i + 1);
    cumulated[i] = sum;
  }
  // Frequent numbers must not lie side by side in the store only because they are small.
  const order = Uint32Array.from({ length: limit }, (_, i) => i);
  random.shuffle(order);
  return () => {
    const point = (random.below(2 ** 32) / 2 ** 32) * sum;
    let low = 0;
    let high = limit - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (cumulated[middle]! < point) low = middle + 1;
      else high = middle;
    }
    return order[low]!;
  };
}
