import { vectorProblems } from '../../guest/dirty-vector.ts';
import { power } from '../../random/elementary.ts';
import type { MeasuredRate } from './facts.ts';

export const PAGE = 4096;

/** How many distinct pages were dirtied in a time. */
export interface Observation {
  readonly seconds: number;
  readonly pages: number;
}

/** QEMU's reaper empties a dirty ring once a second, after which each page counts again (accel/kvm/kvm-all.c). */
export const RING_PERIOD_MS = 1000;
const SAMPLE_PAGES = 512;
const GIB_PAGES = 2 ** 18;

/** Returns the period over which a rate really counted each page once. */
export const countedMs = ({ source, periodMs }: MeasuredRate): number =>
  source === 'dirty-ring' ? Math.min(periodMs, RING_PERIOD_MS) : periodMs;

/**
 * Returns the rates that guests are made to reproduce, by their periods: those whose period is known, or all if none is.
 * Of several with one period, the mean counts.
 */
export function usedRates(rates: readonly MeasuredRate[]): MeasuredRate[] {
  const sure = rates.filter(({ isPeriodEstimated }) => isPeriodEstimated !== true);
  const candidates = sure.length > 0 ? sure : rates;
  const periods = [...new Set(candidates.map(countedMs))].toSorted((a, b) => a - b);
  return periods.map((ms): MeasuredRate => {
    const same = candidates.filter((rate) => countedMs(rate) === ms);
    const sum = same.reduce((total, { bytesPerSecond }) => total + bytesPerSecond, 0);
    return { ...same[0]!, bytesPerSecond: sum / same.length };
  });
}

/** Returns whether several rates are those of one steady guest, so that guests can reproduce all of them at once. */
export function areOneGuest(rates: readonly MeasuredRate[], memoryPages: number): boolean {
  const points = rates.map((rate) => ({
    afterNs: countedMs(rate) * 1e6,
    pages: Math.round(observe(rate).pages),
    slackPages: Math.ceil(
      ((rate.roundingBytesPerSecond ?? 0) * countedMs(rate)) / 1000 / PAGE +
        errorOf(rate, memoryPages),
    ),
  }));
  return points.length > 1 && vectorProblems(points, memoryPages).length === 0;
}

/** Returns what a rate observed, as it says it. */
export function observe(rate: MeasuredRate): Observation {
  const seconds = countedMs(rate) / 1000;
  return { seconds, pages: (rate.bytesPerSecond * seconds) / PAGE };
}

/** Returns by how many pages a count may be off because only a sample was looked at, as a standard deviation. */
function errorOf(rate: MeasuredRate, memoryPages: number): number {
  if (rate.source !== 'page-sampling') return 0;
  const sampled = ((rate.samplePagesPerGiB ?? SAMPLE_PAGES) * memoryPages) / GIB_PAGES;
  const { pages } = observe(rate);
  const changed = Math.max(1, (pages / memoryPages) * sampled);
  return pages / Math.sqrt(changed);
}

/**
 * Returns what a rate may really have observed, drawn by `chance`, which gives numbers from 0 to 1: within what was rounded away, within the error of the
 * sample, of a period within a factor of two of one that was only estimated, and of a throttled guest with up to all that
 * the throttle held up.
 */
export function drawObservation(
  rate: MeasuredRate,
  memoryPages: number,
  chance: () => number,
): Observation {
  const said = observe(rate);
  const seconds = rate.isPeriodEstimated
    ? Math.max(Math.min(1, said.seconds), said.seconds * power(4, chance() - 0.5))
    : said.seconds;
  const rounding = chance() * (rate.roundingBytesPerSecond ?? 0);
  const held = rate.throttle === undefined ? 1 : 1 + chance() * (1 / (1 - rate.throttle) - 1);
  const bell = chance() + chance() + chance() + chance() - 2;
  // The sum of four uniform numbers has a standard deviation of 1/√3.
  const error = Math.sqrt(3) * bell * errorOf(rate, memoryPages);
  const pages = ((rate.bytesPerSecond + rounding) * held * seconds) / PAGE + error;
  return { seconds, pages: Math.min(memoryPages, Math.max(1, pages)) };
}
