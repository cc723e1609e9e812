import { DEFAULT_LIMITS, ProtocolError, type ReaderLimits } from '../../protocol/resp/limits.js';
import { RespReader } from '../../protocol/resp/reader.js';

/** What a reader made of some input: commands as words in Latin-1, and the protocol error that ended it. */
export interface Outcome {
  readonly commands: string[][];
  readonly error: string | null;
  /** What was left unfinished, in bytes. */
  readonly pending: number;
}

/** The words of the reader's current command. */
export function currentWords(reader: RespReader): string[] {
  const words: string[] = [];
  for (let i = 0; i < reader.argc; i++) {
    const start = reader.starts[i]!;
    const end = reader.ends[i]!;
    if (start < reader.commandStart || end > reader.commandEnd || reader.commandEnd > reader.buffer.length) {
      throw new RangeError(`argument ${i} is [${start}, ${end}) of a command elsewhere`);
    }
    words.push(reader.buffer.toString('latin1', start, end));
  }
  return words;
}

/**
 * Reads chunks to the end or to the first error. Each chunk is fed as a copy that is overwritten as soon as
 * the reader has asked for more, as a socket with a buffer of its own does.
 */
export function readCommands(chunks: Iterable<Uint8Array>, limits: ReaderLimits = DEFAULT_LIMITS): Outcome {
  const reader = new RespReader(limits);
  const commands: string[][] = [];
  try {
    for (const chunk of chunks) {
      const copy = Buffer.from(chunk);
      reader.feed(copy);
      while (reader.next()) commands.push(currentWords(reader));
      copy.fill('*');
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { commands, error: error.message, pending: reader.pendingBytes };
  }
  return { commands, error: null, pending: reader.pendingBytes };
}
