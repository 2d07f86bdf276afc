import { z } from 'zod';
import { buildFleetResult } from '../../fleet/datacentre/result.ts';
import { EXACT, live, type Lived, overTime, tableSeries } from './fleet-series.ts';
import { drawn } from './host-series.ts';
import type { Figures, OutcomeSeries } from './outcome.ts';
import type { Given, OnRun } from './result-of.ts';

const count = z.number().int();

/** Host intervals of the data centre that is left alone, and of the one that Sandpiper watches. */
const counts = z.strictObject({ alone: count, watched: count });

const input = z.strictObject({
  /** How many hosts are too busy in each interval, and how many in some intervals with Sandpiper. */
  alone: z.array(count),
  watched: z.array(z.tuple([count, count])),
  overloaded: counts,
  sustained: counts,
  migrations: count,
  swaps: count,
  /** The time from the first hotspot to the end of the last migration, in seconds. */
  lastedS: z.number(),
  goal: z.number().positive(),
});

type Input = z.output<typeof input>;

/**
 * Figure 9 of Wood et al., NSDI 2007: how many hosts of a small data centre are too busy in each interval, without
 * migrations and with Sandpiper, as raw counts.
 */
export async function sandpiperDatacentre(onRun: OnRun, experiment: Given): Promise<Figures> {
  const given = input.parse(experiment.data);
  const alone = await live(experiment, ['policy=none']);
  onRun(1, 2);
  const watched = await live(experiment);
  onRun(2, 2);
  const each = given.alone.map((hosts, i): [number, number] => [i + 1, hosts]);
  return {
    x: { label: 'interval', log: false },
    y: { label: 'hosts too busy', log: false },
    series: [
      drawn('left alone', busyHosts(alone), { paper: new Map(each) }),
      drawn('Sandpiper', busyHosts(watched), { paper: new Map(given.watched) }),
      ...intervalsOf(given, alone, watched),
      leftOf(watched),
      ...workOf(given, watched),
    ],
  };
}

/** Returns the number of hosts that are too busy in each interval. */
function busyHosts({ loaded, report }: Lived): [number, number][] {
  const { threshold } = loaded.config.hotspot;
  const intervals = report.hosts[0]!.series.cpu.map(
    (_, i) =>
      report.hosts.filter(({ series: { cpu, net } }) => cpu[i]! > threshold || net[i]! > threshold)
        .length,
  );
  return overTime(intervals, 1);
}

/** The counts are those of results; nobody has said how near they should come, so they have no goal. */
function intervalsOf(
  { overloaded, sustained }: Input,
  aloneLife: Lived,
  watchedLife: Lived,
): OutcomeSeries[] {
  const [alone, watched] = [aloneLife, watchedLife].map(
    ({ loaded, report }) => buildFleetResult(loaded, report).totals,
  );
  const rows = (
    paper: { readonly alone: number; readonly watched: number },
    of: 'overloadedIntervals' | 'sustainedIntervals',
  ): [number, number, number][] => [
    [1, paper.alone, alone![of]],
    [2, paper.watched, watched![of]],
  ];
  const which = 'left alone (1) and with Sandpiper (2)';
  const unverified = { isUnverified: true };
  return [
    tableSeries(
      `overloaded host intervals, ${which}`,
      rows(overloaded, 'overloadedIntervals'),
      unverified,
    ),
    tableSeries(
      `sustained ones of them, ${which}`,
      rows(sustained, 'sustainedIntervals'),
      unverified,
    ),
  ];
}

/** In the last two intervals the paper has no host that is too busy any more. */
function leftOf(watched: Lived): OutcomeSeries {
  const last = busyHosts(watched).slice(-2);
  return tableSeries(
    'hosts too busy in the last two intervals, with Sandpiper, at most',
    last.map(([interval, hosts]) => [interval, 0, hosts]),
    { bound: 'high' },
  );
}

function workOf({ migrations, swaps, lastedS, goal }: Input, { report }: Lived): OutcomeSeries[] {
  const swapped = report.decisions.reduce((sum, one) => sum + one.swaps, 0);
  // Two guests that change places through the scratch host are three migrations.
  const moves = report.migrations.length - 3 * swapped;
  const firstNs = report.decisions.find(({ hotspots }) => hotspots.length > 0)?.atNs ?? 0;
  const lastNs = Math.max(...report.migrations.map(({ endNs }) => endNs));
  return [
    tableSeries('migrations, without those of swaps', [[1, migrations, moves]], { goal }),
    tableSeries('swaps', [[1, swaps, swapped]], { goal: EXACT }),
    tableSeries(
      's from the first hotspot to the end of the last migration',
      [[1, lastedS, (lastNs - firstNs) / 1e9]],
      { goal },
    ),
  ];
}
