import { z } from 'zod';
import { guestPace } from './guest-pace.ts';
import { type Figures, type OutcomeSeries, pointOf } from './outcome.ts';
import type { Given, OnRun } from './result-of.ts';

const input = z.strictObject({
  /** How many percentage points our slowdown may be away from the paper's. */
  goalPoints: z.number().positive(),
  fromS: z.number().positive(),
  toS: z.number().positive(),
  /** Checkpoints a second, with the slowdown in the paper in percent. */
  paper: z.array(z.tuple([z.number(), z.number()])),
  /** Costs that are left out one after another, to show what each of them makes of the slowdown. */
  parts: z.array(z.strictObject({ name: z.string(), sets: z.array(z.string()) })),
});

/** Figure 6 of Cully et al., NSDI 2008: how much longer a kernel build takes, by the checkpoints a second. */
export async function remusKernelBuild(
  onRun: OnRun,
  { loadProtection, data }: Given,
): Promise<Figures> {
  const { goalPoints, paper, parts, ...span } = input.parse(data);
  let done = 0;
  const paceOf = async (sets: readonly string[]): Promise<number> => {
    const pace = await guestPace(loadProtection, span, sets);
    onRun(++done, 1 + paper.length * (1 + parts.length));
    return pace;
  };
  const native = await paceOf(['migration.startAfter=1h']);
  const slowdowns = async (sets: readonly string[]): Promise<number[]> => {
    const percents: number[] = [];
    for (const [perSecond] of paper) {
      const pace = await paceOf([...sets, `replication.interval=${1e9 / perSecond}ns`]);
      percents.push((native / pace - 1) * 100);
    }
    return percents;
  };
  const ours = await slowdowns([]);
  const series: OutcomeSeries[] = [
    {
      name: 'kernel build',
      isUnverified: false,
      points: paper.map(([x, percent], i) =>
        pointOf(x, percent, ours[i]!, { goal: goalPoints / percent }),
      ),
    },
  ];
  for (const { name, sets } of parts) {
    const percents = await slowdowns(sets);
    const points = paper.map(([x], i) => pointOf(x, null, percents[i]!));
    series.push({ name, isUnverified: false, points });
  }
  return {
    x: { label: 'checkpoints a second', log: false },
    y: { label: 'slowdown', unit: '%', log: false },
    series,
  };
}
