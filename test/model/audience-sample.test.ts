/** Expressions about the bundled sample, whose answers awk finds in the file itself. */
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { engineTarget } from '../../loaders/engine-target.js';
import { loadSample, samplePath } from '../../loaders/sample.js';
import { openEngine } from '../../src/index.js';

const engine = openEngine();
const { audiences } = engine;

/**
 * Each: an expression, and the condition on a row for awk. $1 age, $2 workclass, $3 fnlwgt, $4 education, $5 education-num,
 * $6 marital-status, $7 occupation, $8 relationship, $9 race, $10 sex, $11 capital-gain, $12 capital-loss, $13
 * hours-per-week, $14 native-country, $15 income; row n is the user p<n>, and a `?` is a tag that the user does not have.
 */
const CASES: readonly (readonly [expression: string, condition: string])[] = [
  [
    'sex = Female and education in (Masters, Doctorate) and age between 25 and 40 and not high-income',
    '$10=="Female" && ($4=="Masters" || $4=="Doctorate") && $1>=25 && $1<=40 && $15!=">50K"',
  ],
  ['all', '1'],
  ['none', '0'],
  ['high-income', '$15==">50K"'],
  ['not high-income', '$15!=">50K"'],
  ['high-income = 1', '$15==">50K"'],
  ['workclass', '$2!="?"'],
  ['not workclass', '$2=="?"'],
  ['workclass and not occupation', '$2!="?" && $7=="?"'],
  ['sex = Male', '$10=="Male"'],
  ['workclass != Private', '$2!="?" && $2!="Private"'],
  ['not workclass = Private', '$2!="Private"'],
  ['native-country = "Nowhere"', '0'],
  ['native-country != "Nowhere"', '$14!="?"'],
  ['race in (White, Black, Other)', '$9=="White" || $9=="Black" || $9=="Other"'],
  [
    'native-country not in (United-States, Mexico, Philippines)',
    '$14!="?" && $14!="United-States" && $14!="Mexico" && $14!="Philippines"',
  ],
  ['age = 40', '$1==40'],
  ['age = 40.5', '0'],
  ['age != 40', '$1!=40'],
  ['age < 18', '$1<18'],
  ['age <= 18', '$1<=18'],
  ['age > 89.5', '$1>89.5'],
  ['age >= 90', '$1>=90'],
  ['age between 30 and 30', '$1==30'],
  ['age between 40 and 30', '0'],
  ['age in (20, 30, 40, 40.5)', '$1==20 || $1==30 || $1==40'],
  ['age not in (20, 30, 40)', '$1!=20 && $1!=30 && $1!=40'],
  ['capital-gain > 0 or capital-loss > 0', '$11>0 || $12>0'],
  ['capital-gain >= 99999', '$11>=99999'],
  ['fnlwgt between 100000 and 200000 & hours-per-week > 45', '$3>=100000 && $3<=200000 && $13>45'],
  [
    'at least 2 of (high-income, education-num >= 13, hours-per-week > 50, capital-gain > 0)',
    '($15==">50K") + ($5>=13) + ($13>50) + ($11>0) >= 2',
  ],
  [
    'at least 3 of (high-income, high-income, sex = Female, age < 30)',
    '2*($15==">50K") + ($10=="Female") + ($1<30) >= 3',
  ],
  ['at least 1 of (age < 20, age > 80)', '$1<20 || $1>80'],
  ['at least 2 of (age < 50, sex = Female)', '$1<50 && $10=="Female"'],
  ['users(p1, p2, p48842, p48843, nobody)', 'NR-1==1 || NR-1==2 || NR-1==48842'],
  ['users(p1, p2, p3) and education = Bachelors', 'NR-1<=3 && $4=="Bachelors"'],
  ['not (sex = Female or age < 30 or not native-country)', '!($10=="Female" || $1<30 || $14=="?")'],
  [
    '(race = Black or native-country = Jamaica) and not (relationship = Husband or relationship = Wife)',
    '($9=="Black" || $14=="Jamaica") && $8!="Husband" && $8!="Wife"',
  ],
  [
    'marital-status = Divorced and (age > 60 or not (high-income or sex = Male))',
    '$6=="Divorced" && ($1>60 || !($15==">50K" || $10=="Male"))',
  ],
  ['@graduates', '$5>=13'],
  ['@graduates and not @`well off`', '$5>=13 && !($15==">50K" && ($5>=13 || $1>50))'],
  ['@seniors or users(p1)', '$1>=65 || NR-1==1'],
  [
    'at least 2 of (@seniors, @graduates, @`well off`)',
    '($1>=65) + ($5>=13) + ($15==">50K" && ($5>=13 || $1>50)) >= 2',
  ],
];

/** Lines that awk prints for the rows of the sample. */
function awk(program: string): string[] {
  const command = `gunzip -c "$1" | awk -F, "$2"`;
  const output = execFileSync('sh', ['-c', command, 'sh', samplePath(), program], { encoding: 'utf8' });
  return output.split('\n').slice(0, -1);
}

/** By case: how many rows fulfil the condition. */
let counts: number[];

beforeAll(async () => {
  await loadSample(engineTarget(engine));
  audiences.save('graduates', 'education-num >= 13');
  audiences.save('well off', 'high-income and (@graduates or age > 50)');
  audiences.freeze('seniors', 'age >= 65');
  const counting = CASES.map(([, condition], i) => `if (${condition}) c[${i}]++`).join('; ');
  const printing = `for (i = 0; i < ${CASES.length}; i++) print c[i] + 0`;
  counts = awk(`NR>1 { ${counting} } END { ${printing} }`).map(Number);
});
afterAll(() => engine.close());

test('there are as many users as rows', () => {
  expect(engine.stats().users).toBe(48_842);
  expect(counts.length).toBe(CASES.length);
});

test.each(CASES.map(([expression], i) => [expression, i] as const))('%s', (expression, i) => {
  const count = counts[i]!;
  expect(audiences.count(expression)).toBe(count);
  expect(audiences.count(expression, { limit: 100 })).toBe(Math.min(count, 100));
  expect([...audiences.ids(expression)].length).toBe(count);
  expect(audiences.explain(expression).users).toBe(count);
});

test('the ids are those of the rows', () => {
  const [expression, condition] = CASES[0]!;
  const ids = awk(`NR>1 && (${condition}) { print "p" NR-1 }`);
  expect([...audiences.ids(expression)].sort()).toEqual(ids.sort());
  expect(ids.length).toBeGreaterThan(100);
  const every = Array.from({ length: 48_842 }, (_, i) => `p${i + 1}`);
  const isIn = audiences.test(expression, every);
  expect(every.filter((_, i) => isIn[i]).sort()).toEqual(ids);
});

describe('reports', () => {
  test('values are counted as awk counts them', () => {
    const lines = awk(
      'NR>1 && $2!="?" && $1>60 { c[$2]++ } END { for (value in c) print value "," c[value] }',
    );
    const { values, users, missing } = audiences.distribution('workclass', { of: 'age > 60' });
    expect(values.map(({ value, users }) => `${value},${users}`).sort()).toEqual(lines.sort());
    expect(users + missing).toBe(audiences.count('age > 60'));
  });

  test('ranges are counted as awk counts them', () => {
    const lines = awk('NR>1 { c[int($1 / 10)]++ } END { for (ten in c) print ten * 10 "," c[ten] }');
    const { ranges } = audiences.distribution('age');
    expect(ranges.map(({ from, users }) => `${from},${users}`).sort()).toEqual(lines.sort());
  });

  test('numbers are added up as awk adds them up', () => {
    const program =
      'NR>1 && $10=="Female" { n++; s+=$13; if (n==1||$13<a) a=$13; if ($13>b) b=$13 } END { print n, s, a, b }';
    const [count, sum, minimum, maximum] = awk(program)[0]!.split(' ').map(Number);
    expect(audiences.statistics('hours-per-week', { of: 'sex = Female' })).toMatchObject({
      count,
      sum,
      minimum,
      maximum,
    });
  });

  test('quantiles are those of the sorted rows', () => {
    const ages = awk('NR>1 { print $1 }')
      .map(Number)
      .sort((a, b) => a - b);
    const { quantiles } = audiences.statistics('age');
    for (const [fraction, age] of quantiles) expect(age).toBe(ages[Math.ceil(fraction * ages.length) - 1]);
    expect(quantiles.size).toBe(7);
  });

  test('two audiences have in common what awk says', () => {
    const [both, graduates, rich, neither] = awk(
      'NR>1 { g=$5>=13; r=$15==">50K"; b+=g&&r; x+=g; y+=r; z+=!g&&!r } END { print b; print x; print y; print z }',
    ).map(Number);
    expect(audiences.overlap(['@graduates', 'high-income']).users).toEqual([
      [graduates, both],
      [both, rich],
    ]);
    expect(audiences.reach(['@graduates', 'high-income'])).toEqual([
      neither,
      graduates! + rich! - 2 * both!,
      both,
    ]);
  });

  test('a person is in the audiences whose conditions the row fulfils', () => {
    const names = ['graduates', 'seniors', 'well off'];
    const conditions = ['$5>=13', '$1>=65', '$15==">50K" && ($5>=13 || $1>50)'];
    const lines = awk(
      `NR>1 && NR%1000==2 { print "p" NR-1, ${conditions.map((condition) => `(${condition})`).join(', ')} }`,
    );
    expect(lines.length).toBe(49);
    for (const line of lines) {
      const [id, ...isIn] = line.split(' ');
      expect([id, audiences.match(id!)]).toEqual([id, names.filter((_, i) => isIn[i] === '1')]);
    }
  });
});
