import { readFileSync } from 'node:fs';
import type { Outcome } from '../../src/lab/papers/outcome.ts';
import { runExperiment } from '../../src/lab/papers/run.ts';
import { chartSvg } from '../../src/report/chart.ts';
import { paperChart } from '../../src/report/paper.ts';

const read = (file: string): string =>
  readFileSync(new URL(`../../docs/papers/${file}`, import.meta.url), 'utf8');

/** Reads the committed outcome of an experiment, which `npm run papers` has written. */
export const committed = (name: string): Outcome => JSON.parse(read(`${name}.json`)) as Outcome;

export interface Reproduction {
  readonly outcome: unknown;
  readonly figure: string;
}

export const committedReproduction = (name: string): Reproduction => ({
  outcome: committed(name),
  figure: read(`${name}.svg`),
});

/** Runs an experiment of a paper and draws its figure. */
export async function reproduce(name: string): Promise<Reproduction> {
  const outcome = await runExperiment(name);
  return {
    outcome: JSON.parse(JSON.stringify(outcome)),
    figure: chartSvg(paperChart(outcome)),
  };
}
