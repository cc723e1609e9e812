/** Which of a command's words are keys: found from the declaration alone, as COMMAND INFO and COMMAND GETKEYS tell it. */
import type { ArgumentDoc } from './arguments.js';

/** Word 0 is the command's name. */
export type KeySpec =
  /** One key; with `toEnd`, all words from it on are keys. */
  | { readonly kind: 'range'; readonly first: number; readonly toEnd: boolean }
  /** The word at `countAt` says how many keys follow it. */
  | { readonly kind: 'counted'; readonly countAt: number };

/**
 * The arguments as Redis documents them: groups that neither repeat nor can be left out as a whole, and lists of options, are
 * no blocks there.
 */
export function flattenDocs(docs: readonly ArgumentDoc[]): ArgumentDoc[] {
  return docs.flatMap((doc) => (isTransparent(doc) ? flattenDocs(doc.arguments!) : [doc]));
}

function isTransparent({ type, token, multiple, optional, arguments: parts = [] }: ArgumentDoc): boolean {
  if (type !== 'block' || token !== undefined || multiple === true) return false;
  return optional !== true || parts.every((part) => part.optional === true);
}

/** The keys of a command whose arguments begin at word `start`. */
export function keySpecsOf(docs: readonly ArgumentDoc[], start: number): KeySpec[] {
  const specs: KeySpec[] = [];
  let at = start;
  let previous: ArgumentDoc | undefined;
  for (const doc of flattenDocs(docs)) {
    const toEnd = doc.multiple === true;
    if (doc.type === 'key') {
      const isCounted = toEnd && previous?.name === 'numkeys';
      specs.push(isCounted ? { kind: 'counted', countAt: at - 1 } : { kind: 'range', first: at, toEnd });
    }
    // Behind words that may be missing or many, positions are not known.
    if (toEnd || doc.optional === true) break;
    previous = doc;
    at++;
  }
  return specs;
}

/** The keys among the words of a command, or `undefined` when a count of keys does not fit. */
export function keysAmong<W extends { toString(): string }>(
  specs: readonly KeySpec[],
  words: readonly W[],
): W[] | undefined {
  const keys: W[] = [];
  for (const spec of specs) {
    if (spec.kind === 'range') keys.push(...words.slice(spec.first, spec.toEnd ? undefined : spec.first + 1));
    else {
      const from = spec.countAt + 1;
      const count = Number(words[spec.countAt]?.toString());
      if (!Number.isInteger(count) || count < 1 || from + count > words.length) return undefined;
      keys.push(...words.slice(from, from + count));
    }
  }
  return keys;
}
