import { describe, expect, test } from 'vitest';
import { expectedOutputs, fingerprint, isInstalled } from '../../.scripts/prepare.mjs';

const manifest = { dependencies: { roaring: '^2.7.0' } };
const roaring = { version: '2.7.0', integrity: 'sha512-a' };
const lock = { packages: { '': manifest, 'node_modules/roaring': roaring } };

describe('isInstalled', () => {
  test('is true when every locked package is there', () => {
    expect(
      isInstalled(manifest, lock, {
        packages: { 'node_modules/roaring': roaring },
      }),
    ).toBe(true);
  });

  test('is false when a package is missing or of another version', () => {
    expect(isInstalled(manifest, lock, { packages: {} })).toBe(false);
    const other = { ...roaring, version: '2.6.0' };
    expect(
      isInstalled(manifest, lock, {
        packages: { 'node_modules/roaring': other },
      }),
    ).toBe(false);
  });

  test('is false when the manifest asks for something that is not locked', () => {
    const grown = {
      dependencies: { ...manifest.dependencies, redis: '^6.0.0' },
    };
    expect(
      isInstalled(grown, lock, {
        packages: { 'node_modules/roaring': roaring },
      }),
    ).toBe(false);
  });

  test('does not ask for optional packages of other platforms', () => {
    const withOptional = {
      packages: {
        ...lock.packages,
        'node_modules/fsevents': { version: '2.3.3', optional: true },
      },
    };
    expect(
      isInstalled(manifest, withOptional, {
        packages: { 'node_modules/roaring': roaring },
      }),
    ).toBe(true);
  });
});

test('expectedOutputs names what the compiler writes', () => {
  expect([...expectedOutputs(['src/index.ts', 'src/types.d.ts'])]).toEqual([
    'src/index.js',
    'src/index.js.map',
    'src/index.d.ts',
  ]);
});

test('fingerprint depends on names and contents, not on their order', () => {
  const one = fingerprint([
    ['a', '1'],
    ['b', '2'],
  ]);
  expect(
    fingerprint([
      ['b', '2'],
      ['a', '1'],
    ]),
  ).toBe(one);
  expect(
    fingerprint([
      ['a', '12'],
      ['b', ''],
    ]),
  ).not.toBe(one);
});
