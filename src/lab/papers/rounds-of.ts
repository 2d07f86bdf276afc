import type { RunResult } from '../../result/schema.ts';
import { type OutcomeSeries, pointOf } from './outcome.ts';

const MIB = 2 ** 20;

/** Returns how many MiB each round of a run sent, the stopped round last, beside the paper's values. */
export function sentSeries(
  { rounds }: RunResult,
  paper: readonly (number | null)[],
  goal?: number,
): OutcomeSeries {
  return {
    name: 'sent in the round',
    isUnverified: false,
    ...(goal === undefined ? {} : { goal }),
    points: rounds.map(({ bytes }, i) => pointOf(i + 1, paper[i] ?? null, bytes / MIB, { goal })),
  };
}

/** Returns a series of one value of the whole run, in its own unit, placed at the last round. */
export function wholeSeries(
  name: string,
  { rounds }: RunResult,
  values: readonly [paper: number, ours: number],
  goal?: number,
): OutcomeSeries {
  return {
    name,
    isAside: true,
    isUnverified: false,
    ...(goal === undefined ? {} : { goal }),
    points: [pointOf(rounds.length, ...values, { goal })],
  };
}
