import { describe, expect, it } from 'vitest';
import { drawHost, HOST_FACTS, liveAndProve, problemsOf } from './random-host.ts';

/** The share of the hosts in which each fact must have come true, or else the suite has tried nothing. */
const LEAST_SHARE = 0.1;

/** Lets random overcommitted hosts live, and proves them: `count` of them, from seed `first` on. */
export function randomHosts(count: number, first = 1): void {
  describe('random overcommitted hosts', () => {
    it('keep every byte of every guest, and records that agree', async () => {
      const seen = new Map<string, number>();
      for (let seed = first; seed < first + count; seed++) {
        const { facts, proof } = await liveAndProve(drawHost(seed)).catch((error: unknown) => {
          throw new Error(`seed ${seed}: ${String(error)}`, { cause: error });
        });
        expect(problemsOf(proof), `seed ${seed}`).toEqual([]);
        for (const fact of facts) seen.set(fact, (seen.get(fact) ?? 0) + 1);
      }
      const shares = HOST_FACTS.map((fact) => [fact, (seen.get(fact) ?? 0) / count] as const);
      const listed = shares.map(([fact, share]) => `${fact} ${(share * 100).toFixed(0)} %`);
      console.log(`${count} hosts from seed ${first} on: ${listed.join(', ')}`);
      for (const [fact, share] of shares) expect(share, fact).toBeGreaterThanOrEqual(LEAST_SHARE);
    }, 900_000);
  });
}

/** Lets hosts live in which bugs have shown that few others notice, and proves them. */
export function rareHosts(seeds: readonly number[]): void {
  it.each(seeds)(
    'a host in which something rare happens is proved as well: seed %i',
    async (seed) => {
      const { proof } = await liveAndProve(drawHost(seed));
      expect(problemsOf(proof)).toEqual([]);
    },
  );
}
