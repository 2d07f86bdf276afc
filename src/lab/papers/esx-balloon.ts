import { z } from 'zod';
import { type Figures, type OutcomeSeries, pointOf } from './outcome.ts';
import { type Given, hostReportOf, type OnRun } from './result-of.ts';

const input = z.strictObject({
  goal: z.number().positive(),
  /** What the guest's kernel takes of its memory for ever: a part that does not depend on it, and a share of it. */
  kernel: z.strictObject({ fixedMiB: z.number(), share: z.number() }),
  /** The memory with which the ballooned guest boots. */
  bootMiB: z.number(),
  /** The share of the host's memory that it keeps free. */
  freeShare: z.number(),
  /** The minute from which on throughput is measured, and the MB that one access stands for. */
  fromMinute: z.number(),
  mbPerAccess: z.number(),
  /** Sizes in MiB with the paper's throughput in MB/s: of a guest of that size, and of one ballooned to it. */
  paper: z.array(z.tuple([z.number(), z.number(), z.number().nullable()])),
});

type Input = z.output<typeof input>;

/**
 * Figure 2 of Waldspurger, OSDI 2002: the throughput of a file server's guest that has booted with little memory, and of
 * one that has booted with more and then lost it to its balloon.
 */
export async function esxBalloon(onRun: OnRun, { loadHost, data }: Given): Promise<Figures> {
  const given = input.parse(data);
  const { paper, bootMiB, goal } = given;
  const speedOf = async (sizeMiB: number, kernelFor: number): Promise<number> =>
    throughput(loadHost, given, sizeMiB, kernelFor);
  const configured: number[] = [];
  const ballooned: number[] = [];
  for (const [index, [size]] of paper.entries()) {
    configured.push(await speedOf(size, size));
    // At its full size a guest has nothing in its balloon, and is the configured one.
    ballooned.push(size < bootMiB ? await speedOf(size, bootMiB) : configured.at(-1)!);
    onRun(index + 1, paper.length);
  }
  const series = (name: string, column: 1 | 2, ours: readonly number[]): OutcomeSeries => ({
    name,
    isUnverified: true,
    goal,
    points: paper.map((row, i) => pointOf(row[0], row[column], ours[i]!, { goal })),
  });
  return {
    x: { label: 'memory', unit: 'MiB', log: false },
    y: { label: 'throughput', unit: 'MB/s', log: false },
    series: [
      series('configured', 1, configured),
      series('ballooned', 2, ballooned),
      {
        name: 'slower by, %',
        isUnverified: true,
        isAside: true,
        points: paper.flatMap(([size, theirs, less], i) =>
          less === null
            ? []
            : [pointOf(size, slower(theirs, less), slower(configured[i]!, ballooned[i]!))],
        ),
      },
    ],
  };
}

const slower = (configured: number, ballooned: number): number =>
  (1 - ballooned / configured) * 100;

/** Lets a guest live that has `sizeMiB`, and a kernel as one that has booted with `kernelFor` MiB. */
async function throughput(
  loadHost: Given['loadHost'],
  { kernel, freeShare, fromMinute, mbPerAccess }: Input,
  sizeMiB: number,
  kernelFor: number,
): Promise<number> {
  const kernelKiB = Math.round((kernel.fixedMiB + kernel.share * kernelFor) * 256) * 4;
  const hostKiB = Math.floor((sizeMiB * 1024) / (1 - freeShare));
  const { samples } = await hostReportOf(
    loadHost([
      `host.memory=${hostKiB}KiB`,
      `guests[0].guest.memoryManager.kernel=${kernelKiB}KiB`,
      `guests[0].guest.contents[0].region.size=${kernelKiB}KiB`,
    ]),
  );
  const from = samples.find(({ atNs }) => atNs >= fromMinute * 60e9)!;
  const to = samples.at(-1)!;
  const accesses = to.guests[0]!.accesses - from.guests[0]!.accesses;
  return (accesses / (to.atNs - from.atNs)) * 1e9 * mbPerAccess;
}
