/** Errors in the words that Redis has for them. */
import { SegmentdError } from '../../src/index.js';
import { WrongArity } from '../arguments.js';
import type { Command } from '../command.js';

/** What is shown of a name or of all arguments, in bytes. */
const SHOWN = 128;

/** The text of the error reply for whatever a command threw. */
export function errorReply(error: unknown, command?: Command): string {
  if (error instanceof SegmentdError) return error.toResp();
  if (error instanceof WrongArity) {
    const name = command?.words.join('|').toLowerCase() ?? '';
    return new SegmentdError('WRONG_ARITY', `wrong number of arguments for '${name}' command`).toResp();
  }
  return new SegmentdError('INTERNAL', `internal error: ${(error as Error).message}`).toResp();
}

/** Redis's words for it: the name, and the beginning of the arguments. They may be any bytes: the text is Latin-1. */
export function unknownCommand(container: string, words: readonly Buffer[]): SegmentdError {
  if (container !== '') {
    if (words.length === 1) {
      return new SegmentdError('WRONG_ARITY', `wrong number of arguments for '${container}' command`);
    }
    const shown = shownBytes(words[1]!, SHOWN);
    return new SegmentdError(
      'UNKNOWN_COMMAND',
      `unknown subcommand '${shown}'. Try ${container.toUpperCase()} HELP.`,
    );
  }
  let args = '';
  for (const word of words.slice(1)) {
    if (args.length >= SHOWN) break;
    args += `'${shownBytes(word, SHOWN - args.length)}' `;
  }
  const name = shownBytes(words[0]!, SHOWN);
  return new SegmentdError('UNKNOWN_COMMAND', `unknown command '${name}', with args beginning with: ${args}`);
}

/** The first bytes, up to a zero. */
function shownBytes(word: Buffer, most: number): string {
  const [text] = word.toString('latin1', 0, most).split('\0');
  return text!;
}
