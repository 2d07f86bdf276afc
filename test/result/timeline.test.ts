import { describe, expect, it } from 'vitest';
import { accessesAt, resample } from '../../src/result/timeline.ts';

describe('timelines', () => {
  const samples = [
    { ns: 100e6, accesses: 0 },
    { ns: 110e6, accesses: 100 },
    { ns: 150e6, accesses: 500 },
    { ns: 160e6, accesses: 500 },
    { ns: 190e6, accesses: 530 },
  ];

  it('know the accesses between two samples, and hold at the ends', () => {
    expect(accessesAt(samples, 0)).toBe(0);
    expect(accessesAt(samples, 100e6)).toBe(0);
    expect(accessesAt(samples, 105e6)).toBe(50);
    expect(accessesAt(samples, 110e6)).toBe(100);
    expect(accessesAt(samples, 130e6)).toBe(300);
    expect(accessesAt(samples, 155e6)).toBe(500);
    expect(accessesAt(samples, 175e6)).toBe(515);
    expect(accessesAt(samples, 1e9)).toBe(530);
    expect(accessesAt([], 5)).toBe(0);
  });

  it('become speeds of equal periods, a stop among them', () => {
    expect(resample(samples)).toEqual({
      periodMs: 20,
      accessesPerSecond: [10_000, 10_000, 5000, 1000],
    });
  });

  it('say nothing of less than a period', () => {
    expect(resample([])).toEqual({ periodMs: 20, accessesPerSecond: [] });
    expect(resample(samples.slice(0, 2))).toEqual({ periodMs: 20, accessesPerSecond: [] });
  });

  it('lose no access and never have more than 600 periods', () => {
    for (const spanMs of [20, 1000, 12_000, 12_001, 60_000, 3_600_000]) {
      const long = Array.from({ length: 500 }, (_, i) => ({
        ns: 7e6 + (i / 499) * spanMs * 1e6,
        accesses: i * i,
      }));
      const { periodMs, accessesPerSecond } = resample(long);
      expect(accessesPerSecond.length).toBeLessThanOrEqual(600);
      expect(accessesPerSecond.length).toBe(Math.floor(spanMs / periodMs));
      const sum = accessesPerSecond.reduce((total, speed) => total + (speed * periodMs) / 1000, 0);
      const covered = accessesAt(long, 7e6 + accessesPerSecond.length * periodMs * 1e6);
      const rounding = (accessesPerSecond.length * periodMs) / 2000;
      expect(Math.abs(sum - covered)).toBeLessThanOrEqual(rounding + 1e-6);
    }
  });
});
