import { SegmentdError } from '../src/errors.js';

/** The kinds of tags, as in a tag's declaration. */
export type TagKind = 'flag' | 'enum' | 'number';

/** A tag's value for one user: `true` for a flag, else its text; the target reads a number's text exactly. */
export type TagValue = true | string;

/** The tags of one user, by name. A tag that the user does not have is not there. */
export type UserTags = Record<string, TagValue>;

/** Which tag a column of the file is loaded into. */
export interface TagColumn {
  readonly column: string;
  readonly tag: string;
  readonly kind: TagKind;
  /** Digits after the decimal point of a number; 0 unless given. */
  readonly scale?: number;
  readonly description?: string;
  /** The text that means that the user has a flag; any other text means that not. Without it: yes and no words. */
  readonly flagValue?: string;
  /** The kind is only a default: a tag that exists already keeps its own kind. */
  readonly assumed?: boolean;
}

/** What the columns of a file mean. */
export interface Mapping {
  /** The column with the users' ids, or a prefix: then row n (from 1) is the user `<prefix>n`. */
  readonly id: { readonly column: string } | { readonly prefix: string };
  readonly tags: readonly TagColumn[];
  /** Texts that mean that the user does not have the column's tag; the empty text always does. */
  readonly missing: readonly string[];
}

/** One user made of a row, or the reason why not. */
export type MappedRow = { readonly id: string; readonly tags: UserTags } | { readonly refused: string };

/** Turns the fields of a row into a user; `row` is the row's number in the file, from 1. */
export type RowMapper = (fields: readonly string[], row: number) => MappedRow;

const YES = new Set(['1', 'true', 'yes', 'y', 't']);
const NO = new Set(['0', 'false', 'no', 'n', 'f']);

/**
 * Binds a mapping to the header of a file.
 *
 * @param file the file's name, for errors
 * @returns a pure function from a row's fields to a user
 * @throws SegmentdError `LOAD_FAILED` when the header lacks a column of the mapping or names a column twice
 */
export function bindMapping(mapping: Mapping, header: readonly string[], file: string): RowMapper {
  checkHeader(header, file);
  const find = (column: string): number => {
    const index = header.indexOf(column);
    if (index >= 0) return index;
    throw new SegmentdError(
      'LOAD_FAILED',
      `${file}: there is no column ${quote(column)}; the header has ${header.map(quote).join(', ')}`,
    );
  };
  const idIndex = 'column' in mapping.id ? find(mapping.id.column) : -1;
  const prefix = 'prefix' in mapping.id ? mapping.id.prefix : '';
  const missing = new Set(['', ...mapping.missing]);
  const columns = mapping.tags.map((tag) => ({ tag, index: find(tag.column), parse: parserOf(tag) }));

  return (fields, row) => {
    if (fields.length !== header.length) {
      return { refused: `${plural(fields.length, 'field')}, but the header has ${header.length}` };
    }
    const id = idIndex < 0 ? `${prefix}${row}` : fields[idIndex]!;
    if (id === '') return { refused: 'the id is empty' };
    // Without a prototype, so that a column may have any name.
    const tags: UserTags = Object.create(null);
    for (const { tag, index, parse } of columns) {
      const text = fields[index]!;
      if (missing.has(text)) continue;
      const value = parse(text);
      if (value === undefined) continue;
      if (typeof value === 'object') return { refused: `${tag.column}: ${value.refused}` };
      tags[tag.tag] = value;
    }
    return { id, tags };
  };
}

/**
 * Refuses a header that names a column twice.
 *
 * @throws SegmentdError `LOAD_FAILED`, naming the file and the column
 */
export function checkHeader(header: readonly string[], file: string): void {
  const twice = header.find((column, index) => header.indexOf(column) !== index);
  if (twice === undefined) return;
  throw new SegmentdError('LOAD_FAILED', `${file}: the header has the column ${quote(twice)} twice`);
}

/** A parser's answer: the value, undefined when the user does not have the tag, or why the text is refused. */
type Parsed = TagValue | undefined | { readonly refused: string };

function parserOf({ kind, flagValue }: TagColumn): (text: string) => Parsed {
  if (kind !== 'flag') return (text) => text;
  if (flagValue !== undefined) return (text) => (text === flagValue ? true : undefined);
  return parseFlag;
}

function parseFlag(text: string): Parsed {
  const word = text.toLowerCase();
  if (YES.has(word)) return true;
  if (NO.has(word)) return undefined;
  return { refused: `${quote(text)} is neither yes (1, true, yes, y, t) nor no (0, false, no, n, f)` };
}

/** A text of the file as it is shown in a message: in quotes, cut when it is long. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}

/** `1 row`, `2 rows`: a count and its noun. */
export function plural(count: number, noun: string): string {
  return `${count.toLocaleString('en-US')} ${noun}${count === 1 ? '' : 's'}`;
}
