import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fillBytes } from '../../src/memory/copy.ts';

describe('a fill of bytes', () => {
  it('sets each byte of its range, wherever it begins and ends, and none beside it', () => {
    const property = fc.property(
      fc.nat({ max: 40 }),
      fc.nat({ max: 100 }),
      fc.integer({ min: 0, max: 255 }),
      (from, length, value) => {
        const whole = new Uint8Array(new SharedArrayBuffer(160)).map((_, i) => i);
        const expected = Uint8Array.from(whole).fill(value, from, from + length);
        fillBytes(whole.subarray(from, from + length), value);
        expect(Buffer.compare(whole, expected)).toBe(0);
      },
    );
    fc.assert(property, { numRuns: 500, seed: 1 });
  });
});
