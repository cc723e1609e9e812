import fc from 'fast-check';
import { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import { compileGlob } from '../../src/glob.js';
import { describeWithRedis, startRedisServer } from '../support/redis-server.js';

const matches = (pattern: string, text: string) => compileGlob(pattern).test(text);

describe('a glob pattern', () => {
  test.each([
    ['', [''], ['a']],
    ['abc', ['abc'], ['', 'ab', 'abcd', 'ABC', 'xabc']],
    ['*', ['', 'a', 'a\nb', '日本'], []],
    ['**', ['', 'ab'], []],
    ['a*', ['a', 'ab', 'abc'], ['', 'ba']],
    ['*a', ['a', 'ba', 'aa'], ['', 'ab']],
    ['a*b*c', ['abc', 'a1b2c', 'abbcc', 'abcbc'], ['acb', 'abcd', 'ac']],
    ['*a*b', ['ab', 'xaxb', 'abb'], ['ba', 'abx']],
    ['?', ['a', '\n', 'é'], ['', 'ab']],
    ['a?c', ['abc', 'a?c'], ['ac', 'abbc']],
    ['*?*', ['a', 'ab'], ['']],
    ['[abc]', ['a', 'b', 'c'], ['', 'd', 'ab', '[abc]']],
    ['[a-c]x', ['ax', 'bx', 'cx'], ['dx', '-x', 'a']],
    ['[c-a]', ['a', 'b', 'c'], ['d', '-']],
    ['[^a-c]', ['d', '^', 'é'], ['a', 'b', 'c', '']],
    ['[^]', ['a'], ['']],
    ['[a^]', ['a', '^'], ['b']],
    // A range takes whatever follows the "-", even what would close the class.
    ['[a-]', ['a', '^', ']'], ['-', 'b']],
    ['[\\]]', [']'], ['\\', 'a']],
    ['[\\^a]', ['^', 'a'], ['b', '\\']],
    ['[a\\-c]', ['a', '-', 'c'], ['b', '\\']],
    ['[ab', ['a', 'b'], ['[ab', 'c']],
    ['[', [], ['', '[']],
    ['[]', [], ['', '[]', ']']],
    ['[]a]', [], ['a', ']', 'a]']],
    ['\\*', ['*'], ['', 'a', '\\a']],
    ['\\?', ['?'], ['a']],
    ['\\[a]', ['[a]'], ['a']],
    ['\\\\', ['\\'], ['\\\\']],
    ['\\', ['\\'], ['']],
    ['\\a', ['a'], ['\\a']],
    ['a.c', ['a.c'], ['abc']],
    ['(a|b)+$^', ['(a|b)+$^'], ['a', 'ab']],
    ['user:[0-9]*', ['user:1', 'user:1a'], ['user:', 'user:a']],
    ['*[0-9][0-9]', ['00', 'x42', '123'], ['1', '1x']],
    ['日*語', ['日本語', '日語'], ['日本']],
  ])('%j matches %j, but not %j', (pattern, matching, others) => {
    const { test } = compileGlob(pattern);
    expect(matching.filter((text) => !test(text))).toEqual([]);
    expect(others.filter((text) => test(text))).toEqual([]);
  });

  test('of any characters never throws', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.constantFrom(...'ab*?[]^-\\') }),
    );
    fc.assert(
      fc.property(text, text, (pattern, subject) => {
        matches(pattern, subject);
        expect(matches([...pattern].map((char) => `\\${char}`).join(''), pattern)).toBe(true);
      }),
    );
  });

  test.each([
    ['*a*a*a*a*a*a*a*a*a*a*a*a*b', 'a'.repeat(20_000)],
    [`${'*a'.repeat(2000)}*b`, 'a'.repeat(20_000)],
    [`${'a*'.repeat(200)}b`, 'a'.repeat(50_000)],
    [`${'*?'.repeat(200)}b`, 'a'.repeat(20_000)],
    [`${'*[a-z][^b]'.repeat(50)}b`, 'a'.repeat(20_000)],
    ['*'.repeat(100_000), 'a'.repeat(100_000)],
  ])('made to be slow is not: %#', (pattern, text) => {
    const start = process.hrtime.bigint();
    matches(pattern, text);
    expect(Number(process.hrtime.bigint() - start) / 1e6).toBeLessThan(1000);
  });
});

describeWithRedis('a glob pattern, compared with Redis', () => {
  test('matches what it matches in KEYS', async () => {
    const letters = [...'ab]^-\\'];
    const texts = [''];
    for (let from = 0, length = 1; length <= 3; length++) {
      const to = texts.length;
      for (; from < to; from++) for (const letter of letters) texts.push(texts[from] + letter);
    }
    const keys = texts.slice(1);
    const server = await startRedisServer();
    const redis = new Redis(server.port);
    try {
      await redis.mset(Object.fromEntries(keys.map((key) => [key, '1'])));
      const patterns = fc.sample(
        fc.string({ unit: fc.constantFrom(...'aabb**?[[]]^--\\'), minLength: 1, maxLength: 8 }),
        { numRuns: 2000, seed: 1 },
      );
      const pipeline = redis.pipeline();
      for (const pattern of patterns) pipeline.keys(pattern);
      const replies = (await pipeline.exec())!;
      patterns.forEach((pattern, i) => {
        const glob = compileGlob(pattern);
        expect([pattern, keys.filter((key) => glob.test(key)).sort()]).toEqual([
          pattern,
          (replies[i]![1] as string[]).sort(),
        ]);
      });
    } finally {
      redis.disconnect();
      await server.stop();
    }
  });
});
