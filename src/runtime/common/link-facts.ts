import type { RunConfig } from '../config.ts';
import type { RunReport } from '../report.ts';

/** What closed formulas need to know of a run. */
export function linkFacts({ guest, link, migration }: RunConfig): NonNullable<RunReport['link']> {
  const ranges = guest.workloads
    .filter(({ writes }) => writes > 0)
    .map(({ firstGfn, pages }) => [firstGfn, firstGfn + pages] as const)
    .toSorted(([a], [b]) => a - b);
  let workingSetPages = 0;
  let reached = 0;
  for (const [from, to] of ranges) {
    workingSetPages += Math.max(0, to - Math.max(from, reached));
    reached = Math.max(reached, to);
  }
  return {
    bytesPerSecond: Math.min(link.bytesPerSecond, migration.maxBytesPerSecond),
    downtimeLimitNs: migration.downtimeLimitNs,
    workingSetPages,
  };
}
