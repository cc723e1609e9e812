/** Glob patterns as in Redis's KEYS: `*`, `?`, `[a-z]`, `[^a]`, and `\` before a character that stands for itself. */

/** A compiled pattern. */
export interface Glob {
  /** Does the pattern match the whole text? Takes at most time proportional to both lengths multiplied. */
  test(text: string): boolean;
}

/** One step of a pattern: any number of characters, or one that lies in (or, negated, outside) of the ranges. */
type Step =
  | '*'
  | { readonly negated: boolean; readonly ranges: readonly (readonly [low: number, high: number])[] };

const ANY: Step = { negated: true, ranges: [] };

/** Compiles a pattern. Every text is one; characters are UTF-16 units, so Latin-1 text is matched by bytes. */
export function compileGlob(pattern: string): Glob {
  const steps = stepsOf(pattern);
  return { test: (text) => matches(steps, text) };
}

function stepsOf(pattern: string): Step[] {
  const steps: Step[] = [];
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at]!;
    if (char === '*') {
      if (steps.at(-1) !== '*') steps.push('*');
    } else if (char === '?') steps.push(ANY);
    else if (char === '[') at = readClass(pattern, at + 1, steps);
    else {
      if (char === '\\' && at + 1 < pattern.length) at++;
      steps.push(only(pattern.charCodeAt(at)));
    }
  }
  return steps;
}

function only(code: number): Step {
  return { negated: false, ranges: [[code, code]] };
}

/** Reads a class from behind its `[`. Returns where it closes; an unclosed one reaches to the end, as in Redis. */
function readClass(pattern: string, start: number, steps: Step[]): number {
  const negated = pattern[start] === '^';
  const ranges: [number, number][] = [];
  let at = negated ? start + 1 : start;
  for (; at < pattern.length; at++) {
    if (pattern[at] === '\\' && at + 1 < pattern.length) at++;
    else if (pattern[at] === ']') break;
    else if (pattern[at + 1] === '-' && at + 2 < pattern.length) {
      const [from, to] = [pattern.charCodeAt(at), pattern.charCodeAt(at + 2)];
      ranges.push([Math.min(from, to), Math.max(from, to)]);
      at += 2;
      continue;
    }
    ranges.push([pattern.charCodeAt(at), pattern.charCodeAt(at)]);
  }
  steps.push({ negated, ranges });
  return at;
}

/**
 * Only the last `*` passed is ever given more text: what stands before it has matched as early as it can, and giving
 * more to an earlier `*` could not help what comes after.
 */
function matches(steps: readonly Step[], text: string): boolean {
  let step = 0;
  let at = 0;
  let star = -1;
  let starEnd = 0;
  while (at < text.length) {
    const wanted = steps[step];
    if (wanted === '*') {
      star = step++;
      starEnd = at;
    } else if (wanted !== undefined && accepts(wanted, text.charCodeAt(at))) {
      step++;
      at++;
    } else if (star >= 0) {
      step = star + 1;
      at = ++starEnd;
    } else return false;
  }
  if (steps[step] === '*') step++;
  return step === steps.length;
}

function accepts({ negated, ranges }: Exclude<Step, '*'>, code: number): boolean {
  for (const [low, high] of ranges) if (code >= low && code <= high) return !negated;
  return negated;
}
