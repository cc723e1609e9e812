/** Prometheus's text format, read strictly, and what promtool's linter says about names. */

export interface Sample {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

/** A metric with all of its samples. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly samples: readonly Sample[];
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const HELP = new RegExp(`^# HELP (${NAME}) (.+)$`);
const TYPE = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram|summary|untyped)$`);
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(.*)\\})? (\\S+)$`);
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/y;
const NUMBER = /^(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?Inf|NaN)$/;

/** Metrics by name. Throws on whatever Prometheus would refuse or silently mix up. */
export function parseMetrics(text: string): ReadonlyMap<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line does not end');
  const families = new Map<string, Family & { samples: Sample[] }>();
  const series = new Set<string>();
  let help: RegExpExecArray | null = null;
  let family: (Family & { samples: Sample[] }) | undefined;
  for (const line of text.slice(0, -1).split('\n')) {
    if (line === '') continue;
    const fail = (why: string): never => {
      throw new Error(`${why}: ${line}`);
    };
    if (help !== null) {
      const [, name, type] = TYPE.exec(line) ?? fail('TYPE must follow HELP');
      if (name !== help[1]) fail(`TYPE of something else than ${help[1]}`);
      if (families.has(name!)) fail('declared twice');
      family = { name: name!, help: help[2]!, type: type!, samples: [] };
      families.set(name!, family);
      help = null;
    } else if (line.startsWith('#')) help = HELP.exec(line) ?? fail('neither HELP nor TYPE behind it');
    else {
      const [, name, labelText = '', value] = SAMPLE.exec(line) ?? fail('not a sample');
      if (family === undefined || !namesOf(family).includes(name!)) fail('a sample of another metric');
      if (!NUMBER.test(value!)) fail('not a number');
      const labels = parseLabels(labelText) ?? fail('labels that cannot be read');
      const key = `${name}${JSON.stringify([...labels].sort())}`;
      if (series.has(key)) fail('a sample that was there before');
      series.add(key);
      family!.samples.push({ name: name!, labels, value: Number(value!.replace('Inf', 'Infinity')) });
    }
  }
  if (help !== null) throw new Error('nothing follows the last HELP');
  return families;
}

function namesOf({ name, type }: Family): string[] {
  return type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name];
}

function parseLabels(text: string): Map<string, string> | undefined {
  const labels = new Map<string, string>();
  LABEL.lastIndex = 0;
  for (let at = 0; at < text.length; at = LABEL.lastIndex) {
    const match = LABEL.exec(text);
    if (match === null || labels.has(match[1]!)) return undefined;
    labels.set(
      match[1]!,
      match[2]!.replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped)),
    );
  }
  return text.endsWith(',') ? undefined : labels;
}

/** Units that are not base units, and words that tell of the type, are not for names. */
const NOT_BASE =
  /_(milli|micro|nano|kilo|mega|giga|kibi|mebi|gibi)?(ms|us|ns|minutes|hours|days|bits|kb|mb|gb)$/;
const PREFIXED = /_(milli|micro|nano|kilo|mega|giga|kibi|mebi|gibi)(seconds|bytes)(_total)?$/;
const TYPE_WORD = /_(counter|gauge|histogram|summary|metric)s?(_|$)/;
const RESERVED_SUFFIX = /_(total|count|sum|bucket)$/;

/** What is against Prometheus's conventions, and what is wrong with histograms; each with the metric's name. */
export function lintMetrics(families: ReadonlyMap<string, Family>): string[] {
  const problems: string[] = [];
  for (const family of families.values()) {
    for (const problem of [...lintNames(family), ...lintValues(family)]) {
      problems.push(`${family.name}: ${problem}`);
    }
  }
  return problems;
}

function* lintNames({ name, help, type, samples }: Family): Iterable<string> {
  if (!/^[a-z][a-z0-9]*(_[a-z0-9]+)+$/.test(name)) yield 'not in lower case with underscores';
  if (!/^[A-Z0-9].*\.$/.test(help)) yield 'HELP is no sentence';
  if ((type === 'counter') !== name.endsWith('_total')) yield '_total is for counters, and for all of them';
  if (type !== 'counter' && RESERVED_SUFFIX.test(name)) yield 'has a suffix of another type';
  if (NOT_BASE.test(name) || PREFIXED.test(name)) yield 'has no base unit';
  if (TYPE_WORD.test(name)) yield 'has a type in its name';
  if (type === 'histogram' && !/_(seconds|bytes)$/.test(name)) yield 'is a histogram without unit';
  for (const { labels } of samples) {
    for (const label of labels.keys()) {
      if (!/^[a-z][a-z_]*$/.test(label)) yield `label ${label} is not in lower case`;
      if (label === 'quantile' || (label === 'le' && type !== 'histogram'))
        yield `label ${label} is reserved`;
    }
  }
}

function* lintValues({ name, type, samples }: Family): Iterable<string> {
  for (const { value } of samples) {
    if (!Number.isFinite(value)) yield `${value} is no measurement`;
    if (type !== 'gauge' && value < 0) yield `${value} is negative`;
    if (name.endsWith('_info') && value !== 1) yield 'information is always 1';
  }
  if (type === 'histogram') yield* lintHistogram(name, samples);
}

function* lintHistogram(name: string, samples: readonly Sample[]): Iterable<string> {
  const sets = new Map<string, Sample[]>();
  for (const sample of samples) {
    const key = JSON.stringify([...sample.labels].filter(([label]) => label !== 'le').sort());
    sets.set(key, [...(sets.get(key) ?? []), sample]);
  }
  for (const [key, set] of sets) {
    const of = (suffix: string) => set.filter((sample) => sample.name === `${name}_${suffix}`);
    const buckets = of('bucket');
    const bounds = buckets.map(({ labels }) => Number(labels.get('le')?.replace('+Inf', 'Infinity')));
    if (bounds.some((bound, i) => !(bound > (bounds[i - 1] ?? 0)))) yield `${key}: bounds do not grow`;
    if (bounds.at(-1) !== Number.POSITIVE_INFINITY) yield `${key}: the last bucket is not +Inf`;
    if (buckets.some(({ value }, i) => value < (buckets[i - 1]?.value ?? 0))) yield `${key}: not cumulative`;
    if (of('sum').length !== 1 || of('count').length !== 1) yield `${key}: not one sum and one count`;
    if (buckets.at(-1)?.value !== of('count')[0]?.value) yield `${key}: +Inf and count differ`;
  }
}

/** The value of a metric with exactly these labels; undefined where there is none. */
export function metricValue(
  families: ReadonlyMap<string, Family>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const family = families.get(name) ?? families.get(name.replace(/_(bucket|sum|count)$/, ''));
  const wanted = Object.entries(labels);
  return family?.samples.find(
    (sample) =>
      sample.name === name &&
      sample.labels.size === wanted.length &&
      wanted.every(([label, value]) => sample.labels.get(label) === value),
  )?.value;
}
