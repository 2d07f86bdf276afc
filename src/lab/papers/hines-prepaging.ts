import { z } from 'zod';
import { type Figures, type OutcomeSeries, pointOf } from './outcome.ts';
import { type Given, type OnRun, resultOf } from './result-of.ts';

const input = z.strictObject({
  /** The memory of all processes together, and the address at which it begins. */
  memoryMiB: z.number().positive(),
  firstMiB: z.number().positive(),
  /** How many pages all processes together visit per second. */
  rate: z.number().positive(),
  /** When the migration begins in each repetition; the figures are means over the repetitions. */
  startAfterSeconds: z.array(z.number()),
  /** The goal for the ratio of the first strategy's faults to the last one's, at a number of processes. */
  ratio: z.strictObject({ processes: z.number(), goal: z.number() }),
  /** The numbers of processes, in the order of the paper's values. */
  processes: z.array(z.number()),
  strategies: z.array(
    z.strictObject({
      name: z.string(),
      sets: z.array(z.string()),
      /** The paper's network faults for each number of processes; absent when the paper gives none. */
      paper: z.array(z.number()).optional(),
      chart: z.boolean().default(true),
    }),
  ),
  /** Pairs of strategies of which, by the paper, the first has more faults than the second. */
  orderings: z.array(z.tuple([z.string(), z.string()])),
});

type Input = z.output<typeof input>;
/** For each strategy, the mean network faults for each number of processes. */
type Faults = ReadonlyMap<string, readonly number[]>;

/**
 * Figure 17 of Hines et al., OSR 2009: processes sort arrays with quicksort while the guest migrates by
 * post-copy, with several strategies of pushing pages. Each process has a vCPU of its own, so that a
 * process that waits for a page delays no other.
 */
export async function hinesPrepaging(onRun: OnRun, given: Given): Promise<Figures> {
  const data = input.parse(given.data);
  const faults = await measure(data, given, onRun);
  const { processes, strategies } = data;
  const series = strategies.map(({ name, paper, chart }): OutcomeSeries => ({
    name,
    isUnverified: paper !== undefined,
    ...(chart ? {} : { isAside: true }),
    points: processes.map((count, i) => pointOf(count, paper?.[i] ?? null, faults.get(name)![i]!)),
  }));
  return {
    x: { label: 'processes', log: true },
    y: { label: 'network faults', log: true },
    series: [...series, ratioOf(data, faults), ...orderingsOf(data, faults)],
  };
}

async function measure(data: Input, { load }: Given, onRun: OnRun): Promise<Faults> {
  const { processes, strategies, startAfterSeconds } = data;
  const all = processes.length * strategies.length * startAfterSeconds.length;
  const faults = new Map<string, number[]>();
  let done = 0;
  for (const { name, sets } of strategies) {
    const means: number[] = [];
    for (const count of processes) {
      let total = 0;
      for (const seconds of startAfterSeconds) {
        const start = `migration.startAfter=${seconds}s`;
        const result = await resultOf(load([...guestOf(data, count), start, ...sets]));
        total += result.faults!.majorCount;
        onRun(++done, all);
      }
      means.push(total / startAfterSeconds.length);
    }
    faults.set(name, means);
  }
  return faults;
}

function guestOf({ memoryMiB, firstMiB, rate }: Input, processes: number): string[] {
  const size = memoryMiB / processes;
  const workloads = Array.from({ length: processes }, (_, vcpu) => ({
    pattern: 'quicksort',
    rate: rate / processes,
    vcpu,
    region: { start: `${firstMiB + vcpu * size}MiB`, size: `${size}MiB` },
  }));
  return [`guest.vcpus=${processes}`, `guest.workloads=${JSON.stringify(workloads)}`];
}

/** Returns the ratio of the first strategy's faults to the last one's, among those that the paper has. */
function ratioOf({ ratio, processes, strategies }: Input, faults: Faults): OutcomeSeries {
  const measured = strategies.filter(({ paper }) => paper !== undefined);
  const [first, last] = [measured[0]!, measured.at(-1)!];
  const ours = (i: number): number => faults.get(first.name)![i]! / faults.get(last.name)![i]!;
  return {
    name: `${first.name} ÷ ${last.name}`,
    isAside: true,
    isUnverified: true,
    goal: ratio.goal,
    points: processes.map((count, i) =>
      pointOf(count, first.paper![i]! / last.paper![i]!, ours(i), {
        goal: count === ratio.processes ? ratio.goal : undefined,
      }),
    ),
  };
}

/** Returns, for each ordering, the ratio of faults over all numbers of processes: it must be at least 1. */
function orderingsOf({ orderings, processes }: Input, faults: Faults): OutcomeSeries[] {
  const sum = (name: string): number =>
    faults.get(name)!.reduce((total, count) => total + count, 0);
  return orderings.map(([more, fewer]) => ({
    name: `${more} ÷ ${fewer}, all together: at least 1`,
    isAside: true,
    isUnverified: false,
    bound: 'low',
    points: [pointOf(processes.at(-1)!, 1, sum(more) / sum(fewer), { bound: 'low' })],
  }));
}
