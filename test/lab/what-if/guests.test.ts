import { describe, expect, it } from 'vitest';
import type { MeasuredRate } from '../../../src/lab/what-if/facts.ts';
import { type GuestFacts, plausibleGuests, rateOver } from '../../../src/lab/what-if/guests.ts';
import { areOneGuest, usedRates } from '../../../src/lab/what-if/observation.ts';
import { trustIn } from '../../../src/lab/what-if/trust.ts';
import { loadRun, loadRuns, scenarioOf } from '../../../src/lab/what-if/scenario.ts';
import { settingsFor } from '../../../src/lab/what-if/settings.ts';

const given = (bytesPerSecond: number, periodMs: number): MeasuredRate => ({
  source: 'given',
  bytesPerSecond,
  periodMs,
});
const vm = (rates: readonly MeasuredRate[], more: Partial<GuestFacts> = {}) => ({
  memoryBytes: 2 ** 30,
  vcpus: 2,
  linkBytesPerSecond: 125e6,
  rates,
  ...more,
});

describe('plausible guests', () => {
  it('all reproduce one rate over its period, and differ over others', () => {
    const guests = plausibleGuests(vm([given(40e6, 1000)]), 30, 1);
    expect(new Set(guests.map(({ pattern }) => pattern)).size).toBe(3);
    for (const guest of guests) expect(rateOver(guest, 1) / 40e6).toBeCloseTo(1, 3);
    const overTen = guests.map((guest) => rateOver(guest, 10) / 1e6);
    // A working set hardly larger than what was dirtied is all dirty soon; one of all memory hardly ever.
    expect(Math.min(...overTen)).toBeLessThan(6);
    expect(Math.max(...overTen)).toBeGreaterThan(38);
  });

  it('have the working set that is known', () => {
    const guests = plausibleGuests(
      vm([given(40e6, 1000)], { workingSetBytes: 64 * 2 ** 20 }),
      6,
      1,
    );
    for (const guest of guests) {
      expect(guest.workingSetPages).toBe(16_384);
      expect(rateOver(guest, 1) / 40e6).toBeCloseTo(1, 3);
    }
  });

  it('write all of a working set again and again that was all dirty', () => {
    const full = vm([given(64 * 2 ** 20, 1000)], { workingSetBytes: 64 * 2 ** 20 });
    const rates = plausibleGuests(full, 30, 1).map(({ rate }) => rate);
    expect(Math.max(...rates) / Math.min(...rates)).toBeGreaterThan(4);
    expect(trustIn(full).join(' ')).toContain('all of the working set');
  });

  it('reproduce all rates of a vector at once', () => {
    const rates = [given(40e6, 500), given(25e6, 2000), given(10e6, 10_000)];
    for (const guest of plausibleGuests(vm(rates), 4, 1)) {
      expect(guest.pattern).toBe('dirty-vector');
      for (const { bytesPerSecond, periodMs } of rates) {
        expect(rateOver(guest, periodMs / 1000) / bytesPerSecond).toBeCloseTo(1, 1);
      }
    }
  });

  it('reproduce one of several rates each, where no steady guest has all of them', () => {
    const rates = [given(10e6, 500), given(40e6, 2000)];
    expect(areOneGuest(usedRates(rates), 2 ** 18)).toBe(false);
    const [first, second] = plausibleGuests(vm(rates), 2, 1);
    expect(rateOver(first!, 0.5) / 10e6).toBeCloseTo(1, 3);
    expect(rateOver(second!, 2) / 40e6).toBeCloseTo(1, 3);
    expect(trustIn(vm(rates)).join(' ')).toContain('measure again');
  });

  it('take the dirty ring for a period of one second at most', () => {
    const ring: MeasuredRate = { source: 'dirty-ring', bytesPerSecond: 40e6, periodMs: 5000 };
    for (const guest of plausibleGuests(vm([ring]), 3, 1)) {
      expect(rateOver(guest, 1) / 40e6).toBeCloseTo(1, 3);
    }
  });

  it('spread by what page sampling and a throttle leave open', () => {
    const sampled: MeasuredRate = {
      source: 'page-sampling',
      bytesPerSecond: 20 * 2 ** 20,
      periodMs: 1000,
      samplePagesPerGiB: 512,
    };
    const seen = plausibleGuests(vm([sampled]), 200, 1).map(
      (guest) => rateOver(guest, 1) / 2 ** 20,
    );
    // Ten of 512 pages changed, which is off by a third as a standard deviation.
    const mean = seen.reduce((sum, rate) => sum + rate, 0) / seen.length;
    const variance = seen.reduce((sum, rate) => sum + (rate - mean) ** 2, 0) / seen.length;
    expect(Math.sqrt(variance) / mean).toBeCloseTo(1 / Math.sqrt(10), 1);

    const throttled = { ...given(40e6, 1000), throttle: 0.5 };
    const rates = plausibleGuests(vm([throttled]), 50, 1).map((guest) => rateOver(guest, 1) / 40e6);
    expect(Math.min(...rates)).toBeGreaterThanOrEqual(0.999);
    expect(Math.max(...rates)).toBeGreaterThan(1.9);
    expect(Math.max(...rates)).toBeLessThan(2.001);
  });

  it('are the same in numbers and as a scenario', () => {
    const vectors = [given(20e6, 500), given(10e6, 2000)];
    for (const facts of [vm([given(20e6, 1000)]), vm(vectors, { usedBytes: 2 ** 29 })]) {
      for (const [i, guest] of plausibleGuests(facts, 3, 1).entries()) {
        const setting = settingsFor(300)[0]!;
        const choice = { setting, guest, seed: 7 + i, timeoutMs: 1000 };
        const [quick] = loadRuns(facts, [choice], []);
        expect(quick!.config).toEqual(loadRun(scenarioOf(facts, choice), []).config);
      }
    }
  });
});
