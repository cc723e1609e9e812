/**
 * What is wrong with a body at first sight: names that its schema does not know, lists and maps that are too long. That is
 * told before anybody looks closer, since looking for errors takes microseconds for each item, and a body may have millions.
 */
import type { TSchema } from 'typebox';
import { SegmentdError } from '../../src/index.js';
import { quote } from '../../src/store/numbers.js';

/** As far as it is looked at here. */
interface Outline {
  readonly additionalProperties?: unknown;
  readonly properties?: Readonly<Record<string, Limits>>;
}

/** Of one property. */
interface Limits {
  readonly maxItems?: number;
  readonly maxProperties?: number;
}

/** Throws INVALID_ARGUMENT, naming the property. */
export function checkOutline(schema: TSchema, value: unknown): void {
  if (!isMap(value)) return;
  const { properties = {}, additionalProperties } = schema as Outline;
  for (const [name, part] of Object.entries(value)) {
    if (Object.hasOwn(properties, name)) checkLength(name, part, properties[name]!);
    else if (additionalProperties === false) {
      const known = Object.keys(properties).join(', ');
      const problem = `the body has no property ${quote(name)} here; known are: ${known}`;
      throw new SegmentdError('INVALID_ARGUMENT', problem);
    }
  }
}

function checkLength(name: string, value: unknown, { maxItems, maxProperties }: Limits): void {
  const most = Array.isArray(value) ? maxItems : maxProperties;
  if (most === undefined || !(Array.isArray(value) || isMap(value))) return;
  const { length } = Array.isArray(value) ? value : Object.keys(value);
  if (length <= most) return;
  const problem = `it must not have more than ${most}, and has ${length}`;
  throw new SegmentdError('INVALID_ARGUMENT', `the body's /${name} is not as it should be: ${problem}`);
}

function isMap(value: unknown): value is object {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
  );
}
