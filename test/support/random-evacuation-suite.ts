import { describe, expect, it } from 'vitest';
import { runEvacuation } from '../../src/fleet/evacuation/run.ts';
import { drawEvacuation, EVACUATION_FACTS, factsOf, problemsIn } from './random-evacuation.ts';

/** The share of the evacuations in which each fact must have come true, or else the suite has tried nothing. */
const LEAST_SHARE = 0.1;

/** Empties hosts of random guests with pages in common, and proves each: `count` of them, from seed `first` on. */
export function randomEvacuations(count: number, first = 1): void {
  describe('random evacuations of guests with pages in common', () => {
    it('keep every byte of every guest', async () => {
      const seen = new Map<string, number>();
      for (let seed = first; seed < first + count; seed++) {
        const report = await runEvacuation(drawEvacuation(seed)).catch((error: unknown) => {
          throw new Error(`seed ${seed}: ${String(error)}`, { cause: error });
        });
        expect(problemsIn(report), `seed ${seed}`).toEqual([]);
        for (const fact of factsOf(report)) seen.set(fact, (seen.get(fact) ?? 0) + 1);
      }
      const shares = EVACUATION_FACTS.map((fact) => [fact, (seen.get(fact) ?? 0) / count] as const);
      const listed = shares.map(([fact, share]) => `${fact} ${(share * 100).toFixed(0)} %`);
      console.log(`${count} evacuations from seed ${first} on: ${listed.join(', ')}`);
      for (const [fact, share] of shares) expect(share, fact).toBeGreaterThanOrEqual(LEAST_SHARE);
    }, 900_000);
  });
}
