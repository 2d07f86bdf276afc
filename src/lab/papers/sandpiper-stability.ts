import { z } from 'zod';
import type { PlannedHost } from '../../fleet/datacentre/sandpiper/ledger.ts';
import { planMitigation } from '../../fleet/datacentre/sandpiper/plan.ts';
import { Generator } from '../../random/generator.ts';
import { emptyHost, plannedHost } from '../placement/planned-hosts.ts';
import { type Figures, type OutcomeSeries, pointOf } from './outcome.ts';
import type { Given, OnRun } from './result-of.ts';

const perCase = z.array(z.number());

const input = z.strictObject({
  hosts: z.number().int(),
  vmsPerHost: z.number().int(),
  threshold: z.number(),
  /** The mean CPU use of hot hosts and of the others, and by how much that of a host may differ. */
  hot: z.strictObject({ mean: z.number(), spread: z.number() }),
  other: z.strictObject({ mean: z.number(), spread: z.number() }),
  /** A VM's share of its host's use differs from that of the others by as much as this. */
  vmSpread: z.number(),
  runs: z.number().int(),
  /** How many hosts are hot in each case. */
  hotHosts: perCase,
  /** The bars of figure 11b, of migrations and of swaps. */
  migrations: perCase,
  swaps: perCase,
  goal: z.number(),
  /** In how many of 100 runs all hotspots were resolved, and how many were of how many, as the text says. */
  complete: z.array(z.tuple([z.number(), z.number()])),
  resolved: z.array(z.tuple([z.number(), z.number()])),
});

type Input = z.output<typeof input>;

/** What plans for as many hot hosts came to, as means over all runs. */
interface Means {
  migrations: number;
  swaps: number;
  resolved: number;
  /** The share of runs without a hotspot that is left. */
  complete: number;
}

/**
 * Figure 11b of Wood et al., NSDI 2007: how many migrations and swaps the algorithm plans for more and more hot hosts.
 * As in the paper this is a simulation of the plans alone, in which nothing migrates.
 */
export function sandpiperStability(onRun: OnRun, { data }: Given): Promise<Figures> {
  const given = input.parse(data);
  const means = given.hotHosts.map((hot, index) => {
    const mean = meansOf(hot, given);
    onRun(index + 1, given.hotHosts.length);
    return mean;
  });
  const { hotHosts, goal } = given;
  const bars = (name: string, paper: readonly number[], of: (mean: Means) => number) => ({
    name,
    isUnverified: true,
    goal,
    points: means.map((mean, i) => pointOf(hotHosts[i]!, paper[i]!, of(mean), { goal })),
  });
  const aside = (
    name: string,
    points: Input['complete'],
    of: (mean: Means) => number,
  ): OutcomeSeries => ({
    name,
    isUnverified: false,
    isAside: true,
    points: points.map(([hot, paper]) => pointOf(hot, paper, of(means[hotHosts.indexOf(hot)]!))),
  });
  return Promise.resolve({
    x: { label: 'hot hosts', log: false },
    y: { label: 'moves planned', log: false },
    series: [
      bars('migrations', given.migrations, ({ migrations }) => migrations),
      bars('guests that swaps exchange', given.swaps, ({ swaps }) => 2 * swaps),
      aside(
        '% of runs in which all hotspots are resolved',
        given.complete,
        (mean) => 100 * mean.complete,
      ),
      aside('hotspots resolved', given.resolved, ({ resolved }) => resolved),
    ],
  });
}

function meansOf(hot: number, given: Input): Means {
  const means: Means = { migrations: 0, swaps: 0, resolved: 0, complete: 0 };
  const { runs, threshold } = given;
  for (let run = 0; run < runs; run++) {
    const random = new Generator(run, hot);
    const hosts = Array.from({ length: given.hosts }, (_, i) =>
      plannedHost(i, i < hot, given, random),
    );
    const isHot = (host: PlannedHost): boolean => !host.isCool(threshold);
    const found = hosts.filter(isHot);
    const { chains, swaps } = planMitigation(hosts, isHot, emptyHost('scratch', given), threshold);
    const left = found.filter(isHot).length;
    means.migrations += (chains.length - swaps) / runs;
    means.swaps += swaps / runs;
    means.resolved += (found.length - left) / runs;
    if (left === 0) means.complete += 1 / runs;
  }
  return means;
}
