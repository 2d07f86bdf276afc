import { z } from 'zod';
import { type Figures, type OutcomeSeries, pointOf } from './outcome.ts';
import { type Given, type OnRun, resultOf } from './result-of.ts';

const input = z.strictObject({
  /** Memory of all processes together, and where it begins. */
  memoryMiB: z.number().positive(),
  firstMiB: z.number().positive(),
  /** Pages that all processes together visit a second. */
  rate: z.number().positive(),
  /** When the migration begins, of each repetition; what is shown is their mean. */
  startAfterSeconds: z.array(z.number()),
  /** Of the ratio of the first strategy's faults to the last one's, at so many processes. */
  ratio: z.strictObject({ processes: z.number(), goal: z.number() }),
  /** Numbers of processes for which there are values, in the order of those. */
  processes: z.array(z.number()),
  strategies: z.array(
    z.strictObject({
      name: z.string(),
      sets: z.array(z.string()),
      /** Network faults; absent: the paper has none of it. */
      paper: z.array(z.number()).optional(),
      chart: z.boolean().default(true),
    }),
  ),
  /** What the paper states: the first has more faults than the second. */
  orderings: z.array(z.tuple([z.string(), z.string()])),
});

type Input = z.output<typeof input>;
/** Mean network faults, by strategy, for each number of processes. */
type Faults = ReadonlyMap<string, readonly number[]>;

/**
 * Figure 17 of Hines et al., OSR 2009: processes that sort arrays with quicksort while the guest moves
 * by post-copy, under each way to push pages. A vCPU a process: one that waits for a page holds no
 * other up.
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

/** How much the last strategy saves over the first. */
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

/** Over all numbers of processes, the one has at least as many faults as the other. */
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
