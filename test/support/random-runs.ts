import fc from 'fast-check';
import { expect } from 'vitest';
import type { RunReport } from '../../src/runtime/report.ts';
import type { WorkerPool } from '../../src/runtime/threads/pool.ts';
import { runThreads } from '../../src/runtime/threads/run.ts';
import type { Kind } from './random-kinds.ts';
import { checkedPages } from './page-record.ts';
import { configOf, type Drawn, outagesOf, scenario } from './random-scenario.ts';

const SEED = Number(process.env['PROPERTY_SEED'] ?? 20260101);

/** After this many times the number of runs, a kind that has not shown enough never will. */
const MOST_ATTEMPTS = 10;

/** Proves one drawn run in worker threads. Returns undefined when the guest's end can't be known. */
async function prove(drawn: Drawn, kind: Kind, pool: WorkerPool): Promise<RunReport | undefined> {
  const config = kind.adapt?.(configOf(drawn)) ?? configOf(drawn);
  const recording = { ...config, migration: { ...config.migration, recordPages: true } };
  const report = await runThreads(recording, { pool, ...kind.options?.() });
  const { source, proof } = report;
  const mayFail = outagesOf(drawn).length > 0;
  // A hybrid that ended as pre-copy may have lost RUN, or RUNNING; then neither side knows who runs the guest.
  if (mayFail && source.guestLost && !source.postcopy) return undefined;
  expect(source.guestLost, source.error).toBe(false);
  const outcomes = ['completed', 'diverged', ...(mayFail ? ['failed'] : [])];
  expect(outcomes, source.error).toContain(source.outcome);
  expect(proof).toMatchObject({ ok: true, differingPages: 0, problems: [] });
  expect(proof!.pagesCompared).toBe(drawn.pages);
  const bytes = source.rounds.reduce((sum, round) => sum + round.bytes, 0);
  expect(bytes).toBe(source.precopyBytes + source.downtimeBytes);
  checkedPages(source, drawn.pages);
  return report;
}

/** How many runs there were, in how many the guest's end is unknown, and how many met each condition. */
export interface Power {
  runs: number;
  unknown: number;
  readonly shown: Readonly<Record<string, number>>;
}

/**
 * Proves `runs` random runs of a kind. It proves more of them, with the next seeds, until each condition
 * of the kind has held in `runs` runs: their configurations force the conditions, but on a busy machine
 * a run may fail to meet one.
 */
export async function proveRandomRuns(kind: Kind, runs: number, pool: WorkerPool): Promise<Power> {
  const shown = Object.fromEntries(Object.keys(kind.shows).map((name) => [name, 0]));
  const power: Power = { runs: 0, unknown: 0, shown };
  const isEnough = (): boolean => Object.values(shown).every((count) => count >= runs);
  for (let attempt = 0; attempt === 0 || (attempt < MOST_ATTEMPTS && !isEnough()); attempt++) {
    await fc.assert(
      fc.asyncProperty(scenario.map(kind.force), async (drawn) => {
        const report = await prove(drawn, kind, pool);
        power.runs++;
        if (!report) power.unknown++;
        for (const [name, isShown] of Object.entries(kind.shows)) {
          if (report && isShown(report)) shown[name]!++;
        }
      }),
      { numRuns: runs, seed: SEED + attempt, endOnFailure: true },
    );
  }
  return power;
}
