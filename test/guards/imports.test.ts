import { describe, expect, test } from 'vitest';
import { type Import, importsOf, sourcesIn, textOf } from '../support/sources.js';

const files = sourcesIn('src', 'protocol', 'loaders', 'bench', 'test');
const imports = files.flatMap(importsOf);
const isFile = ({ to }: Import) => /\.(ts|mjs)$/.test(to);
const folderOf = (path: string) => path.split('/')[0]!;
const describeImport = ({ from, to }: Import) => `${from} imports ${to}`;

/** What each folder may import besides itself. */
const FOLDERS: Record<string, string[]> = {
  src: [],
  loaders: ['src'],
  protocol: ['src', 'loaders'],
  bench: ['src', 'loaders', 'protocol'],
  test: ['src', 'loaders', 'protocol', 'bench', '.scripts'],
};

/** The parts of src/, from the lowest: each may import those below it, not its neighbours. */
const LAYERS = [
  ['errors', 'latency-counts'],
  ['workers'],
  ['store', 'options', 'glob'],
  ['mutation', 'check'],
  ['lookup', 'audience', 'versions', 'persistence', 'lookalike'],
  ['engine'],
  ['open'],
  ['index'],
];

/** The folder or file of src/ that a path belongs to. */
function partOf(path: string): string {
  return path.split('/')[1]!.replace(/\.ts$/, '');
}

test('imports are found', () => {
  expect(imports.length).toBeGreaterThan(200);
  expect(imports.map(describeImport)).toContain('src/engine.ts imports src/store/segment-store.ts');
  const roaring = imports.find(({ to }) => to === 'roaring');
  expect(roaring).toEqual({ from: 'src/store/bitmap.ts', to: 'roaring', typeOnly: false });
  expect(
    imports.find(({ from, to }) => from === 'src/mutation.ts' && to.endsWith('segment-store.ts')),
  ).toMatchObject({
    typeOnly: true,
  });
});

test('every imported file is there', () => {
  const known = new Set([...files, ...sourcesIn('.scripts')]);
  expect(imports.filter((found) => isFile(found) && !known.has(found.to)).map(describeImport)).toEqual([]);
});

describe('imports go one way', () => {
  test('between folders: protocol → loaders → src', () => {
    const wrong = imports.filter(({ from, to }) => {
      const [source, target] = [folderOf(from), folderOf(to)];
      return isFile({ from, to, typeOnly: false }) && source !== target && !FOLDERS[source]!.includes(target);
    });
    expect(wrong.map(describeImport)).toEqual([]);
  });

  test('inside src: engine → what works on the store → mutation → store → errors', () => {
    const rank = (path: string) => LAYERS.findIndex((parts) => parts.includes(partOf(path)));
    const inside = imports.filter((found) => isFile(found) && found.from.startsWith('src/'));
    expect(inside.filter(({ from }) => rank(from) < 0).map(({ from }) => `${from} is of no layer`)).toEqual(
      [],
    );
    const wrong = inside.filter(({ from, to }) => partOf(from) !== partOf(to) && rank(from) <= rank(to));
    expect(wrong.map(describeImport)).toEqual([]);
  });

  test('without circles, once types are gone', () => {
    const next = new Map<string, string[]>();
    for (const { from, to, typeOnly } of imports)
      if (!typeOnly) next.set(from, [...(next.get(from) ?? []), to]);
    const done = new Set<string>();
    const circles: string[] = [];
    const visit = (file: string, path: readonly string[]) => {
      if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' → '));
      if (done.has(file)) return;
      done.add(file);
      for (const other of next.get(file) ?? []) visit(other, [...path, file]);
    };
    for (const file of files) visit(file, []);
    expect(circles).toEqual([]);
  });
});

describe('packages', () => {
  const manifest = JSON.parse(textOf('package.json')) as Record<string, Record<string, string> | undefined>;
  const packages = imports.filter((found) => !isFile(found) && !found.to.startsWith('node:'));
  const shipped = { ...manifest['dependencies'], ...manifest['peerDependencies'] };

  test('are declared: those of what is shipped as dependencies', () => {
    const declared = { ...shipped, ...manifest['devDependencies'] };
    const wrong = packages.filter(({ from, to, typeOnly }) => {
      const isShipped = ['src', 'protocol', 'loaders'].includes(folderOf(from)) && !typeOnly;
      return !Object.hasOwn(isShipped ? shipped : declared, to);
    });
    expect(wrong.map(describeImport)).toEqual([]);
  });

  test('are behind one file: only src/store/bitmap.ts imports roaring', () => {
    const importers = packages.filter(({ to }) => to === 'roaring').map(({ from }) => from);
    expect(importers.filter((from) => !from.startsWith('bench/'))).toEqual(['src/store/bitmap.ts']);
  });

  test('of Node are those the engine may know: no sockets, no processes, and files only behind persistence', () => {
    const wrong = imports.filter(({ from, to }) => {
      const files = /^node:fs/.test(to) && !from.startsWith('src/persistence/');
      return (
        from.startsWith('src/') &&
        (files || /^node:(net|tls|dgram|https?|http2|child_process|process)$/.test(to))
      );
    });
    expect(wrong.map(describeImport)).toEqual([]);
  });
});
