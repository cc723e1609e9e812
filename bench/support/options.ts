import { parseArgs } from 'node:util';
import { SegmentdError } from '../../src/errors.js';

/**
 * Reads `--name N` options, all of them whole numbers.
 *
 * @param args what stands behind the case's name on the command line
 * @param defaults every option there is, with its value when it is not given
 * @throws SegmentdError `INVALID_OPTION` for an unknown option or a value that is no whole number
 */
export function readOptions<T extends Record<string, number>>(args: readonly string[], defaults: T): T {
  const options = Object.fromEntries(
    Object.keys(defaults).map((name) => [name, { type: 'string' } as const]),
  );
  const known = Object.entries(defaults).map(([name, value]) => `--${name} ${value}`);
  const refuse = (reason: string): SegmentdError =>
    new SegmentdError('INVALID_OPTION', `${reason}; options and defaults: ${known.join(' ')}`);
  let given: Record<string, unknown>;
  try {
    given = parseArgs({ args: [...args], options, strict: true }).values;
  } catch (error) {
    throw refuse((error as Error).message);
  }
  const result: Record<string, number> = { ...defaults };
  for (const [name, text] of Object.entries(given)) {
    if (!/^\d{1,15}$/.test(String(text))) throw refuse(`--${name}: ${text} is not a whole number`);
    result[name] = Number(text);
  }
  return result as T;
}
