import { z } from 'zod';
import { type Figures, type OutcomeSeries, pointOf } from './outcome.ts';
import type { Given, OnRun } from './result-of.ts';
import { webBenchmark, type WebScore, webScore } from './web-score.ts';

const input = z.strictObject({
  benchmark: webBenchmark,
  /** The checkpoints a second that are asked for. */
  perSecond: z.array(z.number().positive()),
  /** The paper's scores, with and without holding what the guest sends, and how many checkpoints a second it achieved. */
  held: z.array(z.number()),
  free: z.array(z.number()),
  achieved: z.array(z.number()),
});

/** Figure 7 of Cully et al., NSDI 2008: the score of a protected web server, whose answers wait for their checkpoints. */
export async function remusSpecweb(
  onRun: OnRun,
  { loadProtection, data }: Given,
): Promise<Figures> {
  const { benchmark, perSecond, ...paper } = input.parse(data);
  let done = 0;
  const scores = async (netBuffer: boolean): Promise<WebScore[]> => {
    const found: WebScore[] = [];
    let { guess } = benchmark;
    for (const rate of perSecond) {
      const sets = [`replication.interval=${1e9 / rate}ns`, `replication.netBuffer=${netBuffer}`];
      const score = await webScore(benchmark, loadProtection, { sets, guess });
      guess = Math.max(benchmark.step, score.sessions);
      found.push(score);
      onRun(++done, 2 * perSecond.length);
    }
    return found;
  };
  const held = await scores(true);
  const free = await scores(false);
  const series = (
    name: string,
    papers: readonly number[],
    ours: (index: number) => number,
  ): OutcomeSeries => ({
    name,
    isUnverified: true,
    points: papers.map((value, i) => pointOf(perSecond[i]!, value, ours(i))),
  });
  return {
    x: { label: 'checkpoints a second, asked for', log: false },
    y: { label: 'score', unit: 'sessions', log: false },
    series: [
      series('answers wait', paper.held, (i) => held[i]!.sessions),
      series('answers do not wait', paper.free, (i) => free[i]!.sessions),
      {
        ...series('checkpoints a second, achieved where answers wait', paper.achieved, (i) =>
          achieved(held[i]!, benchmark.untilS),
        ),
        isUnverified: false,
        isAside: true,
      },
    ],
  };
}

/** Returns how many checkpoints a second the run of a score made while pages were opened. */
function achieved({ report }: WebScore, untilS: number): number {
  if (!report) return 0;
  const { protectedNs = 0, epochs } = report.pairs[0]!;
  const counted = epochs.filter(({ pauseNs }) => pauseNs > protectedNs && pauseNs <= untilS * 1e9);
  return ((counted.length - 1) / (counted.at(-1)!.pauseNs - counted[0]!.pauseNs)) * 1e9;
}
