/** A plain encoder and decoder of the Redis protocol, written to be obviously right rather than fast. */

/** One decoded reply: its marker, its text as Latin-1 ('' for an aggregate, null for null), and the replies inside it. */
export interface Reply {
  readonly type: string;
  readonly text: string | null;
  readonly items: Reply[];
}

/** A command as clients send it. Strings are taken as Latin-1, one byte a character. */
export function encodeCommand(words: readonly (string | Uint8Array)[]): Buffer {
  const parts = [Buffer.from(`*${words.length}\r\n`)];
  for (const word of words) {
    const bytes = typeof word === 'string' ? Buffer.from(word, 'latin1') : word;
    parts.push(Buffer.from(`$${bytes.length}\r\n`), Buffer.from(bytes), Buffer.from('\r\n'));
  }
  return Buffer.concat(parts);
}

/**
 * Decodes whole replies.
 *
 * @throws Error when the bytes are no RESP2 or RESP3, or end within a reply
 */
export function decodeReplies(bytes: Uint8Array): Reply[] {
  const input = Buffer.from(bytes).toString('latin1');
  const replies: Reply[] = [];
  let at = 0;

  function line(): string {
    const end = input.indexOf('\r\n', at);
    if (end < 0) throw new Error(`no line end behind offset ${at}`);
    const text = input.slice(at, end);
    at = end + 2;
    return text;
  }

  function reply(): Reply {
    const type = input.charAt(at);
    at++;
    const head = line();
    if ('+-:,#_('.includes(type)) return { type, text: type === '_' ? null : head, items: [] };
    const size = Number(head);
    if (size === -1) return { type, text: null, items: [] };
    if (!/^[0-9]+$/.test(head)) throw new Error(`"${type}${head}" is no header`);
    if ('$='.includes(type)) {
      const text = input.slice(at, at + size);
      at += size;
      if (input.slice(at, at + 2) !== '\r\n') throw new Error(`no line end at offset ${at}`);
      at += 2;
      return { type, text, items: [] };
    }
    if (!'*%~>'.includes(type)) throw new Error(`unknown marker "${type}"`);
    const count = type === '%' ? size * 2 : size;
    return { type, text: '', items: Array.from({ length: count }, reply) };
  }

  while (at < input.length) replies.push(reply());
  return replies;
}
