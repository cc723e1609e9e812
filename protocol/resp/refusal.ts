/** Why a command is not executed, though it is known. */
import { SegmentdError } from '../../src/index.js';
import { WrongArity } from '../arguments.js';
import type { Command } from '../command.js';
import type { LoadingEngine } from '../loading.js';
import type { Transaction } from '../transaction.js';

interface Client {
  readonly authenticated: boolean;
  readonly transaction: Transaction;
  readonly server: { readonly loading: LoadingEngine | undefined };
}

/** The error for a command of so many words, or undefined when it may be executed. */
export function refusalOf(
  { name, flags, minWords, maxWords }: Command,
  words: number,
  client: Client,
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
  if (!client.authenticated && !flags.has('noauth'))
    return new SegmentdError('NO_AUTH', 'Authentication required.');
  return flags.has('loading') ? undefined : client.server.loading?.refusal();
}
