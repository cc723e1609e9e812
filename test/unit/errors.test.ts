import { describe, expect, test } from 'vitest';
import { type ErrorCode, errorTable, SegmentdError } from '../../src/index.js';

const codes = Object.keys(errorTable) as ErrorCode[];

describe.each(codes)('the error %s', (code) => {
  test('has a prefix for RESP and a status for HTTP', () => {
    const { resp, http } = errorTable[code];
    expect(code).toMatch(/^[A-Z]+(_[A-Z]+)*$/);
    expect(resp).toMatch(/^[A-Z]+$/);
    expect(http).toBeGreaterThanOrEqual(400);
    expect(http).toBeLessThan(600);
  });

  test('is an Error with a code and a message', () => {
    const cause = new Error('why');
    const error = new SegmentdError(code, 'what and where', { cause });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: 'SegmentdError', code, message: 'what and where', cause });
    expect(error.toResp()).toBe(`${errorTable[code].resp} what and where`);
    expect(String(error)).toBe('SegmentdError: what and where');
  });
});
