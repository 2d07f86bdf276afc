import type { EvacuationResult } from '../fleet/evacuation/result-schema.ts';

/** A time axis from 0 to `max` in steps of a round number; `unit` is chosen so that the numbers are short. */
export interface TimeScale {
  readonly unit: 's' | 'min';
  readonly unitMs: number;
  readonly step: number;
  readonly max: number;
}

/** About how many steps the time axis has. */
const STEPS = 9;

/** Returns the time axis for an evacuation that takes so many ms. */
export function scaleOf(makespanMs: number): TimeScale {
  const isLong = makespanMs > 600e3;
  const unitMs = isLong ? 60e3 : 1e3;
  const span = Math.max(makespanMs / unitMs, 1e-3);
  const step = roundStep(span / STEPS);
  const max = Number((Math.ceil(span / step) * step).toPrecision(12));
  return { unit: isLong ? 'min' : 's', unitMs, step, max };
}

/** Returns the smallest number that is at least `least` and 1, 2, 2.5 or 5 times a power of ten. */
function roundStep(least: number): number {
  let power = 1e-6;
  while (power * 10 <= least) power *= 10;
  const factor = [1, 2, 2.5, 5, 10].find((one) => one * power >= least) ?? 10;
  return Number((factor * power).toPrecision(3));
}

type Link = EvacuationResult['links'][number];

/**
 * Returns the link that the guests share: the core link in the direction with the most traffic, and
 * without a core link the busiest link; undefined when there are no links.
 */
export function coreOf({ links }: EvacuationResult): Link | undefined {
  const used = links.toSorted((a, b) => b.meanBytesPerSecond - a.meanBytesPerSecond);
  return used.find(isCore) ?? used[0];
}

const isCore = ({ name }: Link): boolean => /^core\b/.test(name);

/** Returns the name of the shared link for its axis. */
export function linkTitle(result: EvacuationResult): string {
  const core = coreOf(result);
  return !core || isCore(core) ? 'core link' : core.name;
}

/** Returns the unit and the end of the shared link's axis, which covers its capacity and its greatest use. */
export function linkUnit(result: EvacuationResult): {
  unit: string;
  bytesPerUnit: number;
  max: number;
} {
  const core = coreOf(result);
  const top = Math.max(core?.bytesPerSecond ?? 0, core?.maxBytesPerSecond ?? 0, 1);
  const [unit, bits] = top * 8 >= 1e9 ? (['Gbit/s', 1e9] as const) : (['Mbit/s', 1e6] as const);
  const bytesPerUnit = bits / 8;
  const step = roundStep(top / bytesPerUnit / 4);
  const max = Number((Math.ceil(((top / bytesPerUnit) * 1.001) / step) * step).toPrecision(6));
  return { unit, bytesPerUnit, max };
}
