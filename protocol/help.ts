/** The texts of `segmentd --help`; options come from their table. */
import { type OptionRow, optionEnv, optionFlag, optionRows } from '../src/options.js';

/** `segmentd --help`. */
export function helpText(): string {
  return `segmentd: which tags has this user, and which users have these tags?

usage:
  segmentd serve [--sample] [options]    serve Redis and HTTP clients
  segmentd load FILE... [options]        load CSV files into a running server
  segmentd snapshot [options]            have a running server write a snapshot of its data folder
  segmentd check DIR [--erased ID]       is a data folder sound, and what is in it?
  segmentd backup DIR FILE               copy a data folder to one file, also while it is in use
  segmentd restore FILE DIR              make a data folder of a backup
  segmentd help COMMAND                  what its options are
  segmentd --version

A first look:  segmentd serve --sample, then redis-cli -p 7379 HGETALL user:p1
               or curl http://127.0.0.1:7380/v1/users/p1/tags`;
}

/** `segmentd help serve`. */
export function serveHelpText(): string {
  const rows = optionRows.map(([name, row]) => {
    const flag =
      row.type === 'boolean' ? `--${optionFlag(name)}` : `--${optionFlag(name)} ${placeholder(row)}`;
    const choices = row.choices === undefined ? '' : ` ${row.choices.join(', ')}.`;
    return `  ${flag.padEnd(34)}${row.doc}${choices} [${row.default === '' ? 'none' : row.default}]`;
  });
  return `usage: segmentd serve [options]

  ${'--sample'.padEnd(34)}Load 48,842 people of the "Adult" census data to try things with.
${rows.join('\n')}

Each option can also be set in the environment, as ${optionEnv('respPort')}=7390 for --resp-port.
Stop it with ctrl-C or a client's SHUTDOWN. Data is in memory only; with --data-dir, also in that folder, and there again after
a restart. The end of the process, in whatever way, loses nothing that was replied to. The loss of power may cost the last
second, with --fsync always nothing, with --fsync no what the system had not written yet. No snapshot is written at the end,
because the journals have everything; one before it makes the next start quicker: segmentd snapshot. While a large folder is
read at the start, clients are told LOADING.`;
}

/** `segmentd help load`. */
export function loadHelpText(): string {
  return `usage: segmentd load FILE... [options]

Loads CSV files (plain or .gz, UTF-8, with a header) into a running server: one row a user, one column a tag.

  --id COLUMN             The column with the users' ids [id]
  --number COLUMN[:SCALE] A column of numbers, with SCALE decimals [0]
  --flag COLUMN[=VALUE]   A column that says yes with VALUE [1]
  --enum COLUMN           A column of values; so is every column not mentioned
  --skip COLUMN           A column not to load
  --missing TEXT          A field of this text means: the user does not have the tag. So does an empty one
  --host HOST, --resp-port PORT, --password PASSWORD, --user-prefix PREFIX
                          The server [127.0.0.1, 7379, none, user:]

Rows that are refused are counted and the first of them told by line. Exits with 0 when a file was read to its end,
1 when one could not be or all its rows were refused, 2 for wrong usage.`;
}

function placeholder({ type }: OptionRow): string {
  return type === 'integer' ? 'N' : type === 'choice' ? 'WORD' : 'TEXT';
}
