import { expect, test } from 'vitest';
import { importsOf, textOf } from '../support/sources.js';

/** The declaration of an exported name, with the comment in front of it if there is one. */
function declarationOf(name: string, text: string): RegExpExecArray | null {
  const keywords = '(?:declare |abstract |async )*(?:class|function\\*?|interface|type|const|let|enum)';
  return new RegExp(`(\\*/\\n)?^export ${keywords} ${name}\\b`, 'm').exec(text);
}

/** Names that a file exports, each with the file that declares it. */
function exportsOf(path: string): [name: string, file: string][] {
  const text = textOf(path);
  const found: [string, string][] = [];
  for (const [, , names] of text.matchAll(/^export (type )?\{([^}]*)\} from '[^']+'/gm)) {
    for (const part of names!.split(',')) {
      const name = part
        .trim()
        .replace(/^type /, '')
        .split(' as ')[0]!;
      if (name === '') continue;
      const origin = importsOf(path).find(({ to }) => to.endsWith('.ts') && declarationOf(name, textOf(to)));
      found.push([name, origin?.to ?? 'nowhere']);
    }
  }
  const own =
    /^export (?:declare |abstract |async )*(?:class|function\*?|interface|type|const|let|enum) (\w+)/gm;
  for (const [, name] of text.matchAll(own)) found.push([name!, path]);
  return found;
}

test.each(['src/index.ts', 'protocol/server.ts', 'protocol/client/index.ts'])(
  'every export of %s has a docstring',
  (path) => {
    const names = exportsOf(path);
    expect(names.length).toBeGreaterThan(0);
    const bare = names.filter(
      ([name, file]) => file === 'nowhere' || !declarationOf(name, textOf(file))?.[1],
    );
    expect(bare.map(([name, file]) => `${name} in ${file}`)).toEqual([]);
  },
);
