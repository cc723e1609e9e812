import { basename } from 'node:path';
import { SegmentdError } from '../src/errors.js';
import { formatReport, loadCsv } from './load.js';
import { checkHeader, type Mapping, quote, type TagColumn } from './mapping.js';
import { respTarget } from './resp-target.js';
import type { LoadTarget } from './target.js';

/** What `segmentd load` is asked to do: its options, as they stand on the command line. */
export interface LoadOptions {
  readonly files: readonly string[];
  /** The column with the users' ids: `id` unless given. */
  readonly id?: string;
  /** `COLUMN` or `COLUMN:SCALE` */
  readonly number?: readonly string[];
  /** `COLUMN` or `COLUMN=VALUE` */
  readonly flag?: readonly string[];
  readonly enum?: readonly string[];
  /** Columns that are not loaded. */
  readonly skip?: readonly string[];
  /** Texts that mean that the user does not have the tag; the empty text always does. */
  readonly missing?: readonly string[];
  readonly host?: string;
  readonly port?: number;
  readonly password?: string;
  readonly userPrefix?: string;
}

/** Exit codes of `segmentd load`. */
export const LOAD_EXIT = {
  /** Every file was read to its end, and rows were taken or there were none. Some may have been refused. */
  loaded: 0,
  /** A file or the server failed, or all rows of a file were refused. */
  failed: 1,
} as const;

/**
 * Loads files into a running server, one after the other, and prints a report for each.
 *
 * @param options the options of the command line
 * @param print takes the text of a report
 * @param connect opens the target; a server over RESP unless given
 * @returns the exit code, one of `LOAD_EXIT`
 * @throws SegmentdError `INVALID_OPTION` when the options contradict themselves; `LOAD_FAILED` when a load could not
 *   go on; the exit code is `LOAD_EXIT.failed` then, and the message is the line to show
 */
export async function runLoad(
  options: LoadOptions,
  print: (text: string) => void,
  connect: () => Promise<LoadTarget> = () => connectTo(options),
): Promise<number> {
  const columns = columnOptions(options);
  const target = await connect();
  let exit: number = LOAD_EXIT.loaded;
  try {
    for (const file of options.files) {
      const report = await loadCsv(
        file,
        (header) => mappingOf(header, options, columns, basename(file)),
        target,
      );
      print(formatReport(report));
      if (report.rowsRead > 0 && report.rowsTaken === 0) exit = LOAD_EXIT.failed;
    }
  } finally {
    await target.close();
  }
  return exit;
}

function connectTo({ host, port, password, userPrefix }: LoadOptions): Promise<LoadTarget> {
  return respTarget({
    host: host ?? '127.0.0.1',
    port: port ?? 7379,
    userPrefix: userPrefix ?? 'user:',
    ...(password !== undefined && { password }),
  });
}

/** The columns that the options name, by column. */
type NamedColumns = ReadonlyMap<string, TagColumn | 'skip'>;

function columnOptions(options: LoadOptions): NamedColumns {
  const columns = new Map<string, TagColumn | 'skip'>();
  const name = (column: string, meaning: TagColumn | 'skip'): void => {
    if (columns.has(column)) {
      throw new SegmentdError('INVALID_OPTION', `the column ${quote(column)} is named by two options`);
    }
    columns.set(column, meaning);
  };
  for (const text of options.number ?? []) {
    const { column, scale } = /^(?<column>.*):(?<scale>\d{1,2})$/s.exec(text)?.groups ?? { column: text };
    const digits = scale === undefined ? {} : { scale: Number(scale) };
    name(column!, { column: column!, tag: column!, kind: 'number', ...digits });
  }
  for (const text of options.flag ?? []) {
    const at = text.indexOf('=');
    const column = at < 0 ? text : text.slice(0, at);
    const value = at < 0 ? {} : { flagValue: text.slice(at + 1) };
    name(column, { column, tag: column, kind: 'flag', ...value });
  }
  for (const column of options.enum ?? []) name(column, { column, tag: column, kind: 'enum' });
  for (const column of options.skip ?? []) name(column, 'skip');
  return columns;
}

/** The mapping of a file by its header: what the options name, and every other column as an enum. */
function mappingOf(
  header: readonly string[],
  options: LoadOptions,
  named: NamedColumns,
  file: string,
): Mapping {
  checkHeader(header, file);
  const id = options.id ?? 'id';
  if (options.id === undefined && !header.includes(id)) {
    const columns = header.map(quote).join(', ');
    const advice = `say which column holds the users' ids with --id; the header has ${columns}`;
    throw new SegmentdError('LOAD_FAILED', `${file}: there is no column "id"; ${advice}`);
  }
  const tags: TagColumn[] = [];
  for (const meaning of named.values()) if (meaning !== 'skip') tags.push(meaning);
  for (const column of header) {
    if (column === id || named.has(column)) continue;
    tags.push({ column, tag: column, kind: 'enum', assumed: true });
  }
  return { id: { column: id }, tags, missing: options.missing ?? [] };
}
