/** Room for the arguments of an ordinary command. */
const INITIAL_CAPACITY = 64;
/** Arrays above this size are given back when the reader has nothing to do. */
const RETAINED_CAPACITY = 4_096;

/** Where the arguments of a command lie in a buffer. The arrays are replaced when they grow. */
export class Spans {
  starts: Int32Array = new Int32Array(INITIAL_CAPACITY);
  ends: Int32Array = new Int32Array(INITIAL_CAPACITY);

  /** Makes room for twice as many. */
  grow(): void {
    const { starts, ends } = this;
    this.starts = new Int32Array(starts.length * 2);
    this.ends = new Int32Array(starts.length * 2);
    this.starts.set(starts);
    this.ends.set(ends);
  }

  /** Sets argument number `index`. */
  put(index: number, start: number, end: number): void {
    if (index === this.starts.length) this.grow();
    this.starts[index] = start;
    this.ends[index] = end;
  }

  /** Moves arguments `from` to `to` − 1 by `distance`, as their bytes were, or where the same bytes are again. */
  move(from: number, to: number, distance: number): void {
    const { starts, ends } = this;
    for (let i = from; i < to; i++) {
      starts[i]! += distance;
      ends[i]! += distance;
    }
  }

  /** Forgets all arguments, and gives big arrays back. */
  clear(): void {
    if (this.starts.length <= RETAINED_CAPACITY) return;
    this.starts = new Int32Array(INITIAL_CAPACITY);
    this.ends = new Int32Array(INITIAL_CAPACITY);
  }
}
