import { z } from 'zod';
import type { HostReport } from '../../fleet/host/report.ts';
import { amountOver, drawn, medianBetween } from './host-series.ts';
import { type Figures, type OutcomeSeries, pointOf } from './outcome.ts';
import { type Given, hostReportOf, type OnRun } from './result-of.ts';

const plateau = z.strictObject({
  name: z.string(),
  /** The minutes over which the median is taken. */
  from: z.number(),
  to: z.number(),
  /** The paper's allocated memory of each guest in MiB. */
  allocated: z.array(z.number()),
});

const input = z.strictObject({
  goal: z.number().positive(),
  plateaus: z.array(plateau).length(2),
  /** The seeds of the runs whose plateaus are averaged, as one run's depend on which pages happen to be sampled. */
  seeds: z.array(z.number()).min(1),
  /** How many times as fast the second guest is at least in the second plateau. */
  faster: z.number(),
});

type Input = z.output<typeof input>;
type Plateau = z.output<typeof plateau>;

/**
 * Figure 7 of Waldspurger, OSDI 2002: two guests with equal shares, of which one is idle, and what the tax on idle
 * memory changes once it is turned on.
 */
export async function esxIdleTax(onRun: OnRun, { loadHost, data }: Given): Promise<Figures> {
  const given = input.parse(data);
  const reports: HostReport[] = [];
  for (const seed of given.seeds) {
    reports.push(await hostReportOf(loadHost([`seed=${seed}`])));
    onRun(reports.length, given.seeds.length);
  }
  const names = loadHost().config.guests.map(({ name }) => name);
  return {
    x: { label: 'time', unit: 'min', log: false },
    y: { label: 'memory', unit: 'MiB', log: false },
    // The chart shows the first run.
    series: [...curvesOf(given, reports[0]!, names), ...plateausOf(given, reports, names)],
  };
}

/** Returns each guest's memory over time, and the estimate of what it uses, which the chart has dashed. */
function curvesOf(given: Input, report: HostReport, names: readonly string[]): OutcomeSeries[] {
  return names.flatMap((name, guest) => {
    const paper = new Map(given.plateaus.map(({ to, allocated }) => [to, allocated[guest]!]));
    return [
      drawn(name, amountOver(report, guest, 'allocated'), { paper }),
      drawn(`${name}, active (estimate)`, amountOver(report, guest, 'active'), {
        like: name,
      }),
    ];
  });
}

function plateausOf(
  given: Input,
  reports: readonly HostReport[],
  names: readonly string[],
): OutcomeSeries[] {
  const { plateaus, goal, faster } = given;
  const mean = (valueOf: (report: HostReport) => number): number =>
    reports.reduce((sum, report) => sum + valueOf(report), 0) / reports.length;
  const medianIn = ({ from, to }: Plateau, guest: number): number =>
    mean((report) => medianBetween(amountOver(report, guest, 'allocated'), from, to));
  const medians = names.map((name, guest): OutcomeSeries => ({
    name: `${name}, median of a plateau, mean of ${reports.length} runs`,
    isUnverified: true,
    isAside: true,
    goal,
    points: plateaus.map((of, i) =>
      // Without the tax the goal is that both guests have the same, which a series of its own says.
      pointOf(of.to, of.allocated[guest]!, medianIn(of, guest), i === 0 ? {} : { goal }),
    ),
  }));
  const [untaxed] = plateaus;
  const equal: OutcomeSeries = {
    name: `${names[0]} ÷ ${names[1]}, without the tax`,
    isUnverified: true,
    isAside: true,
    goal,
    points: [
      pointOf(
        untaxed!.to,
        untaxed!.allocated[0]! / untaxed!.allocated[1]!,
        medianIn(untaxed!, 0) / medianIn(untaxed!, 1),
        { goal },
      ),
    ],
  };
  const [before, after] = plateaus.map(({ from, to }) =>
    mean((report) => accessesBetween(report, 1, from, to)),
  );
  const speed: OutcomeSeries = {
    name: `${names[1]}, times as fast with the tax: at least`,
    isUnverified: false,
    isAside: true,
    bound: 'low',
    points: [pointOf(plateaus[1]!.to, faster, after! / before!, { bound: 'low' })],
  };
  return [...medians, equal, speed];
}

/** Returns the accesses a minute of a guest from one minute to another. */
function accessesBetween(report: HostReport, guest: number, from: number, to: number): number {
  const at = (minute: number): number => {
    const sample = report.samples.find(({ atNs }) => atNs >= minute * 60e9)!;
    return sample.guests[guest]!.accesses;
  };
  return (at(to) - at(from)) / (to - from);
}
