/** Why a command is not executed, though it is known. */
import { SegmentdError } from '../../src/index.js';
import { WrongArity } from '../arguments.js';
import type { Command } from '../command.js';
import type { Transaction } from '../transaction.js';

/** The error for a command of so many words, or undefined when it may be executed. */
export function refusalOf(
  { name, flags, minWords, maxWords }: Command,
  words: number,
  client: { readonly authenticated: boolean; readonly transaction: Transaction },
): Error | undefined {
  if (words < minWords || words > maxWords) {
    if (name !== 'EXEC') return new WrongArity();
    // Whoever sends it expects the transaction to end.
    client.transaction.reset();
    return new SegmentdError(
      'EXEC_ABORTED',
      "Transaction discarded because of: wrong number of arguments for 'exec' command",
    );
  }
  if (client.authenticated || flags.has('noauth')) return undefined;
  return new SegmentdError('NO_AUTH', 'Authentication required.');
}
