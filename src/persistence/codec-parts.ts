/** What the forms of several mutations have in common. */
import type { UserId } from '../store/user-key.js';
import type { MsgpackReader } from './msgpack-reader.js';
import type { MsgpackWriter } from './msgpack-writer.js';

/** Begins a mutation of a type, behind whose number there are so many items. */
export function begin(out: MsgpackWriter, type: number, rest: number): void {
  out.array(1 + rest);
  out.number(type);
}

/** What has no form here is nil: the store refuses it, and then nothing of it is kept. */
export function writeScalar(out: MsgpackWriter, value: unknown): void {
  if (value === true) out.true();
  else if (typeof value === 'string') out.string(value);
  else if (typeof value === 'number') out.number(value);
  else out.nil();
}

export function readUsers(input: MsgpackReader, count: number): UserId[] {
  return Array.from({ length: count }, () => input.binary());
}
