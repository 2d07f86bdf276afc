import { z } from 'zod';
import type { LoadedProtection } from '../../fleet/protect/load.ts';
import { type Figures, type OutcomeSeries, pointOf } from './outcome.ts';
import { type Given, type OnRun, protectReportOf } from './result-of.ts';

const input = z.strictObject({
  /** How many percentage points our slowdown may be away from the paper's. */
  goalPoints: z.number().positive(),
  /** What the guest does is counted between these times, in seconds of its life. */
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
  const { goalPoints, fromS, toS, paper, parts } = input.parse(data);
  const all = 1 + paper.length * (1 + parts.length);
  let done = 0;
  /** Returns how many accesses a second the guest makes between the two times. */
  const paceOf = async (sets: readonly string[]): Promise<number> => {
    const accessesBy = async (seconds: number, verify: 'full' | 'off'): Promise<number> => {
      const loaded: LoadedProtection = loadProtection([
        ...sets,
        `duration=${seconds}s`,
        `verify=${verify}`,
      ]);
      return (await protectReportOf(loaded)).accesses;
    };
    // The shorter run is the beginning of the longer one, which is proved as a whole.
    const pace =
      ((await accessesBy(toS, 'full')) - (await accessesBy(fromS, 'off'))) / (toS - fromS);
    onRun(++done, all);
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
