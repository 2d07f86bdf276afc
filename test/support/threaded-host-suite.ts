import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WorkerPool } from '../../src/runtime/threads/pool.ts';
import { problemsOf } from './random-host.ts';
import {
  drawThreadedHost,
  factsOf,
  largeHost,
  liveInThreads,
  THREADED_FACTS,
  THREADS,
} from './threaded-host.ts';

/**
 * The share of the hosts in which each of some facts must have come true, or else the suite has tried nothing. In real time
 * the rarer facts depend on how busy the machine is, so they are only printed; on a virtual clock all of them must come true.
 */
const LEAST_SHARE = 0.1;
const SURE_FACTS: ReadonlySet<string> = new Set(['shared', 'broken', 'swapped in']);

/** Lets random overcommitted hosts live in real time, and proves them: `count`, from seed `first` on. */
export function threadedHosts(
  count: number,
  first: number,
  large: { readonly sizesMiB: readonly number[]; readonly lifeNs: number },
): void {
  describe('overcommitted hosts in real time', () => {
    let pool: WorkerPool;
    beforeAll(() => void (pool = new WorkerPool(THREADS)));
    afterAll(() => pool.destroy());

    it('keep every byte of every guest, and records that agree', async () => {
      const seen = new Map<string, number>();
      for (let seed = first; seed < first + count; seed++) {
        const host = drawThreadedHost(seed);
        const report = await liveInThreads(host, pool).catch((error: unknown) => {
          throw new Error(`seed ${seed}: ${String(error)}`, { cause: error });
        });
        expect(problemsOf(report.proof), `seed ${seed}`).toEqual([]);
        for (const fact of factsOf(report, host)) seen.set(fact, (seen.get(fact) ?? 0) + 1);
      }
      const shares = THREADED_FACTS.map((fact) => [fact, (seen.get(fact) ?? 0) / count] as const);
      const listed = shares.map(([fact, share]) => `${fact} ${(share * 100).toFixed(0)} %`);
      console.log(`${count} hosts in threads from seed ${first} on: ${listed.join(', ')}`);
      for (const [fact, share] of shares) {
        if (SURE_FACTS.has(fact)) expect(share, fact).toBeGreaterThanOrEqual(LEAST_SHARE);
      }
    });

    it(`keep every byte of guests of ${large.sizesMiB.join(', ')} MiB`, async () => {
      const report = await liveInThreads(largeHost(large.sizesMiB, large.lifeNs), pool);
      expect(problemsOf(report.proof)).toEqual([]);
      const { sharing, paging, fences, longestFenceNs } = report;
      console.log(
        `${large.sizesMiB.join(', ')} MiB: ${sharing!.shared} pages shared, ${sharing!.copied} copied, ${paging.swappedOut} swapped out, ${paging.swappedIn} in, ${fences} waits for vCPUs, the longest ${(longestFenceNs / 1e6).toFixed(1)} ms`,
      );
      expect(sharing!.shared).toBeGreaterThan(0);
      expect(sharing!.copied + sharing!.takenOver).toBeGreaterThan(0);
      expect(paging.swappedIn).toBeGreaterThan(0);
    });
  });
}
