/** The bundled sample, read by other means than the loader's. */
import { fileURLToPath } from 'node:url';
import { run } from '../support/cli.js';

const FILE = fileURLToPath(new URL('../../loaders/sample/adult.csv.gz', import.meta.url));

/** What an awk program prints for the file's lines. */
export async function awk(program: string): Promise<string> {
  const { code, stdout, stderr } = await run('sh', [
    '-c',
    'gzip -dc "$1" | awk -F, "$2"',
    'sh',
    FILE,
    program,
  ]);
  if (code !== 0) throw new Error(`awk: ${stderr}`);
  return stdout.trim();
}

/** The tags of the person in row n, as a client sees them. */
export async function tagsOfRow(n: number): Promise<Record<string, string>> {
  const [header, row] = (await awk(`NR == 1 || NR == ${n + 1}`)).split('\n').map((line) => line.split(','));
  const tags: Record<string, string> = {};
  for (const [i, column] of header!.entries()) {
    const value = row![i]!;
    if (column === 'income') {
      if (value === '>50K') tags['high-income'] = '1';
    } else if (value !== '?') tags[column] = value;
  }
  return tags;
}
