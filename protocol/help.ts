/** The texts of `segmentd --help`; options come from their table. */
import { type OptionRow, optionEnv, optionFlag, optionRows } from '../src/options.js';

/** `segmentd --help`. */
export function helpText(): string {
  return `segmentd: which tags has this user, and which users have these tags?

usage:
  segmentd serve [--sample] [options]    serve Redis and HTTP clients
  segmentd load FILE... [options]        load CSV files into a running server
  segmentd help serve | help load        what the options are
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
Stop it with ctrl-C or a client's SHUTDOWN. Data is kept in memory; with --data-dir,
also in that folder, and it is there again after a restart. The end of the process loses nothing that was replied to; the
loss of power may cost the last second.`;
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
