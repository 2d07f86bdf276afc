import type { EvacuationResult } from '../fleet/evacuation/result-schema.ts';

/** A time axis: whole steps of a round number, in a unit that keeps its numbers short. */
export interface TimeScale {
  readonly unit: 's' | 'min';
  readonly unitMs: number;
  readonly step: number;
  readonly max: number;
}

/** Steps of the time axis, about. */
const STEPS = 9;

export function scaleOf(makespanMs: number): TimeScale {
  const isLong = makespanMs > 600e3;
  const unitMs = isLong ? 60e3 : 1e3;
  const span = Math.max(makespanMs / unitMs, 1e-3);
  const step = roundStep(span / STEPS);
  const max = Number((Math.ceil(span / step) * step).toPrecision(12));
  return { unit: isLong ? 'min' : 's', unitMs, step, max };
}

/** 1, 2, 2.5 or 5 times a power of ten: the least that is no less than `least`. */
function roundStep(least: number): number {
  let power = 1e-6;
  while (power * 10 <= least) power *= 10;
  const factor = [1, 2, 2.5, 5, 10].find((one) => one * power >= least) ?? 10;
  return Number((factor * power).toPrecision(3));
}

type Link = EvacuationResult['links'][number];

/** The direction of the link that joins the hosts in which the guests go: the one with the most use. */
export function coreOf({ links }: EvacuationResult): Link | undefined {
  const used = links.toSorted((a, b) => b.meanBytesPerSecond - a.meanBytesPerSecond);
  return used.find(isCore) ?? used[0];
}

const isCore = ({ name }: Link): boolean => /^core\b/.test(name);

export function linkTitle(result: EvacuationResult): string {
  const core = coreOf(result);
  return !core || isCore(core) ? 'core link' : core.name;
}

/** The unit of a link's axis, and the axis' end: the capacity, or what was used at most. */
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
