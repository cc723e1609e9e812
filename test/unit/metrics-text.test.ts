import { expect, test } from 'vitest';
import { lintMetrics, metricValue, parseMetrics } from '../support/prometheus-text.js';

const HEAD = '# HELP a_total Some.\n# TYPE a_total counter\n';

test('what is well formed is read', () => {
  const metrics = parseMetrics(
    `${HEAD}a_total{x="1",y="q\\"b\\\\n\\n"} 2\na_total{x="2"} 1e3\n\n# HELP b C: d.\n# TYPE b gauge\nb -0.5\n`,
  );
  expect([...metrics.keys()]).toEqual(['a_total', 'b']);
  expect(metricValue(metrics, 'a_total', { x: '1', y: 'q"b\\n\n' })).toBe(2);
  expect(metricValue(metrics, 'a_total', { x: '2' })).toBe(1000);
  expect(metricValue(metrics, 'a_total')).toBeUndefined();
  expect(metricValue(metrics, 'b')).toBe(-0.5);
  expect(metrics.get('b')!.help).toBe('C: d.');
});

test.each([
  ['a_total 1\n', /another metric/],
  [`${HEAD}a_total 1`, /does not end/],
  [`${HEAD}a_total\n`, /not a sample/],
  [`${HEAD}a_total 1 \n`, /not a sample/],
  [`${HEAD}a_total x\n`, /not a number/],
  [`${HEAD}a_total undefined\n`, /not a number/],
  [`${HEAD}b 1\n`, /another metric/],
  [`${HEAD}a_total{x="1} 1\n`, /labels/],
  [`${HEAD}a_total{x="1",} 1\n`, /labels/],
  [`${HEAD}a_total{x="1",x="2"} 1\n`, /labels/],
  [`${HEAD}a_total{x="\\t"} 1\n`, /labels/],
  [`${HEAD}a_total{x="1"y="2"} 1\n`, /labels/],
  [`${HEAD}a_total{x="1",y="2"} 1\na_total{y="2",x="1"} 1\n`, /there before/],
  [`${HEAD}${HEAD}`, /twice/],
  ['# HELP a Some.\n', /nothing follows/],
  ['# HELP a Some.\n# TYPE b gauge\n', /something else/],
  ['# TYPE a gauge\n', /neither/],
  ['# HELP a Some.\n# TYPE a number\n', /TYPE must/],
])('%j is refused', (text, why) => {
  expect(() => parseMetrics(text)).toThrow(why);
});

/** Problems of a metric of this name and type with these samples. */
function problems(name: string, type: string, samples: string, help = 'Some.'): string[] {
  return lintMetrics(parseMetrics(`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${samples}`));
}

function histogram(buckets: readonly (readonly [string, number])[], sum = 1, count = 2): string {
  const lines = buckets.map(([le, value]) => `a_seconds_bucket{le="${le}"} ${value}\n`).join('');
  return `${lines}a_seconds_sum ${sum}\na_seconds_count ${count}\n`;
}

test('what follows the conventions has no problems', () => {
  expect(problems('a_total', 'counter', 'a_total 1\n')).toEqual([]);
  expect(problems('a_bytes', 'gauge', 'a_bytes{part="x"} 1\n')).toEqual([]);
  expect(
    problems(
      'a_seconds',
      'histogram',
      histogram([
        ['1', 1],
        ['2', 1],
        ['+Inf', 2],
      ]),
    ),
  ).toEqual([]);
});

test.each([
  [problems('a_x', 'counter', ''), /_total/],
  [problems('a_total', 'gauge', ''), /_total/],
  [problems('a_count', 'gauge', ''), /suffix/],
  [problems('a_milliseconds', 'gauge', ''), /base unit/],
  [problems('a_ms', 'gauge', ''), /base unit/],
  [problems('a_kilobytes_total', 'counter', ''), /base unit/],
  [problems('a_gauge_x', 'gauge', ''), /type/],
  [problems('aX_b', 'gauge', ''), /lower case/],
  [problems('a_b', 'gauge', '', 'some'), /sentence/],
  [problems('a_b', 'gauge', 'a_b{le="1"} 1\n'), /reserved/],
  [problems('a_b', 'gauge', 'a_b{aB="1"} 1\n'), /label aB/],
  [problems('a_b', 'gauge', 'a_b NaN\n'), /no measurement/],
  [problems('a_total', 'counter', 'a_total -1\n'), /negative/],
  [problems('a_info', 'gauge', 'a_info 2\n'), /always 1/],
  [problems('a_b', 'histogram', ''), /without unit/],
  [problems('a_seconds', 'histogram', histogram([['1', 2]])), /not \+Inf/],
  [
    problems(
      'a_seconds',
      'histogram',
      histogram([
        ['1', 3],
        ['+Inf', 2],
      ]),
    ),
    /cumulative/,
  ],
  [
    problems(
      'a_seconds',
      'histogram',
      histogram([
        ['2', 1],
        ['1', 1],
        ['+Inf', 2],
      ]),
    ),
    /grow/,
  ],
  [problems('a_seconds', 'histogram', histogram([['+Inf', 2]], 1, 3)), /differ/],
  [problems('a_seconds', 'histogram', 'a_seconds_bucket{le="+Inf"} 2\n'), /one sum/],
])('%j tells what is wrong', (found, what) => {
  expect(found.join('\n')).toMatch(what);
});
