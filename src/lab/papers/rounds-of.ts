import type { RunResult } from '../../result/schema.ts';
import { type OutcomeSeries, pointOf } from './outcome.ts';

const MIB = 2 ** 20;

/** What each round of a run sent, MiB, the stopped one last, beside the paper's. */
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

/** One value of the whole run, in its own unit, shown at its last round. */
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
