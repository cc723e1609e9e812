/**
 * `npm run bench -- CASE [options]` runs one case: `lookup` is bench/cases/lookup.ts, `compare-hmget` is
 * bench/compare/hmget.ts. Without a case it lists them.
 */
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { SegmentdError } from '../src/errors.js';

/** What a module of bench/cases or bench/compare exports. */
interface BenchCase {
  readonly name: string;
  /** One line for the list of cases. */
  readonly summary: string;
  run(args: readonly string[]): Promise<void>;
}

/** Folders of cases, and what stands before the file's name in a case's name. */
const FOLDERS = { cases: '', compare: 'compare-' } as const;

/** Every case's module, by name, in alphabetical order. */
function findCases(): Map<string, URL> {
  const found: [string, URL][] = [];
  for (const [folder, prefix] of Object.entries(FOLDERS)) {
    const directory = new URL(`${folder}/`, import.meta.url);
    if (!existsSync(fileURLToPath(directory))) continue;
    for (const file of readdirSync(fileURLToPath(directory))) {
      if (file.endsWith('.js')) found.push([prefix + file.slice(0, -'.js'.length), new URL(file, directory)]);
    }
  }
  return new Map(found.sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function load(module: URL): Promise<BenchCase> {
  return (await import(module.href)) as BenchCase;
}

async function list(cases: ReadonlyMap<string, URL>): Promise<void> {
  console.log('npm run bench -- CASE [options]\n');
  const width = Math.max(...[...cases.keys()].map((name) => name.length));
  for (const [name, module] of cases) console.log(`  ${name.padEnd(width)}  ${(await load(module)).summary}`);
}

async function main([name, ...args]: readonly string[]): Promise<void> {
  const cases = findCases();
  if (name === undefined || name === '--help') {
    await list(cases);
    return;
  }
  const module = cases.get(name);
  if (module === undefined) {
    throw new SegmentdError(
      'INVALID_ARGUMENT',
      `no case ${JSON.stringify(name)}; there are ${[...cases.keys()].join(', ')}`,
    );
  }
  await (await load(module)).run(args);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof SegmentdError)) throw error;
  console.error(`bench: ${error.message}`);
  process.exitCode = 1;
}
