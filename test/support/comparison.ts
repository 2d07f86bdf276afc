import type { Comparison } from '../../src/lab/bench/against.ts';
import type { Judgement } from '../../src/lab/bench/judge.ts';

/** A judgement of a made-up metric that takes twice the time. */
export const judgement = (parts: Partial<Judgement> = {}): Judgement => ({
  of: 'log',
  name: 'get',
  unit: 'us',
  before: 1,
  after: 2,
  change: 1,
  interval: [0.9, 1.1],
  worseBy: 1,
  noise: 0.05,
  p: 0.001,
  verdict: 'regression',
  ...parts,
});

/** A comparison of two made-up versions that took turns. */
export const comparison = (
  judgements: readonly Judgement[],
  notCompared: readonly string[] = [],
): Comparison => ({
  schema: 'pageferry/bench-comparison@1',
  bench: 'dirty-log',
  options: { log: 'bitmap' },
  judgements,
  notCompared,
  before: { commit: 'aaaaaaaaaaaaaa', runs: 5 },
  after: { commit: 'bbbbbbbbbbbbbb', version: '0', runs: 5 },
  isInterleaved: true,
  threshold: 0.05,
  alpha: 0.05,
});
