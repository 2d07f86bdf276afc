import { z } from 'zod';
import { recordHistory } from '../../runtime/virtual/history.ts';
import { type Figures, type OutcomeSeries, pointOf } from './outcome.ts';
import { type Given, type OnRun, resultOf } from './result-of.ts';
import { meanPagesLeft } from './window-rule.ts';

const PAGE = 4096;
const ROUNDS = 4;
/** How much of the guest's dirty history is recorded, and at which interval an estimate begins in it. */
const HISTORY_NS = 24e9;
const START_EVERY_NS = 1e9;

const input = z.strictObject({
  /** The interval at which the dirty bitmap is recorded; it must be shorter than the shortest round. */
  stepMs: z.number().positive(),
  goal: z.number().positive(),
  /** The paper's downtime after 1 to 4 rounds, for each rate in Mbit/s. */
  paper: z.array(z.strictObject({ mbit: z.number(), ms: z.array(z.number()) })),
});

/**
 * Figures 3 to 6 of Clark et al. 2005: the downtime after 1 to 4 rounds, estimated from a guest's dirty
 * history by the paper's rule. Beside it stands what a real run of that guest leaves for its last round.
 */
export async function clarkDowntime(onRun: OnRun, { load, data }: Given): Promise<Figures> {
  const { stepMs, goal, paper } = input.parse(data);
  const stepNs = stepMs * 1e6;
  const steps = Math.round(HISTORY_NS / stepNs);
  const history = await recordHistory(load().config, { stepNs, steps });
  const estimates: OutcomeSeries[] = [];
  const real: OutcomeSeries[] = [];
  for (const [index, { mbit, ms }] of paper.entries()) {
    const pagesPerSecond = (mbit * 1e6) / 8 / PAGE;
    const name = `${mbit} Mbit/s`;
    const estimated = meanPagesLeft(history, START_EVERY_NS, { pagesPerSecond, rounds: ROUNDS });
    const points = estimated.map((pages, i) =>
      pointOf(i + 1, ms[i] ?? null, (1000 * pages) / pagesPerSecond, { goal }),
    );
    estimates.push({ name, isUnverified: true, goal, points });
    const { rounds } = await resultOf(load([`link.bandwidth=${mbit}Mbit/s`]));
    onRun(index + 1, paper.length);
    // Had the run stopped after this round, it would have had to send what the round dirtied.
    const live = rounds.filter(({ stopped }) => !stopped);
    const left = live.map(({ dirtiedPages }, i) =>
      pointOf(i + 1, null, (1000 * dirtiedPages) / pagesPerSecond),
    );
    real.push({ name: `${name}, a run`, isUnverified: false, like: name, points: left });
  }
  return {
    x: { label: 'pre-copy rounds', log: false },
    y: { label: 'downtime', unit: 'ms', log: true },
    series: [...estimates, ...real],
  };
}
