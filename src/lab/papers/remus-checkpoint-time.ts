import { z } from 'zod';
import type { EpochRecord } from '../../replication/ports.ts';
import { type Figures, type OutcomeSeries, pointOf } from './outcome.ts';
import { type Given, type OnRun, protectReportOf } from './result-of.ts';

const input = z.strictObject({
  goal: z.number().positive(),
  /** How often each page is written in an epoch. */
  passes: z.number().positive(),
  intervalMs: z.number().positive(),
  /** Dirty pages with the paper's times in ms: how long the guest is suspended, and how long the transfer takes. */
  paper: z.array(z.tuple([z.number(), z.number(), z.number()])),
});

/** Figure 5 of Cully et al., NSDI 2008: the times of a checkpoint by the number of pages that the guest has dirtied. */
export async function remusCheckpointTime(
  onRun: OnRun,
  { loadProtection, data }: Given,
): Promise<Figures> {
  const { goal, passes, intervalMs, paper } = input.parse(data);
  const suspended: number[] = [];
  const transmitted: number[] = [];
  for (const [index, [pages]] of paper.entries()) {
    const rate = Math.round((pages * passes * 1000) / intervalMs);
    const loaded = loadProtection([
      `guest.workloads[0].region.size=${pages * 4}KiB`,
      `guest.workloads[0].rate=${rate}`,
      `replication.interval=${intervalMs}ms`,
    ]);
    const { pairs } = await protectReportOf(loaded);
    // The first epoch brings what the pre-copy has left.
    const epochs = pairs[0]!.epochs.slice(1);
    suspended.push(meanMs(epochs, ({ pauseNs, resumeNs }) => resumeNs - pauseNs));
    transmitted.push(meanMs(epochs, ({ resumeNs, ackNs }) => ackNs - resumeNs));
    onRun(index + 1, paper.length);
  }
  const series = (name: string, column: 1 | 2, ours: readonly number[]): OutcomeSeries => ({
    name,
    isUnverified: true,
    goal,
    points: paper.map((row, i) => pointOf(row[0], row[column], ours[i]!, { goal })),
  });
  return {
    x: { label: 'dirty pages', log: false },
    y: { label: 'time', unit: 'ms', log: false },
    series: [series('suspended', 1, suspended), series('transmit', 2, transmitted)],
  };
}

const meanMs = (epochs: readonly EpochRecord[], nsOf: (epoch: EpochRecord) => number): number =>
  epochs.reduce((sum, epoch) => sum + nsOf(epoch), 0) / epochs.length / 1e6;
