import type { RunConfig } from '../config.ts';
import type { RunReport } from '../report.ts';

/** Returns whether the migration's own rate limit still holds once the guest has stopped. */
function isLimitKept({ strictRate, policy }: RunConfig['migration']): boolean {
  return strictRate || policy === 'clark2005';
}

/** Returns what the closed formulas of migration/models.ts need to know of a run. */
export function linkFacts({ guest, link, migration }: RunConfig): NonNullable<RunReport['link']> {
  const ranges = guest.workloads
    .filter(({ writes }) => writes > 0)
    .map(({ firstGfn, pages }) => [firstGfn, firstGfn + pages] as const)
    .toSorted(([a], [b]) => a - b);
  let workingSetPages = 0;
  let endGfn = 0;
  for (const [from, to] of ranges) {
    workingSetPages += Math.max(0, to - Math.max(from, endGfn));
    endGfn = Math.max(endGfn, to);
  }
  return {
    bytesPerSecond: Math.min(link.bytesPerSecond, migration.maxBytesPerSecond),
    stoppedBytesPerSecond: isLimitKept(migration)
      ? Math.min(link.bytesPerSecond, migration.maxBytesPerSecond)
      : link.bytesPerSecond,
    downtimeLimitNs: migration.downtimeLimitNs,
    workingSetPages,
  };
}
