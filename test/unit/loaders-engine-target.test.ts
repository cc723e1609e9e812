import { expect, test } from 'vitest';
import { engineTarget, type LoadableEngine } from '../../loaders/engine-target.js';
import { SegmentdError } from '../../src/errors.js';

function engine(setTags: LoadableEngine['setTags']): LoadableEngine {
  return { tag: (name) => (name === 'age' ? {} : undefined), declareTag: () => {}, setTags };
}

const users = ['a', 'b', 'c'].map((id) => ({ id, tags: { age: id === 'b' ? 'old' : '1' } }));

test('what the engine refuses is a refusal of that user alone', async () => {
  const written: string[] = [];
  const target = engineTarget(
    engine((id, { age }) => {
      if (age === 'old') throw new SegmentdError('INVALID_VALUE', 'age: "old" is not an integer');
      written.push(id);
    }),
  );
  expect(await target.hasTag('age')).toBe(true);
  expect(await target.hasTag('city')).toBe(false);
  expect(await target.writeUsers(users)).toEqual([undefined, 'age: "old" is not an integer', undefined]);
  expect(written).toEqual(['a', 'c']);
});

test('any other error of the engine is thrown', async () => {
  const target = engineTarget(
    engine(() => {
      throw new TypeError('a bug');
    }),
  );
  await expect(target.writeUsers(users)).rejects.toThrow('a bug');
});
