import { z } from 'zod';
import { COMPRESSIONS } from '../../replication/config.ts';
import { type Figures, type OutcomeSeries, pointOf } from './outcome.ts';
import { type Given, type OnRun, protectReportOf } from './result-of.ts';

const input = z.strictObject({
  goal: z.number().positive(),
  /** Epochs that begin before this time, in seconds of the guest's life, do not count: the cache fills up meanwhile. */
  fromS: z.number().nonnegative(),
  /** Compressions, how the paper names them, and its bandwidths in MB/s. */
  paper: z.array(
    z.strictObject({ compression: z.enum(COMPRESSIONS), name: z.string(), mean: z.number() }),
  ),
});

/** Figure 10 of Cully et al., NSDI 2008: the bandwidth that the replication of a kernel build takes, by compression. */
export async function remusBandwidth(
  onRun: OnRun,
  { loadProtection, data }: Given,
): Promise<Figures> {
  const { goal, fromS, paper } = input.parse(data);
  const means: number[] = [];
  const hits: number[] = [];
  for (const [index, { compression }] of paper.entries()) {
    const { pairs } = await protectReportOf(
      loadProtection([`replication.compression=${compression}`]),
    );
    const { epochs, cache } = pairs[0]!;
    const counted = epochs.filter(({ pauseNs }) => pauseNs >= fromS * 1e9);
    // The last epoch ends the time but is not in it.
    const ns = counted.at(-1)!.pauseNs - counted[0]!.pauseNs;
    const bytes = counted.slice(0, -1).reduce((sum, epoch) => sum + epoch.bytes, 0);
    means.push((bytes / ns) * 1e3);
    hits.push(cache.lookUps > 0 ? (cache.hits / cache.lookUps) * 100 : 0);
    onRun(index + 1, paper.length);
  }
  const last = paper.length;
  const papers = paper.map(({ mean }) => mean);
  const series: OutcomeSeries[] = [
    {
      name: 'mean',
      isUnverified: true,
      isMarksOnly: true,
      goal,
      points: papers.map((mean, i) => pointOf(i + 1, mean, means[i]!, { goal })),
    },
    {
      name: `${paper[0]!.name} ÷ ${paper.at(-1)!.name}`,
      isUnverified: true,
      isAside: true,
      goal,
      points: [pointOf(last, firstToLast(papers), firstToLast(means), { goal })],
    },
    {
      name: 'pages found in the cache in all epochs, %',
      isUnverified: false,
      isAside: true,
      points: [pointOf(last, 99, hits.at(-1)!)],
    },
  ];
  return {
    x: { label: 'compression', log: false, names: paper.map(({ name }) => name) },
    y: { label: 'replication', unit: 'MB/s', log: false },
    series,
  };
}

const firstToLast = (values: readonly number[]): number => values[0]! / values.at(-1)!;
