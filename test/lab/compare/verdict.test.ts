import { describe, expect, it } from 'vitest';
import { type Judged, judgeExact, judgeShifts } from '../../../src/lab/compare/verdict.ts';

const shift = (size: number, reach: number, p: number): Judged['shift'] => ({
  size,
  interval: [size - reach, size + reach],
  pMore: size > 0 ? p : 1 - p,
  pLess: size > 0 ? 1 - p : p,
});
const options = { alpha: 0.05, sides: 2 } as const;

function verdictOf(one: Judged['shift'], better: Judged['better'] = 'less', floor = 0.01) {
  return judgeShifts([{ shift: one, better, floor }], options)[0]!;
}

describe('a verdict', () => {
  it('is worse for more of what should be less, and the other way round', () => {
    const more = shift(0.1, 0.05, 0.001);
    expect(verdictOf(more).verdict).toBe('worse');
    expect(verdictOf(more, 'more').verdict).toBe('better');
    expect(verdictOf(shift(-0.1, 0.05, 0.001)).verdict).toBe('better');
    expect(verdictOf(more).p).toBeCloseTo(0.002);
  });

  it('needs a small p, an interval without 0, and a change beyond the floor', () => {
    expect(verdictOf(shift(0.1, 0.05, 0.03)).verdict).toBe('unclear');
    expect(verdictOf(shift(0.1, 0.11, 0.001)).verdict).toBe('unclear');
    expect(verdictOf(shift(0.1, 0.05, 0.001), 'less', 0.2).verdict).toBe('same');
    expect(verdictOf(shift(0.1, 0.15, 0.001), 'less', 0.2).verdict).toBe('unclear');
  });

  it('is the same only when the whole interval is within the floor', () => {
    expect(verdictOf(shift(0.001, 0.005, 0.4)).verdict).toBe('same');
    expect(verdictOf(shift(0.001, 0.05, 0.4)).verdict).toBe('unclear');
    expect(verdictOf({ size: 0, interval: [0, 0], pMore: 1, pLess: 1 }).verdict).toBe('same');
  });

  it('of many is stricter', () => {
    const one = { shift: shift(0.1, 0.05, 0.004), better: 'less', floor: 0.01 } as const;
    const none = { shift: shift(0.1, 0.05, 0.4), better: 'less', floor: 0.01 } as const;
    expect(judgeShifts([one], options)[0]!.verdict).toBe('worse');
    const many = judgeShifts([one, none, none, none, none, none, none], options);
    expect(many[0]!.verdict).toBe('unclear');
    expect(many[0]!.p).toBeCloseTo(2 * 0.004 * 7);
  });
});

describe('what has no noise', () => {
  it('is judged by the differences alone', () => {
    expect(judgeExact([3], 3, 'less', 0.1)).toBe('worse');
    expect(judgeExact([3], 3, 'more', 0.1)).toBe('better');
    expect(judgeExact([0.05], 0.05, 'less', 0.1)).toBe('same');
    expect(judgeExact([3, -1], 1, 'less', 0.1)).toBe('unclear');
    expect(judgeExact([-3, -1], -2, 'less', 0.1)).toBe('better');
    expect(judgeExact([0.05, 0.11], 0.08, 'less', 0.1)).toBe('unclear');
  });
});
