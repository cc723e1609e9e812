/** The examples of a document: commands, and what redis-cli shows of their replies. */
import type { Reply } from '../support/resp.js';

const PROMPT = '127.0.0.1:7379> ';

/** Each command of the text's console blocks, and what is shown of its reply. */
export function consoleExamples(text: string): (readonly [command: string, reply: string])[] {
  return [...text.matchAll(/```console\n([^`]*(?:`[^`]+`[^`]*)*?)```/g)].flatMap(([, lines]) =>
    lines!
      .split(PROMPT)
      .slice(1)
      .map((example) => {
        const [command, ...reply] = example.trimEnd().split('\n');
        return [command!, reply.join('\n')] as const;
      }),
  );
}

/** The words of a line; quotes hold them together. */
export function wordsOf(line: string): string[] {
  return Array.from(line.matchAll(/"([^"]*)"|(\S+)/g), ([, quoted, bare]) => quoted ?? bare!);
}

/** A reply as redis-cli shows it. */
export function shown({ type, text: value, items }: Reply, indent = ''): string {
  if (type === '-') return `(error) ${value}`;
  if (type === ':') return `(integer) ${value}`;
  if (type === '+') return value!;
  if (type === '$') return value === null ? '(nil)' : JSON.stringify(value);
  if (items.length === 0) return '(empty array)';
  const width = String(items.length).length;
  const lines = items.map((item, i) => {
    const number = `${String(i + 1).padStart(width)}) `;
    return number + shown(item, indent + ' '.repeat(number.length));
  });
  return lines.join(`\n${indent}`);
}
