/** What the command line says, and how numbers look in it. */

/** Where a command tells what it does. */
export interface CliOutput {
  print(line: string): void;
  /** Shows this in place of what was shown last, until a line is printed. */
  progress(text: string): void;
  /** Tells why it cannot go on. */
  fail(message: string): void;
}

/** The standard output; failures, and progress if that is a terminal, on the standard error. */
export function terminalOutput(): CliOutput {
  const { stdout, stderr } = process;
  let isShown = false;
  const clear = (): void => {
    if (isShown) stderr.write('\r\x1b[K');
    isShown = false;
  };
  return {
    print(line) {
      clear();
      stdout.write(`${line}\n`);
    },
    progress(text) {
      if (!stderr.isTTY) return;
      clear();
      stderr.write(text);
      isShown = true;
    },
    fail(message) {
      clear();
      stderr.write(`segmentd: ${message}\n`);
    },
  };
}

/** A share as percent, rounded down: 100% is all of it. */
export function percent(share: number): string {
  return `${Math.floor(100 * share)}%`;
}

/** A number with what is counted: `1 user`, `2,000 users`. */
export function count(number: number, what: string): string {
  return `${number.toLocaleString('en-US')} ${what}${number === 1 ? '' : 's'}`;
}

/** Bytes as people read them. */
export function size(bytes: number): string {
  if (bytes < 1000) return count(bytes, 'byte');
  const power = Math.min(Math.floor(Math.log10(bytes) / 3), 4);
  return `${(bytes / 1000 ** power).toFixed(1)} ${['', 'kB', 'MB', 'GB', 'TB'][power]}`;
}
