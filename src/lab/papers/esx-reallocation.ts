import { z } from 'zod';
import type { LoadedHost } from '../../fleet/host/load.ts';
import type { HostReport } from '../../fleet/host/report.ts';
import { MEMORY_STATES, type MemoryState } from '../../overcommit/memory-state.ts';
import { lendFactory } from '../../runtime/common/own-kinds.ts';
import { type Amount, amountOver, drawn, mibOf, minutesOf } from './host-series.ts';
import { type Figures, type OutcomeSeries, pointOf } from './outcome.ts';
import { type Given, hostReportOf, type OnRun } from './result-of.ts';

/** Pairs of a minute and MiB. */
const curve = z.array(z.tuple([z.number(), z.number()]));

const amounts = z.strictObject({
  allocated: curve,
  active: curve,
  ballooned: curve,
  shared: curve.default([]),
});

const input = z.strictObject({
  /**
   * The working set of each guest besides what is only read: a minute, its MiB, and where it begins. Its size changes
   * evenly from one entry to the next; where it begins changes at once.
   */
  workingSets: z.array(z.array(z.tuple([z.number(), z.number(), z.number()]))),
  /** In so many seconds a guest touches all of its working set once. */
  passSeconds: z.number().positive(),
  /** Where the guests' programs begin in memory, and how much from there on is only read. */
  startMiB: z.number(),
  readMiB: z.number(),
  /** The file cache of each guest, in MiB from where its programs begin, and how much of it is read in each pass. */
  caches: z.array(z.tuple([z.number(), z.number()])),
  cachePassMiB: z.number(),
  /** The largest relative error that meets the goal for all guests together. */
  goal: z.number().positive(),
  /** The paper's values for all guests, and for single ones by their number. */
  all: amounts,
  guests: z.array(z.strictObject({ guest: z.number().int().min(0), paper: amounts })),
  /** The worst state of the host's memory in each span of minutes. */
  states: z.array(z.strictObject({ from: z.number(), to: z.number(), worst: z.string() })),
  /** The share of the time from a minute on in which the state is high. */
  calm: z.strictObject({ from: z.number(), share: z.number() }),
  /** What sharing takes from the guests until this minute in place of paging, and what is paged. */
  boot: z.strictObject({
    until: z.number(),
    sharedInstead: z.number(),
    swapped: z.number(),
  }),
});

type Input = z.output<typeof input>;
type Curve = readonly (readonly [number, number])[];

const PAGES_PER_MIB = 256;
const AMOUNTS = ['allocated', 'active', 'ballooned', 'shared'] as const;

/**
 * Figure 8 of Waldspurger, OSDI 2002: five guests with more memory than their host, which boot at once, work, rest and
 * work again. What their programs touch follows the paper; who has how much memory is the host's answer.
 */
export async function esxReallocation(onRun: OnRun, { loadHost, data }: Given): Promise<Figures> {
  const given = input.parse(data);
  const bare = loadHost();
  const lent = bare.scenarios.map((_, guest) =>
    lendFactory(moduleOf(guest), () => traceOf(given, guest)),
  );
  try {
    const sets = bare.scenarios.map((_, guest) => {
      const workloads = JSON.stringify([workloadOf(given, bare, guest)]);
      return `guests[${guest}].guest.workloads=${workloads}`;
    });
    const loaded = loadHost(sets);
    const report = await hostReportOf(loaded);
    onRun(1, 1);
    const names = loaded.config.guests.map(({ name }) => name);
    return {
      x: { label: 'time', unit: 'min', log: false },
      y: { label: 'memory', unit: 'MiB', log: false },
      series: [
        ...allGuests(given, report),
        ...singleGuests(given, report, names),
        ...bootOf(given, report),
        statesOf(given, report),
        calmOf(given, report),
      ],
    };
  } finally {
    for (const end of lent) end();
  }
}

const moduleOf = (guest: number): string => `/esx-reallocation/guest-${guest}.js`;

/** Returns the one workload of a guest: a pass over its working set, as large as that is by then, after another. */
function workloadOf({ startMiB, workingSets }: Input, loaded: LoadedHost, guest: number): object {
  const { config, startNs } = loaded.config.guests[guest]!;
  const size = config.guest.memoryBytes / 2 ** 20 - startMiB;
  return {
    pattern: 'trace',
    region: { start: `${startMiB}MiB`, size: `${size}MiB` },
    // Its time is the guest's own, which begins at its start.
    from: `${workingSets[guest]![0]![0] * 60 - startNs / 1e9}s`,
    trace: { file: { module: moduleOf(guest), export: 'workingSet' }, end: 'hold' },
  };
}

/** Returns a trace with an interval for each pass. */
function traceOf(given: Input, guest: number): object {
  const { passSeconds, readMiB, workingSets, caches, cachePassMiB } = given;
  const workingSet = workingSets[guest]!;
  const [cacheMiB, cacheEndMiB] = caches[guest]!;
  const [from] = workingSet[0]!;
  const [to] = workingSet.at(-1)!;
  const written: number[][] = [];
  const touched: number[][] = [];
  for (let minute = from; minute < to; minute += passSeconds / 60) {
    const sizes = workingSet.map(([at, mib]): [number, number] => [at, mib]);
    const pages = Math.round(valueAt(sizes, minute) * PAGES_PER_MIB);
    const [, , begin] = workingSet.findLast(([at]) => at <= minute)!;
    const own = [(readMiB + begin) * PAGES_PER_MIB, pages];
    written.push(own);
    const pass = touched.length;
    const steps = Math.floor((cacheEndMiB - cacheMiB) / cachePassMiB);
    const cache = cacheMiB + (pass % steps) * cachePassMiB;
    const cacheRun = [cache * PAGES_PER_MIB, cachePassMiB * PAGES_PER_MIB];
    touched.push([0, readMiB * PAGES_PER_MIB, ...own, ...cacheRun]);
  }
  return { intervalMs: passSeconds * 1000, written, touched };
}

/** Returns the value of a curve at a minute, on the straight line between the pairs around it. */
function valueAt(pairs: Curve, minute: number): number {
  const after = pairs.findIndex(([at]) => at >= minute);
  if (after <= 0) return pairs.at(after)![1];
  const [[x0, y0], [x1, y1]] = [pairs[after - 1]!, pairs[after]!];
  return y0 + ((minute - x0) / (x1 - x0)) * (y1 - y0);
}

function allGuests({ all, goal }: Input, report: HostReport): OutcomeSeries[] {
  return AMOUNTS.flatMap((amount) => {
    const over = sumOver(report, amount);
    const name = `all guests, ${amount}`;
    const isInput = amount === 'active';
    return [
      drawn(name, over, { paper: new Map(all[amount]) }),
      {
        name: `${name}, at the paper's times`,
        isUnverified: true,
        isAside: true,
        ...(isInput ? {} : { goal }),
        points: all[amount].map(([minute, mib]) =>
          pointOf(minute, mib, valueAt(over, minute), isInput ? {} : { goal }),
        ),
      },
    ];
  });
}

function singleGuests(given: Input, report: HostReport, names: readonly string[]): OutcomeSeries[] {
  return given.guests.flatMap(({ guest, paper }) =>
    AMOUNTS.filter((amount) => paper[amount].length > 0).map((amount): OutcomeSeries => {
      const over = amountOver(report, guest, amount);
      return {
        name: `${names[guest]}, ${amount}`,
        isUnverified: true,
        isAside: true,
        points: paper[amount].map(([minute, mib]) => pointOf(minute, mib, valueAt(over, minute))),
      };
    }),
  );
}

/** Returns the sum of an amount over all guests, over time. */
function sumOver({ samples }: HostReport, amount: Amount): [number, number][] {
  return samples.map((sample) => [
    minutesOf(sample),
    mibOf(sample.guests.reduce((sum, guest) => sum + (guest?.[amount] ?? 0), 0)),
  ]);
}

/** Returns what the host gained and wrote when its guests booted. */
function bootOf({ boot }: Input, report: HostReport): OutcomeSeries[] {
  const { samples } = report;
  const zero = samples
    .filter((sample) => minutesOf(sample) <= boot.until)
    .reduce((most, { zeroPages }) => Math.max(most, zeroPages), 0);
  const swapped = sumOver(report, 'swapped')
    .filter(([minute]) => minute <= boot.until)
    .reduce((most, [, mib]) => Math.max(most, mib), 0);
  const series = (name: string, paper: number, ours: number): OutcomeSeries => ({
    name,
    isUnverified: false,
    isAside: true,
    points: [pointOf(boot.until, paper, ours)],
  });
  return [
    series('zero pages that share one, most in the boot', boot.sharedInstead, mibOf(zero)),
    series('swapped out, most in the boot', boot.swapped, swapped),
  ];
}

const rank = (state: string): number => MEMORY_STATES.indexOf(state as MemoryState) + 1;

/** Returns the worst state in each span of time, as 1 for high to 4 for low. */
function statesOf({ states }: Input, report: HostReport): OutcomeSeries {
  return {
    name: 'worst state of memory up to then: 1 high, 2 soft, 3 hard, 4 low',
    isUnverified: true,
    isAside: true,
    goal: 0,
    points: states.map(({ from, to, worst }) =>
      pointOf(to, rank(worst), Math.max(...statesBetween(report, from, to).map(rank)), { goal: 0 }),
    ),
  };
}

/** Returns how much of the time the host's memory was in `high`. */
function calmOf({ calm }: Input, { states, endedNs }: HostReport): OutcomeSeries {
  const fromNs = calm.from * 60e9;
  const all: HostReport['states'] = [{ atNs: 0, state: 'high' }, ...states];
  const highNs = all.reduce((sum, { atNs, state }, i) => {
    const startNs = Math.max(atNs, fromNs);
    const endNs = all[i + 1]?.atNs ?? endedNs;
    return state === 'high' && endNs > startNs ? sum + endNs - startNs : sum;
  }, 0);
  return {
    name: `share of the time from minute ${calm.from} on in the state high`,
    isUnverified: true,
    isAside: true,
    points: [pointOf(endedNs / 60e9, calm.share, highNs / (endedNs - fromNs))],
  };
}

/** Returns the states in which the host's memory was from one minute to another. */
function statesBetween({ states }: HostReport, from: number, to: number): MemoryState[] {
  const before = states.findLast(({ atNs }) => atNs <= from * 60e9)?.state ?? 'high';
  const inside = states.filter(({ atNs }) => atNs > from * 60e9 && atNs < to * 60e9);
  return [before, ...inside.map(({ state }) => state)];
}
