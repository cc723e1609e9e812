/** Glob patterns as in Redis's KEYS: `*`, `?`, `[a-z]`, `[^a]`, and `\` before a character that stands for itself. */
export function globToRegExp(pattern: string): RegExp {
  let source = '';
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at]!;
    if (char === '*') {
      while (pattern[at + 1] === '*') at++;
      source += '[^]*?';
    } else if (char === '?') source += '[^]';
    else if (char === '[') {
      const end = classEnd(pattern, at);
      source += classSource(pattern.slice(at + 1, end));
      at = end;
    } else if (char === '\\' && at + 1 < pattern.length) source += escapeChar(pattern[++at]!);
    else source += escapeChar(char);
  }
  return new RegExp(`^${source}$`);
}

/** Where the class that opens at `start` closes; an unclosed one reaches to the end, as in Redis. */
function classEnd(pattern: string, start: number): number {
  let at = start + 1;
  if (pattern[at] === '^') at++;
  for (; at < pattern.length && pattern[at] !== ']'; at++) if (pattern[at] === '\\') at++;
  return at;
}

function classSource(body: string): string {
  const negated = body.startsWith('^');
  let at = negated ? 1 : 0;
  let source = '';
  const next = (): string => {
    if (body[at] === '\\' && at + 1 < body.length) at++;
    return body[at++]!;
  };
  while (at < body.length) {
    const first = next();
    if (body[at] === '-' && at + 1 < body.length) {
      at++;
      const [low, high] = [first, next()].sort();
      source += `${escapeChar(low!)}-${escapeChar(high!)}`;
    } else source += escapeChar(first);
  }
  if (source === '') return negated ? '[^]' : '[]';
  return `[${negated ? '^' : ''}${source}]`;
}

function escapeChar(char: string): string {
  return /[\w\s]/.test(char) || char > '\u007f' ? char : `\\${char}`;
}
