/** Names of requests, by which a client's log and the server's can be laid side by side. */
import { randomBytes } from 'node:crypto';

const MAX_LENGTH = 128;
const FIRST_VISIBLE = 0x21;
const LAST_VISIBLE = 0x7e;

/** The last two digits of the ids that are made, in base 36. */
const ENDS = Array.from({ length: 36 ** 2 }, (_, i) => i.toString(36).padStart(2, '0'));

export class RequestIds {
  /** Different for each start of the server. */
  readonly #prefix = randomBytes(6).toString('hex');
  /** Four digits, for the first two thousand million requests. */
  #count = 36 ** 3;
  #start = '';
  #next = ENDS.length;

  /** The id that the client gave, if it is one that can be logged, else a new one. */
  of(given: string | undefined): string {
    if (given !== undefined && isSane(given)) return given;
    if (this.#next === ENDS.length) {
      this.#start = `${this.#prefix}-${(this.#count++).toString(36)}`;
      this.#next = 0;
    }
    return this.#start + ENDS[this.#next++]!;
  }
}

function isSane(text: string): boolean {
  if (text === '' || text.length > MAX_LENGTH) return false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < FIRST_VISIBLE || code > LAST_VISIBLE) return false;
  }
  return true;
}
