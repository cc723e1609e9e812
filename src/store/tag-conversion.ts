/**
 * Changing a tag's kind: by declaration, when every value allows it, and by a write, for a tag that was made by a write.
 */
import { SegmentdError } from '../errors.js';
import type { Column, TagValue } from './column.js';
import { EnumColumn } from './enum-column.js';
import { FlagColumn } from './flag-column.js';
import { NumberColumn } from './number-column.js';
import { quote } from './numbers.js';
import type { SegmentStore } from './segment-store.js';
import type { Tag, TagDeclaration } from './tag-catalog.js';

/** Gives the tag another kind or scale. Throws TAG_CONFLICT naming the first value, or an audience, that does not allow it. */
export function changeKind(store: SegmentStore, tag: Tag, declaration: TagDeclaration): void {
  const { column } = tag;
  const scale = column instanceof NumberColumn ? column.scale : 0;
  if (column.kind === declaration.kind && (declaration.scale ?? scale) === scale) return;
  if (column.kind !== declaration.kind) store.audiences.checkKindChange(tag, declaration.kind);
  convert(store, tag, store.catalog.createColumn(declaration));
}

/**
 * Widens a tag that was made by a write to an enum, if it cannot hold the value as it is. Returns what takes that back, as
 * long as nothing was written to the tag, or undefined when there was nothing to do. A number that a saved audience uses
 * stays one, because texts are not compared as numbers are; it refuses the value, as a declared one does.
 */
export function widenedFor(store: SegmentStore, tag: Tag, value: TagValue): (() => void) | undefined {
  if (tag.column instanceof EnumColumn || holdsExactly(tag.column, value)) return undefined;
  if (tag.column instanceof NumberColumn && store.audiences.usesTag(tag)) return undefined;
  return convert(store, tag, store.catalog.createColumn({ kind: 'enum' }));
}

/** Would the value come back with the same text? */
function holdsExactly(column: Column, value: TagValue): boolean {
  try {
    const text = value === true ? '1' : String(value);
    return column.textOf(column.existingCode(value, '')) === text;
  } catch {
    return false;
  }
}

/** Makes `target` the tag's column, with the users and values of the present one. Returns what takes that back. */
function convert(store: SegmentStore, tag: Tag, target: Column): () => void {
  // Codes of two columns must not be pending at once.
  if (store.isPending(tag)) store.settle();
  const source = tag.column;
  const ordinals = source.members().toUint32Array();
  const from = new Float64Array(ordinals.length);
  const to = new Float64Array(ordinals.length);
  const codes = new Map<number, number>();
  for (let i = 0; i < ordinals.length; i++) {
    const code = store.codeAt(store.records.addressOf(ordinals[i]!), tag);
    if (!codes.has(code)) codes.set(code, targetCode(tag, source, target, code));
    from[i] = code;
    to[i] = codes.get(code)!;
    target.add(ordinals[i]!, to[i]!);
  }
  if (source instanceof FlagColumn && codes.get(0) === 0) {
    // A flag's only code means "1" in the enum as well: no vector changes.
    store.adopt(tag, target);
    return () => store.adopt(tag, source);
  }
  store.recode(tag, target, ordinals, from, to);
  return () => store.recode(tag, source, ordinals, to, from);
}

function targetCode(tag: Tag, source: Column, target: Column, code: number): number {
  const text = source.textOf(code);
  try {
    return target.codeFor(text, tag.name);
  } catch (cause) {
    if (!(cause instanceof SegmentdError)) throw cause;
    throw new SegmentdError(
      'TAG_CONFLICT',
      `tag ${quote(tag.name)} stays ${source.kind}: a user has the value ${quote(text)} (${cause.message})`,
      { cause },
    );
  }
}
