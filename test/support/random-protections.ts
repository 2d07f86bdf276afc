import { describe, expect, it } from 'vitest';
import { fuzzProtection } from '../../src/lab/fuzz/protections/play.ts';
import type { ProtectReport } from '../../src/runtime/virtual/replication/report.ts';

/** What a tenth of the seeds must show, or else a search has tried nothing. */
const FACTS: Readonly<Record<string, (report: ProtectReport) => boolean>> = {
  'a takeover': ({ takeovers }) => takeovers.length > 0,
  'packets held to the end': ({ packets }) => packets.held > 0,
  'a second protection': ({ pairs }) => pairs.filter(({ epochs }) => epochs.length > 0).length > 1,
  'pages saved before their first write': ({ pairs }) =>
    pairs.some(({ epochs }) => epochs.some(({ savedPages }) => savedPages > 0)),
  'a high-water mark that is passed': ({ pairs }) =>
    pairs.some(({ epochs }) => epochs.some(({ hasPassedMark }) => hasPassedMark)),
  'two guests that run at once': ({ pairs }) =>
    pairs.some(({ epochs }) => epochs.some(({ colo }) => colo)),
  'blocks of a disk': ({ writtenBlocks }) => writtenBlocks > 0,
  'a protection that is dropped': ({ pairs }) => pairs.some(({ end }) => end === 'dropped'),
};

const LEAST_SHARE = 0.1;

/** Plays so many seeds, from `first` on. */
export function randomProtections(count: number, first = 1): void {
  describe('random protections of a guest while hosts and connections die', () => {
    it('lose no byte and no packet that has left, and never run a fenced guest twice', async () => {
      const met = new Map<string, number>();
      for (let seed = first; seed < first + count; seed++) {
        const { wrongs } = await fuzzProtection(seed, (report) => {
          for (const [fact, isMet] of Object.entries(FACTS)) {
            if (isMet(report)) met.set(fact, (met.get(fact) ?? 0) + 1);
          }
        });
        expect(wrongs, `npm run fuzz -- --protections --seed ${seed}`).toEqual([]);
      }
      const shares = Object.keys(FACTS).map(
        (fact) => [fact, (met.get(fact) ?? 0) / count] as const,
      );
      const listed = shares.map(([fact, share]) => `${fact} ${(share * 100).toFixed(0)} %`);
      console.log(`${count} protections from seed ${first} on: ${listed.join(', ')}`);
      for (const [fact, share] of shares) expect(share, fact).toBeGreaterThanOrEqual(LEAST_SHARE);
    }, 900_000);
  });
}
