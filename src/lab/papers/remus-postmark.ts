import { z } from 'zod';
import { guestPace } from './guest-pace.ts';
import { type Figures, pointOf } from './outcome.ts';
import type { Given, OnRun } from './result-of.ts';

const input = z.strictObject({
  /** A transaction takes so many accesses of the guest, and the benchmark has so many transactions. */
  accesses: z.int().positive(),
  transactions: z.int().positive(),
  fromS: z.number().positive(),
  toS: z.number().positive(),
  /** Checkpoints a second, 0 for a guest that nobody protects, with the time in seconds in the paper. */
  paper: z.array(z.tuple([z.number(), z.number()])),
});

/** Figure 9 of Cully et al., NSDI 2008: the time of a benchmark of the disk, whose writes are mirrored. */
export async function remusPostmark(
  onRun: OnRun,
  { loadProtection, data }: Given,
): Promise<Figures> {
  const { accesses, transactions, paper, ...span } = input.parse(data);
  const points = [];
  for (const [index, [perSecond, seconds]] of paper.entries()) {
    const set =
      perSecond === 0 ? 'migration.startAfter=1h' : `replication.interval=${1e9 / perSecond}ns`;
    const pace = await guestPace(loadProtection, span, [set]);
    points.push(pointOf(perSecond, seconds, (transactions * accesses) / pace));
    onRun(index + 1, paper.length);
  }
  return {
    x: { label: 'checkpoints a second', log: false },
    y: { label: 'time', unit: 's', log: false },
    series: [{ name: '10 000 transactions', isUnverified: true, points }],
  };
}
