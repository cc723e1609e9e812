/**
 * A user's vector: which tags the user has, and with which code. A code says what value the tag has for the user, by the
 * tag's kind (see columns); code 0 is the most frequent and takes no room, so a flag costs its presence only.
 *
 * As words of a record there are two encodings, chosen by what fits the user. The lower half of the first word is not the
 * vector's, but the record's. What the header of the record holds besides the format is a count of cells:
 *
 * list    count: its length, if up to 255; then the list begins in the upper half of the first word. A longer one has
 *         its length there and begins in the next word. A list is bytes, in the order of tag ids:
 *         varint(gap << 1 | hasCode) [varint(code)] …       gap = tag id − the previous one's − 1
 * bits    in the upper half of the first word: m. Then m words with a bit for each tag up to the user's last; then a list
 *         of the cells whose code is not 0; count: its length, which is at most 255.
 *
 * A list takes a byte for most cells and is walked, four cells at a time while they are one byte each; bits are tested. See
 * `npm run bench -- vectors`.
 */
export const Format = { LIST: 0, LONG_LIST: 1, BITS: 2 } as const;

/** The most words that one vector may take. */
export const MAX_VECTOR_WORDS = 12_000;

/** A user's cells in the order of tag ids, to be read, changed and encoded. One object serves many users in turn. */
export class Cells {
  tags = new Int32Array(256);
  codes = new Float64Array(256);
  count = 0;

  clear(): void {
    this.count = 0;
  }

  /** Appends a cell; its tag must be greater than the last one's. */
  push(tag: number, code: number): void {
    if (this.count === this.tags.length) this.#widen();
    this.tags[this.count] = tag;
    this.codes[this.count++] = code;
  }

  /** Where the tag is, or where it would have to be inserted, as -1 - index. */
  indexOf(tag: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.tags[middle]! < tag) low = middle + 1;
      else high = middle;
    }
    return low < this.count && this.tags[low] === tag ? low : -1 - low;
  }

  /** The tag's code, or -1 when the user does not have it. */
  codeOf(tag: number): number {
    const at = this.indexOf(tag);
    return at < 0 ? -1 : this.codes[at]!;
  }

  /** Gives the tag a code. Returns the code before, or -1 when the tag is new. */
  put(tag: number, code: number): number {
    const at = this.indexOf(tag);
    if (at >= 0) {
      const before = this.codes[at]!;
      this.codes[at] = code;
      return before;
    }
    if (this.count === this.tags.length) this.#widen();
    const index = -1 - at;
    const { tags, codes } = this;
    // Not copyWithin: most users have few cells, and the call alone takes longer than moving fifty.
    for (let i = this.count; i > index; i--) {
      tags[i] = tags[i - 1]!;
      codes[i] = codes[i - 1]!;
    }
    tags[index] = tag;
    codes[index] = code;
    this.count++;
    return -1;
  }

  /** Takes the tag away. Returns its code before, or -1 when the user did not have it. */
  delete(tag: number): number {
    const at = this.indexOf(tag);
    if (at < 0) return -1;
    const before = this.codes[at]!;
    const { tags, codes } = this;
    this.count--;
    for (let i = at; i < this.count; i++) {
      tags[i] = tags[i + 1]!;
      codes[i] = codes[i + 1]!;
    }
    return before;
  }

  #widen(): void {
    const tags = new Int32Array(this.tags.length * 2);
    const codes = new Float64Array(this.codes.length * 2);
    tags.set(this.tags);
    codes.set(this.codes);
    this.tags = tags;
    this.codes = codes;
  }
}
