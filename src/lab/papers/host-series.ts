import type { GuestSample, HostReport, HostSample } from '../../fleet/host/report.ts';
import { type OutcomeSeries, pointOf } from './outcome.ts';

/** The guests of these papers have pages of 4 KiB. */
const PAGE_BYTES = 4096;

/** Returns pages as MiB, which the papers on memory management call MB. */
export const mibOf = (pages: number): number => (pages * PAGE_BYTES) / 2 ** 20;

/** What of a guest's samples a series shows. */
export type Amount = Exclude<keyof GuestSample, 'accesses'>;

/** Returns an amount of memory of a guest in MiB, over time, as pairs of a minute and a value. */
export function amountOver(
  { samples }: HostReport,
  guest: number,
  amount: Amount,
): [number, number][] {
  return samples.flatMap((sample): [number, number][] => {
    const of = sample.guests[guest];
    return of ? [[minutesOf(sample), mibOf(of[amount])]] : [];
  });
}

export const minutesOf = ({ atNs }: Pick<HostSample, 'atNs'>): number => atNs / 60e9;

/** Returns the median of the values of a series from one minute to another, both included. */
export function medianBetween(
  over: readonly (readonly [number, number])[],
  from: number,
  to: number,
): number {
  const values = over.flatMap(([at, value]) => (at >= from && at <= to ? [value] : []));
  if (values.length === 0) throw new Error(`no sample lies between minute ${from} and ${to}`);
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2;
}

/** Returns a series that only the chart shows: ours at every sample, and the paper's values where it has any. */
export function drawn(
  name: string,
  over: readonly (readonly [number, number])[],
  more: {
    readonly paper?: ReadonlyMap<number, number>;
    readonly like?: string;
  } = {},
): OutcomeSeries {
  const { paper, like } = more;
  return {
    name,
    isUnverified: true,
    isDrawnOnly: true,
    ...(like === undefined ? {} : { like }),
    points: over.map(([at, value]) => pointOf(at, paper?.get(at) ?? null, value)),
  };
}
