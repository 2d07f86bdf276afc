import { z } from 'zod';
import { type Figures, pointOf } from './outcome.ts';
import type { Given, OnRun } from './result-of.ts';
import { webBenchmark, webScore } from './web-score.ts';

const input = z.strictObject({
  benchmark: webBenchmark,
  /** Delays in ms, with the paper's scores. */
  paper: z.array(z.tuple([z.number(), z.number()])),
});

/** Figure 8 of Cully et al., NSDI 2008: the score of a web server that nobody protects, by the delay of its answers. */
export async function remusDelay(onRun: OnRun, { loadProtection, data }: Given): Promise<Figures> {
  const { benchmark, paper } = input.parse(data);
  const points = [];
  let { guess } = benchmark;
  for (const [index, [delayMs, score]] of paper.entries()) {
    const sets = ['migration.startAfter=1h'];
    const run = { sets, delayMs, guess };
    const { sessions } = await webScore(benchmark, loadProtection, run);
    guess = Math.max(benchmark.step, sessions);
    points.push(pointOf(delayMs, score, sessions));
    onRun(index + 1, paper.length);
  }
  return {
    x: { label: 'added delay', unit: 'ms', log: false },
    y: { label: 'score', unit: 'sessions', log: false },
    series: [{ name: 'not protected', isUnverified: true, points }],
  };
}
