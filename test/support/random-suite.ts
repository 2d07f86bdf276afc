import { afterAll, describe, expect, it } from 'vitest';
import { WorkerPool } from '../../src/runtime/threads/pool.ts';
import { KINDS } from './random-kinds.ts';
import { proveRandomRuns } from './random-runs.ts';

/** Declares the tests that play and prove random scenarios: so many runs of each kind, or PROPERTY_RUNS. */
export function randomRunsOfEachKind(runsOfKind: number): void {
  const RUNS = Number(process.env['PROPERTY_RUNS'] ?? runsOfKind);
  describe('random scenarios through worker threads arrive byte-exact', () => {
    const pool = new WorkerPool(6);
    afterAll(() => pool.destroy());

    it.each(Object.keys(KINDS))(`%s, ${RUNS} runs`, async (name) => {
      const { runs, unknown, shown } = await proveRandomRuns(KINDS[name]!, RUNS, pool);
      const counts = Object.entries(shown).map(([what, count]) => `${what} ${count}`);
      console.log(`${name}: ${runs} runs, ${unknown} of unknown end; ${counts.join(', ')}`);
      expect(runs - unknown).toBeGreaterThan(runs / 2);
      // Without these the runs would say nothing.
      for (const [what, count] of Object.entries(shown)) {
        expect(count, what).toBeGreaterThanOrEqual(RUNS);
      }
    });
  });
}
