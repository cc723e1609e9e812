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

/** Redis's words for it: the name, and the beginning of the arguments. */
export function unknownCommand(container: string, words: readonly Buffer[]): SegmentdError {
  if (container !== '') {
    if (words.length === 1) {
      return new SegmentdError('WRONG_ARITY', `wrong number of arguments for '${container}' command`);
    }
    const shown = words[1]!.toString('utf8', 0, SHOWN);
    return new SegmentdError(
      'UNKNOWN_COMMAND',
      `unknown subcommand '${shown}'. Try ${container.toUpperCase()} HELP.`,
    );
  }
  let args = '';
  for (const word of words.slice(1)) {
    if (args.length >= SHOWN) break;
    args += `'${word.toString('utf8', 0, SHOWN - args.length)}' `;
  }
  const name = words[0]!.toString('utf8', 0, SHOWN);
  return new SegmentdError('UNKNOWN_COMMAND', `unknown command '${name}', with args beginning with: ${args}`);
}
