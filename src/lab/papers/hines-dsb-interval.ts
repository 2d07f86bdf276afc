import { z } from 'zod';
import { type Figures, type OutcomeSeries, pointOf } from './outcome.ts';
import { type Given, type OnRun, resultOf } from './result-of.ts';

const input = z.strictObject({
  /** The paper's duration of the job in a guest without self-ballooning. */
  jobSeconds: z.number().positive(),
  jiffyMs: z.number().positive(),
  guests: z.array(
    z.strictObject({
      name: z.string(),
      sets: z.array(z.string()),
      /** Pairs of an interval in jiffies and the seconds by which the job is slower. */
      paper: z.array(z.tuple([z.number(), z.number()])),
    }),
  ),
});

/**
 * Figure 12 of Hines et al., OSR 2009: by how many seconds the compilation of a kernel slows down in a
 * guest that balloons itself at an interval. The rate of the emulated job's accesses is its speed.
 */
export async function hinesDsbInterval(onRun: OnRun, { load, data }: Given): Promise<Figures> {
  const { jobSeconds, jiffyMs, guests } = input.parse(data);
  const all = guests.reduce((sum, { paper }) => sum + paper.length + 1, 0);
  let done = 0;
  const speedOf = async (sets: readonly string[]): Promise<number> => {
    const { guest } = await resultOf(load(sets));
    onRun(++done, all);
    return guest.achievedRate!.reduce((sum, rate) => sum + rate, 0);
  };
  const series: OutcomeSeries[] = [];
  for (const { name, sets, paper } of guests) {
    const calm = await speedOf(sets);
    const points = [];
    for (const [jiffies, seconds] of paper) {
      const interval = `guest.memoryManager.selfBallooning.interval=${jiffies * jiffyMs}ms`;
      const slower = jobSeconds * (calm / (await speedOf([...sets, interval])) - 1);
      points.push(pointOf(jiffies, seconds, slower));
    }
    series.push({ name, isUnverified: true, points });
  }
  return {
    x: { label: 'interval', unit: 'jiffies', log: true },
    y: { label: 'slower by', unit: 's', log: false },
    series,
  };
}
