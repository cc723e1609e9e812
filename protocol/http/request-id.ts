/** Names of requests, by which a client's log and the server's can be laid side by side. */
import { randomBytes } from 'node:crypto';

const MAX_LENGTH = 128;
const FIRST_VISIBLE = 0x21;
const LAST_VISIBLE = 0x7e;

export class RequestIds {
  /** Different for each start of the server. */
  readonly #prefix = randomBytes(6).toString('hex');
  /** From here on it has six digits in base 36, for the first two thousand million requests. */
  #count = 36 ** 5;

  /** The id that the client gave, if it is one that can be logged, else a new one. */
  of(given: string | undefined): string {
    if (given !== undefined && isSane(given)) return given;
    this.#count++;
    return `${this.#prefix}-${this.#count.toString(36)}`;
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
