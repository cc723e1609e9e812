import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Secret } from '../../protocol/secret.js';

test('a secret equals itself, and nothing else', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.uint8Array({ maxLength: 300 }),
      (text, other) => {
        const secret = new Secret(text);
        const bytes = Buffer.from(text);
        expect(secret.equals(other)).toBe(bytes.equals(other));
        expect(secret.equals(bytes)).toBe(true);
        for (const wrong of [
          bytes.subarray(0, -1),
          Buffer.concat([bytes, Buffer.alloc(1)]),
          Buffer.concat([bytes, Buffer.alloc(1000)]),
          Buffer.concat([bytes, bytes]),
        ]) {
          expect(secret.equals(wrong)).toBe(bytes.equals(wrong));
        }
      },
    ),
  );
});
