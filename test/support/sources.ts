import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** One import (or export from elsewhere) in a source file. */
export interface Import {
  /** The file that imports, relative to the root. */
  readonly from: string;
  /** What is imported: a file relative to the root, or the name of a package. */
  readonly to: string;
  /** Imports nothing but types: gone once compiled. */
  readonly typeOnly: boolean;
}

/** Paths of the source files (.ts, .mjs) in some folders of the root, with forward slashes. */
export function sourcesIn(...folders: string[]): string[] {
  return folders.flatMap((folder) =>
    readdirSync(`${ROOT}${folder}`, { recursive: true, encoding: 'utf8' })
      .map((path) => `${folder}/${path.replaceAll('\\', '/')}`)
      .filter((path) => /(?<!\.d)\.(ts|mjs)$/.test(path)),
  );
}

/** The text of a file of the project. */
export function textOf(path: string): string {
  return readFileSync(`${ROOT}${path}`, 'utf8');
}

/** A source file's text without comments. Knows enough of strings for the sources at hand. */
export function codeIn(path: string): string {
  const token =
    /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|\/\*[\s\S]*?\*\/|(?<![:\\/])\/\/[^\n]*/g;
  return textOf(path).replace(token, (match) => (match.startsWith('/') ? '' : match));
}

const STATEMENT = /\b(?:import|export)\s+(type\s)?([^;'"()]*?)\bfrom\s*['"]([^'"]+)['"]/g;
const BARE = /\bimport\s*\(?\s*['"]([^'"]+)['"]/g;

/** All imports of a file, static, dynamic and for side effects. */
export function importsOf(path: string): Import[] {
  const code = codeIn(path);
  const imports: Import[] = [];
  for (const [, type, names, specifier] of code.matchAll(STATEMENT)) {
    const inside = /^\{([^}]*)\}\s*$/.exec(names!.trim())?.[1];
    const allTypes = inside?.split(',').every((name) => name.trim() === '' || /^\s*type\s/.test(name));
    imports.push({
      from: path,
      to: target(path, specifier!),
      typeOnly: type !== undefined || allTypes === true,
    });
  }
  for (const [, specifier] of code.matchAll(BARE)) {
    imports.push({ from: path, to: target(path, specifier!), typeOnly: false });
  }
  return imports;
}

function target(path: string, specifier: string): string {
  if (specifier.startsWith('.')) return posix.join(posix.dirname(path), specifier).replace(/\.js$/, '.ts');
  if (specifier.startsWith('node:')) return specifier;
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}
