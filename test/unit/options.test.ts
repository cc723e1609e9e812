import { describe, expect, test } from 'vitest';
import {
  optionEnv,
  optionFlag,
  optionRows,
  parseOption,
  resolveEngineOptions,
  resolveServerOptions,
} from '../../src/options.js';
import { codeOf } from '../support/code-of.js';

describe.each(optionRows)('the option %s', (name, row) => {
  const resolve = row.scope === 'engine' ? resolveEngineOptions : resolveServerOptions;
  const resolveOther = row.scope === 'engine' ? resolveServerOptions : resolveEngineOptions;
  const wrongType = row.type === 'string' ? 7 : 'seven';

  test('has a default that it would take, a name for every place, and a sentence that explains it', () => {
    expect(resolve({})).toHaveProperty(name, row.default);
    expect(resolve({ [name]: row.default })).toEqual(resolve({}));
    expect(resolve({ [name]: undefined })).toEqual(resolve({}));
    expect(parseOption(name, String(row.default), 'x')).toBe(row.default);
    expect(optionFlag(name)).toMatch(/^[a-z]+(-[a-z]+)*$/);
    expect(optionEnv(name)).toBe(`SEGMENTD_${optionFlag(name).toUpperCase().replaceAll('-', '_')}`);
    expect(row.doc).toMatch(/^[A-Z].*\.$/);
  });

  test('is checked', () => {
    expect(codeOf(() => resolve({ [name]: wrongType }))).toBe('INVALID_OPTION');
    expect(() => resolve({ [name]: wrongType })).toThrow(name);
    expect(codeOf(() => resolve({ [name]: null }))).toBe('INVALID_OPTION');
    expect(codeOf(() => resolveOther({ [name]: row.default }))).toBe('INVALID_OPTION');
  });

  if (row.type === 'integer')
    test('has a range', () => {
      const { min = Number.NaN, max = Number.NaN } = row;
      for (const value of [min, max]) {
        expect(resolve({ [name]: value })).toHaveProperty(name, value);
        expect(parseOption(name, `${value}`, 'x')).toBe(value);
      }
      for (const value of [min - 1, max + 1, min + 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
        expect(codeOf(() => resolve({ [name]: value }))).toBe('INVALID_OPTION');
      }
      for (const text of [
        '',
        ' 1',
        '1 ',
        'x',
        '1e3',
        '0x10',
        '1.5',
        `${min - 1}`,
        `${max + 1}`,
        '9'.repeat(20),
      ]) {
        expect(codeOf(() => parseOption(name, text, 'x'))).toBe('INVALID_OPTION');
        expect(() => parseOption(name, text, '--flag')).toThrow(
          `--flag must be a whole number from ${min} to ${max}`,
        );
      }
    });

  if (row.type === 'boolean')
    test('is yes or no', () => {
      for (const text of ['yes', 'true', '1', 'YES']) expect(parseOption(name, text, 'x')).toBe(true);
      for (const text of ['no', 'false', '0', 'No']) expect(parseOption(name, text, 'x')).toBe(false);
      for (const text of ['', 'on', '2', 'constructor', '__proto__']) {
        expect(codeOf(() => parseOption(name, text, 'x'))).toBe('INVALID_OPTION');
      }
    });

  if (row.type === 'choice')
    test('is one of a few words', () => {
      const { choices = [] } = row;
      expect(choices).toContain(row.default);
      for (const word of choices) {
        expect(parseOption(name, word.toUpperCase(), 'x')).toBe(word);
        expect(resolve({ [name]: word })).toHaveProperty(name, word);
      }
      for (const text of ['', 'x', 'constructor', `${choices[0]} `]) {
        expect(codeOf(() => resolve({ [name]: text }))).toBe('INVALID_OPTION');
        expect(() => parseOption(name, text, '--flag')).toThrow(
          `--flag must be one of ${choices.join(', ')}`,
        );
      }
    });

  if (row.type === 'string')
    test('is any text', () => {
      for (const text of ['', 'a b', '7', 'ü']) {
        expect(parseOption(name, text, 'x')).toBe(text);
        expect(resolve({ [name]: text })).toHaveProperty(name, text);
      }
    });
});

test('names of options are different in every place', () => {
  expect(new Set(optionRows.map(([name]) => optionEnv(name))).size).toBe(optionRows.length);
  expect(new Set(optionRows.map(([name]) => optionFlag(name))).size).toBe(optionRows.length);
});

test.each(['nonsense', 'constructor', 'toString', 'max-enum-values'])('%s is no option', (name) => {
  for (const resolve of [resolveEngineOptions, resolveServerOptions]) {
    expect(codeOf(() => resolve({ [name]: 1 }))).toBe('INVALID_OPTION');
    expect(() => resolve({ [name]: 1 })).toThrow(`has no option "${name}"`);
  }
});
