import { z } from 'zod';
import { type Lived, liveTwice, overTime, tableSeries, type View } from './fleet-series.ts';
import { drawn } from './host-series.ts';
import type { Figures, OutcomeSeries } from './outcome.ts';
import type { Given, OnRun } from './result-of.ts';

/** A point in time in seconds, and the memory that a guest has then, in MB. */
const allocations = z.array(z.tuple([z.number(), z.number()]));

const input = z.strictObject({
  /** What figure 6a has of the guest that is seen from outside, and of the one that is seen from inside. */
  black: allocations,
  gray: allocations,
  goal: z.number().positive(),
  /** When the guest that is seen from inside is told to migrate, in seconds, and by how much ours may differ. */
  decided: z.number(),
  withinS: z.number().positive(),
  /** What each of the two wrote to its swap device, in MB, and how far ours may be off. */
  swapped: z.strictObject({ black: z.number(), gray: z.number() }),
  swappedGoal: z.number().positive(),
});

type Input = z.output<typeof input>;

/**
 * Figure 6 of Wood et al., NSDI 2007: the memory that Sandpiper gives a guest whose need grows, seen from outside and
 * seen from inside, and what the guest swaps meanwhile.
 */
export async function sandpiperMemory(onRun: OnRun, experiment: Given): Promise<Figures> {
  const given = input.parse(experiment.data);
  const lives = await liveTwice(onRun, experiment);
  return {
    x: { label: 'time', unit: 's', log: false },
    y: { label: 'memory', unit: 'MiB', log: false },
    series: [
      ...lives.flatMap((one) => allocated(one, given)),
      ...decided(given, lives),
      ...lives.map((one) => swapped(one, given)),
    ],
  };
}

function allocated({ kind, seen, report, intervalS }: View & Lived, given: Input): OutcomeSeries[] {
  const over = overTime(report.vms[0]!.memorySeries!, intervalS, (bytes) => bytes / 2 ** 20);
  const ours = new Map(over);
  return [
    drawn(seen, over, { paper: new Map(given[kind]) }),
    tableSeries(
      `memory, ${seen}, by the time`,
      given[kind].map(([atS, mib]) => [atS, mib, ours.get(atS)!]),
      { goal: given.goal, isUnverified: true },
    ),
  ];
}

function decided({ decided: paper, withinS }: Input, lives: readonly Lived[]): OutcomeSeries[] {
  const [black, gray] = lives.map(
    ({ report }) => (report.decisions.find(({ moves }) => moves.length > 0)?.atNs ?? 0) / 1e9,
  );
  return [
    tableSeries(
      `s until it is told to migrate, seen from inside, to within ${withinS} s`,
      [[1, paper, gray!]],
      { within: withinS },
    ),
    tableSeries('s until it is told to migrate, seen from outside: later', [[1, paper, black!]], {
      bound: 'low',
    }),
  ];
}

const swapped = (
  { kind, seen, report }: View & Lived,
  { swapped: paper, swappedGoal }: Input,
): OutcomeSeries =>
  tableSeries(
    `MB written to swap, ${seen}`,
    [[1, paper[kind], report.vms[0]!.swapWrittenBytes / 1e6]],
    { goal: swappedGoal },
  );
