import { basename } from 'node:path';
import { SegmentdError } from '../src/errors.js';
import { readText } from './bytes.js';
import { csvRecords } from './csv.js';
import { type LineNumbers, lineNumbers } from './line-numbers.js';
import { bindMapping, type Mapping, plural, quote, type RowMapper } from './mapping.js';
import type { LoadTarget, UserRow } from './target.js';

/** A row that was not loaded. */
export interface Refusal {
  /** The number of the row's first line in the file, from 1. */
  readonly line: number;
  readonly reason: string;
}

/** What a load did. */
export interface LoadReport {
  readonly file: string;
  readonly rowsRead: number;
  readonly rowsTaken: number;
  readonly rowsRefused: number;
  /** The first refusals, by line: at most 20. */
  readonly refusals: readonly Refusal[];
  readonly seconds: number;
}

const REFUSALS_KEPT = 20;

/**
 * Loads a CSV file, plain or gzip, into a target.
 *
 * The first record names the columns. A row that is malformed or refused is counted and reported, and the others are
 * loaded. Memory does not grow with the file, except for the ids: they are kept to find the ones that come twice.
 *
 * @param file the path of the file
 * @param mappingOf gives the file's mapping, from its header
 * @returns what was loaded and what was not
 * @throws SegmentdError `LOAD_FAILED` when the load cannot go on: the file cannot be read, is empty, its header does
 *   not fit the mapping, a tag cannot be declared, or the target is gone. Rows written before stay.
 */
export async function loadCsv(
  file: string,
  mappingOf: (header: readonly string[]) => Mapping,
  target: LoadTarget,
): Promise<LoadReport> {
  const started = performance.now();
  const name = basename(file);
  const load: Load = { row: 0, taken: 0, refused: 0, refusals: [], lines: undefined };
  let mapRow: RowMapper | undefined;
  for await (const records of csvRecords(readText(file))) {
    const rows: Row[] = [];
    for (const record of records) {
      if (mapRow !== undefined) {
        load.row++;
        if ('refused' in record) rows.push({ line: record.line, refused: record.refused });
        else rows.push(takeRow(load, record.line, mapRow(record.fields, load.row)));
        continue;
      }
      if ('refused' in record) {
        throw new SegmentdError('LOAD_FAILED', `${name}: line ${record.line}, the header: ${record.refused}`);
      }
      const mapping = mappingOf(record.fields);
      mapRow = bindMapping(mapping, record.fields, name);
      // Generated ids are all different.
      if ('column' in mapping.id) load.lines = lineNumbers();
      await declareTags(mapping, target, name);
    }
    await writeRows(load, rows, target);
  }
  if (mapRow === undefined) {
    throw new SegmentdError('LOAD_FAILED', `${name} is empty; its first line should name the columns`);
  }
  return {
    file,
    rowsRead: load.row,
    rowsTaken: load.taken,
    rowsRefused: load.refused,
    refusals: load.refusals,
    seconds: (performance.now() - started) / 1000,
  };
}

/**
 * A report as text for people.
 *
 * @returns a line of totals, and one for each refusal that was kept; no line end behind the last
 */
export function formatReport(report: LoadReport): string {
  const { file, rowsRead, rowsTaken, rowsRefused, refusals, seconds } = report;
  const count = (rows: number): string => rows.toLocaleString('en-US');
  const lines = [
    `${basename(file)}: ${plural(rowsRead, 'row')} read, ${count(rowsTaken)} taken, ${count(rowsRefused)} refused, ` +
      `in ${seconds.toFixed(1)} s`,
    ...refusals.map(({ line, reason }) => `  line ${line}: ${reason}`),
  ];
  const more = rowsRefused - refusals.length;
  if (more > 0) lines.push(`  and ${plural(more, 'refusal')} more`);
  return lines.join('\n');
}

/** The state of a load. */
interface Load {
  /** How many rows were read. */
  row: number;
  taken: number;
  refused: number;
  readonly refusals: Refusal[];
  /** The line of each id so far; undefined when no id can come twice. */
  lines: LineNumbers | undefined;
}

/** A row of the current batch: a user to write, or a refusal. */
type Row = (UserRow & { readonly line: number }) | { readonly line: number; readonly refused: string };

function takeRow(load: Load, line: number, mapped: ReturnType<RowMapper>): Row {
  if ('refused' in mapped) return { line, refused: mapped.refused };
  const first = load.lines?.add(mapped.id, line);
  if (first !== undefined) return { line, refused: `the id ${quote(mapped.id)} is already on line ${first}` };
  return { line, id: mapped.id, tags: mapped.tags };
}

async function declareTags(mapping: Mapping, target: LoadTarget, file: string): Promise<void> {
  for (const { column, tag, kind, scale, description, assumed } of mapping.tags) {
    try {
      if (assumed && (await target.hasTag(tag))) continue;
      await target.declareTag(tag, {
        kind,
        ...(scale !== undefined && { scale }),
        ...(description !== undefined && { description }),
      });
    } catch (error) {
      if (!(error instanceof SegmentdError)) throw error;
      const message = `${file}: the column ${quote(column)} cannot be a tag: ${error.message}`;
      throw new SegmentdError('LOAD_FAILED', message, { cause: error });
    }
  }
}

async function writeRows(load: Load, rows: readonly Row[], target: LoadTarget): Promise<void> {
  const answers = await target.writeUsers(rows.filter(hasTags));
  let next = 0;
  for (const row of rows) {
    // A user without tags is nothing to write, and no reason to refuse the row.
    const refused = hasTags(row) ? answers[next++] : 'refused' in row ? row.refused : undefined;
    if (refused === undefined) {
      load.taken++;
      continue;
    }
    load.refused++;
    if (load.refusals.length < REFUSALS_KEPT) load.refusals.push({ line: row.line, reason: refused });
  }
}

function hasTags(row: Row): row is UserRow & { readonly line: number } {
  return 'id' in row && Object.keys(row.tags).length > 0;
}
