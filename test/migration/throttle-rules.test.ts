import { describe, expect, it } from 'vitest';
import {
  AUTO_CONVERGE_DEFAULTS,
  AUTO_CONVERGE_START,
  autoConverge,
  type AutoConvergeOptions,
  dirtyPeriod,
} from '../../src/migration/policies/auto-converge.ts';
import { dirtyLimit, startDirtyLimit } from '../../src/migration/policies/dirty-limit.ts';

describe('a period of auto-converge', () => {
  /** 1000 pages of 1000 bytes in a period; `sent` bytes have been sent so far. */
  const sync = (nowMs: number, bytes: number, dirtiedPages = 1000) => ({
    nowMs,
    bytes,
    dirtiedPages,
    pageSize: 1000,
  });

  it('adds the syncs within it up, and ends with the first one after more than a second', () => {
    const first = dirtyPeriod(AUTO_CONVERGE_START, sync(600, 1e6), 0.5);
    expect(first).toEqual({
      state: { ...AUTO_CONVERGE_START, dirtiedPages: 1000 },
      takesStep: false,
      idealShare: 1,
    });
    const second = dirtyPeriod(first.state, sync(1000, 2e6), 0.5);
    expect(second.state.dirtiedPages).toBe(2000);
    const third = dirtyPeriod(second.state, sync(1001, 4e6), 0.5);
    // 3 MB were dirtied, and half of 4 MB may be.
    expect(third).toEqual({
      state: { sinceMs: 1001, sinceBytes: 4e6, dirtiedPages: 0, high: 1, throttle: 0 },
      takesStep: false,
      idealShare: 2 / 3,
    });
    // The next one counts from there: it ends after 2001 ms, and 2 MB have been sent in it.
    const inside = dirtyPeriod(third.state, sync(2001, 6e6), 0.5);
    expect(inside.state).toEqual({ ...third.state, dirtiedPages: 1000 });
    const border = dirtyPeriod(third.state, sync(2002, 6e6), 0.5);
    expect(border.state).toMatchObject({ sinceMs: 2002, sinceBytes: 6e6, high: 1 });
    const over = dirtyPeriod(third.state, sync(2002, 6e6, 1001), 0.5);
    expect(over.takesStep).toBe(true);
    expect(over.state.high).toBe(0);
    expect(over.idealShare).toBeCloseTo(1 / 1.001, 9);
  });

  it('is judged by its trigger, and keeps the throttle', () => {
    const before = { ...AUTO_CONVERGE_START, high: 1, throttle: 0.3 };
    expect(dirtyPeriod(before, sync(1100, 2e6), 0.25)).toMatchObject({
      takesStep: true,
      state: { throttle: 0.3 },
      idealShare: 0.5,
    });
    expect(dirtyPeriod(before, sync(1100, 2e6), 0.75)).toMatchObject({
      takesStep: false,
      state: { throttle: 0.3, high: 1 },
      idealShare: 1.5,
    });
  });
});

describe('a step of auto-converge', () => {
  /** The throttle after a high period in which twice as much was dirtied as allowed, and before it. */
  const next = (throttle: number, options: Partial<AutoConvergeOptions> = {}): number =>
    autoConverge(
      { ...AUTO_CONVERGE_START, high: 1, throttle },
      { nowMs: 1100, bytes: 2e6, dirtiedPages: 2000, pageSize: 1000 },
      { ...AUTO_CONVERGE_DEFAULTS, ...options },
    ).throttle;

  it('begins with the initial share, then adds the increment, in whole percents up to the most', () => {
    expect(next(0, { initial: 0.35 })).toBe(0.35);
    expect(next(0.2, { increment: 0.1 })).toBe(0.3);
    expect(next(0.95, { increment: 0.1 })).toBe(0.99);
    expect(next(0.7, { increment: 0.1, max: 0.75 })).toBe(0.75);
  });

  it('near the end adds only what is missing, when told to', () => {
    // Of the 90 % that are left, half would be enough.
    expect(next(0.1, { tailSlow: true, increment: 0.9 })).toBe(0.55);
    expect(next(0.1, { tailSlow: true, increment: 0.2 })).toBe(0.3);
    expect(next(0.1, { tailSlow: false, increment: 0.9 })).toBe(0.99);
  });

  it('is not taken in a period that is not over', () => {
    const state = { ...AUTO_CONVERGE_START, high: 1, throttle: 0.4 };
    const early = { nowMs: 900, bytes: 1, dirtiedPages: 2000, pageSize: 1000 };
    expect(autoConverge(state, early, AUTO_CONVERGE_DEFAULTS)).toEqual({
      ...state,
      dirtiedPages: 2000,
    });
  });
});

describe('the dirty limit', () => {
  const options = { quotaMiB: 100, periodMs: 1000, ringEntries: 4096 };
  const MIB = 256;

  it('counts whole mebibytes of the very period, by vCPU', () => {
    const state = startDirtyLimit(500, [100 * MIB, 50 * MIB, 7]);
    expect(state).toEqual({
      sinceMs: 500,
      pages: [100 * MIB, 50 * MIB, 7],
      sleepUs: [0, 0, 0],
      highestMiB: 0,
    });
    // In 2 s: 800 MiB and a bit by vCPU 1, a part of a MiB by vCPU 2.
    const pages = [100 * MIB, 850 * MIB + 255, 7 + 255];
    const look = dirtyLimit(state, { nowMs: 2500, pages }, options);
    // 400 MiB/s fill a ring of 16 MiB in 40 ms; 75 % too much: 40 × 75 ÷ 25 = 120 ms.
    expect(look).toEqual({
      state: { sinceMs: 2500, pages, sleepUs: [0, 120_000, 0], highestMiB: 400 },
      actions: [{ kind: 'throttle', share: 0.75, vcpu: 1 }],
    });
  });

  it('knows no ring time while nothing has been written', () => {
    const state = startDirtyLimit(0, [5]);
    expect(dirtyLimit(state, { nowMs: 1000, pages: [5] }, options)).toEqual({
      state: { ...state, sinceMs: 1000 },
      actions: [],
    });
  });

  /** The sleep after a second at this rate, in microseconds, of a vCPU that slept 60 ms; a ring fills in 40 ms. */
  const sleepAfter = (rate: number, quotaMiB = 100): number => {
    const state = { sinceMs: 0, pages: [0], sleepUs: [60_000], highestMiB: 400 };
    const look = dirtyLimit(state, { nowMs: 1000, pages: [rate * MIB] }, { ...options, quotaMiB });
    return look.state.sleepUs[0]!;
  };

  it.each([
    ['just within the tolerance above', 125, 60_000],
    ['just within the tolerance below', 75, 60_000],
    ['just beyond it above, by a tenth of a ring', 126, 64_000],
    ['just beyond it below, by a tenth of a ring', 74, 56_000],
    ['half too much, by a tenth of a ring', 200, 64_000],
    // 51 %: 40 × 51 ÷ 49 ms.
    ['more than half too much, in proportion', 205, 101_632],
    ['half too little, by a tenth of a ring', 50, 56_000],
    ['more than half too little, in proportion', 49, 18_368],
    ['far too little, to none', 10, 0],
    ['nothing, to none', 0, 0],
  ])('with %s', (_, rate, expected) => {
    expect(sleepAfter(rate)).toBe(expected);
  });

  it('leaves a vCPU alone that writes nothing where the quota lies within the tolerance', () => {
    expect(sleepAfter(0, 25)).toBe(60_000);
    expect(sleepAfter(0, 26)).toBe(0);
  });

  it('tells only of a sleep that has changed', () => {
    const state = { sinceMs: 0, pages: [0, 0], sleepUs: [60_000, 60_000], highestMiB: 400 };
    const look = dirtyLimit(state, { nowMs: 1000, pages: [100 * MIB, 200 * MIB] }, options);
    expect(look.actions).toEqual([{ kind: 'throttle', share: 64 / 104, vcpu: 1 }]);
  });
});
