import { expect, test } from 'vitest';
import { codeIn, sourcesIn, textOf } from '../support/sources.js';

const files = sourcesIn('src', 'protocol', 'loaders', 'bench', 'test', '.scripts');

test('no file has more than 500 lines', () => {
  expect(files.length).toBeGreaterThan(50);
  expect(files.filter((path) => textOf(path).split('\n').length > 501)).toEqual([]);
});

test('no test sleeps: it waits for what it is about', () => {
  const sleeps =
    /new Promise\s*(<[^>]*>)?\s*\([^;]{0,40}setTimeout|setTimeout[^;]*from 'node:timers\/promises'|Atomics\.wait\(/;
  const tests = files.filter((path) => path.startsWith('test/') && path !== 'test/guards/files.test.ts');
  expect(tests.filter((path) => sleeps.test(codeIn(path)))).toEqual([]);
});

test('every test file has tests that run: none is left out, none is alone', () => {
  const tests = files.filter((path) => path.endsWith('.test.ts') && path !== 'test/guards/files.test.ts');
  expect(tests.filter((path) => /\b(test|it|describe)\.(only|skip|todo)\b/.test(codeIn(path)))).toEqual([]);
});
