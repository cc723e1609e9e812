import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SegmentdError } from '../src/errors.js';
import { type LoadReport, loadCsv } from './load.js';
import type { Mapping, TagColumn } from './mapping.js';
import type { LoadTarget } from './target.js';

function number(column: string, description: string): TagColumn {
  return { column, tag: column, kind: 'number', description };
}

function word(column: string, description: string): TagColumn {
  return { column, tag: column, kind: 'enum', description };
}

/** What the columns of the bundled sample mean. Row n is the user `p<n>`. */
export const sampleMapping: Mapping = {
  id: { prefix: 'p' },
  missing: ['?'],
  tags: [
    number('age', 'age in years'),
    word('workclass', 'kind of employer'),
    number('fnlwgt', 'survey weight: how many people of the population the person stands for'),
    word('education', 'highest level of education'),
    number('education-num', 'highest level of education as a number, 1 (preschool) to 16 (doctorate)'),
    word('marital-status', 'marital status'),
    word('occupation', 'occupation'),
    word('relationship', 'role in the household'),
    word('race', 'race, as the census of 1994 asked for it'),
    word('sex', 'sex, as the census of 1994 asked for it'),
    number('capital-gain', 'capital gains of the year, in dollars'),
    number('capital-loss', 'capital losses of the year, in dollars'),
    number('hours-per-week', 'hours of work per week'),
    word('native-country', 'country of birth'),
    {
      column: 'income',
      tag: 'high-income',
      kind: 'flag',
      flagValue: '>50K',
      description: 'income above 50,000 dollars a year',
    },
  ],
};

/**
 * The path of the bundled sample's file.
 *
 * @throws SegmentdError `LOAD_FAILED` when the package has no sample
 */
export function samplePath(): string {
  // This module runs from loaders/ and from dist/loaders/; the file lies beside package.json in both cases.
  const start = dirname(fileURLToPath(import.meta.url));
  for (let folder = start; folder !== dirname(folder); folder = dirname(folder)) {
    if (!existsSync(join(folder, 'package.json'))) continue;
    const file = join(folder, 'loaders', 'sample', 'adult.csv.gz');
    if (existsSync(file)) return file;
  }
  throw new SegmentdError('LOAD_FAILED', 'the bundled sample, loaders/sample/adult.csv.gz, is missing');
}

/** The user who is loaded last: there when the whole sample is. */
export const LAST_SAMPLE_ID = 'p48842';

/** Loads the bundled sample: 48,842 users, `p1` to `p48842`. */
export function loadSample(target: LoadTarget): Promise<LoadReport> {
  return loadCsv(samplePath(), () => sampleMapping, target);
}
