/** Every command there is. */
import type { Command } from './command.js';
import { audienceCommands } from './commands/audiences.js';
import { clientCommands } from './commands/client.js';
import { commandCommands } from './commands/command-docs.js';
import { configCommands } from './commands/config.js';
import { connectionCommands } from './commands/connection.js';
import { diagnosticCommands } from './commands/diagnostics.js';
import { hashCommands } from './commands/hashes.js';
import { infoCommands } from './commands/info.js';
import { keyCommands } from './commands/keys.js';
import { persistenceCommands } from './commands/persistence.js';
import { savedAudienceCommands } from './commands/saved-audiences.js';
import { setCommands } from './commands/sets.js';
import { tagCommands } from './commands/tags.js';
import { transactionCommands } from './commands/transactions.js';
import { versionCommands } from './commands/versions.js';

/** All declarations, in the order of the documentation. */
export const allCommands: readonly Command[] = [
  ...hashCommands,
  ...setCommands,
  ...keyCommands,
  ...tagCommands,
  ...versionCommands,
  ...audienceCommands,
  ...savedAudienceCommands,
  ...transactionCommands,
  ...connectionCommands,
  ...clientCommands,
  ...configCommands,
  ...infoCommands,
  ...persistenceCommands,
  ...commandCommands,
  ...diagnosticCommands,
];
