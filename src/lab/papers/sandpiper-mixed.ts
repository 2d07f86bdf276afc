import { z } from 'zod';
import { EXACT, live, type Lived, numberOf, overTime, tableSeries } from './fleet-series.ts';
import { drawn } from './host-series.ts';
import type { Figures, OutcomeSeries } from './outcome.ts';
import type { Given, OnRun } from './result-of.ts';

/** Points in time, in seconds, and a value at each. */
const points = z.array(z.tuple([z.number(), z.number()]));

const input = z.strictObject({
  /** The shares of a host's network card or CPU that the paper's figure has. */
  curves: z.array(z.strictObject({ host: z.string(), of: z.enum(['net', 'cpu']), points })),
  goal: z.number().positive(),
  /** The guest whose memory grows, and the paper's figures for it in MB. */
  guest: z.string(),
  memory: points,
  memoryGoal: z.number().positive(),
  /** When the paper's swaps happen, in seconds, and by how much ours may differ. */
  swaps: z.tuple([z.number(), z.number()]),
  withinS: z.number().positive(),
  /** The share that no resource of any host exceeds between the swaps. */
  quiet: z.strictObject({ fromS: z.number(), toS: z.number(), most: z.number() }),
  /** The guests that send much. */
  senders: z.array(z.string()),
  /** How many of them, and how many guests in all, a host has after the first swap. */
  after: z.strictObject({
    atS: z.number(),
    host: z.string(),
    senders: z.number(),
    guests: z.number(),
  }),
  /** The number of the host on which a guest is after the second swap. */
  end: z.strictObject({ atS: z.number(), guest: z.string(), host: z.number() }),
});

type Input = z.output<typeof input>;

/**
 * Figure 5 of Wood et al., NSDI 2007: a guest that sends changes places with one that computes, and a guest whose memory
 * grows changes places once its host has no more.
 */
export async function sandpiperMixed(onRun: OnRun, experiment: Given): Promise<Figures> {
  const given = input.parse(experiment.data);
  const lived = await live(experiment);
  onRun(1, 1);
  return {
    x: { label: 'time', unit: 's', log: false },
    y: { label: 'in use', unit: '%', log: false },
    series: [
      ...given.curves.flatMap((curve) => curveOf(curve, given, lived)),
      memoryOf(given, lived),
      ...swapsOf(given, lived),
      ...placesOf(given, lived),
    ],
  };
}

const WORDS = { net: 'network', cpu: 'CPU' } as const;

function curveOf(
  { host: name, of, points: paper }: Input['curves'][number],
  { goal }: Input,
  { report, intervalS }: Lived,
): OutcomeSeries[] {
  const { series } = report.hosts.find((host) => host.name === name)!;
  const over = overTime(series[of], intervalS, (use) => 100 * use);
  const ours = new Map(over);
  const rows = paper.map(([atS, use]) => [atS, 100 * use, ours.get(atS)!] as const);
  const table = tableSeries(`${WORDS[of]} of ${name}, by the time`, rows, {
    goal,
    isUnverified: true,
  });
  if (of === 'cpu') return [table];
  return [
    drawn(`network of ${name}`, over, {
      paper: new Map(paper.map(([at, use]) => [at, 100 * use])),
    }),
    table,
  ];
}

function memoryOf({ guest, memory, memoryGoal }: Input, { report, intervalS }: Lived) {
  const { memorySeries } = report.vms.find(({ name }) => name === guest)!;
  const ours = new Map(overTime(memorySeries!, intervalS, (bytes) => bytes / 2 ** 20));
  return tableSeries(
    `memory of ${guest}, MiB`,
    memory.map(([atS, mib]) => [atS, mib, ours.get(atS)!]),
    { goal: memoryGoal, isUnverified: true },
  );
}

/** A swap has happened once the second of its three moves has ended, which is that of the guest in demand of room. */
function swapsOf(given: Input, { report, intervalS }: Lived): OutcomeSeries[] {
  const { swaps, withinS, quiet } = given;
  const found = report.decisions.filter((one) => one.swaps > 0);
  const first = report.migrations.find(({ vm }) => given.senders.includes(vm));
  const times = [(first?.endNs ?? 0) / 1e9, (found[1]?.atNs ?? 0) / 1e9];
  const between = report.hosts.flatMap(({ series: { cpu, net } }) =>
    [...overTime(cpu, intervalS), ...overTime(net, intervalS)].flatMap(([atS, use]) =>
      atS > quiet.fromS && atS <= quiet.toS ? [use] : [],
    ),
  );
  return [
    tableSeries(
      'swaps in all',
      [[1, swaps.length, found.reduce((sum, one) => sum + one.swaps, 0)]],
      {
        goal: EXACT,
      },
    ),
    tableSeries(
      `s until the 1st swap and the 2nd, to within ${withinS} s`,
      swaps.map((paper, i) => [i + 1, paper, times[i]!]),
      { within: withinS },
    ),
    tableSeries(
      'busiest resource of any host between the swaps, %, at most',
      [[1, 100 * quiet.most, 100 * Math.max(...between)]],
      { bound: 'high' },
    ),
  ];
}

function placesOf({ senders, after, end }: Input, { report, intervalS }: Lived): OutcomeSeries[] {
  const hostAt = (series: readonly number[] | undefined, atS: number): string =>
    report.hosts[series![Math.round(atS / intervalS) - 1]!]!.name;
  const there = report.vms.filter((vm) => hostAt(vm.hostSeries, after.atS) === after.host);
  const sending = there.filter(({ name }) => senders.includes(name));
  const grown = report.vms.find(({ name }) => name === end.guest)!;
  const host = numberOf(hostAt(grown.hostSeries, end.atS));
  const goal = { goal: EXACT };
  return [
    tableSeries(
      `guests that send on ${after.host} after the 1st swap`,
      [[1, after.senders, sending.length]],
      goal,
    ),
    tableSeries(
      `guests on ${after.host} after the 1st swap`,
      [[1, after.guests, there.length]],
      goal,
    ),
    tableSeries(
      `number of the host of ${end.guest} after the 2nd swap`,
      [[2, end.host, host]],
      goal,
    ),
  ];
}
