/**
 * Histograms in Prometheus's text format. prom-client's take one observation at a time, where we have counts; and it takes 5 to
 * 10 microseconds for a line, of which there may be thousands, while everybody waits.
 */
import { HISTOGRAM_BOUNDS, type HistogramRow, type Labels, type MetricSource } from './metric.js';

const LIMITS = [...HISTOGRAM_BOUNDS.map((bound) => `le="${bound}"`), 'le="+Inf"'];

/** The lines of one metric, read from `source`. */
export function histogramText({ name, help, type, read }: HistogramRow, source: MetricSource): string {
  let text = `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
  for (const { labels, counts } of read(source)) {
    const shown = labelsText(labels);
    const before = shown === '' ? '' : `${shown},`;
    const all = shown === '' ? '' : `{${shown}}`;
    let total = 0;
    for (const [i, limit] of LIMITS.entries()) {
      // What is in no bucket that is shown is in the last one.
      total = i < HISTOGRAM_BOUNDS.length ? total + counts.histogram[i]! : counts.calls;
      text += `${name}_bucket{${before}${limit}} ${total}\n`;
    }
    text += `${name}_sum${all} ${counts.microseconds / 1e6}\n${name}_count${all} ${counts.calls}\n`;
  }
  return text;
}

function labelsText(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${value.replace(/[\\"\n]/g, escaped)}"`)
    .join(',');
}

function escaped(character: string): string {
  return character === '\n' ? '\\n' : `\\${character}`;
}
