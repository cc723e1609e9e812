import { expect } from 'vitest';
import { SegmentdClientError } from '../../protocol/client/index.js';

/** Everything that a stream gives. */
export async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

/** What a promise is rejected with. */
export async function failure(promise: Promise<unknown>): Promise<SegmentdClientError> {
  const error = await promise.then(
    () => new Error('it was not rejected'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(SegmentdClientError);
  return error as SegmentdClientError;
}
