/** Commands as words of one byte a character, so that they can hold any bytes and are still easy to read in a failure. */

/** A command's words, in Latin-1. */
export type Command = readonly string[];

/** A text's UTF-8, one byte a character. */
export function utf8(text: string): string {
  return Buffer.from(text).toString('latin1');
}

/** The bytes of each command's words. */
export function toBytes(commands: readonly Command[]): Buffer[][] {
  return commands.map((words) => words.map((word) => Buffer.from(word, 'latin1')));
}
